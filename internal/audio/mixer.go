package audio

import (
	"slices"
	"sync"
)

// Mixer adds strips into buses. MixTick, SetBuses and SetMonitor are for one
// goroutine, the engine's tick; the rest may be called from anywhere.
type Mixer struct {
	programme *Bus

	mu      sync.Mutex
	strips  []*Strip // guarded by mu; replaced, never written in place
	leaving []*Strip // guarded by mu; removed since the last block, faded out in the next

	// Of the mixing goroutine.
	buses   []*Bus // the programme first
	turn    int64
	listen  *Bus // what the operator hears while nothing is soloed
	monitor []float32
}

// NewMixer makes a mixer without strips, with the programme bus at 0 dB.
func NewMixer() *Mixer {
	p := NewBus(ProgrammeBus)
	p.monitor = ramp{1, 1}
	return &Mixer{programme: p, buses: []*Bus{p}, listen: p}
}

// Programme is the bus that is always there.
func (m *Mixer) Programme() *Bus { return m.programme }

// Add puts a strip into the mix from the next block on; sound is added in the order
// of adding, so that the same strips give the same bits.
func (m *Mixer) Add(s *Strip) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.strips = append(slices.Clone(m.strips), s)
}

// Remove takes a strip out: it is faded out over the next block, which still reads
// from it; then its inserts are closed.
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

// SetBuses sets the buses besides the programme. The inserts of those that are gone are
// closed; routes to them lead nowhere.
func (m *Mixer) SetBuses(list []*Bus) {
	for _, b := range m.buses[1:] {
		if !slices.Contains(list, b) {
			b.block = nil
			b.close()
			if m.listen == b {
				m.listen = m.programme
			}
		}
	}
	m.buses = append([]*Bus{m.programme}, list...)
}

// Buses are the programme and the buses that SetBuses set; borrowed. For the mixing
// goroutine.
func (m *Mixer) Buses() []*Bus { return m.buses }

// SetMonitor sets the bus that the operator hears while no strip is soloed; one that is
// not in the mix is the programme.
func (m *Mixer) SetMonitor(b *Bus) {
	m.listen = m.programme
	if slices.Contains(m.buses, b) {
		m.listen = b
	}
}

// MixTick makes every bus's sound for the studio samples from start on, and copies the
// programme's to dst (interleaved stereo; every sample is set). Calls must be for
// consecutive blocks.
func (m *Mixer) MixTick(dst []float32, start int64) {
	m.mu.Lock()
	strips, leaving := m.strips, m.leaving
	m.leaving = nil
	m.mu.Unlock()
	m.turn++
	after := 0
	for _, b := range m.buses {
		b.begin(len(dst))
		after = max(after, b.Latency())
	}
	for _, s := range strips {
		s.leaving = false
		s.enter(m.programme)
	}
	for _, s := range strips {
		s.process(len(dst), start, m.turn, after)
	}
	for _, s := range strips {
		s.feed(s.muted())
	}
	for _, s := range leaving {
		if slices.Contains(strips, s) { // removed and added again
			continue
		}
		s.leaving = true
		s.enter(m.programme)
		s.process(len(dst), start, m.turn, after)
		s.feed(true)
	}
	for _, b := range m.buses {
		b.finish(after - b.Latency())
	}
	copy(dst, m.programme.block)
	m.hear(len(dst), strips, leaving)
	for _, s := range leaving {
		if !slices.Contains(strips, s) {
			s.inserts.close()
			s.turn = 0
		}
	}
}

// hear mixes what the operator listens to.
func (m *Mixer) hear(n int, strips, leaving []*Strip) {
	m.monitor = resized(m.monitor, n)
	clear(m.monitor)
	solo := false
	for _, s := range strips {
		solo = solo || s.solo != 0
	}
	for _, b := range m.buses {
		g := float32(0)
		if b == m.listen && !solo {
			g = 1
		}
		b.monitor.addTo(m.monitor, b.block, g, g)
	}
	for _, s := range strips {
		s.listen(m.monitor)
	}
	for _, s := range leaving {
		if !slices.Contains(strips, s) {
			s.listen(m.monitor)
		}
	}
}

// Monitor is what the operator hears (interleaved stereo): the strips that are soloed,
// or else the bus that was chosen; borrowed until the next MixTick.
func (m *Mixer) Monitor() []float32 { return m.monitor }

// Close frees the inserts of all strips and buses; no MixTick may follow.
func (m *Mixer) Close() {
	m.mu.Lock()
	strips := append(slices.Clone(m.strips), m.leaving...)
	m.strips, m.leaving = nil, nil
	m.mu.Unlock()
	for _, s := range strips {
		s.inserts.close()
	}
	for _, b := range m.buses {
		b.close()
	}
}
