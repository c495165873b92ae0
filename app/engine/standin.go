package engine

import (
	"time"

	"crosspoint.studio/crosspoint/scenes/sources"
)

// wellFor is how long a source that was stood in for has to run until it is shown again.
const wellFor = 2 * time.Second

// mostStandIns is how many backups of backups are tried.
const mostStandIns = 4

// standIns decides for this tick which sources are stood in for by their backups. A source
// needs it when it shows nothing new for a second though it should, or nothing is heard of
// one without pictures, when it has failed, or waits to be tried again; it comes back when it
// has been well for wellFor.
func (e *Engine) standIns(t time.Duration) {
	for _, in := range e.order {
		in.standIn = nil
		if in.def.Backup == "" {
			continue
		}
		if in.unwell(t) {
			in.unwellAt, in.missed = t, true
		} else if t-in.unwellAt >= wellFor {
			in.missed = false
		}
	}
	for _, in := range e.order {
		if in.def.Backup != "" && in.missed {
			in.standIn = e.standInFor(in, t)
		}
	}
}

// standInFor is the first of a source's backups, and of theirs, that is well and is not
// stood in for itself; nil is none. Where there is none, one that has just come back is better
// than a source that is not well.
func (e *Engine) standInFor(in *input, t time.Duration) *input {
	var justBack *input
	b := e.inputs[in.def.Backup]
	for range 1 + mostStandIns {
		if b == nil || b == in {
			break
		}
		if (b.current != nil || !in.video.Load()) && !b.unwell(t) {
			if !b.missed {
				return b
			}
			if justBack == nil {
				justBack = b
			}
		}
		b = e.inputs[b.def.Backup]
	}
	if !in.unwell(t) {
		return nil
	}
	return justBack
}

// unwell: there is no fresh picture, or no sound of a live source without pictures, though
// there should be.
func (in *input) unwell(t time.Duration) bool {
	in.mu.Lock()
	state, still := in.status.State, in.still
	in.mu.Unlock()
	switch state {
	case sources.Failed, sources.Waiting:
		return true
	case sources.Ended:
		return false
	case sources.Running:
		if !in.video.Load() {
			return in.audio.Load() && !still && in.kind.Pacing == sources.Live && in.strip.Stats().Silent > heldAfter
		}
		return in.lost || !still && in.kind.Pacing != sources.Still && !in.parked && t-in.lastFresh > heldAfter
	}
	return in.lost || t-in.lastFresh > heldAfter && in.kind.Pacing != sources.Still // it does not open
}

// shown is the input that is seen and heard in the place of the source; nil without one.
func (e *Engine) shown(source string) *input {
	in := e.inputs[source]
	if in != nil && in.standIn != nil {
		return in.standIn
	}
	return in
}

// backsUp: the source may have to stand in at once for one that is wanted.
func (e *Engine) backsUp(source string, wanted map[string]Tally) bool {
	for _, in := range e.order {
		if _, ok := wanted[in.def.ID]; ok && in.def.Backup == source {
			return true
		}
	}
	return false
}
