package audio

import "math"

// Tone is the tone that tests of sound play, here and in packages above: a function of the
// sample number, so any part of it can be made in any order.
type Tone struct {
	LeftHz, RightHz float64 // 0 is silence on that side
	LevelDB         float64 // of the peak, dBFS; the line-up tone of SMPTE bars is 1000 Hz at -20
}

// Fill writes the tone's samples from number start on to dst (interleaved stereo).
func (t Tone) Fill(dst []float32, start int64) {
	level := float64(gainOf(t.LevelDB))
	for i := 0; i+1 < len(dst); i += 2 {
		n := float64(start + int64(i/2))
		dst[i] = float32(level * sine(t.LeftHz, n))
		dst[i+1] = float32(level * sine(t.RightHz, n))
	}
}

func sine(hz, n float64) float64 {
	cycles := hz * n / sampleRateHz
	return math.Sin(2 * math.Pi * (cycles - math.Floor(cycles)))
}
