package ui

import (
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// remove takes an element away; what is used, on air, heard or recorded on its own is asked
// about first, in its place. Undo brings it back.
func (p *showPanel) remove(id string) {
	s := p.desk.state
	if s == nil || id == "" {
		return
	}
	users := s.Show.Users(id)
	why := airedAs(s, id)
	if len(users) > 0 {
		why = append(why, "It is used by "+strings.Join(users, ", ")+", and would go there too.")
	}
	deed := func() { p.removeNow(id, len(users) > 0) }
	if len(why) == 0 {
		deed()
		return
	}
	name := nameOf(s, id)
	if o, ok := s.Show.Overlay(id); ok {
		name = o.Name
	}
	p.ask.ask("Remove “"+name+"”? "+strings.Join(why, " "), "Remove", "Keep", deed)
}

// airedAs says what removing an element would take away at once.
func airedAs(s *engine.State, id string) (why []string) {
	switch {
	case s.Tally[id] == engine.OnProgram || overlayOn(s.Show, id):
		why = append(why, "It is on air now.")
	case aired(s, id): // faded to black, nothing has a tally
		why = append(why, "It is on programme now.")
	case slices.ContainsFunc(s.Sources, func(v engine.SourceState) bool { return v.ID == id && v.Heard }):
		why = append(why, "It is heard now.")
	}
	if slices.ContainsFunc(s.ISOs, func(v engine.DestinationState) bool { return v.ID == id && v.Started }) {
		why = append(why, "It is recorded on its own now, which would end.")
	}
	return why
}

// aired reports whether an element is on programme, or a key that is on: changes of it are seen.
func aired(s *engine.State, id string) bool {
	return s.Tally[id] == engine.OnProgram || overlayOn(s.Show, id) || id != "" && s.Program == id
}

// removeLayer takes layer i out of layers, which are owner's. What was seen on air says so.
func (d *desk) removeLayer(owner string, layers []scenes.Layer, i int) {
	l := layers[i]
	d.send(&engine.SetLayers{ID: owner, Layers: slices.Delete(layers, i, i+1)})
	if aired(d.state, owner) && !l.Hidden && l.Opacity > 0 {
		d.tell("“" + nameOf(d.state, l.Source) + "” was removed on air; Undo (" + shortcutName + "+Z) brings it back.")
	}
}

func overlayOn(s *scenes.Show, id string) bool {
	o, ok := s.Overlay(id)
	return ok && o.On
}

func (p *showPanel) removeNow(id string, cascade bool) {
	// The neighbour is chosen next.
	if i := p.list.index(id); i >= 0 && p.selected[p.part] == id {
		switch {
		case i+1 < len(p.list.items):
			p.selected[p.part] = p.list.items[i+1].id
		case i > 0:
			p.selected[p.part] = p.list.items[i-1].id
		}
		p.shown = nil
	}
	switch p.part {
	case partSources:
		p.desk.send(&engine.RemoveSource{ID: id, Cascade: cascade})
	case partScenes:
		p.desk.send(&engine.RemoveScene{ID: id, Cascade: cascade})
	case partOverlays:
		p.desk.send(&engine.RemoveOverlay{ID: id})
	}
}
