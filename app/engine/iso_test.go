package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/record"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// isoShow has two cameras with frame counters and a tone each.
func isoShow(dir string) string {
	source := func(id string, code int, size string) string {
		return fmt.Sprintf(`{"id":%q,"kind":"synthetic","settings":{"camera":%d%s},"audio":{"gain_db":-40}}`, id, code, size)
	}
	return fmt.Sprintf(`{"format":2,"canvas":{"width":480,"height":270,"fps":"30"},
		"sources":[%s,%s],
		"scenes":[{"id":"one","layers":[{"source":"cam1"}]},{"id":"two","layers":[{"source":"cam2"}]},
			{"id":"both","layers":[{"source":"cam1"},{"source":"cam2","x":240,"y":135,"width":240,"height":135}]}],
		"transition":{"frames":6},
		"renditions":[{"id":"main","video":{"bitrate_kbps":1500,"preset":"ultrafast","keyframe_seconds":0.5}}],
		"recordings":[{"id":"rec","settings":{"path":%s}}],
		"iso":{"sources":["cam1","cam2"],"settings":{"path":%s}},
		"start":{"program":"one","preview":"two"}}`,
		source("cam1", 1, ""), source("cam2", 2, ""), strconv.Quote(filepath.Join(dir, "show.mkv")), strconv.Quote(filepath.Join(dir, "iso")))
}

// realRecords makes a studio record with the real thing.
func realRecords(o *Options) {
	o.SourceKinds = map[string]sources.Kind{"synthetic": sources.Synthetic(), "file": sources.File()}
	for k, v := range fakeKinds(nil) {
		o.SourceKinds[k] = v
	}
	o.OutputKinds = map[string]outputs.Kind{"record": record.Kind()}
}

// shot is what a picture's counter says.
type shot struct {
	cam uint8
	n   uint32
}

// shots reads the counters of a file's pictures, in order; unread ones are zero. The file
// has to say at which tick it begins.
func shots(t *testing.T, path string) ([]shot, int64) {
	t.Helper()
	out, first := shotsOf(t, path)
	if first < 0 {
		t.Errorf("%s has no timecode", filepath.Base(path))
	}
	return out, first
}

// shotsOf is shots of any file; first is -1 where it has no timecode.
func shotsOf(t testing.TB, path string) (out []shot, first int64) {
	t.Helper()
	first = eachPicture(t, path, func(_ time.Duration, s shot) { out = append(out, s) })
	return out, first
}

// eachPicture decodes a file and calls see with each picture's time from the file's first
// picture on, and its counter. first is the file's timecode, at 30 fps, -1 where it has none.
func eachPicture(t testing.TB, path string, see func(at time.Duration, s shot)) (first int64) {
	t.Helper()
	in, err := av.OpenInput(t.Context(), path, av.InputOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	first, ok := in.Timecode(media.NewRational(30, 1))
	if !ok {
		first = -1
	}
	dec, err := av.NewVideoDecoder(in.Video(), av.VideoDecoderOptions{Canvas: media.Rec709})
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	p := av.NewInputPacket()
	defer p.Free()
	drain := func() {
		// An error: it wants more, or that was all.
		for f, err := dec.Receive(); err == nil; f, err = dec.Receive() {
			var s shot
			if cam, n, ok := framecode.Read(f); ok {
				s = shot{cam, n}
			}
			at := f.PTS - in.Video().Start
			f.Release()
			see(at, s)
		}
	}
	for in.ReadPacket(p) == nil {
		if p.Stream == in.Video().Index {
			if err := dec.Send(p); err != nil {
				t.Fatal(err)
			}
			drain()
		}
	}
	if err := dec.Send(nil); err != nil {
		t.Fatal(err)
	}
	drain()
	return first
}

func isoFiles(t *testing.T, dir, id string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "iso", "* "+id+".mkv"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestISOBesideTheProgramme: each source's pictures at every tick, whatever is on air, each
// file saying at which tick it begins.
func TestISOBesideTheProgramme(t *testing.T) {
	dir := t.TempDir()
	s := newStudio(t, parse(t, isoShow(dir)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.Ticks, o.Commands = 60, []Timed{{10, &StartRecording{}}, {25, &Cut{}}, {50, &StopRecording{}}}
	})
	s.run(t, t.Context(), time.Minute)
	list := s.State().ISOs
	if len(list) != 2 {
		t.Fatalf("%d ISO recordings", len(list))
	}
	for _, v := range list {
		if v.Problem != "" {
			t.Errorf("%s: %s", v.ID, v.Problem)
		}
	}
	for cam, id := range []string{"cam1", "cam2"} {
		files := isoFiles(t, dir, id)
		if len(files) != 1 {
			t.Fatalf("%s: files %q", id, files)
		}
		got, first := shots(t, files[0])
		if first != 10 || len(got) != 40 {
			t.Errorf("%s: %d pictures from tick %d, want 40 from 10", id, len(got), first)
		}
		for i, v := range got {
			if want := (shot{uint8(cam + 1), uint32(10 + i)}); v != want {
				t.Fatalf("%s: picture %d is %v, want %v", id, i, v, want)
			}
		}
		// The strip is 40 dB down; the file has the source's own level.
		b := decodeTrack(t, files[0], 0)
		loud := slices.Max(b)
		if loud < 0.05 {
			t.Errorf("%s: the loudest sample is %v", id, loud)
		}
	}
	if _, first := shots(t, filepath.Join(dir, "show.mkv")); first != 10 {
		t.Errorf("the programme begins at tick %d", first)
	}
}

// TestISOEndsWithARemovedProgramme: those that were started along end too when the only
// recording of the programme is removed while it runs, not when one of two is.
func TestISOEndsWithARemovedProgramme(t *testing.T) {
	dir := t.TempDir()
	s := newStudio(t, parse(t, isoShow(dir)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.Ticks, o.Commands = 60, []Timed{
			{0, &PutRecording{Recording: scenes.Recording{ID: "second", Settings: json.RawMessage(`{"path":` + strconv.Quote(filepath.Join(dir, "second.mkv")) + `}`)}}},
			{10, &StartRecording{}}, {20, &RemoveRecording{ID: "rec"}}, {30, &RenameShow{Name: "x"}}, {40, &RemoveRecording{ID: "second"}},
		}
	})
	s.run(t, t.Context(), time.Minute)
	for _, id := range []string{"cam1", "cam2"} {
		files := isoFiles(t, dir, id)
		if len(files) != 1 {
			t.Fatalf("%s: files %q", id, files)
		}
		if got, first := shots(t, files[0]); first != 10 || len(got) != 30 {
			t.Errorf("%s: %d pictures from tick %d, want 30 from 10", id, len(got), first)
		}
	}
}

// TestISOFailsAlone: the folder of the ISO recordings cannot be used; the programme's is
// complete, and the other way round.
func TestISOFailsAlone(t *testing.T) {
	dir := t.TempDir()
	doc := strings.Replace(isoShow(dir), strconv.Quote(filepath.Join(dir, "iso")), `"/proc/nowhere"`, 1)
	s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.Ticks, o.Commands = 30, []Timed{{0, &StartRecording{}}}
	})
	s.run(t, t.Context(), time.Minute)
	st := s.State()
	if len(st.ISOs) != 2 {
		t.Fatalf("%d ISO recordings", len(st.ISOs))
	}
	for _, v := range st.ISOs {
		if v.Problem == "" {
			t.Errorf("%s has no problem", v.ID)
		} else if !strings.Contains(v.Problem, "the folder /proc/nowhere cannot be made: ") {
			t.Errorf("%s: %q", v.ID, v.Problem)
		}
	}
	if st.Recordings[0].Problem != "" {
		t.Errorf("the programme: %s", st.Recordings[0].Problem)
	}
	if got, _ := shots(t, filepath.Join(dir, "show.mkv")); len(got) != 30 || got[29] != (shot{1, 29}) {
		t.Errorf("the programme has %d pictures", len(got))
	}
}

// TestISOCommands: what can be recorded is started and stopped by itself on the real clock.
func TestISOCommands(t *testing.T) {
	dir := t.TempDir()
	doc := strings.Replace(isoShow(dir), `"scenes":[`, `"scenes":[{"id":"x","layers":[{"source":"logo"}]},`, 1)
	doc = strings.Replace(doc, `"sources":[{`, `"sources":[{"id":"logo","kind":"still","settings":{}},{"id":"mic","kind":"microphone","settings":{"tone":440}},{`, 1)
	s := newStudio(t, parse(t, doc), media.NewRealClock(), func(o *Options) {
		realRecords(o)
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := s.start(t, ctx)
	for _, id := range []string{"logo", "nobody"} {
		if err := s.Do(&StartISO{Sources: []string{id}}); err == nil {
			t.Errorf("%s is recorded", id)
		}
	}
	s.must(t, &StartISO{Sources: []string{"cam2"}})
	live := func(st *State, i int) bool { return i < len(st.ISOs) && st.ISOs[i].Report.State == outputs.Confirmed }
	st := s.until(t, "cam2 is recorded", func(st *State) bool { return live(st, 1) })
	if st.Recording || st.ISOs[0].Started || !st.ISOs[1].Started {
		t.Errorf("recording %v, cam1 %v, cam2 %v", st.Recording, st.ISOs[0].Started, st.ISOs[1].Started)
	}
	s.must(t, &StartRecording{})
	s.until(t, "cam1 has come along", func(st *State) bool { return live(st, 0) })
	s.must(t, &StopRecording{})
	s.until(t, "cam1 has gone along", func(st *State) bool { return !st.ISOs[0].Started && st.ISOs[1].Started })
	if err := s.Do(&StopRecording{Recordings: []string{isoKey("cam2")}}); err == nil {
		t.Error("an ISO recording was stopped as a recording")
	}
	// A microphone has no pictures to begin with.
	s.must(t, &StartISO{Sources: []string{"mic"}})
	began := s.until(t, "the microphone is recorded", func(st *State) bool { return live(st, 2) }).Tick
	s.until(t, "some of it", func(st *State) bool { return st.Tick > began+15 })
	if err := s.Do(&SetReplay{Replay: scenes.Replay{Seconds: 5, Angles: []string{"mic"}}}); err == nil {
		if err = s.Do(&StartReplay{}); err == nil || !strings.Contains(err.Error(), "has no picture") {
			t.Errorf("a microphone is an angle: %v", err)
		}
	}
	s.must(t, &StopISO{})
	s.until(t, "all are stopped", func(st *State) bool {
		return !slices.ContainsFunc(st.ISOs, func(v DestinationState) bool { return v.Report.State != outputs.Idle })
	})
	if files := isoFiles(t, dir, "mic"); len(files) != 1 {
		t.Errorf("of the microphone: %q", files)
	} else if b := decodeTrack(t, files[0], 0); !slices.ContainsFunc(slices.Collect(slices.Chunk(b, 2*4800)), func(tenth []float32) bool {
		return levelAt(tenth, 440) >= 0.01 // a device that a busy machine starves is silent for a while
	}) {
		t.Errorf("the microphone's file has %d samples, its tone is not in it", len(b)/2)
	}
	s.must(t, &Undo{}) // the choice of the angle
	s.must(t, &SetISO{ISO: scenes.ISO{Sources: []string{"cam1"}, Settings: json.RawMessage(`{}`)}})
	s.must(t, &Undo{})
	s.until(t, "the choice is undone", func(st *State) bool { return len(st.Show.ISO.Sources) == 2 })
	s.must(t, &RemoveSource{ID: "cam2", Cascade: true})
	s.until(t, "cam2 is gone", func(st *State) bool { return len(st.ISOs) == 2 })
	cancel()
	finish(t, done, time.Minute)
}
