package sources

import "time"

const (
	// bothAhead is how far a file's time stamps may go on when there is nothing of the other
	// stream meanwhile either; aloneAhead where there is no other, or it has ended: a slide
	// may stand for long.
	bothAhead  = time.Minute
	aloneAhead = 10 * time.Minute
	// steadyStep bounds what is taken for the length of the packet before a jump.
	steadyStep = 200 * time.Millisecond
)

// steady makes the time stamps of a file go on where they jump: recordings that were put
// together, encoders that were started anew, damage. Pictures and sound jump at packets of
// their own; the second to do so follows the first, so that they keep step.
type steady struct {
	jumps int           // so far; of both streams together where they agree
	jump  time.Duration // by how much, the last time

	seen  [2]bool
	last  [2]time.Duration // DTS, made steady
	step  [2]time.Duration
	shift [2]time.Duration
}

// follow returns what has to be added to the time stamps of a stream's next packet.
func (s *steady) follow(stream int, dts time.Duration) time.Duration {
	other := 1 - stream
	if s.seen[stream] {
		if d, jumped := s.jumpOf(stream, dts+s.shift[stream]); jumped {
			if _, still := s.jumpOf(stream, dts+s.shift[other]); s.seen[other] && !still {
				s.shift[stream] = s.shift[other]
			} else {
				s.shift[stream] -= d - s.step[stream]
				s.jumps++
				s.jump = d
			}
		}
	}
	at := dts + s.shift[stream]
	if s.seen[stream] {
		s.step[stream] = min(max(at-s.last[stream], 0), steadyStep)
	}
	s.last[stream], s.seen[stream] = at, true
	return s.shift[stream]
}

// jumpOf is how far a time of a stream is from its last one, and whether that is a jump.
func (s *steady) jumpOf(stream int, at time.Duration) (d time.Duration, jumped bool) {
	other := 1 - stream
	d = at - s.last[stream]
	switch {
	case d < -jumpBack:
		return d, true
	case s.seen[other] && s.last[stream]-s.last[other] < bothAhead:
		return d, d > bothAhead && at-s.last[other] > bothAhead
	}
	return d, d > aloneAhead
}
