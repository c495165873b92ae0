package cpu

import "math"

// Kernel is how texels are weighed; the same as the filters of shaders/layer.glsl.
type Kernel uint8

// Kernels.
const (
	// Box is the area average; with a scale of 1 and less it is linear interpolation.
	Box Kernel = iota + 1
	// Cubic is the cubic convolution kernel of Keys (IEEE Trans. ASSP 29, 1981) with
	// a = -0.6, for pictures made larger.
	Cubic
)

// Axis says for each pixel of a row or a column of the result which texels make it, and
// how much each counts. It is immutable.
type Axis struct {
	n, taps int
	first   []int32
	weights []int16 // taps for each pixel, in 1/one
	// least..most are the texels that are read.
	least, most int
}

// Map is where the texels of an axis lie: pixel i of the result, whose centre is
// at i + 0.5, shows place Scale*(i+0.5) + Offset of the source, in texels. Scale is
// positive. Texels before Least and from Most on repeat the one at the edge.
type Map struct {
	Scale, Offset float64
	Least, Most   int
	Kernel        Kernel
}

// Len is the number of pixels.
func (a *Axis) Len() int { return a.n }

// Columns is the axis of pixels from..to-1 across.
func Columns(m Map, from, to int) *Axis { return newAxis(m, from, to, true) }

// Rows is the axis of pixels from..to-1 down.
func Rows(m Map, from, to int) *Axis { return newAxis(m, from, to, false) }

// one is a weight of 1; those of the cubic kernel go beyond it and below 0.
const one = 1 << 14

func newAxis(m Map, from, to int, padded bool) *Axis {
	reach := m.reach()
	a := &Axis{n: to - from, taps: reach, least: math.MaxInt, most: math.MinInt}
	switch {
	case !padded:
	case reach <= 4:
		a.taps = 4
	default:
		a.taps = (reach + 7) &^ 7
	}
	a.first, a.weights = make([]int32, a.n), make([]int16, a.n*a.taps)
	sum := make([]float64, reach)
	for i := range a.n {
		start := m.weigh(float64(from+i)+0.5, sum)
		// Texels beyond the edge are the one at the edge.
		first := min(max(start, m.Least), m.Most-1)
		w := a.weights[i*a.taps:][:a.taps]
		exact := make([]float64, reach)
		for k, v := range sum {
			exact[min(max(start+k, m.Least), m.Most-1)-first] += v
		}
		quantise(w, exact)
		a.first[i] = int32(first)
		last := first
		for k := range exact {
			if w[k] != 0 {
				last = first + k
			}
		}
		a.least, a.most = min(a.least, first), max(a.most, last)
	}
	return a
}

// reach is how many texels a pixel has at most.
func (m Map) reach() int {
	if m.Kernel == Cubic {
		return 4
	}
	return int(math.Ceil(max(m.Scale, 1)-1e-6)) + 1
}

// weigh fills w with what the texels from start on count for the pixel at centre.
func (m Map) weigh(centre float64, w []float64) (start int) {
	at := m.Scale*centre + m.Offset
	if m.Kernel == Cubic {
		const a = -0.6
		base := math.Floor(at - 0.5)
		f := at - 0.5 - base
		g := 1 - f
		w[0] = a * f * g * g
		w[1] = ((a+2)*f-(a+3))*f*f + 1
		w[3] = a * g * f * f
		w[2] = 1 - w[0] - w[1] - w[3]
		return int(base) - 1
	}
	f := max(m.Scale, 1)
	lo, hi := at-f/2, at+f/2
	first := math.Floor(lo + 1e-6)
	for k := range w {
		t := first + float64(k)
		w[k] = max(min(t+1, hi)-max(t, lo), 0) / f
		if w[k] < 1e-6 {
			w[k] = 0
		}
	}
	return int(first)
}

// quantise rounds weights so that their sum stays one; what is missing goes to the
// largest.
func quantise(w []int16, exact []float64) {
	total, largest := 0, 0
	for k, v := range exact {
		q := int(math.Round(v * one))
		total += q
		w[k] = int16(q)
		if exact[k] > exact[largest] {
			largest = k
		}
	}
	w[largest] += int16(one - total)
}
