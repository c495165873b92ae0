package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// studio is one engine run in real time, watched.
type studio struct {
	*engine.Engine
	t      testing.TB
	truth  *testkit.Truth
	tapped atomic.Int64 // the last tick that has passed the tap
	// dropped is the most that any encoder has said of pictures dropped before it: it ends
	// with its last destination, and what it says of itself with it.
	dropped atomic.Int64
	seen    *seen
	cancel  context.CancelFunc
	ended   chan struct{}
	err     error // of Run; valid once ended is closed
}

// openStudio makes an engine of a show file; go on with begin.
func openStudio(t testing.TB, show []byte, opt engine.Options, secrets map[string]string) *studio {
	t.Helper()
	var err error
	if opt.Show, err = scenes.Parse(show); err != nil {
		t.Fatal(err)
	}
	thread, err := gpu.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(thread.Close) // after the engine's own cleanup
	s := &studio{t: t, truth: testkit.NewTruth(opt.Show.Canvas.FPS), ended: make(chan struct{}), seen: newSeen()}
	s.tapped.Store(-1)
	if opt.Clock == nil {
		opt.Clock = media.NewRealClock()
	}
	opt.Thread, opt.Log = thread, slog.New(slog.DiscardHandler)
	opt.SourceKinds, opt.OutputKinds = sourceKinds(), outputKinds()
	if opt.RecordDir == "" {
		opt.RecordDir = t.TempDir()
	}
	opt.UserAgent = "Crosspoint/e2e"
	opt.Secret = func(name string, _ []outputs.Recipient) (string, error) {
		v, ok := secrets[name]
		if !ok {
			return "", fmt.Errorf("nothing is kept under that name")
		}
		return v, nil
	}
	also := opt.Tap
	opt.Tap = func(tick int64, f *media.Frame, samples []float32) {
		s.truth.Tap(tick, f, samples)
		if also != nil {
			also(tick, f, samples)
		}
		s.tapped.Store(tick)
	}
	if s.Engine, err = engine.New(opt); err != nil {
		t.Fatal(err)
	}
	if a, ok := t.(*attempts.T); ok {
		a.Excuse(s.disturbance)
	}
	return s
}

// begin runs the engine, and watches its state, until stop or the end of the test.
func (s *studio) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() {
		defer close(s.ended)
		s.err = s.Run(ctx)
	}()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		look := time.NewTicker(25 * time.Millisecond)
		defer look.Stop()
		for {
			s.look()
			select {
			case <-look.C:
			case <-s.ended:
				return
			}
		}
	}()
	s.t.Cleanup(func() {
		cancel()
		select {
		case <-s.ended:
			<-watched
		case <-time.After(20 * time.Second):
			s.t.Error("the engine has not stopped 20 s after it was told to")
		}
	})
}

// await waits for the engine to end by itself.
func (s *studio) await(limit time.Duration) {
	s.t.Helper()
	select {
	case <-s.ended:
		if s.err != nil {
			s.t.Fatalf("the engine ended with %v", s.err)
		}
	case <-time.After(limit):
		s.t.Fatalf("the engine has not ended after %v, at tick %d", limit, s.State().Tick)
	}
}

// stop ends the engine; it has 5 s for that.
func (s *studio) stop() {
	s.t.Helper()
	began := time.Now()
	s.cancel()
	s.await(20 * time.Second)
	if took := time.Since(began); took > 5*time.Second {
		s.t.Errorf("stopping took %v; every stop ends within 5 s", took)
	}
}

// do applies a command and fails the test when it is refused.
func (s *studio) do(c engine.Command) {
	s.t.Helper()
	if err := s.Do(c); err != nil {
		s.t.Fatalf("%T: %v", c, err)
	}
}

// awaitTick waits until that tick has been shown.
func (s *studio) awaitTick(tick int64) {
	s.t.Helper()
	limit := media.TickTime(tick-s.tapped.Load(), s.truth.FPS) + 30*time.Second
	testkit.Eventually(s.t, limit, fmt.Sprintf("tick %d has not come", tick), func() bool { return s.tapped.Load() >= tick })
}

// source and destination are the present state of one of them.
func (s *studio) source(id string) engine.SourceState {
	for _, v := range s.State().Sources {
		if v.ID == id {
			return v
		}
	}
	return engine.SourceState{}
}

func (s *studio) destination(id string) engine.DestinationState {
	st := s.State()
	for _, v := range append(st.Destinations, st.Recordings...) {
		if v.ID == id {
			return v
		}
	}
	return engine.DestinationState{}
}

// undisturbed says whether the machine kept up. Where it did not, losses are no bug of what
// is tested: pictures may be missing that came to no encoder, and no others. That fails the
// test unless the machine stalled or was shared, since else it was the engine that
// did not keep up. Ticks that were late and caught up lost nothing.
func (s *studio) undisturbed() bool {
	s.t.Helper()
	why := s.disturbance()
	if why == "" {
		return true
	}
	if a, ok := s.t.(*attempts.T); ok && a.Stalled() != "" {
		s.t.Logf("%s; %s", why, a.Stalled())
	} else {
		s.t.Errorf("%s; this test demands that there is none", why)
	}
	return false
}

// look takes note of what can be seen now.
func (s *studio) look() {
	st := s.State()
	s.seen.look(st)
	for _, r := range st.Renditions {
		s.dropped.Store(max(s.dropped.Load(), r.Dropped))
	}
}

// notEncoded is how many pictures were dropped before the encoder that dropped the most.
func (s *studio) notEncoded() int64 { return s.dropped.Load() }

// disturbance is what the machine made the engine lose; empty when it kept up.
func (s *studio) disturbance() string {
	st := s.State()
	k := st.Counters
	if k.Repeated != 0 {
		return fmt.Sprintf("the machine was too busy: %d ticks were late and %d pictures repeated of %d (last second: tick %.1f ms mean, %.1f max, of %.1f)",
			k.Late, k.Repeated, k.Ticks, k.TickMS, k.TickMaxMS, k.BudgetMS)
	}
	if n := s.notEncoded(); n != 0 {
		return fmt.Sprintf("the machine was too busy: %d pictures were dropped before an encoder", n)
	}
	for _, v := range st.Sources {
		if v.Skipped != 0 || v.Dropped != 0 || v.Kind == "synthetic" && v.Repeated != 0 {
			return fmt.Sprintf("the machine was too busy (or, with no late tick, the source): %s has %d pictures skipped, %d dropped, %d repeated, with %d late ticks", v.ID, v.Skipped, v.Dropped, v.Repeated, k.Late)
		}
	}
	return ""
}

// seen is what the operator could see: each destination's and source's states and
// sentences in order.
type seen struct {
	mu    sync.Mutex
	last  map[string]string
	lines map[string][]string
	did   map[string]map[string]bool
}

func newSeen() *seen {
	return &seen{last: map[string]string{}, lines: map[string][]string{}, did: map[string]map[string]bool{}}
}

func (w *seen) look(s *engine.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	note := func(id, state, problem string) {
		line := state
		if problem != "" {
			line += ": " + problem
		}
		if w.last[id] == line {
			return
		}
		w.last[id] = line
		w.lines[id] = append(w.lines[id], fmt.Sprintf("%6.2f s  %s", s.Time.Seconds(), line))
		if w.did[id] == nil {
			w.did[id] = map[string]bool{}
		}
		w.did[id][state] = true
	}
	for _, list := range [2][]engine.DestinationState{s.Destinations, s.Recordings} {
		for _, d := range list {
			text := d.Problem
			if text == "" && d.Report.State == outputs.Degraded {
				text = d.Report.Detail
			}
			note(d.ID, d.Report.State.String(), text)
		}
	}
	for _, v := range s.Sources {
		note(v.ID, v.Status.String(), v.Problem)
	}
}

// was reports whether id has been in that state.
func (w *seen) was(id, state string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.did[id][state]
}

// forget starts the history of id anew.
func (w *seen) forget(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.did, id)
	delete(w.last, id)
}

// story is all that was seen of id.
func (w *seen) story(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.lines[id], "\n\t")
}

// sentence checks that a text is one for the operator: there, on one line, not too
// long, and without the secrets.
func sentence(t testing.TB, what, text string, secrets ...string) {
	t.Helper()
	if strings.TrimSpace(text) == "" {
		t.Errorf("%s: nothing is said", what)
	}
	if strings.ContainsAny(text, "\n\r\t") || len(text) > 500 {
		t.Errorf("%s: not one sentence: %q", what, text)
	}
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%s: a secret is in %q", what, text)
		}
	}
}
