package ui

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

func wantLabel(t *testing.T, what string, l *label, text string) {
	t.Helper()
	if l.full != text {
		t.Errorf("%s says %q, want %q", what, l.full, text)
	}
}

func wantColor(t *testing.T, what string, got, want color.Color) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestMonitors(t *testing.T) {
	b := newBench(t, aState())
	preview, program := b.monitors[0], b.monitors[1]
	wantLabel(t, "preview", preview.name, "Close")
	wantLabel(t, "programme", program.name, "Wide")
	wantColor(t, "preview's frame", preview.frame.color, colPreview)
	wantColor(t, "programme's frame", program.frame.color, colProgram)
	wantLabel(t, "badge off air", program.badgeText, "")

	s := aState()
	s.Live, s.Destinations[0].Started = true, true
	s.Destinations[0].Report.State = outputs.Sending
	b.show(s)
	wantLabel(t, "badge before anything was acknowledged", program.badgeText, "CONNECTING")
	wantColor(t, "badge before anything was acknowledged", program.badge.FillColor, colAmber)
	s = aState()
	s.Live, s.Destinations[0].Started = true, true
	s.Destinations[0].Report.State = outputs.Confirmed
	b.show(s)
	wantLabel(t, "badge", program.badgeText, "ON AIR")
	wantColor(t, "badge", program.badge.FillColor, colProgram)

	s.Black = 1
	b.show(s)
	wantColor(t, "programme's frame at black", program.frame.color, colOff)
	s.Black, s.Preview = 0, ""
	s.Transition.Progress = 0.5
	b.show(s)
	wantLabel(t, "programme in a transition", program.name, "Wide  to  Black")
	wantColor(t, "preview's frame with nothing on it", preview.frame.color, colOff)
}

func TestTransitionPanel(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	p := b.keys.transition
	wantLabel(t, "rate", p.rate.text, "0:09")
	wantColor(t, "MIX", p.kind[0].back.FillColor, colLit)
	wantColor(t, "DIP", p.kind[1].back.FillColor, colControl)
	wantColor(t, "AUTO at rest", p.auto.back.FillColor, colControl)

	s.Transition = engine.TransitionState{Mode: engine.Auto, Lever: 0.3, Progress: 0.3, FramesLeft: 6}
	b.show(s)
	wantLabel(t, "AUTO running", p.auto.caption, "AUTO 0:06")
	wantColor(t, "AUTO running", p.auto.back.FillColor, colProgram)
	if p.tbar.value != 0.3 {
		t.Errorf("T-bar at %v, want the state's 0.3", p.tbar.value)
	}
	s.Transition.Mode = engine.Manual
	b.show(s)
	wantColor(t, "AUTO halted", p.auto.back.FillColor, colAmber)

	s.FadedOut, s.Black = true, 0.4
	b.show(s)
	wantLabel(t, "FTB on its way", p.ftb.caption, "FADING")
	if got := p.ftb.caption.Text.Text; got != "FADING" {
		t.Errorf("FTB on its way is cut off: %q", got)
	}
	s.Black = 1
	b.show(s)
	wantLabel(t, "FTB", p.ftb.caption, "BLACK")
	if got := p.ftb.caption.Text.Text; got != "BLACK" {
		t.Errorf("FTB is cut off: %q", got)
	}
	wantColor(t, "FTB", p.ftb.back.FillColor, colProgram)
}

func TestBankTallyAndTrouble(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	cells := b.keys.bank.cells
	if len(cells) != 2 {
		t.Fatalf("%d cells, want the show's 2 scenes", len(cells))
	}
	wantLabel(t, "number", cells[1].number, "2")
	wantLabel(t, "name", cells[1].name, "Close")
	wantLabel(t, "mark of programme", cells[0].mark, "PGM")
	wantColor(t, "border of programme", cells[0].frame.FillColor, colProgram)
	wantLabel(t, "mark of preview", cells[1].mark, "PVW")
	wantColor(t, "border of preview", cells[1].frame.FillColor, colPreview)

	for status, want := range map[engine.SourceStatus]string{
		engine.SourceRunning: "", engine.SourceHeld: "HELD", engine.SourceLost: "LOST",
		engine.SourceWaiting: "WAITING", engine.SourceFailed: "FAILED", engine.SourceOpening: "OPENING", engine.SourceEnded: "ENDED",
	} {
		s.Sources[1].Status = status
		b.show(s)
		wantLabel(t, "badge of a scene whose camera is "+status.String(), cells[1].badgeText, want)
		wantLabel(t, "badge of the other scene", cells[0].badgeText, "")
	}
	delete(s.Tally, "one")
	b.show(s)
	wantLabel(t, "mark of nothing", cells[0].mark, "")
	wantColor(t, "border of nothing", cells[0].frame.FillColor, colControl)
}

func TestBankFollowsTheShow(t *testing.T) {
	b := newBench(t, aState())
	s := aState()
	s.Show.Scenes = s.Show.Scenes[:1]
	b.show(s)
	if n := len(b.keys.bank.cells); n != 1 {
		t.Errorf("%d cells after a scene went, want 1", n)
	}
	s = aState()
	s.Show.Scenes = nil
	b.show(s)
	wantLabel(t, "first cell of a show without scenes", b.keys.bank.cells[0].name, "Camera 1")
	s = aState()
	s.Show.Overlays[0].On = true
	b.show(s)
	o := b.keys.bank.overlays.buttons[0]
	wantLabel(t, "overlay", o.caption, "Lower third  ON")
	wantColor(t, "overlay", o.back.FillColor, colProgram)
}

// Overlays for which there is no room are a press away, and one of them that is on is seen.
func TestOverlaysForWhichThereIsNoRoom(t *testing.T) {
	const count, lit = 10, 7
	s := aState()
	s.Show.Overlays = nil
	for i := range count {
		s.Show.Overlays = append(s.Show.Overlays, scenes.Overlay{ID: fmt.Sprint("o", i), Name: fmt.Sprint("Lower third ", i), On: i == lit})
	}
	b := newBench(t, s)
	for _, c := range []struct {
		width float32
		turns int // presses until all have been seen
	}{{2000, 0}, {760, 3}, {240, 9}, {60, 9}} {
		r := newOverlayRow(b.desk)
		r.Resize(fyne.NewSize(c.width, headerHeight))
		r.update(s)
		seen := map[int]bool{}
		turns := 0
		for ; ; turns++ {
			hidden := count
			for i, o := range r.buttons {
				if !o.Visible() {
					continue
				}
				hidden--
				seen[i] = true
				if right := o.Position().X + o.Size().Width; c.width > 200 && right > c.width {
					t.Errorf("%v wide: %q ends at %v", c.width, o.caption.full, right)
				}
			}
			if r.more.Visible() != (hidden > 0) {
				t.Errorf("%v wide: %d are not seen, and that is said: %v", c.width, hidden, r.more.Visible())
			}
			want, ground := fmt.Sprintf("%d more", hidden), color.Color(colControl)
			if !r.buttons[lit].Visible() {
				want, ground = want+"  ON", colProgram
			}
			wantLabel(t, "the others", r.more.caption, want)
			wantColor(t, "the others", r.more.back.FillColor, ground)
			if len(seen) == count || turns > count {
				break
			}
			press(r.more)
		}
		if len(seen) != count || turns > c.turns {
			t.Errorf("%v wide: %d of %d were seen after %d presses, want all after at most %d", c.width, len(seen), count, turns, c.turns)
		}
		if turns == 0 {
			continue
		}
		press(r.more)
		if !r.buttons[0].Visible() {
			t.Errorf("%v wide: the first does not come after the last", c.width)
		}
		off := *s
		off.Show = aShow()
		off.Show.Overlays = slices.Clone(s.Show.Overlays)
		off.Show.Overlays[lit].On = false
		r.update(&off)
		wantColor(t, "none is on", r.more.back.FillColor, colControl)
	}
}

func TestMixerShowsTheState(t *testing.T) {
	s := aState()
	s.Sources[0].Strip.GainDB, s.Sources[0].Strip.Pan = -6, -0.5
	s.Sources[1].HasAudio = false
	s.Master.Muted = true
	b := newBench(t, s)
	p := b.keys.audio
	if len(p.strips) != 1 {
		t.Fatalf("%d strips, want 1: the other source has no sound", len(p.strips))
	}
	wantLabel(t, "gain", p.strips[0].gain.caption, "-6.0 dB")
	wantLabel(t, "pan", p.strips[0].panText, "L50")
	wantLabel(t, "master's mute", p.master.mute.caption, "MUTED")
	if got, want := p.strips[0].fader.value, faderPlace(-6); got != want {
		t.Errorf("fader at %v, want %v", got, want)
	}
}

func TestMeterZones(t *testing.T) {
	b := newBench(t, aState())
	m := b.keys.audio.master.meter
	h := float32(m.img.Size().Height) - clipHeight
	silent := math.Inf(-1)
	rows := func(x int, col color.Color) (n float32) {
		r, g, bl, a := col.RGBA()
		for y := int(clipHeight); y < m.pix.Rect.Dy(); y++ {
			if r2, g2, b2, a2 := m.pix.At(x, y).RGBA(); r2 == r && g2 == g && b2 == bl && a2 == a {
				n++
			}
		}
		return n
	}
	near := func(what string, got, want float32) {
		t.Helper()
		if d := got - want; d < -1.5 || d > 1.5 {
			t.Errorf("%s is %v high, want %v", what, got, want)
		}
	}
	m.set(engine.Meter{PeakDB: [2]float64{-14, silent}, HoldDB: [2]float64{-5, silent}, Clipped: true})
	near("green", rows(1, colMeterLow), h*40/60)
	near("yellow at -14", rows(1, colMeterMid), h*6/60)
	near("red at -14: the hold line", rows(1, colMeterHigh), 2)
	right := m.pix.Rect.Dx() - 2
	near("silence", rows(right, colWell), h)
	wantPixel(t, "clip lamp", m.pix.At(1, 1), colMeterHigh)
	m.set(engine.Meter{PeakDB: [2]float64{-3, -50}, HoldDB: [2]float64{-3, -15}})
	near("red at -3", rows(1, colMeterHigh), h*6/60)
	near("hold at -15", rows(right, colMeterMid), 2)
	wantPixel(t, "clip lamp after a reset", m.pix.At(1, 1), colControl)
	before := m.pix.Pix[len(m.pix.Pix)-1]
	m.pix.Pix[len(m.pix.Pix)-1] = 7
	m.set(engine.Meter{PeakDB: [2]float64{-3, -50.01}, HoldDB: [2]float64{-3, -15}})
	if m.pix.Pix[len(m.pix.Pix)-1] != 7 {
		t.Error("drawn anew though no pixel changed")
	}
	m.pix.Pix[len(m.pix.Pix)-1] = before
}

func wantPixel(t *testing.T, what string, got, want color.Color) {
	t.Helper()
	if color.RGBAModel.Convert(got) != color.RGBAModel.Convert(want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestProblemsAreSentences(t *testing.T) {
	for _, c := range [][2]string{
		{"rtmp: the stream key is missing", "The stream key is missing."},
		{"network: av: open srt://127.0.0.1:9: input/output error", "Open srt://127.0.0.1:9: input/output error."},
		{"the clip is over", "The clip is over."},
		{"a.json cannot be opened:\n$.canvas: too wide\n$.name: is empty", "A.json cannot be opened: $.canvas: too wide; $.name: is empty."},
		{"credentials: the keyring is locked; unlock it!", "The keyring is locked; unlock it!"},
	} {
		if got := said(errors.New(c[0])); got != c[1] {
			t.Errorf("%q: %q, want %q", c[0], got, c[1])
		}
	}
}

func TestTexts(t *testing.T) {
	for _, c := range []struct {
		frames int
		fps    media.Rational
		want   string
	}{
		{9, media.NewRational(30, 1), "0:09"}, {35, media.NewRational(30, 1), "1:05"},
		{60, media.NewRational(60000, 1001), "1:00"}, {24, media.NewRational(25, 1), "0:24"}, {250, media.NewRational(120, 1), "2:010"},
	} {
		if got := framesText(c.frames, c.fps); got != c.want {
			t.Errorf("%d frames at %v: %q, want %q", c.frames, c.fps, got, c.want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0:00", 61 * time.Second: "1:01", 3661 * time.Second: "1:01:01"} {
		if got := clockText(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	for g, want := range map[float64]string{-96: "-inf", 0: "0.0", -0.01: "0.0", 6: "+6.0", -12.5: "-12.5"} {
		if got := gainText(g); got != want {
			t.Errorf("%v dB: %q, want %q", g, got, want)
		}
	}
	for text, want := range map[string]string{
		"rtmp: the key was refused": "Rtmp: the key was refused.",
		"übertragung has stopped":   "Übertragung has stopped.",
		"Камера has stopped":        "Камера has stopped.",
		"カメラ has stopped":           "カメラ has stopped.",
		"🎥 has stopped!":            "🎥 has stopped!",
	} {
		if got := sentence(text); got != want {
			t.Errorf("sentence(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestFaderLaw(t *testing.T) {
	if g := faderGain(unityAt); g != 0 {
		t.Errorf("the unity mark is %v dB", g)
	}
	if g := faderGain(0); g != silenceDB {
		t.Errorf("the bottom is %v dB", g)
	}
	last := math.Inf(-1)
	for i := range 1001 {
		at := float64(i) / 1000
		g := faderGain(at)
		if g <= last {
			t.Fatalf("at %v the gain %v is not above %v", at, g, last)
		}
		last = g
		if back := faderPlace(g); math.Abs(back-at) > 1e-9 {
			t.Fatalf("faderPlace(faderGain(%v)) = %v", at, back)
		}
	}
	if faderPlace(24) != 1 {
		t.Error("a gain above the fader is not at its top")
	}
}

// An update comes thirty times a second; one that changes nothing must be cheap.
func TestQuietUpdateIsCheap(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	if n := testing.AllocsPerRun(50, func() { b.show(s) }); n > 40 {
		t.Errorf("an update that changes nothing allocates %v times", n)
	}
}
