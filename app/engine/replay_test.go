package engine

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// replayShow is isoShow with a replay source and a short buffer of the programme and cam2.
func replayShow(dir, folder string, seconds int) string {
	doc := strings.Replace(isoShow(dir), `"sources":[{`, `"sources":[{"id":"again","kind":"replay"},{`, 1)
	return strings.Replace(doc, `"iso":{`, `"replay":{"seconds":`+strconv.Itoa(seconds)+`,"angles":["cam2"],"settings":{"path":`+strconv.Quote(folder)+`}},"iso":{`, 1)
}

func withReplay(o *Options) {
	realRecords(o)
	o.SourceKinds["replay"] = sources.Replay()
}

func replays(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*Replay*.mkv"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestReplayBufferIsSaved: the last seconds, from a keyframe on, of the programme and of
// an angle; older ones are let go.
func TestReplayBufferIsSaved(t *testing.T) {
	dir := t.TempDir()
	saved := filepath.Join(dir, "replays")
	s := newStudio(t, parse(t, replayShow(dir, saved, 2)), media.NewVirtualClock(), func(o *Options) {
		withReplay(o)
		o.Ticks = 150
		o.Commands = []Timed{{0, &StartReplay{}}, {100, &Cut{}}, {149, &SaveReplay{}}, {149, &SaveReplay{Angle: "cam2"}}}
	})
	s.run(t, t.Context(), time.Minute)
	for _, w := range s.State().Warnings {
		t.Error(w.Text)
	}
	list := replays(t, saved)
	if len(list) != 2 {
		t.Fatalf("saved: %q", list)
	}
	for _, path := range list {
		got, first := shots(t, path)
		if first%15 != 0 { // keyframes are half a second apart
			t.Errorf("%s begins at tick %d", path, first)
		}
		// What the encoder still held is missing: less than a second.
		if n := int64(len(got)); n < 45 || n > 75+15 || first < 60 {
			t.Errorf("%s has %d pictures from tick %d", path, n, first)
		}
		for i, v := range got {
			tick := first + int64(i)
			want := shot{1, uint32(tick)}
			if tick >= 100 || strings.Contains(path, "cam2") {
				want.cam = 2
			}
			if v != want {
				t.Fatalf("%s: picture %d is %v, want %v", filepath.Base(path), i, v, want)
			}
		}
	}
}

// TestReplayIsKeptWhileTheDiskFails: nothing can be written where it should go; once it
// can, the replay that was asked for before is there, not a later one.
func TestReplayIsKeptWhileTheDiskFails(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "replays")
	if err := os.WriteFile(folder, nil, 0o644); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	s := newStudio(t, parse(t, replayShow(dir, folder, 20)), media.NewRealClock(), withReplay)
	s.replay.saver.again = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := s.start(ctx)
	if err := s.Do(&SaveReplay{}); err == nil {
		t.Error("saved without a buffer")
	}
	s.must(t, &StartReplay{})
	s.until(t, "something is kept", func(st *State) bool { return st.Replay.Held > 300*time.Millisecond })
	s.must(t, &SaveReplay{})
	st := s.until(t, "the failure is told", func(st *State) bool { return st.Replay.Waiting == 1 && st.Replay.Problem != "" })
	told := false
	for _, w := range st.Warnings {
		told = told || w.Key == "replay"
	}
	if !told {
		t.Error("no warning")
	}
	s.must(t, &StopReplay{})
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	st = s.until(t, "it is saved", func(st *State) bool { return st.Replay.Waiting == 0 && st.Replay.Saved != "" })
	if got, _ := shots(t, st.Replay.Saved); len(got) < 8 {
		t.Errorf("%d pictures", len(got))
	}
	s.until(t, "the warning is gone", func(st *State) bool {
		for _, w := range st.Warnings {
			if w.Key == "replay" {
				return false
			}
		}
		return true
	})
	cancel()
	finish(t, done, 10*time.Second)
}

// TestInstantReplay: what lies between the marks is shown on the replay source at half
// speed, each picture twice, then stands; an angle shows its own camera.
func TestInstantReplay(t *testing.T) {
	dir := t.TempDir()
	seen := map[int64]shot{}
	s := newStudio(t, parse(t, replayShow(dir, dir, 20)), media.NewVirtualClock(), func(o *Options) {
		withReplay(o)
		o.Ticks = 260
		o.Commands = []Timed{
			{0, &StartReplay{}},
			{20, &MarkReplay{Point: "in"}},
			{40, &MarkReplay{Point: "out"}},
			{100, &PlayReplay{Source: "again", Speed: 0.5}},
			{100, &Cut{Scene: "again"}},
			{180, &PlayReplay{Source: "again", Angle: "cam2"}},
		}
		o.Tap = func(tick int64, f *media.Frame, _ []float32) {
			if cam, n, ok := framecode.Read(f); ok {
				seen[tick] = shot{cam, n}
			}
		}
	})
	s.run(t, t.Context(), time.Minute)
	for _, w := range s.State().Warnings {
		t.Error(w.Text)
	}
	for tick := int64(100); tick < 260; tick++ {
		want := shot{1, uint32(20 + min((tick-100)/2, 19))}
		if tick >= 180 {
			want = shot{2, uint32(20 + min(tick-180, 19))}
		}
		if seen[tick] != want {
			t.Errorf("tick %d shows %v, want %v", tick, seen[tick], want)
		}
	}
}

// TestReplayOfTheLastSeconds on the real clock: without marks, at the speed it was.
func TestReplayOfTheLastSeconds(t *testing.T) {
	dir := t.TempDir()
	s := newStudio(t, parse(t, replayShow(dir, dir, 20)), media.NewRealClock(), withReplay)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := s.start(ctx)
	s.must(t, &StartReplay{})
	s.until(t, "something is kept", func(st *State) bool { return st.Replay.Held > time.Second })
	for _, c := range []Command{
		&PlayReplay{Source: "cam1"}, &PlayReplay{Source: "nobody"}, &PlayReplay{Source: "again", Speed: 2}, &PlayReplay{Source: "again", Angle: "cam1"},
		&MarkReplay{Point: "middle"}, &MarkReplay{Point: "in", Ago: -1},
	} {
		if err := s.Do(c); err == nil {
			t.Errorf("%T %+v was taken", c, c)
		}
	}
	s.must(t, &MarkReplay{Point: "in", Ago: 0.5})
	s.must(t, &PlayReplay{Source: "again"})
	s.until(t, "it plays", func(st *State) bool {
		if st.Sources[0].Status == SourceLost {
			t.Error("the replay counts as lost")
		}
		return st.Sources[0].HasVideo && st.Sources[0].Frames > 5
	})
	cancel()
	finish(t, done, 10*time.Second)
}
