package compositor

import (
	"fmt"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestPackedEqualsTheShader: mixes, dips and fades of two cameras by whole planes look
// like those of the general path, which the same pictures take when one of them is NV12.
func TestPackedEqualsTheShader(t *testing.T) {
	const w, h = 256, 144
	d := device(t)
	a, b, title := noisy(w, h, 1), noisy(w, h, 2), lowerThird(90, 30)
	nv := media.NewFrame(media.NV12, w, h, interleave(a), nil)
	full := Box{W: w, H: h}
	for _, kind := range []string{"mix", "dip"} {
		for _, progress := range []float64{0.1, 0.25, 0.5, 0.7, 0.96} {
			for _, black := range []float64{0, 0.3} {
				t.Run(fmt.Sprint(kind, progress, black), func(t *testing.T) {
					draw := func(from *media.Frame) *media.Frame {
						c, err := New(d, w, h, media.Rec709, false)
						if err != nil {
							t.Fatal(err)
						}
						defer c.Close()
						f, _ := compose(t, c, &Plan{Width: w, Height: h, Black: black,
							Change: &Change{Kind: kind, Progress: progress, Color: [3]uint8{200, 90, 160}},
							Base:   []Layer{{Slot: "a" + from.Format.String(), Frame: from, Place: full, Opacity: 1}},
							To:     []Layer{{Slot: "b", Frame: b, Place: full, Opacity: 1}},
							Over:   []Layer{{Slot: "t", Frame: title, Place: Box{60, 100, 90, 30}, Opacity: 1}}})
						return f
					}
					fast, slow := draw(a), draw(nv)
					defer fast.Release()
					defer slow.Release()
					// Two roundings of the blend, one of its 8-bit weight.
					if most, where := frameDifference(fast, slow); most > 2 {
						t.Errorf("%s: they differ by %d codes", where, most)
					}
				})
			}
		}
	}
}
