package engine

import (
	"errors"
	"fmt"
	"slices"

	"crosspoint.studio/crosspoint/scenes"
)

// Next is what the next transition moves.
type Next struct {
	Background bool     `json:"background"`
	Overlays   []string `json:"overlays"` // ids; each goes on if it is off, and off if it is on
}

// KeysOnly reports that the next transition moves keys and leaves the background.
func (n Next) KeysOnly() bool { return !n.Background && len(n.Overlays) > 0 }

func (c SetNext) apply(e *Engine) error {
	if e.switcher.InTransition() {
		return errors.New("a transition is under way: choose what comes next when it is over")
	}
	n := e.next
	if c.Background != nil {
		n.Background = *c.Background
	}
	if c.Overlays != nil {
		for _, id := range *c.Overlays {
			if _, ok := e.show.Overlay(id); !ok {
				return fmt.Errorf("there is no overlay %q", id)
			}
		}
		n.Overlays = slices.Compact(slices.Sorted(slices.Values(*c.Overlays)))
	}
	if !n.Background && len(n.Overlays) == 0 {
		return errors.New("the next transition has to move something: the background or a key")
	}
	e.next = n
	e.switcher.KeysOnly = !n.Background
	return nil
}

// dropNext forgets keys that are gone from the show. A transition of keys alone that has
// none left is over: the background takes no part in it.
func (e *Engine) dropNext() {
	n := Next{Background: e.next.Background}
	for _, id := range e.next.Overlays {
		if _, ok := e.show.Overlay(id); ok {
			n.Overlays = append(n.Overlays, id)
		}
	}
	if len(n.Overlays) == 0 {
		if !n.Background && e.switcher.Mode != AtRest {
			e.switcher.rest(e.switcher.RestsAt)
		}
		n.Background = true
	}
	e.next = n
	e.switcher.KeysOnly = !n.Background
}

// advance moves the transition by a tick.
func (e *Engine) advance() {
	before := e.show
	e.switcher.Step()
	e.landKeys()
	if e.show != before {
		e.history.revision++
		e.asked.Store(true)
	}
}

// landKeys switches the tied keys if a transition has reached its end, and is called where
// one may have: a command of the same tick may choose other keys for the next one.
func (e *Engine) landKeys() {
	if e.landed == e.switcher.Completed {
		return
	}
	e.landed = e.switcher.Completed
	for _, id := range e.next.Overlays {
		if err := (SetOverlay{ID: id}).apply(e); err != nil {
			e.log.Error("tied key not switched", "overlay", id, "error", err)
		}
	}
}

// coming reports whether the next transition puts a key on; preview shows it, so that a
// title can be read before it is on the air.
func (e *Engine) coming(o *scenes.Overlay) bool {
	return !o.On && slices.Contains(e.next.Overlays, o.ID)
}

// nextBase is what lies under the keys after the next transition: what is on preview, or still
// what is on programme where keys alone move.
func (e *Engine) nextBase() string {
	if e.switcher.KeysOnly {
		return e.switcher.Program
	}
	return e.switcher.Preview
}

// nextKey reports whether preview shows a key: one that comes, and where keys alone move one
// that stays, so that they are seen together.
func (e *Engine) nextKey(o *scenes.Overlay) bool {
	return e.coming(o) || e.switcher.KeysOnly && o.On && !slices.Contains(e.next.Overlays, o.ID)
}

// keyLevel is how much of a key shows, 0..1.
func (e *Engine) keyLevel(id string, on bool) float64 {
	level := 0.0
	if on {
		level = 1
	}
	if e.switcher.InTransition() && slices.Contains(e.next.Overlays, id) {
		p := e.switcher.Progress()
		return level*(1-p) + (1-level)*p
	}
	return level
}
