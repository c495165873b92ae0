package av

import (
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// Pictures that were left out before the encoder leave a gap, and every other keeps its time,
// whatever the container: where the gap falls, in a fragment or between two, with pictures
// out of display order or without.
func TestGapsMoveNoPicture(t *testing.T) {
	const length = 150
	gone := func(n int64) bool {
		return n == 20 || n >= 32 && n < 35 || n >= 60 && n < 70 || n > 80 && n < 140 && n%7 < int64(1+n%5)
	}
	for _, format := range []string{"mp4", "mov", "matroska", "mpegts"} {
		for _, bframes := range []int{0, 2} {
			e := x264(t, VideoEncoderOptions{GOP: 30, BFrames: bframes})
			pool := media.NewFramePool(media.I420, e.opt.Width, e.opt.Height, 2)
			sound, err := NewAudioEncoder(AudioEncoderOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer sound.Close()
			path := filepath.Join(t.TempDir(), "gaps."+format)
			m, err := NewMuxer(MuxerOptions{Format: format, Path: path, Tracks: []media.Track{e.Track(), sound.Track()}, FragmentDuration: 250 * time.Millisecond, StartAtZero: true})
			if err != nil {
				t.Fatal(err)
			}
			var sent []int64
			put := func(packets []*media.Packet, err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range packets {
					if err := m.WritePacket(p); err != nil {
						t.Fatal(err)
					}
				}
			}
			for n := range int64(length) {
				blocks, err := sound.Encode(tone(n*1600, 1600), n*1600)
				for _, b := range blocks {
					b.Track = 1
				}
				put(blocks, err)
				if gone(n) {
					continue
				}
				sent = append(sent, n)
				f := pool.Get()
				f.Color = e.opt.Color
				drawNumber(f, n)
				p, err := e.Encode(f, n, false)
				f.Release()
				put(p, err)
			}
			put(e.Flush())
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			in := open(t, t.Context(), path, InputOptions{})
			i, zero := 0, time.Duration(0)
			decoded(t, in, VideoDecoderOptions{}, func(f *media.Frame) {
				if i == 0 {
					zero = f.PTS
				}
				if i >= len(sent) {
					t.Fatalf("%s, %d B: more pictures than the %d sent", format, bframes, len(sent))
				}
				n, at := readNumber(f), f.PTS-zero
				if want := media.TickTime(sent[i], fps30); n != sent[i] || (at-want).Abs() > time.Millisecond {
					t.Errorf("%s, %d B: picture %d at %v, want picture %d at %v", format, bframes, n, at, sent[i], want)
				}
				i++
			}, nil)
			if i != len(sent) {
				t.Errorf("%s, %d B: %d pictures of %d", format, bframes, i, len(sent))
			}
		}
	}
}

// A hole that is too long to be filled is told once, and the sound goes on behind it at its
// own time.
func TestLongHoleInSound(t *testing.T) {
	const block, before, after = 1600, 10, 100
	const behind = 11 * media.SampleRateHz
	for _, codec := range []media.Codec{media.AAC, media.Opus, media.FLAC} {
		e, err := NewAudioEncoder(AudioEncoderOptions{Codec: codec})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		delay := int64(e.Track().Delay)
		var packets []*media.Packet
		said := 0
		for n := range int64(before + after) {
			at := n * block
			if n >= before {
				at = behind + (n-before)*block
			}
			out, err := e.Encode(tone(at, block), at)
			if err != nil {
				said++
				if n != before {
					t.Errorf("%s, block %d: %v", codec, n, err)
				}
			}
			packets = append(packets, out...)
		}
		out, err := e.Flush()
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, out...)
		if said != 1 {
			t.Errorf("%s: the hole is told %d times, want once", codec, said)
		}
		end, holes := packets[0].PTS, 0
		for i, p := range packets {
			switch gap := p.PTS - end; {
			case gap == 0:
			case p.PTS >= behind-delay && end <= before*block+int64(e.size):
				holes++
			default:
				t.Errorf("%s, packet %d: it begins %d audio frames behind the one before", codec, i, gap)
			}
			if p.Time != media.TimeOf(p.PTS, e.Track().TimeBase) {
				t.Errorf("%s, packet %d: its time is %v, its PTS %d", codec, i, p.Time, p.PTS)
			}
			end = p.PTS + p.Duration
		}
		if last := int64(behind + after*block); holes != 1 || end < last-delay || end > last+int64(2*e.size) {
			t.Errorf("%s: %d holes, and its end is at %d, want one and %d", codec, holes, end, last)
		}
	}
}
