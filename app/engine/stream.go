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

// stream joins one video encode and one or more audio encodes, or one audio encode alone, in
// DTS order and hands the packets to any number of queues. Destinations of the same rendition, codecs and buses
// share one.
type stream struct {
	mu     sync.Mutex
	sounds bool              // guarded by mu; it has no pictures
	tracks []media.Track     // guarded by mu; video, then sound; see retrack and renew
	fresh  bool              // guarded by mu; tracks are those from the next keyframe on
	wait   [][]*media.Packet // guarded by mu; by track
	taps   []*tap            // guarded by mu
	ended  bool              // guarded by mu
}

// sink takes the packets of a stream: a destination's queue or its delay line. Put may
// drop; Close is the orderly end. Neither blocks.
type sink interface {
	Put(p *media.Packet) bool
	Close()
}

// tap is one destination's sink on a stream.
type tap struct {
	queue sink
	// until, when set, is the studio time at which the operator stopped the
	// destination: what the encoders still hold of the time before goes out first.
	until time.Duration
	past  []bool // this track has come to until
	// from, when set, is the studio time of the picture that it begins with, or the next
	// keyframe after that; what comes before is not for it.
	from time.Duration
}

// put hands a packet over and reports whether the tap is done.
func (t *tap) put(p *media.Packet, dts time.Duration) (done bool) {
	if t.from > 0 {
		if p.Audio || !p.Keyframe || p.Time < t.from {
			return false
		}
		t.from = 0
	}
	if t.until > 0 && dts >= t.until {
		t.past[p.Track] = true
		if !slices.Contains(t.past, false) {
			t.queue.Close()
			return true
		}
		return false
	}
	t.queue.Put(p)
	return false
}

func newStream(tracks ...media.Track) *stream {
	return &stream{sounds: tracks[0].Codec.IsAudio(), tracks: tracks, wait: make([][]*media.Packet, len(tracks))}
}

// dts is a packet's decoding time as studio time.
func (s *stream) dts(p *media.Packet, track int) time.Duration {
	return media.TimeOf(p.DTS, s.tracks[track].TimeBase)
}

// put takes a packet of a track's encode. A packet that says of itself which track it is
// goes to every queue as it is; one that does not, since its data may be another track
// elsewhere, gets a header of its own.
func (s *stream) put(p *media.Packet, track int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sound := track > 0 || s.sounds
	if p.Track != track || p.Audio != sound {
		q := *p
		q.Track, q.Audio = track, sound
		p = &q
	}
	if s.fresh && p.Keyframe && !p.Audio {
		q := *p
		q.Tracks, q.Continues = s.tracks, true
		s.fresh, p = false, &q
	}
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

// retrack makes tracks those of the packets that come from now on, after what is held has
// gone out.
func (s *stream) retrack(tracks []media.Track) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ended := s.ended
	s.ended = true // nothing is waited for
	s.drain()
	s.ended = ended
	s.sounds = tracks[0].Codec.IsAudio()
	s.tracks, s.wait = tracks, make([][]*media.Packet, len(tracks))
	for _, t := range s.taps {
		t.past = make([]bool, len(tracks))
	}
}

// begin: the first packets are of an encoder with t's data for decoders.
func (s *stream) begin(t media.Track) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracks[0].Extradata = t.Extradata
}

// renew: another encoder makes the pictures from the next keyframe on, with t's data for decoders.
func (s *stream) renew(t media.Track) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracks = slices.Clone(s.tracks) // some have been told of them as they were
	s.tracks[0].Extradata, s.fresh = t.Extradata, true
}

// now is the tracks of the packets that come.
func (s *stream) now() []media.Track {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tracks
}

// next is the track whose first packet is next in DTS order, -1 while that is not known:
// a track has none waiting, and nothing has waited for it for maxHold. mu is held.
func (s *stream) next() int {
	best, all := -1, true
	for track, w := range s.wait {
		if len(w) == 0 {
			all = false
		} else if best < 0 || s.dts(w[0], track) < s.dts(s.wait[best][0], best) {
			best = track
		}
	}
	if best < 0 || all || s.ended {
		return best
	}
	if w := s.wait[best]; s.dts(w[len(w)-1], best)-s.dts(w[0], best) > maxHold {
		return best
	}
	return -1
}

// drain hands out whatever is next in DTS order; mu is held.
func (s *stream) drain() {
	for {
		track := s.next()
		if track < 0 {
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
func (s *stream) attach(q sink) { s.attachFrom(q, 0) }

// attachFrom starts a queue with the first keyframe at or after from.
func (s *stream) attachFrom(q sink, from time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taps = append(s.taps, &tap{queue: q, past: make([]bool, len(s.tracks)), from: from})
}

// finish closes q once everything before studio time until has been put in.
func (s *stream) finish(q sink, until time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.taps {
		if t.queue == q {
			t.until = max(until, 1)
		}
	}
}

// detach takes a queue off at once.
func (s *stream) detach(q sink) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taps = slices.DeleteFunc(s.taps, func(t *tap) bool { return t.queue == q })
}

// place is a track of a stream, which an encode feeds.
type place struct {
	stream *stream
	track  int
}

func removeStream(mu *sync.Mutex, list *[]place, s *stream) {
	mu.Lock()
	defer mu.Unlock()
	*list = slices.DeleteFunc(*list, func(x place) bool { return x.stream == s })
}
