package ui

import (
	"math"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

const (
	drawerWidth  float32 = 236
	drawerHeight float32 = 176
)

// transitionDrawer is what a wipe and a dip can be told: direction, softness, colour.
type transitionDrawer struct {
	box
	desk       *desk
	surface    *canvas.Rectangle
	captions   [3]*label
	directions []*button
	softness   *fader
	softText   *label
	swatch     *swatch
	color      *field
	problem    *label
}

// drawerDirections in the order of the buttons.
var drawerDirections = []scenes.Direction{scenes.Left, scenes.Right, scenes.Up, scenes.Down}

func newTransitionDrawer(d *desk) *transitionDrawer {
	p := &transitionDrawer{desk: d, surface: newSurface(colPanel)}
	p.surface.StrokeColor, p.surface.StrokeWidth = colFocus, 1
	p.add(p.surface)
	for i, text := range []string{"Wipe moves", "Softness of its edge", "Dip goes through"} {
		p.captions[i] = newLabel(text, textSmall, colDim)
		p.add(p.captions[i])
	}
	for i, name := range []string{"Left", "Right", "Up", "Down"} {
		b := newButton(d, name, textSmall, func() {
			d.send(&engine.SetTransition{Direction: string(drawerDirections[i])})
		}).hint("Where the edge of a wipe moves to")
		p.directions = append(p.directions, b)
		p.add(b)
	}
	p.softness = newFader(d, false, 0.02, 0.1, func(v float64) {
		v = math.Round(v*100) / 100
		d.move("softness", &engine.SetTransition{Softness: &v})
	})
	p.softness.knobLength = 14
	p.softText = newLabel("", textSmall, colText)
	p.softText.Alignment = fyne.TextAlignTrailing
	p.add(p.softness, p.softText)
	p.swatch = newSwatch(d, func(text string) { p.dip(text[:min(len(text), 7)]) }) // a dip has no alpha
	p.add(p.swatch)
	p.color = newField(d, 1)
	p.color.SetPlaceHolder("#rrggbb")
	p.color.changed = func(text string) { p.judge(text) }
	p.color.given = func() { p.dip(p.color.Text) }
	p.color.undone = p.restore
	p.problem = newLabel("", textSmall, colBad)
	p.add(p.color, p.problem)
	p.min = fyne.NewSize(drawerWidth, drawerHeight)
	p.arrange = p.layout
	p.ExtendBaseWidget(p)
	return p
}

func (p *transitionDrawer) layout(s fyne.Size) {
	place(p.surface, 0, 0, s.Width, s.Height)
	w, y := s.Width-2*inset, float32(4)
	p.captions[0].place(inset, y, w, 16)
	y += 18
	bw := (w - 3*2) / 4
	for i, b := range p.directions {
		place(b, inset+float32(i)*(bw+2), y, bw, rowHeight)
	}
	y += rowHeight + gap
	p.captions[1].place(inset, y, w, 16)
	p.softText.place(inset, y, w, 16)
	y += 18
	place(p.softness, inset, y, w, 18)
	y += 18 + gap
	p.captions[2].place(inset, y, w, 16)
	y += 18
	place(p.swatch, inset, y, formControl, formControl)
	x := inset + formControl + gap
	place(p.color, x, y, s.Width-inset-x, formControl)
	p.problem.place(inset, y+formControl+2, w, 16)
}

func (p *transitionDrawer) judge(text string) {
	if text == "" || isDipColor(text) {
		p.problem.setText("")
	} else {
		p.problem.setText("A colour is # and six digits 0-9, a-f.")
	}
}

// dip sets the dip's colour, if it is one.
func (p *transitionDrawer) dip(text string) {
	if !isDipColor(text) {
		p.restore()
		return
	}
	p.problem.setText("")
	if s := p.desk.state; s == nil || s.Show.Transition.Color != text {
		p.desk.send(&engine.SetTransition{Color: text})
	}
}

// restore takes back what was typed.
func (p *transitionDrawer) restore() {
	p.problem.setText("")
	if s := p.desk.state; s != nil {
		p.color.setText(s.Show.Transition.Color)
	}
}

func (p *transitionDrawer) update(s *engine.State) {
	t := s.Show.Transition
	for i, b := range p.directions {
		b.lit(t.Direction == drawerDirections[i], colLit, colOnLit)
	}
	p.softness.follow(t.Softness)
	p.softText.setText(strconv.Itoa(int(math.Round(t.Softness*100))) + " %")
	if !p.color.typing {
		p.color.setText(t.Color)
		p.swatch.set(t.Color)
	}
}

// isDipColor reports whether text is a colour of a dip, #rrggbb.
func isDipColor(text string) bool { return len(text) == len("#rrggbb") && isColor(text) }
