package testkit

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Screen is a virtual X display of the test's own; it ends with the test. Xvfb and, for
// the keyboard and the pointer, xdotool are needed.
type Screen struct {
	// Display is for the environment: ":12".
	Display string

	t testing.TB
	// grab reads what the screen shows.
	grab func() (image.Image, error)
}

// StartScreen opens a display of a size in pixels. It does not begin anew when its last
// client leaves, which may be a look at it: the next would be refused meanwhile.
func StartScreen(t testing.TB, width, height int) *Screen {
	t.Helper()
	dir := t.TempDir()
	s := startX(t, "Xvfb", "-screen", "0", fmt.Sprintf("%dx%dx24", width, height), "-fbdir", dir, "-noreset")
	s.grab = func() (image.Image, error) { return readXWD(filepath.Join(dir, "Xvfb_screen0")) }
	return s
}

// startX starts an X server that says which display it has.
func startX(t testing.TB, name string, args ...string) *Screen {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x := exec.Command(Program(t, name), append(args, "-displayfd", "3", "-nolisten", "tcp")...)
	x.ExtraFiles = []*os.File{w}
	if err := x.Start(); err != nil {
		t.Fatalf("%s does not start: %v", name, err)
	}
	w.Close()
	t.Cleanup(func() {
		_ = x.Process.Kill() // it may have gone by itself
		_ = x.Wait()         // it says that it was killed
	})
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("%s did not start: %v", name, err)
	}
	return &Screen{Display: ":" + strings.TrimSpace(number), t: t}
}

// Picture is what the screen shows now.
func (s *Screen) Picture() (image.Image, error) { return s.grab() }

// Save writes what the screen shows to a PNG file.
func (s *Screen) Save(path string) {
	s.t.Helper()
	img, err := s.Picture()
	if err != nil {
		s.t.Errorf("the screen: %v", err)
		return
	}
	f, err := os.Create(path)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		s.t.Error(err)
	}
}

// do runs xdotool.
func (s *Screen) do(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), Program(s.t, "xdotool"), args...)
	cmd.Env = append(os.Environ(), "DISPLAY="+s.Display)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("xdotool %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Point moves the pointer, in pixels.
func (s *Screen) Point(x, y int) { s.do("mousemove", strconv.Itoa(x), strconv.Itoa(y)) }

// Click presses the first button at a place.
func (s *Screen) Click(x, y int) {
	s.Point(x, y)
	time.Sleep(60 * time.Millisecond) // the window looks at the pointer 60 times a second
	s.do("click", "1")
}

// Drag moves the pointer from one place to another in steps with the button held.
func (s *Screen) Drag(x0, y0, x1, y1, steps int, pause time.Duration) {
	s.Point(x0, y0)
	s.do("mousedown", "1")
	for i := 1; i <= steps; i++ {
		time.Sleep(pause)
		s.Point(x0+(x1-x0)*i/steps, y0+(y1-y0)*i/steps)
	}
	time.Sleep(pause)
	s.do("mouseup", "1")
}

// Key presses keys one after the other, by their X names: "ctrl+k", "Return".
func (s *Screen) Key(keys ...string) {
	for _, k := range keys {
		s.do("key", k)
		time.Sleep(60 * time.Millisecond)
	}
}

// Hold presses a key, and lets go of it after do.
func (s *Screen) Hold(key string, do func()) {
	s.do("keydown", key)
	time.Sleep(60 * time.Millisecond)
	do()
	s.do("keyup", key)
}

// Focus gives the keyboard to the window with that word in its title, or with "" to the
// window that is under the pointer, as it is before any has asked for it.
func (s *Screen) Focus(word string) {
	if word == "" {
		s.do("search", "--maxdepth", "0", "", "windowfocus")
		return
	}
	s.do("search", "--name", word, "windowfocus")
}

// Type types a text.
func (s *Screen) Type(text string) { s.do("type", "--delay", "20", text) }

// Title is the title of the window with that word in it; empty when there is none.
func (s *Screen) Title(word string) string {
	cmd := exec.CommandContext(s.t.Context(), Program(s.t, "xdotool"), "search", "--name", word, "getwindowname")
	cmd.Env = append(os.Environ(), "DISPLAY="+s.Display)
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return first
}

// readXWD reads a 32 bits per pixel X window dump (XWDFile.h, version 7).
func readXWD(path string) (image.Image, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(b) < 100 {
		return nil, fmt.Errorf("%s is too short", path)
	}
	field := func(i int) int { return int(binary.BigEndian.Uint32(b[4*i:])) }
	header, width, height, bits, stride, colours := field(0), field(4), field(5), field(11), field(12), field(19)
	at := header + colours*12
	if bits != 32 || len(b) < at+stride*height {
		return nil, fmt.Errorf("%s: %d bits per pixel, %d bytes", path, bits, len(b))
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			p := b[at+y*stride+x*4:]
			img.SetRGBA(x, y, color.RGBA{p[2], p[1], p[0], 0xff})
		}
	}
	return img, nil
}
