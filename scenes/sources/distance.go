package sources

import (
	"image"
	"math"
)

// distanceField grows a mask by a distance with round corners: the exact Euclidean
// distance transform of Felzenszwalb and Huttenlocher ("Distance Transforms of
// Sampled Functions", Theory of Computing 8, 2012), which is linear in the pixels.
// It keeps its memory. For one goroutine.
type distanceField struct {
	squared []float64 // distance to the mask, squared, row by row
	line    []float64 // one row or column
	out     []float64
	sites   []int
	bounds  []float64
}

const farAway = 1e12

// grow sets dst to src widened by width pixels; both have the same size, which
// dst's is set to already.
func (d *distanceField) grow(dst, src *image.Alpha, width float64) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	d.squared = resize(d.squared, w*h)
	for i, v := range src.Pix {
		// A pixel that is partly covered has the edge inside it: the more it is covered,
		// the nearer to its centre.
		switch {
		case v == 0:
			d.squared[i] = farAway
		case v == 255:
			d.squared[i] = 0
		default:
			near := max(0, 0.5-float64(v)/255)
			d.squared[i] = near * near
		}
	}
	n := max(w, h)
	d.line, d.out = resize(d.line, n), resize(d.out, n)
	d.bounds = resize(d.bounds, n+1)
	if cap(d.sites) < n {
		d.sites = make([]int, n)
	}
	for x := range w {
		for y := range h {
			d.line[y] = d.squared[y*w+x]
		}
		d.transform(h)
		for y := range h {
			d.squared[y*w+x] = d.out[y]
		}
	}
	for y := range h {
		copy(d.line, d.squared[y*w:(y+1)*w])
		d.transform(w)
		for x := range w {
			cover := min(max(width+0.5-math.Sqrt(d.out[x]), 0), 1)
			dst.Pix[y*w+x] = max(src.Pix[y*w+x], code(cover*255))
		}
	}
}

// transform sets out[q] to the least (q-p)^2 + line[p] over all p below n: the lower
// envelope of n parabolas.
func (d *distanceField) transform(n int) {
	f, sites, bounds := d.line, d.sites[:n], d.bounds
	k := 0
	sites[0] = 0
	bounds[0], bounds[1] = math.Inf(-1), math.Inf(1)
	for q := 1; q < n; q++ {
		var at float64
		for {
			p := sites[k]
			at = ((f[q] + float64(q*q)) - (f[p] + float64(p*p))) / float64(2*(q-p))
			if at > bounds[k] { // always so for k 0, whose bound is minus infinity
				break
			}
			k--
		}
		k++
		sites[k] = q
		bounds[k], bounds[k+1] = at, math.Inf(1)
	}
	k = 0
	for q := range n {
		for bounds[k+1] < float64(q) {
			k++
		}
		p := sites[k]
		d.out[q] = float64((q-p)*(q-p)) + f[p]
	}
}

func resize(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	return s[:n]
}
