package record

import "slices"

const (
	// maxTail bounds the packets kept for another disk, and trimEvery is how often they are
	// looked through: where every picture is a keyframe not at each one.
	maxTail   = 256 << 20
	trimEvery = syncEvery / 2
)

// tailKey is a keyframe's place in the tail, and what had been written when it came.
type tailKey struct {
	at      int
	written int64
}

// trimTail forgets what is on the platter: all before a keyframe after which another came
// and, when that came, no more had been written than has been synced since.
func (s *session) trimTail() {
	n := 0
	for i := 1; i < len(s.tailKeys); i++ {
		if s.tailKeys[i].written <= s.cur.synced.Load() {
			n = i - 1
		}
	}
	if s.tailBytes > maxTail && len(s.tailKeys) > 0 {
		n = len(s.tailKeys) - 1
	}
	if n == 0 {
		return
	}
	at := s.tailKeys[n].at
	for _, p := range s.tail[:at] {
		s.tailBytes -= len(p.Data)
	}
	s.tail = slices.Delete(s.tail, 0, at)
	s.tailKeys = slices.Delete(s.tailKeys, 0, n)
	for i := range s.tailKeys {
		s.tailKeys[i].at -= at
	}
}
