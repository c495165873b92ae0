package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/app/engine"
)

const (
	tabHeight    float32 = 42
	tabIcon      float32 = 18
	sideMinWidth float32 = 270
)

// sideTab is one panel of the side column; id is stable, for preferences and for
// desk.openTab.
type sideTab struct {
	id, title string
	panel     panel
	tab       *tabButton
}

// side makes a tab of the side column. icon is one of assets' names.
func side(title, icon string, p panel) *sideTab {
	return &sideTab{id: icon, title: title, panel: p}
}

// tabTips say what is behind the tabs.
var tabTips = map[string]string{
	"outputs":   "Where the programme goes: streams and recordings",
	"show":      "What the show is made of: sources, scenes, layers, overlays",
	"sound":     "The chosen strip or bus: inserts, sends, delay, loudness",
	"log":       "What happened, newest last",
	"stats":     "How the studio is doing, in numbers",
	"rehearsal": "What the built-in receiver sees of your streams",
}

// sidePanel is the column at the right: one panel at a time, chosen by tabs. Every
// panel is updated all the time; what is not shown is hidden (Visible is false).
type sidePanel struct {
	box
	desk *desk
	tabs []*sideTab
	open int
	// opened is told which tab was chosen by hand.
	opened func(id string)
}

func newSidePanel(d *desk, tabs ...*sideTab) *sidePanel {
	p := &sidePanel{desk: d, tabs: tabs, opened: func(string) {}}
	for i, t := range tabs {
		t.tab = newTabButton(d, t.id, t.title, func() { p.choose(i) })
		t.tab.hint(tabTips[t.id])
		p.add(t.tab)
	}
	for i, t := range tabs {
		p.add(t.panel)
		show(t.panel, i == 0)
		t.tab.choose(i == 0)
	}
	p.min = fyne.NewSize(sideMinWidth, 200)
	p.arrange = func(s fyne.Size) {
		// Captions differ in length: what is over is shared, not the whole.
		over := s.Width
		for _, t := range p.tabs {
			over -= captionWidth(t.title)
		}
		x := float32(0)
		for _, t := range p.tabs {
			w := captionWidth(t.title) + over/float32(len(p.tabs))
			place(t.tab, x, 0, w, tabHeight)
			x += w
			place(t.panel, 0, tabHeight+2, s.Width, max(s.Height-tabHeight-2, 0))
		}
	}
	p.ExtendBaseWidget(p)
	return p
}

func captionWidth(title string) float32 {
	return fyne.MeasureText(title, textSmall, fyne.TextStyle{Bold: true}).Width
}

// choose opens tab i by hand.
func (p *sidePanel) choose(i int) {
	p.show(i)
	p.opened(p.tabs[i].id)
}

// forget has the panels put away what belongs to the show before: what is being filled in,
// and questions.
func (p *sidePanel) forget() {
	for _, t := range p.tabs {
		if v, ok := t.panel.(interface{ forget() }); ok {
			v.forget()
		}
	}
}

func (p *sidePanel) show(i int) {
	if i == p.open {
		return
	}
	p.open = i
	for k, t := range p.tabs {
		show(t.panel, k == i)
		t.tab.choose(k == i)
	}
	if p.desk.state != nil {
		p.tabs[i].panel.update(p.desk.state)
	}
}

// openID opens a tab by its id, if there is one.
func (p *sidePanel) openID(id string) {
	for i, t := range p.tabs {
		if t.id == id {
			p.show(i)
			return
		}
	}
}

func (p *sidePanel) update(s *engine.State) {
	for _, t := range p.tabs {
		t.panel.update(s)
	}
}

// tabButton is a button with an icon over its caption and a line under it when its
// tab is open.
type tabButton struct {
	button
	icon *icon
	line *canvas.Rectangle
	open bool
}

func newTabButton(d *desk, iconName, title string, press func()) *tabButton {
	t := &tabButton{icon: newIcon(iconName, colDim), line: canvas.NewRectangle(colFocus)}
	t.init(d, title, textSmall, press)
	t.add(t.icon, t.line)
	t.ground = colPanel
	t.paint()
	t.min = fyne.NewSize(40, tabHeight)
	t.arrange = func(s fyne.Size) {
		place(t.back, 1, 1, s.Width-2, s.Height-2)
		place(t.icon, (s.Width-tabIcon)/2, 5, tabIcon, tabIcon)
		t.caption.place(2, tabIcon+6, s.Width-4, 15)
		place(t.line, 4, s.Height-3, s.Width-8, 2)
	}
	t.ExtendBaseWidget(t)
	return t
}

// choose shows whether the tab is open.
func (t *tabButton) choose(open bool) {
	t.open = open
	shade := colDim
	if open {
		shade = colText
	}
	t.icon.set(t.icon.name(), shade)
	t.look(t.caption.full, colPanel, shade)
	show(t.line, open)
}
