package engine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// stuckRecording is a studio whose recording's disk takes nothing from its fourth packet on
// until outs.block is closed, with two seconds waiting for it.
func stuckRecording(t *testing.T, ctx context.Context, change func(*Options)) (*studio, <-chan error) {
	t.Helper()
	show := parse(t, strings.Replace(smallShow, `{"to": "rec"}`, `{"to": "rec", "mode": "stuck"}`, 1))
	s := newStudio(t, show, media.NewRealClock(), change)
	done := s.start(t, ctx)
	s.must(t, StartRecording{})
	s.until(t, "two seconds wait for the disk", func(st *State) bool { return st.Recordings[0].Queue > 2*time.Second })
	return s, done
}

// recording is the newest of the show's.
func (s *studio) recording() *delivery {
	d := s.Engine.outs
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dest["rec"]
}

// encode is that of its pictures, which still knows what it dropped when nobody uses it.
func (s *studio) encode() *videoRunner { return s.recording().legs[0].link.video }

// noHole: every picture from from on up to tick to is there. Those that were dropped before the
// encoder v, on a machine that stood still, are another matter.
func noHole(t *testing.T, v *videoRunner, r *received, from, to int64) {
	t.Helper()
	ticks, _ := r.video()
	missing := int64(0)
	for n := from; n <= to; n++ {
		if !slices.Contains(ticks, n) {
			missing++
		}
	}
	if dropped := v.dropped.Load(); missing > dropped {
		t.Errorf("of the pictures from tick %d to %d %d are missing, and %d were dropped before the encoder", from, to, missing, dropped)
	}
}

// hasUpTo: the recording has ended in order, with every picture up to tick.
func hasUpTo(t *testing.T, v *videoRunner, r *received, tick int64) {
	t.Helper()
	ticks, _ := r.video()
	if len(ticks) == 0 {
		t.Fatal("it has no pictures")
	}
	noHole(t, v, r, slices.Min(ticks), tick)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.eof {
		t.Error("its feed did not end in order")
	}
}

// otherwise is longer than a stop of anything else may take.
const otherwise = stopWithin + abandonAfter + time.Second/2

// TestStoppedRecordingIsWritten: a disk that is behind when its recording is stopped gets all
// of it.
func TestStoppedRecordingIsWritten(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, done := stuckRecording(t, ctx, nil)
	v, encode, last := s.recording(), s.encode(), s.State().Tick
	s.must(t, StopRecording{})
	s.until(t, "it is stopped", func(st *State) bool { return !st.Recordings[0].Started })
	began := time.Now()
	s.until(t, "it goes on behind the end of other stops", func(st *State) bool {
		if r := st.Recordings[0]; r.Started || !r.Finishing || r.Queue < time.Second {
			t.Fatalf("%v after its stop: started %v, finishing %v, %v wait", time.Since(began), r.Started, r.Finishing, r.Queue)
		}
		if !st.Busy() || st.Delivering() || len(st.Writing) != 1 {
			t.Fatalf("another show could cut short what is still being written: %q", st.Writing)
		}
		return time.Since(began) > otherwise
	})
	close(s.outs.block)
	st := s.until(t, "it has ended", func(st *State) bool { return !st.Busy() && !st.Recordings[0].Finishing })
	for _, w := range st.Warnings {
		t.Errorf("warned: %s", w.Text)
	}
	ticks, _ := s.outs.of("rec").video()
	hasUpTo(t, encode, s.outs.of("rec"), last)
	if packets, _ := v.waiting(); packets > 0 || len(ticks) < 60 {
		t.Errorf("%d pictures, and %d packets were left", len(ticks), packets)
	}
	cancel()
	finish(t, done, time.Minute)
}

// TestRecordingIsWrittenAtTheEnd: so does one at the end of the studio, which says what it waits for.
func TestRecordingIsWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last int64
	s, done := stuckRecording(t, ctx, func(o *Options) {
		o.Tap = func(tick int64, _ *media.Frame, _ []float32) { last = tick }
	})
	encode := s.encode()
	cancel()
	began := time.Now()
	s.until(t, "it is waited for", func(st *State) bool { return st.Recordings[0].Finishing && time.Since(began) > otherwise })
	if w := s.State().Warnings; len(w) != 1 || !strings.Contains(w[0].Text, "The show ends when") {
		t.Errorf("warnings %+v", w)
	}
	close(s.outs.block)
	finish(t, done, time.Minute)
	hasUpTo(t, encode, s.outs.of("rec"), last)
	if w := s.State().Warnings; len(w) > 0 {
		t.Errorf("at the end: %+v", w)
	}
}

// TestStartedWhileWritten: what is recorded while the one before is still being written has a
// journal of its own, since nothing was recorded in between; the one before is closed with its
// recording, not with that.
func TestStartedWhileWritten(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, done := stuckRecording(t, ctx, func(o *Options) { o.CutLists = true })
	s.must(t, StopRecording{})
	s.must(t, StartRecording{})
	v := s.recording()
	first, second := v.before.Load().session, v.session
	if first == nil || second == nil || first == second {
		t.Fatalf("the journals are %p and %p", first, second)
	}
	from := s.State().Tick
	s.until(t, "some ticks later", func(st *State) bool { return st.Tick > from+5 })
	if r := s.State().Recordings[0].Report; r.Detail != "kept in memory until the file before is closed" {
		t.Errorf("meanwhile its card says %q", r.Detail)
	}
	over := func(s *session) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.closing
	}
	if over(first) {
		t.Error("the first journal has ended, and its recording has not")
	}
	close(s.outs.block)
	s.until(t, "the first journal has ended", func(*State) bool { return over(first) })
	if over(second) {
		t.Error("the second journal has ended with the first")
	}
	s.until(t, "nothing is kept of the first recording", func(*State) bool { return v.before.Load() == nil })
	cancel()
	finish(t, done, time.Minute)
	if !over(second) {
		t.Error("the second journal has not ended")
	}
}

// TestRecordingLeftBehind: a disk that does not answer keeps nothing waiting for ever. It is said what
// is not written, which is if the disk comes back; and the next start misses nothing.
func TestRecordingLeftBehind(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, done := stuckRecording(t, ctx, nil)
	encode, stopped := s.encode(), s.State().Tick
	s.must(t, StopRecording{})
	s.must(t, StartRecording{})
	v, started := s.recording(), s.State().Tick
	before := v.before.Load()
	before.finishWriting(time.Second, 0)
	s.until(t, "the second recording has begun", func(*State) bool {
		r := s.outs.of("rec")
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.runs == 2
	})
	said := func(st *State) bool {
		return slices.ContainsFunc(st.Warnings, func(w Warning) bool { return strings.Contains(w.Text, "wait in memory") })
	}
	s.until(t, "it is said what waits", said)
	close(s.outs.block)
	s.until(t, "the first one is written", func(*State) bool {
		packets, _ := before.waiting()
		return packets == 0
	})
	before.follow(outputs.FileEvent{Closed: true})
	s.until(t, "that is said no more", func(st *State) bool { return !said(st) })
	s.until(t, "the second one is up to date", func(st *State) bool { return st.Recordings[0].Queue < time.Second })
	r, now := s.outs.of("rec"), s.State().Tick
	s.until(t, "what was on air then is recorded", func(*State) bool {
		ticks, _ := r.video()
		return slices.Max(ticks) > now+8 // pictures come in decoding order
	})
	r.mu.Lock()
	begins := slices.Clone(r.begins)
	r.mu.Unlock()
	if len(begins) != 2 || begins[1] > started+15+encode.dropped.Load() {
		t.Fatalf("the recordings begin with the pictures %v, and the second was started at tick %d", begins, started)
	}
	noHole(t, encode, r, begins[0], stopped)
	noHole(t, encode, r, begins[1], now)
	cancel()
	finish(t, done, time.Minute)
}

// TestLeftBehindIsTakenBack: what is said of a recording that was left behind is over when the
// last of its files is closed, and not before, whether it has been let go of by then or not.
func TestLeftBehindIsTakenBack(t *testing.T) {
	t.Parallel()
	e := &Engine{}
	e.state.Store(&State{})
	begun := func(files ...string) *delivery {
		v := newDelivery(newDeliveries(e), scenes.Destination{ID: "rec", Name: "Programme"}, nil, true)
		for _, f := range files {
			v.follow(outputs.FileEvent{Path: f})
		}
		return v
	}
	said := func(when string, want bool) {
		t.Helper()
		if got := len(e.warn.all()) > 0; got != want {
			t.Errorf("%s: warned %v, want %v", when, got, want)
		}
	}
	closed := func(f string) outputs.FileEvent { return outputs.FileEvent{Path: f, Closed: true} }

	v := begun("a")
	v.follow(closed("a"))
	v.leftBehind()
	said("its file is closed", false)

	v = begun("a")
	v.leftBehind()
	said("its file is open", true)
	v.follow(closed("a"))
	v.over()
	said("its file was closed before it was let go of", false)

	v = begun("a", "b")
	v.leftBehind()
	v.over()
	v.follow(closed("a"))
	said("its second file is open", true)
	v.follow(closed("b"))
	said("both files are closed", false)
}
