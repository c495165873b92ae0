package ui

import (
	"image"
	"image/color"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// graphSeconds is how far back a graph looks.
const graphSeconds = 60

// graph is the last minute of one number: a column a second, drawn into one small
// picture that changes once a second.
type graph struct {
	box
	well *canvas.Rectangle
	img  *canvas.Image
	pix  *image.RGBA

	points [graphSeconds]graphPoint // newest last
	// second is the studio second of the newest point; -1: there is none.
	second time.Duration
	target float64 // where a line is drawn; 0: none
}

// graphPoint is one second; bad marks a second in which something was lost.
type graphPoint struct {
	value float64
	bad   bool
	// aim is what was aimed at, where that is not the target, on the scale of value.
	aim float64
	// full is how full something is, 0..1; it hangs from the top.
	full float64
}

func newGraph() *graph {
	g := &graph{well: newSurface(colWell), img: canvas.NewImageFromImage(nil), second: -1}
	g.img.FillMode, g.img.ScaleMode = canvas.ImageFillStretch, canvas.ImageScaleFastest
	g.add(g.well, g.img)
	g.min = fyne.NewSize(40, 20)
	g.arrange = func(s fyne.Size) {
		place(g.well, 0, 0, s.Width, s.Height)
		place(g.img, 2, 2, max(s.Width-4, 1), max(s.Height-4, 1))
		g.draw()
	}
	g.ExtendBaseWidget(g)
	return g
}

// due reports whether push at a studio time would begin a new second.
func (g *graph) due(at time.Duration) bool { return g.second < 0 || at/time.Second != g.second }

// push adds the second that at lies in; seconds that were missed are empty. Another
// point of the same second is not taken.
func (g *graph) push(at time.Duration, p graphPoint) {
	if !g.due(at) {
		return
	}
	step := 1
	if second := at / time.Second; g.second >= 0 && second > g.second {
		step = int(min(second-g.second, graphSeconds))
	}
	g.second = at / time.Second
	copy(g.points[:], g.points[step:])
	clear(g.points[graphSeconds-step:])
	g.points[graphSeconds-1] = p
	g.draw()
}

// reset forgets the minute.
func (g *graph) reset() {
	if g.second < 0 {
		return
	}
	g.points, g.second = [graphSeconds]graphPoint{}, -1
	g.draw()
}

// draw paints the picture anew.
func (g *graph) draw() {
	s := g.img.Size()
	w, h := int(s.Width), int(s.Height)
	if w < graphSeconds/2 || h < 4 {
		return
	}
	if g.pix == nil || g.pix.Rect.Dx() != w || g.pix.Rect.Dy() != h {
		g.pix = image.NewRGBA(image.Rect(0, 0, w, h))
		g.img.Image = g.pix
	}
	clear(g.pix.Pix)
	top := g.target
	for _, p := range g.points {
		top = max(top, p.value)
	}
	top *= 1.1
	if top > 0 {
		for x := range w {
			p := g.points[x*graphSeconds/w]
			g.column(x, h, int(p.value/top*float64(h)+0.5), p.bad)
			for y := range int(min(p.full, 1)*float64(h)/2 + 0.5) {
				g.pix.Set(x, y, colAmber)
			}
			if p.aim > 0 {
				g.pix.Set(x, h-1-int(p.aim/top*float64(h-1)), colFocus)
			}
		}
		if g.target > 0 {
			y := h - 1 - int(g.target/top*float64(h-1))
			for x := 0; x < w; x += 4 {
				g.pix.Set(x, y, colDim)
				g.pix.Set(x+1, y, colDim)
			}
		}
	}
	canvas.Refresh(g.img)
}

// column fills column x up to height n, its top brighter.
func (g *graph) column(x, h, n int, bad bool) {
	body, edge := colDim, colText
	if bad {
		body, edge = colAmber, colAmber
	}
	for y := range min(n, h) {
		col := color.Color(body)
		if y >= n-2 {
			col = edge
		}
		g.pix.Set(x, h-1-y, col)
	}
}
