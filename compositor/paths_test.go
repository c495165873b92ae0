package compositor

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"crosspoint.studio/crosspoint/internal/media"
)

func compose(t testing.TB, c *Compositor, p *Plan) (*media.Frame, Stats) {
	t.Helper()
	f, st, err := c.Compose(p)
	if err != nil {
		t.Fatal(err)
	}
	return f, st
}

// TestPassthroughIsTheFrameItself: one camera that fills the canvas reaches the
// encoder untouched, by reference, whatever lies under it.
func TestPassthroughIsTheFrameItself(t *testing.T) {
	d := device(t)
	c, err := New(d, 320, 180, media.Rec709, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cam, under := noisy(320, 180, 1), noisy(320, 180, 2)
	full := Box{W: 320, H: 180}
	p := &Plan{Width: 320, Height: 180, Base: []Layer{
		{Slot: "under", Frame: under, Place: full, Opacity: 1},
		{Slot: "cam", Frame: cam, Place: full, Opacity: 1},
	}}
	f, st := compose(t, c, p)
	if f != cam || st.Path != Passthrough {
		t.Errorf("got %v by %v, want the camera's own frame by passthrough", f, st.Path)
	}
	f.Release()
}

// TestRandomScenes: rectangles over a camera equal everything drawn, and the processor
// equals the shaders.
func TestRandomScenes(t *testing.T) {
	devices := ways(t)
	for way, d := range devices {
		t.Run("rectangles by "+way, func(t *testing.T) { rectanglesEqualFull(t, d) })
	}
	t.Run("both ways", func(t *testing.T) { processorEqualsShaders(t, devices) })
}

// rectanglesEqualFull draws random scenes twice: by rectangles over the camera, and in
// full with the camera as an ordinary layer.
func rectanglesEqualFull(t *testing.T, d *Device) {
	const w, h = 256, 144
	byRects, err := New(d, w, h, media.Rec709, false)
	if err != nil {
		t.Fatal(err)
	}
	defer byRects.Close()
	inFull, err := New(d, w, h, media.Rec709, false)
	if err != nil {
		t.Fatal(err)
	}
	defer inFull.Close()
	base := noisy(w, h, 7)
	pictures := []*media.Frame{noisy(320, 180, 3), noisy(64, 50, 4), lowerThird(90, 30), lowerThird(33, 61)}
	// The same picture, but the plan cannot see that it fills the canvas.
	hidden := media.NewFrame(media.NV12, w, h, interleave(base), nil)
	rects := 0
	rapid.Check(t, func(t *rapid.T) {
		over := randomLayers(t, pictures, w, h)
		full := Box{W: w, H: h}
		a, st, err := byRects.Compose(&Plan{Width: w, Height: h, Base: append([]Layer{{Slot: "base", Frame: base, Place: full, Opacity: 1}}, over...)})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Release()
		if st.Path == Rectangles {
			rects++
		}
		b, st, err := inFull.Compose(&Plan{Width: w, Height: h, Base: append([]Layer{{Slot: "hidden", Frame: hidden, Place: full, Opacity: 1}}, over...)})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Release()
		if st.Path != Full {
			t.Fatalf("the control took path %v", st.Path)
		}
		if most, where := frameDifference(a, b); most > 1 {
			t.Fatalf("%s: by rectangles and in full differ by %d codes", where, most)
		}
	})
	if rects == 0 {
		t.Error("no scene took the rectangle path: nothing was tested")
	}
}

// randomLayers are up to four of pictures anywhere on the canvas: scaled, cropped, turned,
// transparent.
func randomLayers(t *rapid.T, pictures []*media.Frame, w, h int) []Layer {
	n := rapid.IntRange(1, 4).Draw(t, "layers")
	var over []Layer
	for range n {
		which := rapid.IntRange(0, len(pictures)-1).Draw(t, "picture")
		f := pictures[which]
		l := Layer{Slot: fmt.Sprint("p", which), Frame: f, Opacity: rapid.SampledFrom([]float64{1, 1, 0.5, 0.25}).Draw(t, "opacity")}
		if rapid.Bool().Draw(t, "whole pixels") {
			l.Place = Box{float64(rapid.IntRange(-20, w/2).Draw(t, "x")), float64(rapid.IntRange(-20, h/2).Draw(t, "y")), float64(f.Width), float64(f.Height)}
		} else {
			l.Place = Box{rapid.Float64Range(-20, float64(w)/2).Draw(t, "x"), rapid.Float64Range(-20, float64(h)/2).Draw(t, "y"),
				rapid.Float64Range(4, 120).Draw(t, "w"), rapid.Float64Range(4, 80).Draw(t, "h")}
		}
		if rapid.IntRange(0, 3).Draw(t, "turned") == 0 {
			l.Rotation = rapid.Float64Range(-180, 180).Draw(t, "rotation")
		}
		if rapid.IntRange(0, 3).Draw(t, "cropped") == 0 {
			l.Crop = Box{2, 2, float64(f.Width) - 9, float64(f.Height) - 5}
		}
		over = append(over, l)
	}
	return over
}

// frameDifference is the largest distance of two pictures' codes, and where it is.
func frameDifference(a, b *media.Frame) (int, string) {
	most, where := 0, ""
	for p := range a.Planes {
		rowBytes, rows := media.PlaneSize(media.I420, a.Width, a.Height, p)
		for y := range rows {
			ra, rb := a.Planes[p].Data[y*a.Planes[p].Stride:], b.Planes[p].Data[y*b.Planes[p].Stride:]
			for x := range rowBytes {
				if d := max(ra[x], rb[x]) - min(ra[x], rb[x]); int(d) > most {
					most, where = int(d), fmt.Sprintf("plane %d at %d,%d", p, x, y)
				}
			}
		}
	}
	return most, where
}

// interleave is an I420 picture's planes as NV12.
func interleave(f *media.Frame) [3]media.Plane {
	cw, ch := (f.Width+1)/2, (f.Height+1)/2
	uv := media.Plane{Data: make([]byte, cw*2*ch), Stride: cw * 2}
	for y := range ch {
		for x := range cw {
			uv.Data[y*uv.Stride+2*x] = f.Planes[1].Data[y*f.Planes[1].Stride+x]
			uv.Data[y*uv.Stride+2*x+1] = f.Planes[2].Data[y*f.Planes[2].Stride+x]
		}
	}
	return [3]media.Plane{f.Planes[0], uv}
}

// TestTransitionsAtTheirMiddle checks each transition against its definition.
func TestTransitionsAtTheirMiddle(t *testing.T) {
	for way, d := range ways(t) {
		t.Run(way, func(t *testing.T) { transitionsAtTheirMiddle(t, d) })
	}
}

func transitionsAtTheirMiddle(t *testing.T, d *Device) {
	const w, h = 128, 72
	c, err := New(d, w, h, media.Rec709, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	flat := func(y, cb, cr byte) *media.Frame {
		f := media.NewFramePool(media.I420, w, h, 1).Get()
		f.Fill(y, cb, cr)
		return f
	}
	a, b := flat(40, 100, 160), flat(200, 140, 120)
	full := Box{W: w, H: h}
	at := func(ch Change, x, y int) [3]byte {
		f, st := compose(t, c, &Plan{Width: w, Height: h, Change: &ch,
			Base: []Layer{{Slot: "a", Frame: a, Place: full, Opacity: 1}}, To: []Layer{{Slot: "b", Frame: b, Place: full, Opacity: 1}}})
		defer f.Release()
		if st.Path != Full {
			t.Fatalf("path %v", st.Path)
		}
		return [3]byte{f.Planes[0].Data[y*f.Planes[0].Stride+x], f.Planes[1].Data[y/2*f.Planes[1].Stride+x/2], f.Planes[2].Data[y/2*f.Planes[2].Stride+x/2]}
	}
	near := func(name string, got, want [3]byte) {
		t.Helper()
		for i := range got {
			if d := int(got[i]) - int(want[i]); d < -1 || d > 1 {
				t.Errorf("%s: got %v, want %v", name, got, want)
				return
			}
		}
	}
	near("mix 0.25", at(Change{Kind: "mix", Progress: 0.25}, 9, 9), [3]byte{80, 110, 150})
	near("mix 0.5", at(Change{Kind: "mix", Progress: 0.5}, 120, 70), [3]byte{120, 120, 140})
	near("dip 0.25", at(Change{Kind: "dip", Progress: 0.25, Color: [3]uint8{16, 128, 128}}, 9, 9), [3]byte{28, 114, 144})
	near("dip 0.5", at(Change{Kind: "dip", Progress: 0.5, Color: [3]uint8{16, 128, 128}}, 9, 9), [3]byte{16, 128, 128})
	wipe := Change{Kind: "wipe", Progress: 0.5, Softness: 0.02, DirectionX: 1}
	near("wipe behind the edge", at(wipe, 10, 30), [3]byte{200, 140, 120})
	near("wipe before the edge", at(wipe, 120, 30), [3]byte{40, 100, 160})
	wipe.DirectionX = -1
	near("wipe to the left, behind", at(wipe, 120, 30), [3]byte{200, 140, 120})
	wipe.DirectionX, wipe.DirectionY = 0, -1
	near("wipe upwards, behind", at(wipe, 60, 70), [3]byte{200, 140, 120})
}

// TestFadeToBlack blends everything, overlays too, towards black.
func TestFadeToBlack(t *testing.T) {
	for way, d := range ways(t) {
		t.Run(way, func(t *testing.T) { fadeToBlack(t, d) })
	}
}

func fadeToBlack(t *testing.T, d *Device) {
	c, err := New(d, 64, 64, media.Rec709, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cam := media.NewFramePool(media.I420, 64, 64, 1).Get()
	cam.Fill(216, 100, 200)
	p := &Plan{Width: 64, Height: 64, Base: []Layer{{Slot: "a", Frame: cam, Place: Box{W: 64, H: 64}, Opacity: 1}}, Black: 0.5}
	f, _ := compose(t, c, p)
	if got := f.Planes[0].Data[0]; got < 115 || got > 117 {
		t.Errorf("luma at half black is %d, want 116", got)
	}
	if got := f.Planes[2].Data[0]; got < 163 || got > 165 {
		t.Errorf("Cr at half black is %d, want 164", got)
	}
	f.Release()
	p.Black = 1
	f, st := compose(t, c, p)
	if st.Path != BlackOnly || f.Planes[0].Data[0] != 16 || f.Planes[1].Data[0] != 128 {
		t.Errorf("full black: path %v, Y %d, Cb %d", st.Path, f.Planes[0].Data[0], f.Planes[1].Data[0])
	}
	f.Release()
}

// TestUnchangedPlanIsNotDrawnAgain: a still programme costs nothing.
func TestUnchangedPlanIsNotDrawnAgain(t *testing.T) {
	d := device(t)
	c, err := New(d, 64, 64, media.Rec709, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	title := lowerThird(40, 20)
	p := &Plan{Width: 64, Height: 64, Base: []Layer{{Slot: "t", Frame: title, Place: Box{4, 4, 40, 20}, Opacity: 1}}}
	a, st := compose(t, c, p)
	if st.Pixels == 0 {
		t.Fatal("the first composition drew nothing")
	}
	b, st := compose(t, c, p)
	if a != b || st.Pixels != 0 {
		t.Errorf("the second composition drew %d pixels", st.Pixels)
	}
	p.Base[0].Opacity = 0.5
	m, st := compose(t, c, p)
	if m == a || st.Pixels == 0 {
		t.Error("a changed opacity was not drawn")
	}
	a.Release()
	b.Release()
	m.Release()
}

// TestComposeAllocates nothing in steady state.
func TestComposeAllocates(t *testing.T) {
	d := device(t)
	c, err := New(d, 640, 360, media.Rec709, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cams := [2]*media.Frame{noisy(640, 360, 1), noisy(640, 360, 2)}
	title := lowerThird(300, 60)
	p := &Plan{Width: 640, Height: 360, Base: make([]Layer, 1), Over: []Layer{{Slot: "t", Frame: title, Place: Box{100, 260, 300, 60}, Opacity: 1}}}
	n := 0
	got := testing.AllocsPerRun(50, func() {
		p.Base[0] = Layer{Slot: "a", Frame: cams[n&1], Place: Box{W: 640, H: 360}, Opacity: 1}
		n++
		f, _, err := c.Compose(p)
		if err != nil {
			t.Fatal(err)
		}
		f.Release()
	})
	if got > 0 {
		t.Errorf("a composition allocates %v times in steady state, want none", got)
	}
}
