package cpu

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// noise has every code in it.
func noise(n int, seed uint32) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*1664525 + 1013904223
		b[i] = byte(seed >> 24)
	}
	return b
}

// reference is sum in codes.
func reference(src Plane, mx, my Map, x, y int) float64 {
	return min(max(sum(src, mx, my, x, y), 0), 255)
}

// sum weighs texels in float64 straight from the definition of the kernels.
func sum(src Plane, mx, my Map, x, y int) float64 {
	comps := max(src.Comps, 1)
	axis := func(m Map, i int, each func(k int, w float64)) {
		at := m.Scale*(float64(i)+0.5) + m.Offset
		put := func(k int, w float64) { each(min(max(k, m.Least), m.Most-1), w) }
		if m.Kernel == Cubic {
			for k := int(math.Floor(at-0.5)) - 1; k <= int(math.Floor(at-0.5))+2; k++ {
				put(k, keys(math.Abs(at-0.5-float64(k))))
			}
			return
		}
		f := max(m.Scale, 1)
		for k := int(math.Floor(at - f/2)); float64(k) < at+f/2; k++ {
			put(k, max(0, min(float64(k+1), at+f/2)-max(float64(k), at-f/2))/f)
		}
	}
	total := 0.0
	axis(my, y, func(ky int, wy float64) {
		axis(mx, x, func(kx int, wx float64) {
			total += wx * wy * float64(src.Data[ky*src.Stride+kx*comps+src.Comp])
		})
	})
	return total
}

// keys is the cubic convolution kernel at distance d, a = -0.6.
func keys(d float64) float64 {
	const a = -0.6
	switch {
	case d <= 1:
		return (a+2)*d*d*d - (a+3)*d*d + 1
	case d < 2:
		return a*d*d*d - 5*a*d*d + 8*a*d - 4*a
	}
	return 0
}

// TestResampleIsItsDefinition: any scale, place, crop and layout, within what 8-bit
// rounding and the weights' own explain.
func TestResampleIsItsDefinition(t *testing.T) {
	var scratch Scratch
	rapid.Check(t, func(t *rapid.T) {
		comps := rapid.SampledFrom([]int{1, 1, 2, 4}).Draw(t, "comps")
		sw, sh := rapid.IntRange(1, 70).Draw(t, "sw"), rapid.IntRange(1, 40).Draw(t, "sh")
		src := Plane{Data: noise(sw*comps*sh, uint32(sw)), Stride: sw * comps, Comps: comps, Comp: rapid.IntRange(0, comps-1).Draw(t, "comp")}
		axis := func(name string, size int) Map {
			m := Map{Kernel: rapid.SampledFrom([]Kernel{Box, Cubic}).Draw(t, name+" kernel")}
			m.Scale = rapid.SampledFrom([]float64{1, 2, 3, 4, 0.5, 1.5, 2.37, 0.83, 9.1, 17}).Draw(t, name+" scale")
			m.Offset = rapid.SampledFrom([]float64{0, 0.25, -3, 1.37, -0.5}).Draw(t, name+" offset")
			m.Least = rapid.IntRange(0, size-1).Draw(t, name+" least")
			m.Most = rapid.IntRange(m.Least+1, size).Draw(t, name+" most")
			return m
		}
		mx, my := axis("x", sw), axis("y", sh)
		from := rapid.IntRange(-2, 9).Draw(t, "from")
		w, h := rapid.IntRange(1, 40).Draw(t, "w"), rapid.IntRange(1, 12).Draw(t, "h")
		dst := Plane{Data: make([]byte, (w+5)*h), Stride: w + 5}
		for i := range dst.Data {
			dst.Data[i] = 77
		}
		Resample(dst, src, Columns(mx, from, from+w), Rows(my, 3, 3+h), &scratch)
		for y := range h {
			for x := range w + 5 {
				got := dst.Data[y*dst.Stride+x]
				if x >= w {
					if got != 77 {
						t.Fatalf("code %d,%d beyond the result was written", x, y)
					}
					continue
				}
				if want := reference(src, mx, my, from+x, 3+y); math.Abs(float64(got)-want) > 0.8 {
					t.Fatalf("%d,%d: got %d, want %.2f (%+v, %+v)", x, y, got, want, mx, my)
				}
			}
		}
	})
}

// TestResampleGraphicIsItsDefinition: colour and alpha where alpha, filtered, is above 255
// are both divided by it, and colour is never above alpha.
func TestResampleGraphicIsItsDefinition(t *testing.T) {
	var scratch Scratch
	rapid.Check(t, func(t *rapid.T) {
		comps := rapid.SampledFrom([]int{2, 4}).Draw(t, "comps")
		sw, sh := rapid.IntRange(1, 70).Draw(t, "sw"), rapid.IntRange(1, 40).Draw(t, "sh")
		src := Plane{Data: noise(sw*comps*sh, uint32(sw)), Stride: sw * comps, Comps: comps}
		alpha := src
		alpha.Comp = comps - 1
		for i := 0; i < len(src.Data); i += comps { // opaque or not there
			there := byte(0)
			if src.Data[i] > 100 {
				there = 255
			}
			src.Data[i], src.Data[i+alpha.Comp] = min(src.Data[i], there), there
		}
		axis := func(name string, size int) Map {
			return Map{Kernel: Cubic, Most: size, Scale: rapid.SampledFrom([]float64{0.5, 0.83, 2.0 / 3, 0.1}).Draw(t, name+" scale"),
				Offset: rapid.SampledFrom([]float64{0, 0.25, -3, 1.37}).Draw(t, name+" offset")}
		}
		mx, my := axis("x", sw), axis("y", sh)
		w, h := rapid.IntRange(1, 40).Draw(t, "w"), rapid.IntRange(1, 12).Draw(t, "h")
		dst, dstAlpha := Plane{Data: make([]byte, (w+5)*h), Stride: w + 5}, Plane{Data: make([]byte, w*h), Stride: w}
		ResampleGraphic(dst, dstAlpha, src, alpha, Columns(mx, 0, w), Rows(my, 0, h), &scratch)
		for y := range h {
			for x := range w + 5 {
				got := float64(dst.Data[y*dst.Stride+x])
				if x >= w {
					if got != 0 {
						t.Fatalf("code %d,%d beyond the result was written", x, y)
					}
					continue
				}
				code, a := sum(src, mx, my, x, y), sum(alpha, mx, my, x, y)
				wantAlpha := min(max(a, 0), 255)
				want := min(max(code*255/max(a, 255), 0), wantAlpha)
				gotAlpha := float64(dstAlpha.Data[y*w+x])
				if math.Abs(got-want) > 1 || math.Abs(gotAlpha-wantAlpha) > 1 || got > gotAlpha {
					t.Fatalf("%d,%d: got %v of %v, want %.2f of %.2f (%+v, %+v)", x, y, got, gotAlpha, want, wantAlpha, mx, my)
				}
			}
		}
	})
}

// TestCopyByResample: a scale of 1 on whole texels changes nothing.
func TestCopyByResample(t *testing.T) {
	src := Plane{Data: noise(64*4, 1), Stride: 64}
	dst := Plane{Data: make([]byte, 64*4), Stride: 64}
	var s Scratch
	m := Map{Scale: 1, Most: 64, Kernel: Box}
	my := m
	my.Most = 4
	Resample(dst, src, Columns(m, 0, 64), Rows(my, 0, 4), &s)
	for i := range src.Data {
		if src.Data[i] != dst.Data[i] {
			t.Fatalf("code %d: got %d, want %d", i, dst.Data[i], src.Data[i])
		}
	}
}

// TestBlends compares every pair of codes with exact arithmetic.
func TestBlends(t *testing.T) {
	const n = 256
	a, b := Plane{Data: make([]byte, n*n), Stride: n}, Plane{Data: make([]byte, n*n), Stride: n}
	for i := range a.Data {
		a.Data[i], b.Data[i] = byte(i), byte(i>>8)
	}
	dst := Plane{Data: make([]byte, n*n), Stride: n}
	check := func(name string, want func(a, b float64) float64) {
		t.Helper()
		for i, got := range dst.Data {
			if w := want(float64(a.Data[i]), float64(b.Data[i])); math.Abs(float64(got)-w) > 1.7 { // three roundings, and that of the weight
				t.Fatalf("%s of %d and %d: got %d, want %.2f", name, a.Data[i], b.Data[i], got, w)
			}
		}
	}
	for _, k := range []float64{0, 0.25, 0.5, 0.7, 1} {
		var c Cover
		c.Even(n, n, k)
		Blend(dst, a, b, &c)
		check(fmt.Sprint("mix ", k), func(a, b float64) float64 { return a + (b-a)*k })
		Dip(dst, a, 200, n, n, k)
		check(fmt.Sprint("dip ", k), func(a, _ float64) float64 { return a + (200-a)*k })
		// b as alpha of a premultiplied code 3/4 of it, over a
		want := func(a, b float64) float64 { return math.Floor(b*3/4)*k + a*(1-b*k/255) }
		for _, step := range []int{1, 2, 4} {
			src, alpha := Plane{Data: make([]byte, step*n*n), Stride: step * n, Comps: step}, Plane{Data: make([]byte, step*n*n), Stride: step * n, Comps: step}
			alpha.Comp = step - 1
			for i, v := range b.Data {
				src.Data[step*i], alpha.Data[step*i+step-1] = byte(int(v)*3/4), v
			}
			Copy(dst, a, n, n)
			Over(dst, src, alpha, &c)
			check(fmt.Sprint("over ", step, " ", k), want)
		}
	}
	Fill(dst.At(1, 1), 9, 2, 2)
	if dst.Data[n+1] != 9 || dst.Data[2*n+2] != 9 {
		t.Error("Fill did not set its rectangle")
	}
}

// TestCover: a place counts its column times its row.
func TestCover(t *testing.T) {
	c := Cover{X: []uint16{0, 128, 256}, Y: []uint16{256, 128, 0}}
	a, b := Plane{Data: make([]byte, 9), Stride: 3}, Plane{Data: []byte{200, 200, 200, 200, 200, 200, 200, 200, 200}, Stride: 3}
	Blend(a, a, b, &c)
	want := [9]byte{0, 100, 200, 0, 50, 100, 0, 0, 0}
	if [9]byte(a.Data) != want {
		t.Errorf("got %v, want %v", a.Data, want)
	}
}

func BenchmarkThird(b *testing.B) {
	src := Plane{Data: noise(1920*1080, 1), Stride: 1920}
	dst := Plane{Data: make([]byte, 640*360), Stride: 640}
	x, y := Columns(Map{Scale: 3, Most: 1920, Kernel: Box}, 0, 640), Rows(Map{Scale: 3, Most: 1080, Kernel: Box}, 0, 360)
	var s Scratch
	b.SetBytes(1920 * 1080)
	for b.Loop() {
		Resample(dst, src, x, y, &s)
	}
}

func BenchmarkOther(b *testing.B) {
	src := Plane{Data: noise(1920*1080, 1), Stride: 1920}
	dst := Plane{Data: make([]byte, 1920*1080), Stride: 1920}
	var s Scratch
	x, y := Columns(Map{Scale: 2.0 / 3, Most: 1280, Kernel: Cubic}, 0, 1920), Rows(Map{Scale: 2.0 / 3, Most: 720, Kernel: Cubic}, 0, 1080)
	b.Run("larger", func(b *testing.B) {
		for b.Loop() {
			Resample(dst, src, x, y, &s)
		}
	})
	graphic := Plane{Data: noise(2*1280*720, 1), Stride: 2560, Comps: 2}
	its := graphic
	its.Comp = 1
	dstAlpha := Plane{Data: make([]byte, 1920*1080), Stride: 1920}
	b.Run("graphic larger", func(b *testing.B) {
		for b.Loop() {
			ResampleGraphic(dst, dstAlpha, graphic, its, x, y, &s)
		}
	})
	var c Cover
	b.Run("mix", func(b *testing.B) {
		c.Even(1920, 1080, 0.3)
		for b.Loop() {
			Blend(dst, dst, src, &c)
		}
	})
	luma := Plane{Data: noise(2*1500*180, 1), Stride: 3000, Comps: 2}
	alpha := luma
	alpha.Comp = 1
	b.Run("over luma", func(b *testing.B) {
		c.Even(1500, 180, 1)
		for b.Loop() {
			Over(dst, luma, alpha, &c)
		}
	})
	chroma := Plane{Data: noise(4*750*90, 1), Stride: 3000, Comps: 4}
	alpha = chroma
	alpha.Comp = 3
	b.Run("over Cb", func(b *testing.B) {
		c.Even(750, 90, 1)
		for b.Loop() {
			Over(dst, chroma, alpha, &c)
		}
	})
}

// TestThinned: a pixel of very many texels is made of a few of them, which are the picture's own,
// and looks as if it were made of all.
func TestThinned(t *testing.T) {
	var s Scratch
	for _, size := range []int{1, 2, 90, 1080, 16384} {
		for _, scale := range []float64{1, 128, 128.5, 700, 5000, 2 * 16384} {
			for _, cut := range []int{0, size / 3} {
				m := Map{Scale: scale, Offset: -0.3 * scale, Least: cut, Most: size - cut, Kernel: Box}
				thin, grid := m.Thinned()
				if thin.reach() > MostTexels+1 {
					t.Errorf("%+v: a pixel has %d texels", m, thin.reach())
				}
				if last := grid.First + (thin.Most-1)*grid.Step; thin.Least >= thin.Most || grid.First+thin.Least*grid.Step < m.Least || last >= m.Most {
					t.Errorf("%+v: texels %+v of %+v", m, thin, grid)
					continue
				}
				if scale <= MostTexels && (thin != m || grid != Grid{Step: 1}) {
					t.Errorf("%+v became %+v of %+v", m, thin, grid)
				}
				if scale > float64(2*(m.Most-m.Least)) {
					continue // below half a pixel: nobody draws that
				}
				one, all := Map{Scale: 1, Most: 3, Kernel: Box}, Grid{Step: 1}
				for _, comps := range []int{1, 2} {
					across := Plane{Data: make([]byte, size*comps*3), Stride: size * comps, Comps: comps, Comp: comps - 1}
					down := Plane{Data: make([]byte, size*comps*3), Stride: 3 * comps, Comps: comps, Comp: comps - 1}
					for i := range size {
						for j := range 3 {
							code := byte(16 + 220*i/size)
							across.Data[j*across.Stride+i*comps+across.Comp] = code
							down.Data[i*down.Stride+j*comps+down.Comp] = code
						}
					}
					dst := Plane{Data: make([]byte, 5*3), Stride: 5}
					Resample(dst, across.Thinned(grid, all), Columns(thin, -2, 3), Rows(one, 0, 3), &s)
					for x := range 5 {
						near(t, dst.Data[x], reference(across, m, one, x-2, 0), "across", m)
					}
					dst.Stride = 3
					Resample(dst, down.Thinned(all, grid), Columns(one, 0, 3), Rows(thin, -2, 3), &s)
					for y := range 5 {
						near(t, dst.Data[3*y], reference(down, one, m, 0, y-2), "down", m)
					}
				}
			}
		}
	}
}

// near allows what the weights of a hundred texels lose, and that those at the edges are not all read.
func near(t *testing.T, got byte, want float64, way string, m Map) {
	t.Helper()
	if math.Abs(float64(got)-want) > 5 {
		t.Errorf("%s, %+v: got %d, want %.1f", way, m, got, want)
	}
}
