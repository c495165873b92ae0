package audio

import "slices"

// sent is what the strip last sent after its fader, n samples. Of two strips that listen to
// each other one hears the other's block of the tick before, which at 29.97 frames a second
// may be a frame shorter or longer.
func (s *Strip) sent(n int) []float32 {
	if was := s.post; len(was) != n {
		s.post = resized(s.post, n)
		clear(s.post[copy(s.post, was):])
	}
	return s.post
}

// resized is b with n samples, in the same memory where there is room.
func resized(b []float32, n int) []float32 {
	if cap(b) < n {
		return make([]float32, n)
	}
	return b[:n]
}

// enter is called when the strip is in the mix, before its block is made.
func (s *Strip) enter(programme *Bus) {
	if !s.routed {
		s.SetRoutes([]Route{{Bus: programme}})
	}
	if s.turn == 0 {
		s.turn = -1 // in the mix, not made yet
	}
}

// process makes the strip's blocks of n samples for the studio samples from start on,
// before and after the fader, and moves its meter. turn numbers the mixer's calls,
// after is how many frames of delay follow. It never waits.
func (s *Strip) process(n int, start, turn int64, after int) {
	if s.turn == turn {
		return
	}
	s.turn = turn
	for _, in := range s.inserts.list {
		if in.key != nil && in.key.turn != 0 { // one that is in the mix is made first
			in.key.process(n, start, turn, after)
		}
	}
	s.pre, s.post = resized(s.pre, n), resized(s.post, n)
	b := s.pre
	latency := int64(s.inserts.latency() + after)
	s.mu.Lock()
	if latency < s.latency {
		s.suit(latency)
	}
	s.mu.Unlock()
	var short int64
	var jumped bool
	s.rests = s.mayRest()
	switch {
	case s.rests:
	case s.mode == Live:
		short, jumped = s.live.read(b, start)
	default:
		short, jumped = s.paced.read(b, start)
	}
	s.mu.Lock()
	left, right := s.gains()
	sides := s.controls.sides()
	delay, early := max(s.applied, 0), max(-s.applied, 0)
	if latency > s.latency {
		s.suit(latency) // from the next block on: this one's sound is all that was waited for
	}
	if short > 0 {
		s.missed += short
		s.holes++
	}
	s.mu.Unlock()
	if s.leaving {
		left, right = 0, 0
	}
	if !s.heard { // it begins where it stands
		s.ramp, s.sides = ramp{left, right}, sides
	}
	if s.rests && delay == 0 {
		s.rest(n)
		s.ramp, s.sides = ramp{left, right}, sides
		return
	}
	if s.rests {
		s.rests = false
		_, jumped = s.paced.read(b, start) // nothing, and nothing is amiss
	}
	if jumped {
		s.splice.cut()
	}
	if s.splice.process(b) {
		s.silence = 0
	} else {
		s.silence += int64(n / 2)
	}
	s.tap.take(b, early)
	s.sides.process(b, sides)
	s.inserts.process(b)
	s.line.process(b, delay)
	peakL, peakR := s.ramp.copyTo(s.post, b, left, right)
	s.meter.update(peakL, peakR, float64(n/2)*nominalPeriod)
	s.heard = true
}

// mayRest reports that the next block is silence whatever is made of it: the source waits,
// and nothing of what it gave before is left in the strip. A hundred sources that wait
// then cost nothing.
func (s *Strip) mayRest() bool {
	return s.mode == Paced && s.silence >= max(s.line.memory(), pastFrames) && s.line.now == 0 &&
		len(s.inserts.list) == 0 && !s.tap.on && s.paced.silent()
}

// rest makes a block of n samples of a strip that rests.
func (s *Strip) rest(n int) {
	if s.silence < resting {
		s.silence = resting
		clear(s.pre[:cap(s.pre)])
		clear(s.post[:cap(s.post)])
	}
	s.meter.update(0, 0, float64(n/2)*nominalPeriod)
}

// feed adds the strip's block to its buses.
func (s *Strip) feed(muted bool) {
	gone := false
	for i := range s.routes {
		r := &s.routes[i]
		src, gain := s.post, gainOf(clamp(r.GainDB, OffDB, 24))
		if r.Pre {
			src = s.pre
			if muted {
				gain = 0
			}
		}
		if r.gone {
			gain, gone = 0, true
		}
		switch {
		case s.rests:
			r.ramp = ramp{gain, gain}
		case len(r.Bus.block) == len(src): // else it is in no mix
			r.ramp.addTo(r.Bus.block, src, gain, gain)
		}
	}
	if gone {
		s.routes = slices.DeleteFunc(s.routes, func(r route) bool { return r.gone })
	}
}

// muted: the strip is not to be heard anywhere but by the operator.
func (s *Strip) muted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving || s.controls.Mute
}

// listen adds the strip to what the operator hears as far as it is soloed.
func (s *Strip) listen(dst []float32) {
	after, before := float32(0), float32(0)
	switch {
	case s.leaving:
	case s.solo == AfterFader:
		after = 1
	case s.solo == BeforeFader:
		before = 1
	}
	if s.rests {
		s.soloRamp = [2]ramp{{after, after}, {before, before}}
		return
	}
	s.soloRamp[0].addTo(dst, s.post, after, after)
	s.soloRamp[1].addTo(dst, s.pre, before, before)
}
