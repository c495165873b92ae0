package av

import (
	"math/rand/v2"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestBitrateChangesWhileEncoding: x264 follows within a second, both ways, and goes on
// with the same group of pictures.
func TestBitrateChangesWhileEncoding(t *testing.T) {
	e, err := NewVideoEncoder(VideoEncoderOptions{Encoder: "libx264", Width: 320, Height: 180, FPS: media.NewRational(30, 1), BitrateBPS: 1_000_000, GOP: 600, Preset: "ultrafast", BFrames: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	pool := media.NewFramePool(media.I420, 320, 180, 2)
	n, keys := int64(0), 0
	second := func() (bits int) {
		for range 30 {
			f := pool.Get()
			for y := range f.Height {
				row := f.Planes[0].Data[y*f.Planes[0].Stride:][:f.Width]
				for x := range row {
					row[x] = byte(60 + rand.IntN(100))
				}
			}
			packets, err := e.Encode(f, n, false)
			f.Release()
			n++
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range packets {
				bits += 8 * len(p.Data)
				if p.Keyframe {
					keys++
				}
			}
		}
		return bits
	}
	for _, bps := range []int{1_000_000, 200_000, 1_000_000} {
		if err := e.SetBitrate(bps); err != nil {
			t.Fatal(err)
		}
		second() // the VBV of before empties
		second()
		if got := second() + second(); got < 2*bps*7/10 || got > 2*bps*13/10 {
			t.Errorf("told %d b/s, it makes %d", bps, got/2)
		}
	}
	if keys != 1 {
		t.Errorf("%d keyframes, want the first alone", keys)
	}
	if err := e.SetBitrate(1); err == nil {
		t.Error("a bitrate of nothing is taken")
	}
	if SoftwareEncoder(media.H264) != "libx264" || IsHardware("libx264") || !IsHardware("h264_nvenc") {
		t.Error("the table of encoders is misread")
	}
}
