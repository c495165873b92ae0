package av

import (
	"bytes"
	"path/filepath"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestStreamCopy: what is copied from one container into another is decoded to the same
// pictures and sound, with the configuration that the encoder gave.
func TestStreamCopy(t *testing.T) {
	for _, c := range []struct{ from, to, encoder string }{
		{"mp4", "matroska", "libx264"}, {"mpegts", "matroska", "libx264"}, {"matroska", "mp4", "libx264"}, {"flv", "mpegts", "libx264"},
		{"mp4", "matroska", "libx265"}, {"mpegts", "mp4", "libx265"},
	} {
		t.Run(c.from+" "+c.encoder, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			e := x264(t, VideoEncoderOptions{Encoder: c.encoder, Preset: "ultrafast", GOP: 10, BFrames: 2})
			sound, err := NewAudioEncoder(AudioEncoderOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer sound.Close()
			tracks := []media.Track{e.Track(), sound.Track()}
			packets := interleave(encoded(t, e, 0, 30), encodedSound(t, sound, 0, 48000), tracks[0].TimeBase, tracks[1].TimeBase)
			first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
			write := func(path, format string, tracks []media.Track, packets []*media.Packet) {
				m, err := NewMuxer(MuxerOptions{Format: format, Path: path, Tracks: tracks, StartAtZero: true})
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range packets {
					if err := m.WritePacket(p); err != nil {
						t.Fatal(err)
					}
				}
				if err := m.Close(); err != nil {
					t.Fatal(err)
				}
			}
			write(first, c.from, tracks, packets)
			in := open(t, t.Context(), first, InputOptions{})
			var copies [2]*StreamCopy
			for i, s := range []*Stream{in.Video(), in.Audio()} {
				if copies[i], err = NewStreamCopy(s); err != nil {
					t.Fatal(err)
				}
			}
			var copied []*media.Packet
			p := NewInputPacket()
			defer p.Free()
			for in.ReadPacket(p) == nil {
				track := 0
				if p.Stream != in.Video().Index {
					track = 1
				}
				data, err := copies[track].Copy(p)
				if err != nil {
					t.Fatal(err)
				}
				tb := tracks[track].TimeBase
				copied = append(copied, &media.Packet{Track: track, Audio: track == 1, Data: data, Keyframe: p.Keyframe,
					PTS: media.UnitsIn(p.PTS, tb), DTS: media.UnitsIn(p.DTS, tb), Duration: media.UnitsIn(p.Duration, tb), Time: p.PTS})
			}
			again := []media.Track{copies[0].Track(), copies[1].Track()}
			for i := range again {
				again[i].TimeBase = tracks[i].TimeBase
			}
			if again[0].Codec != tracks[0].Codec || again[0].Width != 320 || !complete(again[0].Codec, again[0].Extradata) {
				t.Errorf("pictures are %+v", again[0])
			}
			if !bytes.HasPrefix(tracks[1].Extradata, again[1].Extradata[:2]) || again[1].SampleRateHz != 48000 || again[1].Channels != 2 {
				t.Errorf("sound is %+v, want %x", again[1], tracks[1].Extradata)
			}
			write(second, c.to, again, copied)
			for n, path := range []string{first, second} {
				count, frames := int64(0), 0
				decoded(t, open(t, t.Context(), path, InputOptions{}), VideoDecoderOptions{}, func(f *media.Frame) {
					if got := readNumber(f); got != count {
						t.Errorf("file %d: picture %d is number %d", n, count, got)
					}
					count++
				}, func(b media.AudioBlock) { frames += b.Frames() })
				if count != 30 || frames < 47000 {
					t.Errorf("file %d has %d pictures and %d frames of sound", n, count, frames)
				}
			}
		})
	}
}

func TestStreamCopyRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pcm.mkv")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:d=0.2", "-f", "lavfi", "-i", "sine=d=0.2", "-c:v", "mpeg4", "-c:a", "pcm_s16le", path)
	in := open(t, t.Context(), path, InputOptions{})
	for _, s := range []*Stream{in.Video(), in.Audio()} {
		if _, err := NewStreamCopy(s); err == nil || err.Error() != "it is coded as "+s.Codec {
			t.Errorf("%s: %v", s.Codec, err)
		}
	}
}

// TestADTS: the header goes and becomes the configuration; a block that is several cannot be
// passed on, since nothing else says where each ends.
func TestADTS(t *testing.T) {
	block := func(protected bool, more byte) []byte {
		b := []byte{0xff, 0xf1, 1<<6 | 3<<2, 2 << 6, 0, 0x1f, 0xfc | more} // AAC-LC, 48 kHz, stereo
		if protected {
			b[1] &^= 1
			b = append(b, 0xaa, 0xbb)
		}
		return append(b, 1, 2, 3)
	}
	for _, c := range []struct {
		protected bool
		more      byte
		want      string
	}{{false, 0, ""}, {true, 0, ""}, {false, 1, "its AAC has several blocks to a header"}, {true, 3, "its AAC has several blocks to a header"}} {
		s := &StreamCopy{track: media.Track{Codec: media.AAC}}
		data, err := s.raw(block(c.protected, c.more))
		if c.want != "" {
			if err == nil || err.Error() != c.want || s.track.Extradata != nil {
				t.Errorf("%+v: %v, %x", c, err, s.track.Extradata)
			}
		} else if err != nil || !bytes.Equal(data, []byte{1, 2, 3}) || !bytes.Equal(s.track.Extradata, []byte{0x11, 0x90}) {
			t.Errorf("%+v: %x, %v, configured as %x", c, data, err, s.track.Extradata)
		}
	}
}
