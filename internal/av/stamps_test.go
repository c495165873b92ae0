package av

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestDamagedTimes: what a damaged block says of its time is not believed, however absurd, and
// what is around it keeps its own.
func TestDamagedTimes(t *testing.T) {
	e := x264(t, VideoEncoderOptions{GOP: 15})
	path := filepath.Join(t.TempDir(), "damaged.mp4")
	m, err := NewMuxer(MuxerOptions{Format: "mp4", Path: path, Tracks: []media.Track{e.Track()}, FragmentDuration: 250 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	const pictures = 90
	for _, p := range encoded(t, e, 0, pictures) {
		if err := m.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path) // as a crash leaves it: its end has an index that goes before all this
	if err = errors.Join(err, m.Close()); err != nil {
		t.Fatal(err)
	}
	var at []int // the times at which fragments are decoded: ISO/IEC 14496-12, 8.8.12, version 1
	for i := range whole {
		if bytes.HasPrefix(whole[i:], []byte("tfdt\x01\x00\x00\x00")) {
			at = append(at, i+8)
		}
	}
	if len(at) < 5 {
		t.Fatalf("%d fragments", len(at))
	}
	for _, c := range []struct {
		name string
		at   int
		time uint64
	}{
		{"in the middle", at[2], 1 << 60},
		{"at the end", at[len(at)-1], 1 << 60},
		{"at the beginning", at[0], 1 << 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			damaged := bytes.Clone(whole)
			binary.BigEndian.PutUint64(damaged[c.at:], c.time)
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			in := open(t, t.Context(), path, InputOptions{})
			p := NewInputPacket()
			defer p.Free()
			known, unknown := 0, 0
			for {
				if err := in.ReadPacket(p); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				if p.HasPTS && p.HasDTS {
					if known++; p.PTS < -time.Second || p.PTS > 2*pictures*time.Second/30 {
						t.Errorf("a picture at %v", p.PTS)
					}
				} else {
					unknown++
				}
			}
			t.Logf("%d pictures have their times, %d none", known, unknown)
			if known < pictures/2 || known+unknown > pictures {
				t.Errorf("%d pictures have their times, %d none, of %d", known, unknown, pictures)
			}
			in = open(t, t.Context(), path, InputOptions{})
			if last, ok := in.LastPicture(); !ok || last < time.Second || last > 2*pictures*time.Second/30 {
				t.Errorf("the last picture is at %v, %v", last, ok)
			}
		})
	}
}
