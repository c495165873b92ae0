package ui

import (
	"fmt"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
)

// Safe areas as shares of the picture (EBU R 95).
const (
	actionSafe  float32 = 0.035
	graphicSafe float32 = 0.05
)

// widestView is the widest picture a monitor asks for where OpenGL is drawn by
// the processor; larger windows stretch it.
const widestView = 960

// monitorPanel is the large picture of one bus in its tally frame.
type monitorPanel struct {
	box
	desk *desk
	bus  engine.ViewBus

	frame          *outline
	well           *canvas.Rectangle // until there is a picture
	safe           [2]*outline
	view           *liveImage
	title, name    *label
	badge          *canvas.Rectangle
	badgeText      *label
	time           *label   // programme only
	tick           int64    // as shown
	safeButton     *button  // preview only
	handles        *handles // preview only
	transport      *transport
	safeAreasShown bool
}

func newMonitorPanel(d *desk, bus engine.ViewBus) *monitorPanel {
	p := &monitorPanel{desk: d, bus: bus, view: d.views.add()}
	p.frame, p.well = newOutline(colOff), canvas.NewRectangle(colBlack)
	p.badge = newSurface(colNone)
	p.badgeText = newBold("", textNormal, colWhite)
	p.badgeText.Alignment = fyne.TextAlignCenter
	p.name = newLabel("", textLarge, colText)
	p.title = newBold(monitorTitle(bus, 320), textNormal, colDim)
	p.frame.addTo(&p.box)
	p.add(p.well, p.view.img, p.title, p.name, p.badge, p.badgeText)
	for i := range p.safe {
		p.safe[i] = newOutline(colFaint)
		p.safe[i].show(false)
		p.safe[i].addTo(&p.box)
	}
	if bus == engine.ViewPreview {
		p.safeButton = newButton(d, "Safe areas", textSmall, p.toggleSafe).hint("Action 3.5 % and graphics 5 %, EBU R 95 (S)")
		p.handles = newHandles(d)
		p.add(p.safeButton, p.handles)
	}
	if bus == engine.ViewProgram {
		p.time = newBold("", textNormal, colText)
		p.time.TextStyle.Monospace = true
		p.add(p.time)
	}
	p.transport = newTransport(d, bus)
	p.transport.Hide()
	p.add(p.transport)
	p.min = fyne.NewSize(320, monitorHeight(320))
	p.arrange = p.layout
	p.ExtendBaseWidget(p)
	return p
}

// foot is the height of what is under the picture.
func (p *monitorPanel) foot() float32 {
	if p.transport.Visible() {
		return transportHeight
	}
	return 0
}

// monitorHeight is how high a monitor of a width is, without its foot.
func monitorHeight(width float32) float32 {
	return headerHeight + (width-2*tallyEdge)*9/16 + 2*tallyEdge
}

// monitorTitle is what a monitor of a width is called: short where the name of the scene
// needs the room.
func monitorTitle(bus engine.ViewBus, width float32) string {
	switch program := bus == engine.ViewProgram; {
	case width < leastWideMonitor && program:
		return "PGM"
	case width < leastWideMonitor:
		return "PVW"
	case program:
		return "PROGRAMME"
	}
	return "PREVIEW"
}

func (p *monitorPanel) layout(s fyne.Size) {
	if foot := p.foot(); foot > 0 {
		s.Height -= foot
		place(p.transport, 0, s.Height, s.Width, foot)
	}
	p.frame.place(0, headerHeight, s.Width, s.Height-headerHeight, tallyEdge)
	x, y, w, h := tallyEdge, headerHeight+tallyEdge, s.Width-2*tallyEdge, s.Height-headerHeight-2*tallyEdge
	place(p.well, x, y, w, h)
	place(p.view.img, x, y, w, h)
	for i, share := range []float32{actionSafe, graphicSafe} {
		p.safe[i].place(x+w*share, y+h*share, w*(1-2*share), h*(1-2*share), 1)
	}
	p.title.setText(monitorTitle(p.bus, s.Width))
	title := p.title.measure(p.title.full)
	p.title.place(2, 0, title, headerHeight)
	right := s.Width
	if p.safeButton != nil {
		bw := p.safeButton.MinSize().Width
		place(p.handles, x, y, w, h)
		// Where there is little room the name matters more; the menu and the key stay.
		if show(p.safeButton, s.Width >= 220); p.safeButton.Visible() {
			place(p.safeButton, right-bw, 1, bw, headerHeight-4)
			right -= bw + gap
		}
	}
	if p.bus == engine.ViewProgram {
		// Its room is kept while nothing is live, so that the time stands still; where there
		// is little room, only while it is needed.
		const badge = 104
		place(p.badge, right-badge, 1, badge, headerHeight-4)
		p.badgeText.place(right-badge, 1, badge, headerHeight-4)
		if p.badgeText.full != "" || s.Width >= leastWideMonitor {
			right -= badge + gap
		}
	}
	if p.time != nil {
		// Where there is no room for both, the name matters more.
		tw := p.time.measure("00:00:00:00")
		show(p.time.Text, right-tw-title-12 >= 90)
		if p.time.Visible() {
			p.time.place(right-tw, 0, tw+2, headerHeight)
			right -= tw + gap
		}
	}
	p.name.place(title+12, 0, max(right-title-12, 1), headerHeight)
}

func (p *monitorPanel) toggleSafe() {
	p.safeAreasShown = !p.safeAreasShown
	for _, r := range p.safe {
		r.show(p.safeAreasShown)
	}
	p.safeButton.lit(p.safeAreasShown, colFocus, colInk)
}

func (p *monitorPanel) update(s *engine.State) {
	limit, fps := 1<<14, monitorFPS
	if s.GPU.Software {
		limit, fps = widestView, softwareFPS
	}
	if n := int(p.desk.drawn.Load()); n > 0 {
		fps = n
	}
	p.view.sleep(!p.Visible())
	show(p.transport, countClips(s) > 0)
	p.transport.update(s) // hidden, too: its keys are for the clip of now
	if !p.Visible() {
		return
	}
	show(p.well, p.view.img.Image == nil)
	p.view.aimAt(p.bus, "", float64(fps), limit)
	p.updateTime(s)
	if p.bus == engine.ViewPreview {
		id := s.Preview
		if s.Next.KeysOnly() {
			id = s.Program
		}
		p.name.setText(nameOf(s, id))
		p.handles.update(s)
		p.frame.set(tallyColor(id != "", colPreview))
		return
	}
	black := s.Black >= 1
	p.frame.set(tallyColor(!black, colProgram))
	name, ink := nameOf(s, s.Program), color.Color(colText)
	switch {
	case black:
		name = "FTB, under it: " + name // what comes back
	case s.Transition.Progress > 0 && s.Transition.Progress < 1:
		name += "  to  " + nameOf(s, s.Preview)
	}
	if s.Master.Muted { // first: a long name is cut at its end
		name, ink = "MUTED  "+name, colWarn
	}
	p.name.set(name, ink)
	text, confirmed := onAir(s)
	switch {
	case text == "":
		p.setBadge("", colNone, colWhite)
	case confirmed:
		p.setBadge(text, colProgram, colWhite)
	default:
		p.setBadge(text, colAmber, colInk)
	}
}

// updateTime shows the studio's time on the programme, its frames while pictures move.
func (p *monitorPanel) updateTime(s *engine.State) {
	if p.time == nil || p.desk.calm || s.Tick == p.tick {
		return
	}
	p.tick = s.Tick
	p.time.setText(timecode(s.Tick, s.Show.Canvas.FPS))
}

// timecode is the studio time of a tick as hh:mm:ss:ff, frames counted without drops
// (SMPTE ST 12-1, non-drop-frame).
func timecode(tick int64, fps media.Rational) string {
	per := max(int64(math.Round(fps.Float())), 1)
	s := tick / per
	return fmt.Sprintf("%02d:%02d:%02d:%02d", s/3600, s/60%60, s%60, tick%per)
}

func (p *monitorPanel) setBadge(text string, ground, ink color.Color) {
	appears := (text == "") != (p.badgeText.full == "")
	fill(p.badge, ground, colNone, 0)
	p.badgeText.set(text, ink)
	if appears {
		p.layout(p.Size())
	}
}

func tallyColor(on bool, col color.Color) color.Color {
	if on {
		return col
	}
	return colOff
}
