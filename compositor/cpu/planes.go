package cpu

// #include "planes.h"
import "C"

import (
	"fmt"
	"math"
	"unsafe"
)

// Plane is a rectangle of codes: Data starts with its first row, Stride is in bytes.
// Comps is how many codes lie side by side at each place (2 for the chroma of NV12),
// 0 means 1; Comp is which of them is meant.
type Plane struct {
	Data   []byte
	Stride int
	Comps  int
	Comp   int
}

// At is the part of p that begins at (x, y).
func (p Plane) At(x, y int) Plane {
	p.Data = p.Data[y*p.Stride+x*max(p.Comps, 1):]
	return p
}

// need panics unless w x h places of comps codes lie in p: C would go past the end.
func (p Plane) need(w, h, comps int) {
	if w < 1 || h < 1 || p.Stride < 0 || (h-1)*p.Stride+w*comps > len(p.Data) {
		panic(fmt.Sprintf("cpu: %dx%d places of %d codes in %d bytes with rows of %d", w, h, comps, len(p.Data), p.Stride))
	}
}

func (p Plane) ptr() *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(p.Data))) }

// code is where code p.Comp of place (0, 0) is.
func (p Plane) code() *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(&p.Data[p.Comp])) }

// Scratch is memory that Resample reuses; one for each goroutine. Its zero value is
// ready.
type Scratch struct{ line []int16 }

// Resample fills x.Len() x y.Len() codes of dst, which has one code a place, from src,
// whose place (0, 0) is texel (0, 0) of the axes.
func Resample(dst, src Plane, x, y *Axis, s *Scratch) {
	if x.n == 0 || y.n == 0 {
		return
	}
	comps, n := src.texels(x, y), x.most+1-x.least
	dst.need(x.n, y.n, 1)
	s.need(n + x.taps + 16)
	C.cpu_resample(dst.ptr(), C.long(dst.Stride), C.int(x.n), C.int(y.n),
		src.ptr(), C.long(src.Stride), C.int(comps), C.int(src.Comp),
		(*C.int32_t)(&x.first[0]), (*C.int16_t)(&x.weights[0]), C.int(x.taps), C.int(x.least), C.int(n),
		(*C.int32_t)(&y.first[0]), (*C.int16_t)(&y.weights[0]), C.int(y.taps), (*C.int16_t)(&s.line[0]))
}

// ResampleGraphic is Resample of a graphic's premultiplied code src.Comp and of its alpha, code
// alpha.Comp of the same texels, for kernels that overshoot (Cubic): each by itself would be
// clipped where alpha goes beyond 255, and leave more colour than there is alpha. Here both are divided by
// that alpha, and no colour is above its alpha.
func ResampleGraphic(dst, dstAlpha, src, alpha Plane, x, y *Axis, s *Scratch) {
	if x.n == 0 || y.n == 0 {
		return
	}
	comps, n := src.texels(x, y), x.most+1-x.least
	if alpha.texels(x, y) != comps || alpha.Stride != src.Stride || unsafe.SliceData(alpha.Data) != unsafe.SliceData(src.Data) {
		panic(fmt.Sprintf("cpu: alpha of %d codes, rows of %d, lies elsewhere than its %d codes, rows of %d", alpha.Comps, alpha.Stride, src.Comps, src.Stride))
	}
	dst.need(x.n, y.n, 1)
	dstAlpha.need(x.n, y.n, 1)
	s.need(2 * (n + x.taps + 16 + x.n))
	C.cpu_resample_graphic(dst.ptr(), C.long(dst.Stride), dstAlpha.ptr(), C.long(dstAlpha.Stride), C.int(x.n), C.int(y.n),
		src.ptr(), C.long(src.Stride), C.int(comps), C.int(src.Comp), C.int(alpha.Comp),
		(*C.int32_t)(&x.first[0]), (*C.int16_t)(&x.weights[0]), C.int(x.taps), C.int(x.least), C.int(n),
		(*C.int32_t)(&y.first[0]), (*C.int16_t)(&y.weights[0]), C.int(y.taps), (*C.int16_t)(&s.line[0]))
}

// texels panics unless those that x and y read lie in p, and says how many codes each has.
func (p Plane) texels(x, y *Axis) (comps int) {
	comps = max(p.Comps, 1)
	if x.least < 0 || y.least < 0 || p.Comp < 0 || p.Comp >= comps {
		panic(fmt.Sprintf("cpu: texel %d,%d, code %d of %d", x.least, y.least, p.Comp, comps))
	}
	// Of a thinned plane the last texel's step goes past the end; what is read does not.
	if p.Stride < 0 || y.most*p.Stride+x.most*comps+p.Comp >= len(p.Data) {
		panic(fmt.Sprintf("cpu: texel %d,%d of %d codes in %d bytes with rows of %d", x.most, y.most, comps, len(p.Data), p.Stride))
	}
	return comps
}

// need makes room for n values.
func (s *Scratch) need(n int) {
	if len(s.line) < n {
		s.line = make([]int16, n)
	}
}

// Cover is how much each column and each row of a rectangle counts, in 1/256; a place
// counts their product.
type Cover struct{ X, Y []uint16 }

// Even sets c to w columns and h rows that all count amount, 0..1, with c's memory.
func (c *Cover) Even(w, h int, amount float64) {
	c.X, c.Y = c.X[:0], c.Y[:0]
	for range w {
		c.X = append(c.X, 256)
	}
	k := weight(amount)
	for range h {
		c.Y = append(c.Y, k)
	}
}

func (c *Cover) ptrs() (x, y *C.uint16_t) { return (*C.uint16_t)(&c.X[0]), (*C.uint16_t)(&c.Y[0]) }

// weight is amount (0..1) in 1/256.
func weight(amount float64) uint16 { return uint16(math.Round(min(max(amount, 0), 1) * 256)) }

// Append adds amount, 0..1, to weights.
func Append(weights []uint16, amount float64) []uint16 { return append(weights, weight(amount)) }

// Blend fills dst with the mean of a and b in which b counts c, as large as c. dst may
// be a or b.
func Blend(dst, a, b Plane, c *Cover) {
	w, h := len(c.X), len(c.Y)
	dst.need(w, h, 1)
	a.need(w, h, 1)
	b.need(w, h, 1)
	x, y := c.ptrs()
	C.cpu_blend(dst.ptr(), C.long(dst.Stride), a.ptr(), C.long(a.Stride), b.ptr(), C.long(b.Stride), C.int(w), C.int(h), x, y)
}

// Over draws code src.Comp of a graphic over dst; its alpha is code alpha.Comp. Both have
// 1, 2 or 4 codes a place, src premultiplied, and count c.
func Over(dst, src, alpha Plane, c *Cover) {
	w, h, step := len(c.X), len(c.Y), max(src.Comps, 1)
	dst.need(w, h, 1)
	src.need(w, h, step)
	alpha.need(w, h, step)
	if max(alpha.Comps, 1) != step || step == 3 || step > 4 || max(src.Comp, alpha.Comp) >= step {
		panic(fmt.Sprintf("cpu: code %d of %d over with alpha %d of %d", src.Comp, step, alpha.Comp, alpha.Comps))
	}
	x, y := c.ptrs()
	C.cpu_over(dst.ptr(), C.long(dst.Stride), src.code(), C.long(src.Stride), alpha.code(), C.long(alpha.Stride), C.int(step), C.int(w), C.int(h), x, y)
}

// Dip fills w x h codes of dst with the mean of a and one code, which counts amount, 0..1.
// dst may be a.
func Dip(dst, a Plane, code uint8, w, h int, amount float64) {
	dst.need(w, h, 1)
	a.need(w, h, 1)
	C.cpu_dip(dst.ptr(), C.long(dst.Stride), a.ptr(), C.long(a.Stride), C.int(code), C.int(w), C.int(h), C.int(weight(amount)))
}

// Fill sets w x h codes of dst.
func Fill(dst Plane, code uint8, w, h int) {
	dst.need(w, h, 1)
	C.cpu_fill(dst.ptr(), C.long(dst.Stride), C.int(w), C.int(h), C.int(code))
}

// Copy copies w x h codes of src to dst.
func Copy(dst, src Plane, w, h int) {
	dst.need(w, h, 1)
	src.need(w, h, 1)
	C.cpu_copy(dst.ptr(), C.long(dst.Stride), src.ptr(), C.long(src.Stride), C.int(w), C.int(h))
}
