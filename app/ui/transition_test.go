package ui

import (
	"testing"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
)

func TestRateIsTyped(t *testing.T) {
	ntsc := media.NewRational(30000, 1001)
	for _, c := range []struct {
		text string
		fps  media.Rational
		want int
		ok   bool
	}{
		{"9", ntsc, 9, true},
		{"1:05", ntsc, 35, true},
		{" 0:09 ", ntsc, 9, true},
		{"2:00", media.NewRational(25, 1), 50, true},
		{"250", ntsc, 250, true},
		{"251", ntsc, 0, false},
		{"9:00", ntsc, 0, false}, // 270 frames
		{"0", ntsc, 0, false},
		{"", ntsc, 0, false},
		{":", ntsc, 0, false},
		{"1:2:3", ntsc, 0, false},
		{"-4", ntsc, 0, false},
		{"99999999999999999999", ntsc, 0, false},
	} {
		got, ok := parseFrames(c.text, c.fps)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %d, %v, want %d, %v", c.text, got, ok, c.want, c.ok)
		}
	}

	b := newBench(t, aState())
	r := b.keys.transition.rate
	typeIn := func(text string, last fyne.KeyName) {
		b.canvas.Focus(r)
		for _, c := range text {
			r.TypedRune(c)
		}
		r.KeyDown(&fyne.KeyEvent{Name: last})
	}
	typeIn("1:1x0", fyne.KeyReturn)
	wantSent(t, b, &engine.SetTransition{Frames: 40})
	if b.canvas.Focused() != nil {
		t.Error("Enter left the keyboard with the rate")
	}
	typeIn("88", fyne.KeyEscape)
	wantSent(t, b)
	typeIn("999", fyne.KeyReturn)
	wantSent(t, b)
	if got, _ := b.takeNotice(); got == "" {
		t.Error("a length that is none was refused without a word")
	}
	b.canvas.Focus(r)
	r.KeyDown(&fyne.KeyEvent{Name: fyne.Key2})
	wantSent(t, b) // a digit is no preview while it is typed
	r.KeyDown(&fyne.KeyEvent{Name: fyne.KeySpace})
	wantSent(t, b)
	r.TypedKey(&fyne.KeyEvent{Name: fyne.KeyUp})
	wantSent(t, b, &engine.SetTransition{Frames: 41})
	press(b.keys.transition.cut)
	if b.canvas.Focused() != nil {
		t.Error("a press elsewhere left the keyboard with the rate")
	}
}

func TestFadeRate(t *testing.T) {
	b := newBench(t, aState())
	r := b.keys.transition.fadeRate
	wantLabel(t, "rate of FTB", r.text, "1:00")
	b.canvas.Focus(r)
	r.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, -1)})
	wantSent(t, b, &engine.SetFadeRate{Frames: 29})
}

func TestNextTransition(t *testing.T) {
	s := aState()
	s.Next = engine.Next{Background: true}
	b := newBench(t, s)
	p := b.keys.transition
	wantColor(t, "BKGD", p.back.back.FillColor, colLit)
	press(p.back)
	b.desk.tie("lower")
	wantSent(t, b, &engine.SetNext{Background: ptr(false)}, &engine.SetNext{Overlays: &[]string{"lower"}})
	s.Next = engine.Next{Overlays: []string{"lower"}}
	b.show(s)
	wantColor(t, "BKGD", p.back.back.FillColor, colControl)
	wantLabel(t, "KEYS", p.keys.caption, "KEYS 1")
	b.desk.tie("lower")
	wantSent(t, b, &engine.SetNext{Overlays: &[]string{}})
}

func TestWipeAndDipAreSetInTheDrawer(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	p := b.keys.transition
	press(p.options)
	d := p.drawer
	if !d.Visible() {
		t.Fatal("the drawer did not open")
	}
	press(d.directions[2])
	d.softness.set(0.333)
	wantSent(t, b, &engine.SetTransition{Direction: "up"}, &engine.SetTransition{Softness: ptr(0.33)})
	for _, c := range []struct {
		text string
		good bool
	}{{"#12345", false}, {"#1234567", false}, {"red", false}, {"#12345g", false}, {"+12345", false}, {"#ffeedd", true}} {
		b.enter(d.color, c.text)
		if c.good {
			wantSent(t, b, &engine.SetTransition{Color: c.text})
		} else {
			wantSent(t, b)
			if d.color.Text != s.Show.Transition.Color {
				t.Errorf("after %q the field says %q, want the show's colour", c.text, d.color.Text)
			}
		}
	}
	press(p.options)
	if d.Visible() {
		t.Error("the drawer stays open")
	}
	press(p.options)
	b.keys.down(fyne.KeyEscape, 0)
	if d.Visible() {
		t.Error("Escape leaves the drawer open")
	}
}
