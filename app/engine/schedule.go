package engine

import (
	"fmt"
	"time"
)

// startsWithin is how late, at the most, a destination goes live by the clock. Later the
// machine has slept, or its clock was set: nobody expects a stream of hours ago to begin.
const startsWithin = time.Minute

// lookEvery is how often the clock is looked at, where the show has that many ticks.
const lookEvery = 500 * time.Millisecond

// schedule starts and stops destinations at the times that the show gives them. What
// counts is that a time goes by: one that had passed before the show was opened, or
// before it was written, does nothing. Of the tick goroutine.
type schedule struct {
	looked time.Time // up to here all has been done
}

// keepTimes does what has come due by the wall clock since it was looked at, if that is
// lookEvery ago. On the virtual clock there is no time of day.
func (e *Engine) keepTimes(now time.Time) {
	from := e.schedule.looked
	if passed := now.Sub(from); passed >= 0 && passed < lookEvery {
		return
	}
	e.schedule.looked = now
	if e.clock.Virtual() || from.IsZero() {
		return
	}
	// Times of a show have no monotonic part, so all of this is by the wall clock.
	due := func(text string) (at time.Time, ok bool) {
		at, err := time.Parse(time.RFC3339, text)
		return at, err == nil && at.After(from) && !at.After(now)
	}
	for _, v := range e.show.Destinations {
		var command Command
		if _, ok := due(v.StopAt); ok {
			if !e.outs.started(v.ID) {
				continue
			}
			command = &StopLive{Destinations: []string{v.ID}}
		} else if at, ok := due(v.StartAt); ok {
			if now.Sub(at) >= startsWithin {
				e.warn.set("schedule "+v.ID, fmt.Sprintf("%s was to go live at %s, but the machine slept through it or its clock was set past it: it was not started. Start it by hand if it is still wanted.", v.Name, at.In(now.Location()).Format("15:04 on 2 January")), e.tick)
				continue
			}
			command = &GoLive{Destinations: []string{v.ID}}
		} else {
			continue
		}
		if err := e.apply(command); err != nil {
			e.warn.set("schedule "+v.ID, fmt.Sprintf("%s was to be switched by the clock, but %v. Everything else goes on; switch it by hand.", v.Name, err), e.tick)
		}
	}
}

// started reports whether a destination has been started and not stopped.
func (d *deliveries) started(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.dest[id]
	return v != nil && v.isRunning() && !v.stopping.Load()
}
