package ui

import (
	"cmp"
	"fmt"
	"slices"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/scenes"
)

// pick is one of what a pickList offers.
type pick struct{ id, name string }

// pickList chooses several of a few, in an order: a press puts one behind those that are
// chosen, another press takes it out, and each says its place.
type pickList struct {
	box
	desk    *desk
	heading *label
	about   *label // what it means that none is chosen
	buttons *flow
	offered bool // the kind of destination can do it
	items   []pick
	chosen  []string
	most    int
	// changed is called when something is chosen or not any more.
	changed func()
}

func newPickList(d *desk, heading, about string) *pickList {
	p := &pickList{desk: d, buttons: newFlow(), changed: func() {}}
	p.heading, p.about = newBold(heading, textSmall, colDim), newLabel(about, textSmall, colDim)
	p.arrange = func(s fyne.Size) { p.heightFor(s.Width) }
	p.add(p.heading, p.about, p.buttons)
	p.ExtendBaseWidget(p)
	return p
}

// heightFor implements stacked.
func (p *pickList) heightFor(w float32) float32 {
	if !p.offered {
		return 0
	}
	p.heading.place(0, 0, w, headerHeight)
	p.about.place(0, headerHeight, w, 16)
	y := headerHeight + 16 + 3
	h := p.buttons.heightFor(w)
	place(p.buttons, 0, y, w, h)
	return y + h
}

// offer shows what there is to choose from, or nothing where the kind cannot do it.
func (p *pickList) offer(offered bool, items []pick, most int) {
	p.most, p.items = most, slices.Clone(items)
	for _, id := range p.chosen { // what is gone can be taken out
		if !slices.ContainsFunc(p.items, func(v pick) bool { return v.id == id }) {
			p.items = append(p.items, pick{id, id})
		}
	}
	p.offered = offered && len(p.items) > 0
	show(p, p.offered)
	p.refill()
}

func (p *pickList) refill() {
	p.buttons.items, p.buttons.objects = nil, nil
	for _, v := range p.items {
		text, at := v.name, slices.Index(p.chosen, v.id)
		if at >= 0 {
			text = fmt.Sprintf("%d  %s", at+1, v.name)
		}
		b := newButton(p.desk, text, textSmall, func() { p.press(v.id) }).hint("Send it too, behind those that are chosen; chosen: leave it out")
		b.lit(at >= 0, colLit, colOnLit)
		p.buttons.append(b)
	}
	p.buttons.Refresh()
}

func (p *pickList) press(id string) {
	if i := slices.Index(p.chosen, id); i >= 0 {
		p.chosen = slices.DeleteFunc(slices.Clone(p.chosen), func(v string) bool { return v == id })
	} else if len(p.chosen) < p.most {
		p.chosen = append(slices.Clone(p.chosen), id)
	} else {
		p.desk.tell(fmt.Sprintf("At most %d can be chosen here.", p.most))
		return
	}
	p.refill()
	p.changed()
}

// newPicks makes the choices of tracks of sound and of further renditions.
func (f *outputForm) newPicks() {
	f.tracks = newPickList(f.desk, "SOUND TRACKS", "None chosen: one, of the rendition's bus.")
	f.layers = newPickList(f.desk, "SIMULCAST", "Smaller renditions to send along; not with a delay.")
	for _, p := range []*pickList{f.tracks, f.layers} {
		p.changed = func() {
			f.layoutBody(f.body.Size())
			f.check()
		}
		f.body.add(p)
	}
}

// pickAs chooses what a destination has.
func (f *outputForm) pickAs(d scenes.Destination) {
	f.tracks.chosen, f.layers.chosen = trackBuses(d.Tracks), slices.Clone(d.Simulcast)
}

// fillPicks offers what the kind can send of what the show has.
func (f *outputForm) fillPicks() {
	if f.show == nil {
		return
	}
	kind, first := f.desk.services.OutputKinds[f.kind], f.rendition.Selected
	var buses, renditions []pick
	for _, v := range f.show.Buses {
		buses = append(buses, pick{v.ID, v.Name})
	}
	for _, v := range f.show.Renditions {
		if v.ID != first {
			renditions = append(renditions, pick{v.ID, v.ID})
		}
	}
	f.layers.chosen = slices.DeleteFunc(f.layers.chosen, func(id string) bool { return id == first })
	f.tracks.offer(kind.SoundTracks > 1, buses, kind.SoundTracks)
	if kind.Layers == 0 {
		renditions = nil // but what keeps it from being saved can be taken out
	}
	f.layers.offer(!f.recording && (kind.Layers > 0 || len(f.layers.chosen) > 0), renditions, kind.Layers)
}

func trackBuses(tracks []scenes.Track) (ids []string) {
	for _, t := range tracks {
		ids = append(ids, t.Bus)
	}
	return ids
}

// chosenTracks are the tracks of sound that are chosen; those that there were keep their names.
func (f *outputForm) chosenTracks() []scenes.Track {
	had := f.original.Tracks
	if slices.Equal(f.tracks.chosen, trackBuses(had)) {
		return had
	}
	var tracks []scenes.Track
	for _, id := range f.tracks.chosen {
		t := scenes.Track{Bus: id}
		if i := slices.IndexFunc(had, func(t scenes.Track) bool { return t.Bus == id }); i >= 0 {
			t = had[i]
		} else if b, ok := f.show.Bus(id); ok {
			t.Name = b.Name
		}
		tracks = append(tracks, t)
	}
	return tracks
}

// withPicks is d with what is chosen.
func (f *outputForm) withPicks(d scenes.Destination) scenes.Destination {
	d.Tracks = f.chosenTracks()
	if !slices.Equal(f.layers.chosen, d.Simulcast) {
		d.Simulcast = slices.Clone(f.layers.chosen)
		slices.SortStableFunc(d.Simulcast, func(a, b string) int { return cmp.Compare(f.pixels(b), f.pixels(a)) })
	}
	return d
}

// offerRenditions lists what the show has, with what is on its way.
func (f *outputForm) offerRenditions() {
	var names []string
	for _, r := range f.desk.draft().Renditions {
		names = append(names, r.ID)
	}
	if !slices.Equal(names, f.rendition.Options) {
		f.rendition.SetOptions(names)
	}
}

// leaveFor opens a rendition, "" a new one; what has been typed here stays meanwhile.
func (f *outputForm) leaveFor(id string) {
	if f.saving == nil {
		f.openRendition(id)
	}
}

// takeRendition goes on where leaveFor left: the rendition that was saved, if any, is chosen.
func (f *outputForm) takeRendition(saved string) {
	f.show = f.desk.draft()
	f.offerRenditions()
	switch {
	case saved != "":
		f.rendition.SetSelected(saved)
	case !slices.Contains(f.rendition.Options, f.rendition.Selected):
		f.rendition.ClearSelected() // it was removed
	}
	f.check()
}

// beside is a control with buttons at its right.
type beside struct {
	box
	main    fyne.CanvasObject
	buttons []*button
}

func newBeside(main fyne.CanvasObject, buttons ...*button) *beside {
	b := &beside{main: main, buttons: buttons}
	b.add(main)
	for _, v := range buttons {
		b.add(v)
	}
	b.min = fyne.NewSize(120, main.MinSize().Height)
	b.arrange = func(s fyne.Size) {
		x := s.Width
		for i := len(buttons) - 1; i >= 0; i-- {
			w := buttons[i].min.Width
			x -= w
			place(buttons[i], x, (s.Height-rowHeight)/2, w, rowHeight)
			x -= gap
		}
		place(main, 0, 0, max(x, 1), s.Height)
	}
	b.ExtendBaseWidget(b)
	return b
}

// pixels is how large a rendition's pictures are; 0 when there is none.
func (f *outputForm) pixels(id string) int {
	r, _ := f.show.Rendition(id)
	return r.Video.Width * r.Video.Height
}
