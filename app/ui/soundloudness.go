package ui

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/app/engine"
)

const (
	// historyStep is a point of the loudness history, historyPoints how many there are:
	// a minute.
	historyStep   = 200 * time.Millisecond
	historyPoints = 300
	// The scale of the history, LUFS.
	historyLow, historyHigh = -50.0, -5.0
	// textEvery is how often numbers that move all the time are written anew.
	textEvery = 250 * time.Millisecond
)

// True-peak levels of CONVENTIONS at which the number turns amber and red, dBTP.
const truePeakAmber, truePeakRed = -13.0, -2.0

// loudnessHistory is the last minute of a bus: M and S in LUFS, -Inf where nothing was
// measured.
type loudnessHistory struct {
	points [historyPoints]loudnessPoint // newest last
	step   int64                        // of studio time, of the newest point
}

type loudnessPoint struct{ m, s float64 }

var noLoudness = loudnessPoint{math.Inf(-1), math.Inf(-1)}

// push adds a reading at a studio time; it reports whether that began a new point.
func (h *loudnessHistory) push(at time.Duration, l *engine.Loudness) bool {
	step := int64(at/historyStep) + 1
	if step == h.step {
		return false
	}
	by := step - h.step
	if h.step == 0 || by < 0 || by > historyPoints { // the first, or another studio's time
		by = historyPoints
	}
	h.step = step
	copy(h.points[:], h.points[by:])
	for i := historyPoints - int(by); i < historyPoints; i++ {
		h.points[i] = noLoudness
	}
	h.points[historyPoints-1] = loudnessPoint{l.MomentaryLUFS, l.ShortTermLUFS}
	return true
}

// keepLoudness adds the state to the histories of its buses and forgets those of buses
// that are gone.
func (d *desk) keepLoudness(s *engine.State) {
	for i := range s.Buses {
		b := &s.Buses[i]
		h := d.loudness[b.ID]
		if h == nil {
			h = &loudnessHistory{}
			d.loudness[b.ID] = h
		}
		h.push(s.Time, &b.Loudness)
	}
	if len(d.loudness) > len(s.Buses) {
		for id := range d.loudness {
			if _, ok := s.Show.Bus(id); !ok {
				delete(d.loudness, id)
			}
		}
	}
}

// lufs is a level of loudness or peak with one decimal; what is none, and what is only the
// last of a filter's ringing, is a dash.
func lufs(v float64) string {
	if !(v > -120) || math.IsInf(v, 0) {
		return "–"
	}
	return fmt.Sprintf("%.1f", v)
}

// loudnessBlock is a bus's loudness in numbers: momentary, short-term, integrated, range,
// true peak, and how alike the sides are.
type loudnessBlock struct {
	box
	desk    *desk
	surface *canvas.Rectangle
	names   [5]*label
	values  [5]*label
	well    *canvas.Rectangle
	middle  *canvas.Rectangle
	needle  *canvas.Rectangle
	phase   *label
	reset   *button
	bus     string
	written time.Duration // studio time of the numbers
	at      float64       // correlation, as drawn
	flat    *flatBox
}

func newLoudnessBlock(d *desk, setter *typesetter) *loudnessBlock {
	b := &loudnessBlock{desk: d, surface: canvas.NewRectangle(colBackground), at: math.NaN()}
	b.add(b.surface)
	for i, name := range [...]string{"M", "S", "I, LUFS", "LRA, LU", "TP, dBTP"} {
		b.names[i], b.values[i] = newLabel(name, textSmall, colDim), newLabel("–", textSmall, colText)
		b.values[i].Alignment = fyne.TextAlignTrailing
		b.add(b.names[i], b.values[i])
	}
	b.values[2].TextSize, b.values[2].TextStyle.Bold = textNormal, true
	b.well, b.middle, b.needle = canvas.NewRectangle(colWell), canvas.NewRectangle(colLine), canvas.NewRectangle(colText)
	b.phase = newLabel("", textSmall, colDim)
	b.reset = newButton(d, "RESET", textSmall, func() { d.send(&engine.ResetLoudness{Bus: b.bus}) }).hint("Measures I, LRA and the highest true peak of this mix anew")
	b.add(b.phase, b.well, b.middle, b.needle, b.reset)
	b.flat = newFlatBox(&b.box, setter, nil, b.needle) // which moves all the time
	b.min = fyne.NewSize(loudnessWidth, 80)
	b.arrange = b.layout
	b.ExtendBaseWidget(b)
	return b
}

func (b *loudnessBlock) layout(s fyne.Size) {
	place(b.surface, 0, 0, s.Width, s.Height)
	row := min(max((s.Height-34)/6.5, 13), 19)
	roomy := s.Height >= 128
	y := float32(2)
	for i := range b.names {
		b.names[i].place(6, y, 64, row)
		b.values[i].place(52, y, s.Width-58, row)
		y += row
	}
	show(b.reset, roomy)
	b.phase.place(6, y, s.Width-12, row)
	y += row
	place(b.well, 6, y+1, s.Width-12, 7)
	place(b.middle, s.Width/2-0.5, y+1, 1, 7)
	if !math.IsNaN(b.at) {
		b.point()
	}
	if roomy {
		place(b.reset, 6, s.Height-24, s.Width-12, 20)
	}
}

// point puts the needle where the correlation is.
func (b *loudnessBlock) point() {
	w := b.well.Size().Width - 3
	place(b.needle, b.well.Position().X+float32((b.at+1)/2)*w, b.well.Position().Y-2, 3, 11)
}

func (b *loudnessBlock) update(bus *engine.BusState, s *engine.State, calm bool) {
	if !b.Visible() || calm {
		return
	}
	l := &bus.Loudness
	if at := math.Round(l.Correlation*50) / 50; at != b.at {
		b.at = at
		b.point()
		b.needle.FillColor = colText
		if at < -0.3 {
			b.needle.FillColor = colAmber
		}
		canvas.Refresh(b.needle)
	}
	if since := s.Time - b.written; since >= 0 && since < textEvery && bus.ID == b.bus {
		return
	}
	b.bus, b.written = bus.ID, s.Time
	peak := max(l.TruePeakDB[0], l.TruePeakDB[1])
	texts := [5]string{lufs(l.MomentaryLUFS), lufs(l.ShortTermLUFS), lufs(l.IntegratedLUFS), lufs(l.RangeLU), lufs(peak) + " / " + lufs(l.MaxTruePeakDB)}
	if !(l.IntegratedLUFS > -120) {
		texts[3] = "–" // nothing to have a range
	}
	for i, text := range texts {
		ink := color.Color(colText)
		if i == 4 {
			ink = truePeakInk(l.MaxTruePeakDB)
		}
		b.values[i].set(text, ink)
	}
	switch {
	case !(l.MomentaryLUFS > -120):
		b.phase.setText("correlation")
	case l.Correlation < -0.3:
		b.phase.set("OUT OF PHASE", colWarn)
	default:
		b.phase.set(fmt.Sprintf("correlation %+.1f", roundTo(l.Correlation, 0.1)), colDim)
	}
}

func truePeakInk(db float64) color.Color {
	switch {
	case db >= truePeakRed:
		return colBad
	case db >= truePeakAmber:
		return colWarn
	}
	return colText
}

// loudnessGraph is a bus's last minute: M as columns, S as a line, I as a straight one.
type loudnessGraph struct {
	box
	img   *canvas.Image
	pix   *image.RGBA
	marks [2]*label
	bus   string
	step  int64 // of the history, as drawn
}

// The targets that the graph marks, LUFS: broadcast by EBU R 128, and streaming.
var loudnessTargets = [2]float64{-23, -14}

func newLoudnessGraph() *loudnessGraph {
	g := &loudnessGraph{img: canvas.NewImageFromImage(nil)}
	g.img.FillMode, g.img.ScaleMode = canvas.ImageFillStretch, canvas.ImageScaleFastest
	g.add(g.img)
	for i, v := range loudnessTargets {
		g.marks[i] = newLabel(fmt.Sprintf("%.0f", v), textSmall, colDim)
		g.marks[i].Alignment = fyne.TextAlignTrailing
		g.add(g.marks[i])
	}
	g.min = fyne.NewSize(60, 40)
	g.arrange = func(s fyne.Size) {
		place(g.img, 0, 0, s.Width-22, s.Height)
		for i, v := range loudnessTargets {
			g.marks[i].place(s.Width-22, historyPlace(v, s.Height)-8, 22, 16)
		}
		g.step = 0
	}
	g.ExtendBaseWidget(g)
	return g
}

// heightFor implements stacked.
func (g *loudnessGraph) heightFor(float32) float32 { return 84 }

// historyPlace is where a loudness stands in a picture of a height.
func historyPlace(v float64, height float32) float32 {
	return float32(1-(math.Min(math.Max(v, historyLow), historyHigh)-historyLow)/(historyHigh-historyLow)) * (height - 1)
}

// update draws the history anew when it has a new half second.
func (g *loudnessGraph) update(h *loudnessHistory, b *engine.BusState) {
	if h == nil || g.bus == b.ID && h.step-g.step >= 0 && h.step-g.step < 3 {
		return
	}
	g.bus, g.step = b.ID, h.step
	w, height := int(g.img.Size().Width), int(g.img.Size().Height)
	if w < 10 || height < 10 {
		return
	}
	if g.pix == nil || g.pix.Rect.Dx() != w || g.pix.Rect.Dy() != height {
		g.pix = image.NewRGBA(image.Rect(0, 0, w, height))
		g.img.Image = g.pix
	}
	paintHistory(g.pix, h, b.Loudness.IntegratedLUFS)
	canvas.Refresh(g.img)
}

func paintHistory(pix *image.RGBA, h *loudnessHistory, integrated float64) {
	w, height := pix.Rect.Dx(), pix.Rect.Dy()
	well, column, line := color.RGBAModel.Convert(colWell).(color.RGBA), color.RGBAModel.Convert(colControl).(color.RGBA), color.RGBAModel.Convert(colText).(color.RGBA)
	at := func(v float64) int { return int(historyPlace(v, float32(height))) }
	before := -1
	for x := range w {
		p := h.points[x*historyPoints/w]
		top := height
		if p.m > historyLow {
			top = at(p.m)
		}
		for y := range height {
			if y >= top {
				pix.SetRGBA(x, y, column)
			} else {
				pix.SetRGBA(x, y, well)
			}
		}
		y := -1
		if p.s > historyLow {
			y = at(p.s)
			from, to := y, y
			if before >= 0 {
				from, to = min(y, before), max(y, before)
			}
			for k := from; k <= min(to+1, height-1); k++ {
				pix.SetRGBA(x, k, line)
			}
		}
		before = y
	}
	for _, v := range loudnessTargets {
		for x := 0; x < w; x += 4 {
			pix.Set(x, at(v), colDim)
		}
	}
	if integrated > historyLow {
		for x := range w {
			pix.Set(x, at(integrated), colFocus)
		}
	}
}
