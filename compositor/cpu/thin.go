package cpu

import "math"

// MostTexels is how many texels of an axis make a pixel at most. Where a picture is smaller than
// 1/128 of itself, one texel in so many is taken instead of all of them: else the weights of one
// pixel could fill all memory, and beyond some hundred texels a weight has too few of its bits left.
const MostTexels = 128

// Grid is which texels of an axis are read: First, First+Step, First+2*Step and so on.
type Grid struct{ First, Step int }

// Thinned is m on the texels of the grid, counted from 0: m itself on every texel, unless a pixel of
// a box has more than MostTexels. Scale is below 2^31.
func (m Map) Thinned() (Map, Grid) {
	if m.Kernel != Box || m.Scale <= MostTexels {
		return m, Grid{Step: 1}
	}
	step := int(math.Ceil(m.Scale / MostTexels))
	// Each texel of the grid stands for the step texels around it; of fewer there is one.
	middle := min(step/2, m.Most-1-m.Least)
	return Map{
		Scale: m.Scale / float64(step), Offset: (m.Offset - float64(m.Least)) / float64(step),
		Most: (m.Most-1-m.Least-middle)/step + 1, Kernel: Box,
	}, Grid{m.Least + middle, step}
}

// Thinned is p with only the texels of two grids.
func (p Plane) Thinned(x, y Grid) Plane {
	p = p.At(x.First, y.First)
	if x.Step > 1 {
		p.Comps = max(p.Comps, 1) * x.Step
	}
	p.Stride *= y.Step
	return p
}
