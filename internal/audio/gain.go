package audio

import "math"

// OffDB is the fader's bottom: a gain at or below it is silence.
const OffDB = -90.0

// gainOf is the amplitude factor of a gain in dB.
func gainOf(db float64) float32 {
	if !(db > OffDB) {
		return 0
	}
	return amplitudeOf(db)
}

// amplitudeOf is the amplitude of a level in dBFS.
func amplitudeOf(db float64) float32 { return float32(math.Pow(10, db/20)) }

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
