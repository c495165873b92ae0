package audio

import (
	"slices"
	"sync"
)

// Mixer adds strips into the programme bus. MixTick is for one goroutine, the
// engine's tick; the rest may be called from anywhere.
type Mixer struct {
	meter peakMeter

	mu      sync.Mutex
	strips  []*Strip // guarded by mu; replaced, never written in place
	leaving []*Strip // guarded by mu; removed since the last block, faded out in the next
	master  float64  // guarded by mu; dB
	fade    float64  // guarded by mu; 0..1
	clipped int64    // guarded by mu

	// Of the mixing goroutine.
	ramp ramp
	bus  []float32
}

// NewMixer makes a mixer at 0 dB without strips.
func NewMixer() *Mixer {
	return &Mixer{fade: 1, ramp: ramp{1, 1}}
}

// Add puts a strip into the mix from the next block on; sound is added in the order
// of adding, so that the same strips give the same bits.
func (m *Mixer) Add(s *Strip) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.strips = append(slices.Clone(m.strips), s)
}

// Remove takes a strip out: it is faded out over the next block, which still reads
// from it.
func (m *Mixer) Remove(s *Strip) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.strips, s)
	if i < 0 {
		return
	}
	m.strips = slices.Delete(slices.Clone(m.strips), i, i+1)
	m.leaving = append(m.leaving, s)
}

// SetMaster sets the programme's gain in dB, OffDB..+24, ramped over the next block.
func (m *Mixer) SetMaster(gainDB float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.master = clamp(gainDB, OffDB, 24)
}

// SetFade sets the engine's gain on the whole programme, 0..1 (fade to black);
// ramped over the next block.
func (m *Mixer) SetFade(v float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fade = clamp(v, 0, 1)
}

// MixTick makes the programme's sound for the studio samples from start on into dst
// (interleaved stereo; every sample is set). Calls must be for consecutive blocks.
// Samples beyond full scale are left as they are and counted.
func (m *Mixer) MixTick(dst []float32, start int64) {
	if len(m.bus) < len(dst) {
		m.bus = make([]float32, len(dst))
	}
	bus := m.bus[:len(dst)]
	clear(bus)
	clear(dst)

	m.mu.Lock()
	strips, leaving := m.strips, m.leaving
	m.leaving = nil
	gain := gainOf(m.master) * float32(m.fade)
	m.mu.Unlock()

	for _, s := range strips {
		s.leaving = false
		s.Mix(bus, start)
	}
	for _, s := range leaving {
		if slices.Contains(strips, s) { // removed and added again
			continue
		}
		s.leaving = true
		s.Mix(bus, start)
	}
	peakL, peakR := m.ramp.addTo(dst, bus, gain, gain)
	m.meter.update(peakL, peakR, float64(len(dst)/2)*nominalPeriod)
	if peakL <= 1 && peakR <= 1 {
		return
	}
	var clipped int64
	for _, v := range dst {
		if abs(v) > 1 {
			clipped++
		}
	}
	m.mu.Lock()
	m.clipped += clipped
	m.mu.Unlock()
}

// Meter is the programme's peak meter, after the master fader.
func (m *Mixer) Meter() Meter { return m.meter.read() }

// ClearClip resets the meter's clip latch.
func (m *Mixer) ClearClip() { m.meter.clearClip() }

// ClippedSamples counts programme samples beyond full scale.
func (m *Mixer) ClippedSamples() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.clipped
}
