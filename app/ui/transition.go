package ui

import (
	"fmt"
	"math"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// The limits of a transition's length, in frames.
const (
	minRate = 1
	maxRate = 250
)

// transitionPanel is the block between the monitors: what AUTO does, CUT, AUTO, fade to
// black and the T-bar.
type transitionPanel struct {
	box
	desk *desk

	surface  *canvas.Rectangle
	title    *label
	kinds    []scenes.TransitionKind
	kind     []*button
	slower   *button
	faster   *button
	rate     *label
	rateWell *canvas.Rectangle
	cut      *button
	auto     *button
	ftb      *button
	tbar     *fader
	tbarName *label
	// frames is the length last known, or asked for until askedUntil.
	frames     int
	askedUntil time.Time
	shownRate  int
	shownShow  *scenes.Show
}

func newTransitionPanel(d *desk) *transitionPanel {
	p := &transitionPanel{desk: d, frames: minRate}
	p.surface = newSurface(colPanel)
	p.title = newBold("TRANSITION", textSmall, colDim)
	p.rateWell = newSurface(colWell)
	p.rate = newBold("", textLarge, colText)
	p.rate.Alignment = fyne.TextAlignCenter
	p.add(p.surface, p.title, p.rateWell, p.rate)
	p.kinds = []scenes.TransitionKind{scenes.Mix, scenes.Dip, scenes.Wipe}
	for i, name := range []string{"MIX", "DIP", "WIPE"} {
		b := newButton(d, name, textSmall, func() { p.setKind(p.kinds[i]) })
		p.kind = append(p.kind, b)
		p.add(b)
	}
	p.slower = newButton(d, "−", textLarge, func() { p.changeRate(-1) })
	p.faster = newButton(d, "+", textLarge, func() { p.changeRate(+1) })
	p.cut = newButton(d, "CUT", textHuge, p.doCut)
	p.auto = newButton(d, "AUTO", textHuge, p.doAuto)
	p.ftb = newButton(d, "FTB", textLarge, p.doFTB)
	p.tbar = newFader(d, true, 0.02, math.NaN(), func(v float64) { d.move("tbar", &engine.TBar{Position: v}) })
	p.tbar.knobLength = 34
	for _, at := range []float64{0, 0.25, 0.5, 0.75, 1} {
		p.tbar.mark(at, colLine)
	}
	p.tbar.tint(colDim)
	p.tbarName = newLabel("T-bar", textSmall, colDim)
	p.tbarName.Alignment = fyne.TextAlignCenter
	p.add(p.slower, p.faster, p.cut, p.auto, p.ftb, p.tbar, p.tbarName)
	p.min = fyne.NewSize(150, 280)
	p.arrange = p.layout
	p.ExtendBaseWidget(p)
	return p
}

func (p *transitionPanel) layout(s fyne.Size) {
	place(p.surface, 0, 0, s.Width, s.Height)
	w := s.Width - 2*inset
	p.title.place(inset, 0, w, headerHeight)
	y := headerHeight
	kw := (w - 2*2) / 3
	for i, b := range p.kind {
		place(b, inset+float32(i)*(kw+2), y, kw, rowHeight)
	}
	y += rowHeight + gap
	const stepper float32 = 30
	place(p.slower, inset, y, stepper, rowHeight)
	place(p.faster, inset+w-stepper, y, stepper, rowHeight)
	place(p.rateWell, inset+stepper+2, y, w-2*stepper-4, rowHeight)
	p.rate.place(inset+stepper+2, y, w-2*stepper-4, rowHeight)
	y += rowHeight + 2*gap

	// Left: CUT, AUTO, FTB; right: the T-bar.
	const lever float32 = 44
	left := w - lever - 2*gap
	rest := s.Height - y - inset
	big := (rest - 2*gap) * 0.36
	place(p.cut, inset, y, left, big)
	place(p.auto, inset, y+big+gap, left, big)
	place(p.ftb, inset, y+2*(big+gap), left, rest-2*(big+gap))
	place(p.tbar, inset+w-lever, y, lever, rest-18)
	p.tbarName.place(inset+w-lever-gap, s.Height-inset-16, lever+2*gap, 16)
}

func (p *transitionPanel) doCut()  { p.desk.send(&engine.Cut{}) }
func (p *transitionPanel) doAuto() { p.desk.send(&engine.AutoTake{}) }
func (p *transitionPanel) doFTB()  { p.desk.send(&engine.FadeToBlack{}) }

func (p *transitionPanel) setKind(k scenes.TransitionKind) {
	p.desk.send(&engine.SetTransition{Kind: string(k)})
}

// nextKind goes through the kinds, for the keyboard.
func (p *transitionPanel) nextKind() {
	s := p.desk.state
	if s == nil || s.Show == nil {
		return
	}
	for i, k := range p.kinds {
		if k == s.Show.Transition.Kind {
			p.setKind(p.kinds[(i+1)%len(p.kinds)])
			return
		}
	}
	p.setKind(p.kinds[0])
}

// changeRate makes transitions longer or shorter by whole frames.
func (p *transitionPanel) changeRate(by int) {
	p.frames = min(max(p.frames+by, minRate), maxRate)
	p.askedUntil = p.desk.now().Add(settle)
	p.desk.move("rate", &engine.SetTransition{Frames: p.frames})
}

func (p *transitionPanel) update(s *engine.State) {
	t := s.Show.Transition
	for i, k := range p.kinds {
		p.kind[i].lit(t.Kind == k, colDim, colWell)
	}
	// Quick presses add up before the first has come back.
	if p.desk.now().After(p.askedUntil) {
		p.frames = t.Frames
	}
	if t.Frames != p.shownRate || s.Show != p.shownShow {
		p.shownRate, p.shownShow = t.Frames, s.Show
		p.rate.setText(framesText(t.Frames, s.Show.Canvas.FPS))
	}

	mid := s.Transition.Progress > 0 && s.Transition.Progress < 1
	switch {
	case s.Transition.Mode == engine.Auto:
		p.auto.look(fmt.Sprintf("AUTO %d", s.Transition.FramesLeft), colProgram, colWhite)
	case mid:
		p.auto.look("AUTO", colAmber, colInk) // halted: AUTO goes on
	default:
		p.auto.look("AUTO", colControl, colText)
	}
	switch {
	case s.Black >= 1:
		p.ftb.look("BLACK", colProgram, colWhite)
	case s.FadedOut || s.Black > 0:
		p.ftb.look("FADING", colAmber, colInk)
	default:
		p.ftb.look("FTB", colControl, colText)
	}
	p.tbar.follow(s.Transition.Lever)
	if mid {
		p.tbar.tint(colProgram)
	} else {
		p.tbar.tint(colDim)
	}
}
