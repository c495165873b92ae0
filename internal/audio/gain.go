package audio

import "math"

// OffDB is the fader's bottom: a gain at or below it is silence.
const OffDB = -90.0

// gainOf is the amplitude factor of a gain in dB.
func gainOf(db float64) float32 {
	if !(db > OffDB) {
		return 0
	}
	return float32(math.Pow(10, db/20))
}

// dbOf is the level in dB of an amplitude, -Inf for silence.
func dbOf(amplitude float64) float64 { return 20 * math.Log10(amplitude) }

// clamp keeps v in [lo, hi]; NaN becomes lo.
func clamp(v, lo, hi float64) float64 {
	if !(v >= lo) {
		return lo
	}
	return min(v, hi)
}

// balance is the amplitude factor of each side for pan in -1 (left) .. 1 (right).
//
// Sources are stereo, so the control is a balance: the centre leaves both sides
// alone, off centre only the opposite side is turned down, linearly in amplitude,
// and nothing crosses sides. The constant-power law (-3 dB centre) is for placing
// a mono source and would make every centred stereo source 3 dB quieter.
func balance(pan float64) (left, right float32) {
	return float32(min(1, 1-pan)), float32(min(1, 1+pan))
}

// ramp is a pair of channel gains on its way from one block's end to the
// next's, linear in amplitude. Its owner is the mixing goroutine.
type ramp struct{ left, right float32 }

// addTo adds src times the ramp to dst and moves the ramp to (left, right), which
// the block's last frame has exactly. It returns the peaks of what was added.
func (r *ramp) addTo(dst, src []float32, left, right float32) (peakL, peakR float32) {
	n := len(dst) / 2
	if n == 0 {
		return 0, 0
	}
	if r.left == left && r.right == right {
		if left == 0 && right == 0 {
			return 0, 0
		}
		for i := 0; i+1 < len(dst); i += 2 {
			// The conversions forbid a fused multiply-add: sound is the same on
			// every machine.
			l, rr := float32(src[i]*left), float32(src[i+1]*right)
			dst[i] += l
			dst[i+1] += rr
			peakL, peakR = max(peakL, abs(l)), max(peakR, abs(rr))
		}
		return peakL, peakR
	}
	l0, r0 := r.left, r.right
	stepL, stepR := (left-l0)/float32(n), (right-r0)/float32(n)
	for i := range n {
		gl, gr := l0+float32(stepL*float32(i+1)), r0+float32(stepR*float32(i+1))
		if i == n-1 {
			gl, gr = left, right
		}
		l, rr := float32(src[2*i]*gl), float32(src[2*i+1]*gr)
		dst[2*i] += l
		dst[2*i+1] += rr
		peakL, peakR = max(peakL, abs(l)), max(peakR, abs(rr))
	}
	r.left, r.right = left, right
	return peakL, peakR
}

// scale multiplies b in place by the ramp and moves it to (left, right).
func (r *ramp) scale(b []float32, left, right float32) {
	n := float32(len(b) / 2)
	if r.left == 1 && r.right == 1 && left == 1 && right == 1 || n == 0 {
		return
	}
	stepL, stepR := (left-r.left)/n, (right-r.right)/n
	for i := 0; i+1 < len(b); i += 2 {
		b[i] *= r.left + float32(stepL*float32(i/2+1))
		b[i+1] *= r.right + float32(stepR*float32(i/2+1))
	}
	r.left, r.right = left, right
}

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// saneLimit is +60 dBFS: anything beyond is a decoder's garbage, not sound.
const saneLimit = 1000

// copySane copies src to dst with samples that are no sound (NaN, infinite, beyond
// +60 dBFS) made silence, and returns how many those were.
func copySane(dst, src []float32) (bad int64) {
	for i, v := range src {
		if !(v <= saneLimit && v >= -saneLimit) {
			v = 0
			bad++
		}
		dst[i] = v
	}
	return bad
}
