package sources

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"
)

// This file asks an X server what there is to grab: the X Window System Protocol,
// version 11, as far as five requests go. libxcb's own client is inside FFmpeg and
// not to be had from outside.

// x11Timeout bounds a whole conversation with a server.
const x11Timeout = time.Second

// x11Most bounds what is read of one answer.
const x11Most = 1 << 20

// Displays lists the X servers of this machine that this user may grab. The first has
// an empty Path and is this session's, where it has one. Where Wayland runs, X sees
// only the windows of X programs.
func Displays() []Device {
	var out []Device
	session := os.Getenv("DISPLAY")
	if w, h, err := x11Size(session); err == nil {
		out = append(out, Device{Path: "", Name: fmt.Sprintf("This session (%s, %dx%d)", session, w, h)})
	}
	// The pattern is a constant: it cannot be malformed.
	sockets, _ := filepath.Glob("/tmp/.X11-unix/X*")
	sort.Strings(sockets)
	for _, s := range sockets {
		display := ":" + strings.TrimPrefix(filepath.Base(s), "X")
		if w, h, err := x11Size(display); err == nil {
			out = append(out, Device{Path: display, Name: fmt.Sprintf("Display %s, %dx%d", display, w, h)})
		}
	}
	return out
}

// Windows lists the windows with a title on this session's display; Path is for the
// "window" setting.
func Windows() []Device {
	x, err := dialX11(os.Getenv("DISPLAY"))
	if err != nil {
		return nil
	}
	defer x.conn.Close()
	ids, err := x.windows()
	if err != nil {
		return nil
	}
	var out []Device
	for _, id := range ids {
		title, err := x.title(id)
		if err != nil || title == "" {
			continue // closed meanwhile, or no window of a program
		}
		out = append(out, Device{Path: fmt.Sprintf("0x%x", id), Name: title})
	}
	return out
}

func x11Size(display string) (w, h int, err error) {
	x, err := dialX11(display)
	if err != nil {
		return 0, 0, err
	}
	return x.width, x.height, x.conn.Close()
}

// x11 is a conversation with a server about its first screen.
type x11 struct {
	conn          net.Conn
	root          uint32
	width, height int // pixels of the screen
}

// dialX11 connects to a display of this machine, as in ":0" or ":0.0".
func dialX11(display string) (*x11, error) {
	host, number, ok := strings.Cut(display, ":")
	number, _, _ = strings.Cut(number, ".")
	if _, err := strconv.ParseUint(number, 10, 16); !ok || err != nil || host != "" && host != "unix" {
		return nil, fmt.Errorf("screen: %q is no display of this machine", display)
	}
	path := "/tmp/.X11-unix/X" + number
	conn, err := net.DialTimeout("unix", path, x11Timeout)
	if err != nil {
		// Some systems have the name in the abstract namespace alone.
		if conn, err = net.DialTimeout("unix", "@"+path, x11Timeout); err != nil {
			return nil, err
		}
	}
	x := &x11{conn: conn}
	err = conn.SetDeadline(time.Now().Add(x11Timeout))
	if err == nil {
		err = x.setup(x11Cookie(number))
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return x, nil
}

// setup is the connection setup (protocol, section 8).
func (x *x11) setup(cookie []byte) error {
	const method = "MIT-MAGIC-COOKIE-1"
	name := method
	if cookie == nil {
		name = ""
	}
	b := []byte{'l', 0} // least significant byte first
	b = binary.LittleEndian.AppendUint16(b, 11)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(cookie)))
	b = append(b, 0, 0)
	b = append(padded(append(b, name...)), cookie...)
	if _, err := x.conn.Write(padded(b)); err != nil {
		return err
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(x.conn, head); err != nil {
		return err
	}
	body := make([]byte, 4*int(binary.LittleEndian.Uint16(head[6:])))
	if _, err := io.ReadFull(x.conn, body); err != nil {
		return err
	}
	if head[0] != 1 {
		return errors.New("screen: the display refuses this user")
	}
	if len(body) < 32 {
		return io.ErrUnexpectedEOF
	}
	vendor, formats := int(binary.LittleEndian.Uint16(body[16:])), int(body[21])
	at := 32 + (vendor+3)&^3 + 8*formats
	if body[20] == 0 || len(body) < at+24 {
		return errors.New("screen: the display has no screen")
	}
	x.root = binary.LittleEndian.Uint32(body[at:])
	x.width = int(binary.LittleEndian.Uint16(body[at+20:]))
	x.height = int(binary.LittleEndian.Uint16(body[at+22:]))
	return nil
}

// padded brings b to a multiple of four bytes.
func padded(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// ask sends a request (opcode, its small argument, then words) and reads the answer.
func (x *x11) ask(opcode, detail byte, rest []byte) ([]byte, error) {
	rest = padded(rest)
	b := binary.LittleEndian.AppendUint16([]byte{opcode, detail}, uint16(1+len(rest)/4))
	if _, err := x.conn.Write(append(b, rest...)); err != nil {
		return nil, err
	}
	for {
		answer := make([]byte, 32)
		if _, err := io.ReadFull(x.conn, answer); err != nil {
			return nil, err
		}
		switch answer[0] {
		case 0:
			return nil, fmt.Errorf("screen: the display answers request %d with error %d", opcode, answer[1])
		case 1:
			more := int64(binary.LittleEndian.Uint32(answer[4:])) * 4
			if more > x11Most {
				return nil, errors.New("screen: the display's answer is too long")
			}
			tail := make([]byte, more)
			_, err := io.ReadFull(x.conn, tail)
			return append(answer, tail...), err
		}
		// An event that every client gets, such as a new keyboard map.
	}
}

func words(list ...uint32) []byte {
	var b []byte
	for _, w := range list {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// atom is the number of a name (InternAtom).
func (x *x11) atom(name string) (uint32, error) {
	b := binary.LittleEndian.AppendUint16(nil, uint16(len(name)))
	answer, err := x.ask(16, 0, append(append(b, 0, 0), name...))
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(answer[8:]), nil
}

// property reads a window's property (GetProperty), at most 64 KiB of it.
func (x *x11) property(window, property uint32) ([]byte, error) {
	answer, err := x.ask(20, 0, words(window, property, 0, 0, 16<<10))
	if err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(answer[16:])) * int(answer[1]) / 8
	if n > len(answer)-32 {
		return nil, io.ErrUnexpectedEOF
	}
	return answer[32 : 32+n], nil
}

// windows are those that the window manager lists (Extended Window Manager Hints,
// _NET_CLIENT_LIST), or without one all at the top.
func (x *x11) windows() ([]uint32, error) {
	atom, err := x.atom("_NET_CLIENT_LIST")
	if err != nil {
		return nil, err
	}
	list, err := x.property(x.root, atom)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		answer, err := x.ask(15, 0, words(x.root)) // QueryTree
		if err != nil {
			return nil, err
		}
		list = answer[32:]
	}
	var out []uint32
	for ; len(list) >= 4; list = list[4:] {
		out = append(out, binary.LittleEndian.Uint32(list))
	}
	return out, nil
}

// x11WMName is the predefined atom of WM_NAME.
const x11WMName = 39

// title is a window's name as its program gives it.
func (x *x11) title(window uint32) (string, error) {
	atom, err := x.atom("_NET_WM_NAME")
	if err != nil {
		return "", err
	}
	for _, property := range []uint32{atom, x11WMName} {
		text, err := x.property(window, property)
		if err != nil || len(text) > 0 {
			return strings.ToValidUTF8(string(text), "?"), err
		}
	}
	return "", nil
}

// x11Cookie is this user's key to a display, nil for none (Xsecurity(7), the file
// format of libXau).
func x11Cookie(number string) []byte {
	path := os.Getenv("XAUTHORITY")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil
		}
		path = filepath.Join(home, ".Xauthority")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil // displays of one's own often need none
	}
	return cookieIn(raw, number)
}

// cookieIn finds the entry of a display's number: a family of two bytes, then
// address, number, method and key, each after its length in two bytes.
func cookieIn(raw []byte, number string) []byte {
	for len(raw) >= 2 {
		raw = raw[2:]
		var fields [4][]byte
		for i := range fields {
			if len(raw) < 2 {
				return nil
			}
			n := int(binary.BigEndian.Uint16(raw))
			if raw = raw[2:]; n > len(raw) {
				return nil
			}
			fields[i], raw = raw[:n], raw[n:]
		}
		if n := string(fields[1]); (n == number || n == "") && string(fields[2]) == "MIT-MAGIC-COOKIE-1" {
			return fields[3]
		}
	}
	return nil
}
