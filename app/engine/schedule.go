package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"crosspoint.studio/crosspoint/scenes"
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
	done   map[string]kept
}

// kept are the times of a destination that were carried out, as the show has them; "" is
// none. A clock that was set back goes by them again, but what an operator has done since
// counts for more.
type kept struct{ start, stop string }

// forget is for a destination whose times have changed: they are to be kept again.
func (s *schedule) forget(id string) { delete(s.done, id) }

func (s *schedule) keep(id string, k kept) {
	if s.done == nil {
		s.done = map[string]kept{}
	}
	s.done[id] = k
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
		tell := func(at time.Time, text string) {
			e.warn.set("schedule "+v.ID, fmt.Sprintf(text, v.Name, at.In(now.Location()).Format("15:04 on 2 January")), e.tick)
		}
		var command Command
		done := e.schedule.done[v.ID]
		if at, ok := due(v.StopAt); ok {
			if !e.outs.started(v.ID) {
				continue
			}
			if done.stop == v.StopAt {
				tell(at, "%s was stopped at %s already, before the clock was set back: it was not stopped again. Stop it by hand.")
				continue
			}
			command, done.stop = &StopLive{Destinations: []string{v.ID}}, v.StopAt
		} else if at, ok := due(v.StartAt); ok {
			switch {
			case e.outs.started(v.ID): // by hand
				done.start = v.StartAt
				e.schedule.keep(v.ID, done)
				continue
			case done.start == v.StartAt:
				tell(at, "%s went live at %s already, before the clock was set back: it was not started again. Start it by hand if it is still wanted.")
				continue
			case e.opt.ProgramsByHand && slices.ContainsFunc(e.programsOf(v), func(command string) bool { return !e.ran[command] }):
				tell(at, "%s was to go live at %s, but it runs a program that has not been run since the show was opened, and the show could be somebody else's: it was not started. Look at the program, and start it by hand.")
				continue
			case now.Sub(at) >= startsWithin:
				tell(at, "%s was to go live at %s, but the machine slept through it or its clock was set past it: it was not started. Start it by hand if it is still wanted.")
				continue
			}
			command, done.start = &GoLive{Destinations: []string{v.ID}}, v.StartAt
		} else {
			continue
		}
		if err := e.apply(command); err != nil {
			e.warn.set("schedule "+v.ID, fmt.Sprintf("%s was to be switched by the clock, but %v. Everything else goes on; switch it by hand.", v.Name, err), e.tick)
			continue
		}
		e.schedule.keep(v.ID, done)
	}
}

// programsOf are the commands that the ingests of a destination run.
func (e *Engine) programsOf(v scenes.Destination) (commands []string) {
	add := func(kind string, settings json.RawMessage) {
		if program := e.opt.OutputKinds[kind].Program; program != nil {
			if command := program(settings); command != "" {
				commands = append(commands, command)
			}
		}
	}
	add(v.Kind, v.Settings)
	for _, b := range v.Backups {
		add(b.Kind, b.Settings)
	}
	return commands
}

// started reports whether a destination has been started and not stopped.
func (d *deliveries) started(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.dest[id]
	return v != nil && v.isRunning() && !v.stopping.Load()
}
