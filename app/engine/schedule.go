package engine

import (
	"fmt"
	"time"
)

// schedule starts and stops destinations at the times that the show gives them. What
// counts is that a time goes by: one that had passed before the show was opened, or
// before it was written, does nothing. Of the tick goroutine.
type schedule struct {
	looked time.Time // up to here all has been done
}

// keepTimes does what has come due by the wall clock since the last call. On the virtual
// clock there is no time of day.
func (e *Engine) keepTimes(now time.Time) {
	from := e.schedule.looked
	e.schedule.looked = now
	if e.clock.Virtual() || from.IsZero() {
		return
	}
	due := func(text string) bool {
		at, err := time.Parse(time.RFC3339, text)
		return err == nil && at.After(from) && !at.After(now)
	}
	for _, v := range e.show.Destinations {
		var command Command
		switch {
		case due(v.StopAt):
			if !e.outs.started(v.ID) {
				continue
			}
			command = &StopLive{Destinations: []string{v.ID}}
		case due(v.StartAt):
			command = &GoLive{Destinations: []string{v.ID}}
		default:
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
