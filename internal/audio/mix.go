package audio

// #cgo CFLAGS: -O3
// #cgo noescape cp_mix_add
// #cgo nocallback cp_mix_add
// #cgo noescape cp_mix_add_ramp
// #cgo nocallback cp_mix_add_ramp
// #cgo noescape cp_mix_copy
// #cgo nocallback cp_mix_copy
// #cgo noescape cp_mix_copy_ramp
// #cgo nocallback cp_mix_copy_ramp
// #cgo noescape cp_mix_peak
// #cgo nocallback cp_mix_peak
// #cgo noescape cp_mix_matrix
// #cgo nocallback cp_mix_matrix
// #cgo noescape cp_mix_blend
// #cgo nocallback cp_mix_blend
// #cgo noescape cp_mix_energy
// #cgo nocallback cp_mix_energy
// #include "mix.h"
import "C"

import "unsafe"

func ptr(b []float32) *C.float { return (*C.float)(unsafe.Pointer(unsafe.SliceData(b))) }

// ramp is a pair of channel gains on its way from one block's end to the
// next's, linear in amplitude. Its owner is the mixing goroutine.
type ramp struct{ left, right float32 }

// silent: the ramp is at silence and stays there.
func (r *ramp) silent(left, right float32) bool {
	return r.left == 0 && r.right == 0 && left == 0 && right == 0
}

// addTo adds src times the ramp to dst and moves the ramp to (left, right), which
// the block's last frame has exactly. It returns the peaks of what was added.
func (r *ramp) addTo(dst, src []float32, left, right float32) (peakL, peakR float32) {
	n := len(dst) / 2
	if n == 0 || r.silent(left, right) {
		return 0, 0
	}
	var p C.cp_pair
	if r.left == left && r.right == right {
		p = C.cp_mix_add(ptr(dst), ptr(src), C.int(n), C.float(left), C.float(right))
	} else {
		p = C.cp_mix_add_ramp(ptr(dst), ptr(src), C.int(n), C.float(r.left), C.float(r.right), C.float(left), C.float(right))
	}
	r.left, r.right = left, right
	return float32(p.left), float32(p.right)
}

// copyTo is addTo without what was in dst before; dst and src may be the same.
func (r *ramp) copyTo(dst, src []float32, left, right float32) (peakL, peakR float32) {
	n := len(dst) / 2
	if n == 0 {
		return 0, 0
	}
	if r.silent(left, right) {
		clear(dst)
		return 0, 0
	}
	var p C.cp_pair
	if r.left == left && r.right == right {
		p = C.cp_mix_copy(ptr(dst), ptr(src), C.int(n), C.float(left), C.float(right))
	} else {
		p = C.cp_mix_copy_ramp(ptr(dst), ptr(src), C.int(n), C.float(r.left), C.float(r.right), C.float(left), C.float(right))
	}
	r.left, r.right = left, right
	return float32(p.left), float32(p.right)
}

// scale multiplies b in place by the ramp and moves it to (left, right).
func (r *ramp) scale(b []float32, left, right float32) {
	if r.left == 1 && r.right == 1 && left == 1 && right == 1 {
		return
	}
	r.copyTo(b, b, left, right)
}

// matrix mixes the two sides of a strip's input: left' = m[0] left + m[1] right, right' =
// m[2] left + m[3] right.
type matrix [4]float32

var identity = matrix{1, 0, 0, 1}

// process applies the matrix in place, on its way to to, where it is at the block's
// last frame.
func (m *matrix) process(b []float32, to matrix) {
	if len(b) == 0 || *m == identity && to == identity {
		return
	}
	C.cp_mix_matrix(ptr(b), C.int(len(b)/2), (*C.float)(&m[0]), (*C.float)(&to[0]))
	*m = to
}

// blend makes b of dry (0) and b (1), going from g0 to g1 over the block.
func blend(b, dry []float32, g0, g1 float32) {
	if len(b) > 0 {
		C.cp_mix_blend(ptr(b), ptr(dry), C.int(len(b)/2), C.float(g0), C.float(g1))
	}
}

// energy is the sum of the squares of b.
func energy(b []float32) float64 { return float64(C.cp_mix_energy(ptr(b), C.int(len(b)))) }

// peaks are the largest magnitudes of b, left and right.
func peaks(b []float32) (left, right float32) {
	if len(b) == 0 {
		return 0, 0
	}
	p := C.cp_mix_peak(ptr(b), C.int(len(b)/2))
	return float32(p.left), float32(p.right)
}
