package ui

import (
	"slices"
	"sync/atomic"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// sentEdit is an edit of the show that was sent. Commands replace whole elements, so what is
// built before the state has it, such as by the press that also ended the typing of a text,
// would take it back.
type sentEdit struct {
	// apply is nil for Undo and Redo: the engine alone knows what these make of the show.
	apply func(*scenes.Show) (*scenes.Show, error)
	// told, nil for all but these, is what they did, as the first state that has it says.
	told func(*engine.State) string
	// over is 0 while the studio has not answered; then the tick from which on states have
	// the edit, or neverSeen. For any goroutine.
	over atomic.Int64
}

const neverSeen = -1

// editLog is the edits that were sent and are not in the state yet, see draft.
type editLog struct{ edits []*sentEdit }

// remember keeps what a command makes of the show until a state has it. What is returned
// takes the studio's answer, on any goroutine; it is nil for a command that is no edit.
func (d *desk) remember(cmd engine.Command) func(error) {
	e := &sentEdit{apply: engine.EditOf(cmd), told: travelled(cmd)}
	if _, back := cmd.(*engine.Undo); back { // which of them it takes back the engine knows
		d.edits = slices.DeleteFunc(d.edits, func(e *sentEdit) bool { return e.apply != nil })
	}
	if e.apply == nil && e.told == nil {
		return nil
	}
	d.edits = append(d.edits, e)
	return func(err error) {
		over := int64(neverSeen)
		if s := d.studio.State(); err == nil && s != nil {
			over = s.Tick + 1 // this one may have been made before the edit, the next one not
		}
		e.over.Store(over)
	}
}

// travelled is what Undo and Redo did, by the other way that there is from there: an edit that
// was taken back can be made again. It is nil for other commands.
func travelled(cmd engine.Command) func(*engine.State) string {
	told := func(done, label string) string {
		if label == "" { // another edit came after it
			return ""
		}
		return sentence(done + ": " + label)
	}
	switch cmd.(type) {
	case *engine.Undo:
		return func(s *engine.State) string { return told("undone", s.Redo) }
	case *engine.Redo:
		return func(s *engine.State) string { return told("made again", s.Undo) }
	}
	return nil
}

// catchUp forgets edits that s has, and those that were refused; it says what an Undo or a
// Redo among them did. A state of an earlier tick is another show's.
func (d *desk) catchUp(s *engine.State) {
	another := d.state != nil && s.Tick < d.state.Tick
	d.edits = slices.DeleteFunc(d.edits, func(e *sentEdit) bool {
		over := e.over.Load()
		seen := over > 0 && s.Tick >= over
		if seen && !another && e.told != nil {
			if text := e.told(s); text != "" {
				d.said(text)
			}
		}
		return another || over == neverSeen || seen
	})
}

// draft is the show with the edits that are on their way: what elements are taken from to be
// changed. Nothing is drawn from it.
func (d *desk) draft() *scenes.Show {
	show := d.state.Show
	for _, e := range d.edits {
		if e.apply == nil {
			continue
		}
		if next, err := e.apply(show); err == nil { // what is refused here is refused there
			show = next
		}
	}
	return show
}

// changeSource sends a source with a change.
func (d *desk) changeSource(id string, change func(*scenes.Source)) {
	if v, ok := d.draft().Source(id); ok {
		change(&v)
		d.send(&engine.UpdateSource{Source: v})
	}
}

// draftLayers is a copy of an owner's layers, to be changed. Layers have no names: while
// their order is on its way, they are those that are shown.
func (d *desk) draftLayers(owner string, shown []scenes.Layer) []scenes.Layer {
	list, _ := layersOf(d.draft(), owner)
	if !slices.EqualFunc(list, shown, func(a, b scenes.Layer) bool { return a.Source == b.Source }) {
		list = shown
	}
	return slices.Clone(list)
}
