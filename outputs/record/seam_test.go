//go:build linux

package record

import (
	"errors"
	"io"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
)

// heardOf decodes a file's sound, on the left, from so many samples before its first picture on
// (at is negative then).
func heardOf(t *testing.T, path string) (samples []float32, at int64) {
	t.Helper()
	in, err := av.OpenInput(t.Context(), path, av.InputOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	dec, err := av.NewAudioDecoder(in.Audio())
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	p := av.NewInputPacket()
	defer p.Free()
	picture, first := time.Duration(math.MinInt64), time.Duration(math.MinInt64)
	take := func() {
		for {
			b, err := dec.Receive()
			if err != nil {
				if !errors.Is(err, av.ErrAgain) && !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				return
			}
			if first == math.MinInt64 {
				first = b.PTS
			}
			for i := 0; i < len(b.Samples); i += media.Channels {
				samples = append(samples, b.Samples[i])
			}
		}
	}
	for in.ReadPacket(p) == nil {
		if v := in.Video(); p.Stream == v.Index {
			if picture == math.MinInt64 {
				picture = p.PTS
			}
			continue
		}
		if err := dec.Send(p); err != nil {
			t.Fatal(err)
		}
		take()
	}
	_ = dec.Send(nil) // nothing more comes
	take()
	return samples, media.UnitsIn(first-picture, media.NewRational(1, media.SampleRateHz))
}

// sweptClip is the clip with a sound of which every moment is unlike every other.
func sweptClip(t *testing.T, codec media.Codec, reordered bool) testkit.Coded {
	t.Helper()
	c := testkit.FeedClip(t)
	if reordered {
		c = testkit.ReorderedClip(t)
	}
	enc, err := av.NewAudioEncoder(av.AudioEncoderOptions{Codec: codec, BitrateBPS: 128_000})
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	sound := make([]float32, clipSeconds*media.SampleRateHz*media.Channels)
	for i := range sound {
		s := float64(i/2) / media.SampleRateHz
		sound[i] = float32(0.3 * math.Sin(2*math.Pi*(200*s+40*s*s)))
	}
	coded, err := enc.Encode(sound, 0)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := enc.Flush()
	if err != nil {
		t.Fatal(err)
	}
	c.Tracks = []media.Track{c.Tracks[0], enc.Track()}
	c.Packets = slices.DeleteFunc(slices.Clone(c.Packets), func(p *media.Packet) bool { return p.Audio })
	for _, p := range append(coded, rest...) {
		q := *p
		q.Track, q.Audio = 1, true
		c.Packets = append(c.Packets, &q)
	}
	return c
}

// TestEverySampleAtASeam: files put end to end have each sample of the recording at its place, and
// the same as one file has.
func TestEverySampleAtASeam(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, container string
		codec           media.Codec
		reordered       bool
		alike           float64 // what a decoder that began elsewhere may differ by
	}{
		{"mkv", "mkv", media.AAC, false, 1e-4}, {"mkv, pictures reordered", "mkv", media.AAC, true, 1e-4}, {"mkv, Opus", "mkv", media.Opus, false, 0.04},
		{"ts", "ts", media.AAC, true, 1e-4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			clip := sweptClip(t, c.codec, c.reordered)
			record := func(settings map[string]any) (list []string, from []time.Duration) {
				settings["path"], settings["container"] = filepath.Join(t.TempDir(), "show"), c.container
				o := newRecorder(t, settings)
				var e events
				o.files = e.add
				if err := o.Run(t.Context(), newFastFeedOf(clip)); err != nil {
					t.Fatal(err)
				}
				for _, f := range e.closed() {
					if _, err := check(t.Context(), f.Path, f.Holds); err != nil {
						t.Error(err)
					}
					list, from = append(list, f.Path), append(from, f.From)
				}
				return list, from
			}
			one, _ := record(map[string]any{})
			want, begins := heardOf(t, one[0])
			parts, from := record(map[string]any{"split_minutes": 1.0 / 60})
			if len(parts) != clipSeconds {
				t.Fatalf("%d files, want %d", len(parts), clipSeconds)
			}
			for i, path := range parts {
				if i == 0 {
					continue // it begins as the whole one
				}
				got, at := heardOf(t, path)
				cut := media.UnitsIn(from[i], media.NewRational(1, media.SampleRateHz))
				length := int64(media.SampleRateHz)
				if i == len(parts)-1 {
					length -= 8000 // what the encoder did not give is missing in both
				}
				// Matroska's times are rounded, those of Opus twice.
				best, place := math.Inf(1), int64(0)
				for off := int64(-60); off <= 60; off++ {
					worst := 0.0
					for n := int64(0); n < length && worst < best; n++ {
						a, b := n-at+off, cut+n-begins
						if a < 0 && n < 60 {
							continue
						}
						if a < 0 || a >= int64(len(got)) || b >= int64(len(want)) {
							worst = math.Inf(1)
							break
						}
						worst = max(worst, math.Abs(float64(got[a]-want[b])))
					}
					if worst < best {
						best, place = worst, off
					}
				}
				if best > c.alike {
					t.Errorf("%s: from its first picture on the sound differs by %.4f at best, %d samples from its place", filepath.Base(path), best, place)
				}
			}
		})
	}
}
