package engine

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/compositor"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// counting gathers what State.Counters shows. Of the tick goroutine.
type counting struct {
	total                    Counters // counts since the start, times of the last second
	repeated                 int64
	compose, mix, tickTime   time.Duration // since the second began
	tickMax                  time.Duration
	ticks                    int64
	pixels                   int
	secondAt                 time.Duration
	memory                   [2]metrics.Sample
	tenSeconds               recently  // tick times
	whole                    histogram // tick times since the start
	capture                  histogram // from a live source's time stamp to the tick that shows it
	passthrough, rects, full int64
}

func (c *counting) composed(st compositor.Stats) {
	switch st.Path {
	case compositor.Passthrough, compositor.BlackOnly:
		c.passthrough++
	case compositor.Rectangles:
		c.rects++
	case compositor.Full:
		c.full++
	}
	c.compose += st.Draw
	c.pixels = st.Pixels
}

// tick closes the books of one tick that began at studio time began.
func (c *counting) tick(e *Engine, began time.Duration, late bool) {
	now := e.clock.Now()
	d := now - began
	c.tickTime += d
	c.tickMax = max(c.tickMax, d)
	c.ticks++
	c.tenSeconds.add(d)
	c.whole.add(d)
	t := &c.total
	if t.Ticks == 0 {
		t.FirstPicture = time.Now()
		t.Started = t.FirstPicture.Add(-now)
	}
	t.Ticks++
	if late {
		t.Late++
	}
	t.Repeated = c.repeated
	t.New = t.Ticks - t.Repeated
	e.pressure.tick(late || e.short())
	if now-c.secondAt < time.Second {
		return
	}
	n := float64(c.ticks) * 1e6
	t.TickMS, t.ComposeMS, t.MixMS = float64(c.tickTime)/n, float64(c.compose)/n, float64(c.mix)/n
	t.TickMaxMS = float64(c.tickMax) / 1e6
	t.TickP50MS, t.TickP99MS = c.tenSeconds.quantiles()
	t.RunTickP50MS, t.RunTickP99MS = quantiles(&c.whole)
	t.CaptureP50MS, t.CaptureP99MS = quantiles(&c.capture)
	c.tenSeconds.turn()
	t.BudgetMS = float64(e.frameTime) / 1e6
	t.Passthrough, t.Rects, t.Full = c.passthrough, c.rects, c.full
	t.PixelsPerTick = c.pixels
	t.ViewFPS = e.pressure.limit
	t.Goroutines = runtime.NumGoroutine()
	c.memory[0].Name, c.memory[1].Name = "/memory/classes/heap/objects:bytes", "/gc/cycles/total:gc-cycles"
	metrics.Read(c.memory[:])
	t.HeapMB = float64(c.memory[0].Value.Uint64()) / (1 << 20)
	t.GCRuns = int64(c.memory[1].Value.Uint64())
	e.outs.second(now)
	c.secondAt = now
	c.tickTime, c.compose, c.mix, c.tickMax, c.ticks = 0, 0, 0, 0, 0
}

// publish makes this tick's State.
func (e *Engine) publish() {
	e.asked.Store(false)
	now := media.TickTime(e.tick, e.fps)
	s := &State{
		Tick: e.tick, Time: now, Show: e.show, Revision: e.history.revision,
		Program: e.switcher.Program, Preview: e.switcher.Preview, Next: e.next,
		Transition: TransitionState{e.switcher.Mode, e.switcher.Lever, e.switcher.Progress(), e.switcher.AutoLeft},
		Black:      e.switcher.Black, FadedOut: e.switcher.FadedOut,
		Tally: e.tally(), Buses: e.desk.state(), Counters: e.count.total,
		Renditions: e.outs.states(), LateSounds: e.outs.lateSounds(), GPU: e.opt.Thread.Info(), Warnings: e.warn.all(),
		RefusedCommands: e.refused,
	}
	s.Monitor = e.monitorState()
	undo, redo := e.history.next()
	s.Undo, s.Redo, s.UndoHeard, s.RedoHeard = undo.label, redo.label, undo.heard, redo.heard
	for i := range s.Buses {
		b := &s.Buses[i]
		b.Carried = e.outs.carrying(b.ID)
		if b.ID == scenes.ProgrammeBus {
			s.Master = MasterState{b.GainDB, b.Muted, b.Meter}
		}
	}
	for _, in := range e.order {
		v := in.state(now)
		e.desk.sound(in, &v)
		s.Sources = append(s.Sources, v)
	}
	s.Destinations, s.Recordings = e.outs.list(e.show, e.clock.Now())
	s.Marks = e.marks
	s.Replay = e.replay.state()
	s.ISOs = e.outs.listISO(e.show, e.clock.Now())
	s.Writing = e.outs.writing()
	for _, d := range s.Destinations {
		s.Live = s.Live || d.Started
	}
	for _, d := range s.Recordings {
		s.Recording = s.Recording || d.Started
	}
	s.Warnings = append(s.Warnings, troubles(s)...)
	e.state.Store(s)
}

// troubles are the sentences about sources and destinations that are not well; they
// clear themselves with their cause.
func troubles(s *State) (out []Warning) {
	for _, v := range s.Sources {
		var text string
		if v.StandIn != "" {
			name := v.StandIn
			if i := slices.IndexFunc(s.Sources, func(b SourceState) bool { return b.ID == v.StandIn }); i >= 0 {
				name = s.Sources[i].Name
			}
			with := ", picture and sound,"
			if !v.HasVideo {
				with = ""
			}
			text = fmt.Sprintf("%s is not well%s. %s stands in for it%s until it is.", v.Name, sentence(v.Problem), name, with)
			out = append(out, Warning{"source " + v.ID, text, s.Tick})
			continue
		}
		switch reason, keys := sentence(v.Problem), keysOnAir(v.LeftOutOf); v.Status {
		case SourceFailed:
			text = fmt.Sprintf("%s cannot be used%s. The rest of the show goes on; change its settings.", v.Name, reason)
			if keys != "" {
				text = fmt.Sprintf("%s cannot be used%s. %s without it, and the rest of the show goes on; change its settings, or take the key off.", v.Name, reason, keys)
			}
		case SourceWaiting:
			switch {
			case v.HasAudio && !v.HasVideo:
				text = fmt.Sprintf("%s is silent%s. It is opened again by itself; everything else goes on. If it is on air, use another microphone or source.", v.Name, reason)
			case v.Frames == 0:
				text = fmt.Sprintf("%s has nothing to show yet%s. It is opened again by itself; the rest of the show goes on.", v.Name, reason)
			default:
				text = fmt.Sprintf("%s has stopped%s. Its last picture stands and it is opened again by itself; the rest of the show goes on.", v.Name, reason)
			}
		case SourceLost:
			text = fmt.Sprintf("%s has shown nothing new for 5 s%s. A slate stands in its place; it is opened again by itself. If it is on air, cut away.", v.Name, reason)
			if keys != "" {
				text = fmt.Sprintf("%s has shown nothing new for 5 s%s. %s without it, scenes show a slate in its place; everything else goes on. It is opened again by itself, and is back on air then: take the key off if it is not to be.", v.Name, reason, keys)
			}
		case SourceRunning, SourceHeld, SourceEnded:
			if v.Remark == "" {
				continue
			}
			text = fmt.Sprintf("%s is shown, but %s.", v.Name, v.Remark)
		default:
			continue
		}
		out = append(out, Warning{"source " + v.ID, text, s.Tick})
	}
	for _, v := range s.Renditions {
		if v.Late {
			out = append(out, Warning{"late encoder " + v.ID, fmt.Sprintf("The encoder of %s does not keep up and leaves out pictures: what it makes stutters. The programme and other renditions go on. "+
				"Choose a faster preset or a smaller picture for it, or end what else needs the processor.", v.ID), s.Tick})
		}
	}
	for _, name := range s.LateSounds {
		out = append(out, Warning{"late sound " + name, fmt.Sprintf("The sound encoder of %s does not keep up and leaves out some of it: it is silence where it is used. The mix, pictures and other encodes go on. "+
			"End what else uses the processor.", name), s.Tick})
	}
	out = append(out, soundTroubles(s)...)
	for _, list := range [3][]DestinationState{s.Destinations, s.Recordings, s.ISOs} {
		for _, v := range list {
			if c := v.Chain; v.Started && c != nil && c.Active > 0 && len(c.Switches) > 0 {
				last := c.Switches[len(c.Switches)-1]
				out = append(out, Warning{"ingest " + v.ID, fmt.Sprintf("%s is sent to %s%s. It goes back by itself when what comes before it is well.", v.Name, c.Ingests[c.Active].Name, sentence(last.Cause)), s.Tick})
			}
			// One that has failed for good has a warning of its own.
			switch {
			case !v.Started || v.Report.State == outputs.Failed:
			case v.Problem != "":
				out = append(out, Warning{"destination " + v.ID, fmt.Sprintf("%s is not live%s. It is tried again by itself; everything else goes on.", v.Name, sentence(v.Problem)), s.Tick})
			case v.Kind == scenes.RecordingKind && v.Report.State == outputs.Degraded:
				out = append(out, Warning{"destination " + v.ID, fmt.Sprintf("%s is behind%s. What waits is kept in memory and written when the disk takes it; everything else goes on. If it stays so, end what else uses that disk, or record to another.", v.Name, sentence(v.Report.Detail)), s.Tick})
			}
		}
	}
	return out
}

// keysOnAir begins the sentence about keys that are on without a source; "" without keys.
func keysOnAir(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("The key %s is on air", names[0])
	}
	return fmt.Sprintf("The keys %s are on air", strings.Join(names, " and "))
}

// sentence is a reason as the end of a sentence.
func sentence(reason string) string {
	if reason == "" {
		return ""
	}
	// When the next try is changes every time; that there is one is said already.
	return ": " + strings.TrimRight(reasonOf(reason), ". ")
}

// reasonOf is why a connection was lost, without when the next try is.
func reasonOf(problem string) string {
	reason, _, _ := strings.Cut(problem, "; trying again")
	return reason
}
