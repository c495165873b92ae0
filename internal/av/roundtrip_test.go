package av

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestRoundTrip writes numbered pictures and clicking sound that begin in the middle
// of a show, and reads them back from every container.
func TestRoundTrip(t *testing.T) {
	const first, n, gop = 300, 150, 60
	for _, c := range []struct {
		format  string
		audio   media.Codec
		bframes int
		file    bool
		slack   time.Duration // of the container's clock
	}{
		{"matroska", media.AAC, -1, true, time.Millisecond},
		{"matroska", media.Opus, 0, true, time.Millisecond},
		{"matroska", media.AAC, 2, false, time.Millisecond},
		{"mp4", media.AAC, -1, true, time.Microsecond},
		{"mp4", media.AAC, 0, true, time.Microsecond},
		{"mp4", media.Opus, 2, true, time.Microsecond},
		{"mp4", media.AAC, 2, false, time.Microsecond},
		{"mpegts", media.AAC, -1, false, 20 * time.Microsecond},
		{"mpegts", media.AAC, 0, true, 20 * time.Microsecond},
		{"mpegts", media.Opus, 0, true, 20 * time.Microsecond},
		{"flv", media.AAC, 0, true, time.Millisecond},
		{"flv", media.AAC, 2, false, time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%s/%s/b%d/file=%v", c.format, c.audio, c.bframes, c.file), func(t *testing.T) {
			ve := x264(t, VideoEncoderOptions{GOP: gop, BFrames: c.bframes})
			ae, err := NewAudioEncoder(AudioEncoderOptions{Codec: c.audio})
			if err != nil {
				t.Fatal(err)
			}
			defer ae.Close()
			video := encoded(t, ve, first, n)
			audio := encodedSound(t, ae, first*1600, n*1600)
			path := filepath.Join(t.TempDir(), "out."+c.format)
			opt := MuxerOptions{Format: c.format, Tracks: []media.Track{ve.Track(), ae.Track()}, StartAtZero: true}
			var buf bytes.Buffer
			if c.file {
				opt.Path = path
			} else {
				opt.Write = func(b []byte) error { buf.Write(b); return nil }
			}
			m, err := NewMuxer(opt)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range interleave(video, audio, ve.Track().TimeBase, ae.Track().TimeBase) {
				if err := m.WritePacket(p); err != nil {
					t.Fatal(err)
				}
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			if !c.file {
				if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			checkFile(t, path, first, n, gop, c.slack)
		})
	}
	noLeaks(t)
}

func checkFile(t *testing.T, path string, first, n, gop int, slack time.Duration) {
	t.Helper()
	p := ffprobe(t, path)
	var keys []int
	pictures := 0
	for _, k := range p.Packets {
		if k.Type != "video" {
			continue
		}
		if k.Flags[0] == 'K' {
			keys = append(keys, pictures)
		}
		pictures++
	}
	if pictures != n {
		t.Errorf("got %d pictures, want %d", pictures, n)
	}
	for i, k := range keys {
		if k != i*gop {
			t.Errorf("got keyframe %d at picture %d, want %d", i, k, i*gop)
		}
	}
	in := open(t, t.Context(), path, InputOptions{})
	var start time.Duration
	got, wrong := 0, 0
	var c clicks
	decoded(t, in, VideoDecoderOptions{Canvas: media.ColorInfo{Matrix: media.BT709, Range: media.Limited}}, func(f *media.Frame) {
		if got == 0 {
			start = f.PTS
		}
		if num := readNumber(f); num != int64(first+got) {
			t.Errorf("got picture number %d, want %d", num, first+got)
		}
		want := start + media.TickTime(int64(got), fps30)
		if d := f.PTS - want; d < -slack || d > slack {
			if wrong++; wrong > 2 {
				got++
				return
			}
			t.Errorf("got picture %d at %v, want %v", got, f.PTS, want)
		}
		got++
	}, c.hear)
	if got != n {
		t.Errorf("decoded %d pictures, want %d", got, n)
	}
	if start < 0 || start > 100*time.Millisecond {
		t.Errorf("got the first picture at %v, want it near 0", start)
	}
	// The click is in the middle of each second, and picture 30 s begins it.
	for i, at := range c.at {
		want := start + time.Duration(i)*time.Second + 500*time.Millisecond
		if d := (at - want).Seconds(); math.Abs(d) > 0.0025 {
			t.Errorf("got click %d %.4f s from its picture", i, d)
		}
	}
	if len(c.at) != n/30 {
		t.Errorf("got %d clicks, want %d", len(c.at), n/30)
	}
}
