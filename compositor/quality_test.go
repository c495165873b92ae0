package compositor

import (
	"fmt"
	"math"
	"testing"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// zonePlate sweeps all spatial frequencies, in luma and in chroma.
func zonePlate(w, h int) *media.Frame {
	f := media.NewFramePool(media.I420, w, h, 1).Get()
	for p := range f.Planes {
		rowBytes, rows := media.PlaneSize(media.I420, w, h, p)
		k := math.Pi / 2 / math.Hypot(float64(rowBytes)/2, float64(rows)/2)
		for y := range rows {
			for x := range rowBytes {
				dx, dy := float64(x)-float64(rowBytes)/2, float64(y)-float64(rows)/2
				f.Planes[p].Data[y*f.Planes[p].Stride+x] = byte(126 + 100*math.Cos(k*(dx*dx+dy*dy)/2+float64(p)))
			}
		}
	}
	return f
}

// photograph has what photographs have: 1/f noise, soft gradients, hard edges.
func photograph(w, h int) *media.Frame {
	f := media.NewFramePool(media.I420, w, h, 1).Get()
	seed := uint32(1)
	for p := range f.Planes {
		rowBytes, rows := media.PlaneSize(media.I420, w, h, p)
		sum := make([]float64, rowBytes*rows)
		for size := 2; size <= 128; size *= 2 {
			gw, gh := rowBytes/size+2, rows/size+2
			grid := make([]float64, gw*gh)
			for i := range grid {
				seed = seed*1664525 + 1013904223
				grid[i] = float64(seed>>8)/(1<<24) - 0.5
			}
			for y := range rows {
				for x := range rowBytes {
					gx, gy := float64(x)/float64(size), float64(y)/float64(size)
					ix, iy := int(gx), int(gy)
					fx, fy := gx-float64(ix), gy-float64(iy)
					a := grid[iy*gw+ix]*(1-fx) + grid[iy*gw+ix+1]*fx
					b := grid[(iy+1)*gw+ix]*(1-fx) + grid[(iy+1)*gw+ix+1]*fx
					sum[y*rowBytes+x] += (a*(1-fy) + b*fy) * float64(size)
				}
			}
		}
		for y := range rows {
			for x := range rowBytes {
				v := 126 + sum[y*rowBytes+x]*0.8
				if x*3 > rowBytes && x*3 < rowBytes*2 && y*2 > rows {
					v = 200 - v/4 // an object with an edge
				}
				f.Planes[p].Data[y*f.Planes[p].Stride+x] = byte(min(max(v, 16), 235))
			}
		}
	}
	return f
}

// ssim is the mean structural similarity of one plane over 8x8 windows (Wang et al.,
// IEEE Trans. Image Processing 13(4), 2004).
func ssim(a, b *media.Frame, p int) float64 {
	const c1, c2 = 6.5025, 58.5225
	w, h := media.PlaneSize(media.I420, a.Width, a.Height, p)
	total, n := 0.0, 0
	for y := 0; y+8 <= h; y += 4 {
		for x := 0; x+8 <= w; x += 4 {
			var sa, sb, saa, sbb, sab float64
			for j := range 8 {
				for i := range 8 {
					u := float64(a.Planes[p].Data[(y+j)*a.Planes[p].Stride+x+i])
					v := float64(b.Planes[p].Data[(y+j)*b.Planes[p].Stride+x+i])
					sa, sb, saa, sbb, sab = sa+u, sb+v, saa+u*u, sbb+v*v, sab+u*v
				}
			}
			ma, mb := sa/64, sb/64
			va, vb, cov := saa/64-ma*ma, sbb/64-mb*mb, sab/64-ma*mb
			total += (2*ma*mb + c1) * (2*cov + c2) / ((ma*ma + mb*mb + c1) * (va + vb + c2))
			n++
		}
	}
	return total / float64(n)
}

// TestScalingLooksLikeSwscale holds the shaders' scaling beside swscale's area
// average (down) and bicubic (up), luma and chroma.
func TestScalingLooksLikeSwscale(t *testing.T) {
	devices := ways(t)
	const w, h = 960, 540
	for name, src := range map[string]*media.Frame{"zone plate": zonePlate(w, h), "photograph": photograph(w, h)} {
		for _, s := range []struct {
			name string
			w, h int
			q    av.Quality
		}{{"1/3", 320, 180, av.Area}, {"1/2", 480, 270, av.Area}, {"2/3", 640, 360, av.Area}, {"2x", 1920, 1080, av.Bicubic}} {
			for way, d := range devices {
				t.Run(fmt.Sprint(name, " ", s.name, " by ", way), func(t *testing.T) {
					c, err := New(d, s.w, s.h, media.Rec709, false)
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					got, _ := compose(t, c, &Plan{Width: s.w, Height: s.h, Base: []Layer{{Slot: name, Frame: src, Place: Box{W: float64(s.w), H: float64(s.h)}, Opacity: 1}}})
					defer got.Release()
					want := media.NewFramePool(media.I420, s.w, s.h, 1).Get()
					sc := av.NewScaler(s.q)
					defer sc.Close()
					if err := sc.Scale(want, src); err != nil {
						t.Fatal(err)
					}
					for p, plane := range [3]string{"Y", "Cb", "Cr"} {
						v := ssim(got, want, p)
						t.Logf("%s SSIM %.4f", plane, v)
						if v < 0.98 {
							t.Errorf("%s: SSIM %.4f beside swscale, want at least 0.98", plane, v)
						}
					}
				})
			}
		}
	}
}

// TestBarsAreExact: 75 % colour bars as a graphic come out within one code of the
// values of Rec. ITU-R BT.709, computed here from its definition.
func TestBarsAreExact(t *testing.T) {
	const w, h = 448, 64
	f := media.NewFramePool(media.RGBA, w, h, 1).Get()
	bars := [7][3]byte{{191, 191, 191}, {191, 191, 0}, {0, 191, 191}, {0, 191, 0}, {191, 0, 191}, {191, 0, 0}, {0, 0, 191}}
	for y := range h {
		for x := range w {
			p := f.Planes[0].Data[y*f.Planes[0].Stride+4*x:]
			copy(p, bars[x/64][:])
			p[3] = 255
		}
	}
	d := device(t)
	c, err := New(d, w, h, media.Rec709, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, _ := compose(t, c, &Plan{Width: w, Height: h, Base: []Layer{{Slot: "bars", Frame: f, Place: Box{W: w, H: h}, Opacity: 1}}})
	defer got.Release()
	for i, b := range bars {
		r, g, bl := float64(b[0]), float64(b[1]), float64(b[2])
		luma := 0.2126*r + 0.7152*g + 0.0722*bl
		want := [3]float64{16 + luma*219/255, 128 + (bl-luma)/1.8556*224/255, 128 + (r-luma)/1.5748*224/255}
		x := i*64 + 32
		for p := range 3 {
			px, py := x, h/2
			if p > 0 {
				px, py = x/2, h/4
			}
			v := float64(got.Planes[p].Data[py*got.Planes[p].Stride+px])
			if math.Abs(v-want[p]) > 1 {
				t.Errorf("bar %d plane %d: got %v, want %.2f", i, p, v, want[p])
			}
		}
	}
}
