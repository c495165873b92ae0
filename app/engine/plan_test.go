package engine

import (
	"math"
	"testing"

	"crosspoint.studio/crosspoint/compositor"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// TestLayersCutThePicturesOwnPixels: 720x576 that is 16:9 loses the columns that its crop
// says, not those of the 1024 that it looks like.
func TestLayersCutThePicturesOwnPixels(t *testing.T) {
	f := media.NewFramePool(media.I420, 720, 576, 0).Get()
	defer f.Release()
	for _, c := range []struct {
		name  string
		sar   media.Rational
		place compositor.Box
	}{
		{"16:9", media.NewRational(64, 45), compositor.Box{X: 11.377777777777778, W: 1001.2444444444444, H: 576}},
		{"square", media.Rational{}, compositor.Box{X: 160, W: 704, H: 576}},
	} {
		f.SAR = c.sar
		canvas := scenes.Rect{Width: 1024, Height: 576}
		got, ok := layerOf(scenes.Placed{Fit: scenes.Contain, Width: 1024, Height: 576, ScaleX: 1, ScaleY: 1, Opacity: 1, Clip: canvas,
			Crop: scenes.Crop{Left: 8, Right: 8}}, f)
		near := func(a, b compositor.Box) bool {
			return math.Abs(a.X-b.X) < 1e-6 && math.Abs(a.Y-b.Y) < 1e-6 && math.Abs(a.W-b.W) < 1e-6 && math.Abs(a.H-b.H) < 1e-6
		}
		if want := (compositor.Box{X: 8, W: 704, H: 576}); !ok || !near(got.Crop, want) {
			t.Errorf("%s: %v: crop %+v, want %+v", c.name, ok, got.Crop, want)
		}
		if !near(got.Place, c.place) {
			t.Errorf("%s: at %+v, want %+v", c.name, got.Place, c.place)
		}
	}
}
