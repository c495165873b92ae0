package engine

import (
	"slices"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// maxHold is how long one half of a stream waits for the other before it goes out
// alone.
const maxHold = 4 * time.Second

// stream joins one video encode and one audio encode in DTS order and hands the
// packets to any number of queues. Destinations of the same rendition and codecs
// share one.
type stream struct {
	tracks []media.Track // video, then audio

	mu    sync.Mutex
	wait  [2][]*media.Packet // guarded by mu; by track
	taps  []*tap             // guarded by mu
	ended bool               // guarded by mu
}

// tap is one destination's queue on a stream.
type tap struct {
	queue *media.PacketQueue
	// until, when set, is the studio time at which the operator stopped the
	// destination: what the encoders still hold of the time before goes out first.
	until time.Duration
	past  [2]bool // this track has come to until
}

// put hands a packet over and reports whether the tap is done.
func (t *tap) put(p *media.Packet, dts time.Duration) (done bool) {
	if t.until > 0 && dts >= t.until {
		t.past[p.Track] = true
		if t.past[0] && t.past[1] {
			t.queue.Close()
			return true
		}
		return false
	}
	t.queue.Put(p)
	return false
}

func newStream(video, audio media.Track) *stream {
	return &stream{tracks: []media.Track{video, audio}}
}

// dts is a packet's decoding time as studio time.
func (s *stream) dts(p *media.Packet, track int) time.Duration {
	return media.TimeOf(p.DTS, s.tracks[track].TimeBase)
}

// put takes a packet of either encode. A packet that says of itself which track it is goes
// to every queue as it is; one that does not, since its data may be another track
// elsewhere, gets a header of its own.
func (s *stream) put(p *media.Packet, audio bool) {
	track := 0
	if audio {
		track = 1
	}
	if p.Track != track || p.Audio != audio {
		q := *p
		q.Track, q.Audio = track, audio
		p = &q
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait[track] = append(s.wait[track], p)
	s.drain()
}

// end hands out what is held and closes every queue: no more packets come.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.drain()
	for _, t := range s.taps {
		t.queue.Close()
	}
	s.taps = nil
}

// drain hands out whatever is next in DTS order; mu is held.
func (s *stream) drain() {
	for {
		v, a := s.wait[0], s.wait[1]
		var track int
		switch {
		case len(v) > 0 && len(a) > 0:
			track = 0
			if s.dts(a[0], 1) < s.dts(v[0], 0) {
				track = 1
			}
		case len(v) > 0 && (s.ended || s.dts(v[len(v)-1], 0)-s.dts(v[0], 0) > maxHold):
			track = 0
		case len(a) > 0 && (s.ended || s.dts(a[len(a)-1], 1)-s.dts(a[0], 1) > maxHold):
			track = 1
		default:
			return
		}
		p := s.wait[track][0]
		// Moved down in place: a few packets wait, and nothing is allocated.
		s.wait[track] = slices.Delete(s.wait[track], 0, 1)
		dts := s.dts(p, track)
		s.taps = slices.DeleteFunc(s.taps, func(t *tap) bool { return t.put(p, dts) })
	}
}

// attach starts a queue with the next packet.
func (s *stream) attach(q *media.PacketQueue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taps = append(s.taps, &tap{queue: q})
}

// finish closes q once everything before studio time until has been put in.
func (s *stream) finish(q *media.PacketQueue, until time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.taps {
		if t.queue == q {
			t.until = max(until, 1)
		}
	}
}

// detach takes a queue off at once.
func (s *stream) detach(q *media.PacketQueue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taps = slices.DeleteFunc(s.taps, func(t *tap) bool { return t.queue == q })
}

func removeStream(mu *sync.Mutex, list *[]*stream, s *stream) {
	mu.Lock()
	defer mu.Unlock()
	*list = slices.DeleteFunc(*list, func(x *stream) bool { return x == s })
}
