package sources

import (
	"context"
	"sync/atomic"
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
	// Everything of a try's life passes through one channel, so that a late
	// "running" of one try cannot follow "waiting" of it.
	first := true
	run := func(ctx context.Context, healthy func()) error {
		if !first {
			sink.Restart()
		}
		first = false
		onState(Status{State: Opening})
		w := &watched{Sink: sink, started: make(chan struct{})}
		ended := make(chan struct{})
		told := make(chan struct{})
		go func() {
			defer close(told)
			select {
			case <-w.started:
				healthy()
				onState(Status{State: Running})
			case <-ended:
			}
		}()
		// Deferred, so that a panic on its way to the supervisor ends the watch too.
		defer func() {
			close(ended)
			<-told
		}()
		return src.Run(ctx, w)
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

// watched tells when the first picture or sound has come.
type watched struct {
	Sink
	once    atomic.Bool
	started chan struct{}
}

func (w *watched) saw() {
	if !w.once.Load() && w.once.CompareAndSwap(false, true) {
		close(w.started)
	}
}

// Video implements Sink.
func (w *watched) Video(ctx context.Context, f *media.Frame) error {
	w.saw()
	return w.Sink.Video(ctx, f)
}

// Audio implements Sink.
func (w *watched) Audio(ctx context.Context, b media.AudioBlock) error {
	w.saw()
	return w.Sink.Audio(ctx, b)
}
