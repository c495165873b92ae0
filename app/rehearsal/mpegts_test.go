package rehearsal

import (
	"bytes"
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

func FuzzDemuxer(f *testing.F) {
	_, ts := tsOfClip(f)
	f.Add(ts[:20*tsPacket])
	f.Add(ts[len(ts)-9*tsPacket:])
	f.Add([]byte{tsSync})
	f.Fuzz(func(t *testing.T, b []byte) {
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
	})
}
