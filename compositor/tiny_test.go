package compositor

import (
	"runtime"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestLayersOfNoSize: what is smaller than half a pixel is not drawn, and costs nothing.
func TestLayersOfNoSize(t *testing.T) {
	const w, h = 64, 36
	cam, big := noisy(w, h, 1), noisy(1920, 1080, 2)
	layer := func(place Box, rotation float64) Layer {
		return Layer{Slot: "big", Frame: big, Place: place, Rotation: rotation, Opacity: 1}
	}
	for way, d := range ways(t) {
		c, err := New(d, w, h, media.Rec709, false)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, l := range []Layer{
			layer(Box{1, 1, 1e-6, 1e-6}, 0), layer(Box{1, 1, 1e-6, 1e-6}, 30), layer(Box{1, 1, 1e-300, 1e-300}, 0),
			layer(Box{5, 5, 0.4, 20}, 0), layer(Box{5, 5, 20, 0.4}, 90),
		} {
			f, st := compose(t, c, &Plan{Width: w, Height: h, Base: []Layer{{Slot: "cam", Frame: cam, Place: Box{W: w, H: h}, Opacity: 1}}, Over: []Layer{l}})
			if f != cam || st.Path != Passthrough {
				t.Errorf("by %s, %+v at %v degrees: path %v, %d pixels", way, l.Place, l.Rotation, st.Path, st.Pixels)
			}
			f.Release()
		}
	}
	// The last of a picture that moves out of the canvas is as narrow, and is seen.
	strip := layer(Box{0, 0, 0.3, 36}, 0)
	strip.Crop = Box{1910, 0, 9, 1080}
	if got := Analyse(&Plan{Width: w, Height: h, Base: []Layer{strip}}, Work{}); len(got.Layers) != 1 {
		t.Error("a strip of a larger picture is not drawn")
	}
}

// TestVerySmallLayers: a pixel that has hundreds of texels takes little memory, and both ways of
// drawing agree about it.
func TestVerySmallLayers(t *testing.T) {
	const w, h = 64, 36
	cam, big, title := noisy(w, h, 1), photograph(1920, 1080), lowerThird(1900, 1000)
	nv := media.NewFrame(media.NV12, 1920, 1080, interleave(big), nil)
	Prepare(title, media.Rec709)
	devices := ways(t)
	for _, f := range []*media.Frame{big, nv, title} {
		for _, l := range []Layer{
			{Place: Box{3.3, 4.7, 2.5, 1.6}},
			{Place: Box{10, 10, 1, 1}},
			{Place: Box{3, 3, 50, 0.6}},
			{Place: Box{3, 3, 0.7, 30}, Crop: Box{801, 3, 700, 800}},
			{Place: Box{30, 10, 3, 6}, Rotation: 30},
		} {
			l.Frame, l.Slot, l.Opacity = f, f.Format.String(), 1
			var got [2]*media.Frame
			for i, way := range [2]string{"processor", "shaders"} {
				c, err := New(devices[way], w, h, media.Rec709, false)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				got[i], _ = compose(t, c, &Plan{Width: w, Height: h, Base: []Layer{{Slot: "cam", Frame: cam, Place: Box{W: w, H: h}, Opacity: 1}}, Over: []Layer{l}})
				runtime.ReadMemStats(&after)
				if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
					t.Errorf("%v at %+v by %s took %d MB", f.Format, l.Place, way, took>>20)
				}
			}
			if most, where := frameDifference(got[0], got[1]); most > 4 {
				t.Errorf("%v at %+v, %s: by processor and by shaders differ by %d codes", f.Format, l.Place, where, most)
			}
			if most, _ := frameDifference(got[0], cam); most == 0 {
				t.Errorf("%v at %+v is not there", f.Format, l.Place)
			}
			got[0].Release()
			got[1].Release()
		}
	}
}
