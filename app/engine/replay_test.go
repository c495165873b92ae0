package engine

import (
	"context"
	"os"
	"path/filepath"
	"slices"
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
	done := s.start(t, ctx)
	if err := s.Do(&SaveReplay{}); err == nil {
		t.Error("saved without a buffer")
	}
	s.must(t, &StartReplay{})
	s.until(t, "something is kept", func(st *State) bool { return st.Replay.Held > 300*time.Millisecond })
	s.must(t, &SaveReplay{})
	s.until(t, "the failure is told", func(st *State) bool {
		told := slices.ContainsFunc(st.Warnings, func(w Warning) bool { return w.Key == "replay" })
		return told && st.Replay.Waiting == 1 && st.Replay.Problem != ""
	})
	s.must(t, &StopReplay{})
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	st := s.until(t, "it is saved", func(st *State) bool { return st.Replay.Waiting == 0 && st.Replay.Saved != "" })
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
	finish(t, done, time.Minute)
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
	done := s.start(t, ctx)
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
	finish(t, done, time.Minute)
}

// TestReplayHasSound: at full speed the programme's sound; at half of it none, or where it is to
// be stretched the same sound, twice as long, with the pictures.
func TestReplayHasSound(t *testing.T) {
	for _, c := range []struct {
		name, setting string
		speed         float64
	}{{"full", "none", 1}, {"half", "none", 0.5}, {"half stretched", "stretch", 0.5}, {"quarter stretched", "stretch", 0.25}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			doc := strings.Replace(replayShow(dir, dir, 20), `{"id":"again","kind":"replay"}`, `{"id":"again","kind":"replay","settings":{"slow_sound":"`+c.setting+`"},"audio":{"on_air":"on"}}`, 1)
			doc = strings.Replace(doc, `"audio":{"gain_db":-40}`, `"audio":{"on_air":"afv"}`, -1)
			doc = strings.Replace(doc, `"camera":1`, `"camera":1,"tone_hz":500`, 1)
			var sound []float32
			s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
				withReplay(o)
				o.Ticks = 240
				o.Commands = []Timed{
					{0, &StartReplay{}},
					{20, &MarkReplay{Point: "in"}},
					{50, &MarkReplay{Point: "out"}},
					{90, &PlayReplay{Source: "again", Speed: c.speed}},
					{90, &Cut{Scene: "again"}},
				}
				o.Tap = func(tick int64, _ *media.Frame, b []float32) {
					if tick >= 95 { // the cut's fade is over
						sound = append(sound, b...)
					}
				}
			})
			s.run(t, t.Context(), time.Minute)
			for _, w := range s.State().Warnings {
				t.Error(w.Text)
			}
			// The camera's beep, of one picture, is the only thing that loud; behind it is a
			// burst of its tone.
			loud, first, tone := 0, -1, 0.0
			for i, v := range sound {
				if v > 0.3 || v < -0.3 {
					if loud++; first < 0 {
						first = i
					}
				}
			}
			for at := 0; at+4800 <= len(sound); at += 4800 {
				tone = max(tone, levelAt(sound[at:at+4800], 500))
			}
			if c.speed < 1 && c.setting == "none" {
				if loud > 0 || tone > 0.01 {
					t.Errorf("it is heard, %d samples loud, the tone at %.3f", loud, tone)
				}
				return
			}
			// A sine of 0.5 is above 0.3 for 0.59 of the time.
			if got, want := float64(loud)/96000, 0.59/30/c.speed; got < want*0.8 || got > want*1.3 {
				t.Errorf("the beep is loud for %.3f s, want %.3f", got, want)
			}
			// The stretching looks for what is alike in windows of 43 ms of what it is given.
			off := 0.03 + 0.03/c.speed
			if got, want := float64(first)/96000, 10.0/30/c.speed-5.0/30; got < want-off || got > want+off {
				t.Errorf("the beep is heard at %.3f s, want %.3f", got, want)
			}
			if tone < 0.06 {
				t.Errorf("the tone is at %.3f", tone)
			}
		})
	}
}
