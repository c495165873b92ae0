package ui

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// soundBoard is the one object under the desk on which everything of it that is flat is
// drawn, meters too. A level that changes is a few hundred pixels of it, and what has not
// changed is not drawn. Of Fyne's goroutine.
type soundBoard struct {
	img   *canvas.Image
	pix   *image.RGBA // nil while nothing is flat
	light bool        // the theme that the ground is drawn in
	next  []boardPiece
	now   []boardPiece // as drawn
	fresh int          // how often it was handed to Fyne
}

// boardPiece is a flat control on the board. The meters of a strip lie over its picture.
type boardPiece struct {
	flat    *flatBox
	meter   *meter // nil of what has none
	reduced *reduction
	at      image.Point // of its upper left corner
	clip    image.Rectangle
	// As drawn:
	pix       *image.RGBA
	level     int
	reduction float32
}

func newSoundBoard() *soundBoard {
	b := &soundBoard{img: newPicture()}
	b.img.Hide()
	return b
}

// pixel is a place where a unit of the window is a pixel, which it is of flat controls.
func pixel(p fyne.Position) image.Point {
	return image.Pt(int(math.Round(float64(p.X))), int(math.Round(float64(p.Y))))
}

// pixels are those of an object.
func pixels(at fyne.Position, size fyne.Size) image.Rectangle {
	return image.Rectangle{Min: pixel(at), Max: pixel(at.AddXY(size.Width, size.Height))}
}

// add has a control drawn by the next compose, if it is flat, where it is to be seen
// through clip.
func (b *soundBoard) add(f *flatBox, m *meter, r *reduction, at fyne.Position, clip image.Rectangle) {
	if f.flat() && f.of.Visible() && pixels(at, f.of.Size()).Overlaps(clip) {
		b.next = append(b.next, boardPiece{flat: f, meter: m, reduced: r, at: pixel(at), clip: clip})
	}
}

// compose draws what was added since the last time, as far as it is not there yet. The
// board is as large as size.
func (b *soundBoard) compose(size fyne.Size) {
	w, h := int(size.Width), int(size.Height)
	next, before := b.next, b.now
	b.next, b.now = before[:0], next
	show(b.img, len(next) > 0)
	if len(next) == 0 {
		b.pix, b.img.Image = nil, nil
		return
	}
	changed := false
	fits := b.pix != nil && b.pix.Rect.Dx() == w && b.pix.Rect.Dy() == h
	if !fits {
		b.pix = image.NewRGBA(image.Rect(0, 0, w, h))
		b.img.Image = b.pix
		place(b.img, 0, 0, float32(w), float32(h)) // not between pixels: it would be stretched
	}
	if light := inLight.Load(); !fits || b.light != light || !inPlace(next, before) {
		b.light = light
		block(b.pix, 0, 0, w, h, colPanel)
		changed, before = true, nil
	}
	for i := range next {
		p := &next[i]
		if before != nil {
			p.pix, p.level, p.reduction = before[i].pix, before[i].level, before[i].reduction
		}
		changed = b.draw(p) || changed
	}
	if changed {
		b.fresh++
		canvas.Refresh(b.img)
	}
}

// inPlace: what is to be drawn is what was there before, where it was.
func inPlace(next, before []boardPiece) bool {
	return slices.EqualFunc(next, before, func(p, q boardPiece) bool {
		return p.flat == q.flat && p.at == q.at && p.clip == q.clip && p.flat.pix.Rect == q.pix.Rect
	})
}

// draw brings a piece to what it shows.
func (b *soundBoard) draw(p *boardPiece) (changed bool) {
	over := p.pix != p.flat.pix
	if over {
		p.pix, changed = p.flat.pix, true
		b.blit(p.pix, p.at, p.clip)
	}
	if p.meter != nil && p.meter.pix != nil && (over || p.level != p.meter.drawn) {
		p.level, changed = p.meter.drawn, true
		b.blit(p.meter.pix, p.at.Add(pixel(p.meter.Position())), p.clip)
	}
	if p.reduced != nil && (over && p.reduced.shown > 0 || p.reduction != p.reduced.shown) {
		p.reduction, changed = p.reduced.shown, true
		r := pixels(p.reduced.Position(), p.reduced.Size()).Add(p.at)
		b.fill(r.Intersect(p.clip), colWell)
		r.Max.Y = r.Min.Y + int(p.reduction)
		b.fill(r.Intersect(p.clip), colFocus)
	}
	return changed
}

// blit puts a picture on the board as far as it is to be seen.
func (b *soundBoard) blit(pix *image.RGBA, at image.Point, clip image.Rectangle) {
	r := pix.Rect.Add(at).Intersect(clip)
	draw.Draw(b.pix, r, pix, r.Min.Sub(at), draw.Src)
}

func (b *soundBoard) fill(r image.Rectangle, ink color.Color) {
	block(b.pix, r.Min.X, r.Min.Y, r.Dx(), r.Dy(), ink)
}
