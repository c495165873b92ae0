package engine

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// countedSound writes seconds of 48 kHz sound that says where it is: sample i is i%30000 of
// 32768 on the left, and i/30000 on the right.
func countedSound(t *testing.T, path string, seconds int) {
	t.Helper()
	data := make([]byte, 0, seconds*media.SampleRateHz*4)
	for i := range seconds * media.SampleRateHz {
		data = binary.LittleEndian.AppendUint16(data, uint16(i%30000))
		data = binary.LittleEndian.AppendUint16(data, uint16(i/30000))
	}
	head := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00\x80\xbb\x00\x00\x00\xee\x02\x00\x04\x00\x10\x00data\x00\x00\x00\x00")
	binary.LittleEndian.PutUint32(head[4:], uint32(len(head)-8+len(data)))
	binary.LittleEndian.PutUint32(head[len(head)-4:], uint32(len(data)))
	if err := os.WriteFile(path, append(head, data...), 0o644); err != nil {
		t.Fatal(err)
	}
}

// soundShow is isoShow with a sound file, which counts its samples, and a source that says
// later that it has no pictures, both recorded on their own beside one camera.
func soundShow(t *testing.T, dir, settings string) string {
	song := filepath.Join(dir, "song.wav")
	countedSound(t, song, 6)
	doc := isoShow(dir)
	doc = strings.Replace(doc, `"sources":[{`, fmt.Sprintf(`"sources":[{"id":"song","name":"Song","kind":"file","settings":{"path":%q},"audio":{"gain_db":-20}},{"id":"mic","kind":"paced","settings":{"tone":600,"audio_only":true}},{`, song), 1)
	doc = strings.Replace(doc, `"iso":{"sources":["cam1","cam2"],"settings":{`, `"iso":{"codec":"auto","sources":["cam1","song","mic"],"settings":{`+settings, 1)
	return doc
}

// TestISOOfSoundAlone: sources without pictures are recorded from the tick of the start on,
// every sample as it came in exactly one file, before their faders; the cut lists have
// them on tracks of their own, at the right place.
func TestISOOfSoundAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newStudio(t, parse(t, soundShow(t, dir, `"split_minutes":0.02,`)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks = true, 110
		o.Commands = []Timed{{10, &StartRecording{}}, {40, &Cut{}}, {100, &StopRecording{}}}
	})
	s.run(t, t.Context(), time.Minute)
	st := s.State()
	for _, w := range st.Warnings {
		t.Error(w.Text)
	}
	for _, v := range st.ISOs {
		if r := v.Recording; r.Checked != r.Files || r.Problem != "" || v.Problem != "" || v.SoundOnly != (v.ID != "cam1") {
			t.Errorf("%s: %+v, problem %q, sound alone %v", v.ID, r, v.Problem, v.SoundOnly)
		}
	}
	files, _ := filepath.Glob(filepath.Join(dir, "iso", "* song*.mkv"))
	slices.SortFunc(files, func(a, b string) int { return len(a) - len(b) })
	if len(files) != 3 {
		t.Fatalf("files %q", files)
	}
	next := 10 * 1600
	at := map[string]int64{}    // the sample that a file begins with
	late := map[string]int{}    // how many samples after the beginning of its first tick
	first := map[string]int64{} // that tick
	for _, f := range files {
		in, err := av.OpenInput(t.Context(), f, av.InputOptions{})
		if err != nil {
			t.Fatal(err)
		}
		n, ok := in.Timecode(media.NewRational(30, 1))
		coding, start := in.Audio().Codec, in.Audio().Start
		if in.Video() != nil || !ok || coding != "flac" {
			t.Errorf("%s: pictures %v, timecode %v, coded as %s", filepath.Base(f), in.Video() != nil, ok, coding)
		}
		in.Close()
		at[f], first[f], late[f] = int64(next), n, int(start.Seconds()*48000+0.5)
		if off := int(n)*1600 + late[f] - next; off < -48 || off > 48 { // Matroska counts in ms
			t.Errorf("%s says that it begins with sample %d, it is %d", filepath.Base(f), int(n)*1600+late[f], next)
		}
		b := decodeTrack(t, f, 0)
		for i := 0; i < len(b); i += 2 {
			if got := int(b[i]*32768+0.5) + 30000*int(b[i+1]*32768+0.5); got != next {
				t.Fatalf("%s: sample %d is %d, want %d", filepath.Base(f), i/2, got, next)
			}
			next++
		}
	}
	if next < 100*1600 || next > 100*1600+4608 { // the block that was being filled
		t.Errorf("it ends with sample %d, it was stopped at %d", next, 100*1600)
	}
	mics, _ := filepath.Glob(filepath.Join(dir, "iso", "* mic.mkv"))
	if len(mics) != 1 {
		t.Fatalf("the other one: %q", mics)
	}
	if got := levelAt(decodeTrack(t, mics[0], 0)[2*9600:4*9600], 600); got < 0.05 {
		t.Errorf("the tone is at %v", got)
	}
	wantSoundTracks(t, filepath.Join(dir, "show"), first)
}

// wantSoundTracks: each list has the song from tick 10 on, without a hole, each tick from
// where the file that it names has it.
func wantSoundTracks(t *testing.T, stem string, first map[string]int64) {
	t.Helper()
	type span struct{ from, frames, in int64 }
	check := func(list string, spans map[string]span) {
		t.Helper()
		frames := int64(0)
		for file, s := range spans {
			frames += s.frames
			if s.in != s.from-first[file] {
				t.Errorf("%s: at tick %d it asks for frame %d of %s, which begins at tick %d", list, s.from, s.in, filepath.Base(file), first[file])
			}
		}
		if len(spans) != len(first) || frames < 87 || frames > 90 {
			t.Errorf("%s: %d of %d files, %d frames", list, len(spans), len(first), frames)
		}
	}
	raw, err := os.ReadFile(stem + ".otio")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Start  struct{ Value float64 } `json:"global_start_time"`
		Tracks struct {
			Children []struct {
				Name, Kind string
				Enabled    *bool
				Children   []struct {
					Range struct {
						Start struct{ Value float64 } `json:"start_time"`
						Frame struct{ Value float64 } `json:"duration"`
					} `json:"source_range"`
					Media *struct {
						URL       string `json:"target_url"`
						Available struct {
							Start struct{ Value float64 } `json:"start_time"`
						} `json:"available_range"`
					} `json:"media_reference"`
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	spans := map[string]span{}
	for _, track := range doc.Tracks.Children {
		if track.Name != "Song" {
			continue
		}
		if track.Kind != "Audio" || track.Enabled == nil || *track.Enabled {
			t.Errorf("the song's track is %s, enabled %v", track.Kind, track.Enabled)
		}
		at := int64(doc.Start.Value)
		for _, c := range track.Children {
			if c.Media != nil {
				name := filepath.Join(filepath.Dir(stem), c.Media.URL)
				spans[name] = span{at, int64(c.Range.Frame.Value), int64(c.Range.Start.Value - c.Media.Available.Start.Value)}
			}
			at += int64(c.Range.Frame.Value)
		}
	}
	if len(doc.Tracks.Children) != 5 {
		t.Errorf("otio: %d tracks", len(doc.Tracks.Children))
	}
	check("otio", spans)

	edl, err := os.ReadFile(stem + ".edl")
	if err != nil {
		t.Fatal(err)
	}
	spans = map[string]span{}
	for _, m := range regexp.MustCompile(`(?m)^\d+  \S+ +A4 +C +(\S+) \S+ (\S+) (\S+)\n\* FROM CLIP NAME: Song\n\* SOURCE FILE: (.*)$`).FindAllStringSubmatch(string(edl), -1) {
		code := func(s string) int64 {
			n, err := av.ParseTimecode(s, media.NewRational(30, 1))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		spans[m[4]] = span{code(m[2]), code(m[3]) - code(m[2]), code(m[1]) - first[m[4]]}
	}
	check("edl", spans)

	xml, err := os.ReadFile(stem + ".fcpxml")
	if err != nil {
		t.Fatal(err)
	}
	spans = map[string]span{}
	asset := regexp.MustCompile(`<asset id="(r\d+)" name="([^"]* song[^"]*)" src="[^"]*" start="(\d+)/30s" duration="\d+/30s" hasAudio="1"`)
	for _, a := range asset.FindAllStringSubmatch(string(xml), -1) {
		clip := regexp.MustCompile(`<asset-clip name="Song" ref="` + a[1] + `" lane="-3" offset="(\d+)/30s" start="(\d+)/30s" duration="(\d+)/30s" tcFormat="NDF" srcEnable="audio" enabled="0">`).FindStringSubmatch(string(xml))
		if clip == nil {
			t.Fatalf("fcpxml: nothing of %s", a[2])
		}
		n := func(s string) int64 { v, _ := strconv.ParseInt(s, 10, 64); return v }
		spans[filepath.Join(filepath.Dir(stem), "iso", a[2])] = span{n(clip[1]), n(clip[3]), n(clip[2]) - n(a[3])}
	}
	check("fcpxml", spans)
}

// TestISOOfSoundInOtherContainers: coded as the rendition's sound, with the right length.
func TestISOOfSoundInOtherContainers(t *testing.T) {
	for _, container := range []string{"mp4", "mov", "ts"} {
		t.Run(container, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := newStudio(t, parse(t, soundShow(t, dir, fmt.Sprintf(`"container":%q,`, container))), media.NewVirtualClock(), func(o *Options) {
				realRecords(o)
				o.CutLists, o.Ticks = true, 70
				o.Commands = []Timed{{10, &StartISO{Sources: []string{"song"}}}, {60, &StopISO{}}}
			})
			s.run(t, t.Context(), time.Minute)
			if r := s.State().ISOs[1].Recording; r.Files != 1 || r.Checked != 1 || r.Problem != "" {
				t.Errorf("read again: %+v", r)
			}
			journals, _ := filepath.Glob(filepath.Join(dir, "iso", "*"+SessionExtension))
			if len(journals) != 1 {
				t.Fatalf("journals %q", journals)
			}
			journal, err := ReadSession(journals[0])
			if err != nil || len(journal.History.Files) != 1 {
				t.Fatalf("%+v, %v", journal, err)
			}
			f := journal.History.Files[0]
			if !f.NoPictures || f.First != 10 || f.Frames < 50 || f.Frames > 52 {
				t.Errorf("it is said to have %+v", f)
			}
			b := decodeTrack(t, f.Path, 0)
			if n := len(b) / 2; n < 50*1600-1024 || n > 50*1600+3*1024 {
				t.Errorf("it has %d samples of %d", n, 50*1600)
			}
		})
	}
}

// TestRecutWithSoundAlone: a show whose sound came from a source of sound alone sounds the
// same when it is cut again.
func TestRecutWithSoundAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newStudio(t, parse(t, soundShow(t, dir, "")), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks = true, 100
		o.Commands = []Timed{{10, &StartRecording{}}, {90, &StopRecording{}}}
	})
	s.run(t, t.Context(), time.Minute)
	path, r := cutAgain(t, dir)
	if !slices.Equal(r.Live, []string{"cam2"}) {
		t.Errorf("live are %q", r.Live)
	}
	a, b := decodeTrack(t, filepath.Join(dir, "show.mkv"), 0), decodeTrack(t, path, 0)
	for _, at := range []int{24000, 72000, 110000} {
		x, y := levelAt(a[2*at:2*at+19200], 600), levelAt(b[2*at:2*at+19200], 600)
		if x < 0.01 || y < x*0.9 || y > x*1.1 {
			t.Errorf("at sample %d the tone is at %.5f, the show had %.5f", at, y, x)
		}
	}
}
