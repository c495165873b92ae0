package ui

import (
	"image/color"

	"fyne.io/fyne/v2/canvas"
)

// outline is the border of a rectangle, as four thin ones: a large transparent
// rectangle with a stroke costs a shader run for every pixel inside it, which is
// dear where OpenGL is drawn by the processor.
type outline struct {
	sides [4]*canvas.Rectangle
	color color.Color
}

func newOutline(col color.Color) *outline {
	o := &outline{color: col}
	for i := range o.sides {
		o.sides[i] = canvas.NewRectangle(col)
	}
	return o
}

// addTo puts the outline on top of what a box has.
func (o *outline) addTo(b *box) {
	for _, s := range o.sides {
		b.add(s)
	}
}

// place puts the outline, width thick, inside a rectangle.
func (o *outline) place(x, y, w, h, width float32) {
	place(o.sides[0], x, y, w, width)
	place(o.sides[1], x, y+h-width, w, width)
	place(o.sides[2], x, y+width, width, h-2*width)
	place(o.sides[3], x+w-width, y+width, width, h-2*width)
}

// set changes the colour, if it differs.
func (o *outline) set(col color.Color) {
	o.color = col
	for _, s := range o.sides {
		fill(s, col, colNone, 0)
	}
}

func (o *outline) show(visible bool) {
	for _, s := range o.sides {
		show(s, visible)
	}
}
