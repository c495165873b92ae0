package engine

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/record"
)

// markedTicks are a file's chapters with the ticks, at 30 fps, at which they are by its timecode.
func markedTicks(t *testing.T, path string) (names []string, ticks []float64) {
	t.Helper()
	in, err := av.OpenInput(t.Context(), path, av.InputOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	first, ok := in.Timecode(media.NewRational(30, 1))
	if !ok {
		t.Errorf("%s has no timecode", filepath.Base(path))
	}
	for _, c := range in.Chapters() {
		names, ticks = append(names, c.Title), append(ticks, float64(first)+c.At.Seconds()*30)
	}
	return names, ticks
}

// TestMarksOfSourcesOnTheirOwn: a mark is a chapter of their files too, whether they are encoded
// or copied, with pictures or without, and no programme has to be recorded for that.
func TestMarksOfSourcesOnTheirOwn(t *testing.T) {
	for _, c := range []struct {
		name   string
		source string
		show   func(t *testing.T, dir string) string
		within float64 // how many ticks early a chapter may be
	}{
		{"encoded", "cam1", func(_ *testing.T, dir string) string { return isoShow(dir) }, 0.1},
		{"copied", "cam1", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "camera.mp4")
			testkit.Clip{Width: 480, Height: 270, FPS: media.NewRational(30, 1), Camera: 1, Seconds: 5, BFrames: 2}.Write(t, path)
			return copyShow(dir, "file", `{"path":`+strconv.Quote(path)+`}`)
		}, 0.1},
		// A file of sound may begin within the tick of its timecode.
		{"encoded sound alone", "song", func(t *testing.T, dir string) string { return soundShow(t, dir, "") }, 1.1},
		{"copied sound alone", "song", func(t *testing.T, dir string) string {
			return songShow(dir, codedSound(t, dir, "m4a", 6), "", "copy")
		}, 1.1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := newStudio(t, parse(t, c.show(t, dir)), media.NewVirtualClock(), func(o *Options) {
				realRecords(o)
				o.Ticks = 120
				o.Commands = []Timed{{20, &StartISO{}}, {50, &SetMark{Name: "Goal"}}, {60, &SplitRecording{}}, {100, &SetMark{}}, {110, &StopISO{}}}
			})
			s.run(t, t.Context(), time.Minute)
			st := s.State()
			for _, w := range st.Warnings {
				t.Error(w.Text)
			}
			files := ownFiles(t, dir, c.source)
			if len(files) != 2 || len(st.Marks) != 2 {
				t.Fatalf("files %q, marks %+v", files, st.Marks)
			}
			for i, want := range []struct {
				name string
				tick float64
			}{{"Goal", 50}, {"Mark 2", 100}} {
				names, ticks := markedTicks(t, files[i])
				if !slices.Equal(names, []string{"Start", want.name}) || ticks[1] > want.tick+0.1 || ticks[1] < want.tick-c.within {
					t.Errorf("%s has %q at the ticks %.2f, want %s at %v", filepath.Base(files[i]), names, ticks, want.name, want.tick)
				}
			}
		})
	}
}

// TestMarkWhileNothingRecords: it is refused, and counts for nothing.
func TestMarkWhileNothingRecords(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "show.mkv")
	s := newStudio(t, parse(t, recordingShow(path, "")), media.NewVirtualClock(), func(o *Options) {
		o.OutputKinds = map[string]outputs.Kind{"record": record.Kind()}
		o.Ticks = 60
		o.Commands = []Timed{{5, &SetMark{}}, {10, &StartRecording{}}, {25, &SetMark{}}, {40, &StopRecording{}}, {50, &SetMark{Name: "late"}}}
	})
	s.run(t, t.Context(), time.Minute)
	st := s.State()
	if st.RefusedCommands != 2 || len(st.Marks) != 1 || st.Marks[0].Name != "Mark 1" {
		t.Errorf("%d commands were refused, marks %+v", st.RefusedCommands, st.Marks)
	}
	if len(st.Warnings) != 1 || !strings.Contains(st.Warnings[0].Text, "nothing is recording") {
		t.Errorf("warnings %+v", st.Warnings)
	}
	_, chapters := pictures(t, path)
	if want := []string{"0s Start", "500ms Mark 1"}; fmt.Sprint(chapters) != fmt.Sprint(want) {
		t.Errorf("chapters %q, want %q", chapters, want)
	}
}
