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

// realWindow shows a fake studio until standard input ends.
func realWindow() error {
	s := aState()
	s.GPU.Software = true
	f := &fakeStudio{}
	f.state.Store(s)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is the message
		stop()
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
	closed := 0
	err := Run(ctx, f, Options{OnClose: func() { closed++ }})
	stop()
	<-painted
	for _, p := range f.opened() {
		if !p.closed.Load() {
			return fmt.Errorf("a view of %+v is still open", p.spec)
		}
	}
	if closed != 1 {
		return fmt.Errorf("OnClose was called %d times", closed)
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
// tally frames, and the window ends in good order when its context does.
func TestRealWindow(t *testing.T) {
	screen := testkit.StartScreen(t, 1366, 768)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), windowEnv+"=1", "DISPLAY="+screen.Display, "LIBGL_ALWAYS_SOFTWARE=1", "LANG=en_GB.UTF-8", "HOME="+t.TempDir())
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last image.Image
	deadline := time.Now().Add(60 * time.Second)
	for {
		if last, err = screen.Picture(); err == nil && framed(last, colProgram, programInk) && framed(last, colPreview, previewInk) {
			break
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill() // Wait below would only say so again
			t.Fatalf("the pictures did not appear in their frames; screen: %s (%v); window: %s", keepPicture(t, last), err, out.String())
		}
		time.Sleep(100 * time.Millisecond)
	}
	start := time.Now()
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.HasSuffix(out.String(), "closed\n") {
		t.Errorf("the window ended with %v: %s", err, out.String())
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("closing took %v", d)
	}
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
