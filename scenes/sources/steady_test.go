package sources

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

func TestSteadyFollows(t *testing.T) {
	type packet struct {
		stream int
		dts    float64
	}
	const v, a = pictures, sound
	for _, c := range []struct {
		name    string
		packets []packet
		want    []float64
		jumps   int
	}{
		{"in order", []packet{{v, 0}, {a, 0}, {v, 1}, {a, 1}}, []float64{0, 0, 1, 1}, 0},
		{"an hour ahead, pictures first", []packet{{v, 0}, {a, 0}, {v, 0.1}, {a, 0.1}, {v, 3600.2}, {a, 0.2}, {a, 3600.3}, {v, 3600.3}}, []float64{0, 0, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3}, 1},
		{"an hour back, sound first", []packet{{v, 3600}, {a, 3600}, {v, 3600.1}, {a, 3600.1}, {a, 0.2}, {v, 3600.2}, {v, 0.3}, {a, 0.3}}, []float64{3600, 3600, 3600.1, 3600.1, 3600.2, 3600.2, 3600.3, 3600.3}, 1},
		{"there and back", []packet{{a, 0}, {a, 0.1}, {a, 3600}, {a, 3600.1}, {a, 0.4}}, []float64{0, 0.1, 0.2, 0.3, 0.4}, 2},
		{"streams apart", []packet{{v, 0}, {v, 0.04}, {a, 0}, {a, 0.02}, {v, 30}, {a, 0.04}}, []float64{0, 0.04, 0, 0.02, 30, 0.04}, 0},
		{"a slide beside sound", []packet{{v, 0}, {a, 0}, {a, 50}, {a, 100}, {a, 150}, {v, 200}, {a, 200}}, []float64{0, 0, 50, 100, 150, 200, 200}, 0},
		{"slides", []packet{{v, 0}, {v, 300}, {v, 700}}, []float64{0, 300, 700}, 0},
		{"slides after the sound", []packet{{v, 0}, {a, 0}, {v, 50}, {v, 100}, {v, 300}}, []float64{0, 0, 50, 100, 300}, 0},
	} {
		s := &steady{}
		for i, p := range c.packets {
			at := seconds(p.dts)
			got := at + s.follow(p.stream, at)
			if (got - seconds(c.want[i])).Abs() > time.Microsecond {
				t.Errorf("%s: packet %d is at %v, want %v s", c.name, i, got, c.want[i])
			}
		}
		if s.jumps != c.jumps {
			t.Errorf("%s: %d jumps, want %d", c.name, s.jumps, c.jumps)
		}
	}
}

// joined is two transport streams in one file, as recorders that are started anew leave
// them.
func joined(t *testing.T, second ...string) string {
	t.Helper()
	dir := t.TempDir()
	var all []byte
	for i, options := range [][]string{nil, second} {
		path := makeFile(t, filepath.Join(dir, string(rune('a'+i))+".ts"), clip, append(slices.Clone(x264), options...)...)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, raw...)
	}
	path := filepath.Join(dir, "joined.ts")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A file whose time stamps jump plays all its pictures and all its sound, in step, and the
// operator is told.
func TestFileJumps(t *testing.T) {
	for name, offset := range map[string]string{"an hour ahead": "3600", "to the start": "0"} {
		path := joined(t, "-output_ts_offset", offset)
		sink := playFile(t, settingsOf("path", path, "hardware", "off"), virtual(fps25), 1000)
		got := numbers(sink.frames)
		if len(got) < 98 || len(got) > 103 || sink.pts[len(got)-1] > 4200*time.Millisecond {
			t.Errorf("%s: %d pictures until %v, want 100 in 4 s", name, len(got), sink.pts[len(got)-1])
		}
		for _, n := range upTo(0, 50) {
			if i := slices.Index(got, n); i < 0 || slices.Index(got[i+1:], n) < 0 {
				t.Errorf("%s: picture %d does not come twice: %v", name, n, got)
			}
		}
		if n := len(sink.sound); n < 2*media.SampleRateHz*39/10 || n > 2*media.SampleRateHz*42/10 {
			t.Errorf("%s: %d audio frames, want 4 s", name, n/2)
		}
		// Beeps are at the flashes, numbers 0 and 25.
		heard := beeps(sink.sound)
		if len(heard) < 3 {
			t.Errorf("%s: %d beeps in 4 s", name, len(heard))
		}
		for _, at := range heard {
			i := slices.IndexFunc(sink.pts, func(p time.Duration) bool {
				return p > time.Duration(at)*time.Second/media.SampleRateHz-20*time.Millisecond
			})
			if i < 0 || got[i]%25 > 1 && got[i]%25 < 24 {
				t.Errorf("%s: a beep at audio frame %d, where the picture is another", name, at)
			}
		}
		if n := len(beeps(sink.sound)); n != 4 {
			t.Errorf("%s: %d beeps, want 4", name, n)
		}
		if want := "its time stamps jump by "; !strings.Contains(sink.text, want) || !strings.Contains(sink.text, "goes on from there") {
			t.Errorf("%s: said %q", name, sink.text)
		}
	}
}

// Sound that changes its rate and its channels is told, and goes on.
func TestFileChangesItsSound(t *testing.T) {
	path := joined(t, "-output_ts_offset", "2", "-ar", "44100", "-ac", "1")
	sink := playFile(t, settingsOf("path", path, "hardware", "off"), virtual(fps25), 1000)
	if want := "; its sound has become 44.1 kHz mono"; !strings.Contains(sink.text, want) || !strings.Contains(sink.text, "aac 48 kHz stereo") {
		t.Errorf("said %q, want it to contain %q", sink.text, want)
	}
	if want := "It changed from 48 kHz stereo to 44.1 kHz mono; that is converted, and its sound goes on."; !slices.Equal(sink.changes, []string{want}) {
		t.Errorf("said of the change: %q", sink.changes)
	}
	if n := len(beeps(sink.sound)); n != 4 {
		t.Errorf("%d beeps, want 4", n)
	}
}

// After a seek into Matroska the first pictures have no DTS where there are B-frames, which
// is no jump from zero.
func TestFileWithoutDTS(t *testing.T) {
	m := clip
	m.silent = true
	path := makeFile(t, filepath.Join(t.TempDir(), "far.mkv"), m, append(slices.Clone(x264), "-bf", "2", "-fps_mode", "passthrough",
		"-vf", "setpts=if(gte(N\\,25)\\,PTS+1200/TB\\,PTS)")...)
	sink := playFile(t, settingsOf("path", path, "in", 1201, "hardware", "off"), virtual(fps25), 1000)
	if got := numbers(sink.frames); !slices.Equal(got, upTo(25, 50)) {
		t.Errorf("pictures %v, want 25 to 49", got)
	}
	if strings.Contains(sink.text, "time stamps") {
		t.Errorf("said %q", sink.text)
	}
}
