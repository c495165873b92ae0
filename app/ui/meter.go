package ui

import (
	"image/color"
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
// stays on after a clip until it is clicked.
type meter struct {
	box
	desk  *desk
	clip  *canvas.Rectangle
	wells [2]*canvas.Rectangle
	bars  [2][3]*canvas.Rectangle
	holds [2]*canvas.Rectangle

	shown   [2][2]float32 // level and hold in pixels, as drawn
	clipped bool
}

var _ desktop.Mouseable = (*meter)(nil)

func newMeter(d *desk) *meter {
	m := &meter{desk: d, clip: newSurface(colControl)}
	m.clip.CornerRadius = 2
	m.add(m.clip)
	for c := range m.bars {
		m.wells[c] = canvas.NewRectangle(colWell)
		m.add(m.wells[c])
		for z, col := range []color.Color{colMeterLow, colMeterMid, colMeterHigh} {
			m.bars[c][z] = canvas.NewRectangle(col)
			m.add(m.bars[c][z])
		}
		m.holds[c] = canvas.NewRectangle(colMeterLow)
		m.add(m.holds[c])
	}
	m.min = fyne.NewSize(14, 40)
	m.arrange = func(s fyne.Size) {
		place(m.clip, 0, 0, s.Width, clipHeight-2)
		bar := (s.Width - 2) / 2
		for c := range m.wells {
			place(m.wells[c], float32(c)*(bar+2), clipHeight, bar, s.Height-clipHeight)
			m.shown[c] = [2]float32{-1, -1}
		}
	}
	m.ExtendBaseWidget(m)
	return m
}

// set shows a level; it redraws when a pixel changes.
func (m *meter) set(v engine.Meter) {
	h := m.Size().Height - clipHeight
	if h <= 0 {
		return
	}
	changed := false
	for c := range m.bars {
		level := float32(math.Round(float64(meterPart(v.PeakDB[c]) * h)))
		hold := float32(math.Round(float64(meterPart(v.HoldDB[c]) * h)))
		if m.shown[c] == [2]float32{level, hold} {
			continue
		}
		m.shown[c], changed = [2]float32{level, hold}, true
		m.drawBar(c, h, level, hold, v.HoldDB[c])
	}
	if v.Clipped != m.clipped {
		m.clipped, changed = v.Clipped, true
		if v.Clipped {
			fill(m.clip, colMeterHigh, colNone, 0)
		} else {
			fill(m.clip, colControl, colNone, 0)
		}
	}
	if changed {
		canvas.Refresh(m.clip)
	}
}

func (m *meter) drawBar(c int, h, level, hold float32, holdDB float64) {
	x, w := m.wells[c].Position().X, m.wells[c].Size().Width
	yellow, red := meterPart(meterYellowDB)*h, meterPart(meterRedDB)*h
	bottom := clipHeight + h
	for z, edge := range [3][2]float32{{0, yellow}, {yellow, red}, {red, h}} {
		part := max(0, min(level, edge[1])-edge[0])
		place(m.bars[c][z], x, bottom-edge[0]-part, w, part)
	}
	line := float32(0)
	if hold > 0 {
		line = 2
	}
	place(m.holds[c], x, bottom-hold, w, line)
	switch {
	case holdDB >= meterRedDB:
		m.holds[c].FillColor = colMeterHigh
	case holdDB >= meterYellowDB:
		m.holds[c].FillColor = colMeterMid
	default:
		m.holds[c].FillColor = colMeterLow
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
	well, bar *canvas.Rectangle
	shown     float32 // in pixels, as drawn
}

func newReduction() *reduction {
	r := &reduction{well: canvas.NewRectangle(colWell), bar: canvas.NewRectangle(colFocus)}
	r.add(r.well, r.bar)
	r.min = fyne.NewSize(4, 40)
	r.arrange = func(s fyne.Size) {
		place(r.well, 0, 0, s.Width, s.Height)
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
	r.bar.Resize(fyne.NewSize(s.Width, part))
	canvas.Refresh(r.bar)
}
