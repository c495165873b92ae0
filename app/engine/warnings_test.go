package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// warns reports whether s has a warning of that key.
func warns(s *State, key string) bool {
	return slices.ContainsFunc(s.Warnings, func(w Warning) bool { return w.Key == key })
}

// TestFailureIsOverWhenItIsStoppedOrRemoved: that a destination has failed for good is said
// until it is stopped, started again or removed; of a source's recording as well.
func TestFailureIsOverWhenItIsStoppedOrRemoved(t *testing.T) {
	show := parse(t, strings.NewReplacer(`{"to": "d1"}`, `{"to": "d1", "mode": "permanent"}`, `{"to": "rec"}`, `{"to": "rec", "mode": "refuse"}`).Replace(smallShow))
	s := newStudio(t, show, media.NewRealClock(), nil)
	stop := s.live(t)
	defer stop()
	s.must(t, StartRecording{})
	for _, end := range []Command{StopLive{Destinations: []string{"d1"}}, RemoveDestination{ID: "d1"}} {
		s.must(t, GoLive{Destinations: []string{"d1"}})
		s.until(t, "it has failed", func(st *State) bool { return warns(st, "output d1") && warns(st, "output rec") })
		s.must(t, end)
		s.until(t, "that is over", func(st *State) bool { return !warns(st, "output d1") })
	}
	s.must(t, StopRecording{})
	s.until(t, "that of the recording is over", func(st *State) bool { return !warns(st, "output rec") })
}

// TestWhatTheClockHadToSay is over with its times, with the destination and with its start.
func TestWhatTheClockHadToSay(t *testing.T) {
	e := atRest(t)
	d := scenes.Destination{ID: "d", Name: "D", Kind: "fake", Settings: []byte(`{}`), StartAt: "2030-01-02T20:00:00Z"}
	other, without := d, d
	other.Name, without.StartAt = "Other", ""
	said := func() bool {
		return slices.ContainsFunc(e.warn.all(), func(w Warning) bool { return w.Key == "schedule d" })
	}
	for name, c := range map[string]Command{"its time": PutDestination{without}, "the destination": RemoveDestination{ID: "d"}} {
		must(t, e, PutDestination{d})
		e.warn.set("schedule d", "D was to be switched by the clock", 0)
		must(t, e, PutDestination{other})
		if !said() {
			t.Errorf("%s: a new name took it away", name)
		}
		if must(t, e, c); said() {
			t.Errorf("%s has gone, and it is still said", name)
		}
	}
}

// TestNewJournalNewWarnings: what was said of the journal of one recording is over with the next.
func TestNewJournalNewWarnings(t *testing.T) {
	dir := t.TempDir()
	s := newStudio(t, parse(t, isoShow(dir)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks, o.Commands = true, 30, []Timed{{5, &StartRecording{}}}
	})
	s.warn.set("session", "The cut lists were not written", 0)
	s.run(t, t.Context(), time.Minute)
	for _, w := range s.State().Warnings {
		t.Error(w.Text)
	}
}

// TestReplayIsShownAgain: that a replay was not shown is said until the next one is, and what
// is said of saving them is another matter.
func TestReplayIsShownAgain(t *testing.T) {
	dir := t.TempDir()
	s := newStudio(t, parse(t, replayShow(dir, dir, 20)), media.NewRealClock(), withReplay)
	s.replay.dir = filepath.Join(dir, "clips")
	s.warn.set("replay", "The replay cannot be saved", 0)
	stop := s.live(t)
	defer stop()
	s.must(t, &StartReplay{})
	s.until(t, "something is kept", func(st *State) bool { return st.Replay.Held > 300*time.Millisecond })
	s.must(t, &PlayReplay{Source: "again"})
	s.until(t, "it is not shown", func(st *State) bool { return warns(st, "replay play") })
	if err := os.Mkdir(s.replay.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s.must(t, &PlayReplay{Source: "again"})
	if st := s.until(t, "the next one is", func(st *State) bool { return !warns(st, "replay play") }); !warns(st, "replay") {
		t.Error("one cannot be saved, and that is not said any more")
	}
}
