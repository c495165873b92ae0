package engine

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// TestBackupSourceStandsIn: a source that stops is stood in for by its backup, picture,
// sound, tally and sentence. While it does the other is not heard, also when it runs again
// but is not trusted yet.
func TestBackupSourceStandsIn(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { backupSourceStandsIn(a) }) // the main camera lives for a second
}

func backupSourceStandsIn(t testing.TB) {
	show := parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},
		"sources":[
			{"id":"a","name":"Main camera","kind":"live","backup":"b","settings":{"y":60,"tone":440,"fail_after":30}},
			{"id":"b","name":"Spare","kind":"live","settings":{"y":200,"tone":880},"audio":{"on_air":"off"}}],
		"scenes":[{"id":"s","layers":[{"source":"a"}]}],"start":{"program":"s"}}`)
	type look struct {
		luma        byte
		main, spare float64 // levels of their tones
	}
	looks := make(chan look, 1000)
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		o.Tap = func(_ int64, f *media.Frame, samples []float32) {
			l := look{luma: f.Planes[0].Data[45*f.Planes[0].Stride+80]}
			l.main, l.spare = levelAt(samples, 440), levelAt(samples, 880)
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
	await("the main camera", func(l look) bool { return l.luma == 60 && l.main > 0.1 && l.spare < 0.01 })
	await("the spare, heard alone", func(l look) bool { return l.luma == 200 && l.spare > 0.1 && l.main < 0.01 })
	// The main camera is opened again 2 s after it failed, for a second: not long enough.
	again := s.until(t, "the main camera runs again", func(st *State) bool { return st.Sources[0].Status == SourceRunning })
	s.until(t, "some of that", func(st *State) bool { return st.Tick > again.Tick+20 })
	stop()
	close(looks)
	heard := 0
	for l := range looks {
		if l.luma != 200 || l.main > 0.01 {
			t.Fatalf("while the spare stands in: %+v", l)
		}
		if l.spare > 0.1 {
			heard++
		}
	}
	if heard < 15 {
		t.Errorf("the spare was heard in %d pictures", heard)
	}
}

// TestBackupSourceGoesBack: well for two seconds, it is shown again.
func TestBackupSourceGoesBack(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { backupSourceGoesBack(a) })
}

func backupSourceGoesBack(t testing.TB) {
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

// TestBackupOfSoundStandsIn: so it is of sources with sound alone, whether one fails or only
// falls silent.
func TestBackupOfSoundStandsIn(t *testing.T) {
	t.Parallel()
	for what, settings := range map[string]string{"fails": `"fail_after":30`, "falls silent": `"quiet_ms":1000`} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			attempts.Run(t, 3, func(a *attempts.T) { backupOfSoundStandsIn(a, settings) }) // the main microphone lives for a second
		})
	}
}

func backupOfSoundStandsIn(t testing.TB, settings string) {
	show := parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},
		"sources":[
			{"id":"a","name":"Main","kind":"microphone","backup":"b","settings":{"tone":440,`+settings+`},"audio":{"on_air":"on"}},
			{"id":"b","name":"Spare","kind":"microphone","settings":{"tone":880},"audio":{"on_air":"off"}}],
		"scenes":[{"id":"s","layers":[]}],"start":{"program":"s"}}`)
	var main, spare atomic.Int64 // levels of their tones, in thousandths
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		o.Tap = func(_ int64, _ *media.Frame, samples []float32) {
			main.Store(int64(1000 * levelAt(samples, 440)))
			spare.Store(int64(1000 * levelAt(samples, 880)))
		}
	})
	stop := s.live(t)
	s.until(t, "the main microphone is heard alone", func(*State) bool { return main.Load() > 100 && spare.Load() < 10 })
	st := s.until(t, "the spare stands in", func(st *State) bool { return len(st.Sources) == 2 && st.Sources[0].StandIn == "b" })
	found := false
	for _, w := range st.Warnings {
		found = found || strings.Contains(w.Text, "Spare stands in for it until it is")
	}
	if !found {
		t.Errorf("nothing is said of it: %v", st.Warnings)
	}
	s.until(t, "the spare is heard alone", func(*State) bool { return spare.Load() > 100 && main.Load() < 10 })
	stop()
}

// TestBackupsOfBackups: who is seen in the place of a source is heard there, in whatever order
// the show has them, and one that has just come back is passed over while another is trusted.
func TestBackupsOfBackups(t *testing.T) {
	const now = 10 * time.Second
	const well, justBack, ill = now - wellFor, now - time.Second, now
	for _, c := range []struct {
		name string
		bad  map[string]time.Duration // when each was not well last; the others always were
		want map[string]string        // what is in the place of each
	}{
		{"all are well", nil, nil},
		{"the first is not", map[string]time.Duration{"a": ill}, map[string]string{"a": "b"}},
		{"two are not", map[string]time.Duration{"a": ill, "b": ill}, map[string]string{"a": "c", "b": "c"}},
		{"the second is just back", map[string]time.Duration{"a": ill, "b": justBack}, map[string]string{"a": "c", "b": "c"}},
		{"the second is trusted again", map[string]time.Duration{"a": ill, "b": well}, map[string]string{"a": "b"}},
		{"the second is just back, the third is gone", map[string]time.Duration{"a": ill, "b": justBack, "c": ill}, map[string]string{"a": "b"}},
		{"two are just back, the third is gone", map[string]time.Duration{"a": justBack, "b": justBack, "c": ill}, nil},
		{"none is well", map[string]time.Duration{"a": ill, "b": ill, "c": ill}, nil},
	} {
		for _, order := range [][]string{{"a", "b", "c"}, {"c", "b", "a"}, {"b", "a", "c"}} {
			e := &Engine{clock: media.NewVirtualClock(), color: media.Rec709, fps: media.Rational{Num: 30, Den: 1}, desk: newDesk(), copiers: map[string]*copier{},
				inputs: map[string]*input{}, show: parse(t, `{"format": 1, "canvas": {"width": 32, "height": 18, "fps": "30"}}`)}
			e.frameTime = media.TickTime(1, e.fps)
			e.opt.SourceKinds = fakeKinds(new(atomic.Int64))
			picture := newSlate(32, 18, e.color)
			for _, id := range order {
				def := scenes.Source{ID: id, Kind: "live", Settings: json.RawMessage("{}"), Backup: map[string]string{"a": "b", "b": "c"}[id]}
				def.Audio.OnAir = scenes.OnAirOff
				if id == "a" {
					def.Audio.OnAir = scenes.OnAirOn
				}
				in := e.newInput(def)
				in.current, in.lastFresh, in.status.State = picture, now, sources.Running
				if at, ok := c.bad[id]; ok {
					in.missed, in.unwellAt = true, at
					if at == ill {
						in.status.State = sources.Waiting
					}
				}
				e.inputs[id], e.order = in, append(e.order, in)
			}
			e.standIns(now)
			e.desk.follow(e)
			for id, in := range e.inputs {
				want := id
				if c.want[id] != "" {
					want = c.want[id]
				}
				if got := e.shown(id).def.ID; got != want {
					t.Errorf("%s, in the order %v: %s is seen in the place of %s, want %s", c.name, order, got, id, want)
				}
				if heard := in.heard == 1; heard != (e.shown("a") == in) {
					t.Errorf("%s, in the order %v: %s is seen in the place of a, and that %s is heard is %v", c.name, order, e.shown("a").def.ID, id, heard)
				}
			}
			picture.Release()
		}
	}
}
