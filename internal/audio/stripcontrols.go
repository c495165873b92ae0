package audio

import (
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// Channels says what a strip makes of the two sides of its source.
type Channels uint8

// What a strip makes of its source's sides; not set is Stereo.
const (
	Stereo    Channels = iota + 1
	Mono               // the mean of both, on both sides
	LeftOnly           // the left on both sides
	RightOnly          // the right on both sides
	Swap               // left and right change places
)

// Polarity says which sides of a strip's source are turned over.
type Polarity uint8

// Polarities; not set is Normal.
const (
	Normal Polarity = iota + 1
	Inverted
	LeftInverted
	RightInverted
)

// Controls are what the operator sets on a strip.
type Controls struct {
	TrimDB   float64 // before everything else, -24..24
	Polarity Polarity
	Channels Channels

	GainDB float64 // fader; OffDB and less is silence, at most +24
	Mute   bool
	// Pan is -1 (left) .. 1 (right), by the balance law: off centre the opposite side is
	// turned down linearly, the centre leaves both sides alone.
	Pan float64
	// Delay is MinDelay..MaxDelay. A negative delay can only use up what is queued
	// anyway: 200 ms for paced strips, the target less 20 ms for live ones; beyond
	// that it is cut short, and Stats.Delay says what is in force. What inserts delay the
	// sound by is taken off in the same way.
	Delay time.Duration
}

// sides is what trim, polarity and channels make of the source.
func (c Controls) sides() matrix {
	trim := float32(1)
	if c.TrimDB != 0 {
		trim = gainOf(c.TrimDB)
	}
	l, r := trim, trim
	if c.Polarity == Inverted || c.Polarity == LeftInverted {
		l = -l
	}
	if c.Polarity == Inverted || c.Polarity == RightInverted {
		r = -r
	}
	switch c.Channels {
	case Mono:
		return matrix{l / 2, r / 2, l / 2, r / 2}
	case LeftOnly:
		return matrix{l, 0, l, 0}
	case RightOnly:
		return matrix{0, r, 0, r}
	case Swap:
		return matrix{0, r, l, 0}
	}
	return matrix{l, 0, 0, r}
}

// Set sets the operator's controls, clamped to their ranges. Gain, mute and pan are
// ramped over the next block; a change of delay is crossfaded.
func (s *Strip) Set(c Controls) {
	c.TrimDB = clamp(c.TrimDB, -24, 24)
	c.GainDB = clamp(c.GainDB, OffDB, 24)
	c.Pan = clamp(c.Pan, -1, 1)
	c.Delay = min(max(c.Delay, MinDelay), MaxDelay)
	s.mu.Lock()
	defer s.mu.Unlock()
	moved := c.Delay != s.controls.Delay
	s.controls = c
	if moved {
		s.place()
	}
}

// Controls are the settings in force, after clamping.
func (s *Strip) Controls() Controls {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.controls
}

// SetCrosspoint sets the engine's own gain, 0..1, for audio that follows video and
// fades of the whole programme; ramped over the next block.
func (s *Strip) SetCrosspoint(v float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crosspoint = clamp(v, 0, 1)
}

// place divides the delay, less what comes after, between the queue and the delay
// line; mu is held.
func (s *Strip) place() { s.divide(s.moveTo) }

// suit is place for another latency; mu is held. A queue that gets longer would make a live
// strip silent until it has gathered as much, so it does by and by.
func (s *Strip) suit(latency int64) {
	shorter := latency > s.latency
	s.latency = latency
	if shorter {
		s.divide(s.moveTo)
	} else {
		s.divide(s.slideTo)
	}
}

func (s *Strip) divide(to func(time.Duration)) {
	early := s.early()
	if s.mode == Paced {
		s.paced.move(sampleAt(s.offset), early)
	} else {
		to(s.target - media.TimeOf(early, media.Rational{Num: 1, Den: sampleRateHz}))
	}
	s.applied = max(sampleAt(s.controls.Delay)-s.latency, 0) - early
}

// early is how many frames earlier than it would be the strip is heard, for a negative
// delay and for what its inserts add; mu is held.
func (s *Strip) early() int64 {
	early := max(s.latency-sampleAt(s.controls.Delay), 0)
	if s.mode == Paced {
		return min(early, sampleAt(pacedBudget))
	}
	return min(early, sampleAt(max(s.target-s.need, 0)))
}

// gains are the channel gains now asked for; mu is held or s is not shared yet.
func (s *Strip) gains() (left, right float32) {
	if s.controls.Mute {
		return 0, 0
	}
	left, right = balance(s.controls.Pan)
	g := gainOf(s.controls.GainDB) * float32(s.crosspoint)
	return left * g, right * g
}
