package audio

import "sync"

// ProgrammeBus is the id of the bus that every mixer has: what is on air.
const ProgrammeBus = "pgm"

// BusControls are what the operator sets on a bus.
type BusControls struct {
	GainDB float64 // fader; OffDB and less is silence, at most +24
	Mute   bool
	Mono   bool // both sides carry the mean of left and right
}

// Bus is one mix: the programme, an auxiliary, a mix-minus. Strips add to it through
// their routes; then it goes through its inserts, its fader, its limiter and its meter.
// Set, Meter and the like may be called from anywhere; the rest is for the mixing
// goroutine.
type Bus struct {
	id       string
	meter    peakMeter
	loudness *Loudness

	mu       sync.Mutex
	controls BusControls // guarded by mu
	fade     float64     // guarded by mu; 0..1
	clipped  int64       // guarded by mu

	// Of the mixing goroutine.
	block   []float32 // being mixed, then the finished block
	sides   matrix
	inserts chain
	ramp    ramp
	limiter chain
	line    delayLine // brings buses of less latency to that of the one with the most
	monitor ramp      // its part in what the operator hears
}

// NewBus makes a bus at 0 dB; Mixer.SetBuses puts it into the mix.
func NewBus(id string) *Bus {
	return &Bus{id: id, loudness: NewLoudness(), fade: 1, ramp: ramp{1, 1}, sides: identity}
}

// ID is the name it was made with.
func (b *Bus) ID() string { return b.id }

// Set sets the operator's controls, clamped to their ranges; they are ramped over the
// next block.
func (b *Bus) Set(c BusControls) {
	c.GainDB = clamp(c.GainDB, OffDB, 24)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.controls = c
}

// Controls are the settings in force, after clamping.
func (b *Bus) Controls() BusControls {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.controls
}

// SetFade sets the engine's gain on the whole bus, 0..1 (fade to black); ramped over
// the next block.
func (b *Bus) SetFade(v float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fade = clamp(v, 0, 1)
}

// SetInserts sets what the bus goes through before its fader, in order; see
// Strip.SetInserts.
func (b *Bus) SetInserts(list []*Insert) { b.inserts.set(list) }

// SetLimiter sets what the bus goes through after its fader; nil is none.
func (b *Bus) SetLimiter(limiter *Insert) {
	if limiter == nil {
		b.limiter.set(nil)
		return
	}
	b.limiter.set([]*Insert{limiter})
}

// Samples are the bus's finished block (interleaved stereo) of the last MixTick;
// borrowed until the next.
func (b *Bus) Samples() []float32 { return b.block }

// Meter is the bus's peak meter, after fader and limiter.
func (b *Bus) Meter() Meter { return b.meter.read() }

// Loudness is the bus's loudness, where Meter measures.
func (b *Bus) Loudness() LoudnessReading { return b.loudness.Read() }

// ResetLoudness begins the measurement of the loudness anew with the next block.
func (b *Bus) ResetLoudness() { b.loudness.Reset() }

// ClearClip resets the meter's clip latch.
func (b *Bus) ClearClip() { b.meter.clearClip() }

// ClippedSamples counts samples beyond full scale; they are passed on as they are.
func (b *Bus) ClippedSamples() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clipped
}

// ReductionDB is by how much inserts and limiter turned the last block down, all together.
// For the mixing goroutine.
func (b *Bus) ReductionDB() float64 { return b.inserts.reduction() + b.limiter.reduction() }

// Latency is how many frames the bus's inserts and limiter delay it.
func (b *Bus) Latency() int { return b.inserts.latency() + b.limiter.latency() }

// begin makes room for a block of n samples and silences it.
func (b *Bus) begin(n int) {
	if cap(b.block) < n {
		b.block = make([]float32, n)
	}
	b.block = b.block[:n]
	clear(b.block)
}

// finish makes the block out of what was added; pad is how many frames the bus waits
// for others of more latency.
func (b *Bus) finish(pad int) {
	b.mu.Lock()
	c := b.controls
	gain := gainOf(c.GainDB) * float32(b.fade)
	b.mu.Unlock()
	if c.Mute {
		gain = 0
	}
	sides := identity
	if c.Mono {
		sides = matrix{0.5, 0.5, 0.5, 0.5}
	}
	b.sides.process(b.block, sides)
	b.inserts.process(b.block)
	b.ramp.scale(b.block, gain, gain)
	b.limiter.process(b.block)
	b.line.process(b.block, int64(pad))
	peakL, peakR := peaks(b.block)
	b.meter.update(peakL, peakR, float64(len(b.block)/2)*nominalPeriod)
	b.loudness.Write(b.block)
	if peakL <= 1 && peakR <= 1 {
		return
	}
	var clipped int64
	for _, v := range b.block {
		if abs(v) > 1 {
			clipped++
		}
	}
	b.mu.Lock()
	b.clipped += clipped
	b.mu.Unlock()
}

// close frees the bus's inserts.
func (b *Bus) close() {
	b.inserts.close()
	b.limiter.close()
}
