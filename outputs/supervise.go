package outputs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
)

// tryingAgain parts the reason of a failure from when the next try is.
const tryingAgain = "; trying again"

// Resetter is a feed whose queue can be emptied: what waits in it for a
// connection that is gone is of no use to the next, which begins at a keyframe.
type Resetter interface{ Reset() }

// Counters count what Supervise did for one destination. They only grow.
type Counters struct {
	Tries     atomic.Int64 // connections begun
	Panics    atomic.Int64 // our own bugs
	Abandoned atomic.Int64 // outputs that did not stop and were left behind: our own bugs
}

// SuperviseOptions are what Supervise works on. Output, Feed and Log are required.
type SuperviseOptions struct {
	Output Output
	Feed   Feed
	Log    *slog.Logger
	// Name is the destination's, for the log.
	Name string
	// Policy is supervise.Default() when zero.
	Policy supervise.Policy
	// Counters may be nil.
	Counters *Counters
	// Drain: an output that is left behind, a recorder whose disk does not answer, may still
	// take what its feed has.
	Drain bool
}

// Supervise keeps one destination connected until its feed ends (nil), ctx ends
// (its error), or it fails for good (that error; the feed is told Failed). It runs
// Output.Run again after every other failure and says Waiting, with the reason,
// in between. Before every try but the first the feed is Reset, if it is a
// Resetter. It returns within 5 s of ctx's end even when the output does not; then
// the output is left behind, cut off from the feed (but see Drain), and the error is
// supervise.ErrAbandoned.
func Supervise(ctx context.Context, opt SuperviseOptions) error {
	if opt.Policy == (supervise.Policy{}) {
		opt.Policy = supervise.Default()
	}
	if opt.Counters == nil {
		opt.Counters = new(Counters)
	}
	log := opt.Log.With("destination", opt.Name)
	first := true
	err := supervise.Run(ctx, opt.Policy, func(ctx context.Context, healthy func()) error {
		if r, ok := opt.Feed.(Resetter); ok && !first {
			r.Reset()
		}
		first = false
		opt.Counters.Tries.Add(1)
		feed := &supervisedFeed{Feed: opt.Feed, healthy: healthy, drain: opt.Drain}
		stop := context.AfterFunc(ctx, func() {
			// Long after Run should have ended: an abandoned output must not
			// speak for the destination any more.
			time.AfterFunc(max(opt.Policy.StopWithin, time.Second), feed.cut)
		})
		defer stop()
		defer feed.cut()
		err := opt.Output.Run(ctx, feed)
		if err != nil && feed.ended.Load() {
			return supervise.Permanent(fmt.Errorf("at the end: %w", err))
		}
		return err
	}, func(err error, wait time.Duration) {
		var p *supervise.PanicError
		if errors.As(err, &p) {
			opt.Counters.Panics.Add(1)
			log.Error("output panicked", "value", p.Value, "stack", string(p.Stack))
		} else {
			log.Warn("output lost", "reason", err, "retry_in", wait)
		}
		opt.Feed.Report(Report{State: Waiting, Detail: fmt.Sprintf("%v%s in %v", err, tryingAgain, wait.Round(time.Second))})
	})
	switch {
	case err == nil, ctx.Err() != nil && !errors.Is(err, supervise.ErrAbandoned):
		opt.Feed.Report(Report{State: Idle})
	case errors.Is(err, supervise.ErrAbandoned):
		opt.Counters.Abandoned.Add(1)
		log.Error("output did not stop and was left behind")
		opt.Feed.Report(Report{State: Idle, Detail: "did not stop in time"})
	default:
		log.Warn("output failed", "reason", err)
		opt.Feed.Report(Report{State: Failed, Detail: err.Error()})
	}
	return err
}

// supervisedFeed watches what one try does with its feed.
type supervisedFeed struct {
	Feed
	healthy func()
	drain   bool        // Next goes on when the try is over
	ended   atomic.Bool // Next has returned io.EOF

	mu   sync.Mutex
	gone bool // guarded by mu; the try is over
}

func (f *supervisedFeed) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
}

func (f *supervisedFeed) isGone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gone
}

// Next implements Feed.
func (f *supervisedFeed) Next(ctx context.Context) (*media.Packet, error) {
	if !f.drain && f.isGone() {
		return nil, context.Canceled
	}
	p, err := f.Feed.Next(ctx)
	if errors.Is(err, io.EOF) {
		f.ended.Store(true)
	}
	return p, err
}

// Report implements Feed.
func (f *supervisedFeed) Report(r Report) {
	if f.isGone() {
		return
	}
	if r.Works() {
		f.healthy()
	}
	f.Feed.Report(r)
}

// SetBitrate implements BitrateSetter for feeds that do.
func (f *supervisedFeed) SetBitrate(bps int) {
	if s, ok := f.Feed.(BitrateSetter); ok && !f.isGone() {
		s.SetBitrate(bps)
	}
}

// Watch implements ProgressWatcher for feeds that do.
func (f *supervisedFeed) Watch(p Progress) {
	if w, ok := f.Feed.(ProgressWatcher); ok && !f.isGone() {
		w.Watch(p)
	}
}

// Layers implements LayeredFeed for feeds that do.
func (f *supervisedFeed) Layers() []Feed {
	layers := LayersOf(f.Feed)
	for i, l := range layers {
		layers[i] = &supervisedLayer{Feed: l, of: f}
	}
	return layers
}

// Take implements LayeredFeed for feeds that do.
func (f *supervisedFeed) Take(taken []bool) {
	if !f.isGone() {
		TakeLayers(f.Feed, taken)
	}
}

// supervisedLayer is a further rendition of a supervised feed.
type supervisedLayer struct {
	Feed
	of *supervisedFeed
}

// Next implements Feed.
func (l *supervisedLayer) Next(ctx context.Context) (*media.Packet, error) {
	if l.of.isGone() {
		return nil, context.Canceled
	}
	return l.Feed.Next(ctx)
}

// SetBitrate implements BitrateSetter for feeds that do.
func (l *supervisedLayer) SetBitrate(bps int) {
	if s, ok := l.Feed.(BitrateSetter); ok && !l.of.isGone() {
		s.SetBitrate(bps)
	}
}
