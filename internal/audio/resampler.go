package audio

import (
	"math"
	"sync"
)

// Resampler turns interleaved stereo of one clock into that of another, a few
// hundred ppm away. One goroutine (or device callback) owns it; Process must
// neither block nor allocate.
type Resampler interface {
	// Process fills out from in and reports how many audio frames it took and made.
	// It stops when out is full, having taken no more than it needed, or when in is
	// used up; it keeps its history, so the next call goes on without a seam.
	Process(in, out []float32) (taken, made int)
	// SetPPM sets how much faster than 1:1 the input is used up, in parts per
	// million; from the next output frame on.
	SetPPM(ppm float64)
	// Reset forgets the history, as if silence had come before.
	Reset()
}

// The interpolator's size. Kaiser, beta 9, 64 taps: stopband below -90 dB from
// 24.2 kHz, flat to 19.8 kHz (Kaiser's formula: transition = (A-8)/(2.285 (N-1))
// radians). 512 phases with linear interpolation between: the error for a tone of
// frequency f is (2 pi f / (48000*512))^2 / 8, -110 dB at 20 kHz.
const (
	sincTaps   = 64
	sincPhases = 512
	sincCutoff = 22000.0 / sampleRateHz // -6 dB point, in cycles per sample
	sincBeta   = 9.0
)

// sincTable holds the prototype filter: row p is the filter for a point p/512 of
// a sample after the window's middle; slope[p] is row p+1 less row p.
type sincTable struct {
	row, slope [sincPhases][sincTaps]float32
}

// sincFilter is made once, on first use, and never written again.
var sincFilter = sync.OnceValue(func() *sincTable {
	t := new(sincTable)
	var rows [sincPhases + 1][sincTaps]float64
	for p := range rows {
		sum := 0.0
		for k := range sincTaps {
			// Distance of tap k from the wanted point, in samples; the point lies between
			// taps sincTaps/2-1 and sincTaps/2.
			x := float64(k) - (sincTaps/2 - 1) - float64(p)/sincPhases
			w := 2 * x / sincTaps
			if w <= -1 || w >= 1 {
				continue
			}
			h := 2 * sincCutoff * sinc(2*sincCutoff*x) * bessel0(sincBeta*math.Sqrt(1-w*w))
			rows[p][k] = h
			sum += h
		}
		for k := range rows[p] { // unity gain at DC in every phase
			rows[p][k] /= sum
		}
	}
	for p := range sincPhases {
		for k := range sincTaps {
			t.row[p][k] = float32(rows[p][k])
			t.slope[p][k] = float32(rows[p+1][k] - rows[p][k])
		}
	}
	return t
})

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel0 is the modified Bessel function of order 0, by its power series.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}

// Sinc is a polyphase windowed-sinc Resampler: 64 taps, 512 phases, linear
// between phases. It delays by 32 input frames.
type Sinc struct {
	table  *sincTable
	window [sincTaps * 2 * 2]float32 // the last frames, stored twice so that any run of them is contiguous
	at     int                       // oldest frame in window
	frac   uint64                    // position between two input frames, 2^-32
	step   uint64                    // input frames per output frame, 2^-32
	want   uint64                    // input frames to take before the next output frame
}

// NewSinc makes a Sinc at 0 ppm.
func NewSinc() *Sinc {
	return &Sinc{table: sincFilter(), step: 1 << 32, want: 1}
}

// SetPPM implements Resampler. The resolution is 0.00023 ppm.
func (s *Sinc) SetPPM(ppm float64) { s.step = uint64((1 + ppm*1e-6) * (1 << 32)) }

// Reset implements Resampler.
func (s *Sinc) Reset() {
	clear(s.window[:])
	s.at, s.frac, s.want = 0, 0, 1
}

// Process implements Resampler.
func (s *Sinc) Process(in, out []float32) (taken, made int) {
	frames, room := len(in)/2, len(out)/2
	for made < room {
		for s.want > 0 {
			if taken == frames {
				return taken, made
			}
			i := s.at * 2
			s.window[i], s.window[i+1] = in[2*taken], in[2*taken+1]
			s.window[i+2*sincTaps], s.window[i+2*sincTaps+1] = in[2*taken], in[2*taken+1]
			if s.at++; s.at == sincTaps {
				s.at = 0
			}
			taken++
			s.want--
		}
		out[2*made], out[2*made+1] = s.interpolate()
		made++
		s.frac += s.step
		s.want = s.frac >> 32
		s.frac &= 1<<32 - 1
	}
	return taken, made
}

func (s *Sinc) interpolate() (left, right float32) {
	phase := s.frac >> (32 - 9)
	f := float32(s.frac&(1<<(32-9)-1)) / (1 << (32 - 9))
	row, slope := &s.table.row[phase], &s.table.slope[phase]
	x := s.window[2*s.at:][: 2*sincTaps : 2*sincTaps]
	// Two sums a channel shorten the chain of dependent additions.
	var l0, l1, r0, r1 float32
	for k := 0; k < sincTaps; k += 2 {
		c0 := row[k] + float32(f*slope[k])
		c1 := row[k+1] + float32(f*slope[k+1])
		v := (*[4]float32)(x[2*k:])
		l0 += float32(c0 * v[0])
		r0 += float32(c0 * v[1])
		l1 += float32(c1 * v[2])
		r1 += float32(c1 * v[3])
	}
	return l0 + l1, r0 + r1
}
