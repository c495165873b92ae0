package ui

import (
	"fmt"
	"strings"

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

// prefProjector is the name of the display that projectors go to; "" is one that the
// main window is not on.
const prefProjector = "projector display"

// screens are the desktop's displays; desktopScreens says what each does.
type screens interface {
	list(win fyne.Window) []display
	middle(win fyne.Window) (x, y int)
	move(win fyne.Window, to display)
	fill(win fyne.Window, to display)
	hasKeyboard(win fyne.Window) bool
	restore(win fyne.Window)
}

// projector is a second window, full screen, on the display that was chosen or else on one
// that the main window is not on, when there is one. Esc and F11 leave it; all other keys
// do what they do in the main window. When its display is taken away it closes, and opens
// again when the display is back.
type projector struct {
	desk *desk
	keys *keyboard
	// newWindow makes a window; main is the one not to cover.
	newWindow func(title string) fyne.Window
	main      fyne.Window
	screens   screens
	prefs     fyne.Preferences
	// covered reports whether a dialog or the palette lies over the main window's panels.
	// wasCovered: at the last update.
	covered    func() bool
	wasCovered bool
	all        []display // at the last look
	choices    []*action // of them, for the menu

	win   fyne.Window // nil: closed
	kind  projection
	panel panel
	own   *desk   // the main one with pictures of its own
	on    display // that it fills; without a name where there are none to choose from
	// lost is what showed on a display that was taken away, and its name; 0 is nothing.
	lost   projection
	lostOn string
}

// showing reports whether the projector shows kind.
func (p *projector) showing(kind projection) bool { return p.win != nil && p.kind == kind }

// audience says that others may watch the programme on the projector; "" is that nobody does.
func (p *projector) audience() string {
	if p.showing(projectProgram) {
		return "The projector shows the programme."
	}
	return ""
}

// title is what kind is called in the menu.
func (k projection) title() string {
	for _, v := range projections {
		if v.kind == k {
			return v.title
		}
	}
	return ""
}

// toggle shows kind, or closes the projector that shows it.
func (p *projector) toggle(kind projection) {
	p.lost = 0
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
		p.panel = newMultiview(&own, p.keys.bank.number)
	} else {
		p.panel = newFullPicture(&own, map[projection]engine.ViewBus{projectProgram: engine.ViewProgram, projectPreview: engine.ViewPreview}[kind])
	}
	p.win = p.newWindow("Crosspoint - " + kind.title())
	own.stopTyping, own.focused = p.win.Canvas().Unfocus, p.win.Canvas().Focused
	p.win.SetPadded(false)
	p.win.SetContent(p.panel)
	p.win.SetCloseIntercept(p.leave)
	if c, ok := p.win.Canvas().(desktop.Canvas); ok {
		c.SetOnKeyDown(p.keyDown)
	}
	p.win.Resize(fyne.NewSize(960, 540))
	p.win.Show()
	p.fill()
	p.desk.sets.add(own.views)
	if p.desk.state != nil {
		p.update(p.desk.state)
	}
}

// fill makes the window full screen on the display that it should be on.
func (p *projector) fill() {
	var there bool
	if p.on, there = p.choose(); !there {
		p.win.SetFullScreen(true)
		return
	}
	p.screens.move(p.win, p.on)
	p.win.SetFullScreen(true)
	p.screens.fill(p.win, p.on)
}

// choose finds the display to fill: the one chosen before, else one that the main window
// is not on; false when that leaves none, and the window manager decides.
func (p *projector) choose() (display, bool) {
	p.look()
	if d, ok := p.named(p.wanted()); ok {
		return d, true
	}
	if len(p.all) > 1 {
		x, y := p.screens.middle(p.main)
		for _, d := range p.all {
			if !d.has(x, y) {
				return d, true
			}
		}
	}
	return display{}, false
}

// named is the display of a name at the last look.
func (p *projector) named(name string) (display, bool) {
	for _, d := range p.all {
		if d.name == name {
			return d, true
		}
	}
	return display{}, false
}

// still is the display that the projector fills, at the last look. Names of equal displays
// are told by their order in the list, which changes when one of them goes or comes: the one
// at the same place and of the same size is the same.
func (p *projector) still() (display, bool) {
	for _, d := range p.all {
		if d.x == p.on.x && d.y == p.on.y && d.width == p.on.width && d.height == p.on.height {
			return d, true
		}
	}
	return p.named(p.on.name)
}

// look takes note of the displays that there are, and makes the entries of the menu.
func (p *projector) look() {
	p.all, p.choices = p.screens.list(p.main), nil
	if len(p.all) < 2 {
		return
	}
	const menu = "View/Projector"
	known := func() bool { _, ok := p.named(p.wanted()); return ok }
	p.choices = append(p.choices, &action{menu: menu, name: "On a display without this window", split: true,
		checked: func() bool { return !known() }, do: func() { p.want("") }})
	for _, d := range p.all {
		p.choices = append(p.choices, &action{menu: menu, name: fmt.Sprintf("On %s (%d x %d)", d.name, d.width, d.height),
			checked: func() bool { return p.wanted() == d.name }, do: func() { p.want(d.name) }})
	}
}

func (p *projector) wanted() string { return p.prefs.String(prefProjector) }

// want chooses the display for projectors, now and at later starts; "" is one that the
// main window is not on.
func (p *projector) want(name string) {
	p.prefs.SetString(prefProjector, name)
	if p.win == nil {
		return
	}
	if to, ok := p.choose(); ok && to.name != p.on.name {
		p.reopen(p.kind)
	}
}

// actions are the displays to choose from, for the end of the menu; none where there is
// only one.
func (p *projector) actions() []*action { return p.choices }

// displaysChanged follows displays that come and go. For Fyne's goroutine.
func (p *projector) displaysChanged() {
	p.look()
	if p.win != nil && p.on.name != "" {
		if on, there := p.still(); there {
			p.on = on
		} else {
			p.lost, p.lostOn = p.kind, p.on.name
			p.close()
			p.desk.tell(fmt.Sprintf("The display %s is gone, and with it the %s; it comes back with the display.", p.lostOn, strings.ToLower(p.lost.title())))
		}
		return
	}
	if _, there := p.named(p.lostOn); there && p.lost != 0 && p.win == nil {
		kind := p.lost
		p.lost = 0
		p.reopen(kind)
	}
}

// reopen shows kind on the display that is right now. A new window takes the keyboard, and
// nobody asked for one at this moment: what is being typed in the main window would become
// cuts. So that gets the keyboard back, unless the projector covers it.
func (p *projector) reopen(kind projection) {
	p.close()
	p.open(kind)
	if p.main != nil && p.on.name != "" && !p.on.has(p.screens.middle(p.main)) {
		p.main.RequestFocus()
	}
}

// keyDown acts on a key of the projector as the main window does on its own. What a dialog or
// the palette asks there is answered there, so the keyboard goes there with the question.
func (p *projector) keyDown(e *fyne.KeyEvent) {
	if !p.covered() && (e.Name == fyne.KeyEscape || e.Name == fyne.KeyF11) {
		p.leave()
		return
	}
	p.desk.keyDown(e)
	if p.covered() {
		p.handOver()
	}
}

// handOver gives the keyboard to the main window.
func (p *projector) handOver() {
	if p.main != nil {
		p.screens.restore(p.main)
		p.main.RequestFocus()
	}
}

// leave closes the projector for good.
func (p *projector) leave() {
	p.lost = 0
	p.close()
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
	covered := p.covered()
	if covered && !p.wasCovered && p.screens.hasKeyboard(p.win) { // a dialog comes a while after its key
		p.handOver()
	}
	p.wasCovered = covered
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
// clicks switch as in the bank, and a cell has the number that its item has there: the keys
// are the bank's.
type multiview struct {
	box
	desk             *desk
	number           func(id string) int // in the bank, from 0; -1 is none
	back             *canvas.Rectangle
	preview, program *monitorPanel
	cells            []*bankCell
	items            []bankItem
	source           map[string]*engine.SourceState // memory of update
	late             lateness
	foot             float32 // of the large pictures at the last layout
}

func newMultiview(d *desk, number func(id string) int) *multiview {
	m := &multiview{desk: d, number: number, source: map[string]*engine.SourceState{}, back: canvas.NewRectangle(colBlack)}
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
	m.foot = m.preview.foot()
	height := func(w float32) float32 {
		return monitorHeight((w-gap)/2) + m.foot + rows*(gap+cellHeight((w-3*gap)/multiviewColumns))
	}
	for width > 160 && height(width) > s.Height {
		width -= 4
	}
	x, y := (s.Width-width)/2, (s.Height-height(width))/2
	large := (width - gap) / 2
	place(m.preview, x, y, large, monitorHeight(large)+m.foot)
	place(m.program, x+large+gap, y, large, monitorHeight(large)+m.foot)
	y += monitorHeight(large) + m.foot + gap
	small := (width - 3*gap) / multiviewColumns
	for i, c := range m.cells {
		place(c, x+float32(i%multiviewColumns)*(small+gap), y+float32(i/multiviewColumns)*(cellHeight(small)+gap), small, cellHeight(small))
	}
}

func (m *multiview) update(s *engine.State) {
	m.preview.update(s)
	m.program.update(s)
	if m.preview.foot() != m.foot {
		m.layout(m.Size())
	}
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
		if n := m.number(m.items[i].id); c.item != m.items[i] || c.place != n {
			c.assign(n, m.items[i])
		}
		needs, _ := s.Show.SourcesOf(m.items[i].id) // what cannot be resolved needs nothing
		c.update(s, needs, m.source, &m.late)
	}
}
