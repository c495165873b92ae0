package sources

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// openWindow is another program on a display: it opens a window with that title until the
// test ends, and returns the window's id.
func openWindow(t testing.TB, display, title string) uint32 {
	t.Helper()
	conn, err := net.Dial("unix", "/tmp/.X11-unix/X"+display[1:])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write([]byte{'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil || head[0] != 1 {
		t.Fatalf("the display refuses: %v", err)
	}
	body := make([]byte, 4*int(binary.LittleEndian.Uint16(head[6:])))
	if _, err := io.ReadFull(conn, body); err != nil {
		t.Fatal(err)
	}
	id := binary.LittleEndian.Uint32(body[4:]) | 1
	at := 32 + (int(binary.LittleEndian.Uint16(body[16:]))+3)&^3 + 8*int(body[21])
	x := &x11{conn: conn, root: binary.LittleEndian.Uint32(body[at:])}
	send := func(opcode, detail byte, rest []byte) {
		rest = padded(rest)
		b := binary.LittleEndian.AppendUint16([]byte{opcode, detail}, uint16(1+len(rest)/4))
		if _, err := conn.Write(append(b, rest...)); err != nil {
			t.Fatal(err)
		}
	}
	send(1, 0, words(id, x.root, 0, 200<<16|320, 1<<16, 0, 0))                     // CreateWindow, 320x200
	send(18, 0, append(words(id, x11WMName, 31, 8, uint32(len(title))), title...)) // ChangeProperty, type STRING
	if _, err := x.property(id, x11WMName); err != nil {                           // all before it is done now
		t.Fatal(err)
	}
	return id
}

func TestDisplaysAndWindows(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { displaysAndWindows(a) })
}

func displaysAndWindows(t testing.TB) {
	display := xvfb(t)
	t.Setenv("DISPLAY", display+".0")
	t.Setenv("XAUTHORITY", filepath.Join(t.TempDir(), "none"))
	list := Displays()
	if len(list) < 2 || list[0].Path != "" || list[0].Name != "This session ("+display+".0, 800x600)" {
		t.Fatalf("displays: %v", list)
	}
	if !slices.Contains(list, Device{Path: display, Name: "Display " + display + ", 800x600"}) {
		t.Errorf("%s is not among %v", display, list)
	}
	if got := Windows(); len(got) != 0 {
		t.Errorf("windows of an empty display: %v", got)
	}
	id := openWindow(t, display, "Slides: page 3")
	want := Device{Path: fmt.Sprintf("0x%x", id), Name: "Slides: page 3"}
	if got := Windows(); len(got) != 1 || got[0] != want {
		t.Errorf("windows: %v; want %v", got, want)
	}
	for _, display := range []string{"", ":", ":60999", "elsewhere:0", ":x", "/tmp/x:0"} {
		t.Setenv("DISPLAY", display)
		if got := Windows(); got != nil {
			t.Errorf("DISPLAY=%q has windows %v", display, got)
		}
	}
}

func TestCookieIn(t *testing.T) {
	entry := func(fields ...string) []byte {
		b := []byte{1, 0}
		for _, f := range fields {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(f))), f...)
		}
		return b
	}
	file := slices.Concat(
		entry("host", "0", "XDM-AUTHORIZATION-1", "no"),
		entry("host", "1", "MIT-MAGIC-COOKIE-1", "one"),
		entry("", "", "MIT-MAGIC-COOKIE-1", "any"),
	)
	for number, want := range map[string]string{"0": "any", "1": "one", "7": "any"} {
		if got := string(cookieIn(file, number)); got != want {
			t.Errorf("display %s: %q; want %q", number, got, want)
		}
	}
	for n := range len(file) {
		cookieIn(file[:n], "9") // a file cut short is no reason to fall over
	}
	t.Setenv("XAUTHORITY", filepath.Join(t.TempDir(), "auth"))
	if err := os.WriteFile(os.Getenv("XAUTHORITY"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := string(x11Cookie("1")); got != "one" {
		t.Errorf("from the file: %q", got)
	}
}
