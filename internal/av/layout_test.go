package av

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// numbered writes 100 ms of so many channels that are in no known layout: of the first the level
// is 0.5, of the second -0.25, of all others 0.125.
func numbered(t *testing.T, channels int) string {
	t.Helper()
	dir := t.TempDir()
	raw := filepath.Join(dir, "raw")
	var b []byte
	for range media.SampleRateHz / 10 {
		for c := range channels {
			v := [...]int16{16384, -8192, 4096}[min(c, 2)]
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		}
	}
	if err := os.WriteFile(raw, b, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a.mka")
	run(t, "ffmpeg", "-v", "error", "-f", "s16le", "-ar", "48000", "-ac", strconv.Itoa(channels), "-i", raw, "-c", "copy", path)
	return path
}

// TestChannelsThatCannotBeMixedDown: sound whose channels have no known places is heard in part, or is
// silence of its length, and it is known which.
func TestChannelsThatCannotBeMixedDown(t *testing.T) {
	for _, c := range []struct {
		channels    int
		part        Part
		left, right float32
	}{
		{1, 0, 0.5, 0.5},
		{2, 0, 0.5, -0.25},
		{9, FirstTwo, 0.5, -0.25},
		{11, FirstTwo, 0.5, -0.25},
		{13, FirstTwo, 0.5, -0.25},
		{65, Nothing, 0, 0},
	} {
		t.Run(fmt.Sprint(c.channels), func(t *testing.T) {
			in := open(t, t.Context(), numbered(t, c.channels), InputOptions{})
			d, err := NewAudioDecoder(in.Audio())
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			p := NewInputPacket()
			defer p.Free()
			frames := 0
			for end := error(nil); end == nil; {
				pkt := p
				if end = in.ReadPacket(p); end != nil {
					pkt = nil
				}
				if err := d.Send(pkt); err != nil {
					t.Fatal(err)
				}
				for {
					b, err := d.Receive()
					if errors.Is(err, ErrAgain) || errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatal(err)
					}
					if at := media.TimeOf(int64(frames), perFrame); (b.PTS - at).Abs() > time.Millisecond {
						t.Errorf("a block at %v, want it at %v", b.PTS, at)
					}
					frames += b.Frames()
					if l, r := b.Samples[0], b.Samples[1]; l != c.left || r != c.right {
						t.Fatalf("it is %v and %v, want %v and %v", l, r, c.left, c.right)
					}
				}
			}
			want := SoundShape{media.SampleRateHz, c.channels, c.part}
			if shape, _ := d.Shape(); shape != want || frames != media.SampleRateHz/10 {
				t.Errorf("%d frames of %+v, want %d of %+v", frames, shape, media.SampleRateHz/10, want)
			}
		})
	}
}

// TestAmbisonicSound: of an ambisonic field the first channel is heard, on both sides.
func TestAmbisonicSound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.opus")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "aevalsrc='0.5*sin(440*2*PI*t)|0|0|0':s=48000:d=1", "-c:a", "libopus", "-mapping_family", "2", path)
	in := open(t, t.Context(), path, InputOptions{})
	d, err := NewAudioDecoder(in.Audio())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p := NewInputPacket()
	defer p.Free()
	loudest := float32(0)
	for in.ReadPacket(p) == nil {
		if err := d.Send(p); err != nil {
			t.Fatal(err)
		}
		for {
			b, err := d.Receive()
			if errors.Is(err, ErrAgain) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(b.Samples); i += 2 {
				if b.Samples[i] != b.Samples[i+1] {
					t.Fatalf("left is %v, right %v", b.Samples[i], b.Samples[i+1])
				}
				loudest = max(loudest, b.Samples[i])
			}
		}
	}
	if shape, _ := d.Shape(); shape != (SoundShape{media.SampleRateHz, 4, First}) || loudest < 0.4 || loudest > 0.6 {
		t.Errorf("%+v, peak %v; want one channel of four at 0.5", shape, loudest)
	}
}
