package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// shape is what a lamp looks like besides its colour.
type shape uint8

const (
	shapeRing     shape = iota + 1 // nothing going on
	shapeDisc                      // well
	shapeTriangle                  // attention
	shapeSquare                    // stopped by a failure
)

// lamp is a small sign that differs in shape as well as in colour.
type lamp struct {
	box
	disc     *canvas.Circle
	triangle *canvas.Polygon
	square   *canvas.Rectangle
	shape    shape
	color    color.Color
}

func newLamp() *lamp {
	l := &lamp{disc: canvas.NewCircle(colNone), triangle: canvas.NewPolygon(3, colAmber), square: canvas.NewRectangle(colBad)}
	l.add(l.disc, l.triangle, l.square)
	l.arrange = func(s fyne.Size) {
		place(l.disc, 1, 1, s.Width-2, s.Height-2)
		place(l.triangle, 0, 0, s.Width, s.Height)
		place(l.square, 2, 2, s.Width-4, s.Height-4)
	}
	l.min = fyne.NewSize(12, 12)
	l.ExtendBaseWidget(l)
	l.set(shapeRing, colOff)
	return l
}

func (l *lamp) set(s shape, col color.Color) {
	if l.shape == s && l.color == col {
		return
	}
	l.shape, l.color = s, col
	show(l.disc, s == shapeRing || s == shapeDisc)
	show(l.triangle, s == shapeTriangle)
	show(l.square, s == shapeSquare)
	l.disc.FillColor, l.disc.StrokeColor, l.disc.StrokeWidth = col, col, 0
	if s == shapeRing {
		l.disc.FillColor, l.disc.StrokeWidth = colNone, 2
	}
	l.triangle.FillColor, l.square.FillColor = col, col
	l.disc.Refresh()
	l.triangle.Refresh()
	l.square.Refresh()
}
