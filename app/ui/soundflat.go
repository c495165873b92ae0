package ui

import (
	"hash/fnv"
	"image"
	"image/color"
	"image/draw"
	"io"
	"math"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Where OpenGL is drawn by the processor, a repaint of the window costs by the number of
// its objects, changed or not: 12 strips have 200. What is not under the hand is therefore
// drawn into a picture here, and only when something in it has changed; the pictures of all
// strips, with their meters, are one object (soundBoard). Controls stay where they are for
// the pointer and the keyboard, without anything to draw.

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

// flatBox is the picture of a control at rest: of all its objects but meters, which soundBoard
// draws, and those that stay apart.
type flatBox struct {
	of     *box
	pix    *image.RGBA // nil while the control is drawn by its parts
	setter *typesetter
	key    uint64 // of what is drawn
	images *int   // how often the images among the objects were drawn; nil: there are none
	boxes  []*box
	apart  []fyne.CanvasObject // drawn by Fyne in any case
	shown  []fyne.CanvasObject // the control's objects while it is flat
}

// nothing is what a control has to draw that is part of a picture.
var nothing = []fyne.CanvasObject{}

// inner is the box of a control that a picture has in it; nil for others.
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

// level is the box of a meter; nil for others.
func level(o fyne.CanvasObject) *box {
	switch v := o.(type) {
	case *meter:
		return &v.box
	case *reduction:
		return &v.box
	}
	return nil
}

func newFlatBox(of *box, setter *typesetter, images *int, apart ...fyne.CanvasObject) *flatBox {
	f := &flatBox{of: of, setter: setter, images: images, apart: apart}
	for _, o := range of.objects {
		b := inner(o)
		if b == nil {
			b = level(o)
		}
		switch {
		case b != nil:
			f.boxes = append(f.boxes, b)
			f.shown = append(f.shown, o)
		case slices.Contains(apart, o):
			f.shown = append(f.shown, o)
		}
	}
	return f
}

// held reports whether the hand or the keyboard is at one of the controls.
func (f *flatBox) held() bool {
	for _, o := range f.of.objects {
		switch v := o.(type) {
		case *button:
			if v.hovered || v.focused {
				return true
			}
		case *valueBox:
			if v.hovered || v.focused || v.editing() {
				return true
			}
		case *fader:
			if v.grabbed || v.focused {
				return true
			}
		}
	}
	return false
}

// parts calls do with what is part of the picture, in order, and where it is.
func (f *flatBox) parts(do func(o fyne.CanvasObject, at fyne.Position)) {
	for _, o := range f.of.objects {
		if !o.Visible() || level(o) != nil || slices.Contains(f.apart, o) {
			continue
		}
		b := inner(o)
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

// flatten makes the control one picture, if it may be and nothing is in the way, or lets it
// be drawn by its parts; after each change of the state.
func (f *flatBox) flatten(may bool) {
	size := f.of.Size()
	w, h := int(size.Width), int(size.Height)
	flat := may && w >= 60 && h >= 40 && f.of.Visible() && !f.held() && f.paint(w, h)
	if flat != (f.of.flat != nil) {
		f.apply(flat)
	}
}

// flat reports whether the control is a picture.
func (f *flatBox) flat() bool { return f.of.flat != nil }

func (f *flatBox) apply(on bool) {
	f.of.flat = nil
	if on {
		f.of.flat = f.shown
	}
	for _, b := range f.boxes {
		b.flat = nil
		if on {
			b.flat = nothing
		}
	}
	if !on { // what changed meanwhile was drawn elsewhere
		for _, o := range f.of.objects {
			switch v := o.(type) {
			case *meter:
				canvas.Refresh(v.img)
			case *reduction:
				v.draw()
			}
		}
	}
	canvas.Refresh(f.of.outer)
}

// paint brings the picture to the control, if it has changed; false when it cannot show it.
func (f *flatBox) paint(w, h int) bool {
	key := f.keyOf(w, h)
	if key == f.key {
		return f.pix != nil
	}
	f.key = key
	pix := image.NewRGBA(image.Rect(0, 0, w, h))
	ok := true
	f.parts(func(o fyne.CanvasObject, at fyne.Position) { ok = ok && f.part(pix, o, at) })
	f.pix = nil
	if ok {
		f.pix = pix
	}
	return ok
}

func (f *flatBox) part(pix *image.RGBA, o fyne.CanvasObject, at fyne.Position) bool {
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

// keyOf tells what the control looks like from what it looked like before.
func (f *flatBox) keyOf(w, h int) uint64 {
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
	f.parts(func(o fyne.CanvasObject, at fyne.Position) {
		size := o.Size()
		add(int(at.X*8), int(at.Y*8), int(size.Width*8), int(size.Height*8))
		switch v := o.(type) {
		case *canvas.Image:
			if f.images != nil {
				add(*f.images)
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
