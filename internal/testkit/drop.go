package testkit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// dropLimit is how long a window may take to answer a drag.
const dropLimit = 20 * time.Second

// Drop drags files over the window that has word in its title and lets them go at a place
// of the screen, in pixels, as a file manager does: by the XDND protocol, version 5
// (freedesktop.org), with their file:// addresses. It returns when the window says that it
// has taken them; when it will not, the test fails.
func (s *Screen) Drop(word string, x, y int, files ...string) {
	s.t.Helper()
	first, _, _ := strings.Cut(s.do("search", "--name", word), "\n")
	id, err := strconv.ParseUint(first, 10, 32)
	if err != nil {
		s.t.Fatalf("there is no window %q: %v", word, err)
	}
	var list strings.Builder
	for _, f := range files {
		list.WriteString((&url.URL{Scheme: "file", Path: f}).String() + "\r\n") // RFC 2483, clause 5
	}
	c, err := dialX(s.Display)
	if err != nil {
		s.t.Fatalf("the X server: %v", err)
	}
	defer c.conn.Close()
	if err := c.drop(uint32(id), x, y, list.String()); err != nil {
		s.t.Fatalf("dropping %v on %q: %v", files, word, err)
	}
}

// xClient speaks the little of the X protocol, version 11, that a drag needs: what there
// is for it in Debian is either a whole desktop or a library of another language.
type xClient struct {
	conn net.Conn
	// window is the client's own, not mapped; events for it are what drop waits for.
	window uint32
	atoms  map[string]uint32
}

// Codes of requests and events (X Window System Protocol, appendix B).
const (
	xCreateWindow      = 1
	xInternAtom        = 16
	xChangeProperty    = 18
	xSetSelectionOwner = 22
	xSendEvent         = 25

	xReply            = 1
	xSelectionRequest = 30
	xSelectionNotify  = 31
	xClientMessage    = 33
)

var le = binary.LittleEndian

// dialX connects to a display of this machine, which must not ask for a cookie.
func dialX(display string) (*xClient, error) {
	conn, err := net.Dial("unix", "/tmp/.X11-unix/X"+strings.TrimPrefix(display, ":"))
	if err != nil {
		return nil, err
	}
	c := &xClient{conn: conn, atoms: map[string]uint32{}}
	if err := errors.Join(conn.SetDeadline(time.Now().Add(dropLimit)), c.setup()); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// setup opens the connection and makes the window.
func (c *xClient) setup() error {
	if _, err := c.conn.Write([]byte{'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		return err
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(c.conn, head); err != nil {
		return err
	}
	body := make([]byte, 4*int(le.Uint16(head[6:])))
	if _, err := io.ReadFull(c.conn, body); err != nil {
		return err
	}
	if head[0] != 1 || len(body) < 32 {
		return fmt.Errorf("it refuses the connection: %q", body)
	}
	c.window = le.Uint32(body[4:]) | 1
	screen := 32 + (int(le.Uint16(body[16:]))+3)&^3 + 8*int(body[21])
	if len(body) < screen+4 {
		return fmt.Errorf("its greeting has %d bytes", len(body))
	}
	const here, size = uint32(0), uint32(1 | 1<<16)
	return c.request(xCreateWindow, 0, c.window, le.Uint32(body[screen:]), here, size, 0, 0, 0)
}

// request sends a request of whole words.
func (c *xClient) request(code, detail byte, words ...uint32) error {
	b := []byte{code, detail, 0, 0}
	le.PutUint16(b[2:], uint16(1+len(words)))
	for _, w := range words {
		b = le.AppendUint32(b, w)
	}
	_, err := c.conn.Write(b)
	return err
}

// read is the next message of the server, 32 bytes; those longer are never asked for.
func (c *xClient) read() ([]byte, error) {
	b := make([]byte, 32)
	if _, err := io.ReadFull(c.conn, b); err != nil {
		return nil, err
	}
	if b[0] == 0 {
		return nil, fmt.Errorf("the server says error %d to request %d", b[1], b[10])
	}
	b[0] &^= 0x80 // sent by another client
	return b, nil
}

// padded is text as whole words.
func padded(text string) []uint32 {
	b := append([]byte(text), 0, 0, 0)
	words := make([]uint32, len(b)/4)
	for i := range words {
		words[i] = le.Uint32(b[4*i:])
	}
	return words
}

// atom is the number of a name.
func (c *xClient) atom(name string) (uint32, error) {
	if v, ok := c.atoms[name]; ok {
		return v, nil
	}
	if err := c.request(xInternAtom, 0, append([]uint32{uint32(len(name))}, padded(name)...)...); err != nil {
		return 0, err
	}
	b, err := c.read()
	if err != nil {
		return 0, err
	}
	if b[0] != xReply {
		return 0, fmt.Errorf("the server answers with message %d, not with the atom of %s", b[0], name)
	}
	c.atoms[name] = le.Uint32(b[8:])
	return c.atoms[name], nil
}

// tell sends a client message to a window.
func (c *xClient) tell(window uint32, message string, data ...uint32) error {
	event := append([]uint32{xClientMessage | 32<<8, window, c.atoms[message]}, data...)
	return c.request(xSendEvent, 0, append([]uint32{window, 0}, event...)...)
}

// await reads until the window sends message and returns its five words; a request for
// what is dragged is answered meanwhile.
func (c *xClient) await(message, content string) ([5]uint32, error) {
	var data [5]uint32
	for {
		b, err := c.read()
		if err != nil {
			return data, fmt.Errorf("waiting for %s: %w", message, err)
		}
		switch {
		case b[0] == xSelectionRequest:
			if err := c.give(b, content); err != nil {
				return data, err
			}
		case b[0] == xClientMessage && le.Uint32(b[8:]) == c.atoms[message]:
			for i := range data {
				data[i] = le.Uint32(b[12+4*i:])
			}
			return data, nil
		}
	}
}

// give answers a SelectionRequest.
func (c *xClient) give(ask []byte, content string) error {
	at, requestor, selection, target, property := le.Uint32(ask[4:]), le.Uint32(ask[12:]), le.Uint32(ask[16:]), le.Uint32(ask[20:]), le.Uint32(ask[24:])
	err := c.request(xChangeProperty, 0, append([]uint32{requestor, property, target, 8, uint32(len(content))}, padded(content)...)...)
	return errors.Join(err, c.request(xSendEvent, 0, requestor, 0, xSelectionNotify, at, requestor, selection, target, property, 0, 0))
}

// drop drags content over a window and lets it go.
func (c *xClient) drop(target uint32, x, y int, content string) error {
	for _, name := range []string{"XdndEnter", "XdndPosition", "XdndStatus", "XdndDrop", "XdndFinished", "XdndSelection", "XdndActionCopy", "text/uri-list"} {
		if _, err := c.atom(name); err != nil {
			return err
		}
	}
	const version, now = 5 << 24, 0
	place := uint32(x)<<16 | uint32(y)
	if err := errors.Join(
		c.request(xSetSelectionOwner, 0, c.window, c.atoms["XdndSelection"], now),
		c.tell(target, "XdndEnter", c.window, version, c.atoms["text/uri-list"], 0, 0),
		c.tell(target, "XdndPosition", c.window, 0, place, now, c.atoms["XdndActionCopy"]),
	); err != nil {
		return err
	}
	if status, err := c.await("XdndStatus", content); err != nil {
		return err
	} else if status[1]&1 == 0 {
		return errors.New("the window does not want it")
	}
	if err := c.tell(target, "XdndDrop", c.window, 0, now, 0, 0); err != nil {
		return err
	}
	if done, err := c.await("XdndFinished", content); err != nil {
		return err
	} else if done[1] == 0 { // bit 0 by the protocol; GLFW 3.3 puts the number of bytes there
		return errors.New("the window has not taken it")
	}
	return nil
}
