package compositor

import (
	"fmt"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// logo is a graphic of one colour with hard edges: a block, a hole in it, and lines of
// one and two pixels.
func logo(w, h int, r, g, b byte) *media.Frame {
	f := media.NewFramePool(media.RGBA, w, h, 1).Get()
	for y := range h {
		for x := range w {
			p := f.Planes[0].Data[y*f.Planes[0].Stride+4*x:]
			p[0], p[1], p[2], p[3] = r, g, b, 0
			block := x > w/8 && x < w/2 && y > h/8 && y < h*7/8
			hole := x > w/4 && x < w*3/8 && y > h/3 && y < h*2/3
			line := x == w*5/8 || x == w*3/4 || x == w*3/4+1 || y == h/2
			if block && !hole || line {
				p[3] = 255
			}
		}
	}
	return f
}

// TestLogosMadeLargerKeepTheirColour: at hard edges of a graphic that is made larger, codes lie
// between the graphic's and those of what is under it, however far the kernel overshoots.
func TestLogosMadeLargerKeepTheirColour(t *testing.T) {
	const w, h = 192, 108
	devices := ways(t)
	for _, c := range []struct {
		name    string
		r, g, b byte
	}{{"white", 255, 255, 255}, {"red", 255, 0, 0}, {"blue", 0, 0, 255}} {
		for _, scale := range []float64{2, 1.5} {
			for _, turned := range []float64{0, 10} {
				graphic := logo(80, 48, c.r, c.g, c.b)
				under := media.NewFramePool(media.I420, w, h, 1).Get()
				under.Fill(60, 128, 128)
				plan := &Plan{Width: w, Height: h, Base: []Layer{
					{Slot: "under", Frame: under, Place: Box{W: w, H: h}, Opacity: 1},
					{Slot: "logo " + c.name, Frame: graphic, Place: Box{6, 5, 80 * scale, 48 * scale}, Rotation: turned, Opacity: 1},
				}}
				ground, paint := [3]uint8{60, 128, 128}, YCbCr(c.r, c.g, c.b, media.Rec709)
				for way, d := range devices {
					t.Run(fmt.Sprint(c.name, " ", scale, " turned by ", turned, " by ", way), func(t *testing.T) {
						comp, err := New(d, w, h, media.Rec709, false)
						if err != nil {
							t.Fatal(err)
						}
						defer comp.Close()
						got, _ := compose(t, comp, plan)
						defer got.Release()
						for i := range 3 {
							low, high := min(ground[i], paint[i]), max(ground[i], paint[i])
							least, most := codeRange(got, i)
							// Codes, alpha and what is blended are rounded.
							if least+2 < low || most > high+2 {
								t.Errorf("plane %d: codes %d to %d, want %d to %d", i, least, most, low, high)
							}
							if most+2 < high || least > low+2 {
								t.Errorf("plane %d: codes %d to %d: the graphic or its ground is not there", i, least, most)
							}
						}
					})
				}
			}
		}
	}
}

// TestLogosMadeLargerBothWays: the processor and the shaders draw the same edges.
func TestLogosMadeLargerBothWays(t *testing.T) {
	const w, h = 192, 108
	devices := ways(t)
	under := photograph(w, h)
	for _, scale := range []float64{2, 1.5, 1.2} {
		plan := &Plan{Width: w, Height: h, Base: []Layer{
			{Slot: "under", Frame: under, Place: Box{W: w, H: h}, Opacity: 1},
			{Slot: "white", Frame: logo(80, 48, 255, 255, 255), Place: Box{6, 4, 80 * scale, 48 * scale}, Opacity: 1},
			{Slot: "soft", Frame: lowerThird(40, 20), Place: Box{90.5, 60, 40 * scale, 20 * scale}, Opacity: 0.75},
		}}
		var got [2]*media.Frame
		for i, way := range [2]string{"processor", "shaders"} {
			comp, err := New(devices[way], w, h, media.Rec709, false)
			if err != nil {
				t.Fatal(err)
			}
			defer comp.Close()
			got[i], _ = compose(t, comp, plan)
			defer got[i].Release()
		}
		if most, where := frameDifference(got[0], got[1]); most > 2 {
			t.Errorf("%v times as large, %s: by processor and by shaders differ by %d codes", scale, where, most)
		}
	}
}

// TestPixelForPixelIsACopy: a picture an even number of pixels away, neither larger nor smaller, is the
// same to the bit wherever it lands and whatever its size. (Of a size that is odd, the
// samples of colour at its rim are shared with what is beside it.)
func TestPixelForPixelIsACopy(t *testing.T) {
	const w, h = 128, 72
	under := photograph(w, h)
	for way, d := range ways(t) {
		for _, size := range [][2]int{{40, 20}, {41, 20}, {40, 21}, {41, 21}} {
			opaque := logo(size[0], size[1], 10, 200, 90)
			for i := range opaque.Planes[0].Data {
				opaque.Planes[0].Data[i] |= byte(i*37) & 127
				if i%4 == 3 {
					opaque.Planes[0].Data[i] = 255
				}
			}
			Prepare(opaque, media.Rec709)
			graphic := opaque.Native.(*Graphic)
			camera := noisy(size[0], size[1], 3)
			cw := (size[0] + 1) / 2
			for _, c := range []struct {
				name  string
				frame *media.Frame
				code  func(i, x, y int) byte
			}{
				{"graphic", opaque, func(i, x, y int) byte {
					if i == 0 {
						return graphic.luma[2*(y*size[0]+x)]
					}
					return graphic.chroma[4*(y*cw+x)+i-1]
				}},
				{"camera", camera, func(i, x, y int) byte { return camera.Planes[i].Data[y*camera.Planes[i].Stride+x] }},
			} {
				// Cropping by odd numbers goes with odd places.
				for _, at := range [][4]int{{0, 0, 0, 0}, {10, 6, 0, 0}, {88, 52, 0, 0}, {13, 7, 3, 1}} {
					t.Run(fmt.Sprint(way, " ", c.name, size, at), func(t *testing.T) {
						comp, err := New(d, w, h, media.Rec709, false)
						if err != nil {
							t.Fatal(err)
						}
						defer comp.Close()
						crop := Box{float64(at[2]), float64(at[3]), float64(size[0] - at[2]), float64(size[1] - at[3])}
						got, _ := compose(t, comp, &Plan{Width: w, Height: h, Base: []Layer{
							{Slot: "under", Frame: under, Place: Box{W: w, H: h}, Opacity: 1},
							{Slot: fmt.Sprint(c.name, size), Frame: c.frame, Crop: crop, Place: Box{float64(at[0]), float64(at[1]), crop.W, crop.H}, Opacity: 1},
						}})
						defer got.Release()
						for i := range 3 {
							x0, y0, x1, y1, dx, dy := at[2], at[3], size[0], size[1], at[0]-at[2], at[1]-at[3]
							if i > 0 {
								x0, y0, x1, y1, dx, dy = x0/2, (y0+1)/2, x1/2, y1/2, dx/2, dy/2
								if size[0]%2 != 0 || size[1]%2 != 0 || at[2] != 0 {
									x0++ // an edge that cuts samples is half way through the first
								}
							}
							for y := y0; y < y1; y++ {
								for x := x0; x < x1; x++ {
									px, py := x+dx, y+dy
									if pw, ph := media.PlaneSize(media.I420, w, h, i); px >= pw || py >= ph {
										continue
									}
									if v, want := got.Planes[i].Data[py*got.Planes[i].Stride+px], c.code(i, x, y); v != want {
										t.Fatalf("plane %d: %d at %d,%d, want the picture's own %d", i, v, px, py, want)
									}
								}
							}
						}
					})
				}
			}
		}
	}
}

// codeRange is the least and the largest code of plane i.
func codeRange(f *media.Frame, i int) (least, most uint8) {
	least = 255
	rowBytes, rows := media.PlaneSize(media.I420, f.Width, f.Height, i)
	for y := range rows {
		for _, v := range f.Planes[i].Data[y*f.Planes[i].Stride:][:rowBytes] {
			least, most = min(least, v), max(most, v)
		}
	}
	return least, most
}
