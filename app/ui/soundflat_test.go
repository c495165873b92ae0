package ui

import (
	"image"
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/driver/software"

	"crosspoint.studio/crosspoint/app/engine"
)

// softly is soundState where the processor draws OpenGL.
func softly() *engine.State {
	s := soundState()
	s.GPU.Software = true
	return s
}

// TestFlatStripLooksLikeItsParts: drawn by Fyne, a strip that is one picture and one that is
// drawn by its parts are alike but for the edges of letters.
func TestFlatStripLooksLikeItsParts(t *testing.T) {
	hand := softly()
	hand.GPU.Software = false
	b := newBench(t, hand)
	c := software.NewCanvas()
	c.SetPadded(false)
	c.SetContent(b.content)
	c.Resize(fyne.NewSize(1366, 728))
	a := b.keys.audio.strips[0]
	crop := func() image.Image {
		at := fyne.CurrentApp().Driver().AbsolutePositionForObject(a)
		r := image.Rect(int(at.X), int(at.Y), int(at.X+a.Size().Width), int(at.Y+a.Size().Height))
		return c.Capture().(*image.NRGBA).SubImage(r)
	}
	b.show(hand)
	parts := crop()
	b.show(softly())
	if a.box.flat == nil {
		t.Fatal("the strip is not flat")
	}
	flat := crop()
	sum, far, n := 0.0, 0, 0
	r := parts.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			p, _, _, _ := parts.At(x, y).RGBA()
			q, _, _, _ := flat.At(x, y).RGBA()
			d := math.Abs(float64(p>>8) - float64(q>>8))
			sum += d
			n++
			if d > 80 {
				far++
			}
		}
	}
	// Its parts may stand between pixels, which in the picture they do not.
	if n < 5000 || sum/float64(n) > 6 || far > n/25 {
		t.Errorf("of %d pixels %d are far off, the mean is %.1f of 255", n, far, sum/float64(n))
	}
}

// TestFlatStripFollows: it is drawn anew when something in it changes, and only then; under
// the hand and with the keyboard at it, it is drawn by its parts.
func TestFlatStripFollows(t *testing.T) {
	b := newBench(t, softly())
	b.show(softly()) // what was laid out meanwhile
	a := b.keys.audio.strips[0]
	drawn := a.flat.pix
	if a.box.flat == nil || drawn == nil || len(a.mute.box.flat) != 0 || a.mute.box.flat == nil {
		t.Fatal("the strip is not flat")
	}
	s := softly()
	s.Sources[0].Meter.PeakDB = [2]float64{-6, -6}
	b.show(s)
	if a.flat.pix != drawn {
		t.Error("a level made a new picture")
	}
	for what, change := range map[string]func(v *engine.SourceState){
		"mute": func(v *engine.SourceState) { v.Strip.Muted = true },
		"gain": func(v *engine.SourceState) { v.Strip.GainDB = -12 },
		"pan":  func(v *engine.SourceState) { v.Strip.Pan = -0.5 },
		"solo": func(v *engine.SourceState) { v.Solo = "afl" },
		"name": func(v *engine.SourceState) { v.Name = "Other" },
	} {
		b.show(softly())
		before := a.flat.pix
		s := softly()
		change(&s.Sources[0])
		b.show(s)
		if a.flat.pix == before || a.box.flat == nil {
			t.Errorf("%s: no new picture", what)
		}
	}
	b.show(softly())
	a.mute.MouseIn(&desktop.MouseEvent{})
	b.show(softly())
	if a.box.flat != nil || a.mute.box.flat != nil || a.fader.box.flat != nil {
		t.Error("under the pointer it is still a picture")
	}
	a.mute.MouseOut()
	b.show(softly())
	if a.box.flat == nil {
		t.Error("it stays in parts when the pointer has gone")
	}
	b.canvas.Focus(a.fader)
	b.show(softly())
	if a.box.flat != nil {
		t.Error("with the keyboard at it, it is still a picture")
	}
	b.canvas.Unfocus()
	hard := softly()
	hard.GPU.Software = false
	b.show(hard)
	if a.box.flat != nil {
		t.Error("with a graphics processor it is a picture")
	}
}
