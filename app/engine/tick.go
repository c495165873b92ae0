package engine

import (
	"context"
	"fmt"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/priority"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// prerollTime is the longest that the first tick waits for sources to begin.
const prerollTime = time.Second

// preroll gives the sources a moment to begin, so that a show does not begin with
// black. The virtual clock waits for them anyway.
func (e *Engine) preroll(ctx context.Context) {
	if e.clock.Virtual() {
		return
	}
	timeout := time.NewTimer(prerollTime)
	defer timeout.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !e.ready() {
		select {
		case <-look.C:
		case <-timeout.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// ready: every source that has a first picture to show at tick 0 can show it. A paced
// one is shown from the tick on at which its first sound is there as well.
func (e *Engine) ready() bool {
	for _, in := range e.order {
		if in.src == nil || !in.video.Load() || in.kind.Pacing == sources.Live || in.opening != nil && !in.opening.asked {
			continue
		}
		if picture, sound := in.begun(); !(picture && sound) && !in.inTrouble() {
			return false
		}
	}
	return true
}

// run ticks, on the real clock on a thread that goes before all others and ends with it.
func (e *Engine) run(ctx context.Context) error {
	if e.clock.Virtual() {
		return e.loop(ctx)
	}
	ended := make(chan error, 1)
	go func() {
		priority.First(func(err error) {
			if err != nil {
				e.log.Info("the programme has no precedence over other work: where the processor is short its pictures may be late", "reason", err)
			}
		})
		ended <- e.loop(ctx)
	}()
	return <-ended
}

// loop ticks. Tick n is due n/fps after the start of studio time.
func (e *Engine) loop(ctx context.Context) error {
	for ; e.opt.Ticks == 0 || e.tick < e.opt.Ticks; e.tick++ {
		due := media.TickTime(e.tick, e.fps)
		if err := e.clock.WaitUntil(ctx, due); err != nil {
			return nil // the orderly end
		}
		began := e.clock.Now()
		e.standstill.look(e)
		behind := time.Duration(0)
		if !e.clock.Virtual() {
			behind = began - due
		}
		late := behind > e.frameTime
		if err := e.doTick(ctx, behind); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		e.count.tick(e, began, late)
		e.keepTimes(time.Now())
		if e.tick%demandEvery == 0 || e.pressure.begins() {
			e.setDemand()
		}
		if e.asked.Load() || e.tick%int64(e.fps.Float()+0.5) == 0 {
			e.publish()
		}
	}
	return nil
}

// giveUp is how many frames the tick may be behind before it stops composing and
// shows the last picture again. A composition takes a few milliseconds of the frame's
// time, so a tick that was held up catches up without losing a picture.
const giveUp = 8

// catchUpWait is how long a tick that catches up waits for a source that was
// held up with it.
const catchUpWait = 10 * time.Millisecond

// doTick is one tick: commands, switcher, pictures, sound, delivery. behind is how
// late it begins.
func (e *Engine) doTick(ctx context.Context, behind time.Duration) error {
	e.applyDue()
	e.applyRequests()
	e.advance()
	e.followCuts()
	e.followSession()
	t := media.TickTime(e.tick, e.fps) // tick time: what sources are brought to
	viewed := e.views.any()
	for _, in := range e.order {
		in.favour(e.planned, viewed)
		in.park(t, e.planned)
	}
	from := media.SampleAt(e.tick, e.fps, media.SampleRateHz)
	to := media.SampleAt(e.tick+1, e.fps, media.SampleRateHz)
	if e.clock.Virtual() {
		for _, in := range e.retired {
			if err := in.await(ctx, t, to); err != nil { // its last sound
				return err
			}
			in.cancel()
		}
		for _, in := range e.order {
			stalled := in.stalled
			if err := in.await(ctx, t, to); err != nil {
				return err
			}
			if in.stalled && !stalled {
				e.warn.set("stalled "+in.def.ID, fmt.Sprintf("%s delivered nothing for %v at frame %d: its last picture stands and its sound is left out from there. Everything else is complete; check the source and render again.", in.def.Name, in.limit, e.tick), e.tick)
			}
		}
	}
	if behind > e.frameTime/2 && behind <= giveUp*e.frameTime {
		e.catchUp(ctx, t)
	}
	for _, in := range e.order {
		in.take(t)
	}
	e.standIns(t)
	e.compose(behind > giveUp*e.frameTime)

	mixStart := time.Now()
	n := int(to-from) * media.Channels
	if cap(e.samples) < n {
		e.samples = make([]float32, n+2*media.Channels)
	}
	e.samples = e.samples[:n]
	e.desk.follow(e)
	e.outs.tapSounds()
	e.desk.mixer.MixTick(e.samples, from)
	e.stopRetired()
	e.logLoudness()
	e.count.mix += time.Since(mixStart)

	if e.opt.Tap != nil {
		e.opt.Tap(e.tick, e.program, e.samples)
	}
	if e.opt.Monitor != nil {
		e.opt.Monitor(e.desk.mixer.Monitor())
	}
	e.outs.deliver(e.tick, from, e.program, n, e.pictureAge())
	for _, in := range e.order {
		in.wake()
	}
	e.views.offer(e)
	return nil
}

// pictureAge is how long ago the oldest of the live pictures was taken that this tick shows
// first on programme or preview; negative where there is none.
func (e *Engine) pictureAge() time.Duration {
	age := time.Duration(-1)
	for _, in := range e.order {
		if in.Demand() == sources.DemandFull {
			age = max(age, in.age)
		}
	}
	return age
}

// catchUp gives the files that the programme shows a moment to hand over what is due: while the
// tick was held up their queues were full, and now several ticks follow at once. One that could
// not is not waited for again until it has a new picture: it has no time, and neither has the tick.
func (e *Engine) catchUp(ctx context.Context, t time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, catchUpWait)
	defer cancel()
	for _, in := range e.order {
		if !in.anchored || in.parked || in.slow || in.kind.Pacing != sources.Paced || in.shownAt < e.planned || in.src == nil || !in.video.Load() {
			continue
		}
		if in.sync.WaitDue(ctx, in.due(t), e.frameTime) != nil {
			in.slow = true // what is not there by now is repeated and counted
			return
		}
	}
}

// compose makes this tick's programme picture; one that is too far behind, or whose
// drawing fails, shows the last one again.
func (e *Engine) compose(skip bool) {
	if skip && e.program != nil {
		e.count.repeated++
		return
	}
	e.planProgram()
	f, st, err := e.comp.Compose(&e.plan)
	if err != nil {
		e.count.repeated++
		e.notDrawn(err)
		if e.program == nil {
			e.program = e.slate.Retain()
		}
		return
	}
	e.warn.clear("compositor")
	e.fault = ""
	if in := e.inputs[st.LeftOut]; in != nil {
		e.warn.set("source left out", fmt.Sprintf("%s is not in the picture: the graphics card takes no picture of its size. Everything else is shown; make its picture smaller.", in.def.Name), e.tick)
	} else {
		e.warn.clear("source left out")
	}
	e.program.Release()
	e.program = f
	e.count.composed(st)
}

// notDrawn tells of a picture that could not be drawn. The stack of a panic is for the log, once
// for as long as it is the same one at every tick.
func (e *Engine) notDrawn(err error) {
	text := err.Error()
	if stack := stackOf(err); stack != "" && text != e.fault {
		e.log.Error("drawing panicked", "error", err, "stack", stack)
	}
	e.fault = text
	e.warn.set("compositor", fmt.Sprintf("The picture could not be drawn (%s); the last one stands, sound and destinations go on. If it stays, change the scene back.", text), e.tick)
}

// newSlate is what a lost source shows, but in keys: dark grey with diagonal stripes.
func newSlate(w, h int, color media.ColorInfo) *media.Frame {
	f := media.NewFramePool(media.I420, w, h, 1).Get()
	f.Fill(40, 128, 128)
	f.Color = color
	stripes := make([]byte, w+64) // of the first row and beyond: each is the one above, a pixel on
	for x := range stripes {
		stripes[x] = byte(52 - x/32%2*12)
	}
	for y := range h {
		copy(f.Planes[0].Data[y*f.Planes[0].Stride:][:w], stripes[y%64:])
	}
	return f
}
