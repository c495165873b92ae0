package audio

import "time"

// GateOptions are what a gate goes by; clamped to their ranges.
type GateOptions struct {
	// OpenDB is the sample peak, in dBFS, from which on the gate opens, -96..0.
	OpenDB float64
	// HysteresisDB is how much lower the level is below which it closes again, 0..60: sound
	// that swings around one level does not make it chatter.
	HysteresisDB float64
	// RangeDB is what is left of the sound when it is closed, OffDB (nothing)..0.
	RangeDB float64
	// Attack is how long it takes to open, Release to close, 0..10 s each; Hold is how long
	// it stays open after the last sample that reached the closing level. Hold has to
	// bridge the zero crossings of the lowest tone: at least 10 ms, at most 10 s.
	Attack, Hold, Release time.Duration
}

// minHold is half a wave of 50 Hz.
const minHold = 10 * time.Millisecond

// Gate closes while its sound is below a level. It implements Processor. It is not
// FFmpeg's agate, which has one threshold and no hold.
//
// Closed, it opens with the first sample, of either side, that reaches OpenDB. Open, it
// begins to close when no sample of the last Hold has reached OpenDB less HysteresisDB. The
// gain, the same for both sides, moves in a straight line between RangeDB and 1, all of it
// in Attack and in Release. Quite open it passes the sound on bit for bit.
type Gate struct {
	open, close float32 // amplitudes
	floor       float64 // amplitude
	up, down    float64 // of place, per frame
	hold        int64   // frames

	isOpen bool
	quiet  int64   // frames since the closing level was reached
	place  float64 // 0 closed .. 1 open
}

// NewGate makes a gate, closed.
func NewGate(opt GateOptions) *Gate {
	limit := func(d, least time.Duration) int64 { return sampleAt(min(max(d, least), 10*time.Second)) }
	open := clamp(opt.OpenDB, -96, 0)
	g := &Gate{
		open: amplitudeOf(open), close: amplitudeOf(open - clamp(opt.HysteresisDB, 0, 60)), floor: float64(gainOf(clamp(opt.RangeDB, OffDB, 0))),
		up: 1 / float64(max(limit(opt.Attack, 0), 1)), down: 1 / float64(max(limit(opt.Release, 0), 1)),
		hold: limit(opt.Hold, minHold),
	}
	return g
}

// Process implements Processor; key is not used.
func (g *Gate) Process(block, _ []float32) error {
	for i := 0; i+1 < len(block); i += 2 {
		level := max(abs(block[i]), abs(block[i+1]))
		switch {
		case level >= g.open:
			g.isOpen, g.quiet = true, 0
		case level >= g.close:
			g.quiet = 0
		case g.isOpen:
			g.quiet++
			g.isOpen = g.quiet < g.hold
		}
		if g.isOpen {
			if g.place == 1 {
				continue
			}
			g.place = min(g.place+g.up, 1)
		} else {
			g.place = max(g.place-g.down, 0)
		}
		gain := float32(g.floor + (1-g.floor)*g.place)
		block[i] *= gain
		block[i+1] *= gain
	}
	return nil
}

// Inherit implements heir: open stays open, and what is left of the hold, or of the way
// up or down, is what was left.
func (g *Gate) Inherit(from Processor) bool {
	old, ok := from.(*Gate)
	if ok {
		g.isOpen, g.quiet, g.place = old.isOpen, old.quiet, old.place
	}
	return ok
}

// Latency implements Processor: a gate does not look ahead.
func (g *Gate) Latency() int { return 0 }

// Close implements Processor.
func (g *Gate) Close() {}
