package ui

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
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

// TestBoardDrawsWhatChanged: a level that moves changes pixels of its meter alone, a state
// that says the same changes none and hands nothing to Fyne, and what the board shows is
// what each strip and meter would.
func TestBoardDrawsWhatChanged(t *testing.T) {
	b := newBench(t, softly())
	b.show(softly())
	p := b.keys.audio
	board, fresh := p.board, p.board.fresh
	before := slices.Clone(board.pix.Pix)
	b.show(softly())
	if board.fresh != fresh {
		t.Error("the same state was drawn again")
	}
	s := softly()
	s.Sources[1].Meter.PeakDB, s.Sources[1].Meter.HoldDB = [2]float64{-6, -12}, [2]float64{-3, -12}
	s.Sources[1].ReductionDB = 7
	s.Buses[0].Loudness.Correlation = 0.5 // its needle is Fyne's
	b.show(s)
	if board.fresh != fresh+1 {
		t.Errorf("handed to Fyne %d times for one state, want once", board.fresh-fresh)
	}
	a := p.strips[1]
	at := a.Position().Add(p.scroll.Position()).Subtract(p.scroll.Offset)
	own := pixels(at.Add(a.meter.Position()), a.meter.Size()).Union(pixels(at.Add(a.reduced.Position()), a.reduced.Size()))
	changed := 0
	for i := 0; i < len(before); i += 4 {
		if slices.Equal(before[i:i+4], board.pix.Pix[i:i+4]) {
			continue
		}
		changed++
		if at := image.Pt(i%board.pix.Stride/4, i/board.pix.Stride); !at.In(own) {
			t.Fatalf("the pixel at %v has changed, which is not of the meters in %v", at, own)
		}
	}
	if changed < 200 {
		t.Errorf("%d pixels have changed", changed)
	}
	for _, a := range append(slices.Clone(p.strips), p.master) {
		at := pixel(a.Position())
		if a.source != "" {
			at = at.Add(pixel(p.scroll.Position()))
		}
		meter := image.NewRGBA(a.meter.pix.Rect)
		draw.Draw(meter, meter.Rect, board.pix, at.Add(pixel(a.meter.Position())), draw.Src)
		if !slices.Equal(meter.Pix, a.meter.pix.Pix) {
			t.Errorf("the meter of %q on the board is not what it shows", a.name.caption.full)
		}
	}
}

// TestBoardScrolls: the board shows the strips that are in sight where they are, and none
// beside the space that they have.
func TestBoardScrolls(t *testing.T) {
	s := softly()
	for i := range 24 {
		v := s.Sources[1]
		v.ID, v.Name = fmt.Sprint("more", i), fmt.Sprint("More ", i)
		v.Meter.PeakDB = [2]float64{-float64(2 * i), -float64(2 * i)}
		s.Sources = append(s.Sources, v)
	}
	b := newBench(t, s)
	b.show(s)
	p := b.keys.audio
	for _, x := range []float32{0, 300, 1111} {
		p.scroll.ScrollToOffset(fyne.NewPos(x, 0))
		p.scroll.OnScrolled(p.scroll.Offset) // as the wheel has it
		if p.scroll.Offset.X != x {
			t.Fatalf("scrolled to %v, not to %v", p.scroll.Offset.X, x)
		}
		b.show(s)
		view := pixels(p.scroll.Position(), p.scroll.Size())
		whole := 0
		for _, a := range p.strips {
			if !a.Visible() {
				continue
			}
			at := pixels(a.Position().Add(p.scroll.Position()).Subtract(p.scroll.Offset), a.Size())
			if !at.In(view) {
				continue
			}
			whole++
			shown := image.NewRGBA(a.flat.pix.Rect)
			draw.Draw(shown, shown.Rect, p.board.pix, at.Min, draw.Src)
			want := image.NewRGBA(a.flat.pix.Rect)
			draw.Draw(want, want.Rect, a.flat.pix, image.Point{}, draw.Src)
			draw.Draw(want, a.meter.pix.Rect.Add(pixel(a.meter.Position())), a.meter.pix, image.Point{}, draw.Src)
			if !slices.Equal(shown.Pix, want.Pix) {
				t.Errorf("scrolled to %v: %s is not where it is shown", x, a.name.caption.full)
			}
		}
		if whole < 3 {
			t.Errorf("scrolled to %v: %d strips are in sight", x, whole)
		}
		// Between the strips and the master there is a gap.
		if got, want := p.board.pix.RGBAAt(view.Max.X+1, view.Min.Y+40), color.RGBAModel.Convert(colPanel); got != want {
			t.Errorf("scrolled to %v: beside the strips the board is %v, want %v", x, got, want)
		}
	}
}

// TestBoardFollowsTheLayout: after a change of the layout the picture of the mixer is within
// it before the next state comes.
func TestBoardFollowsTheLayout(t *testing.T) {
	b := newBench(t, softly())
	p := b.keys.audio
	b.show(softly())
	if !p.board.img.Visible() {
		t.Fatal("nothing is flat")
	}
	before := p.Size()
	b.place.bar.ask("Are you sure?", answer{caption: "Yes", do: func() {}})
	if p.Size().Height >= before.Height {
		t.Fatalf("the question left the mixer %v high, it was %v", p.Size().Height, before.Height)
	}
	if got := p.board.img.Size(); got.Height > p.Size().Height || p.board.pix.Rect.Dy() > int(p.Size().Height) {
		t.Errorf("the picture is %v in a mixer of %v", got, p.Size())
	}
	for i, piece := range p.board.now {
		if r := piece.pix.Rect.Add(piece.at); r.Max.Y > int(p.Size().Height) || piece.flat.pix != piece.pix {
			t.Errorf("piece %d stands at %v in a mixer of %v", i, r, p.Size())
		}
	}
}
