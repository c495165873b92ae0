package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/scenes"
)

// undoable is a command whose edit of the show can be taken back. label completes
// "Undo …"; edits with the same key, not "", that follow each other within a second
// are one.
type undoable interface {
	undoable() (label, key string)
}

// aboutSound is an undoable command of a source's sound or of a bus; about is what these are
// called, which takes the place of … in its label.
type aboutSound interface {
	about(show *scenes.Show) string
}

// maxHistory is how many edits can be taken back. A show shares what did not change
// with the one before, so an entry is small.
const maxHistory = 200

// version is a show before an edit (or, to redo, after it).
type version struct {
	show       *scenes.Show
	label, key string
	tick       int64 // of the newest edit in it
	// heard are the names of what going back to it makes heard.
	heard []string
}

// history is what Undo and Redo go through. Of the tick goroutine.
type history struct {
	undo, redo []version
	// revision counts changes of the show document.
	revision int64
}

func (h *history) forget() { h.undo, h.redo = nil, nil }

// record notes that c has changed before into now.
func (h *history) record(c Command, before, now *scenes.Show, tick, second int64) {
	h.revision++
	u, ok := c.(undoable)
	if !ok {
		return
	}
	label, key := u.undoable()
	if v, ok := c.(aboutSound); ok {
		label = strings.Replace(label, "…", v.about(before), 1)
	}
	h.redo = nil
	if n := len(h.undo); n > 0 && key != "" && h.undo[n-1].key == key && tick-h.undo[n-1].tick < second {
		h.undo[n-1].tick, h.undo[n-1].heard = tick, madeHeard(now, h.undo[n-1].show)
		return
	}
	if len(h.undo) == maxHistory {
		h.undo = slices.Delete(h.undo, 0, 1)
	}
	h.undo = append(h.undo, version{before, label, key, tick, madeHeard(now, before)})
}

// next are the versions that Undo and Redo would go to, without a label where there is none.
func (h *history) next() (undo, redo version) {
	if n := len(h.undo); n > 0 {
		undo = h.undo[n-1]
	}
	if n := len(h.redo); n > 0 {
		redo = h.redo[n-1]
	}
	return undo, redo
}

// madeHeard are the names of the sources and buses that are muted, off the air or faded out in
// now and not so in then.
func madeHeard(now, then *scenes.Show) (names []string) {
	silent := func(v scenes.Source) bool {
		return v.Audio.Muted || v.Audio.OnAir == scenes.OnAirOff || v.Audio.GainDB <= audio.OffDB
	}
	for _, v := range now.Sources {
		if silent(v) {
			if next, ok := then.Source(v.ID); ok && !silent(next) {
				names = append(names, v.Name)
			}
		}
	}
	quiet := func(b scenes.Bus) bool { return b.Muted || b.GainDB <= audio.OffDB }
	for _, b := range now.Buses {
		if quiet(b) {
			if next, ok := then.Bus(b.ID); ok && !quiet(next) {
				names = append(names, b.Name)
			}
		}
	}
	return names
}

func (Undo) apply(e *Engine) error {
	return e.travel(&e.history.undo, &e.history.redo, "there is nothing to undo")
}

func (Redo) apply(e *Engine) error {
	return e.travel(&e.history.redo, &e.history.undo, "there is nothing to redo")
}

// travel goes to the newest version in from and keeps the present one in to.
func (e *Engine) travel(from, to *[]version, none string) error {
	n := len(*from)
	if n == 0 {
		return errors.New(none)
	}
	v := (*from)[n-1]
	now := e.show
	if name := e.outs.runningOutside(v.show); name != "" {
		return fmt.Errorf("%s is running and would go with this: stop it first", name)
	}
	if err := e.carriedOutside(v.show); err != nil {
		return err
	}
	if err := e.airOutside(v.show); err != nil {
		return err
	}
	if err := e.edit(withKeysOf(v.show, now), nil); err != nil {
		return err
	}
	*from = (*from)[:n-1]
	*to = append(*to, version{now, v.label, "", e.tick, madeHeard(e.show, now)})
	return nil
}

// airOutside says what is on air that show does not have: nobody asks before Undo, so it
// takes nothing off the air.
func (e *Engine) airOutside(show *scenes.Show) error {
	buses := []string{e.switcher.Program}
	if e.switcher.Crossing() {
		buses = append(buses, e.switcher.Preview)
	}
	for _, id := range buses {
		if e.busIn(show, id) != nil {
			return fmt.Errorf("%s is on air and would go with this: cut away first", names(e.show)[id])
		}
	}
	e.desk.follow(e) // with the commands of this tick
	for _, in := range e.order {
		if _, stays := show.Source(in.def.ID); !stays && in.isHeard(e.outs.carries) {
			return fmt.Errorf("%s is heard and would go with this: remove it by hand if that is meant", in.def.Name)
		}
	}
	for _, o := range e.show.Overlays {
		if _, stays := show.Overlay(o.ID); !stays && e.keyLevel(o.ID, o.On) > 0 {
			return fmt.Errorf("the key %s is on air and would go with this: take it off first", o.Name)
		}
	}
	return nil
}

// withKeysOf is show with the overlays on that are on in now, and no others: taking back
// an edit must not change what is on air besides it.
func withKeysOf(show, now *scenes.Show) *scenes.Show {
	for _, o := range show.Overlays {
		if present, _ := now.Overlay(o.ID); present.On != o.On {
			if changed, err := show.SetOverlayOn(o.ID, present.On); err == nil {
				show = changed
			}
		}
	}
	return show
}
