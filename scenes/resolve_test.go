package scenes

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const resolveShow = `{"format":2,"canvas":{"width":1000,"height":500},
	"sources":[{"id":"a","kind":"k"},{"id":"b","kind":"k"}],
	"scenes":[
		{"id":"two","layers":[
			{"source":"a","width":500},
			{"source":"b","x":500,"width":500,"opacity":0.5,"fit":"cover"},
			{"source":"b","hidden":true},
			{"source":"b","opacity":0}]},
		{"id":"corner","layers":[{"source":"two","x":600,"y":100,"width":200,"height":100,"opacity":0.5}]},
		{"id":"right","layers":[{"source":"two","crop":{"left":500},"width":250,"height":250}]},
		{"id":"tall","layers":[{"source":"two","fit":"stretch","width":500,"height":500}]},
		{"id":"deep","layers":[{"source":"corner","x":0,"y":0,"width":500,"height":250},{"source":"a"}]},
		{"id":"turned","layers":[{"source":"a","x":100,"y":100,"width":200,"height":100,"rotation":90}]},
		{"id":"turnedtall","layers":[{"source":"turned","fit":"stretch","width":500,"height":500}]},
		{"id":"outside","layers":[{"source":"two","x":-1000}]}
	],
	"overlays":[{"id":"o","layers":[{"source":"b","x":10,"y":20,"width":30,"height":40}]}]}`

func TestResolve(t *testing.T) {
	s := mustParse(t, resolveShow)
	canvas := Rect{0, 0, 1000, 500}
	tests := []struct {
		id   string
		want []Placed
	}{
		{"a", []Placed{{Source: "a", Fit: Contain, Width: 1000, Height: 500, Opacity: 1, ScaleX: 1, ScaleY: 1, Clip: canvas}}},
		{"o", []Placed{{Source: "b", Fit: Contain, X: 10, Y: 20, Width: 30, Height: 40, Opacity: 1, ScaleX: 1, ScaleY: 1, Clip: canvas}}},
		{"two", []Placed{
			{Source: "a", Fit: Contain, Width: 500, Height: 500, Opacity: 1, ScaleX: 1, ScaleY: 1, Clip: canvas},
			{Source: "b", Fit: Cover, X: 500, Width: 500, Height: 500, Opacity: 0.5, ScaleX: 1, ScaleY: 1, Clip: canvas},
		}},
		{"corner", []Placed{
			{Source: "a", Fit: Contain, X: 600, Y: 100, Width: 100, Height: 100, Opacity: 0.5, ScaleX: 0.2, ScaleY: 0.2, Clip: Rect{600, 100, 200, 100}},
			{Source: "b", Fit: Cover, X: 700, Y: 100, Width: 100, Height: 100, Opacity: 0.25, ScaleX: 0.2, ScaleY: 0.2, Clip: Rect{600, 100, 200, 100}},
		}},
		// The left half is cut off, so a lies outside what the scene fills.
		{"right", []Placed{
			{Source: "a", Fit: Contain, X: -250, Width: 250, Height: 250, Opacity: 1, ScaleX: 0.5, ScaleY: 0.5, Clip: Rect{0, 0, 250, 250}},
			{Source: "b", Fit: Cover, Width: 250, Height: 250, Opacity: 0.5, ScaleX: 0.5, ScaleY: 0.5, Clip: Rect{0, 0, 250, 250}},
		}},
		{"tall", []Placed{
			{Source: "a", Fit: Contain, Width: 250, Height: 500, Opacity: 1, ScaleX: 0.5, ScaleY: 1, Clip: Rect{0, 0, 500, 500}},
			{Source: "b", Fit: Cover, X: 250, Width: 250, Height: 500, Opacity: 0.5, ScaleX: 0.5, ScaleY: 1, Clip: Rect{0, 0, 500, 500}},
		}},
		{"deep", []Placed{
			{Source: "a", Fit: Contain, X: 300, Y: 50, Width: 50, Height: 50, Opacity: 0.5, ScaleX: 0.1, ScaleY: 0.1, Clip: Rect{300, 50, 100, 50}},
			{Source: "b", Fit: Cover, X: 350, Y: 50, Width: 50, Height: 50, Opacity: 0.25, ScaleX: 0.1, ScaleY: 0.1, Clip: Rect{300, 50, 100, 50}},
			{Source: "a", Fit: Contain, Width: 1000, Height: 500, Opacity: 1, ScaleX: 1, ScaleY: 1, Clip: canvas},
		}},
		// Turned by 90 degrees the 200x100 rectangle covers 100x200 about (200, 150);
		// half as wide that is 50x200 about (100, 150).
		{"turnedtall", []Placed{{
			Source: "a", Fit: Contain, X: 0, Y: 125, Width: 200, Height: 50, Rotation: 90,
			Opacity: 1, ScaleX: 1, ScaleY: 0.5, Clip: Rect{0, 0, 500, 500},
		}}},
		{"outside", nil},
	}
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
	for _, tt := range tests {
		got, err := s.Resolve(tt.id)
		if err != nil {
			t.Errorf("%s: %v", tt.id, err)
			continue
		}
		if !slices.EqualFunc(got, tt.want, func(g, w Placed) bool {
			return g.Source == w.Source && g.Fit == w.Fit && near(g.X, w.X) && near(g.Y, w.Y) && near(g.Width, w.Width) && near(g.Height, w.Height) &&
				g.Rotation == w.Rotation && near(g.Opacity, w.Opacity) && near(g.ScaleX, w.ScaleX) && near(g.ScaleY, w.ScaleY) &&
				near(g.Clip.X, w.Clip.X) && near(g.Clip.Y, w.Clip.Y) && near(g.Clip.Width, w.Clip.Width) && near(g.Clip.Height, w.Clip.Height)
		}) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", tt.id, got, tt.want)
		}
	}
	var unknown *UnknownError
	if _, err := s.Resolve("nowhere"); !errors.As(err, &unknown) {
		t.Errorf("Resolve of nothing: %v", err)
	}
	if got, err := s.SourcesOf("deep"); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("SourcesOf: %v, %v", got, err)
	}
}

func TestDraw(t *testing.T) {
	canvas := Rect{0, 0, 1000, 500}
	box := Placed{X: 100, Y: 100, Width: 200, Height: 100, ScaleX: 1, ScaleY: 1, Clip: canvas}
	with := func(change func(*Placed)) Placed { p := box; change(&p); return p }
	tests := []struct {
		name          string
		p             Placed
		width, height float64
		want          Drawing
		ok            bool
	}{
		{"contain, narrow", with(func(p *Placed) { p.Fit = Contain }), 400, 400, Drawing{Src: Rect{0, 0, 400, 400}, Dst: Rect{150, 100, 100, 100}}, true},
		{"contain, wide", with(func(p *Placed) { p.Fit = Contain }), 400, 100, Drawing{Src: Rect{0, 0, 400, 100}, Dst: Rect{100, 125, 200, 50}}, true},
		{"cover", with(func(p *Placed) { p.Fit = Cover }), 400, 400, Drawing{Src: Rect{0, 100, 400, 200}, Dst: Rect{100, 100, 200, 100}}, true},
		{"stretch, cropped", with(func(p *Placed) { p.Fit, p.Crop = Stretch, Crop{10, 20, 30, 40} }), 400, 400, Drawing{Src: Rect{10, 20, 360, 340}, Dst: Rect{100, 100, 200, 100}}, true},
		{"none, small", with(func(p *Placed) { p.Fit = None }), 50, 20, Drawing{Src: Rect{0, 0, 50, 20}, Dst: Rect{174, 140, 50, 20}}, true},
		{"none, odd size", with(func(p *Placed) { p.Fit = None }), 51, 19, Drawing{Src: Rect{0, 0, 51, 19}, Dst: Rect{174, 140, 51, 19}}, true},
		{"none, fractions of a pixel", with(func(p *Placed) { p.Fit, p.X, p.Y = None, 100.3, 99.5 }), 50, 20, Drawing{Src: Rect{0, 0, 50, 20}, Dst: Rect{176, 140, 50, 20}}, true},
		{"none, cut at an odd column", with(func(p *Placed) { p.Fit, p.Crop.Left = None, 5 }), 56, 20, Drawing{Src: Rect{5, 0, 51, 20}, Dst: Rect{175, 140, 51, 20}}, true},
		{"none, a pixel too large", with(func(p *Placed) { p.Fit = None }), 201, 101, Drawing{Src: Rect{0, 0, 200, 100}, Dst: Rect{100, 100, 200, 100}}, true},
		{"none, too large for an odd place", with(func(p *Placed) { p.Fit, p.X = None, 101 }), 402, 100, Drawing{Src: Rect{101, 0, 200, 100}, Dst: Rect{101, 100, 200, 100}}, true},
		{"none, turned", with(func(p *Placed) { p.Fit, p.Rotation = None, 90 }), 50, 20, Drawing{Src: Rect{0, 0, 50, 20}, Dst: Rect{175, 140, 50, 20}, Rotation: 90}, true},
		{"none, large", with(func(p *Placed) { p.Fit = None }), 400, 400, Drawing{Src: Rect{100, 150, 200, 100}, Dst: Rect{100, 100, 200, 100}}, true},
		{"none, in a half-size scene", with(func(p *Placed) { p.Fit, p.ScaleX, p.ScaleY = None, 0.5, 0.5 }), 100, 50, Drawing{Src: Rect{0, 0, 100, 50}, Dst: Rect{175, 137.5, 50, 25}}, true},
		{"contain, in a scene half as wide", with(func(p *Placed) { p.Fit, p.ScaleX = Contain, 0.5 }), 200, 100, Drawing{Src: Rect{0, 0, 200, 100}, Dst: Rect{150, 100, 100, 100}}, true},
		{"cover, in a scene half as wide", with(func(p *Placed) { p.Fit, p.ScaleX = Cover, 0.5 }), 200, 100, Drawing{Src: Rect{0, 25, 200, 50}, Dst: Rect{100, 100, 200, 100}}, true},
		{"over the edge", with(func(p *Placed) { p.Fit, p.X, p.Y = Stretch, -50, 450 }), 400, 400, Drawing{Src: Rect{100, 0, 300, 200}, Dst: Rect{0, 450, 150, 50}}, true},
		{"outside", with(func(p *Placed) { p.Fit, p.X = Stretch, 1000 }), 400, 400, Drawing{}, false},
		{"cropped away", with(func(p *Placed) { p.Fit, p.Crop.Left = Stretch, 400 }), 400, 400, Drawing{}, false},
		{"rotated over the edge", with(func(p *Placed) { p.Fit, p.X, p.Rotation = Stretch, -50, -90 }), 40, 40, Drawing{Src: Rect{0, 0, 40, 40}, Dst: Rect{-50, 100, 200, 100}, Rotation: 270}, true},
		{"full turn", with(func(p *Placed) { p.Fit, p.Rotation = Stretch, 360 }), 40, 40, Drawing{Src: Rect{0, 0, 40, 40}, Dst: Rect{100, 100, 200, 100}}, true},
	}
	for _, tt := range tests {
		if tt.ok {
			tt.want.Clip = canvas
		}
		if got, ok := tt.p.Draw(tt.width, tt.height, 1); ok != tt.ok || got != tt.want {
			t.Errorf("%s: %+v, %v; want %+v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

// TestCropIsInThePicturesOwnPixels: a picture whose pixels are not square loses as many of its own as
// the crop says, and is fitted in its shape.
func TestCropIsInThePicturesOwnPixels(t *testing.T) {
	canvas := Rect{0, 0, 1024, 576}
	for _, c := range []struct {
		name string
		p    Placed
		want Drawing
	}{
		{"whole", Placed{Fit: Contain}, Drawing{Src: Rect{0, 0, 720, 576}, Dst: canvas}},
		{"blanking cut off", Placed{Fit: Stretch, Crop: Crop{Left: 8, Right: 8}}, Drawing{Src: Rect{8, 0, 704, 576}, Dst: canvas}},
		{"half", Placed{Fit: Contain, Crop: Crop{Left: 360}}, Drawing{Src: Rect{360, 0, 360, 576}, Dst: Rect{256, 0, 512, 576}}},
		{"half, over the whole", Placed{Fit: Cover, Crop: Crop{Right: 360}}, Drawing{Src: Rect{0, 144, 360, 288}, Dst: canvas}},
		{"turned", Placed{Fit: Stretch, Rotation: 90, Crop: Crop{Left: 8, Top: 2}}, Drawing{Src: Rect{8, 2, 712, 574}, Dst: canvas, Rotation: 90}},
	} {
		c.p.Width, c.p.Height, c.p.ScaleX, c.p.ScaleY, c.p.Clip = 1024, 576, 1, 1, canvas
		got, ok := c.p.Draw(720, 576, 64.0/45)
		near := func(a, b Rect) bool {
			return math.Abs(a.X-b.X) < 1e-9 && math.Abs(a.Y-b.Y) < 1e-9 && math.Abs(a.Width-b.Width) < 1e-9 && math.Abs(a.Height-b.Height) < 1e-9
		}
		if !ok || !near(got.Src, c.want.Src) || !near(got.Dst, c.want.Dst) || got.Rotation != c.want.Rotation {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, ok, c.want)
		}
	}
}

// TestPixelForPixel: with None every picture pixel is one of the canvas, an even number of
// pixels away, wherever the layer lies and whatever the size of its picture; what fits is
// shown whole, at most one pixel beside the middle.
func TestPixelForPixel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		place := func(name string, low, high int) float64 {
			return float64(rapid.IntRange(low, high).Draw(t, name)) + rapid.SampledFrom([]float64{0, 0, 0.5, 0.3}).Draw(t, name+" fraction")
		}
		p := Placed{Fit: None, X: place("x", -50, 900), Y: place("y", -50, 400), Width: place("w", 4, 300), Height: place("h", 4, 300),
			ScaleX: 1, ScaleY: 1, Clip: Rect{-1000, -1000, 3000, 3000},
			Crop: Crop{Left: rapid.IntRange(0, 3).Draw(t, "left"), Top: rapid.IntRange(0, 3).Draw(t, "top")}}
		w, h := float64(rapid.IntRange(4, 400).Draw(t, "picture's w")), float64(rapid.IntRange(4, 400).Draw(t, "picture's h"))
		d, ok := p.Draw(w, h, 1)
		if !ok {
			t.Fatal("nothing is drawn")
		}
		axis := func(name string, src, srcLength, dst, dstLength, from, n, at, room float64) {
			if srcLength != dstLength {
				t.Fatalf("%s: %v picture pixels on %v of the canvas", name, srcLength, dstLength)
			}
			if offset := (dst - src) / 2; math.Abs(offset-math.Round(offset)) > 1e-6 {
				t.Fatalf("%s: %v away, want an even number of pixels", name, dst-src)
			}
			if n -= from; n <= room {
				if src != from || srcLength != n || math.Abs(dst+n/2-at-room/2) > 1+1e-5 {
					t.Fatalf("%s: %v from %v at %v, want all %v from %v in the middle of %v from %v", name, srcLength, src, dst, n, from, room, at)
				}
				return
			}
			if src < from-1e-6 || src+srcLength > from+n+1e-6 || dst < at || dst+dstLength > at+room+1e-6 || dstLength < room-1-1e-5 {
				t.Fatalf("%s: %v from %v at %v, want what %v from %v shows of %v from %v", name, srcLength, src, dst, room, at, n, from)
			}
		}
		axis("across", d.Src.X, d.Src.Width, d.Dst.X, d.Dst.Width, float64(p.Crop.Left), w, p.X, p.Width)
		axis("down", d.Src.Y, d.Src.Height, d.Dst.Y, d.Dst.Height, float64(p.Crop.Top), h, p.Y, p.Height)
	})
}

// A picture point must appear at the same place of the canvas whether its scene is
// unfolded or drawn first and then placed as a picture.
func TestUnfoldingEqualsDrawingTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string, low, high float64) float64 { return rapid.Float64Range(low, high).Draw(t, name) }
		layer := func(source string, fits ...Fit) Layer {
			return Layer{
				Source: source, Fit: rapid.SampledFrom(fits).Draw(t, "fit"), Opacity: 1,
				X: number("x", -300, 800), Y: number("y", -300, 400), Width: number("w", 50, 1500), Height: number("h", 50, 900),
				Crop: Crop{Left: rapid.IntRange(0, 200).Draw(t, "left"), Bottom: rapid.IntRange(0, 200).Draw(t, "bottom")},
			}
		}
		s := *Default()
		s.Canvas.Width, s.Canvas.Height = 1000, 500
		// None goes to even pixels only where nothing scales it, so it is not the same in a
		// scene that is scaled.
		outer := layer("in", Contain, Cover, Stretch, None)
		fits := []Fit{Contain, Cover, Stretch}
		if outer.Fit == None {
			fits = append(fits, None)
		}
		inner := layer("a", fits...)
		s.Sources = []Source{{ID: "a"}}
		s.Scenes = []Scene{{ID: "in", Layers: []Layer{inner}}, {ID: "out", Layers: []Layer{outer}}}
		const w, h = 640, 480
		var one, two Drawing
		placed, err := s.Resolve("in")
		if err != nil {
			t.Fatal(err)
		}
		seen := len(placed) == 1
		if seen {
			one, seen = placed[0].Draw(w, h, 1)
		}
		whole, _ := around{sx: 1, sy: 1, opacity: 1, clip: Rect{0, 0, 1000, 500}}.place(outer)
		two, shown := whole.Draw(1000, 500, 1)
		want := Rect{}
		if seen && shown {
			// The part of the inner drawing that the outer one takes, in canvas pixels.
			part := one.Dst.Intersect(two.Src)
			kx, ky := two.Dst.Width/two.Src.Width, two.Dst.Height/two.Src.Height
			want = Rect{two.Dst.X + (part.X-two.Src.X)*kx, two.Dst.Y + (part.Y-two.Src.Y)*ky, part.Width * kx, part.Height * ky}
		}
		placed, err = s.Resolve("out")
		if err != nil {
			t.Fatal(err)
		}
		got := Drawing{}
		if len(placed) == 1 {
			got, _ = placed[0].Draw(w, h, 1)
		}
		if want.Width < 1e-6 || want.Height < 1e-6 {
			if got.Dst.Width > 1e-5 && got.Dst.Height > 1e-5 {
				t.Fatalf("drawn at %+v, want nothing", got.Dst)
			}
			return
		}
		near := func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }
		if !near(got.Dst.X, want.X) || !near(got.Dst.Y, want.Y) || !near(got.Dst.Width, want.Width) || !near(got.Dst.Height, want.Height) {
			t.Fatalf("drawn at %+v, want %+v", got.Dst, want)
		}
		// The same picture column must be at the left edge.
		kx := one.Src.Width / one.Dst.Width
		left := (want.X-two.Dst.X)*(two.Src.Width/two.Dst.Width) + two.Src.X
		if wantSrc := one.Src.X + (left-one.Dst.X)*kx; math.Abs(got.Src.X-wantSrc) > 1e-5 {
			t.Fatalf("picture column %v at the left edge, want %v", got.Src.X, wantSrc)
		}
	})
}
