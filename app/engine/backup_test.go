package engine

import (
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestBackupSourceStandsIn: a source that stops is stood in for by its backup, picture,
// sound, tally and sentence, and comes back.
func TestBackupSourceStandsIn(t *testing.T) {
	show := parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},
		"sources":[
			{"id":"a","name":"Main camera","kind":"live","backup":"b","settings":{"y":60,"tone":440,"fail_after":30}},
			{"id":"b","name":"Spare","kind":"live","settings":{"y":200,"tone":880},"audio":{"on_air":"off"}}],
		"scenes":[{"id":"s","layers":[{"source":"a"}]}],"start":{"program":"s"}}`)
	type look struct {
		luma byte
		loud bool
	}
	looks := make(chan look, 1000)
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		o.Tap = func(_ int64, f *media.Frame, samples []float32) {
			l := look{luma: f.Planes[0].Data[45*f.Planes[0].Stride+80]}
			for _, v := range samples {
				l.loud = l.loud || v > 0.1
			}
			select {
			case looks <- l:
			default:
			}
		}
	})
	stop := s.live(t)
	s.until(t, "the main camera is on air", func(st *State) bool {
		return len(st.Sources) == 2 && st.Sources[0].Status == SourceRunning && st.Tally["a"] == OnProgram && st.Tally["b"] == 0
	})
	s.until(t, "the spare stands in", func(st *State) bool { return len(st.Sources) == 2 && st.Sources[0].StandIn == "b" })
	st := s.until(t, "its lamp is lit", func(st *State) bool { return st.Tally["b"] == OnProgram && st.Tally["a"] == OnProgram })
	found := false
	for _, w := range st.Warnings {
		found = found || strings.Contains(w.Text, "Spare stands in for it")
	}
	if !found {
		t.Errorf("nothing is said of it: %v", st.Warnings)
	}
	await := func(what string, ok func(look) bool) {
		t.Helper()
		limit := time.After(5 * time.Second)
		for {
			select {
			case l := <-looks:
				if ok(l) {
					return
				}
			case <-limit:
				t.Fatalf("not seen: %s", what)
			}
		}
	}
	await("the main camera", func(l look) bool { return l.luma == 60 && l.loud })
	await("the spare, heard", func(l look) bool { return l.luma == 200 && l.loud })
	// The main camera is opened again 2 s after it failed, for a second: not long enough.
	await("the spare, still heard", func(l look) bool { return l.luma == 200 && l.loud })
	stop()
}

// TestBackupSourceGoesBack: well for two seconds, it is shown again.
func TestBackupSourceGoesBack(t *testing.T) {
	show := parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},
		"sources":[{"id":"a","kind":"live","backup":"b","settings":{"y":60,"start_ms":1500}},{"id":"b","kind":"still","settings":{"y":200}}],
		"scenes":[{"id":"s","layers":[{"source":"a"}]}],"start":{"program":"s"}}`)
	s := newStudio(t, show, media.NewRealClock(), nil)
	stop := s.live(t)
	s.until(t, "the still stands in", func(st *State) bool { return len(st.Sources) == 2 && st.Sources[0].StandIn == "b" })
	s.until(t, "it runs but is not trusted yet", func(st *State) bool {
		return len(st.Sources) == 2 && st.Sources[0].Status == SourceRunning && st.Sources[0].StandIn == "b"
	})
	s.until(t, "it is shown again", func(st *State) bool { return len(st.Sources) == 2 && st.Sources[0].StandIn == "" && st.Tally["b"] == 0 })
	stop()
}
