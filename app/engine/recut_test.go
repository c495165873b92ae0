package engine

import (
	"path/filepath"
	"strconv"
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
		o.Ticks, o.Commands = r.Ticks, r.WithRecording(&StartRecording{Recordings: []string{"again"}})
	})
	again.run(t, t.Context(), time.Minute)
	for _, w := range again.State().Warnings {
		t.Error(w.Text)
	}
	return path, r
}
