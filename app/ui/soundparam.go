package ui

import (
	"encoding/json"
	"image"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// paramHeight is one row of the sound editor.
const paramHeight float32 = 20

// paramScale is how a slider divides its range; both ways, 0..1 and the value.
type paramScale struct{ value, place func(float64) float64 }

// scaleOf divides a range evenly, or by ratios where it spans many of them.
func scaleOf(low, high float64) paramScale {
	if low > 0 && high/low >= 50 {
		span := math.Log(high / low)
		return paramScale{
			func(at float64) float64 { return low * math.Exp(at*span) },
			func(v float64) float64 { return math.Log(math.Max(v, low)/low) / span },
		}
	}
	return paramScale{func(at float64) float64 { return low + at*(high-low) }, func(v float64) float64 { return (v - low) / (high - low) }}
}

// paramRow is one number: its title, a slider, and the number with its unit, which can be
// typed.
type paramRow struct {
	box
	title  *label
	slider *fader
	value  *valueBox
	spec   *formField
	scale  paramScale
	shown  float64
	// read is what the state has at present.
	read func() float64
}

// newParamRow makes one; spec has to have both bounds.
func newParamRow(d *desk, spec *formField, scale paramScale, read func() float64, given func(float64)) *paramRow {
	r := &paramRow{spec: spec, scale: scale, read: read, shown: math.NaN()}
	r.title = newLabel(spec.title, textSmall, colDim)
	reset := math.NaN()
	var fallback float64
	if json.Unmarshal(spec.fallback, &fallback) == nil {
		reset = scale.place(fallback)
	}
	r.slider = newFader(d, false, 0.01, reset, func(at float64) { given(r.rounded(scale.value(at))) })
	r.slider.knobLength = 10
	r.slider.line.Hide()
	tip := spec.title
	if spec.description != "" {
		tip += ": " + spec.description
	}
	r.slider.hint(tip + " (drag, or Tab to it for arrow keys and the wheel; a double click is the usual value)")
	r.value = newValueBox(d, spec, given)
	r.add(r.title, r.slider, r.value)
	r.min = fyne.NewSize(160, paramHeight)
	r.arrange = func(s fyne.Size) {
		name := min(s.Width*0.36, 110)
		r.title.place(0, 0, name, s.Height)
		place(r.slider, name+3, 3, s.Width-name-72, s.Height-6)
		place(r.value, s.Width-64, 1, 64, s.Height-2)
	}
	r.ExtendBaseWidget(r)
	return r
}

// rounded is a slider's value without digits that nobody set.
func (r *paramRow) rounded(v float64) float64 {
	low, high := *r.spec.low, *r.spec.high
	unit := 1.0
	switch span := high - low; {
	case r.spec.kind == integerField:
	case low > 0 && high/low >= 50:
		unit = math.Pow(10, math.Floor(math.Log10(math.Max(v, 1e-3)))-1)
	case span <= 2:
		unit = 0.01
	case span <= 200:
		unit = 0.1
	}
	return math.Min(math.Max(numberOf(numberText(roundTo(v, unit))), low), high)
}

// numberOf takes the noise of binary fractions off a number.
func numberOf(text string) float64 {
	var v float64
	if json.Unmarshal([]byte(text), &v) != nil {
		return 0
	}
	return math.Round(v*1e4) / 1e4
}

// follow brings the row to the state.
func (r *paramRow) follow() {
	v := r.read()
	r.slider.follow(math.Min(math.Max(r.scale.place(v), 0), 1))
	if v == r.shown {
		return
	}
	r.shown = v
	text := numberText(roundTo(v, 0.01))
	if r.spec.unit != "" {
		text += " " + r.spec.unit
	}
	if r.spec.unit == "dB" && v <= silenceDB {
		text = "-inf dB"
	}
	r.value.show(v, text)
}

// within implements wheeled.
func (r *paramRow) within(scrolled func(*fyne.ScrollEvent)) {
	r.slider.round, r.value.round = scrolled, scrolled
}

// heightFor implements stacked.
func (r *paramRow) heightFor(float32) float32 { return paramHeight }

// choiceRow is a few values with a title before them.
type choiceRow struct {
	box
	title  *label
	choice *selector
	read   func() json.RawMessage
}

func newChoiceRow(d *desk, title string, names []string, values []json.RawMessage, read func() json.RawMessage, picked func(json.RawMessage)) *choiceRow {
	r := &choiceRow{title: newLabel(title, textSmall, colDim), read: read}
	r.choice = newSelector(d, values, picked)
	r.choice.rename(names...)
	r.add(r.title, r.choice)
	r.min = fyne.NewSize(160, rowHeight)
	r.arrange = func(s fyne.Size) {
		name := min(s.Width*0.3, 90)
		r.title.place(0, 0, name, s.Height)
		place(r.choice, name+3, 0, s.Width-name-3, s.Height)
	}
	r.ExtendBaseWidget(r)
	return r
}

func (r *choiceRow) follow() { r.choice.choose(r.read()) }

// heightFor implements stacked.
func (r *choiceRow) heightFor(float32) float32 { return rowHeight }

// heading is a title in a column.
type heading struct {
	box
	text *label
}

func newHeading(text string) *heading {
	h := &heading{text: newBold(text, textSmall, colDim)}
	h.add(h.text)
	h.min = fyne.NewSize(40, formTitle)
	h.arrange = func(s fyne.Size) { h.text.place(0, 0, s.Width, s.Height) }
	h.ExtendBaseWidget(h)
	return h
}

// heightFor implements stacked.
func (h *heading) heightFor(float32) float32 { return formTitle }

// The scales of curves: gains of spectra, and levels.
const (
	curveHighDB, curveLowDB = 18.0, -30.0
	curveFloorDB            = -60.0
	curveLowHz, curveHighHz = 20.0, 20000.0
)

// curveView draws a response.
type curveView struct {
	box
	img    *canvas.Image
	pix    *image.RGBA
	axis   *label
	kind   string
	drawn  string // settings of what is drawn
	latest json.RawMessage
	gone   bool
}

func newCurveView() *curveView {
	v := &curveView{img: canvas.NewImageFromImage(nil), axis: newLabel("", textSmall, colDim), gone: true}
	v.img.FillMode, v.img.ScaleMode = canvas.ImageFillStretch, canvas.ImageScaleFastest
	v.add(v.img, v.axis)
	v.min = fyne.NewSize(100, 60)
	v.arrange = func(s fyne.Size) {
		place(v.img, 0, 0, s.Width, s.Height-14)
		v.axis.place(0, s.Height-14, s.Width, 14)
		v.drawn = ""
		v.draw()
	}
	v.ExtendBaseWidget(v)
	return v
}

// heightFor implements stacked.
func (v *curveView) heightFor(float32) float32 {
	if v.gone {
		return 0
	}
	return 124
}

// set shows the curve of a kind of insert, if it has one.
func (v *curveView) set(kind string, settings json.RawMessage) {
	v.kind, v.latest = kind, settings
	v.gone = responseOf(kind, settings) == nil
	v.draw()
}

func (v *curveView) draw() {
	w, h := int(v.img.Size().Width), int(v.img.Size().Height)
	key := v.kind + string(v.latest)
	if v.gone || key == v.drawn || w < 20 || h < 20 {
		return
	}
	v.drawn = key
	r := responseOf(v.kind, v.latest)
	if v.pix == nil || v.pix.Rect.Dx() != w || v.pix.Rect.Dy() != h {
		v.pix = image.NewRGBA(image.Rect(0, 0, w, h))
		v.img.Image = v.pix
	}
	paintCurve(v.pix, r)
	text := "in and out, -60 to 0 dBFS"
	switch {
	case r.spectrum:
		text = "20 Hz to 20 kHz, +18 to -30 dB"
	case v.kind == "ducker":
		text = "level of the key, and what it leaves; -60 to 0 dB"
	}
	v.axis.setText(text)
	canvas.Refresh(v.img)
}

// paintCurve draws a response with its grid.
func paintCurve(pix *image.RGBA, r *response) {
	w, h := pix.Rect.Dx(), pix.Rect.Dy()
	at := func(x, y int, col color.Color) { pix.Set(x, y, col) }
	for y := range h {
		for x := range w {
			at(x, y, colWell)
		}
	}
	low, high := curveFloorDB, 0.0
	x2in := func(x float64) float64 { return curveFloorDB * (1 - x/float64(w-1)) }
	if r.spectrum {
		low, high = curveLowDB, curveHighDB
		x2in = func(x float64) float64 { return curveLowHz * math.Pow(curveHighHz/curveLowHz, x/float64(w-1)) }
		for _, hz := range []float64{100, 1000, 10000} {
			x := int(math.Log(hz/curveLowHz) / math.Log(curveHighHz/curveLowHz) * float64(w-1))
			for y := range h {
				at(x, y, colControl)
			}
		}
	}
	place := func(db float64) int {
		return int(math.Round((high - math.Min(math.Max(db, low), high)) / (high - low) * float64(h-1)))
	}
	for db := low; db <= high; db += 12 {
		col := colControl
		if db == 0 {
			col = colLine
		}
		for x := range w {
			at(x, place(db), col)
		}
	}
	line := func(of func(float64) float64, ink color.Color) {
		before := -1
		for x := range w {
			y := place(of(x2in(float64(x))))
			from, to := y, y+1
			if before >= 0 {
				from, to = min(y, before), max(y, before)+1
			}
			for k := from; k <= min(to, h-1); k++ {
				at(x, k, ink)
			}
			before = y
		}
	}
	if r.back != nil {
		line(r.back, colDim)
	}
	line(r.at, colText)
}
