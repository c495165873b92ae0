package rehearsal

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// found is a sink that keeps everything.
type found struct {
	tracks  []media.Track
	packets []*media.Packet
	others  []string
}

func (f *found) describe(i int, t media.Track) {
	for len(f.tracks) <= i {
		f.tracks = append(f.tracks, media.Track{})
	}
	f.tracks[i] = t
}
func (f *found) packet(p *media.Packet, _ time.Duration) { f.packets = append(f.packets, p) }
func (f *found) unsupportedCodec(name string)            { f.others = append(f.others, name) }

// tsOfClip muxes the delayed clip to MPEG-TS.
func tsOfClip(t testing.TB) (*playing, []byte) {
	t.Helper()
	feed := play(t, delayed, false)
	var ts bytes.Buffer
	m, err := av.NewMuxer(av.MuxerOptions{Format: "mpegts", Tracks: feed.tracks, StartAtZero: true, Write: func(b []byte) error {
		ts.Write(b)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range feed.order {
		if err := m.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return feed, ts.Bytes()
}

func TestDemuxerGivesWhatWasMuxed(t *testing.T) {
	feed, ts := tsOfClip(t)
	for _, size := range []int{1316, 188, 1000, 7} {
		var got found
		d := newDemuxer(&got)
		for rest := ts; len(rest) > 0; {
			n := min(size, len(rest))
			d.feed(rest[:n], 0)
			rest = rest[n:]
		}
		d.flush()
		var pictures, sound []*media.Packet
		for _, p := range got.packets {
			if p.Audio {
				sound = append(sound, p)
			} else {
				pictures = append(pictures, p)
			}
		}
		i := 0
		for _, want := range feed.order {
			if want.Audio {
				continue
			}
			if i >= len(pictures) {
				t.Fatalf("in pieces of %d: %d pictures", size, len(pictures))
			}
			p := pictures[i]
			i++
			if p.Keyframe != want.Keyframe || (p.PTS-p.DTS) != (want.PTS-want.DTS)*3000 || p.DTS-pictures[0].DTS != (want.DTS-feed.order[0].DTS)*3000 && !feed.order[0].Audio {
				t.Fatalf("in pieces of %d: picture %d is at %d/%d, key %v; want %d/%d, %v", size, i, p.PTS, p.DTS, p.Keyframe, want.PTS, want.DTS, want.Keyframe)
			}
		}
		if len(sound) < 230 || got.tracks[sound[0].Track].SampleRateHz != media.SampleRateHz || got.tracks[sound[0].Track].Channels != 2 {
			t.Errorf("in pieces of %d: %d blocks of %+v", size, len(sound), got.tracks)
		}
	}
}

// tsOf is one packet that begins a section or PES packet; stuffing follows.
func tsOf(pid int, payload ...byte) []byte {
	b := bytes.Repeat([]byte{0xff}, tsPacket)
	copy(b, append([]byte{tsSync, 0x40 | byte(pid>>8), byte(pid), 0x10}, payload...))
	return b
}

// check feeds b twice and looks for what must never be.
func check(t *testing.T, b []byte) (packets int) {
	t.Helper()
	var got found
	d := newDemuxer(&got)
	d.feed(b, 0)
	d.feed(b, time.Second)
	d.flush()
	for _, p := range got.packets {
		if p.Track < 0 || p.Track >= len(got.tracks) || got.tracks[p.Track].Codec == "" {
			t.Fatalf("a packet of track %d, which is not described", p.Track)
		}
	}
	return len(got.packets)
}

func TestDemuxerSurvivesDamage(t *testing.T) {
	_, ts := tsOfClip(t)
	ts = ts[:min(len(ts), 60*tsPacket)]
	rng := rand.New(rand.NewPCG(1, 2))
	packets := 0
	for range 2000 {
		b := bytes.Clone(ts)
		for range 1 + rng.IntN(20) {
			b[rng.IntN(len(b))] = byte(rng.Uint32())
		}
		packets += check(t, b[rng.IntN(tsPacket):])
	}
	if packets == 0 {
		t.Error("nothing was read")
	}
}

func FuzzDemuxer(f *testing.F) {
	pat := tsOf(0, 0, 0x00, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe1, 0x00, 0, 0, 0, 0)
	pmt := tsOf(0x100, 0, 0x02, 0xb0, 23, 0, 1, 0xc1, 0, 0, 0xe1, 0x01, 0xf0, 0, 0x1b, 0xe1, 0x01, 0xf0, 0, 0x0f, 0xe1, 0x02, 0xf0, 0, 0, 0, 0, 0)
	sound := tsOf(0x102, 0, 0, 1, 0xc0, 0, 17, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1, 0xff, 0xf1, 0x4c, 0x80, 0x01, 0x3f, 0xfc, 1, 2)
	picture := tsOf(0x101, 0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10, 0x31, 0, 1, 0, 1, 0x11, 0, 1, 0, 1, 0, 0, 0, 1, 0x67, 1, 2, 3, 0, 0, 0, 1, 0x65, 9)
	f.Add(slices.Concat(pat, pmt, sound, picture, picture))
	f.Add([]byte{tsSync})
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}

// Of several tracks of sound the first is looked at, and the others are called what they
// are: not by the number of a codec that is taken.
func TestFurtherTracksAreNamed(t *testing.T) {
	var got found
	d := newDemuxer(&got)
	d.feed(slices.Concat(
		tsOf(0, 0, 0x00, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe1, 0x00, 0, 0, 0, 0),
		tsOf(0x100, 0, 0x02, 0xb0, 33, 0, 1, 0xc1, 0, 0, 0xe1, 0x01, 0xf0, 0,
			0x1b, 0xe1, 0x01, 0xf0, 0, 0x0f, 0xe1, 0x02, 0xf0, 0, 0x0f, 0xe1, 0x03, 0xf0, 0, 0x24, 0xe1, 0x04, 0xf0, 0, 0, 0, 0, 0)), 0)
	if want := []string{"a further track of sound", "a further stream of pictures"}; !slices.Equal(got.others, want) {
		t.Errorf("what is left out is called %q, want %q", got.others, want)
	}
}
