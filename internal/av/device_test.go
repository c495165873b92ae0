package av

import (
	"slices"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// What an encoder of this program made is decoded again, picture by picture, without
// an Input, and laid out as a device wants it.
func TestTrackDecoder(t *testing.T) {
	const w, h, n = 320, 180, 12
	enc, err := NewVideoEncoder(VideoEncoderOptions{Encoder: "libx264", Width: w, Height: h, FPS: media.NewRational(30, 1), BitrateBPS: 2_000_000, GOP: 30, Threads: 1, BFrames: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	dec, err := NewTrackDecoder(enc.Track(), VideoDecoderOptions{LowDelay: true})
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	pool := media.NewFramePool(media.I420, w, h, 8)
	var packets []*media.Packet
	for i := range int64(n) {
		f := pool.Get()
		f.Fill(byte(40+10*i), 128, 90)
		p, err := enc.Encode(f, i, false)
		f.Release()
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, p...)
	}
	rest, err := enc.Flush()
	if err != nil {
		t.Fatal(err)
	}
	var luma []int
	for _, p := range append(packets, rest...) {
		err := dec.Decode(p, func(f *media.Frame) error {
			defer f.Release()
			raw, err := appendI420(nil, f, w, h)
			if err != nil {
				return err
			}
			if len(raw) != w*h*3/2 {
				t.Errorf("%d bytes a picture", len(raw))
			}
			luma = append(luma, int(raw[w*h/2+w/2]))
			if v := int(raw[len(raw)-100]); v < 86 || v > 94 {
				t.Errorf("Cr is %d, want 90", v)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// The last ones stay in the decoder: a live stream has no end.
	if len(luma) < n-4 || !slices.IsSorted(luma) || luma[0] < 36 || luma[0] > 44 {
		t.Errorf("luma of the pictures: %v", luma)
	}
	if _, err := NewTrackDecoder(media.Track{Codec: media.AAC}, VideoDecoderOptions{}); err == nil {
		t.Error("sound was taken for pictures")
	}
}
