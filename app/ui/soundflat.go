package ui

import (
	"hash/fnv"
	"image"
	"image/color"
	"image/draw"
	"io"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Where OpenGL is drawn by the processor, a repaint of the window costs by the number of
// its objects, changed or not: 12 strips have 200. A strip that is not under the hand is
// therefore drawn as one picture, which is made here and only when something in it has
// changed; its meters, which change all the time, lie over it. Its controls stay where they
// are for the pointer and the keyboard, without anything to draw.

// typesetter draws lines of text as Fyne does, with the fonts of its theme.
type typesetter struct {
	faces map[typeface]font.Face // nil where there is none
}

type typeface struct {
	size float32
	bold bool
}

func newTypesetter() *typesetter { return &typesetter{faces: map[typeface]font.Face{}} }

func (t *typesetter) face(size float32, bold bool) font.Face {
	key := typeface{size, bold}
	f, ok := t.faces[key]
	if !ok {
		raw := fyne.CurrentApp().Settings().Theme().Font(fyne.TextStyle{Bold: bold})
		if parsed, err := opentype.Parse(raw.Content()); err == nil {
			// Without a face the strip is drawn by its parts.
			f, _ = opentype.NewFace(parsed, &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingNone})
		}
		t.faces[key] = f
	}
	return f
}

// draw writes text into a picture with its upper left corner at x, y; false when the font
// does not have it.
func (t *typesetter) draw(pix draw.Image, text string, x, y int, size float32, bold bool, ink color.Color) bool {
	face := t.face(size, bold)
	if face == nil {
		return false
	}
	for _, r := range text {
		if _, ok := face.GlyphAdvance(r); !ok {
			return false
		}
	}
	d := font.Drawer{Dst: pix, Src: image.NewUniform(ink), Face: face, Dot: fixed.P(x, y+face.Metrics().Ascent.Ceil())}
	d.DrawString(text)
	return true
}

// flatStrip is the picture of a strip at rest.
type flatStrip struct {
	img    *canvas.Image
	pix    *image.RGBA
	setter *typesetter
	key    uint64 // of what is drawn
	boxes  []*box
	shown  []fyne.CanvasObject // the strip's objects while it is flat
}

// nothing is what a control has to draw that is part of a picture.
var nothing = []fyne.CanvasObject{}

// inner is the box of a control that a strip's picture has in it; nil for others.
func inner(o fyne.CanvasObject) *box {
	switch v := o.(type) {
	case *valueBox:
		return &v.box
	case *button:
		return &v.box
	case *fader:
		return &v.box
	}
	return nil
}

func newFlatStrip(a *audioStrip, setter *typesetter) *flatStrip {
	f := &flatStrip{img: newPicture(), setter: setter}
	f.shown = append(f.shown, f.img)
	for _, o := range a.objects {
		if b := inner(o); b != nil {
			f.boxes = append(f.boxes, b)
			f.shown = append(f.shown, o)
		} else if _, ok := o.(fyne.Widget); ok {
			f.shown = append(f.shown, o)
		}
	}
	return f
}

// touched reports whether the hand or the keyboard is at one of the strip's controls.
func (a *audioStrip) touched() bool {
	for _, b := range []*button{a.name, a.mute, a.solo, a.follow} {
		if b != nil && (b.hovered || b.focused) {
			return true
		}
	}
	for _, v := range []*valueBox{a.gain, a.trim} {
		if v != nil && (v.hovered || v.focused || v.editing()) {
			return true
		}
	}
	for _, f := range []*fader{a.fader, a.pan} {
		if f != nil && (f.grabbed || f.focused) {
			return true
		}
	}
	return false
}

// parts calls do with what of the strip is part of its picture, in order, and where it is.
func (a *audioStrip) parts(do func(o fyne.CanvasObject, at fyne.Position)) {
	for _, o := range a.objects {
		if !o.Visible() {
			continue
		}
		b := inner(o)
		if _, ok := o.(fyne.Widget); ok && b == nil {
			continue // a meter
		}
		if b == nil {
			do(o, o.Position())
			continue
		}
		for _, part := range b.objects {
			if part.Visible() {
				do(part, o.Position().Add(part.Position()))
			}
		}
	}
}

// flatten draws the strip as one picture, if it may be and nothing is in the way, or by its
// parts; after each change of the state.
func (a *audioStrip) flatten(may bool) {
	f := a.flat
	size := a.Size()
	w, h := int(size.Width), int(size.Height)
	if !may || a.touched() || w < 60 || h < 40 || !f.paint(a, w, h) {
		if a.box.flat != nil {
			f.apply(a, false)
		}
		return
	}
	if a.box.flat == nil {
		f.apply(a, true)
	}
}

func (f *flatStrip) apply(a *audioStrip, on bool) {
	a.box.flat = nil
	if on {
		a.box.flat = f.shown
	}
	for _, b := range f.boxes {
		b.flat = nil
		if on {
			b.flat = nothing
		}
	}
	canvas.Refresh(a)
}

// paint brings the picture to the strip, if it has changed; false when it cannot show it.
func (f *flatStrip) paint(a *audioStrip, w, h int) bool {
	key := f.keyOf(a, w, h)
	if key == f.key {
		return f.pix != nil
	}
	f.key = key
	pix := image.NewRGBA(image.Rect(0, 0, w, h))
	ok := true
	a.parts(func(o fyne.CanvasObject, at fyne.Position) { ok = ok && f.part(pix, o, at) })
	if !ok {
		f.pix = nil
		return false
	}
	f.pix = pix
	f.img.Image = pix
	place(f.img, 0, 0, float32(w), float32(h))
	canvas.Refresh(f.img)
	return true
}

func (f *flatStrip) part(pix *image.RGBA, o fyne.CanvasObject, at fyne.Position) bool {
	x, y := int(math.Round(float64(at.X))), int(math.Round(float64(at.Y)))
	switch v := o.(type) {
	case *canvas.Image:
		if v.Image == nil {
			return false
		}
		draw.Draw(pix, v.Image.Bounds().Add(image.Pt(x, y)), v.Image, image.Point{}, draw.Over)
		return true
	case *canvas.Rectangle:
		if v.StrokeWidth > 0 {
			return false
		}
		right, bottom := int(math.Round(float64(at.X+v.Size().Width))), int(math.Round(float64(at.Y+v.Size().Height)))
		roundBlock(pix, image.Rect(x, y, right, bottom), float64(v.CornerRadius), v.FillColor)
		return true
	case *canvas.Text:
		if v.Text == "" {
			return true
		}
		least := v.MinSize()
		left := at.X
		switch v.Alignment {
		case fyne.TextAlignTrailing:
			left += v.Size().Width - least.Width
		case fyne.TextAlignCenter:
			left += (v.Size().Width - least.Width) / 2
		}
		top := at.Y + max(v.Size().Height-least.Height, 0)/2
		return f.setter.draw(pix, v.Text, int(math.Round(float64(left))), int(math.Round(float64(top))), v.TextSize, v.TextStyle.Bold, v.Color)
	}
	return false
}

// keyOf tells what the strip looks like from what it looked like before.
func (f *flatStrip) keyOf(a *audioStrip, w, h int) uint64 {
	sum := fnv.New64a()
	var b [16]byte
	add := func(values ...int) {
		for _, v := range values {
			for i := range 4 {
				b[i] = byte(v >> (8 * i))
			}
			_, _ = sum.Write(b[:4]) // a hash never fails
		}
	}
	ink := func(c color.Color) {
		if c == nil {
			add(-1)
			return
		}
		r, g, bl, al := c.RGBA()
		add(int(r), int(g), int(bl), int(al))
	}
	add(w, h)
	a.parts(func(o fyne.CanvasObject, at fyne.Position) {
		size := o.Size()
		add(int(at.X*8), int(at.Y*8), int(size.Width*8), int(size.Height*8))
		switch v := o.(type) {
		case *canvas.Image:
			if pix, ok := v.Image.(*image.RGBA); ok && len(pix.Pix) > 0 {
				add(a.grounds)
			}
		case *canvas.Rectangle:
			ink(v.FillColor)
			add(int(v.StrokeWidth*8), int(v.CornerRadius*8))
		case *canvas.Text:
			_, _ = io.WriteString(sum, v.Text) // as above
			ink(v.Color)
			add(int(v.TextSize*8), int(v.Alignment))
		}
	})
	return sum.Sum64()
}

// roundBlock fills a rectangle with round corners, whose edges are smooth.
func roundBlock(pix *image.RGBA, r image.Rectangle, radius float64, ink color.Color) {
	if ink == nil || r.Empty() {
		return
	}
	src := image.NewUniform(ink)
	n := int(math.Ceil(min(radius, float64(min(r.Dx(), r.Dy()))/2)))
	draw.Draw(pix, image.Rect(r.Min.X, r.Min.Y+n, r.Max.X, r.Max.Y-n), src, image.Point{}, draw.Over)
	for i := range n {
		for _, y := range [2]int{r.Min.Y + i, r.Max.Y - 1 - i} {
			draw.Draw(pix, image.Rect(r.Min.X+n, y, r.Max.X-n, y+1), src, image.Point{}, draw.Over)
			for k := range n {
				// How much of the pixel the corner's circle covers, by its middle's distance.
				d := math.Hypot(radius-float64(k)-0.5, radius-float64(i)-0.5)
				mask := image.NewUniform(color.Alpha{A: uint8(255 * min(max(radius-d+0.5, 0), 1))})
				for _, x := range [2]int{r.Min.X + k, r.Max.X - 1 - k} {
					draw.DrawMask(pix, image.Rect(x, y, x+1, y+1), src, image.Point{}, mask, image.Point{}, draw.Over)
				}
			}
		}
	}
}
