package av

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestProRes: every profile in a MOV file that FFmpeg's own tools call by its name, every
// picture a keyframe, luma exact to what the codec keeps of it.
func TestProRes(t *testing.T) {
	for profile, want := range map[string]struct {
		tag, name string
	}{"": {"apcn", "Standard"}, "proxy": {"apco", "Proxy"}, "lt": {"apcs", "LT"}, "hq": {"apch", "HQ"}} {
		e := x264(t, VideoEncoderOptions{Encoder: "auto", Codec: media.ProRes, Preset: profile, Width: 322, Height: 182})
		if e.Name() != "prores_ks" || e.Track().FourCC != want.tag {
			t.Fatalf("%q: encoder %s, %q", profile, e.Name(), e.Track().FourCC)
		}
		path := filepath.Join(t.TempDir(), "a.mov")
		m, err := NewMuxer(MuxerOptions{Format: "mov", Path: path, Tracks: []media.Track{e.Track()}, StartAtZero: true, FragmentDuration: 250 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		packets := encoded(t, e, 0, 20)
		for _, p := range packets {
			if !p.Keyframe {
				t.Fatalf("%q: picture %d is no keyframe", profile, p.PTS)
			}
			if err := m.WritePacket(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		got := strings.TrimSpace(run(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,profile,codec_tag_string,pix_fmt,nb_frames", "-of", "csv=p=0", path))
		if got != "prores,"+want.name+","+want.tag+",yuv422p10le,20" {
			t.Errorf("%q: %s", profile, got)
		}
		n := int64(0)
		decodeFile(t, path, func(f *media.Frame) {
			if got := readNumber(f); got != n {
				t.Errorf("%q: picture %d shows %d", profile, n, got)
			}
			n++
		})
		if n != 20 {
			t.Errorf("%q: %d pictures", profile, n)
		}
	}
}

func decodeFile(t *testing.T, path string, see func(*media.Frame)) {
	t.Helper()
	in, err := OpenInput(t.Context(), path, InputOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	d, err := NewVideoDecoder(in.Video(), VideoDecoderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p := NewInputPacket()
	defer p.Free()
	take := func() {
		for {
			f, err := d.Receive()
			if err != nil {
				return
			}
			see(f)
			f.Release()
		}
	}
	for in.ReadPacket(p) == nil {
		if err := d.Send(p); err != nil {
			t.Fatal(err)
		}
		take()
	}
	if err := d.Send(nil); err != nil {
		t.Fatal(err)
	}
	take()
}

func BenchmarkProRes1080p(b *testing.B) {
	e := x264(b, VideoEncoderOptions{Encoder: "prores_ks", Width: 1920, Height: 1080})
	pool := media.NewFramePool(media.I420, 1920, 1080, 2)
	n := int64(0)
	for b.Loop() {
		f := pool.Get()
		drawNumber(f, n)
		if _, err := e.Encode(f, n, false); err != nil {
			b.Fatal(err)
		}
		f.Release()
		n++
	}
}
