package engine

import (
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// TestRemovedRecordingEndsFirst: a recording that is removed while it runs is being recorded
// until its file is closed, so that the cut lists wait for that, and what is started under its
// name does too. An undo goes on as if it had ended.
func TestRemovedRecordingEndsFirst(t *testing.T) {
	show := parse(t, strings.Replace(smallShow, `{"to": "rec"}`, `{"to": "rec", "mode": "stuck"}`, 1))
	s := newStudio(t, show, media.NewRealClock(), nil)
	stop := s.live(t)
	defer stop()
	rec := show.Recordings[0]
	s.must(t, RemoveRecording{ID: "rec"})
	s.must(t, PutRecording{rec}) // which Undo takes away
	s.must(t, StartRecording{})
	s.until(t, "it records", func(st *State) bool {
		return len(st.Recordings) == 1 && st.Recordings[0].Report.State == outputs.Confirmed
	})
	s.must(t, RemoveRecording{ID: "rec"})
	if !s.Engine.outs.recording(nil) {
		t.Error("its file is still open, and nothing is being recorded")
	}
	s.until(t, "it is said to be still written", func(st *State) bool {
		return len(st.Recordings) == 0 && st.Busy() && len(st.Writing) == 1 && st.Writing[0] == rec.Name
	})
	for _, c := range []Command{Undo{}, Undo{}, Redo{}, StartRecording{}} {
		s.must(t, c)
	}
	from := s.State().Tick
	s.until(t, "some ticks later", func(st *State) bool { return st.Tick > from+5 })
	r := s.outs.of("rec")
	runs := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.runs
	}
	if n := runs(); n != 1 {
		t.Errorf("it was begun %d times before the first had ended", n)
	}
	close(s.outs.block)
	s.until(t, "it records again", func(st *State) bool { return runs() == 2 && len(st.Recordings) == 1 && st.Recordings[0].Started })
	s.must(t, StopRecording{})
	s.until(t, "it has ended", func(*State) bool { return !s.Engine.outs.recording(nil) })
	s.must(t, RemoveRecording{ID: "rec"})
	s.Engine.outs.mu.Lock()
	defer s.Engine.outs.mu.Unlock()
	if v := s.Engine.outs.dest["rec"]; v != nil {
		t.Error("what has ended and is gone from the show is kept")
	}
}
