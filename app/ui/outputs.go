package ui

import (
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// scrollRoom is kept free for the scroll bar.
const scrollRoom float32 = 8

// outputsPanel goes live and records, says how each destination and recording is
// doing, and edits them in its own place.
type outputsPanel struct {
	box
	desk *desk

	live, rec *askButton
	empty     *label
	scroll    *container.Scroll
	list      *box
	cards     []*outputCard
	headings  [2]*label
	adds      [2]*button
	groups    []*askButton // one for each group, in the order of the destinations
	grouped   []string
	form      *outputForm
	ready     *button // opens preflight
	preflight *preflightPage
	rendition *renditionForm
	beneath   fyne.CanvasObject // what rendition stands in the place of
	encodings *renditionSection
	iso       *isoSection
	replay    *replaySection

	items []bankItem
	all   []engine.DestinationState // memory of update
	show  *scenes.Show
	// split is how many of all are destinations.
	split int
	// recordedSince is when the recording that runs was first seen running; studio time.
	recordedSince time.Duration
	recording     bool
}

func newOutputsPanel(d *desk) *outputsPanel {
	p := &outputsPanel{desk: d, list: &box{}}
	p.live = newAskButton(d, "GO LIVE", textLarge, p.asksLive, p.doLive)
	p.rec = newAskButton(d, "REC", textLarge, p.asksRecording, p.doRecording)
	p.live.main.hint("Start every enabled destination (Ctrl+L); while live: stop them all")
	p.rec.main.hint("Start every recording (R); while recording: stop them")
	p.empty = newLabel("Nowhere to send to yet: add a destination.", textSmall, colDim)
	for i, text := range []string{"DESTINATIONS", "RECORDINGS"} {
		p.headings[i] = newBold(text, textSmall, colDim)
		p.adds[i] = newButton(d, "+ Add", textSmall, func() { p.fresh(i == 1) }).hint("Add one to the show")
	}
	p.iso, p.replay = newISOSection(d), newReplaySection(d)
	p.replay.resized = p.fitList
	p.encodings = newRenditionSection(d, p.editRendition)
	p.form = newOutputForm(d, p.closeForm)
	p.form.openRendition = p.editRendition
	p.rendition = newRenditionForm(d, p.closeRendition)
	p.ready = newButton(d, "Plan and check…", textSmall, p.openPreflight).hint("The fewest encodes for these destinations, and a dry run of encoders, disks and destinations")
	p.preflight = newPreflightPage(d, p.closeForm)
	p.list.ExtendBaseWidget(p.list)
	p.list.arrange = func(s fyne.Size) { p.arrangeList(s.Width) }
	p.scroll = container.NewVScroll(p.list)
	p.replay.opened, p.replay.setting.scrolled = p.scroll.ScrollToBottom, p.scroll.Scrolled // it stands last
	p.add(p.live, p.rec, p.ready, p.scroll, p.form, p.rendition, p.preflight)
	p.min = fyne.NewSize(280, 200)
	p.arrange = func(s fyne.Size) {
		w := s.Width - 2*inset
		half := (w - gap) / 2
		place(p.live, inset, inset, half, 36)
		place(p.rec, inset+half+gap, inset, half, 36)
		place(p.ready, inset, inset+36+3, w, 20)
		y := inset + 36 + 3 + 20 + gap
		place(p.preflight, inset, y, w, s.Height-y-gap)
		place(p.scroll, inset, y, w, s.Height-y-gap)
		place(p.form, inset, y, w, s.Height-y-gap)
		place(p.rendition, inset, y, w, s.Height-y-gap)
	}
	p.ExtendBaseWidget(p)
	show(p.form, false)
	p.refill()
	return p
}

// arrangeList places headings and cards under each other and reports their height.
func (p *outputsPanel) arrangeList(width float32) float32 {
	w := max(width-scrollRoom, 1)
	y := float32(0)
	heading := func(i int) {
		aw := p.adds[i].min.Width
		p.headings[i].place(0, y, w-aw-gap, headerHeight)
		place(p.adds[i], w-aw, y+1, aw, headerHeight-2)
		y += headerHeight + 3
	}
	heading(0)
	if n := float32(len(p.groups)); n > 0 {
		gw := (w - 3*(n-1)) / n
		for i, b := range p.groups {
			place(b, float32(i)*(gw+3), y, gw, rowHeight)
		}
		y += rowHeight + 4
	}
	if p.split == 0 {
		p.empty.place(0, y, w, 20)
		y += 24
	}
	for i, c := range p.cards {
		if i == p.split {
			heading(1)
		}
		h := c.height()
		place(c, 0, y, w, h)
		y += h + 4
	}
	if p.split == len(p.cards) {
		heading(1)
	}
	h := p.encodings.layOut(w)
	place(p.encodings, 0, y+gap, w, h)
	y += gap + h
	h = p.iso.layOut(w)
	place(p.iso, 0, y+gap, w, h)
	y += gap + h
	h = p.replay.layOut(w)
	place(p.replay, 0, y+gap, w, h)
	return y + gap + h
}

// refill brings the list's objects in line with the cards.
func (p *outputsPanel) refill() {
	p.list.objects = p.list.objects[:0]
	p.list.add(p.headings[0], p.adds[0], p.empty)
	for _, b := range p.groups {
		p.list.add(b)
	}
	for i, c := range p.cards {
		if i == p.split {
			p.list.add(p.headings[1], p.adds[1])
		}
		p.list.add(c)
	}
	if p.split == len(p.cards) {
		p.list.add(p.headings[1], p.adds[1])
	}
	p.list.add(p.encodings, p.iso, p.replay)
}

func (p *outputsPanel) asksLive() string {
	if s := p.desk.state; s != nil && s.Live {
		return askLive
	}
	return ""
}

func (p *outputsPanel) asksRecording() string {
	if s := p.desk.state; s != nil && s.Recording {
		return askRecording
	}
	return ""
}

// toggleLive and toggleRecording are for the keyboard: what a press of the button does.
func (p *outputsPanel) toggleLive()      { p.live.press() }
func (p *outputsPanel) toggleRecording() { p.rec.press() }

func (p *outputsPanel) doLive() {
	switch s := p.desk.state; {
	case s == nil:
	case s.Live:
		p.desk.send(&engine.StopLive{})
	default:
		p.desk.send(&engine.GoLive{})
	}
}

func (p *outputsPanel) doRecording() {
	switch s := p.desk.state; {
	case s == nil:
	case s.Recording:
		p.desk.send(&engine.StopRecording{})
	default:
		p.desk.send(&engine.StartRecording{})
	}
}

func (p *outputsPanel) updateButtons(s *engine.State) {
	_, confirmed := onAir(s)
	switch {
	case !s.Live:
		p.live.look("GO LIVE", colControl, colText)
	case confirmed:
		p.live.look("STOP", colProgram, colWhite)
	default:
		p.live.look("STOP", colAmber, colInk)
	}
	switch {
	case pausedAll(s): // as the cards say it
		p.rec.look("REC PAUSED", colAmber, colInk)
	case s.Recording:
		p.rec.look("REC "+clockText(s.Time-p.recordedSince), colProgram, colWhite)
	default:
		p.rec.look("REC", colControl, colText)
	}
}

func (p *outputsPanel) update(s *engine.State) {
	if s.Recording && !p.recording {
		p.recordedSince = s.Time
	}
	p.recording = s.Recording
	// A recording that tells its own age (another surface started it) is believed.
	for _, r := range s.Recordings {
		if r.Started && r.Uptime > s.Time-p.recordedSince {
			p.recordedSince = s.Time - r.Uptime
		}
	}
	p.updateButtons(s)

	p.all = append(append(p.all[:0], s.Destinations...), s.Recordings...)
	if !slices.EqualFunc(p.items, p.all, sameOutput) || p.split != len(s.Destinations) {
		p.rebuild(len(s.Destinations))
	}
	p.show = s.Show
	p.updateGroups(s)
	for i, d := range p.all {
		enabled, target := false, 0
		if v, ok := s.Show.Destination(d.ID); ok {
			enabled = v.Enabled
		}
		if r, ok := s.Show.Rendition(d.Rendition); ok {
			target = r.Video.BitrateKbps + r.Audio.BitrateKbps
		}
		p.cards[i].update(s, d, enabled, target)
	}
	p.replay.update(s)
	if p.encodings.update(s) {
		p.encodings.Refresh()
	}
	if p.iso.update(s) {
		p.iso.Refresh()
	}
	p.fitList()
	p.form.update(s)
	p.rendition.update(s)
}

// fitList follows a change of the list's height.
func (p *outputsPanel) fitList() {
	if h := p.arrangeList(p.list.Size().Width); p.list.min.Height != h {
		p.list.min = fyne.NewSize(200, h)
		p.list.Refresh()
		p.scroll.Refresh()
	}
}

// rebuild makes the cards for p.all, of which the first split are destinations.
func (p *outputsPanel) rebuild(split int) {
	p.items, p.cards, p.split = nil, nil, split
	for i, d := range p.all {
		id, recording := d.ID, i >= split
		c := newOutputCard(p.desk, recording, cardDeeds{
			toggle: func() { p.toggle(id, recording) },
			enable: func() { p.enable(id) },
			edit:   func() { p.edit(id, recording) },
		})
		p.items, p.cards = append(p.items, bankItem{id: id}), append(p.cards, c)
	}
	show(p.empty, split == 0)
	p.refill()
	p.list.min = fyne.Size{} // so that update arranges the list
}

// updateGroups keeps a button for each group of destinations: it starts the group, or
// stops it while one of it runs.
func (p *outputsPanel) updateGroups(s *engine.State) {
	var names []string
	live := map[string]bool{}
	for _, d := range s.Destinations {
		if d.Group == "" {
			continue
		}
		if !slices.Contains(names, d.Group) {
			names = append(names, d.Group)
		}
		live[d.Group] = live[d.Group] || d.Started
	}
	if !slices.Equal(names, p.grouped) {
		p.grouped, p.groups = names, nil
		for _, name := range names {
			b := newAskButton(p.desk, name, textSmall, func() string { return p.asksGroup(name) }, func() { p.toggleGroup(name) })
			b.main.hint("Start this group of destinations, or stop it")
			p.groups = append(p.groups, b)
		}
		p.refill()
		p.list.min = fyne.Size{} // so that update arranges the list
	}
	for i, b := range p.groups {
		if live[names[i]] {
			b.look("STOP "+names[i], colControl, colText)
		} else {
			b.look("GO "+names[i], colControl, colText)
		}
	}
}

// liveGroup reports whether one of a group runs.
func (p *outputsPanel) liveGroup(name string) bool {
	return slices.ContainsFunc(p.all, func(d engine.DestinationState) bool { return d.Group == name && d.Started })
}

// asksGroup is the question before stopping a group.
func (p *outputsPanel) asksGroup(name string) string {
	if p.liveGroup(name) {
		return askStop
	}
	return ""
}

// toggleGroup starts a group, or stops it while one of it runs.
func (p *outputsPanel) toggleGroup(name string) {
	if p.liveGroup(name) {
		p.desk.send(&engine.StopLive{Group: name})
	} else {
		p.desk.send(&engine.GoLive{Group: name})
	}
}

// toggle starts or stops one.
func (p *outputsPanel) toggle(id string, recording bool) {
	started := false
	for _, d := range p.all {
		if d.ID == id {
			started = d.Started
		}
	}
	switch {
	case recording && started:
		p.desk.send(&engine.StopRecording{Recordings: []string{id}})
	case recording:
		p.desk.send(&engine.StartRecording{Recordings: []string{id}})
	case started:
		p.desk.send(&engine.StopLive{Destinations: []string{id}})
	default:
		p.desk.send(&engine.GoLive{Destinations: []string{id}})
	}
}

// enable changes whether GO LIVE starts a destination.
func (p *outputsPanel) enable(id string) {
	if v, ok := p.desk.draft().Destination(id); ok {
		v.Enabled = !v.Enabled
		p.desk.send(&engine.PutDestination{Destination: v})
	}
}

// openPreflight puts the plan and the checks in the list's place. They are of the show, so
// what is being filled in comes first.
func (p *outputsPanel) openPreflight() {
	if p.desk.state == nil {
		return
	}
	if p.form.Visible() || p.rendition.Visible() {
		p.desk.tell("Save or cancel what is open in Outputs first: the plan is made for the show as it is.")
		return
	}
	show(p.scroll, false)
	p.preflight.open()
}

// fresh opens the form for a new output, unless it is being filled in already.
func (p *outputsPanel) fresh(recording bool) {
	if !p.filling() {
		p.edit("", recording)
	}
}

// freshRendition opens the form for a new rendition, likewise.
func (p *outputsPanel) freshRendition() {
	if !p.filling() {
		p.editRendition("")
	}
}

// filling reports, and says, that something is being filled in.
func (p *outputsPanel) filling() bool {
	open := p.rendition.Visible() || p.form.Visible() && p.form.saving == nil
	if open {
		p.desk.tell("Save or cancel what is open in Outputs first.")
	}
	return open
}

// edit opens the form for an output, or for a new one when id is empty.
func (p *outputsPanel) edit(id string, recording bool) {
	if p.desk.state == nil {
		return
	}
	p.preflight.stop()
	show(p.preflight, false)
	p.form.open(p.desk.state.Show, id, recording)
	show(p.form, true)
	show(p.scroll, false)
	p.form.begin()
}

// editRendition opens the form for a rendition, or for a new one when id is empty. The form
// of an output, if it is open, is back afterwards.
func (p *outputsPanel) editRendition(id string) {
	if p.desk.state == nil {
		return
	}
	p.preflight.stop()
	p.beneath = p.scroll
	if p.form.Visible() {
		p.beneath = p.form
	}
	for _, o := range []fyne.CanvasObject{p.scroll, p.form, p.preflight} {
		show(o, false)
	}
	show(p.rendition, true)
	p.rendition.open(p.desk.state, id)
	if c := fyne.CurrentApp().Driver().CanvasForObject(p); c != nil && id == "" {
		c.Focus(p.rendition.starts.items[0].(*button)) // the first control of a new one
	}
}

func (p *outputsPanel) closeRendition(saved string) {
	show(p.beneath, true)
	if p.beneath == p.form {
		p.form.takeRendition(saved)
	}
}

// forget goes back to the list: the forms and the plan were of another show.
func (p *outputsPanel) forget() {
	p.rendition.forget()
	p.form.forget()
	if p.preflight.Visible() {
		p.preflight.leave()
	}
}

func (p *outputsPanel) closeForm() {
	show(p.form, false)
	show(p.scroll, true)
}

func sameOutput(have bankItem, d engine.DestinationState) bool { return have.id == d.ID }
