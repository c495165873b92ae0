package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/scenes"
)

// TestIdleSourcesOpenInTurn: sources that wait until they are on programme are opened one
// after another, the programme does not wait for them, none of them counts as lost
// meanwhile, and one that is cut to does not wait for its turn. One on programme has as many
// pictures ready as any other source.
func TestIdleSourcesOpenInTurn(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { idleSourcesOpenInTurn(a) })
}

func idleSourcesOpenInTurn(t testing.TB) {
	const idle = 8
	list := []string{`{"id": "a", "kind": "paced", "when_idle": "wait", "settings": {"y": 60}}`}
	for i := range idle {
		list = append(list, fmt.Sprintf(`{"id": "idle%d", "kind": "paced", "when_idle": "wait", "settings": {"y": 120, "start_ms": 300}}`, i))
	}
	s := newStudio(t, parse(t, `{"format": 2, "canvas": {"width": 128, "height": 72, "fps": "25"}, "start": {"program": "a"}, "sources": [`+strings.Join(list, ",")+`]}`),
		media.NewRealClock(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := s.start(t, ctx)
	opened := func(st *State) (n int) {
		for _, in := range st.Sources[1:] {
			if in.Frames > 0 {
				n++
			}
			if in.Status == SourceLost {
				t.Errorf("%s counts as lost", in.ID)
			}
		}
		return n
	}
	st := s.until(t, "the programme runs", func(st *State) bool { return st.Tick > 0 && st.Sources[0].Frames > 0 })
	if n := opened(st); n > idle/2 {
		t.Errorf("%d of %d are open before the programme", n, idle)
	}
	st = s.until(t, "the source on programme is ahead of it", func(st *State) bool { return st.Sources[0].Frames >= st.Tick+leastAhead-1 })
	began, left := time.Now(), idle-opened(st)
	before := opened(s.until(t, "two are open", func(st *State) bool { return opened(st) >= 2 }))
	s.must(t, &Cut{Scene: fmt.Sprintf("idle%d", idle-1)})
	st = s.until(t, "the one that is cut to is open", func(st *State) bool { return st.Sources[idle].Frames > 0 })
	if n := opened(st) - before; n > idle/2 {
		t.Errorf("%d others went before the one that is on programme", n)
	}
	s.until(t, "all are open", func(st *State) bool { return opened(st) == idle })
	// Of those, one did not wait for its turn, and others may have had theirs.
	if took := time.Since(began); took < time.Duration(left-4)*openEvery/time.Duration(openAtOnce()) {
		t.Errorf("%d were open after %v", left, took)
	}
	cancel()
	finish(t, done, time.Minute)
}

// TestNobodysSourceMakesOnePicture: a source that waits until it is on programme makes its first
// picture and no other until programme or preview asks for it, or it plays on unseen. One that may
// have to stand in for what is on programme has its pictures ready as the one on preview has.
func TestNobodysSourceMakesOnePicture(t *testing.T) {
	t.Parallel()
	list := []string{`{"id": "air", "kind": "paced", "when_idle": "wait", "backup": "spare"}`}
	for _, id := range []string{"next", "spare", "cut", "preview", "plays", "spare2", "nobody"} {
		list = append(list, fmt.Sprintf(`{"id": %q, "kind": "paced", "when_idle": "wait", "settings": {"tone": 440}}`, id))
	}
	s := newStudio(t, parse(t, `{"format": 2, "canvas": {"width": 128, "height": 72, "fps": "25"}, "start": {"program": "air", "preview": "next"}, "sources": [`+strings.Join(list, ",")+`]}`),
		media.NewRealClock(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := s.start(t, ctx)
	frames := func(st *State, id string) int64 {
		for _, in := range st.Sources {
			if in.ID == id {
				return in.Frames
			}
		}
		return 0
	}
	// One is shown, and idleDepth and the one that has no room are there.
	ready := func(id string) func(*State) bool {
		return func(st *State) bool { return frames(st, id) >= idleDepth+2 }
	}
	s.until(t, "the next source has pictures ready", ready("next"))
	s.until(t, "the backup has pictures ready", ready("spare"))
	st := s.until(t, "all are open and wait", func(st *State) bool {
		for _, in := range st.Sources[1:] {
			if in.Frames == 0 || !in.Clip.Parked {
				return false
			}
		}
		return true
	})
	st = s.until(t, "half a second more", func(now *State) bool { return now.Tick > st.Tick+12 })
	for _, id := range []string{"cut", "preview", "plays", "spare2", "nobody"} {
		if n := frames(st, id); n != 1 {
			t.Errorf("%s has made %d pictures, want 1: nobody has asked for more", id, n)
		}
	}
	def := func(id, idle, backup string) scenes.Source {
		return scenes.Source{ID: id, Name: id, Kind: "paced", WhenIdle: scenes.WhenIdle(idle), Backup: backup, Settings: json.RawMessage(`{"tone": 440}`)}
	}
	s.must(t, &UpdateSource{def("next", "wait", "spare2")})
	s.until(t, "the new backup has pictures ready", ready("spare2"))
	s.must(t, &UpdateSource{def("plays", "play", "")})
	s.until(t, "it plays unseen", func(st *State) bool { return frames(st, "plays") > 25 })
	s.must(t, &Preview{Scene: "preview"})
	s.until(t, "what is set on preview has pictures ready", ready("preview"))
	s.must(t, &Cut{Scene: "cut"})
	st = s.until(t, "what is cut to plays", func(st *State) bool { return frames(st, "cut") > 25 })
	if n := frames(st, "nobody"); n != 1 {
		t.Errorf("the one that is asked for by nobody has made %d pictures at the end, want 1", n)
	}
	cancel()
	finish(t, done, time.Minute)
}

// TestNextPicturesAreWaitedFor: a source that has come on programme goes on when its next pictures
// are there, so that none is skipped; at once where none is to come or its timeline begins anew,
// and after ten ticks at the latest.
func TestNextPicturesAreWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name     string
		pictures int
		prepare  func(*input)
		want     int // at which tick it goes on
	}{
		{"pictures are there", idleDepth, func(*input) {}, 1},
		{"too few are there", idleDepth - 1, func(*input) {}, 11},
		{"none is to come", 0, func(in *input) { in.sync.Hold() }, 1},
		{"it was sought", 0, func(in *input) { in.restart.Store(true) }, 1},
		{"it does not open in turn", 0, func(in *input) { in.opening = nil }, 1},
	} {
		in := &input{opening: &opening{}, sync: media.NewFrameSync(idleDepth)}
		for range c.pictures {
			if err := in.sync.Push(t.Context(), media.NewFrame(media.I420, 2, 2, [3]media.Plane{}, nil)); err != nil {
				t.Fatal(err)
			}
		}
		c.prepare(in)
		got := 1
		for ; !in.goesOn(); got++ {
			if got > 20 {
				break
			}
		}
		if got != c.want {
			t.Errorf("%s: it goes on at tick %d, want %d", c.name, got, c.want)
		}
		in.sync.Close()
	}
}
