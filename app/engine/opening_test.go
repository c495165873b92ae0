package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
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
	for _, in := range s.State().Sources[1:idle] {
		if in.Frames > idleDepth+2 {
			t.Errorf("%s has made %d pictures, of which nobody has seen one", in.ID, in.Frames)
		}
	}
	cancel()
	finish(t, done, time.Minute)
}
