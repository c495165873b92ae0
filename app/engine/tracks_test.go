package engine

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/record"
	"crosspoint.studio/crosspoint/scenes"
)

// tracksShow has nine sources with a tone each, a bus for each of the first eight, and a
// recording of all buses and the programme.
func tracksShow(path, codec string) string {
	var sources, buses, tracks []string
	for i := range 9 {
		send := ""
		if i < 8 {
			send = fmt.Sprintf(`{"bus":"t%d","pre":true}`, i)
			buses = append(buses, fmt.Sprintf(`{"id":"t%d"}`, i))
			tracks = append(tracks, fmt.Sprintf(`{"bus":"t%d","name":"Track %d"}`, i, i))
		}
		sources = append(sources, fmt.Sprintf(`{"id":"s%d","kind":"paced","settings":{"tone":%d,"audio_only":true},"audio":{"sends":[%s]}}`, i, 500*(i+1), send))
	}
	tracks = append(tracks, `{"name":"Programme"}`)
	return fmt.Sprintf(`{"format":2,"canvas":{"width":64,"height":48,"fps":"30"},"sources":[%s],"buses":[%s],
		"renditions":[{"id":"main","video":{"codec":"%s"}}],"recordings":[{"id":"rec","settings":{"path":%s},"tracks":[%s]}]}`,
		strings.Join(sources, ","), strings.Join(buses, ","), codec, strconv.Quote(path), strings.Join(tracks, ","))
}

// TestRecordingOfManyTracks: nine named tracks in the file, each with its bus's sound
// and nothing else, in step with each other to the sample.
func TestRecordingOfManyTracks(t *testing.T) {
	for extension, codec := range map[string]string{"mkv": "h264", "mp4": "h264", "mov": "prores", "ts": "h264"} {
		t.Run(extension+" "+codec, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tracks."+extension)
			s := newStudio(t, parse(t, tracksShow(path, codec)), media.NewVirtualClock(), func(o *Options) {
				o.Ticks, o.Commands = 90, []Timed{{0, &StartRecording{}}}
				o.OutputKinds = map[string]outputs.Kind{"record": record.Kind()}
			})
			s.run(t, t.Context(), time.Minute)
			if rec := s.State().Recordings[0]; rec.Problem != "" || rec.Recording.Problem != "" || rec.Recording.Checked != 1 {
				t.Fatalf("the recording: %s, %+v", rec.Problem, rec.Recording)
			}
			if codec == "prores" {
				if got := string(run(t, "ffprobe", "-v", "error", "-select_streams", "v", "-count_packets", "-show_entries", "stream=codec_name,nb_read_packets", "-of", "csv=p=0", path)); got != "prores,90\n" {
					t.Errorf("the pictures are %q", got)
				}
			}
			titles := run(t, "ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "stream=codec_name:stream_tags=title,handler_name", "-of", "csv=p=0", path)
			lines := strings.Split(strings.TrimSpace(string(titles)), "\n")
			if extension == "ts" { // whose programme lists them as well
				lines = slices.DeleteFunc(lines, func(s string) bool { return s == "" })
				lines = lines[len(lines)/2:]
			}
			if len(lines) != 9 {
				t.Fatalf("%d sound tracks: %q", len(lines), lines)
			}
			for i, line := range lines {
				want := fmt.Sprintf("Track %d", i)
				if i == 8 {
					want = "Programme"
				}
				if extension != "ts" && !strings.Contains(line, want) { // which knows no names
					t.Errorf("track %d is called %q, want %q", i, line, want)
				}
			}
			var first []float32
			for i := range 9 {
				b := decodeTrack(t, path, i)
				if i == 0 {
					first = b
				}
				if d := len(b) - len(first); d != 0 {
					t.Errorf("track %d has %d samples more than the first", i, d)
				}
				for k := range 9 {
					got := levelAt(b[48000:48000+2*9600], float64(500*(k+1)))
					if own := k == i || i == 8; own != (got > 0.02) {
						t.Errorf("track %d: %d Hz is at %.4f", i, 500*(k+1), got)
					}
				}
			}
		})
	}
}

// run runs one of FFmpeg's programs.
func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), testkit.Program(t, name), args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

// decodeTrack is a file's i-th sound track, interleaved stereo.
func decodeTrack(t *testing.T, path string, i int) []float32 {
	t.Helper()
	raw := run(t, "ffmpeg", "-v", "error", "-i", path, "-map", fmt.Sprintf("0:a:%d", i), "-f", "f32le", "-ac", "2", "-ar", "48000", "-")
	b := make([]float32, len(raw)/4)
	for i := range b {
		b[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return b
}

// levelAt is the amplitude of a tone on the left, over whole periods of 500 Hz.
func levelAt(b []float32, hz float64) float64 {
	var re, im float64
	n := len(b) / 2
	for i := range n {
		phase := 2 * math.Pi * hz * float64(i) / 48000
		re += float64(b[2*i]) * math.Cos(phase)
		im += float64(b[2*i]) * math.Sin(phase)
	}
	return 2 * math.Hypot(re, im) / float64(n)
}

// TestBusGoesWhileRecorded: it cannot be removed; where a show without it takes the place of
// this one, its track goes on with the programme's sound, the others as they were.
func TestBusGoesWhileRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tracks.mkv")
	show := parse(t, tracksShow(path, "h264"))
	without, err := show.RemoveBus("t3", true)
	if err != nil {
		t.Fatal(err)
	}
	s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks, o.Commands = 90, []Timed{{0, &StartRecording{}}, {20, &RemoveBus{ID: "t3", Cascade: true}}, {50, &ReplaceShow{without}}}
		o.OutputKinds = map[string]outputs.Kind{"record": record.Kind()}
	})
	s.run(t, t.Context(), time.Minute)
	if n := s.State().RefusedCommands; n != 1 {
		t.Errorf("%d commands were refused, want one", n)
	}
	for _, c := range []struct {
		track, frame int
		own, another bool // are heard
	}{
		{3, 24000, true, false}, {3, 60000, true, false}, {3, 96000, true, true},
		{4, 24000, true, false}, {4, 60000, true, false}, {4, 96000, true, false},
	} {
		b := decodeTrack(t, path, c.track)[2*c.frame:][:2*9600]
		own, another := levelAt(b, float64(500*(c.track+1))) > 0.02, levelAt(b, 500) > 0.02
		if own != c.own || another != c.another {
			t.Errorf("track %d at frame %d: its own sound is heard: %v, another: %v; want %v, %v", c.track, c.frame, own, another, c.own, c.another)
		}
	}
}

// TestDestinationHasItsOwnMix: it names a bus, and so does its rendition for others.
func TestDestinationHasItsOwnMix(t *testing.T) {
	dir := t.TempDir()
	show := parse(t, tracksShow("x.mkv", "h264"))
	kinds := map[string]outputs.Kind{"record": record.Kind()}
	for i, bus := range []string{"t2", ""} {
		d := scenes.Destination{ID: fmt.Sprint("d", i), Kind: "record", Bus: bus, Enabled: true,
			Settings: json.RawMessage(`{"path":` + strconv.Quote(filepath.Join(dir, fmt.Sprint(i, ".mkv"))) + `}`)}
		var err error
		if show, err = show.SetDestination(d); err != nil {
			t.Fatal(err)
		}
	}
	r := show.Renditions[0]
	r.Audio.Bus = "t5"
	show, err := show.SetRendition(r)
	if err != nil {
		t.Fatal(err)
	}
	s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks, o.Commands, o.OutputKinds = 60, []Timed{{0, &GoLive{}}}, kinds
	})
	s.run(t, t.Context(), time.Minute)
	for i, own := range []int{2, 5} {
		b := decodeTrack(t, filepath.Join(dir, fmt.Sprint(i, ".mkv")), 0)
		for k := range 9 {
			if got := levelAt(b[48000:48000+2*9600], float64(500*(k+1))) > 0.02; got != (k == own) {
				t.Errorf("destination %d: %d Hz heard %v", i, 500*(k+1), got)
			}
		}
	}
}

// TestDestinationTracks: a destination's tracks of sound are its buses where its protocol
// carries several, and the first where it does not, which is said.
func TestDestinationTracks(t *testing.T) {
	show := parse(t, `{"format":2,"canvas":{"width":64,"height":48,"fps":"30"},"sources":[{"id":"a","kind":"paced"}],"buses":[{"id":"crowd"}],
		"destinations":[{"id":"many","name":"Many","kind":"fake","settings":{"to":"many"},"tracks":[{"name":"Programme"},{"bus":"crowd","name":"Crowd"}]},
		 {"id":"one","name":"One","kind":"webrtc","settings":{"to":"one"},"tracks":[{"bus":"crowd","name":"Crowd"},{}]},
		 {"id":"plain","kind":"fake","settings":{"to":"plain"},"bus":"crowd"}]}`)
	o := newOuts()
	kinds := o.kinds()
	many := kinds["fake"]
	many.SoundTracks = 2
	kinds["fake"] = many
	var warnings []Warning
	s := newStudio(t, show, media.NewVirtualClock(), func(opt *Options) {
		opt.Ticks, opt.Commands, opt.OutputKinds = 60, []Timed{{Command: &GoLive{}}, {50, &lookAtWarnings{&warnings}}}, kinds
	})
	s.run(t, t.Context(), time.Minute)
	for name, want := range map[string][]string{"many": {"Programme", "Crowd"}, "one": {"Crowd"}, "plain": {""}} {
		r := o.of(name)
		var titles []string
		for _, v := range r.tracks[1:] {
			titles = append(titles, v.Title)
		}
		blocks := map[int]int{}
		for _, p := range r.packets {
			blocks[p.Track]++
		}
		if !slices.Equal(titles, want) || len(blocks) != 1+len(want) {
			t.Errorf("%s has the tracks %q with %v packets, want %q", name, titles, blocks, want)
		}
	}
	said := slices.ContainsFunc(warnings, func(w Warning) bool {
		return strings.Contains(w.Text, "One: webrtc does not carry 2 tracks of sound, so only Crowd is sent.")
	})
	if !said || len(warnings) != 1 {
		t.Errorf("warnings: %+v", warnings)
	}
	if left := s.State().Warnings; len(left) != 0 {
		t.Errorf("after the end: %+v", left)
	}
}

// lookAtWarnings notes what the operator is told at its tick.
type lookAtWarnings struct{ to *[]Warning }

func (c *lookAtWarnings) apply(e *Engine) error {
	*c.to = e.warn.all()
	return nil
}
