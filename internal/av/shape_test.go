package av

import (
	"image"
	"path/filepath"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		sw, sh, w, h int
		want         image.Rectangle
	}{
		{1920, 1080, 1280, 720, image.Rect(0, 0, 1280, 720)},
		{1920, 1080, 854, 480, image.Rect(0, 0, 854, 480)},
		{1920, 1080, 426, 240, image.Rect(0, 0, 426, 240)},
		{160, 90, 80, 44, image.Rect(0, 0, 80, 44)},
		{1920, 1080, 1080, 1920, image.Rect(0, 656, 1080, 1264)},
		{1080, 1920, 1920, 1080, image.Rect(656, 0, 1264, 1080)},
		{640, 360, 640, 480, image.Rect(0, 60, 640, 420)},
		{720, 576, 1920, 1080, image.Rect(284, 0, 1634, 1080)},
		{8192, 16, 16, 16, image.Rect(0, 6, 16, 8)},
	} {
		if got := within(c.sw, c.sh, c.w, c.h); got != c.want {
			t.Errorf("%dx%d in %dx%d lies at %v, want %v", c.sw, c.sh, c.w, c.h, got, c.want)
		}
	}
}

// A rendition of another shape than the canvas shows all of it, undistorted, between black
// bars; they stay black when the shape of what comes changes.
func TestAnotherShapeGetsBars(t *testing.T) {
	for _, encoder := range []string{"libx264", "prores_ks"} {
		e := x264(t, VideoEncoderOptions{Encoder: encoder, Width: 180, Height: 320, BitrateBPS: 4_000_000, GOP: 1, BFrames: -1})
		var packets []*media.Packet
		sizes := []image.Point{{640, 360}, {640, 360}, {90, 320}, {640, 360}, {90, 320}}
		for n, size := range sizes {
			f := media.NewFramePool(media.I420, size.X, size.Y, 1).Get()
			f.Fill(200, 60, 190)
			p, err := e.Encode(f, int64(n), false)
			f.Release()
			if err != nil {
				t.Fatal(err)
			}
			packets = append(packets, p...)
		}
		p, err := e.Flush()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "a.mov")
		m, err := NewMuxer(MuxerOptions{Format: "mov", Path: path, Tracks: []media.Track{e.Track()}, StartAtZero: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range append(packets, p...) {
			if err := m.WritePacket(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		n := 0
		decodeFile(t, path, func(f *media.Frame) {
			inner := within(sizes[n].X, sizes[n].Y, f.Width, f.Height)
			for _, at := range []image.Point{{90, 160}, {2, 2}, {177, 317}, {2, 160}, {177, 160}, {90, 2}, {90, 317},
				inner.Min.Add(image.Pt(3, 3)), inner.Max.Sub(image.Pt(4, 4))} {
				y := int(f.Planes[0].Data[at.Y*f.Planes[0].Stride+at.X])
				want := 16
				if at.In(inner) {
					want = 200
				}
				if y < want-4 || y > want+4 {
					t.Errorf("%s, picture %d of %v: brightness %d at %v, want %d", encoder, n, sizes[n], y, at, want)
				}
			}
			n++
		})
		if n != len(sizes) {
			t.Errorf("%s: %d pictures, want %d", encoder, n, len(sizes))
		}
	}
}

// TestSamplesOfAnyShape: no ratio of a sample's sides is believed that makes a picture of a size that
// nothing can hold, whether the file or the stream in it says so. (FFmpeg leaves out only what would make
// a side of none.)
func TestSamplesOfAnyShape(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{"1/1000", "1/64"}, {"1000/1", "64"}, {"1/64", "1/64"}, {"64/45", "64/45"},
	} {
		for _, name := range []string{"file.mov", "stream.ts"} {
			path := filepath.Join(t.TempDir(), name)
			run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1024x1024:r=25", "-frames:v", "5",
				"-vf", "setsar=sar="+c.said+":max=100000", "-pix_fmt", "yuv420p", "-c:v", "libx264", path)
			n := 0
			decoded(t, open(t, t.Context(), path, InputOptions{}), VideoDecoderOptions{}, func(f *media.Frame) {
				if n++; f.SAR.String() != c.want {
					t.Errorf("%s says %s: got %v, want %s", name, c.said, f.SAR, c.want)
				}
			}, nil)
			if n == 0 {
				t.Errorf("%s: no pictures", name)
			}
		}
	}
	noLeaks(t)
}
