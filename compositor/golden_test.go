package compositor

import (
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

var update = flag.Bool("update", false, "write the goldens anew; look at them before committing")

// goldenScene is a picture with a gradient, blocks of colour and a one-pixel grid, so
// that a shift, a flip or swapped planes show.
func goldenScene(w, h int, turn byte) *media.Frame {
	f := media.NewFramePool(media.I420, w, h, 1).Get()
	for y := range h {
		for x := range w {
			v := 40 + 150*x/w
			if x%16 == 0 || y%16 == 0 {
				v = 220
			}
			if x < w/4 && y < h/4 {
				v = 16 // a corner that tells which way is up
			}
			f.Planes[0].Data[y*f.Planes[0].Stride+x] = byte(v)
		}
	}
	for y := range h / 2 {
		for x := range w / 2 {
			f.Planes[1].Data[y*f.Planes[1].Stride+x] = byte(60+130*y/(h/2)) + turn
			f.Planes[2].Data[y*f.Planes[2].Stride+x] = byte(190-130*x/(w/2)) - turn
		}
	}
	return f
}

// TestGoldens composes one scene per path, both ways, and compares each with its picture in
// testdata, to 1 code. A failing one leaves what it drew in testdata/failed.
func TestGoldens(t *testing.T) {
	const w, h = 192, 108
	a, b, title := goldenScene(w, h, 0), goldenScene(w, h, 50), lowerThird(120, 30)
	full := Box{W: w, H: h}
	cam := Layer{Slot: "a", Frame: a, Place: full, Opacity: 1}
	other := Layer{Slot: "b", Frame: b, Place: full, Opacity: 1}
	third := Layer{Slot: "title", Frame: title, Place: Box{20, 70, 120, 30}, Opacity: 1}
	devices := ways(t)
	blue := YCbCr(0, 0, 255, media.Rec709)
	for _, c := range []struct {
		name string
		path Path
		plan Plan
	}{
		{"passthrough", Passthrough, Plan{Base: []Layer{cam}}},
		{"title", Rectangles, Plan{Base: []Layer{cam}, Over: []Layer{third}}},
		{"pip-turned", Rectangles, Plan{Base: []Layer{cam, {Slot: "b", Frame: b, Place: Box{100, 10, 70, 40}, Rotation: 20, Opacity: 0.75}}}},
		{"quad", Full, Plan{Base: []Layer{
			{Slot: "a", Frame: a, Place: Box{0, 0, 96, 54}, Opacity: 1}, {Slot: "b", Frame: b, Place: Box{96, 0, 96, 54}, Opacity: 1},
			{Slot: "b", Frame: b, Place: Box{0, 54, 96, 54}, Crop: Box{48, 27, 96, 54}, Opacity: 1}, {Slot: "a", Frame: a, Place: Box{97.5, 55.5, 90, 50}, Opacity: 0.5},
		}}},
		{"mix", Full, Plan{Base: []Layer{cam}, To: []Layer{other}, Over: []Layer{third}, Change: &Change{Kind: "mix", Progress: 0.5}}},
		{"dip", Full, Plan{Base: []Layer{cam}, To: []Layer{other}, Change: &Change{Kind: "dip", Progress: 0.4, Color: blue}}},
		{"wipe", Full, Plan{Base: []Layer{cam}, To: []Layer{other}, Change: &Change{Kind: "wipe", Progress: 0.3, Softness: 0.2, DirectionX: 1}}},
		{"wipe-up", Full, Plan{Base: []Layer{cam}, To: []Layer{other}, Change: &Change{Kind: "wipe", Progress: 0.3, Softness: 0.02, DirectionY: -1}}},
		{"fading", Full, Plan{Base: []Layer{cam}, Over: []Layer{third}, Black: 0.6}},
		{"black", BlackOnly, Plan{Base: []Layer{cam}, Over: []Layer{third}, Black: 1}},
		{"nothing", Full, Plan{}},
	} {
		for way, d := range devices {
			t.Run(c.name+" by "+way, func(t *testing.T) {
				comp, err := New(d, w, h, media.Rec709, false)
				if err != nil {
					t.Fatal(err)
				}
				defer comp.Close()
				c.plan.Width, c.plan.Height = w, h
				f, st := compose(t, comp, &c.plan)
				defer f.Release()
				if st.Path != c.path {
					t.Errorf("took path %v, want %v", st.Path, c.path)
				}
				got := ycbcr(f)
				path := filepath.Join("testdata", c.name+".png")
				if *update && way == "shaders" {
					writePNG(t, path, got)
				}
				want := readPNG(t, path)
				most := 0
				for y := range h {
					for x := range w {
						g, k := got.NRGBAAt(x, y), want.NRGBAAt(x, y)
						for _, v := range [3][2]uint8{{g.R, k.R}, {g.G, k.G}, {g.B, k.B}} {
							most = max(most, int(max(v[0], v[1])-min(v[0], v[1])))
						}
					}
				}
				if most > 1 {
					failed := filepath.Join("testdata", "failed", c.name+" "+way+".png")
					if err := os.MkdirAll(filepath.Dir(failed), 0o755); err != nil {
						t.Fatal(err)
					}
					writePNG(t, failed, got)
					t.Errorf("differs from %s by %d codes; what was drawn is in %s", path, most, failed)
				}
			})
		}
	}
}

// ycbcr shows a frame's own codes, so that a golden loses nothing to a matrix: Y' as
// green, Cb as blue, Cr as red.
func ycbcr(f *media.Frame) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, f.Width, f.Height))
	for y := range f.Height {
		for x := range f.Width {
			m.SetNRGBA(x, y, color.NRGBA{
				R: f.Planes[2].Data[y/2*f.Planes[2].Stride+x/2], G: f.Planes[0].Data[y*f.Planes[0].Stride+x],
				B: f.Planes[1].Data[y/2*f.Planes[1].Stride+x/2], A: 255,
			})
		}
	}
	return m
}

func writePNG(t *testing.T, path string, m image.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func readPNG(t *testing.T, path string) *image.NRGBA {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatalf("%v; -update makes it", err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewNRGBA(m.Bounds())
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			out.Set(x, y, m.At(x, y))
		}
	}
	return out
}
