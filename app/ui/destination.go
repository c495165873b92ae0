package ui

import (
	"fmt"
	"image/color"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// What a card is made of, in Fyne's units.
const (
	cardRow      float32 = 18
	cardProblem  float32 = 15
	cardAsk      float32 = 112 // room for "Stop?  yes  no"
	cardProblems         = 3   // lines that a failure may take
)

// outputCard is one destination or recording: how it is doing in words, colour and
// numbers, the last minute, what is wrong, and what can be done with it.
type outputCard struct {
	box
	desk *desk

	surface   *canvas.Rectangle
	lamp      *lamp
	name      *label
	word      *label
	facts     *label
	rest      *label // kind and rendition while there is no graph
	graph     *graph
	enabled   *button // destinations only
	edit      *button
	chain     *label // the ingests, when there are several
	change    *label // the last switch between them
	act       *askButton
	file      *button       // recordings only
	deeds     *recordingRow // recordings only: what can be done with one that runs
	problem   [cardProblems]*label
	detail    *label // what is said beside the state of one that runs
	whole     *hoverTip
	recording bool

	shown     engine.DestinationState
	drops     int64
	isEnabled bool
	path      string // of the newest file
	// room is how long the disk lasts, for recordings that go where it is measured.
	room, shownRoom time.Duration
	measured        bool         // it goes there
	of              *scenes.Show // that measured is of
}

// cardDeeds are what a card's buttons do.
type cardDeeds struct{ toggle, enable, edit func() }

func newOutputCard(d *desk, recording bool, do cardDeeds) *outputCard {
	c := &outputCard{desk: d, recording: recording, surface: newGround(colBackground), lamp: newLamp(), graph: newGraph()}
	c.name = newBold("", textNormal, colText)
	c.word = newBold("", textSmall, colText)
	c.word.Alignment = fyne.TextAlignTrailing
	c.facts = newLabel("", textSmall, colDim)
	c.rest = newLabel("", textSmall, colDim)
	c.chain, c.change = newLabel("", textSmall, colText), newLabel("", textSmall, colDim)
	c.act = newAskButton(d, "Start", textSmall, c.asks, do.toggle)
	c.act.main.hint("Start or stop this one alone")
	c.edit = newButton(d, "Edit", textSmall, do.edit).hint("Name, address, key, rendition; remove")
	c.add(c.surface, c.lamp, c.name, c.word, c.facts, c.chain, c.change, c.rest, c.graph, c.act, c.edit)
	if recording {
		c.file = newButton(d, "Show file", textSmall, c.openFile).hint("Open the newest file")
		c.deeds = newRecordingRow(d, func() string { return c.shown.ID })
		c.add(c.file, c.deeds)
		show(c.deeds, false)
	} else {
		c.enabled = newButton(d, "Disabled", textSmall, do.enable).hint("Whether GO LIVE starts it")
		c.add(c.enabled)
	}
	for i := range c.problem {
		c.problem[i] = newLabel("", textSmall, colBad)
		c.add(c.problem[i])
	}
	c.detail, c.whole = newLabel("", textSmall, colDim), newHoverTip(d, "")
	c.add(c.detail, c.whole)
	c.min = fyne.NewSize(240, 40)
	c.arrange = c.layout
	c.ExtendBaseWidget(c)
	show(c.graph, false)
	return c
}

func (c *outputCard) layout(s fyne.Size) {
	place(c.surface, 0, 0, s.Width, s.Height)
	place(c.lamp, gap, 5, 12, 12)
	x, w := gap+12+gap, s.Width-3*gap-12
	const word = 86
	c.name.place(x, 2, w-word-gap, cardRow)
	c.word.place(x+w-word, 2, word, cardRow)
	c.facts.place(x, 2+cardRow, w, 16)

	y, right := 2+cardRow+18, s.Width-gap
	for _, l := range [2]*label{c.chain, c.change} {
		if l.full != "" {
			l.place(x, y-2, w, cardProblem)
			y += cardProblem
		}
	}
	place(c.act, right-cardAsk, y, cardAsk, rowHeight)
	right -= cardAsk + 3
	ew := c.edit.min.Width
	place(c.edit, right-ew, y, ew, rowHeight)
	right -= ew + 3
	switch third := c.third(); {
	case third == nil:
	case third.Visible():
		tw := third.min.Width
		place(third, gap, y, tw, rowHeight)
		c.rest.place(gap+tw+gap, y, max(right-2*gap-tw, 1), rowHeight)
	default:
		c.rest.place(gap, y, max(right-gap, 1), rowHeight)
	}
	place(c.graph, gap, y, max(right-gap-3, 1), rowHeight)
	y += rowHeight + 2
	if c.deeds != nil && c.deeds.Visible() {
		place(c.deeds, gap, y, s.Width-2*gap, rowHeight)
		y += rowHeight + 2
	}
	for _, l := range c.problem {
		l.place(x, y, w, cardProblem)
		if l.full != "" {
			y += cardProblem
		}
	}
	c.detail.place(x, y, w, cardProblem)
	place(c.whole, x, y, w, cardProblem)
	c.whole.tip = ""
	if c.detail.Text.Text != c.detail.full {
		c.whole.tip = c.detail.full
	}
}

// third is the button that only one of the two kinds of card has.
func (c *outputCard) third() *button {
	if c.recording {
		return c.file
	}
	return c.enabled
}

// height depends on how much there is to say; the line for the detail is there while it runs,
// for the detail comes and goes with states that last a moment.
func (c *outputCard) height() float32 {
	h := 2 + cardRow + 18 + rowHeight + 5
	if c.shown.Started {
		h += cardProblem
	}
	if c.deeds != nil && c.deeds.Visible() {
		h += rowHeight + 2
	}
	for _, l := range [2]*label{c.chain, c.change} {
		if l.full != "" {
			h += cardProblem
		}
	}
	for _, l := range c.problem {
		if l.full != "" {
			h += cardProblem
		}
	}
	return h
}

// asks is the question before stopping.
func (c *outputCard) asks() string {
	if c.shown.Started {
		return askStop
	}
	return ""
}

// openFile shows the newest file in the system's own program for it.
func (c *outputCard) openFile() {
	if c.path != "" {
		c.desk.openFile(c.path)
	}
}

func (c *outputCard) update(s *engine.State, d engine.DestinationState, enabled bool, target int) {
	c.follow(s.Time, d, target)
	if c.recording {
		if s.Show != c.of {
			c.of, c.measured = s.Show, c.desk.measures(s.Show, d.ID)
		}
		if c.room = 0; c.measured {
			c.room = roomFor(c.desk.machine().DiskFree, int64(target)*1000).Truncate(time.Minute)
		}
	}
	if d != c.shown || c.room != c.shownRoom || enabled != c.isEnabled || c.name.full == "" {
		c.shown, c.isEnabled, c.shownRoom = d, enabled, c.room
		c.redraw()
	}
	c.paintAct()
}

// follow keeps the minute, whether or not anybody looks.
func (c *outputCard) follow(at time.Duration, d engine.DestinationState, target int) {
	if !d.Started {
		c.graph.reset()
		c.drops = d.Dropped
		return
	}
	if !c.graph.due(at) {
		return
	}
	c.graph.target = float64(target) * 1000
	p := graphPoint{value: float64(d.BitrateBPS), bad: d.Dropped > c.drops, full: queueFull(d.Queue + d.Report.SendBuffer)}
	if d.EncoderBPS < d.TargetBPS {
		p.aim = float64(d.EncoderBPS)
	}
	c.graph.push(at, p)
	c.drops = d.Dropped
}

func (c *outputCard) redraw() {
	d := c.shown
	look := lookOf(d)
	c.lamp.set(look.shape, look.color)
	c.name.setText(d.Name)
	c.word.set(look.word, look.ink())
	c.chain.setText(chainText(d))
	c.change.setText(changeText(d))
	if d.Report.Path != "" {
		c.path = d.Report.Path
	}
	c.facts.setText(c.factsText())
	c.rest.setText(c.restText())
	rest := sentence(engine.Plain(d.Problem))
	for i, l := range c.problem {
		line := rest
		if i < len(c.problem)-1 {
			line, rest = wrap(l, rest)
		}
		l.setText(line) // the last line is cut where it does not fit
	}
	ink := colDim
	if d.Report.State == outputs.Degraded {
		ink = colWarn
	}
	c.detail.set(detailText(d), ink)
	graphed := d.Started && !c.recording
	if c.graph.Visible() != graphed {
		show(c.graph, graphed)
	}
	show(c.rest, !graphed)
	if c.recording {
		show(c.file, c.path != "")
		show(c.deeds, d.Started)
		c.deeds.update(d)
	} else {
		show(c.enabled, !graphed)
		if c.isEnabled {
			c.enabled.look("Enabled", colLit, colOnLit)
		} else {
			c.enabled.look("Disabled", colControl, colText)
		}
	}
	c.layout(c.Size())
}

// factsText is the line of numbers; of a recording that has ended, its newest file.
func (c *outputCard) factsText() string {
	if c.recording && c.path != "" && !c.shown.Finishing {
		c.file.hint("Opens " + fileName(c.path))
		if good := goodText(c.shown); !c.shown.Started && good != "" { // first: a long name is cut, this is not
			return good + "  ·  " + fileName(c.path)
		} else if !c.shown.Started {
			return fileName(c.path)
		}
	}
	return factsOf(c.shown)
}

func (c *outputCard) restText() string {
	if c.recording {
		switch {
		case c.path != "": // the line of facts says what is good of it
		case c.room > 0:
			return "room for " + roomText(c.room)
		}
	}
	return ""
}

func (c *outputCard) paintAct() {
	switch {
	case !c.shown.Started && c.recording:
		c.act.look("Record", colControl, colText)
	case !c.shown.Started:
		c.act.look("Start", colControl, colText)
	default:
		c.act.look("Stop", colControl, colText)
	}
}

// isLive reports that the far end has acknowledged media on this connection.
func isLive(d engine.DestinationState) bool {
	return d.Report.State == outputs.Confirmed || d.Report.State == outputs.Degraded
}

// outputLook is a state in shape, colour and words.
type outputLook struct {
	shape shape
	color color.Color
	word  string
}

// ink is the colour for text of the state.
func (l outputLook) ink() color.Color {
	switch l.color {
	case colAmber:
		return colWarn
	case colOff:
		return colDim
	}
	return l.color
}

func lookOf(d engine.DestinationState) outputLook {
	recording := d.Kind == "record"
	state := d.Report.State
	if d.Finishing {
		return outputLook{shapeTriangle, colAmber, "FINISHING"}
	}
	if !d.Started && state != outputs.Failed {
		return outputLook{shapeRing, colOff, "OFF"}
	}
	switch state {
	case outputs.Confirmed:
		switch {
		case recording && d.Paused: // what comes is left out, though the file may not be there yet
			return outputLook{shapeTriangle, colAmber, "PAUSED"}
		case recording:
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

// detailText is what is known of the state of one that runs: why it is degraded, what is
// waited for, who the peer is. Between tries the problem has it.
func detailText(d engine.DestinationState) string {
	switch r := d.Report; {
	case !d.Started, r.State == outputs.Waiting, r.State == outputs.Failed:
		return ""
	case d.Kind == "record" && r.State == outputs.Confirmed && r.Path != "": // the facts have the rest
		return fileName(r.Path)
	default:
		return oneLine.Replace(engine.Plain(r.Detail))
	}
}

// factsOf is one line of numbers.
func factsOf(d engine.DestinationState) string {
	if d.Kind == "record" {
		return recordingFacts(d)
	}
	if !d.Started {
		text := strings.ToUpper(d.Kind)
		if d.Rendition != "" {
			text += "  ·  rendition " + d.Rendition
		}
		if d.Group != "" {
			text += "  ·  " + d.Group
		}
		if at, err := time.Parse(time.RFC3339, d.StartAt); err == nil && at.After(time.Now()) {
			text += "  ·  starts " + at.Local().Format("Mon 15:04")
		}
		return text
	}
	parts := []string{bitrateText(d.BitrateBPS)}
	if d.EncoderBPS < d.TargetBPS {
		parts = append(parts, "encoder "+bitrateText(d.EncoderBPS)+" of "+bitrateText(d.TargetBPS))
	}
	if d.Uptime > 0 {
		parts = append(parts, clockText(d.Uptime))
	}
	parts = append(parts, "dropped "+countText(d.Dropped))
	if d.Reconnects > 0 {
		parts = append(parts, "reconnects "+countText(d.Reconnects))
	}
	if rtt := d.Report.RTT; rtt > 0 {
		parts = append(parts, "RTT "+millisText(rtt))
	}
	if lost := d.Report.LostPercent; lost >= 0.05 {
		parts = append(parts, fmt.Sprintf("lost %.1f %%", lost))
	}
	return strings.Join(parts, " · ")
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
