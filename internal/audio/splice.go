package audio

import "math"

// fadeFrames is the length of every emergency fade: 5 ms.
const fadeFrames = 5 * sampleRateHz / 1000

const pastFrames = 2 * fadeFrames

// fadeIn is a raised cosine from 0 to 1; 1-fadeIn is its complement, so that a
// splice of two equal signals is that signal.
var fadeIn = func() (t [fadeFrames]float32) {
	for i := range t {
		t[i] = float32(0.5 - 0.5*math.Cos(math.Pi*(float64(i)+0.5)/fadeFrames))
	}
	return t
}()

// missing marks a frame that never came. It is a NaN, which no sane sample is
// (copySane), so no second array of flags is needed.
var missing = float32(math.NaN())

// splice turns holes and jumps into fades. A hole begins with the
// last 5 ms played backwards, fading out (which continues the waveform without a
// step, as the last sample held would not for low tones), and ends with a
// fade-in; at a jump the two overlap. Its owner is one goroutine.
type splice struct {
	// fromStart also fades in the very first sound.
	fromStart bool

	playing bool
	started bool
	tail    int // frames of the fade-out done; fadeFrames when there is none
	in      int // frames of the fade-in done
	edge    int // frame after the last one before the hole, in this block; negative for earlier blocks
	// past is what came before this block: a tail that began late in the block before still
	// goes back a whole fade from there.
	past [pastFrames * 2]float32
}

func newSplice(fromStart bool) splice {
	return splice{fromStart: fromStart, tail: fadeFrames, in: fadeFrames}
}

// cut says that the next frame does not follow the last one.
func (s *splice) cut() {
	if s.playing {
		s.tail, s.in, s.edge = 0, 0, 0
	}
}

// process works in place on a block whose absent frames are marked missing; it reports
// whether anything is heard in it.
func (s *splice) process(b []float32) (heard bool) {
	n := len(b) / 2
	if s.playing && s.in >= fadeFrames && s.tail >= fadeFrames && whole(b) {
		s.keep(b)
		return true
	}
	for i := range n {
		l, r := b[2*i], b[2*i+1]
		if l != l {
			if s.playing {
				s.playing, s.tail, s.edge = false, 0, i
			}
			l, r = 0, 0
		} else if !s.playing {
			s.playing = true
			if s.started || s.fromStart {
				s.in = 0
			}
			s.started = true
		}
		if s.playing && s.in < fadeFrames {
			l *= fadeIn[s.in]
			r *= fadeIn[s.in]
			s.in++
		}
		if s.tail < fadeFrames {
			g := 1 - fadeIn[s.tail]
			j := s.edge - 1 - s.tail
			if j >= 0 {
				l += float32(b[2*j] * g)
				r += float32(b[2*j+1] * g)
			} else if j += pastFrames; j >= 0 {
				l += float32(s.past[2*j] * g)
				r += float32(s.past[2*j+1] * g)
			}
			s.tail++
			heard = true
		}
		heard = heard || s.playing
		b[2*i], b[2*i+1] = l, r
	}
	s.keep(b)
	return heard
}

// whole reports that no frame of b is missing.
func whole(b []float32) bool {
	for i := 0; i < len(b); i += 2 {
		if b[i] != b[i] {
			return false
		}
	}
	return true
}

// keep remembers the block's end for a tail that begins in the next one.
func (s *splice) keep(b []float32) {
	n := len(b) / 2
	s.edge -= n
	if n >= pastFrames {
		copy(s.past[:], b[2*(n-pastFrames):2*n])
	} else {
		copy(s.past[:], s.past[2*n:])
		copy(s.past[2*(pastFrames-n):], b[:2*n])
	}
}
