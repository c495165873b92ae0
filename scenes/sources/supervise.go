package sources

import (
	"context"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
)

// State is how far a source has come.
type State uint8

// States.
const (
	Opening State = iota + 1
	Running       // pictures or sound have come
	Waiting       // between two tries; the last picture stands
	Ended         // the material is over
	Failed        // given up: the operator has to change something
)

func (s State) String() string {
	return [...]string{"not set", "opening", "running", "waiting", "ended", "failed"}[min(s, Failed)]
}

// Status is a change in a source's life.
type Status struct {
	State State
	Err   error         // why it waits or has failed, in words for the operator
	Retry time.Duration // Waiting: until the next try
}

// reopenPolicy: a source comes back faster than a destination, because what it
// shows meanwhile is a frozen picture, and opening one bothers nobody else.
func reopenPolicy() supervise.Policy {
	p := supervise.Default()
	p.First, p.Factor, p.Max, p.HealthyAfter = 500*time.Millisecond, 1.5, 10*time.Second, 10*time.Second
	return p
}

// Supervise keeps src running into sink until its material is over (nil), it fails
// for good (that error), or ctx ends (ctx's error). onState hears of every change; it
// must not block, and is never called by two goroutines at once. While the
// source waits for its next try, and after its end, sink holds.
func Supervise(ctx context.Context, src Source, sink Sink, onState func(Status)) error {
	return superviseWith(ctx, reopenPolicy(), src, sink, onState)
}

func superviseWith(ctx context.Context, policy supervise.Policy, src Source, sink Sink, onState func(Status)) error {
	first := true
	run := func(ctx context.Context, healthy func()) error {
		if !first {
			sink.Restart()
		}
		first = false
		onState(Status{State: Opening})
		// The first picture or sound tells, on its own goroutine and before it is handed
		// on, so that whatever follows it (Hold) meets a source that is running.
		return src.Run(ctx, &watched{Sink: sink, started: func() {
			healthy()
			onState(Status{State: Running})
		}})
	}
	waiting := func(err error, wait time.Duration) {
		sink.Hold()
		onState(Status{State: Waiting, Err: err, Retry: wait})
	}
	err := supervise.Run(ctx, policy, run, waiting)
	if ctx.Err() != nil {
		return err
	}
	sink.Hold()
	if err != nil {
		onState(Status{State: Failed, Err: err})
	} else {
		onState(Status{State: Ended})
	}
	return err
}

// watched calls started once, when the first picture or sound comes.
type watched struct {
	Sink
	once    sync.Once
	started func()
}

// Video implements Sink.
func (w *watched) Video(ctx context.Context, f *media.Frame) error {
	w.once.Do(w.started)
	return w.Sink.Video(ctx, f)
}

// Audio implements Sink.
func (w *watched) Audio(ctx context.Context, b media.AudioBlock) error {
	w.once.Do(w.started)
	return w.Sink.Audio(ctx, b)
}

// SoundChanged implements SoundListener where the Sink does.
func (w *watched) SoundChanged(text string) {
	if l, ok := w.Sink.(SoundListener); ok {
		l.SoundChanged(text)
	}
}

// Remark implements RemarkListener where the Sink does.
func (w *watched) Remark(text string) { remark(w.Sink, text) }

// DeviceLatency implements LatencyListener where the Sink does.
func (w *watched) DeviceLatency(d time.Duration) {
	if l, ok := w.Sink.(LatencyListener); ok {
		l.DeviceLatency(d)
	}
}
