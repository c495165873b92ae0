package ui

import (
	"fmt"
	"image/color"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/compositor/gpu"
)

const (
	// noticeFor is how long the refusal of a command is shown.
	noticeFor = 6 * time.Second
	// silentAfter is when a studio whose tick does not move is reported.
	silentAfter = 2 * time.Second
	statusRow   = 20
)

// Shares of CONVENTIONS at which a number turns amber and red.
const (
	fpsAmber, fpsRed   = 0.95, 0.80
	tickAmber, tickRed = 0.75, 1.00
)

// statusPanel is two lines at the foot: what the operator should know, and how the
// studio is doing.
type statusPanel struct {
	box
	desk    *desk
	surface *canvas.Rectangle
	lamp    *lamp
	message *label
	fields  []*label

	notice      string
	noticeUntil time.Time

	tick      int64
	tickMoved time.Time

	// The last reading of counters, a second or more ago in studio time.
	readAt    time.Duration
	read      engine.Counters
	fps       float64
	path      string
	haveRates bool
}

func newStatusPanel(d *desk) *statusPanel {
	p := &statusPanel{desk: d, surface: newSurface(colPanel), lamp: newLamp()}
	p.message = newLabel("Starting.", textNormal, colDim)
	p.add(p.surface, p.lamp, p.message)
	for range 5 {
		l := newLabel("", textSmall, colDim)
		p.fields = append(p.fields, l)
		p.add(l)
	}
	p.min = fyne.NewSize(600, 2*statusRow+4)
	p.arrange = p.layout
	p.ExtendBaseWidget(p)
	return p
}

// shares of the width that the fields of the second line get.
var statusShares = []float32{0.25, 0.19, 0.16, 0.24, 0.16}

func (p *statusPanel) layout(s fyne.Size) {
	place(p.surface, 0, 0, s.Width, s.Height)
	place(p.lamp, inset, 6, 12, 12)
	p.message.place(inset+18, 2, s.Width-2*inset-18, statusRow)
	x, w := inset, s.Width-2*inset
	for i, l := range p.fields {
		l.place(x, 2+statusRow, w*statusShares[i]-gap, statusRow)
		x += w * statusShares[i]
	}
}

// tell shows a sentence about a command that was refused.
func (p *statusPanel) tell(text string) {
	p.notice, p.noticeUntil = text, p.desk.now().Add(noticeFor)
}

// silent follows a poll that brought no new state.
func (p *statusPanel) silent() {
	if !p.tickMoved.IsZero() && p.desk.now().Sub(p.tickMoved) > silentAfter {
		p.lamp.set(shapeSquare, colBad)
		p.message.set("The studio has not moved for "+clockText(p.desk.now().Sub(p.tickMoved))+"; what is on air may be frozen.", colBad)
	}
}

func (p *statusPanel) update(s *engine.State) {
	now := p.desk.now()
	if s.Tick == p.tick && !p.tickMoved.IsZero() {
		if now.Sub(p.tickMoved) > silentAfter {
			p.silent()
			return
		}
	} else {
		p.tick, p.tickMoved = s.Tick, now
	}
	p.updateMessage(s, now)
	p.updateNumbers(s)
}

func (p *statusPanel) updateMessage(s *engine.State, now time.Time) {
	switch n := len(s.Warnings); {
	case now.Before(p.noticeUntil):
		p.lamp.set(shapeTriangle, colAmber)
		p.message.set(p.notice, colAmber)
	case n > 0:
		text := sentence(s.Warnings[n-1].Text)
		if n > 1 {
			text += fmt.Sprintf("  (+%d more)", n-1)
		}
		p.lamp.set(shapeTriangle, colAmber)
		p.message.set(text, colAmber)
	default:
		p.lamp.set(shapeDisc, colGood)
		p.message.set("All is well.  F1 shows the keys.", colDim)
	}
}

func (p *statusPanel) updateNumbers(s *engine.State) {
	c := s.Counters
	if d := s.Time - p.readAt; !p.haveRates || d >= time.Second || d < 0 {
		p.readRates(s, d)
	} else {
		return // numbers change once a second, so that they can be read
	}
	want := s.Show.Canvas.FPS.Float()
	p.fields[0].set(fmt.Sprintf("%.1f of %s fps   new %s   late %s", p.fps, rateText(want), countText(c.New), countText(c.Late)), grade(p.fps < fpsAmber*want, p.fps < fpsRed*want))
	p.fields[1].set(fmt.Sprintf("tick %.1f of %.1f ms   max %.1f", c.TickMS, c.BudgetMS, c.TickMaxMS), grade(c.TickMS > tickAmber*c.BudgetMS, c.TickMS > tickRed*c.BudgetMS))
	p.fields[2].setText(p.path)
	p.fields[3].setText(gpuText(s.GPU))
	p.fields[4].setText(encoderText(s.Renditions))
}

// readRates takes what happened since the last reading, d ago.
func (p *statusPanel) readRates(s *engine.State, d time.Duration) {
	c := s.Counters
	if p.haveRates && d > 0 {
		p.fps = float64(c.New-p.read.New+c.Repeated-p.read.Repeated) / d.Seconds()
	} else {
		p.fps = s.Show.Canvas.FPS.Float()
	}
	p.path = pathText(c.Passthrough-p.read.Passthrough, c.Rects-p.read.Rects, c.Full-p.read.Full)
	p.readAt, p.read, p.haveRates = s.Time, c, true
}

// pathText says how the compositor made its last pictures.
func pathText(pass, rects, full int64) string {
	all := pass + rects + full
	if all <= 0 {
		return "compose: idle"
	}
	name, n := "passthrough", pass
	if rects > n {
		name, n = "rectangles", rects
	}
	if full > n {
		name, n = "full", full
	}
	if n == all {
		return "compose: " + name
	}
	return fmt.Sprintf("compose: %s %d %%", name, n*100/all)
}

// gpuText is the renderer without its driver's genealogy.
func gpuText(g gpu.Info) string {
	name, _, _ := strings.Cut(g.Renderer, " (")
	switch {
	case name == "":
		return "no OpenGL"
	case g.Software:
		return name + ", on the processor"
	}
	return name
}

func encoderText(r []engine.RenditionState) string {
	var names []string
	for _, v := range r {
		if v.Encoder != "" {
			names = append(names, v.Encoder)
		}
	}
	if len(names) == 0 {
		return "no encoder running"
	}
	return strings.Join(names, ", ")
}

func rateText(fps float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", fps), "0"), ".")
}

func grade(amber, red bool) color.Color {
	switch {
	case red:
		return colBad
	case amber:
		return colAmber
	}
	return colDim
}
