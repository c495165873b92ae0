package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// showPart is one of the lists of a show.
type showPart uint8

const (
	partSources showPart = iota
	partScenes
	partOverlays
	showParts
)

// partTips are the tool tips of the tabs.
var partTips = [showParts]string{
	"Cameras, files, titles: what pictures and sound come from",
	"Sources laid out on the canvas",
	"What lies over the programme, whatever is on it",
}

// showPanel is where a show is built: its sources, scenes and overlays, each a list
// with what belongs to the chosen one below it.
type showPanel struct {
	box
	desk    *desk
	tabs    [showParts]*button
	column  *column
	adds    [showParts]*flow
	empty   *paragraph
	list    *showList
	actions *flow
	next    *button
	ask     *askRow
	source  *sourceEditor
	layers  *layerEditor

	part     showPart
	selected [showParts]string
	shown    *scenes.Show
	preview  string
	tally    map[string]engine.Tally // as drawn
	items    []listItem              // memory of update
	// want is what was just added: it is chosen when the state brings it.
	want string
	// typeInto is a source that was just added and is nothing before something is typed: its
	// first field gets the keyboard when the state brings it.
	typeInto string
}

func newShowPanel(d *desk) *showPanel {
	p := &showPanel{desk: d}
	for i, name := range [showParts]string{"SOURCES", "SCENES", "OVERLAYS"} {
		p.tabs[i] = newButton(d, name, textSmall, func() { p.open(showPart(i)) }).hint(partTips[i])
		p.add(p.tabs[i])
	}
	p.adds[partSources] = p.newAddSources()
	p.adds[partScenes] = newFlow(newButton(d, "+ Scene", textSmall, p.addScene).hint("Adds an empty scene and puts it on preview"))
	p.adds[partOverlays] = newFlow(newButton(d, "+ Overlay", textSmall, p.addOverlay).hint("Adds an empty overlay, switched off"))
	p.empty = newParagraph("", textNormal, colDim, 4)
	p.list = newShowList(d)
	p.list.onSelect = p.choose
	p.list.onMove = func(id string, to int) { d.send(&engine.Reorder{ID: id, To: to}) }
	p.list.onRename = p.renameTo
	p.list.onRemove = p.remove
	p.next = newButton(d, "To preview", textSmall, p.toPreview)
	p.actions = newFlow(
		newButton(d, "Rename", textSmall, func() { p.list.startRename(p.selected[p.part]) }).hint("Types a new name in its place (Enter, F2, or a double click)"),
		newButton(d, "Duplicate", textSmall, p.duplicate).hint("Adds a copy with its settings"),
		newButton(d, "↑", textSmall, func() { p.list.step(p.selected[p.part], -1, true) }).hint("Moves it up (Alt+Up, or drag it)"),
		newButton(d, "↓", textSmall, func() { p.list.step(p.selected[p.part], +1, true) }).hint("Moves it down (Alt+Down, or drag it)"),
		newButton(d, "Remove", textSmall, func() { p.remove(p.selected[p.part]) }).hint("Takes it out of the show; undo brings it back (Delete)"),
		p.next,
	)
	p.ask = newAskRow(d)
	p.source = newSourceEditor(d)
	p.layers = newLayerEditor(d, p.addToLayers)
	p.column = newColumn()
	p.layers.openSource = p.openElement
	p.ask.resized, p.source.resized, p.layers.resized = p.column.refit, p.column.refit, p.column.refit
	p.source.scrolled, p.layers.form.scrolled = p.column.scroll.Scrolled, p.column.scroll.Scrolled
	p.add(p.column)
	p.min = fyne.NewSize(260, 200)
	p.arrange = func(s fyne.Size) {
		x := inset
		for _, b := range p.tabs {
			place(b, x, 4, b.min.Width, headerHeight)
			x += b.min.Width + 2
		}
		top := headerHeight + 4 + gap
		place(p.column, inset, top, s.Width-inset-2, s.Height-top-gap)
	}
	p.ExtendBaseWidget(p)
	d.layerPicked = p.followLayer
	p.open(partSources)
	return p
}

// open changes to another list.
func (p *showPanel) open(part showPart) {
	p.part = part
	p.next.hint(map[bool]string{
		false: "Puts it on preview, where its layers can be moved with the mouse",
		true:  "Shows it on preview, where its layers can be moved with the mouse: it comes with the next transition (KEYS)",
	}[part == partOverlays])
	p.ask.close()
	for i, b := range p.tabs {
		b.lit(showPart(i) == part, colLit, colOnLit)
	}
	if part == partSources {
		p.column.set(p.adds[part], p.empty, p.list, p.actions, p.ask, p.source)
	} else {
		p.column.set(p.adds[part], p.empty, p.list, p.actions, p.ask, p.layers)
	}
	p.shown, p.preview = nil, ""
	if p.desk.state != nil {
		p.update(p.desk.state)
	}
}

// choose makes an element the one that is edited.
func (p *showPanel) choose(id string) {
	if p.selected[p.part] != id {
		p.selected[p.part] = id
		p.ask.close()
	}
	p.shown = nil
	if p.desk.state != nil {
		p.update(p.desk.state)
	}
}

// followLayer opens the scene of a layer that was chosen on the preview.
func (p *showPanel) followLayer(c layerChoice) {
	if !p.Visible() {
		return
	}
	part := partScenes
	if _, ok := p.desk.state.Show.Overlay(c.owner); ok {
		part = partOverlays
	}
	p.selected[part] = c.owner
	if p.part != part {
		p.open(part)
		return
	}
	p.choose(c.owner)
}

func (p *showPanel) update(s *engine.State) {
	if !p.Visible() {
		return
	}
	p.follow(s)
	p.next.lit(p.part == partOverlays && slices.Contains(s.Next.Overlays, p.selected[partOverlays]), colLit, colOnLit)
	if p.part == partSources {
		p.source.update(s, p.selected[partSources])
		p.beginTyping()
	} else {
		p.layers.update(s, p.selected[p.part])
	}
}

// beginTyping gives the keyboard to the first field of a source that was just added.
func (p *showPanel) beginTyping() {
	if p.typeInto == "" || p.source.id != p.typeInto || p.source.form == nil {
		return
	}
	p.typeInto = ""
	f := p.source.form
	p.desk.post(func() { // once it has its place
		if c := fyne.CurrentApp().Driver().CanvasForObject(p); c != nil {
			f.focusFirst(c)
		}
	})
}

// forget puts away what is asked about another show.
func (p *showPanel) forget() { p.ask.close() }

// openElement shows a source, or a scene, in its list.
func (p *showPanel) openElement(id string) {
	part := partSources
	if _, ok := p.desk.state.Show.Scene(id); ok {
		part = partScenes
	}
	p.open(part)
	p.choose(id)
	if v, ok := p.desk.state.Show.Source(id); ok && v.Kind == "text" { // to type another name into it
		p.typeInto = id
		p.beginTyping()
	}
}

// follow brings the list to the state.
func (p *showPanel) follow(s *engine.State) {
	// Putting a scene on preview opens it here; while one is typed about, when that is done.
	if s.Preview != p.preview && !p.desk.typingIn(p) {
		p.preview = s.Preview
		if _, ok := s.Show.Scene(s.Preview); ok && p.part == partScenes {
			p.selected[partScenes], p.shown = s.Preview, nil
		}
	}
	if s.Show == p.shown && sameTally(p.tally, s.Tally) {
		return
	}
	p.shown, p.tally = s.Show, s.Tally
	p.items = p.list.listOf(p.items[:0], s, p.part)
	chosen := &p.selected[p.part]
	if p.want != "" && hasItem(p.items, p.want) {
		*chosen, p.want = p.want, ""
	}
	if !hasItem(p.items, *chosen) {
		*chosen = ""
		if len(p.items) > 0 {
			*chosen = p.items[0].id
		}
	}
	p.list.set(p.items, *chosen)
	text := ""
	if len(p.items) == 0 {
		text = [...]string{
			"A source is a picture or a sound: a camera, a file, a title. Add one with a press above, or drop files onto the window.",
			"A scene is sources laid out on the canvas. Add the first one above.",
			"An overlay lies over whatever is on programme: a logo, a lower third. Add one above.",
		}[p.part]
	}
	p.empty.set(text, colDim)
	p.actions.gone = len(p.items) == 0
	p.column.refit()
}

func sameTally(a, b map[string]engine.Tally) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

func hasItem(items []listItem, id string) bool {
	for _, it := range items {
		if it.id == id {
			return true
		}
	}
	return false
}

// listOf appends the rows of a part.
func (l *showList) listOf(out []listItem, s *engine.State, part showPart) []listItem {
	switch part {
	case partSources:
		for _, v := range s.Show.Sources {
			it := listItem{id: v.ID, name: v.Name, tally: s.Tally[v.ID]}
			if k, ok := l.desk.services.SourceKinds[v.Kind]; ok {
				it.detail = k.Title
			} else {
				it.detail, it.dim = "unknown: "+v.Kind, true
			}
			out = append(out, it)
		}
	case partScenes:
		for _, v := range s.Show.Scenes {
			out = append(out, listItem{id: v.ID, name: v.Name, tally: s.Tally[v.ID], detail: countOf(len(v.Layers), "layer")})
		}
	case partOverlays:
		for _, v := range s.Show.Overlays {
			it := listItem{id: v.ID, name: v.Name, detail: countOf(len(v.Layers), "layer")}
			if v.On {
				it.tally, it.detail = engine.OnProgram, it.detail+", on"
			}
			out = append(out, it)
		}
	}
	return out
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// toPreview puts the chosen one on preview, where its layers can be moved.
func (p *showPanel) toPreview() {
	id := p.selected[p.part]
	switch {
	case id == "":
	case p.part == partOverlays:
		p.desk.tie(id)
	default:
		p.desk.send(&engine.Preview{Scene: id})
	}
}

func (p *showPanel) renameTo(id, name string) {
	s := p.desk.draft()
	name = strings.TrimSpace(name)
	if name == "" {
		return
	}
	switch p.part {
	case partSources:
		p.desk.changeSource(id, func(v *scenes.Source) { v.Name = name })
	case partScenes:
		if v, ok := s.Scene(id); ok {
			v.Name = name
			p.desk.send(&engine.UpdateScene{Scene: v})
		}
	case partOverlays:
		if v, ok := s.Overlay(id); ok {
			v.Name = name
			p.desk.send(&engine.PutOverlay{Overlay: v})
		}
	}
}

func (p *showPanel) duplicate() {
	s := p.desk.draft()
	id := p.selected[p.part]
	switch p.part {
	case partSources:
		if v, ok := s.Source(id); ok {
			v.ID, v.Name = s.FreshID(v.ID), scenes.FitName(v.Name, " copy")
			p.want = v.ID
			p.desk.send(&engine.AddSource{Source: v})
		}
	case partScenes:
		if v, ok := s.Scene(id); ok {
			v.ID, v.Name = s.FreshID(v.ID), scenes.FitName(v.Name, " copy")
			p.want = v.ID
			p.desk.send(&engine.AddScene{Scene: v})
		}
	case partOverlays:
		if v, ok := s.Overlay(id); ok {
			v.ID, v.Name, v.On = s.FreshID(v.ID), scenes.FitName(v.Name, " copy"), false
			p.want = v.ID
			p.desk.send(&engine.PutOverlay{Overlay: v})
		}
	}
}

// askRow is a question in its own place; it goes away when it is answered or when
// something else is chosen.
type askRow struct {
	box
	desk    *desk
	surface *canvas.Rectangle
	text    *paragraph
	yes, no *button
	deed    func()
	resized func()
}

func newAskRow(d *desk) *askRow {
	a := &askRow{desk: d, surface: newSurface(colBackground), resized: func() {}}
	a.text = newParagraph("", textNormal, colWarn, 6)
	a.yes = newButton(d, "", textSmall, func() {
		deed := a.deed
		a.close()
		if deed != nil {
			deed()
		}
	}).hint("Do it now")
	a.no = newButton(d, "", textSmall, a.close).hint("Leave it as it is")
	a.add(a.surface, a.text, a.yes, a.no)
	a.min = fyne.NewSize(100, rowHeight)
	a.arrange = func(s fyne.Size) {
		place(a.surface, 0, 0, s.Width, s.Height)
		place(a.text, inset, gap, s.Width-2*inset, a.text.heightFor(s.Width-2*inset))
		y := s.Height - rowHeight - gap
		place(a.yes, inset, y, a.yes.min.Width, rowHeight)
		place(a.no, inset+a.yes.min.Width+gap, y, a.no.min.Width, rowHeight)
	}
	a.ExtendBaseWidget(a)
	return a
}

// ask puts a question.
func (a *askRow) ask(text, yes, no string, deed func()) {
	a.deed = deed
	a.text.set(text, colWarn)
	for b, caption := range map[*button]string{a.yes: yes, a.no: no} {
		b.caption.setText(caption)
		b.min.Width = b.caption.measure(caption) + 2*inset
	}
	a.yes.look(yes, colAmber, colInk)
	a.resized()
}

// close takes the question away.
func (a *askRow) close() {
	if a.deed == nil {
		return
	}
	a.deed = nil
	a.text.set("", colWarn)
	a.resized()
}

// heightFor implements stacked.
func (a *askRow) heightFor(width float32) float32 {
	if a.deed == nil {
		return 0
	}
	return a.text.heightFor(width-2*inset) + rowHeight + 3*gap
}

// pressTime tells double clicks.
type pressTime struct{ at time.Time }

// double reports whether this press is the second of two.
func (p *pressTime) double(d *desk) bool {
	now := d.now()
	if now.Sub(p.at) < doubleClick {
		p.at = time.Time{}
		return true
	}
	p.at = now
	return false
}

func (p *pressTime) forget() { p.at = time.Time{} }
