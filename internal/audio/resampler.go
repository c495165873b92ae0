package audio

// #cgo noescape cp_sinc_run
// #cgo nocallback cp_sinc_run
// #include "kernel.h"
import "C"

import (
	"math"
	"sync"
	"unsafe"
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
	sincTaps   = C.CP_SINC_TAPS
	sincPhases = C.CP_SINC_PHASES
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
	table *sincTable
	state C.cp_sinc
}

// NewSinc makes a Sinc at 0 ppm.
func NewSinc() *Sinc {
	return &Sinc{table: sincFilter(), state: C.cp_sinc{step: 1 << 32, want: 1}}
}

// SetPPM implements Resampler. The resolution is 0.00023 ppm.
func (s *Sinc) SetPPM(ppm float64) { s.state.step = C.uint64_t((1 + ppm*1e-6) * (1 << 32)) }

// Reset implements Resampler.
func (s *Sinc) Reset() { s.state = C.cp_sinc{step: s.state.step, want: 1} }

// Process implements Resampler.
func (s *Sinc) Process(in, out []float32) (taken, made int) {
	n := C.cp_sinc_run(&s.state, (*C.float)(&s.table.row[0][0]), (*C.float)(&s.table.slope[0][0]),
		(*C.float)(unsafe.SliceData(in)), C.int32_t(len(in)/2), (*C.float)(unsafe.SliceData(out)), C.int32_t(len(out)/2))
	return int(s.state.taken), int(n)
}
