package ui

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
)

// windowEnv makes the test binary a program that opens the real window: Fyne wants
// the main goroutine, which tests do not have.
const windowEnv = "CROSSPOINT_UI_TEST_WINDOW"

func TestMain(m *testing.M) {
	if os.Getenv(windowEnv) != "" {
		if err := realWindow(); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		fmt.Println("closed")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Colours of the pictures in the real window.
var (
	programInk = color.RGBA{0x20, 0x40, 0xc0, 0xff}
	previewInk = color.RGBA{0xc0, 0x90, 0x20, 0xff}
)

// realWindow shows a fake studio until standard input ends. What it read there is how many
// commands the studio gets before that; it prints them.
func realWindow() error {
	s := aState()
	s.GPU.Software = true
	f := &fakeStudio{}
	f.state.Store(s)
	ctx, stop := context.WithCancel(context.Background())
	ending := make(chan time.Time, 1) // when the end was wished for
	go func() {
		defer stop()
		defer func() { ending <- time.Now() }()
		said, _ := io.ReadAll(os.Stdin)    // its end is the message
		n, _ := strconv.Atoi(string(said)) // nothing is none
		testkit.Within(30*time.Second, func() bool { return len(f.done()) >= n })
	}()
	painted := make(chan struct{})
	go func() {
		defer close(painted)
		tick := time.NewTicker(time.Second / 15)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			next := *f.state.Load()
			next.Tick++
			f.state.Store(&next)
			for _, p := range f.opened() {
				ink := previewInk
				if p.spec.Bus == engine.ViewProgram {
					ink = programInk
				}
				p.latest.Put(solid(p.spec.Width, p.spec.Height, ink))
			}
		}
	}()
	err := Run(ctx, f, Options{Services: buildServices()})
	stop()
	<-painted
	took := time.Duration(0)
	select {
	case at := <-ending:
		took = time.Since(at)
	default: // it ended by itself, which the test sees
	}
	if commands := f.done(); len(commands) > 0 {
		fmt.Println(commandsText(commands))
	}
	for _, p := range f.opened() {
		if !p.closed.Load() {
			return fmt.Errorf("a view of %+v is still open", p.spec)
		}
	}
	if took > 5*time.Second {
		return fmt.Errorf("closing took %v", took)
	}
	return err
}

func solid(w, h int, ink color.RGBA) *media.Frame {
	data := make([]byte, w*h*4)
	for i := 0; i < len(data); i += 4 {
		data[i], data[i+1], data[i+2], data[i+3] = ink.R, ink.G, ink.B, ink.A
	}
	return media.NewFrame(media.RGBA, w, h, [3]media.Plane{{Data: data, Stride: w * 4}}, nil)
}

// The real window, drawn by OpenGL on a virtual screen: both pictures stand in their
// tally frames, files that a file manager drops become sources, and the window ends in good
// order when its context does.
func TestRealWindow(t *testing.T) {
	screen := testkit.StartScreen(t, 1366, 768)
	w := openRealWindow(t, screen)
	w.awaitPictures()
	screen.Drop("Crosspoint", 250, 200, "/v/Opening Film.MP4", "/v/Tölpel #1, 50%.png") // over the preview
	screen.Drop("Crosspoint", 700, 600, "/v/walk-in.mov")
	w.expect(4)
	w.close()
	for _, want := range []string{`"path":"/v/Opening Film.MP4"`, `"path":"/v/Tölpel #1, 50%.png"`, `"path":"/v/walk-in.mov"`, "*engine.SetLayers"} {
		if !strings.Contains(w.out.String(), want) {
			t.Errorf("files were dropped, and the studio was not told %s: %s", want, w.out.String())
		}
	}
}

// Alt opens the menus, and Alt that is held while the keyboard goes elsewhere, as for Alt+Tab,
// does not; a menu that is open shuts then.
func TestMenusShutWhenTheKeyboardGoes(t *testing.T) {
	screen := testkit.StartScreen(t, 1366, 768)
	w := openRealWindow(t, screen)
	w.awaitPictures()
	screen.Point(1365, 767) // beside the window
	screen.Focus("Crosspoint")
	screen.Key("alt")
	w.await("Alt opens no menu", func(img image.Image) bool { return !framed(img, colPreview, previewInk) }) // it lies over its edge
	screen.Focus("")
	w.awaitPictures()
	screen.Focus("Crosspoint")
	screen.Hold("alt", func() { screen.Focus("") })
	screen.Focus("Crosspoint")
	w.expect(1)
	screen.Key("b") // a menu that is open has the keyboard
	w.close()
	if got := w.out.String(); !strings.Contains(got, "*engine.FadeToBlack") {
		t.Errorf("after Alt and a change of the window, B was not the desk's: %s", got)
	}
}

// openWindow is the real window before a fake studio, in a process of its own.
type openWindow struct {
	t      *testing.T
	screen *testkit.Screen
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	out    strings.Builder // may be read once the process has ended
}

func openRealWindow(t *testing.T, screen *testkit.Screen) *openWindow {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &openWindow{t: t, screen: screen, cmd: exec.CommandContext(t.Context(), exe)}
	w.cmd.Env = append(os.Environ(), windowEnv+"=1", "DISPLAY="+screen.Display, "LIBGL_ALWAYS_SOFTWARE=1", "LANG=en_GB.UTF-8", "HOME="+t.TempDir())
	w.cmd.Stdout, w.cmd.Stderr = &w.out, &w.out
	w.cmd.WaitDelay = 5 * time.Second
	if w.stdin, err = w.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return w
}

// await waits until the screen looks so.
func (w *openWindow) await(what string, ok func(image.Image) bool) {
	w.t.Helper()
	var last image.Image
	if !testkit.Within(60*time.Second, func() bool {
		img, err := w.screen.Picture()
		if err == nil {
			last = img
		}
		return err == nil && ok(img)
	}) {
		_ = w.cmd.Process.Kill() // Wait would only say so again
		_ = w.cmd.Wait()
		w.t.Fatalf("%s; screen: %s; window: %s", what, keepPicture(w.t, last), w.out.String())
	}
}

func (w *openWindow) awaitPictures() {
	w.t.Helper()
	w.await("the pictures did not appear in their frames", func(img image.Image) bool {
		return framed(img, colProgram, programInk) && framed(img, colPreview, previewInk)
	})
}

// expect has the process end only after the studio has got n commands.
func (w *openWindow) expect(n int) {
	w.t.Helper()
	if _, err := fmt.Fprint(w.stdin, n); err != nil {
		w.t.Fatal(err)
	}
}

// close ends the process as the end of the program does.
func (w *openWindow) close() {
	w.t.Helper()
	if err := w.stdin.Close(); err != nil {
		w.t.Fatal(err)
	}
	if err := w.cmd.Wait(); err != nil || !strings.HasSuffix(w.out.String(), "closed\n") {
		w.t.Errorf("the window ended with %v: %s", err, w.out.String())
	}
}

// The programme fills the second display and leaves the window alone; Escape ends it. It
// goes with its display and comes back with it.
func TestProjectorOnTheSecondDisplay(t *testing.T) {
	const width, height = 1366, 768
	screen := testkit.StartDisplays(t, width, height)
	w := openRealWindow(t, screen.Screen)
	w.awaitPictures()
	filled := func(img image.Image) bool {
		for y := 0; y < height; y += height - 1 {
			for x := width; x < 2*width; x += width / 5 {
				if !same(img.At(x, y), programInk) {
					return false
				}
			}
		}
		return true
	}
	gone := func(img image.Image) bool { return !same(img.At(width+width/2, height/2), programInk) }
	whole := func(img image.Image) bool {
		return framed(img, colProgram, programInk) && framed(img, colPreview, previewInk)
	}
	// A title that cannot be asked for is empty too, so that of the window has to be there.
	open := func() bool { return screen.Title("full screen") != "" }
	closed := func() bool { return screen.Title("Crosspoint") != "" && !open() && screen.Title("Crosspoint") != "" }
	// Without a window manager nobody has the keyboard for a moment now and then, so a key is
	// pressed again for as long as it is of use.
	await := func(key string, useful func() bool, what string, ok func(image.Image) bool) {
		t.Helper()
		var pressed time.Time
		w.await(what, func(img image.Image) bool {
			if time.Since(pressed) > 5*time.Second && useful() {
				screen.Key(key)
				pressed = time.Now()
				return false // the picture is from before
			}
			return ok(img) && whole(img)
		})
	}
	await("ctrl+F11", closed, "the programme does not fill the second display beside the window", filled)
	await("Escape", open, "Escape does not end the projector", gone)
	await("ctrl+F11", closed, "the programme does not fill the second display again", filled)
	screen.Plug(false)
	testkit.Eventually(t, 20*time.Second, "the projector stays without its display", closed)
	screen.Plug(true)
	w.await("the projector does not come back with its display", func(img image.Image) bool { return filled(img) && whole(img) })
	w.close()
}

// framed reports whether somewhere in the upper picture row a frame's edge is followed
// by the picture.
func framed(img image.Image, frame color.Color, ink color.RGBA) bool {
	const row = 200
	edge := 0
	for x := range img.Bounds().Dx() {
		switch {
		case same(img.At(x, row), frame):
			edge++
		case edge >= int(tallyEdge) && same(img.At(x, row), ink):
			return true
		default:
			edge = 0
		}
	}
	return false
}

func same(a, b color.Color) bool {
	r, g, bl, _ := a.RGBA()
	r2, g2, bl2, _ := b.RGBA()
	near := func(x, y uint32) bool { return max(x, y)-min(x, y) <= 0x300 }
	return near(r, r2) && near(g, g2) && near(bl, bl2)
}

// keepPicture leaves a failing screen behind and names the file.
func keepPicture(t *testing.T, img image.Image) string {
	t.Helper()
	if img == nil {
		return "none"
	}
	f, err := os.CreateTemp("", "crosspoint-window-*.png")
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		return err.Error()
	}
	return f.Name()
}
