package ui

import (
	"fmt"
	"image/color"
	"slices"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
)

// rehearsalPanel is what the built-in receiver says of the streams it gets: facts, and
// what a platform would complain of.
type rehearsalPanel struct {
	box
	desk   *desk
	title  *label
	list   *lineList
	readAt time.Time
	lines  []textLine
}

func newRehearsalPanel(d *desk) *rehearsalPanel {
	p := &rehearsalPanel{desk: d}
	p.title = newLabel("", textSmall, colDim)
	p.list = newLineList(d, 116, false, nil)
	p.list.wraps = true
	p.add(p.title, p.list)
	p.min = fyne.NewSize(260, 120)
	p.arrange = func(s fyne.Size) {
		p.title.place(inset, 4, s.Width-2*inset, headerHeight)
		place(p.list, inset, headerHeight+gap, s.Width-2*inset, max(s.Height-headerHeight-gap-inset, 1))
	}
	p.ExtendBaseWidget(p)
	return p
}

func (p *rehearsalPanel) update(*engine.State) {
	now := p.desk.now()
	if p.desk.calm || now.Sub(p.readAt) < time.Second {
		return
	}
	p.readAt = now
	if p.desk.services.Rehearsal == nil {
		p.title.set("The receiver could not be opened; Log says why. Everything else runs.", colDim)
		p.list.set(nil)
		return
	}
	streams := p.desk.services.Rehearsal.Streams()
	lines, problems := rehearsalLines(streams)
	if !slices.Equal(lines, p.lines) {
		p.lines = lines
		p.list.set(lines)
	}
	switch {
	case len(streams) == 0:
		p.title.set("Nothing has arrived yet: go live to a rehearsal.", colDim)
	case problems > 0:
		p.title.set(counted(len(streams), "stream")+"; a platform would complain of "+counted(problems, "thing"), colWarn)
	default:
		p.title.set(counted(len(streams), "stream")+"; nothing to complain of", colDim)
	}
}

// rehearsalLines are the streams, newest first, as lines.
func rehearsalLines(streams []RehearsalStream) (lines []textLine, problems int) {
	for i := len(streams) - 1; i >= 0; i-- {
		v := streams[i]
		if len(lines) > 0 {
			lines = append(lines, textLine{})
		}
		lines = append(lines, textLine{front: v.State, text: v.Title, ink: streamColor(v), bold: true})
		for _, f := range v.Facts {
			lines = append(lines, textLine{front: f.Name, text: f.Value})
		}
		for _, text := range v.Problems {
			problems++
			lines = append(lines, textLine{front: "problem", text: sentence(text), ink: colWarn})
		}
	}
	return lines, problems
}

func streamColor(v RehearsalStream) color.Color {
	switch {
	case v.State == "refused":
		return colBad
	case len(v.Problems) > 0:
		return colWarn
	case v.State == "receiving":
		return colGood
	}
	return colDim
}

// counted is a number of things, in words that fit it.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
