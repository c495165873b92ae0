package audio

import (
	"math"
	"sync"
)

// Ballistics of the peak meters (docs: CONVENTIONS, sound): instant attack.
const (
	decayDBPerSecond = 23.5
	holdSeconds      = 20
)

// Meter is what a peak meter shows. Levels are in dBFS, -Inf for silence; index 0
// is left.
type Meter struct {
	PeakDB  [2]float64
	HoldDB  [2]float64 // highest peak of the last 20 s
	Clipped bool       // a sample went beyond full scale since the latch was cleared
}

// peakMeter has its ballistics on the mixing goroutine and its readings behind a
// lock that is held for a copy.
type peakMeter struct {
	level, hold [2]float64 // amplitudes
	age         [2]float64 // seconds since hold was set

	mu      sync.Mutex
	reading struct{ level, hold [2]float64 } // guarded by mu
	clipped bool                             // guarded by mu
}

// update takes a block's peaks; seconds is how long the block lasts.
func (m *peakMeter) update(left, right float32, seconds float64) {
	fall := math.Pow(10, -decayDBPerSecond*seconds/20)
	for c, p := range [2]float64{float64(left), float64(right)} {
		m.level[c] = max(p, m.level[c]*fall)
		if m.level[c] < 1e-6 { // -120 dBFS
			m.level[c] = 0
		}
		m.age[c] += seconds
		if p >= m.hold[c] || m.age[c] > holdSeconds {
			m.hold[c], m.age[c] = m.level[c], 0
		}
	}
	m.mu.Lock()
	m.reading.level, m.reading.hold = m.level, m.hold
	m.clipped = m.clipped || left > 1 || right > 1
	m.mu.Unlock()
}

func (m *peakMeter) read() Meter {
	m.mu.Lock()
	r, clipped := m.reading, m.clipped
	m.mu.Unlock()
	out := Meter{Clipped: clipped}
	for c := range 2 {
		out.PeakDB[c], out.HoldDB[c] = dbOf(r.level[c]), dbOf(r.hold[c])
	}
	return out
}

func (m *peakMeter) clearClip() {
	m.mu.Lock()
	m.clipped = false
	m.mu.Unlock()
}
