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
	apply func(*scenes.Show) (*scenes.Show, error)
	// over is 0 while the studio has not answered; then the tick from which on states have
	// the edit, or neverSeen. For any goroutine.
	over atomic.Int64
}

const neverSeen = -1

// remember keeps what a command makes of the show until a state has it. What is returned
// takes the studio's answer, on any goroutine; it is nil for a command that is no edit.
func (d *desk) remember(cmd engine.Command) func(error) {
	apply := engine.EditOf(cmd)
	if apply == nil {
		return nil
	}
	e := &sentEdit{apply: apply}
	d.edits = append(d.edits, e)
	return func(err error) {
		over := int64(neverSeen)
		if s := d.studio.State(); err == nil && s != nil {
			over = s.Tick + 1 // this one may have been made before the edit, the next one not
		}
		e.over.Store(over)
	}
}

// catchUp forgets edits that s has, and those that were refused. A state of an earlier tick
// is another show's.
func (d *desk) catchUp(s *engine.State) {
	another := d.state != nil && s.Tick < d.state.Tick
	d.edits = slices.DeleteFunc(d.edits, func(e *sentEdit) bool {
		over := e.over.Load()
		return another || over == neverSeen || over > 0 && s.Tick >= over
	})
}

// draft is the show with the edits that are on their way: what elements are taken from to be
// changed. Nothing is drawn from it.
func (d *desk) draft() *scenes.Show {
	show := d.state.Show
	for _, e := range d.edits {
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
