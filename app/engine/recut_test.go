package engine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// TestRecutIsTheShow: cut again from the sources' own recordings, the programme has the
// same picture of the same camera at every frame, and the same sound.
func TestRecutIsTheShow(t *testing.T) {
	dir := t.TempDir()
	afv := scenes.OnAirAFV
	s := newStudio(t, parse(t, isoShow(dir)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks = true, 130
		o.Commands = []Timed{
			{5, &Cut{Scene: "two"}},
			{7, &StartRecording{}},
			{8, &SetStrip{Source: "cam1", OnAir: &afv}},
			{8, &SetStrip{Source: "cam2", OnAir: &afv}},
			{20, &Cut{Scene: "one"}},
			{20, &Preview{Scene: "both"}},
			{31, &AutoTake{}},
			{60, &Cut{Scene: "two"}},
			{70, &RestartSource{Source: "cam1"}},
			{100, &StopRecording{}},
		}
	})
	s.run(t, t.Context(), time.Minute)
	live, first := shots(t, filepath.Join(dir, "show.mkv"))
	if first != 7 || len(live) != 93 {
		t.Fatalf("live: %d pictures from tick %d", len(live), first)
	}
	path, r := cutAgain(t, dir)
	if len(r.Live) != 0 || r.From != 0 || r.Ticks != 93 {
		t.Fatalf("cut: %+v", r)
	}
	got, _ := shots(t, path)
	if len(got) != len(live) {
		t.Fatalf("%d pictures, the show had %d", len(got), len(live))
	}
	unread := 0
	for i, v := range live {
		if v != got[i] {
			t.Errorf("frame %d is %v, the show had %v", i, got[i], v)
		}
		if v == (shot{}) {
			unread++
		}
	}
	if unread > 6 {
		t.Errorf("%d frames have no counter", unread)
	}
	a, b := decodeTrack(t, filepath.Join(dir, "show.mkv"), 0), decodeTrack(t, path, 0)
	for _, at := range []int{24000, 72000, 110000} {
		for _, hz := range []float64{440, 500, 550, 660, 880, 1000} {
			x, y := levelAt(a[2*at:2*at+19200], hz), levelAt(b[2*at:2*at+19200], hz)
			if x > 0.0005 && (y < x*0.9 || y > x*1.1) {
				t.Errorf("at sample %d: %v Hz is at %.5f, the show had %.5f", at, hz, y, x)
			}
		}
	}
}

// TestRecutBeginsAsTheShowStood: what was done before the recording (faded to black, keys
// chosen, edits that are taken back later, a transition or a fade under way) counts in the show
// cut again as it did.
func TestRecutBeginsAsTheShowStood(t *testing.T) {
	swapped := scenes.NewLayer("cam2")
	for _, c := range []struct {
		name   string
		before []Timed // of tick 7, at which it is recorded
		during []Timed
	}{
		{"faded to black, up while it records, and down", []Timed{{1, &FadeToBlack{}}}, []Timed{{12, &FadeToBlack{}}, {40, &FadeToBlack{}}}},
		{"within a fade", []Timed{{5, &FadeToBlack{}}}, []Timed{{30, &FadeToBlack{}}}},
		{"keys alone, the T-bar at its far end", []Timed{{1, &TBar{Position: 1}}, {2, &SetNext{Background: ptr(false), Overlays: &[]string{"title"}}}},
			[]Timed{{15, &TBar{Position: 0}}, {25, &AutoTake{}}, {40, &SetNext{Background: ptr(true)}}, {42, &Cut{}}}},
		{"within AUTO, a preview chosen", []Timed{{5, &AutoTake{}}, {6, &Preview{Scene: "both"}}}, []Timed{{30, &Cut{}}}},
		{"black on programme", []Timed{{1, &Preview{}}, {2, &Cut{}}}, []Timed{{20, &Cut{}}}},
		{"an edit of before taken back, and made again", []Timed{{1, &SetLayers{ID: "one", Layers: []scenes.Layer{swapped}}}}, []Timed{{20, &Undo{}}, {35, &Redo{}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			doc := strings.Replace(isoShow(dir), `"transition"`, `"overlays":[{"id":"title","layers":[{"source":"cam1"}]}],"fade_to_black":{"frames":5},"transition"`, 1)
			s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
				realRecords(o)
				o.CutLists, o.Ticks = true, 60
				o.Commands = slices.Concat(c.before, []Timed{{7, &StartRecording{}}}, c.during, []Timed{{55, &StopRecording{}}})
			})
			s.run(t, t.Context(), time.Minute)
			for _, w := range s.State().Warnings {
				t.Error(w.Text)
			}
			live, _ := shots(t, filepath.Join(dir, "show.mkv"))
			path, _ := cutAgain(t, dir)
			got, _ := shots(t, path)
			if len(live) != 48 || len(got) != 48 {
				t.Fatalf("%d and %d pictures, want 48", len(live), len(got))
			}
			shown := map[uint8]int{}
			for i, v := range live {
				if shown[v.cam]++; v != got[i] {
					t.Fatalf("frame %d is %v, the show had %v", i, got[i], v)
				}
			}
			if len(shown) < 2 {
				t.Errorf("nothing changed in the show: %v", shown)
			}
		})
	}
}

// TestJournalKeepsNoKeys: it lies beside recordings that are handed on, so nothing of the
// destinations is in it, whatever is done with them, and it is read by its user alone.
func TestJournalKeepsNoKeys(t *testing.T) {
	dir := t.TempDir()
	address := func(key string) scenes.Destination {
		return scenes.Destination{ID: "d", Kind: "srt", Settings: []byte(`{"url":"srt://example.org:9000","stream_id":"secret-` + key + `"}`)}
	}
	show, err := parse(t, isoShow(dir)).SetDestination(address("start"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := show.SetDestination(address("replaced"))
	if err != nil {
		t.Fatal(err)
	}
	s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks = true, 40
		o.Commands = []Timed{{1, &StartRecording{}}, {8, &PutDestination{Destination: address("put")}}, {12, &Undo{}}, {16, &Redo{}}, {20, &ReplaceShow{Show: other}}, {35, &StopRecording{}}}
	})
	s.run(t, t.Context(), time.Minute)
	for _, w := range s.State().Warnings {
		t.Error(w.Text)
	}
	path := filepath.Join(dir, "show"+SessionExtension)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(raw); strings.Contains(text, "secret-") || !strings.Contains(text, `"start_recording"`) {
		t.Errorf("the journal is\n%s", text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the journal has mode %v, %v", info.Mode(), err)
	}
	cutAgain(t, dir)
}

// TestRecutOfAnOlderJournal: one without the switcher begins at rest, and its undo is of the
// edits that are in it.
func TestRecutOfAnOlderJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old"+SessionExtension)
	show, err := json.Marshal(parse(t, isoShow(t.TempDir())))
	if err != nil {
		t.Fatal(err)
	}
	text := `{"session":1,"at":7,"began":"2026-05-01T20:00:00Z","base":"","show":` + string(show) + `}
{"at":8,"do":"ftb"}
{"at":9,"do":"rename_show","name":"x"}
{"at":10,"do":"undo"}
{"at":60,"end":true}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := ReadSession(path)
	if err != nil {
		t.Fatal(err)
	}
	s.History.End = s.End // as if it had a file
	r, err := s.Recut()
	if err != nil {
		t.Fatal(err)
	}
	if r.Switcher != nil || !reflect.DeepEqual(r.Commands, []Timed{{1, &FadeToBlack{}}, {2, &RenameShow{Name: "x"}}, {3, &Undo{}}}) {
		t.Errorf("it is cut from %+v by %+v", r.Switcher, r.Commands)
	}
}

// cutAgain cuts the show again whose journal is in dir, and returns the file and what was cut.
func cutAgain(t *testing.T, dir string) (path string, r *Recut) {
	t.Helper()
	journal, err := ReadSession(filepath.Join(dir, "show"+SessionExtension))
	if err != nil {
		t.Fatal(err)
	}
	if r, err = journal.Recut(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "again.mkv")
	show, err := r.Show.SetRecording(scenes.Recording{ID: "again", Settings: []byte(`{"path":` + strconv.Quote(path) + `}`)})
	if err != nil {
		t.Fatal(err)
	}
	again := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.SourceKinds["recorded"] = sources.Recorded()
		o.Switcher, o.Ticks, o.Commands = r.Switcher, r.Ticks, r.WithRecording(&StartRecording{Recordings: []string{"again"}})
	})
	again.run(t, t.Context(), time.Minute)
	for _, w := range again.State().Warnings {
		t.Error(w.Text)
	}
	return path, r
}

// TestRecutRefusesNothingOfOutputs: what a show did with its renditions, destinations and
// recordings is not done again, and none of it is refused.
func TestRecutRefusesNothingOfOutputs(t *testing.T) {
	show := parse(t, smallShow)
	main, _ := show.Rendition("main")
	j := &Session{Show: show, Commands: []Timed{
		{1, &Cut{Scene: "two"}}, {2, &PutRendition{Rendition: main}}, {2, &RemoveRendition{ID: "main", Cascade: true}},
		{3, &Reorder{ID: "d2"}}, {4, &Reorder{ID: "two"}}, {5, &RemoveDestination{ID: "d1"}},
	}}
	j.History.First, j.History.End = 0, 10
	r, err := j.Recut()
	if err != nil {
		t.Fatal(err)
	}
	s := newStudio(t, r.Show, media.NewVirtualClock(), func(o *Options) { o.Ticks, o.Commands = r.Ticks, r.Commands })
	s.run(t, t.Context(), time.Minute)
	if st := s.State(); st.RefusedCommands > 0 || st.Program != "two" || st.Show.Scenes[0].ID != "two" || len(st.Show.Renditions) != 3 {
		t.Errorf("refused %d; on programme %s, first scene %s, %d renditions", st.RefusedCommands, st.Program, st.Show.Scenes[0].ID, len(st.Show.Renditions))
	}
}
