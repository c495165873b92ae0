package audio

// #cgo CFLAGS: -O3 -Wall
// #cgo LDFLAGS: -lm
// #cgo noescape cp_meter_run
// #cgo nocallback cp_meter_run
// #include "kernel.h"
import "C"

import (
	"math"
	"sync"
	"sync/atomic"
	"unsafe"
)

// The time grid of the loudness meter. Momentary and short-term windows move in steps of
// 10 ms, so that a burst of the window's length is read within 0.06 LU wherever it begins
// (EBU Tech 3341 demands 0.1, in cases 13 and 14); gating blocks overlap by 75 % as
// Recommendation ITU-R BS.1770-4 has them.
const (
	stepFrames     = sampleRateHz / 100
	momentarySteps = 40  // 400 ms
	shortTermSteps = 300 // 3 s
	gatingSteps    = 10  // 100 ms
)

// The gates of BS.1770-4 and EBU Tech 3342.
const (
	absoluteGateLUFS = -70.0
	loudnessGateLU   = -10.0
	rangeGateLU      = -20.0
)

// kOffset is the constant of BS.1770-4, equation 2: a 997 Hz tone at 0 dBFS in one
// channel reads -3.01 LUFS.
const kOffset = -0.691

// LoudnessReading is what a loudness meter shows. Levels are in LUFS and dBTP, -Inf for
// silence and for what has not been measured yet.
type LoudnessReading struct {
	MomentaryLUFS  float64 // over the last 400 ms
	ShortTermLUFS  float64 // over the last 3 s
	IntegratedLUFS float64 // gated, since the reset
	RangeLU        float64 // LRA since the reset; 0 before 3 s
	// MaxMomentaryLUFS and MaxShortTermLUFS are the highest since the reset.
	MaxMomentaryLUFS, MaxShortTermLUFS float64
	// TruePeakDB is each channel's true peak with the ballistics of the peak meter,
	// MaxTruePeakDB the highest since the reset.
	TruePeakDB    [2]float64
	MaxTruePeakDB float64
	// Correlation of left and right over the last 400 ms: 1 for mono, 0 for unrelated
	// sound or silence, -1 when the sides cancel each other.
	Correlation float64
	// Seconds measured since the reset.
	Seconds float64
}

// silentReading is that of a meter that has heard nothing.
func silentReading() LoudnessReading {
	none := math.Inf(-1)
	return LoudnessReading{
		MomentaryLUFS: none, ShortTermLUFS: none, IntegratedLUFS: none, MaxMomentaryLUFS: none, MaxShortTermLUFS: none,
		TruePeakDB: [2]float64{none, none}, MaxTruePeakDB: none,
	}
}

// Loudness measures a stereo bus by EBU R 128: loudness and its range after BS.1770-4,
// EBU Tech 3341 and 3342, true peak four times oversampled after BS.1770-4, Annex 2, and
// the correlation of the two sides. One goroutine, the one that mixes, writes; Read and
// Reset are for any. Nothing is allocated after NewLoudness.
//
// FFmpeg's ebur128 filter measures the same. It is not used here because it hands its
// values over as text in the metadata of frames it allocates, every 100 ms (too coarse for
// the momentary cases of Tech 3341), interpolates true peaks by resampling to 192 kHz, and
// knows no correlation: it costs several times as much for less.
type Loudness struct {
	reset atomic.Bool

	mu      sync.Mutex
	reading LoudnessReading // guarded by mu

	// Of the writing goroutine.
	meter   C.cp_meter
	in      int // frames of the running step
	steps   [shortTermSteps]loudnessStep
	next    int   // place in steps
	count   int64 // steps since the reset
	blocks  histogram
	shorts  histogram
	level   [2]float64 // true peak with ballistics, amplitudes
	maxPeak float64    // amplitude
	now     LoudnessReading
}

// loudnessStep is what 10 ms summed up to.
type loudnessStep struct {
	energy               float64 // K-weighted, both channels: the sum of the mean squares
	left, right, product float64
}

// NewLoudness makes a meter that has heard nothing.
func NewLoudness() *Loudness { return &Loudness{reading: silentReading(), now: silentReading()} }

// Reset begins anew with the next Write.
func (m *Loudness) Reset() { m.reset.Store(true) }

// Read is safe to call at any time; readings are renewed every 10 ms of sound.
func (m *Loudness) Read() LoudnessReading {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reading
}

// Write measures samples (interleaved stereo), which follow those of the last call.
func (m *Loudness) Write(samples []float32) {
	if m.reset.Swap(false) {
		m.clear()
	}
	changed := false
	for len(samples) >= 2 {
		n := min(len(samples)/2, stepFrames-m.in)
		C.cp_meter_run(&m.meter, (*C.float)(unsafe.SliceData(samples)), C.int32_t(n))
		samples = samples[2*n:]
		if m.in += n; m.in == stepFrames {
			m.step()
			changed = true
		}
	}
	if changed {
		m.mu.Lock()
		m.reading = m.now
		m.mu.Unlock()
	}
}

// inherit goes on from what old has measured. For the writing goroutine of both.
func (m *Loudness) inherit(old *Loudness) {
	m.meter, m.in = old.meter, old.in
	m.steps, m.next, m.count = old.steps, old.next, old.count
	m.blocks, m.shorts = old.blocks, old.shorts
	m.level, m.maxPeak = old.level, old.maxPeak
	m.now = old.now
	m.mu.Lock()
	m.reading = m.now
	m.mu.Unlock()
}

func (m *Loudness) clear() {
	m.meter = C.cp_meter{}
	m.in, m.next, m.count = 0, 0, 0
	clear(m.steps[:])
	m.blocks, m.shorts = histogram{}, histogram{}
	m.level, m.maxPeak = [2]float64{}, 0
	m.now = silentReading()
	m.mu.Lock()
	m.reading = m.now
	m.mu.Unlock()
}

// step takes what the last 10 ms summed up to.
func (m *Loudness) step() {
	c := &m.meter
	s := loudnessStep{
		energy: float64(c.weighted[0]+c.weighted[1]) / stepFrames,
		left:   float64(c.left), right: float64(c.right), product: float64(c.product),
	}
	peaks := [2]float64{float64(c.true_peak[0]), float64(c.true_peak[1])}
	if bad := s.energy + s.left + s.right + s.product; math.IsNaN(bad) || math.IsInf(bad, 0) {
		// What is no number would stay in the filters for ever: measured as silence.
		m.meter, s, peaks = C.cp_meter{}, loudnessStep{}, [2]float64{}
	} else {
		c.weighted = [2]C.double{}
		c.left, c.right, c.product = 0, 0, 0
		c.true_peak = [2]C.float{}
	}
	m.in = 0
	m.steps[m.next] = s
	m.next = (m.next + 1) % shortTermSteps
	m.count++

	var momentary, short, left, right, product float64
	// Summed anew: a running sum would keep the rounding of what was loud.
	for i := range m.steps {
		short += m.steps[i].energy
	}
	for i := range momentarySteps {
		s := &m.steps[(m.next-1-i+shortTermSteps)%shortTermSteps]
		momentary += s.energy
		left += s.left
		right += s.right
		product += s.product
	}
	momentary /= momentarySteps
	short /= shortTermSteps

	r := &m.now
	r.Seconds = float64(m.count) * stepFrames * nominalPeriod
	r.MomentaryLUFS, r.ShortTermLUFS = lufs(momentary), lufs(short)
	r.MaxMomentaryLUFS = max(r.MaxMomentaryLUFS, r.MomentaryLUFS)
	r.MaxShortTermLUFS = max(r.MaxShortTermLUFS, r.ShortTermLUFS)
	r.Correlation = 0
	if left > silentEnergy && right > silentEnergy {
		r.Correlation = clamp(product/math.Sqrt(left*right), -1, 1)
	}
	for side, p := range peaks {
		m.level[side] = max(p, m.level[side]*stepFall)
		r.TruePeakDB[side] = dbOf(m.level[side])
		m.maxPeak = max(m.maxPeak, p)
	}
	r.MaxTruePeakDB = dbOf(m.maxPeak)
	if m.count%gatingSteps != 0 {
		return
	}
	if m.count >= momentarySteps && m.blocks.add(momentary) {
		r.IntegratedLUFS = lufs(m.blocks.gatedMean(loudnessGateLU))
	}
	if m.count >= shortTermSteps && m.shorts.add(short) {
		r.RangeLU = m.shorts.spread(rangeGateLU, 0.10, 0.95)
	}
}

// silentEnergy is -90 dBFS over 400 ms, in squares summed up: what is below has no
// direction.
const silentEnergy = 1e-9 * momentarySteps * stepFrames

// stepFall is how much the peak meter falls in a step.
var stepFall = math.Pow(10, -decayDBPerSecond*stepFrames*nominalPeriod/20)

// lufs is the loudness of an energy (BS.1770-4, equation 2).
func lufs(energy float64) float64 { return kOffset + 10*math.Log10(energy) }

// energyOf is the reverse of lufs.
func energyOf(lufs float64) float64 { return math.Pow(10, (lufs-kOffset)/10) }

// The histogram's bins: 0.05 LU from the absolute gate to +30 LUFS.
const (
	binsPerLU = 20
	bins      = 100 * binsPerLU
)

// histogram holds the energies of blocks above the absolute gate, however long the show:
// bins count them and keep their exact sums, so that only what lies in the gate's own bin
// is rounded.
type histogram struct {
	bin   [bins]histogramBin
	count int64
	sum   float64
}

type histogramBin struct {
	count int64
	sum   float64
}

// add takes a block unless the absolute gate keeps it out.
func (h *histogram) add(energy float64) bool {
	l := lufs(energy)
	if !(l > absoluteGateLUFS) {
		return false
	}
	i := min(int((l-absoluteGateLUFS)*binsPerLU), bins-1)
	h.bin[i].count++
	h.bin[i].sum += energy
	h.count++
	h.sum += energy
	return true
}

// gate is the first bin above the relative gate; there has to be a block. The last bin
// holds whatever is louder as well, and is above the gate if that is beyond it.
func (h *histogram) gate(relativeLU float64) int {
	threshold := lufs(h.sum/float64(h.count)) + relativeLU
	i := min(max(int((threshold-absoluteGateLUFS)*binsPerLU), 0), bins-1)
	if b := h.bin[i]; b.count > 0 && lufs(b.sum/float64(b.count)) <= threshold {
		i++
	}
	return i
}

// gatedMean is the mean energy of the blocks above the relative gate.
func (h *histogram) gatedMean(relativeLU float64) float64 {
	var sum float64
	var count int64
	for _, b := range h.bin[h.gate(relativeLU):] {
		sum += b.sum
		count += b.count
	}
	return sum / float64(count)
}

// spread is the distance in LU of two percentiles of the blocks above the relative gate
// (EBU Tech 3342).
func (h *histogram) spread(relativeLU, low, high float64) float64 {
	from := h.gate(relativeLU)
	var count int64
	for _, b := range h.bin[from:] {
		count += b.count
	}
	lowest, highest := int64(math.Round(low*float64(count-1))), int64(math.Round(high*float64(count-1)))
	at := func(rank int64) float64 {
		for _, b := range h.bin[from:] {
			if rank -= b.count; rank < 0 {
				return lufs(b.sum / float64(b.count))
			}
		}
		panic("audio: percentile beyond the histogram")
	}
	return at(highest) - at(lowest)
}
