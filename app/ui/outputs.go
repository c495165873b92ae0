package ui

import (
	"image/color"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
)

// scrollRoom is kept free for the scroll bar.
const scrollRoom float32 = 8

// isLive reports that the far end has acknowledged media on this connection.
func isLive(d engine.DestinationState) bool {
	return d.Report.State == outputs.Confirmed || d.Report.State == outputs.Degraded
}

// outputsPanel goes live and records, and says how each destination is doing.
type outputsPanel struct {
	box
	desk *desk

	surface   *canvas.Rectangle
	title     *label
	live, rec *button
	stopLive  confirm
	stopRec   confirm
	empty     *label
	scroll    *container.Scroll
	list      *box
	rows      []*outputRow
	items     []bankItem
	all       []engine.DestinationState // memory of update
	// recordedSince is when the recording that runs was first seen running; studio time.
	recordedSince time.Duration
	recording     bool
}

func newOutputsPanel(d *desk) *outputsPanel {
	p := &outputsPanel{desk: d, surface: newSurface(colPanel), list: &box{}, stopLive: confirm{desk: d}, stopRec: confirm{desk: d}}
	p.title = newBold("OUTPUTS", textSmall, colDim)
	p.live = newButton(d, "GO LIVE", textLarge, p.toggleLive)
	p.rec = newButton(d, "REC", textLarge, p.toggleRecording)
	p.empty = newLabel("This show has no destination.", textNormal, colDim)
	p.list.ExtendBaseWidget(p.list)
	p.list.arrange = func(s fyne.Size) {
		y := float32(0)
		for _, r := range p.rows {
			h := r.height()
			place(r, 0, y, s.Width-scrollRoom, h)
			y += h + 4
		}
	}
	p.scroll = container.NewVScroll(p.list)
	p.add(p.surface, p.title, p.live, p.rec, p.empty, p.scroll)
	p.min = fyne.NewSize(280, 200)
	p.arrange = func(s fyne.Size) {
		place(p.surface, 0, 0, s.Width, s.Height)
		w := s.Width - 2*inset
		p.title.place(inset, 0, w, headerHeight)
		half := (w - gap) / 2
		place(p.live, inset, headerHeight, half, 36)
		place(p.rec, inset+half+gap, headerHeight, half, 36)
		y := headerHeight + 36 + gap
		place(p.scroll, inset, y, w, s.Height-y-gap)
		p.empty.place(inset, y, w, 40)
	}
	p.ExtendBaseWidget(p)
	return p
}

// toggleLive goes live at once; stopping asks first, on the button itself.
func (p *outputsPanel) toggleLive() {
	s := p.desk.state
	switch {
	case s == nil:
	case !s.Live:
		p.desk.send(&engine.GoLive{})
	case p.stopLive.press():
		p.desk.send(&engine.StopLive{})
	}
	p.refreshButtons()
}

// toggleRecording starts at once; stopping asks first.
func (p *outputsPanel) toggleRecording() {
	s := p.desk.state
	switch {
	case s == nil:
	case !s.Recording:
		p.desk.send(&engine.StartRecording{})
	case p.stopRec.press():
		p.desk.send(&engine.StopRecording{})
	}
	p.refreshButtons()
}

func (p *outputsPanel) refreshButtons() {
	if p.desk.state != nil {
		p.updateButtons(p.desk.state)
	}
}

func (p *outputsPanel) updateButtons(s *engine.State) {
	_, confirmed := onAir(s)
	switch {
	case !s.Live:
		p.stopLive.reset()
		p.live.look("GO LIVE", colControl, colText)
	case p.stopLive.asked():
		p.live.look("Really stop?", colAmber, colInk)
	case confirmed:
		p.live.look("STOP", colProgram, colWhite)
	default:
		p.live.look("STOP", colAmber, colInk)
	}
	switch {
	case !s.Recording:
		p.stopRec.reset()
		p.rec.look("REC", colControl, colText)
	case p.stopRec.asked():
		p.rec.look("Stop rec?", colAmber, colInk)
	default:
		p.rec.look("REC "+clockText(s.Time-p.recordedSince), colProgram, colWhite)
	}
}

func (p *outputsPanel) update(s *engine.State) {
	if s.Recording && !p.recording {
		p.recordedSince = s.Time
	}
	p.recording = s.Recording
	// A recording that tells its own age (another surface started it) is believed.
	for _, r := range s.Recordings {
		if r.Started && r.Uptime > s.Time-p.recordedSince {
			p.recordedSince = s.Time - r.Uptime
		}
	}
	p.updateButtons(s)

	p.all = append(append(p.all[:0], s.Destinations...), s.Recordings...)
	all := p.all
	if !slices.EqualFunc(p.items, all, sameOutput) {
		p.items, p.rows, p.list.objects = nil, nil, nil
		for _, d := range all {
			r := newOutputRow()
			p.items, p.rows = append(p.items, bankItem{id: d.ID}), append(p.rows, r)
			p.list.add(r)
		}
		show(p.empty, len(all) == 0)
	}
	h := float32(0)
	for i, d := range all {
		p.rows[i].update(d)
		h += p.rows[i].height() + 4
	}
	if p.list.min.Height != h {
		p.list.min = fyne.NewSize(200, h)
		p.list.arrange(p.list.Size())
		p.list.Refresh()
		p.scroll.Refresh()
	}
}

// outputRow is one destination or recording.
type outputRow struct {
	box
	surface *canvas.Rectangle
	lamp    *lamp
	name    *label
	word    *label
	facts   *label
	problem [3]*label
	shown   engine.DestinationState
}

func newOutputRow() *outputRow {
	r := &outputRow{surface: newSurface(colBackground), lamp: newLamp()}
	r.name = newBold("", textNormal, colText)
	r.word = newBold("", textSmall, colText)
	r.word.Alignment = fyne.TextAlignTrailing
	r.facts = newLabel("", textSmall, colDim)
	r.add(r.surface, r.lamp, r.name, r.word, r.facts)
	for i := range r.problem {
		r.problem[i] = newLabel("", textSmall, colBad)
		r.add(r.problem[i])
	}
	r.min = fyne.NewSize(200, 40)
	r.arrange = func(s fyne.Size) {
		place(r.surface, 0, 0, s.Width, s.Height)
		place(r.lamp, gap, 6, 12, 12)
		x, w := gap+12+gap, s.Width-3*gap-12
		const word = 92
		r.name.place(x, 2, w-word-gap, 20)
		r.word.place(x+w-word, 2, word, 20)
		r.facts.place(x, 21, w, 16)
		for i, l := range r.problem {
			l.place(x, 37+15*float32(i), w, 15)
		}
	}
	r.ExtendBaseWidget(r)
	return r
}

// height depends on how much there is to say.
func (r *outputRow) height() float32 {
	h := float32(42)
	for _, l := range r.problem {
		if l.full != "" {
			h += 15
		}
	}
	return h
}

func (r *outputRow) update(d engine.DestinationState) {
	if d == r.shown {
		return
	}
	r.shown = d
	look := lookOf(d)
	r.lamp.set(look.shape, look.color)
	r.name.setText(d.Name)
	r.word.set(look.word, look.color)
	r.facts.setText(factsOf(d))
	rest := sentence(d.Problem)
	for i, l := range r.problem {
		line := rest
		if i < len(r.problem)-1 {
			line, rest = wrap(l, rest)
		}
		l.setText(line) // the last line is cut where it does not fit
	}
}

// outputLook is a state in shape, colour and words.
type outputLook struct {
	shape shape
	color color.Color
	word  string
}

func lookOf(d engine.DestinationState) outputLook {
	recording := d.Kind == "record"
	state := d.Report.State
	if !d.Started && state != outputs.Failed {
		return outputLook{shapeRing, colOff, "OFF"}
	}
	switch state {
	case outputs.Confirmed:
		if recording {
			return outputLook{shapeDisc, colGood, "RECORDING"}
		}
		return outputLook{shapeDisc, colGood, "LIVE"}
	case outputs.Degraded:
		return outputLook{shapeTriangle, colAmber, "DEGRADED"}
	case outputs.Failed:
		return outputLook{shapeSquare, colBad, "FAILED"}
	case outputs.Waiting:
		return outputLook{shapeTriangle, colAmber, "RETRYING"}
	case 0, outputs.Idle:
		return outputLook{shapeTriangle, colAmber, "STARTING"}
	}
	return outputLook{shapeTriangle, colAmber, strings.ToUpper(state.String())}
}

// factsOf is one line of numbers.
func factsOf(d engine.DestinationState) string {
	var parts []string
	if d.Started {
		parts = append(parts, bitrateText(d.BitrateBPS), "dropped "+countText(d.Dropped))
		if d.Uptime > 0 {
			parts = append(parts, clockText(d.Uptime))
		}
		if d.Reconnects > 0 {
			parts = append(parts, "reconnects "+countText(d.Reconnects))
		}
	} else {
		parts = append(parts, strings.ToUpper(d.Kind))
		if d.Rendition != "" {
			parts = append(parts, "rendition "+d.Rendition)
		}
	}
	return strings.Join(parts, "  ·  ")
}

// wrap takes what fits into one line of l from the words of a sentence.
func wrap(l *label, text string) (line, rest string) {
	if l.width <= 0 || l.measure(text) <= l.width {
		return text, ""
	}
	words := strings.Fields(text)
	n := 1
	for n < len(words) && l.measure(strings.Join(words[:n+1], " ")) <= l.width {
		n++
	}
	return strings.Join(words[:n], " "), strings.Join(words[n:], " ")
}

func sameOutput(have bankItem, d engine.DestinationState) bool { return have.id == d.ID }
