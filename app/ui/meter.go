package ui

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/app/engine"
)

// The scale of meters, dBFS.
const (
	meterFloorDB  = -60.0
	meterYellowDB = -20.0
	meterRedDB    = -9.0
)

// clipHeight is the lamp above the bars.
const clipHeight float32 = 8

// meterPart is where a level stands on the scale, 0..1.
func meterPart(db float64) float32 {
	if math.IsNaN(db) || db <= meterFloorDB {
		return 0
	}
	return float32(math.Min(1, 1-db/meterFloorDB))
}

// meter is a stereo level: two bars in three zones, a hold line each, and a lamp that
// stays on after a clip until it is clicked. It is one picture: where OpenGL is drawn by
// the processor, what a strip costs is the number of its objects.
type meter struct {
	box
	desk *desk
	img  *canvas.Image
	pix  *image.RGBA

	shown   [2][2]int // level and hold in pixels, as drawn
	clipped bool
	light   bool // the theme that it is drawn in
	drawn   int  // how often it was
}

var _ desktop.Mouseable = (*meter)(nil)

func newMeter(d *desk) *meter {
	m := &meter{desk: d, img: newPicture()}
	m.add(m.img)
	m.min = fyne.NewSize(14, 40)
	m.arrange = func(s fyne.Size) {
		place(m.img, 0, 0, s.Width, s.Height)
		m.pix = nil
		m.set(engine.Meter{PeakDB: [2]float64{meterFloorDB, meterFloorDB}, HoldDB: [2]float64{meterFloorDB, meterFloorDB}, Clipped: m.clipped})
	}
	m.ExtendBaseWidget(m)
	return m
}

// newPicture is an image that is drawn pixel by pixel.
func newPicture() *canvas.Image {
	img := canvas.NewImageFromImage(nil)
	img.FillMode, img.ScaleMode = canvas.ImageFillStretch, canvas.ImageScaleFastest
	return img
}

// set shows a level; it redraws when a pixel changes.
func (m *meter) set(v engine.Meter) {
	w, h := int(m.img.Size().Width), int(m.img.Size().Height)
	if w < 4 || h <= int(clipHeight) {
		return
	}
	var now [2][2]int
	for c := range now {
		part := float32(h) - clipHeight
		now[c] = [2]int{int(meterPart(v.PeakDB[c])*part + 0.5), int(meterPart(v.HoldDB[c])*part + 0.5)}
	}
	light := inLight.Load()
	if m.pix != nil && now == m.shown && v.Clipped == m.clipped && light == m.light {
		return
	}
	m.shown, m.clipped, m.light = now, v.Clipped, light
	if m.pix == nil {
		m.pix = image.NewRGBA(image.Rect(0, 0, w, h))
		m.img.Image = m.pix
	}
	m.paint(w, h)
	m.drawn++
	if m.box.flat == nil { // otherwise the picture that it is part of is drawn
		canvas.Refresh(m.img)
	}
}

func (m *meter) paint(w, h int) {
	block(m.pix, 0, 0, w, h, colBackground)
	lamp := colControl
	if m.clipped {
		lamp = colMeterHigh
	}
	block(m.pix, 0, 0, w, int(clipHeight)-2, lamp)
	length := h - int(clipHeight)
	yellow, red := int(meterPart(meterYellowDB)*float32(length)+0.5), int(meterPart(meterRedDB)*float32(length)+0.5)
	bar := (w - 2) / 2
	for c, v := range m.shown {
		x, level, hold := c*(bar+2), v[0], v[1]
		block(m.pix, x, h-length, bar, length, colWell)
		block(m.pix, x, h-min(level, yellow), bar, min(level, yellow), colMeterLow)
		block(m.pix, x, h-min(level, red), bar, min(level, red)-yellow, colMeterMid)
		block(m.pix, x, h-level, bar, level-red, colMeterHigh)
		if hold > 0 {
			block(m.pix, x, h-hold, bar, 2, zoneInk(hold, yellow, red))
		}
	}
}

// zoneInk is the colour of the zone that a height in pixels is in.
func zoneInk(at, yellow, red int) color.Color {
	switch {
	case at >= red:
		return colMeterHigh
	case at >= yellow:
		return colMeterMid
	}
	return colMeterLow
}

// block fills a rectangle of a picture; without a size it is nothing.
func block(pix *image.RGBA, x, y, w, h int, col color.Color) {
	if w > 0 && h > 0 {
		draw.Draw(pix, image.Rect(x, y, x+w, y+h), image.NewUniform(col), image.Point{}, draw.Src)
	}
}

// MouseDown implements desktop.Mouseable: a click clears the clip lamps.
func (m *meter) MouseDown(*desktop.MouseEvent) { m.desk.send(&engine.ResetClip{}) }

// MouseUp implements desktop.Mouseable.
func (m *meter) MouseUp(*desktop.MouseEvent) {}

// reductionSpanDB is the length of a gain-reduction meter.
const reductionSpanDB = 20.0

// reduction is by how much dynamics turn a sound down: a bar that hangs from the top.
type reduction struct {
	box
	bar   *canvas.Rectangle
	shown float32 // in pixels, as drawn
}

func newReduction() *reduction {
	r := &reduction{bar: canvas.NewRectangle(colFocus)}
	r.add(r.bar)
	r.bar.Hide()
	r.min = fyne.NewSize(4, 40)
	r.arrange = func(s fyne.Size) {
		place(r.bar, 0, 0, s.Width, r.shown)
	}
	r.ExtendBaseWidget(r)
	return r
}

// set shows a reduction in dB, 0 or more; it redraws when a pixel changes.
func (r *reduction) set(db float64) {
	s := r.Size()
	part := float32(math.Round(math.Min(math.Max(db/reductionSpanDB, 0), 1) * float64(s.Height)))
	if part == r.shown {
		return
	}
	r.shown = part
	if r.box.flat == nil {
		r.draw()
	}
}

func (r *reduction) draw() {
	r.bar.Resize(fyne.NewSize(r.Size().Width, r.shown))
	show(r.bar, r.shown > 0)
	canvas.Refresh(r.bar)
}
