package ui

import (
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// How wide a cell of the bank may be.
const (
	cellNarrow float32 = 150
	cellWide   float32 = 232
)

// bankItem is one scene or source that can be switched to.
type bankItem struct{ id, name string }

// bankPanel is what can be put on the buses: the show's scenes, or its sources, as
// pictures with number, name and tally, and the overlays.
type bankPanel struct {
	box
	desk *desk

	tabs     [3]*button // scenes, sources, both
	scroll   *container.Scroll
	grid     *box
	cells    []*bankCell
	spare    []*bankCell // made before, not needed now
	empty    *label
	overlays *overlayRow

	tab     int
	sources bool // the tab of sources alone is open
	standin bool // it is so only because the show has no scene yet
	show    *scenes.Show
	items   []bankItem
	// needs is the sources each item shows, for its trouble badge.
	needs map[string][]string
	// source finds a source of the state by id; memory of update.
	source map[string]*engine.SourceState
	late   lateness
}

func newBankPanel(d *desk) *bankPanel {
	p := &bankPanel{desk: d, grid: &box{}, needs: map[string][]string{}, source: map[string]*engine.SourceState{}}
	for i, name := range []string{"SCENES", "SOURCES", "ALL"} {
		p.tabs[i] = newButton(d, name, textSmall, func() { p.choose(i) }).hint("What the bank shows, and what 1 to 0 mean (Ctrl+Tab)")
	}
	p.empty = newLabel("This show has nothing to switch to yet.", textNormal, colDim)
	p.overlays = newOverlayRow(d)
	p.grid.arrange = func(fyne.Size) {}
	p.grid.ExtendBaseWidget(p.grid)
	p.scroll = container.NewVScroll(p.grid)
	p.add(p.tabs[0], p.tabs[1], p.tabs[2], p.overlays, p.empty, p.scroll)
	p.min = fyne.NewSize(500, p.heightFor(500, 1))
	p.arrange = p.layout
	p.ExtendBaseWidget(p)
	return p
}

// columns is how many cells stand side by side, and how wide they are.
func (p *bankPanel) columns(width float32) (n int, cell float32) {
	inner := width - 2*inset - scrollRoom
	n = max(int((inner+gap)/(cellNarrow+gap)), 1)
	if k := len(p.items); k > 0 && k < n {
		n = k
	}
	return n, min((inner-gap*float32(n-1))/float32(n), cellWide)
}

// fitted is columns with smaller cells where that shows all of them at once, or where not
// even one row fits in whole: what a cell is called stands at its foot.
func (p *bankPanel) fitted(s fyne.Size) (n int, cell float32) {
	n, cell = p.columns(s.Width)
	room := s.Height - headerHeight - gap - 2
	inner := s.Width - 2*inset - scrollRoom
	count := max(len(p.items), 1)
	for w := cell; w >= cellSmall; w -= 2 {
		k := min(max(int((inner+gap)/(w+gap)), 1), count)
		if rows := (count + k - 1) / k; float32(rows)*(cellHeight(w)+gap)-gap <= room {
			return k, w
		}
	}
	if cellHeight(cell) <= room {
		return n, cell
	}
	cell = max((room-cellLabel-2*cellEdge)*16/9+2*cellEdge, cellLeast)
	if w := (inner - gap*float32(count-1)) / float32(count); w >= cellLeast && w < cell {
		return count, w // all of them in the one row
	}
	return min(max(int((inner+gap)/(cell+gap)), 1), count), cell
}

// heightFor is the height that shows the given rows of cells whole.
func (p *bankPanel) heightFor(width float32, rows int) float32 {
	_, cell := p.columns(width)
	return headerHeight + gap + float32(rows)*(cellHeight(cell)+gap) + inset - gap + 2
}

// rows is how many rows of cells there are at a width.
func (p *bankPanel) rows(width float32) int {
	n, _ := p.columns(width)
	return max((len(p.items)+n-1)/n, 1)
}

func (p *bankPanel) layout(s fyne.Size) {
	x := inset
	for _, b := range p.tabs {
		w := b.MinSize().Width
		place(b, x, 3, w, headerHeight-2)
		x += w + 2
	}
	place(p.overlays, x+3*gap, 3, s.Width-x-3*gap-inset, headerHeight-2)
	top := headerHeight + gap
	place(p.scroll, inset, top, s.Width-2*inset, s.Height-top-2)
	p.empty.place(inset, top, s.Width-2*inset, 40)

	n, cell := p.fitted(s)
	h := cellHeight(cell)
	for i, c := range p.cells {
		place(c, float32(i%n)*(cell+gap), float32(i/n)*(h+gap), cell, h)
	}
	p.grid.min = fyne.NewSize(10, max(float32((len(p.items)+n-1)/n)*(h+gap)-gap, 0))
	p.scroll.Refresh()
}

// The tabs.
const (
	tabScenes = iota
	tabSources
	tabAll
)

// open chooses between scenes and sources.
func (p *bankPanel) open(sources bool) {
	if sources {
		p.choose(tabSources)
	} else {
		p.choose(tabScenes)
	}
}

// choose opens a tab.
func (p *bankPanel) choose(tab int) {
	p.standin = false
	if p.tab == tab {
		return
	}
	p.tab, p.show = tab, nil
	if p.desk.state != nil {
		p.update(p.desk.state)
	}
}

// id is what number n (0 is the first) stands for; "" when there is none.
func (p *bankPanel) id(n int) (string, bool) {
	if n < 0 || n >= len(p.items) {
		return "", false
	}
	return p.items[n].id, true
}

// number is the place of a scene or source in the bank, as id counts; -1 is none.
func (p *bankPanel) number(id string) int {
	return slices.IndexFunc(p.items, func(it bankItem) bool { return it.id == id })
}

func (p *bankPanel) update(s *engine.State) {
	if s.Show != p.show {
		p.rebuild(s)
	}
	clear(p.source)
	for i := range s.Sources {
		p.source[s.Sources[i].ID] = &s.Sources[i]
	}
	p.late.read(s)
	top, bottom := p.scroll.Offset.Y, p.scroll.Offset.Y+p.scroll.Size().Height
	for i, c := range p.cells {
		y := c.Position().Y
		seen := p.Visible() && y < bottom && y+c.Size().Height > top
		c.view.sleep(!seen)
		if seen {
			c.update(s, p.needs[p.items[i].id], p.source, &p.late)
		}
	}
	p.overlays.update(s)
}

// lateness is which sources lost pictures or sound in the last second.
type lateness struct {
	at   time.Duration
	lost map[string]int64
	late map[string]bool
}

// read looks at the counters once a second.
func (l *lateness) read(s *engine.State) {
	if d := s.Time - l.at; l.lost != nil && d >= 0 && d < time.Second {
		return
	}
	first := l.lost == nil
	if first {
		l.lost, l.late = map[string]int64{}, map[string]bool{}
	}
	l.at = s.Time
	for i := range s.Sources {
		v := &s.Sources[i]
		// A picture counts as much as the sound of its time.
		lost := v.Dropped + v.Underruns/1600
		before, known := l.lost[v.ID]
		l.late[v.ID] = !first && known && lost > before
		l.lost[v.ID] = lost
	}
}

// rebuild follows a change of the show.
func (p *bankPanel) rebuild(s *engine.State) {
	p.show = s.Show
	switch none := len(s.Show.Scenes) == 0; {
	case none && p.tab == tabScenes:
		p.tab, p.standin = tabSources, true
	case !none && p.standin:
		p.tab, p.standin = tabScenes, false
	}
	p.sources = p.tab == tabSources
	for i, b := range p.tabs {
		b.lit(i == p.tab, colLit, colOnLit)
	}

	var items []bankItem
	if p.tab != tabSources {
		for _, v := range s.Show.Scenes {
			items = append(items, bankItem{v.ID, v.Name})
		}
	}
	if p.tab != tabScenes {
		for _, v := range s.Sources {
			if v.HasVideo {
				items = append(items, bankItem{v.ID, v.Name})
			}
		}
	}
	clear(p.needs)
	for _, it := range items {
		// An item that cannot be resolved shows nothing, so it needs nothing.
		p.needs[it.id], _ = s.Show.SourcesOf(it.id)
	}
	if slices.Equal(items, p.items) {
		return
	}
	p.items = items
	for len(p.cells) > len(items) {
		last := p.cells[len(p.cells)-1]
		last.stop()
		p.spare, p.cells = append(p.spare, last), p.cells[:len(p.cells)-1]
	}
	for len(p.cells) < len(items) {
		if k := len(p.spare); k > 0 {
			p.cells, p.spare = append(p.cells, p.spare[k-1]), p.spare[:k-1]
		} else {
			p.cells = append(p.cells, newBankCell(p.desk))
		}
	}
	p.grid.objects = p.grid.objects[:0]
	for i, c := range p.cells {
		c.assign(i, items[i])
		p.grid.objects = append(p.grid.objects, c)
	}
	show(p.empty, len(items) == 0)
	p.layout(p.Size())
	p.grid.Refresh()
}

// trouble orders statuses by how much the operator should know about them.
func trouble(s engine.SourceStatus) int {
	switch s {
	case engine.SourceFailed:
		return 6
	case engine.SourceLost:
		return 5
	case engine.SourceWaiting:
		return 4
	case engine.SourceHeld:
		return 3
	case engine.SourceOpening:
		return 2
	case engine.SourceEnded:
		return 1
	}
	return 0
}
