package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/cutlist"
	"crosspoint.studio/crosspoint/internal/media"
)

// TestCutListsGoOnAfterAPause: a programme that is paused, also at a split and within a mix, has
// lists that leave out what its files leave out, and are right picture for picture after it.
func TestCutListsGoOnAfterAPause(t *testing.T) {
	t.Parallel()
	for _, container := range []string{"mkv", "mp4", "ts"} {
		t.Run(container, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			yes, no := true, false
			s := newStudio(t, parse(t, strings.ReplaceAll(isoShow(dir), "show.mkv", "show."+container)), media.NewVirtualClock(), func(o *Options) {
				realRecords(o)
				o.CutLists, o.Ticks = true, 190
				o.Commands = []Timed{
					{8, &StartRecording{}}, {8, &StartISO{}},
					{20, &Cut{}},                             // one > two
					{30, &PauseRecording{}},                  // a toggle
					{35, &SetMark{Name: "break"}},            // where it goes on
					{40, &Cut{}},                             // two > one, which nobody sees
					{55, &PauseRecording{}},                  //
					{62, &SetMark{Name: "goal"}},             //
					{70, &AutoTake{}},                        // one > two, a mix of six frames
					{73, &PauseRecording{Paused: &yes}},      // within it
					{90, &PauseRecording{Paused: &no}},       //
					{100, &Cut{Scene: "both"}},               //
					{110, &PauseRecording{Paused: &yes}},     //
					{115, &SplitRecording{}},                 // with the picture that it goes on with
					{125, &PauseRecording{Paused: &no}},      //
					{140, &Cut{Scene: "one"}},                //
					{150, &PauseRecording{Paused: &yes}},     //
					{150 + 10, &PauseRecording{Paused: &no}}, // in the second file
					{180, &PauseRecording{Paused: &yes}},     // to the end
				}
			})
			s.run(t, t.Context(), time.Minute)
			for _, w := range s.State().Warnings {
				t.Error(w.Text)
			}
			journal, first, own := wantListsRight(t, dir, "show."+container, true, 0)
			var programme []string
			for _, f := range journal.History.Files {
				if f.Source == "" {
					programme = append(programme, fmt.Sprintf("%d+%d%v", f.First, f.Frames, f.Left))
				}
			}
			if got, want := strings.Join(programme, " "), "8+60[{30 55} {73 90} {110 125}] 125+45[{150 160}]"; got != want || first != 8 {
				t.Errorf("the programme's files are %s, want %s", got, want)
			}
			if r, err := journal.Recut(); err != nil || r.Frames() != 60+45 || len(r.WithRecording(&StartRecording{})) != len(r.Commands)+1+2*4 {
				t.Errorf("cut again it is %+v, %v", r, err)
			}
			// The mix is cut by a pause: what there is of it is the programme's.
			if want := 22 + 15 + 10 + 10 + 20; own != want {
				t.Errorf("%d frames are from sources, want %d", own, want)
			}
			if raw, err := os.ReadFile(filepath.Join(dir, "show.edl")); err != nil || !strings.Contains(string(raw), "LOC: 00:00:01:00 GREEN   break") || !strings.Contains(string(raw), "LOC: 00:00:01:07 GREEN   goal") {
				t.Errorf("the list's markers: %v\n%s", err, raw)
			}
		})
	}
}

// TestSplitOfAll: a split without names is one of the sources' own recordings too, at the very
// picture; no picture and no sample is lost or there twice, and the lists know all parts.
func TestSplitOfAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	doc := strings.Replace(soundShow(t, dir, ""), `"sources":["cam1","song","mic"]`, `"sources":["cam1","cam2","song"]`, 1)
	s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks = true, 100
		o.Commands = []Timed{{8, &StartRecording{}}, {20, &Cut{}}, {37, &SplitRecording{}}, {50, &Cut{}}, {61, &SplitRecording{}}, {90, &StopRecording{}}, {95, &SplitRecording{}}}
	})
	s.run(t, t.Context(), time.Minute)
	st := s.State()
	if len(st.Warnings) != 1 || !strings.Contains(st.Warnings[0].Text, "nothing is recording") {
		t.Errorf("warnings %+v", st.Warnings)
	}
	for _, v := range append(st.ISOs, st.Recordings...) {
		if r := v.Recording; r.Files != 3 || r.Checked != 3 || r.Problem != "" || (r.GoodTo-r.Length).Abs() > 50*time.Millisecond || r.Length < 81*time.Second/30 {
			t.Errorf("%s: %+v", v.ID, r)
		}
	}
	journal, err := ReadSession(filepath.Join(dir, "show"+SessionExtension))
	if err != nil {
		t.Fatal(err)
	}
	next, parts, heard := map[string]int64{}, map[string][]int64{}, 8*1600
	for _, f := range journal.History.Files {
		parts[f.Source] = append(parts[f.Source], f.First)
		if f.NoPictures {
			for b := decodeTrack(t, f.Path, 0); len(b) > 0; b = b[2:] {
				if got := int(b[0]*32768+0.5) + 30000*int(b[1]*32768+0.5); got != heard {
					t.Fatalf("%s: a sample is %d, want %d", filepath.Base(f.Path), got, heard)
				}
				heard++
			}
			continue
		}
		list, _ := shotsOf(t, f.Path)
		for _, v := range list {
			if next[f.Source] == 0 {
				next[f.Source] = 8
			}
			if int64(v.n) != next[f.Source] {
				t.Fatalf("%s has picture %d, want %d", filepath.Base(f.Path), v.n, next[f.Source])
			}
			next[f.Source]++
		}
	}
	for _, source := range []string{"", "cam1", "cam2"} {
		if got := fmt.Sprint(parts[source]); got != "[8 37 61]" || next[source] != 90 {
			t.Errorf("%q is in files from %s on, up to picture %d", source, got, next[source])
		}
	}
	if len(parts["song"]) != 3 || heard < 90*1600 {
		t.Errorf("the sound is in files from %v on, up to sample %d", parts["song"], heard)
	}
}

// TestPausedInAnOlderJournal: from a pause on that its journal does not know the end of, the
// programme's file is not cut from.
func TestPausedInAnOlderJournal(t *testing.T) {
	dir := t.TempDir()
	s := newStudio(t, parse(t, isoShow(dir)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks = true, 60
		o.Commands = []Timed{{0, &StartRecording{}}, {20, &PauseRecording{}}, {30, &PauseRecording{}}}
	})
	s.run(t, t.Context(), time.Minute)
	journal := filepath.Join(dir, "show"+SessionExtension)
	raw, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	frames := func(lines []string) int64 {
		if err := os.WriteFile(journal, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		read, err := ReadSession(journal)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range read.History.Files {
			if f.Source == "" {
				return f.End()
			}
		}
		return 0
	}
	var all, begun, none []string
	for _, line := range strings.Split(string(raw), "\n") {
		all = append(all, line)
		if !strings.Contains(line, `"left":{"path"`) {
			begun, none = append(begun, line), append(none, line)
		} else if !strings.Contains(line, `"to"`) {
			begun = append(begun, line)
		}
	}
	for _, c := range []struct {
		lines []string
		want  int64
	}{{all, 60}, {begun, 20}, {none, 20}} {
		if got := frames(c.lines); got != c.want {
			t.Errorf("with %d lines of %d the programme goes up to tick %d, want %d", len(c.lines), len(all), got, c.want)
		}
	}
}

// TestJournalOfAKilledShow is read as far as it goes.
func TestJournalOfAKilledShow(t *testing.T) {
	dir := t.TempDir()
	s := newStudio(t, parse(t, isoShow(dir)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks = true, 40
		o.Commands = []Timed{{0, &StartRecording{}}, {20, &Cut{}}}
	})
	s.run(t, t.Context(), time.Minute)
	journal := filepath.Join(dir, "show"+SessionExtension)
	raw, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := ReadSession(journal)
	if err != nil || !whole.Complete || len(whole.History.Files) != 3 || whole.End != 40 || len(whole.Commands) != 2 {
		t.Fatalf("the whole journal: %+v, %v", whole, err)
	}
	cut := filepath.Join(dir, "cut"+SessionExtension)
	if err := os.WriteFile(cut, raw[:len(raw)-20], 0o644); err != nil {
		t.Fatal(err)
	}
	part, err := ReadSession(cut)
	if err != nil || part.Complete || part.End != 40 {
		t.Errorf("the cut journal: %+v, %v", part, err)
	}
	if err := WriteCutLists(cut, CutListOptions{}); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(cut, []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSession(cut); err == nil {
		t.Error("something else was taken for a journal")
	}
}

// TestCutListsOfSplitRecordings: a programme in several files, marked, smaller than the canvas and
// of every second picture, and paused at its end. What each file is like is known, and all are found
// when the folder was moved, those in a folder of their own there too.
func TestCutListsOfSplitRecordings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "show")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	doc := strings.Replace(isoShow(dir), `"keyframe_seconds":0.5`, `"keyframe_seconds":0.5,"frame_divisor":2,"width":320,"height":180`, 1)
	yes := true
	s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks = true, 120
		o.Commands = []Timed{
			{8, &StartRecording{}}, {30, &SplitRecording{}}, {33, &SetMark{Name: "goal"}}, {44, &Cut{Scene: "both"}}, {80, &PauseRecording{Paused: &yes}},
		}
	})
	s.run(t, t.Context(), time.Minute)
	journal, err := ReadSession(filepath.Join(dir, "show"+SessionExtension))
	if err != nil {
		t.Fatal(err)
	}
	var programme []string
	for _, f := range journal.History.Files {
		medium := cutlist.Medium{Width: 480, Height: 270, Every: 1, Channels: 2, SampleRateHz: 48000}
		if f.Source == "" {
			medium.Width, medium.Height, medium.Every = 320, 180, 2
		}
		if f.Medium != medium {
			t.Errorf("%s is %+v, want %+v", filepath.Base(f.Path), f.Medium, medium)
		}
		if part := fmt.Sprintf("%d+%d", f.First, f.Frames); f.Source == "" {
			programme = append(programme, part)
		} else if part != "8+22" && part != "30+90" {
			t.Errorf("%s is %s: a source's recording has every picture", f.Source, part)
		}
	}
	if got := strings.Join(programme, " "); got != "8+22 30+50" {
		t.Errorf("the programme's files are %s", got)
	}
	marked := false
	for _, m := range journal.History.Markers {
		marked = marked || m.Text == "goal" && m.At == 33
	}
	if !marked || !journal.Complete {
		t.Errorf("markers %v, complete %v", journal.History.Markers, journal.Complete)
	}
	archive := filepath.Join(filepath.Dir(dir), "archive")
	if err := os.Rename(dir, archive); err != nil {
		t.Fatal(err)
	}
	again, err := ReadSession(filepath.Join(archive, "show"+SessionExtension))
	if err != nil {
		t.Fatal(err)
	}
	for i := range journal.History.Files {
		f := &journal.History.Files[i]
		f.Path = archive + strings.TrimPrefix(f.Path, dir)
	}
	if !reflect.DeepEqual(again.History.Files, journal.History.Files) {
		t.Errorf("where the folder is now there are %+v, want %+v", again.History.Files, journal.History.Files)
	}
}
