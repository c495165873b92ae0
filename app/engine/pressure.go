package engine

import (
	"time"

	"crosspoint.studio/crosspoint/scenes/sources"
)

// The least and the most frames per second that views get.
const (
	minViewFPS = 5
	maxViewFPS = 30
)

// How many ticks of calm it takes until views get a step more: at first, and at most.
const (
	leastPatience = 60
	mostPatience  = 1800
)

// pressure is how much gives way to the programme where the processor does not keep up:
// the rate of the views first, and with it the pictures of sources that only views show. Of
// the tick goroutine.
type pressure struct {
	limit    float64 // fps of the views
	calm     int     // ticks since the last short one, or the last step up
	patience int     // ticks of calm before a step up
	raised   bool    // the last step was one up
	reduced  bool    // sources have been told to leave out pictures
}

func newPressure() pressure { return pressure{limit: maxViewFPS, patience: leastPatience} }

// tick takes note of a tick that was short of time, or was not. A step up that brought the
// shortage back is taken back, and the next is waited for twice as long, so that a machine
// with too much to do settles.
func (p *pressure) tick(short bool) {
	if !short {
		p.ease()
		return
	}
	if p.raised {
		p.limit /= 1.25
		p.patience = min(2*p.patience, mostPatience)
	} else {
		p.limit /= 2
	}
	p.limit = max(p.limit, minViewFPS)
	p.raised, p.calm = false, 0
}

// begins reports that something is to give way and sources have not been told yet.
func (p *pressure) begins() bool { return p.limit < maxViewFPS && !p.reduced }

func (p *pressure) ease() {
	if p.calm++; p.calm < p.patience {
		return
	}
	if p.limit < maxViewFPS {
		p.limit, p.calm, p.raised = min(p.limit*1.25, maxViewFPS), 0, true
		return
	}
	if p.calm >= mostPatience {
		p.patience, p.raised = leastPatience, false
	}
}

const (
	// shortBacklog is how many pictures wait for an encoder that falls behind; while it
	// fills its lookahead one or two may.
	shortBacklog = 4
	// shortTicks is how many ticks in a row a source on programme has less than half of what
	// it may be ahead; the odd tick is nothing.
	shortTicks = 3
)

// short reports that the processor does not keep up with the programme: an encoder or a
// source of it is about to miss pictures.
func (e *Engine) short() bool {
	if e.clock.Virtual() {
		return false
	}
	short := false
	for _, in := range e.order {
		short = in.short(e.planned) || short // each counts its ticks
	}
	for _, v := range e.outs.active.Load().video {
		short = short || len(v.jobs) >= shortBacklog
	}
	return short
}

// short reports that too few pictures are ready of a file that is on programme and has had
// enough since it began or was sought. planned is the tick of the newest plan.
func (in *input) short(planned int64) bool {
	if in.kind.Pacing != sources.Paced || in.shownAt < planned || !in.anchored || in.parked || in.restart.Load() {
		in.wasAhead, in.scarce = false, 0
		return false
	}
	n, ahead, more := in.sync.Waiting()
	half := in.ahead / 2 // of few pictures a second fewer last as long
	if n >= half || n > 0 && ahead >= time.Duration(half)*in.frame || !more {
		in.wasAhead, in.scarce = more, 0
		return false
	}
	if !in.wasAhead {
		return false
	}
	in.scarce++
	return n == 0 || in.scarce >= shortTicks
}

// demandEvery is how many ticks apart the sources are told how much is wanted of them.
const demandEvery = 15

// setDemand lets sources that are neither on air nor next leave out pictures that no other
// refers to, as long as there is pressure; otherwise every picture counts. What is
// recorded on its own counts always.
func (e *Engine) setDemand() {
	pressed := e.pressure.limit < maxViewFPS
	if !pressed && !e.pressure.reduced {
		return
	}
	e.pressure.reduced = pressed
	var wanted map[string]Tally
	if pressed {
		wanted = e.tally()
		for _, p := range e.looks.of(e.show, e.switcher.Program) {
			wanted[p.Source] = OnProgram // also at full black, from which it comes back
		}
		for _, v := range e.outs.active.Load().video {
			wanted[v.source] = max(wanted[v.source], OnPreview)
		}
	}
	for _, in := range e.order {
		d := sources.DemandFull
		if _, ok := wanted[in.def.ID]; pressed && !ok && !e.backsUp(in.def.ID, wanted) {
			d = sources.DemandReduced
		}
		in.demand.Store(uint32(d))
	}
}
