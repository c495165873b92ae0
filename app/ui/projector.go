package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/app/engine"
)

// projection is what a projector shows.
type projection uint8

// Projections.
const (
	projectProgram projection = iota + 1
	projectPreview
	projectMultiview
)

// projections in the order of the menu.
var projections = []struct {
	kind  projection
	title string
}{
	{projectProgram, "Programme full screen"},
	{projectPreview, "Preview full screen"},
	{projectMultiview, "Multiview full screen"},
}

const (
	projectorFPS = 30
	// multiviewCells are the small pictures, under the two large ones.
	multiviewCells   = 8
	multiviewColumns = 4
)

// projector is a second window, full screen, on a second display when there is one. Esc
// and F11 leave it; all other keys do what they do in the main window.
type projector struct {
	desk *desk
	keys *keyboard
	// newWindow makes a window; main is the one not to cover.
	newWindow func(title string) fyne.Window
	main      fyne.Window

	win   fyne.Window // nil: closed
	kind  projection
	panel panel
	own   *desk // the main one with pictures of its own
}

// showing reports whether the projector shows kind.
func (p *projector) showing(kind projection) bool { return p.win != nil && p.kind == kind }

// toggle shows kind, or closes the projector that shows it.
func (p *projector) toggle(kind projection) {
	if p.showing(kind) {
		p.close()
		return
	}
	p.close()
	p.open(kind)
}

func (p *projector) open(kind projection) {
	own := *p.desk
	own.views = newViewSet(p.desk.studio.openView)
	p.own, p.kind = &own, kind
	own.keyDown = p.keyDown
	if kind == projectMultiview {
		p.panel = newMultiview(&own)
	} else {
		p.panel = newFullPicture(&own, map[projection]engine.ViewBus{projectProgram: engine.ViewProgram, projectPreview: engine.ViewPreview}[kind])
	}
	title := projections[0].title
	for _, v := range projections {
		if v.kind == kind {
			title = v.title
		}
	}
	p.win = p.newWindow("Crosspoint - " + title)
	p.win.SetPadded(false)
	p.win.SetContent(p.panel)
	p.win.SetCloseIntercept(p.close)
	if c, ok := p.win.Canvas().(desktop.Canvas); ok {
		c.SetOnKeyDown(p.keyDown)
	}
	p.win.Resize(fyne.NewSize(960, 540))
	p.win.Show()
	if p.main != nil {
		otherDisplay(p.win, p.main)
	}
	p.win.SetFullScreen(true)
	p.desk.sets.add(own.views)
	if p.desk.state != nil {
		p.update(p.desk.state)
	}
}

func (p *projector) keyDown(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape || e.Name == fyne.KeyF11 {
		p.close()
		return
	}
	p.keys.down(e.Name, currentModifiers())
}

// close ends the projector's window and its pictures.
func (p *projector) close() {
	if p.win == nil {
		return
	}
	p.desk.sets.remove(p.own.views)
	p.win.SetCloseIntercept(nil)
	p.win.Close()
	p.win, p.panel, p.own = nil, nil, nil
}

func (p *projector) update(s *engine.State) {
	if p.win == nil {
		return
	}
	p.own.state, p.own.calm = s, p.desk.calm
	p.panel.update(s)
}

// fullPicture is one bus as large as the window.
type fullPicture struct {
	box
	bus  engine.ViewBus
	back *canvas.Rectangle
	view *liveImage
}

func newFullPicture(d *desk, bus engine.ViewBus) *fullPicture {
	p := &fullPicture{bus: bus, back: canvas.NewRectangle(colBlack), view: d.views.add()}
	p.add(p.back, p.view.img)
	p.min = fyne.NewSize(160, 90)
	p.arrange = func(s fyne.Size) {
		place(p.back, 0, 0, s.Width, s.Height)
		place(p.view.img, 0, 0, s.Width, s.Height)
	}
	p.ExtendBaseWidget(p)
	return p
}

func (p *fullPicture) update(s *engine.State) {
	limit := 1 << 14
	if s.GPU.Software {
		limit = widestView
	}
	p.view.aimAt(p.bus, "", projectorFPS, limit)
}

// multiview is preview and programme large, and the first scenes and sources small;
// clicks switch as in the bank.
type multiview struct {
	box
	desk             *desk
	back             *canvas.Rectangle
	preview, program *monitorPanel
	cells            []*bankCell
	items            []bankItem
	source           map[string]*engine.SourceState // memory of update
	late             lateness
}

func newMultiview(d *desk) *multiview {
	m := &multiview{desk: d, source: map[string]*engine.SourceState{}, back: canvas.NewRectangle(colBlack)}
	m.preview, m.program = newMonitorPanel(d, engine.ViewPreview), newMonitorPanel(d, engine.ViewProgram)
	m.add(m.back, m.preview, m.program)
	for range multiviewCells {
		c := newBankCell(d)
		m.cells = append(m.cells, c)
		m.add(c)
	}
	m.min = fyne.NewSize(480, 270)
	m.arrange = m.layout
	m.ExtendBaseWidget(m)
	return m
}

func (m *multiview) layout(s fyne.Size) {
	place(m.back, 0, 0, s.Width, s.Height)
	rows := float32(multiviewCells / multiviewColumns)
	width := s.Width
	height := func(w float32) float32 {
		return monitorHeight((w-gap)/2) + rows*(gap+cellHeight((w-3*gap)/multiviewColumns))
	}
	for width > 160 && height(width) > s.Height {
		width -= 4
	}
	x, y := (s.Width-width)/2, (s.Height-height(width))/2
	large := (width - gap) / 2
	place(m.preview, x, y, large, monitorHeight(large))
	place(m.program, x+large+gap, y, large, monitorHeight(large))
	y += monitorHeight(large) + gap
	small := (width - 3*gap) / multiviewColumns
	for i, c := range m.cells {
		place(c, x+float32(i%multiviewColumns)*(small+gap), y+float32(i/multiviewColumns)*(cellHeight(small)+gap), small, cellHeight(small))
	}
}

func (m *multiview) update(s *engine.State) {
	m.preview.update(s)
	m.program.update(s)
	m.items = m.items[:0]
	for _, v := range s.Show.Scenes {
		m.items = append(m.items, bankItem{v.ID, v.Name})
	}
	for i := range s.Sources {
		if v := &s.Sources[i]; v.HasVideo {
			m.items = append(m.items, bankItem{v.ID, v.Name})
		}
	}
	clear(m.source)
	for i := range s.Sources {
		m.source[s.Sources[i].ID] = &s.Sources[i]
	}
	m.late.read(s)
	for i, c := range m.cells {
		there := i < len(m.items)
		show(c, there)
		if !there {
			c.stop()
			continue
		}
		if c.item != m.items[i] {
			c.assign(i, m.items[i])
		}
		needs, _ := s.Show.SourcesOf(m.items[i].id) // what cannot be resolved needs nothing
		c.update(s, needs, m.source, &m.late)
	}
}
