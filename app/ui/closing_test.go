package ui

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
)

func TestClosing(t *testing.T) {
	for _, c := range []struct {
		name            string
		live, rec, iso  bool
		writing         []string
		replays         int
		dirty           bool
		asks            string // "" closes at once
		answer          string
		closed, keeping bool
		losing          bool
	}{
		{name: "nothing to lose", closed: true},
		{name: "unsaved", dirty: true, asks: "“Sunday” has changes that are not saved.", answer: "Close without saving", closed: true, losing: true},
		{name: "unsaved, saved", dirty: true, asks: "“Sunday” has changes that are not saved.", answer: "Save and close", closed: true, keeping: true},
		{name: "live", live: true, asks: "You are live.", answer: "Stop everything and close", closed: true},
		{name: "live, stays", live: true, asks: "You are live.", answer: "Stay"},
		{name: "recording", rec: true, asks: "You are recording.", answer: "Stay"},
		{name: "own recording", iso: true, asks: "You are recording sources on their own.", answer: "Stay"},
		{name: "live, own recording", live: true, iso: true, asks: "You are live and recording.", answer: "Stop everything and close", closed: true},
		{name: "still being written", writing: []string{"Programme"}, asks: "“Programme” is still being written to disk, which ends by itself.", answer: "Stay"},
		{name: "still being written, closed", writing: []string{"Programme", "Camera 1 (ISO)"}, asks: "“Programme” and 1 more are still being written to disk, which ends by itself.", answer: "Close all the same", closed: true},
		{name: "live, still being written", live: true, writing: []string{"Programme"}, asks: "You are live. “Programme” is still being written to disk, which ends by itself.", answer: "Stop everything and close", closed: true},
		{name: "a replay waits", replays: 1, asks: "A replay is not saved yet and may be lost.", answer: "Stay"},
		{name: "replays wait, closed", replays: 2, asks: "2 replays are not saved yet and may be lost.", answer: "Close all the same", closed: true},
		{name: "a replay waits, unsaved", replays: 1, dirty: true, asks: "A replay is not saved yet and may be lost. “Sunday” is not saved.", answer: "Save and close", closed: true, keeping: true},
		{name: "live, a replay waits", live: true, replays: 1, asks: "You are live. A replay is not saved yet and may be lost.", answer: "Stop everything and close", closed: true},
		{name: "still being written, a replay waits", writing: []string{"Programme"}, replays: 1, asks: "“Programme” is still being written to disk, which ends by itself. A replay is not saved yet and may be lost.", answer: "Close all the same", closed: true},
		{name: "all of it, lost", live: true, rec: true, dirty: true, asks: "You are live and recording. “Sunday” is not saved.", answer: "Stop and close without saving", closed: true, losing: true},
		{name: "all of it", live: true, rec: true, dirty: true, asks: "You are live and recording. “Sunday” is not saved.", answer: "Stop everything, save and close", closed: true, keeping: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, f := benchWithDocuments(t, DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json", Dirty: c.dirty})
			s := aState()
			s.Live, s.Recording, s.Writing = c.live, c.rec, c.writing
			s.Replay.Waiting = c.replays
			s.ISOs = []engine.DestinationState{{ID: "cam1", Started: c.iso}, {ID: "cam2"}}
			b.show(s)
			if got, want := b.files.refused(), c.live || c.rec || c.iso || len(c.writing) > 0; got != want {
				t.Errorf("another show is refused: %v, want %v", got, want)
			}
			closed := false
			b.quit = func() { closed = true }
			b.files.closeWindow()
			if c.asks != "" {
				if closed || b.place.bar.text.full != c.asks {
					t.Fatalf("closed %v, asks %q; want %q first", closed, b.place.bar.text.full, c.asks)
				}
				if len(b.sent(t)) != 0 {
					t.Error("something was stopped before the answer")
				}
				b.answer(t, c.answer)
			}
			if closed != c.closed {
				t.Errorf("closed %v, want %v", closed, c.closed)
			}
			if saved := slices.ContainsFunc(f.diary, func(s string) bool { return strings.HasPrefix(s, "save") }); saved != c.keeping {
				t.Errorf("asked for %v, saving wanted %v", f.diary, c.keeping)
			}
			// What is not to be saved is not offered at the next start.
			if lost := slices.Contains(f.diary, "discard"); lost != c.losing {
				t.Errorf("asked for %v, forgetting wanted %v", f.diary, c.losing)
			}
		})
	}
}

// A studio that does not answer does not keep the window open.
func TestClosingDoesNotWaitForAStudioThatHangs(t *testing.T) {
	b, _ := benchWithDocuments(t, DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json"})
	closed := false
	b.quit = func() { closed = true }
	b.desk.send(&engine.FadeToBlack{}) // and nobody carries it
	b.files.closeWindow()
	if !closed {
		t.Error("the window stays open")
	}
}

// Replays that wait are in memory alone: another show takes them only when the operator says so.
func TestOpeningAsksAboutReplaysThatWait(t *testing.T) {
	for _, dirty := range []bool{false, true} {
		for name, act := range map[string]func(*bench){
			"open": func(b *bench) { b.keys.down(fyne.KeyO, ctrl) }, "new": func(b *bench) { b.keys.down(fyne.KeyN, ctrl) }, "recent": func(b *bench) { b.files.open("/shows/chosen") },
		} {
			b, f := benchWithDocuments(t, DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json", Dirty: dirty})
			s := aState()
			s.Replay.Waiting = 1
			b.show(s)
			act(b)
			if want := "A replay is not saved yet and may be lost."; len(f.diary) != 0 || b.place.bar.text.full != want {
				t.Errorf("%s, dirty %v: asks %q and did %q; want %q first", name, dirty, b.place.bar.text.full, f.diary, want)
			}
			b.answer(t, "Stay")
			wantDiary(t, f)
			act(b)
			b.answer(t, "Go on")
			if dirty {
				wantDiary(t, f)
				b.answer(t, "Don't save")
			}
			if len(f.diary) != 1 {
				t.Errorf("%s, dirty %v: did %q", name, dirty, f.diary)
			}
		}
	}
}
