package ui

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// The limits of a transition's length, in frames.
const (
	minRate = 1
	maxRate = 250
)

// transitionPanel is the block between the monitors: what the next transition is and
// moves, CUT, AUTO, fade to black and the T-bar.
type transitionPanel struct {
	box
	desk *desk

	kinds    []scenes.TransitionKind
	kind     []*button
	slower   *button
	faster   *button
	rate     *rateBox
	options  *button
	drawer   *transitionDrawer
	back     *button // BKGD: the next transition moves the background
	keys     *button // which keys it moves
	cut      *button
	auto     *button
	ftb      *button
	fadeRate *rateBox
	tbar     *fader
	// askedUntil is how long a rate that was asked for stands before the show's does.
	askedUntil time.Time
	fadeUntil  time.Time
	tied       int
}

func newTransitionPanel(d *desk) *transitionPanel {
	p := &transitionPanel{desk: d}
	p.kinds = []scenes.TransitionKind{scenes.Mix, scenes.Dip, scenes.Wipe}
	for i, name := range []string{"MIX", "DIP", "WIPE"} {
		b := newButton(d, name, textSmall, func() { p.setKind(p.kinds[i]) }).hint("What AUTO and the T-bar do (T: the next kind)")
		p.kind = append(p.kind, b)
		p.add(b)
	}
	p.rate = newRateBox(d, textLarge, "Length of AUTO as seconds:frames; press and type, or [ and ]", p.setRate)
	p.slower = newButton(d, "−", textLarge, func() { p.changeRate(-1) }).hint("One frame shorter ([)")
	p.faster = newButton(d, "+", textLarge, func() { p.changeRate(+1) }).hint("One frame longer (])")
	p.options = newButton(d, "…", textLarge, p.toggleDrawer).hint("Direction and softness of the wipe, colour of the dip")
	p.back = newButton(d, "BKGD", textSmall, p.toggleBackground).hint("The next transition moves the background; off, preview shows the programme as it will be with its keys")
	p.keys = newButton(d, "KEYS", textSmall, p.chooseKeys).hint("Overlays that come or go with the next transition; what comes is seen on preview")
	p.cut = newButton(d, "CUT", textHuge, p.doCut).hint("Swap preview and programme on the next frame (Enter)")
	p.auto = newButton(d, "AUTO", textHuge, p.doAuto).hint("Run the transition; halt and continue it (Space)")
	p.ftb = newButton(d, "FTB", textLarge, p.doFTB).hint("Fade to black and back (B)")
	p.fadeRate = newRateBox(d, textSmall, "Length of fade to black as seconds:frames", p.setFadeRate)
	p.tbar = newFader(d, true, 0.02, math.NaN(), func(v float64) { d.move("tbar", &engine.TBar{Position: v}) })
	p.tbar.knobLength, p.tbar.wheelless = 34, true
	for _, at := range []float64{0, 0.25, 0.5, 0.75, 1} {
		p.tbar.mark(at, colLine)
	}
	p.tbar.tint(colDim)
	p.drawer = newTransitionDrawer(d)
	p.add(p.slower, p.rate, p.faster, p.options, p.back, p.keys, p.cut, p.auto, p.ftb, p.fadeRate, p.tbar, p.drawer)
	p.drawer.Hide()
	p.min = fyne.NewSize(150, transitionLow)
	p.arrange = p.layout
	p.ExtendBaseWidget(p)
	return p
}

func (p *transitionPanel) layout(s fyne.Size) {
	w, y := s.Width-2*inset, inset
	kw := (w - 2*2) / 3
	for i, b := range p.kind {
		place(b, inset+float32(i)*(kw+2), y, kw, rowHeight)
	}
	y += rowHeight + 3
	const stepper float32 = 24
	place(p.slower, inset, y, stepper, rowHeight)
	place(p.rate, inset+stepper+2, y, w-3*stepper-6, rowHeight)
	place(p.faster, inset+w-2*stepper-2, y, stepper, rowHeight)
	place(p.options, inset+w-stepper, y, stepper, rowHeight)
	y += rowHeight + 3
	roomy := s.Height >= 220
	show(p.back, roomy)
	show(p.keys, roomy)
	if roomy {
		half := (w - 2) / 2
		place(p.back, inset, y, half, rowHeight)
		place(p.keys, inset+half+2, y, half, rowHeight)
		y += rowHeight
	}
	y += gap

	// Left: CUT, AUTO, FTB with its rate; right: the T-bar.
	const lever float32 = 40
	left := w - lever - 2*gap
	rest := s.Height - y - inset
	fade := min(max(rest*0.3, 24), 60)
	big := (rest - fade - 2*gap) / 2
	place(p.cut, inset, y, left, big)
	place(p.auto, inset, y+big+gap, left, big)
	const rate float32 = 38
	place(p.ftb, inset, y+2*(big+gap), left-rate-2, fade)
	place(p.fadeRate, inset+left-rate, y+2*(big+gap), rate, fade)
	place(p.tbar, inset+w-lever, y, lever, rest)

	// The drawer lies to the left, over what is next and never over CUT and AUTO.
	d := p.drawer.min
	place(p.drawer, max(-d.Width-gap, gap-p.Position().X), 0, d.Width, d.Height)
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
func (p *transitionPanel) changeRate(by int) { p.rate.step(by) }

func (p *transitionPanel) setRate(frames int) {
	p.askedUntil = p.desk.now().Add(settle)
	p.desk.move("rate", &engine.SetTransition{Frames: frames})
}

func (p *transitionPanel) setFadeRate(frames int) {
	p.fadeUntil = p.desk.now().Add(settle)
	p.desk.move("fade rate", &engine.SetFadeRate{Frames: frames})
}

func (p *transitionPanel) toggleDrawer() {
	show(p.drawer, !p.drawer.Visible())
	p.options.lit(p.drawer.Visible(), colLit, colOnLit)
}

func (p *transitionPanel) toggleBackground() {
	if s := p.desk.state; s != nil {
		on := !s.Next.Background
		p.desk.send(&engine.SetNext{Background: &on})
	}
}

// chooseKeys lists the overlays; those with a tick come or go with the next transition.
func (p *transitionPanel) chooseKeys() {
	s := p.desk.state
	if s == nil {
		return
	}
	var items []*fyne.MenuItem
	for _, o := range s.Show.Overlays {
		tied := slices.Contains(s.Next.Overlays, o.ID)
		item := fyne.NewMenuItem(o.Name, func() { p.desk.tie(o.ID) })
		item.Checked = tied
		items = append(items, item)
	}
	if len(items) == 0 {
		p.desk.tell("This show has no overlays that could come with a transition.")
		return
	}
	dropDown(p.keys, items)
}

func (p *transitionPanel) update(s *engine.State) {
	t := s.Show.Transition
	for i, k := range p.kinds {
		p.kind[i].lit(t.Kind == k, colLit, colOnLit)
	}
	// Quick presses add up before the first has come back.
	now := p.desk.now()
	if now.After(p.askedUntil) {
		p.rate.set(t.Frames, s.Show.Canvas.FPS)
	}
	if now.After(p.fadeUntil) {
		p.fadeRate.set(s.Show.FadeToBlack.Frames, s.Show.Canvas.FPS)
	}
	p.back.lit(s.Next.Background, colLit, colOnLit)
	if n := len(s.Next.Overlays); n != p.tied || p.keys.caption.full == "" {
		p.tied = n
		if n > 0 {
			p.keys.look(fmt.Sprintf("KEYS %d", n), colLit, colOnLit)
		} else {
			p.keys.look("KEYS", colControl, colText)
		}
	}
	if p.drawer.Visible() {
		p.drawer.update(s)
	}

	mid := s.Transition.Progress > 0 && s.Transition.Progress < 1
	switch {
	case s.Transition.Mode == engine.Auto:
		p.auto.look(autoText(s.Transition.FramesLeft, s.Show.Canvas.FPS), colProgram, colWhite)
	case mid:
		p.auto.look("AUTO", colAmber, colInk) // halted: AUTO goes on
	default:
		p.auto.look("AUTO", colControl, colText)
	}
	switch {
	case s.Black >= 1:
		p.lookFTB("BLACK", textSmall, colProgram, colWhite)
	case s.FadedOut || s.Black > 0:
		p.lookFTB("FADING", textSmall, colAmber, colInk)
	default:
		p.lookFTB("FTB", textLarge, colControl, colText)
	}
	p.tbar.follow(s.Transition.Lever)
	if mid {
		p.tbar.tint(colProgram)
	} else {
		p.tbar.tint(colDim)
	}
}

// lookFTB is look in a size in which the word fits beside the rate.
func (p *transitionPanel) lookFTB(word string, size float32, ground, ink color.Color) {
	c := p.ftb.caption
	other := c.TextSize != size
	if other {
		c.TextSize, c.full = size, "" // so that it is measured anew
	}
	p.ftb.look(word, ground, ink)
	if other {
		p.ftb.arrange(p.ftb.Size())
	}
}

// autoText counts a running AUTO down.
func autoText(left int, fps media.Rational) string { return "AUTO " + framesText(left, fps) }
