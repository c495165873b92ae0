package sources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
)

// recorder is a Sink that keeps count, and a copy of what it is asked to keep. Like
// the studio's, it makes a Paced source wait once it has had enough.
type recorder struct {
	pacing    Pacing
	maxFrames int // pictures taken before Video blocks (Paced)
	keep      int // pictures kept, retained; released by release
	keepSound bool

	mu       sync.Mutex // guards all below
	frames   []*media.Frame
	pts      []time.Duration
	arrived  []time.Time // by picture
	numVideo int
	sound    []float32
	soundAt  time.Duration // PTS of the first sample of sound on this timeline
	soundEnd time.Duration
	hasSound bool
	lastPTS  time.Duration
	hasPTS   bool
	holds    int
	restarts int
	text     string
	changes  []string
	faults   []string
	streams  string
	demand   Demand
	changed  chan struct{}
}

func newRecorder(p Pacing, maxFrames, keep int) *recorder {
	return &recorder{pacing: p, maxFrames: maxFrames, keep: keep, keepSound: true, demand: DemandFull, changed: make(chan struct{})}
}

func (r *recorder) signal() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *recorder) fault(format string, args ...any) {
	if len(r.faults) < 10 {
		r.faults = append(r.faults, fmt.Sprintf(format, args...))
	}
}

// full waits for ctx where a Paced source has to wait for room.
func (r *recorder) full(ctx context.Context, have func() bool) error {
	r.mu.Lock()
	wait := r.pacing == Paced && have()
	r.mu.Unlock()
	if wait {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (r *recorder) Video(ctx context.Context, f *media.Frame) error {
	if err := r.full(ctx, func() bool { return r.numVideo >= r.maxFrames }); err != nil {
		f.Release()
		if r.pacing == Live {
			return nil
		}
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hasPTS && f.PTS <= r.lastPTS {
		r.fault("picture %d: PTS %v after %v", r.numVideo, f.PTS, r.lastPTS)
	}
	if f.Format == media.I420 || f.Format == media.NV12 {
		if f.Color.Matrix == 0 || f.Color.Range == 0 {
			r.fault("picture %d: colour not said", r.numVideo)
		}
	}
	r.lastPTS, r.hasPTS = f.PTS, true
	r.numVideo++
	if len(r.frames) < r.keep {
		r.frames = append(r.frames, f)
	} else {
		f.Release()
	}
	r.pts, r.arrived = append(r.pts, f.PTS), append(r.arrived, time.Now())
	r.signal()
	return nil
}

func (r *recorder) Audio(ctx context.Context, b media.AudioBlock) error {
	if err := r.full(ctx, func() bool { return r.soundEnd > time.Duration(r.maxFrames)*50*time.Millisecond }); err != nil {
		if r.pacing == Live {
			return nil
		}
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(b.Samples)%media.Channels != 0 {
		r.fault("a block of %d samples is not stereo", len(b.Samples))
	}
	// Paced sound is contiguous to the sample; PTS are rounded to a nanosecond.
	if gap := b.PTS - r.soundEnd; r.hasSound && r.pacing == Paced && (gap > 20*time.Microsecond || gap < -20*time.Microsecond) {
		r.fault("sound at %v follows sound that ended at %v", b.PTS, r.soundEnd)
	}
	if !r.hasSound {
		r.soundAt = b.PTS
	}
	r.hasSound = true
	r.soundEnd = b.PTS + b.Duration()
	if r.keepSound {
		r.sound = append(r.sound, b.Samples...)
	}
	r.signal()
	return nil
}

func (r *recorder) Hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holds++
	r.signal()
}

func (r *recorder) Restart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restarts++
	r.hasPTS, r.hasSound = false, false
	r.signal()
}

func (r *recorder) Streams(video, audio bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams = fmt.Sprintf("video %v, audio %v", video, audio)
}

func (r *recorder) SoundChanged(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, text)
}

func (r *recorder) Describe(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text = text
}

func (r *recorder) Demand() Demand {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.demand
}

// patience is how long is waited for what comes soon, or never.
const patience = time.Minute

// until waits for cond, which is called with the lock held.
func (r *recorder) until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		r.mu.Lock()
		ok, wait := cond(), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-wait:
		case <-deadline.C:
			r.mu.Lock()
			defer r.mu.Unlock()
			t.Fatalf("waited %v for %s: %d pictures, sound to %v, %d holds, %d restarts", patience, what, r.numVideo, r.soundEnd, r.holds, r.restarts)
		}
	}
}

func (r *recorder) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.frames {
		f.Release()
	}
	r.frames = nil
}

// running is a source that works in the background of a test.
type running struct {
	t      testing.TB
	cancel context.CancelFunc
	done   chan error
}

func start(t testing.TB, src Source, sink Sink) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t, cancel, make(chan error, 1)}
	go func() { r.done <- src.Run(ctx, sink) }()
	return r
}

// endsWithin is what a source has to end in: a second, and what a busy machine takes for it.
const endsWithin = 2500 * time.Millisecond

// stop ends the source. How soon it ends is for tests in attempts: stopSoon.
func (r *running) stop() error {
	r.t.Helper()
	r.cancel()
	return ended(r.t, r.done)
}

// stopSoon ends the source, which has to end soon.
func (r *running) stopSoon() error {
	r.t.Helper()
	r.cancel()
	return soon(r.t, r.done)
}

// ended waits for the end of a source whose ctx has ended.
func ended(t testing.TB, done <-chan error) error {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		t.Fatalf("Run has not returned %v after the end of its ctx", patience)
		return nil
	}
}

// soon is ended that has to be soon.
func soon(t testing.TB, done <-chan error) error {
	t.Helper()
	began := time.Now()
	err := ended(t, done)
	if took := time.Since(began); took > endsWithin {
		t.Errorf("Run has returned %v after the end of its ctx", took)
	}
	return err
}

// checkLeaks fails when goroutines, or pictures under -tags mediadebug, are left.
func checkLeaks(t testing.TB) {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	before := len(media.LiveFrames())
	t.Cleanup(func() {
		leaks.VerifyNone(t, ignore)
		if live := media.LiveFrames(); len(live) > before {
			t.Errorf("%d pictures were not released; the first: %s", len(live)-before, live[0])
		}
	})
}

// conforms is the suite every kind has to pass: it works, ends soon after ctx does, leaves nothing behind, keeps time going forward, and can be run again.
// frames is how many pictures to wait for in each run, sound for how long a stretch.
func conforms(t *testing.T, kind Kind, settings string, opt Options, frames int, sound time.Duration) {
	t.Helper()
	attempts.Run(t, 3, func(a *attempts.T) { conformsOnce(a, kind, settings, opt, frames, sound) })
}

func conformsOnce(t testing.TB, kind Kind, settings string, opt Options, frames int, sound time.Duration) {
	checkLeaks(t)
	src, err := kind.New(json.RawMessage(settings), opt)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	for run := range 2 {
		sink := newRecorder(kind.Pacing, frames, 1)
		work := start(t, src, sink)
		sink.until(t, fmt.Sprintf("%d pictures and %v of sound in run %d", frames, sound, run), func() bool {
			return sink.numVideo >= frames && sink.soundEnd-sink.soundAt >= sound
		})
		if kind.Pacing == Still {
			sink.until(t, "Hold", func() bool { return sink.holds > 0 })
		}
		if err := work.stopSoon(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("run %d ended with %v", run, err)
		}
		sink.release()
		for _, f := range sink.faults {
			t.Errorf("run %d: %s", run, f)
		}
		if sink.text == "" {
			t.Errorf("run %d: nothing was described", run)
		}
	}
	// A source whose ctx has ended already must not linger.
	sink := newRecorder(kind.Pacing, 0, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan error, 1)
	go func() { done <- src.Run(ctx, sink) }()
	_ = soon(t, done) // how it ends is its own
}
