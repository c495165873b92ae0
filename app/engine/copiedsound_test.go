package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// sweep is a sound of which every moment is unlike every other: two tones that rise, as
// FFmpeg's aevalsrc makes it.
const sweep = "aevalsrc=0.3*sin(2*PI*(300*t+70*t*t))+0.2*sin(2*PI*(1500*t+31*t*t)):s=48000:c=stereo:d="

// codings of sound alone, by the extension of their files.
var codings = map[string][]string{
	"m4a": {"-c:a", "aac", "-b:a", "128k", "-aac_pns", "0"}, "opus": {"-c:a", "libopus", "-b:a", "96k"}, "mp3": {"-c:a", "libmp3lame", "-b:a", "128k"},
}

// codedSound writes seconds of the sweep, coded as the extension says.
func codedSound(t testing.TB, dir, extension string, seconds int) string {
	t.Helper()
	path := filepath.Join(dir, "song."+extension)
	run(t, "ffmpeg", append(append([]string{"-v", "error", "-f", "lavfi", "-i", sweep + strconv.Itoa(seconds)}, codings[extension]...), path)...)
	return path
}

// packetSums are the MD5 of a file's packets of sound, as another demuxer reads them.
func packetSums(t testing.TB, path string) (out []string) {
	t.Helper()
	for line := range strings.Lines(string(run(t, "ffmpeg", "-v", "error", "-i", path, "-map", "0:a:0", "-c", "copy", "-f", "framemd5", "-"))) {
		if f := strings.Split(strings.TrimSpace(line), ","); !strings.HasPrefix(line, "#") && len(f) > 5 {
			out = append(out, strings.TrimSpace(f[5]))
		}
	}
	return out
}

// placedSound is the sound of a file as another player has it, on the left, from studio
// sample at on.
type placedSound struct {
	path    string
	at      int
	samples []float32
	lead    int // silence before the first sound
}

func (p *placedSound) end() int { return p.at + len(p.samples) }

// placed decodes a file and places it by its timecode and its time stamps.
func placed(t testing.TB, path string) placedSound {
	t.Helper()
	in, err := av.OpenInput(t.Context(), path, av.InputOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n, ok := in.Timecode(media.NewRational(30, 1))
	in.Close()
	if !ok {
		t.Fatalf("%s has no timecode", filepath.Base(path))
	}
	raw := run(t, "ffmpeg", "-v", "error", "-copyts", "-i", path, "-map", "0:a:0", "-af", "aresample=48000:async=1:first_pts=0", "-f", "f32le", "-ac", "2", "-")
	p := placedSound{path: path, at: int(n) * 1600, samples: make([]float32, len(raw)/8)}
	for i := range p.samples {
		p.samples[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[8*i:]))
	}
	for p.lead < len(p.samples) && p.samples[p.lead] == 0 {
		p.lead++
	}
	return p
}

// unlike is how much of a stretch of b is not that of a, so many samples later, from 0 (the same) on.
func unlike(a, b []float32, later int) float64 {
	var diff, all float64
	for i := range b {
		if j := i + later; j >= 0 && j < len(a) {
			d := float64(a[j]) - float64(b[i])
			diff += d * d
			all += float64(b[i]) * float64(b[i])
		}
	}
	return math.Sqrt(diff / max(all, 1e-9))
}

// tenth is the stretch that sounds are compared by, in samples.
const tenth = 4800

// inPlace compares length samples from studio sample at on: by how many samples got is later,
// at most within, and how unlike it is then; 9 where one has none of it.
func inPlace(got, want placedSound, at, length, within int) (later int, noise float64) {
	a, b := at-got.at-within, at-want.at
	if a < 0 || b < 0 || b+length > len(want.samples) || a+length > len(got.samples) {
		return 0, 9
	}
	noise = math.Inf(1)
	for d := 0; d <= 2*within; d++ {
		if v := unlike(got.samples[a:min(a+length+2*within, len(got.samples))], want.samples[b:b+length], d); v < noise {
			noise, later = v, d-within
		}
	}
	return later, noise
}

// wantInPlace compares two placed sounds between studio samples from and to, each tenth of a
// second by itself: it is the same sound but for noise, at most within samples from its place.
// It returns how many tenths there were.
func wantInPlace(t testing.TB, got, want placedSound, from, to, within int, noise float64) (n int) {
	t.Helper()
	for at := from; at+tenth <= to; at += tenth {
		switch off, v := inPlace(got, want, at, tenth, within); {
		case v == 9:
			continue
		case v > noise:
			t.Errorf("%s: at %.3f s of the show it is another sound (%.3f is different at best, %d samples later)", filepath.Base(got.path), float64(at)/48000, v, off)
		}
		n++
	}
	return n
}

// songShow records a file of sound alone on its own, beside a programme that has nothing else to
// hear.
func songShow(dir, song, more, codec string) string {
	doc := isoShow(dir)
	doc = strings.Replace(doc, `"sources":[`, fmt.Sprintf(`"sources":[{"id":"song","name":"Song","kind":"file","settings":{"path":%q%s}},`, song, more), 1)
	doc = strings.ReplaceAll(doc, `"gain_db":-40`, `"muted":true`)
	return strings.Replace(doc, `"iso":{"sources":["cam1","cam2"],`, fmt.Sprintf(`"iso":{"codec":%q,"sources":["song"],`, codec), 1)
}

// ownFiles are the files of a source's own recording, in order.
func ownFiles(t testing.TB, dir, id string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "iso", "* "+id+"*.*"))
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return !slices.Contains([]string{".mkv", ".mp4", ".mov", ".ts"}, filepath.Ext(f)) })
	slices.SortFunc(files, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return files
}

// TestCopiedSoundAlone: of a file of sound that is cut, sought in and paused, the packets are
// written as they are, and each sound lies where the studio had it.
func TestCopiedSoundAlone(t *testing.T) {
	for extension := range codings {
		t.Run(extension, func(t *testing.T) {
			t.Parallel()
			song := codedSound(t, t.TempDir(), extension, 9)
			play := func(codec string, cut bool) string {
				dir := t.TempDir()
				s := newStudio(t, parse(t, songShow(dir, song, "", codec)), media.NewVirtualClock(), func(o *Options) {
					realRecords(o)
					o.CutLists, o.Ticks = true, 200
					o.Commands = []Timed{
						{30, &StartRecording{}}, {90, &Seek{Source: "song", Position: 5.5}}, {120, &Pause{Source: "song", Paused: true}},
						{140, &Pause{Source: "song"}}, {190, &StopRecording{}},
					}
					if cut {
						o.Commands = slices.Insert(o.Commands, 1, Timed{60, &SplitRecording{}})
					}
				})
				s.run(t, t.Context(), time.Minute)
				st := s.State()
				for _, w := range st.Warnings {
					t.Error(w.Text)
				}
				v := st.ISOs[0]
				if r := v.Recording; r.Checked != r.Files || r.Problem != "" || v.Problem != "" || !v.SoundOnly {
					t.Errorf("%s: %+v, problem %q, sound alone %v", codec, r, v.Problem, v.SoundOnly)
				}
				return dir
			}
			dir := play("copy", true)
			var files []placedSound
			var sums []string
			all := packetSums(t, song)
			for _, f := range ownFiles(t, dir, "song") {
				files = append(files, placed(t, f))
				list := packetSums(t, f)
				i := slices.Index(all, list[0])
				if i < 0 || i+len(list) > len(all) || !slices.Equal(all[i:i+len(list)], list) {
					t.Errorf("%s has other packets than the source", filepath.Base(f))
				}
				sums = append(sums, list...)
			}
			if len(files) != 4 || len(sums) < 130*1600/1152 {
				t.Fatalf("%d files, %d packets", len(files), len(sums))
			}
			list := ownFiles(t, play("encode", false), "song")
			if len(list) != 1 {
				t.Fatalf("encoded: %q", list)
			}
			heard := placed(t, list[0])
			const tick = 1600
			for i, span := range [][2]int{{30, 60}, {60, 90}, {90, 120}, {140, 190}} {
				f, from, to := files[i], span[0]*tick, span[1]*tick
				begins := f.at + f.lead
				if late := begins - from; late > 48 && i < 2 || late > 3*tick || late < -110*48 {
					t.Errorf("file %d begins %d samples after tick %d", i+1, late, span[0])
				}
				if late := f.end() - to; late < -48 || late > tick {
					t.Errorf("file %d ends %d samples after tick %d", i+1, late, span[1])
				}
				if i > 1 {
					from += 3 * tick // the studio and decoders begin softly there
				}
				// Matroska counts in ms, as does its reader what Opus leaves out.
				if n := wantInPlace(t, f, heard, from, to, 96, 0.1); n < (to-from)/tenth-1 {
					t.Errorf("file %d: %d tenths compared", i+1, n)
				}
			}
		})
	}
}
