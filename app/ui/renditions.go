package ui

import (
	"fmt"
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// renditionSection lists the show's renditions: what each is, and what it is for.
type renditionSection struct {
	box
	desk    *desk
	heading *label
	fresh   *button
	rows    []*renditionRow
	// edit opens the form; an empty id is a new one.
	edit func(id string)
}

// renditionRow is one rendition.
type renditionRow struct {
	id    string
	name  *label
	users *label
	facts *label
	edit  *button
}

const (
	renditionHead  float32 = headerHeight - 2 // name and button
	renditionFacts float32 = 15
)

func newRenditionSection(d *desk, edit func(id string)) *renditionSection {
	p := &renditionSection{desk: d, edit: edit}
	p.heading = newBold("RENDITIONS", textSmall, colDim)
	p.fresh = newButton(d, "+ Add", textSmall, func() { edit("") }).hint("Add an encoding of the programme")
	p.arrange = func(s fyne.Size) { p.layOut(s.Width) }
	p.refill()
	p.ExtendBaseWidget(p)
	return p
}

// layOut places the rows and returns the height of it all.
func (p *renditionSection) layOut(w float32) float32 {
	aw := p.fresh.min.Width
	p.heading.place(0, 0, w-aw-gap, headerHeight)
	place(p.fresh, w-aw, 1, aw, headerHeight-2)
	y := headerHeight + 3
	for _, r := range p.rows {
		ew := r.edit.min.Width
		room := w - ew - 2*gap
		nw := min(r.name.measure(r.name.full)+1, room*0.6)
		r.name.place(gap, y, nw, renditionHead)
		r.users.place(gap+nw+gap, y, max(room-nw-gap, 1), renditionHead)
		place(r.edit, w-ew, y, ew, renditionHead)
		r.facts.place(gap, y+renditionHead, w-gap, renditionFacts)
		y += renditionHead + renditionFacts + gap
	}
	return y - gap
}

func (p *renditionSection) refill() {
	p.objects = p.objects[:0]
	p.add(p.heading, p.fresh)
	for _, r := range p.rows {
		p.add(r.name, r.users, r.facts, r.edit)
	}
}

// update follows s; changed says that there are other rows than before.
func (p *renditionSection) update(s *engine.State) (changed bool) {
	list := s.Show.Renditions
	if !slices.EqualFunc(p.rows, list, func(r *renditionRow, v scenes.Rendition) bool { return r.id == v.ID }) {
		p.rows = nil
		for _, v := range list {
			p.rows = append(p.rows, p.newRow(v.ID))
		}
		p.refill()
		changed = true
	}
	for i, r := range p.rows {
		text := "not used"
		if users := renditionUsers(s.Show, r.id); len(users) > 0 {
			text = "for " + strings.Join(users, ", ")
		}
		r.users.setText(text)
		r.facts.setText(renditionText(s.Show, list[i]))
	}
	return changed
}

func (p *renditionSection) newRow(id string) *renditionRow {
	r := &renditionRow{id: id, name: newBold(id, textSmall, colText), users: newLabel("", textSmall, colDim), facts: newLabel("", textSmall, colDim)}
	r.edit = newButton(p.desk, "Edit", textSmall, func() { p.edit(id) }).hint("Size, codec, bitrate, sound; remove")
	return r
}

// renditionText is what a rendition is, in one line; the bitrates are of pictures and sound.
func renditionText(show *scenes.Show, r scenes.Rendition) string {
	v := r.Video
	text := fmt.Sprintf("%dx%dp%.4g %s", v.Width, v.Height, v.FPS(show.Canvas.FPS).Float(), strings.ToUpper(v.Codec))
	if v.Encoder != "auto" {
		text += " " + v.Encoder
	}
	if v.Codec == prores {
		text += fmt.Sprintf(" %s + %d kb/s", v.Preset, r.Audio.BitrateKbps)
	} else {
		text += fmt.Sprintf(" %d + %d kb/s %s", v.BitrateKbps, r.Audio.BitrateKbps, v.Preset)
	}
	if r.Audio.Bus == scenes.ProgrammeBus {
		return text
	}
	bus := r.Audio.Bus
	if b, ok := show.Bus(bus); ok {
		bus = b.Name
	}
	return text + ", sound of " + bus
}

// prores is the codec whose bitrate follows from its preset.
const prores = "prores"

// renditionUsers are the names of what has a rendition, whether it runs or not.
func renditionUsers(show *scenes.Show, id string) (list []string) {
	for _, v := range show.Destinations {
		if v.Rendition == id || slices.Contains(v.Simulcast, id) {
			list = append(list, v.Name)
		}
	}
	for _, v := range show.Recordings {
		if v.Rendition == id {
			list = append(list, v.Name)
		}
	}
	if len(show.ISO.Sources) > 0 && engine.ISORendition(show) == id {
		list = append(list, "ISO")
	}
	if show.Replay.Rendition == id {
		list = append(list, "replay")
	}
	return list
}

// renditionRuns are the names of what runs with a rendition now.
func renditionRuns(s *engine.State, id string) (list []string) {
	for _, v := range s.Destinations {
		def, _ := s.Show.Destination(v.ID)
		if v.Started && (v.Rendition == id || slices.Contains(def.Simulcast, id)) {
			list = append(list, v.Name)
		}
	}
	for _, v := range s.Recordings {
		if v.Started && v.Rendition == id {
			list = append(list, v.Name)
		}
	}
	if engine.ISORendition(s.Show) == id && slices.ContainsFunc(s.ISOs, func(v engine.DestinationState) bool { return v.Started }) {
		list = append(list, "ISO")
	}
	if s.Replay.Running && engine.ReplayRendition(s.Show) == id {
		list = append(list, "the replay buffer")
	}
	return list
}

// andList is names as in "a, b and c".
func andList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// startEdges are the short edges of the sizes that new renditions begin with, as far as the
// canvas is not smaller.
var startEdges = []int{1080, 720, 540}

// startingRenditions are what a new rendition can begin with: sizes of the canvas's shape,
// with the bitrate that belongs to each.
func startingRenditions(show *scenes.Show) (list []scenes.Rendition) {
	c := show.Canvas
	short := min(c.Width, c.Height)
	for _, edge := range startEdges {
		if edge > short {
			continue
		}
		r := scenes.NewRendition(fmt.Sprintf("%dp", edge))
		if c.Height > c.Width {
			r.ID = fmt.Sprintf("vertical-%d", edge)
		}
		r.Video.Width, r.Video.Height = scaledEven(c.Width, edge, short), scaledEven(c.Height, edge, short)
		list = append(list, show.WithDefaults(r))
	}
	if len(list) == 0 {
		list = append(list, show.WithDefaults(scenes.NewRendition(fmt.Sprintf("%dp", short))))
	}
	return list
}

// scaledEven is n*to/from, to the nearest even number.
func scaledEven(n, to, from int) int { return (n*to + from) / (2 * from) * 2 }
