package av

import (
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

func TestTimecode(t *testing.T) {
	for _, c := range []struct {
		fps  media.Rational
		n    int64
		want string
	}{
		{media.NewRational(30, 1), 0, "00:00:00:00"},
		{media.NewRational(30, 1), 29, "00:00:00:29"},
		{media.NewRational(30000, 1001), 30 * 60, "00:01:00:00"},
		{media.NewRational(25, 1), 25*3600*26 + 7, "26:00:00:07"},
		{media.NewRational(60, 1), 59, "00:00:00:59"},
	} {
		got := FormatTimecode(c.n, c.fps)
		if got != c.want {
			t.Errorf("frame %d at %v: %s, want %s", c.n, c.fps, got, c.want)
		}
		if n, err := ParseTimecode(got, c.fps); n != c.n || err != nil {
			t.Errorf("%s is read as %d, %v", got, n, err)
		}
	}
	for _, bad := range []string{"", "1:2:3", "00:00:00:30", "00:61:00:00", "-1:00:00:00"} {
		if _, err := ParseTimecode(bad, media.NewRational(30, 1)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestFileSaysItsTimecode: a file that begins in the middle of a show says at which frame,
// in every container that recordings use with one, and has all its pictures.
func TestFileSaysItsTimecode(t *testing.T) {
	const first, frames = 95, 40
	fps := media.NewRational(30000, 1001)
	for _, format := range []string{"matroska", "mp4"} {
		t.Run(format, func(t *testing.T) {
			enc, err := NewVideoEncoder(VideoEncoderOptions{Encoder: "libx264", Width: 64, Height: 48, FPS: fps, BitrateBPS: 200_000, BFrames: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer enc.Close()
			path := filepath.Join(t.TempDir(), "x."+format)
			created := time.Date(2026, 11, 29, 12, 30, 15, 0, time.UTC)
			m, err := NewMuxer(MuxerOptions{Format: format, Path: path, Tracks: []media.Track{enc.Track()}, StartAtZero: true, Timecode: true, Created: created})
			if err != nil {
				t.Fatal(err)
			}
			pool := media.NewFramePool(media.I420, 64, 48, 1)
			write := func(list []*media.Packet, err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range list {
					if err := m.WritePacket(p); err != nil {
						t.Fatal(err)
					}
				}
			}
			for n := range int64(frames) {
				f := pool.Get()
				f.Fill(byte(16+n), 128, 128)
				write(enc.Encode(f, first+n, false))
				f.Release()
			}
			write(enc.Flush())
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			in, err := OpenInput(t.Context(), path, InputOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			if n, ok := in.Timecode(fps); n != first || !ok {
				t.Errorf("it begins at frame %d, %v; want %d", n, ok, first)
			}
			last, ok := in.LastPicture()
			if n := media.UnitsIn(last-in.Video().Start, fps.Inv()); n != frames-1 || !ok {
				t.Errorf("its last picture is %d (%v), want %d", n, last, frames-1)
			}
		})
	}
}
