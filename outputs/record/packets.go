package record

import (
	"slices"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// sound is a packet of any track but the lead.
func (s *session) sound(p *media.Packet) error {
	if !s.begun {
		return nil
	}
	if s.paused && (!s.cur.begun || p.Time >= s.pausedT) {
		return nil
	}
	t, tb := p.Track, s.tracks[p.Track].TimeBase
	if s.resync[t] {
		if p.Time+media.TimeOf(p.Duration, tb)/2 < s.resumedT {
			return nil
		}
		// By whole blocks if that is near enough, else by time alone.
		s.resync[t] = false
		s.shift[t] = media.Rescale(s.shift[s.lead], s.tracks[s.lead].TimeBase, tb)
		if off := p.PTS - s.shift[t] - s.soundEnd[t]; off >= -p.Duration && off <= p.Duration {
			s.shift[t] += off
		}
	}
	q := s.moved(p)
	s.soundEnd[t] = q.PTS + q.Duration
	s.recent[t] = [2]*media.Packet{s.recent[t][1], q}
	if s.old != nil && p.Time < s.cut && t < len(s.old.holds.Packets) {
		if err := s.old.write(q, false, tb); err != nil {
			s.warn(describe(err, s.old.dir, s.old.path).Error())
		}
	}
	if p.Time < s.restarts {
		return nil // of before the tracks changed
	}
	return s.put(q)
}

// soundLead is how much of the file before one of a source's sound alone begins with: decoders of
// Opus need that much before they are right (RFC 7845 4.6), those of MP3 and AAC less.
const soundLead = 80 * time.Millisecond

// leadIn begins a fresh file with the blocks before q, a block of the lead track's sound, and
// remembers q for the next.
func (s *session) leadIn(q *media.Packet, fresh bool) error {
	if q.Tracks != nil {
		s.leading = s.leading[:0] // of another stretch
	}
	if fresh {
		for _, b := range s.leading {
			if err := s.put(b); err != nil {
				return err
			}
		}
	}
	n := 0
	for n < len(s.leading) && s.leading[n].Time+media.TimeOf(s.leading[n].Duration, s.tracks[s.lead].TimeBase) <= q.Time-soundLead {
		n++
	}
	s.leading = append(slices.Delete(s.leading, 0, n), q)
	return nil
}

// moved is p on the timeline without pauses.
func (s *session) moved(p *media.Packet) *media.Packet {
	shift := s.shift[p.Track]
	if shift == 0 {
		return p
	}
	q := *p
	q.PTS, q.DTS = p.PTS-shift, p.DTS-shift
	q.Time = media.TimeOf(q.PTS, s.tracks[p.Track].TimeBase)
	return &q
}

// clipped is a block of sound as the present file takes it, nil when it is over before the
// file's first picture and not needed to decode what follows. Matroska must not have times
// below zero: there the block over a cut is cut in time, not in content; MP4's muxer sees
// to that itself, and MPEG-TS begins later than zero.
func (s *session) clipped(q *media.Packet) *media.Packet {
	if q.Time >= s.cur.first {
		return q
	}
	track, format := s.tracks[q.Track], s.o.container.format
	from := media.UnitsIn(s.cur.first, track.TimeBase)
	early := int64(track.Delay) // what a decoder needs before
	if format == "matroska" && s.cur.part > 1 || format == "mp4" || format == "mov" {
		early = 0
	}
	if q.PTS+q.Duration <= from-early {
		return nil
	}
	if format != "matroska" || s.cur.part == 1 {
		return q
	}
	c := *q
	c.PTS, c.DTS, c.Duration, c.Time = from, from, q.PTS+q.Duration-from, s.cur.first
	return &c
}

// put writes a packet into the present file.
func (s *session) put(q *media.Packet) error {
	if q.Track != s.lead {
		if q = s.clipped(q); q == nil {
			return nil
		}
	} else if s.cur.begun && q.Time < s.cur.first {
		return nil // of an open GOP: it refers to what is in the file before
	}
	if q.Track == s.lead && q.Keyframe {
		if (q.Time - s.trimmed).Abs() >= trimEvery {
			s.trimTail()
			s.trimmed = q.Time
		}
		s.tailKeys = append(s.tailKeys, tailKey{len(s.tail), s.cur.written.Load()})
	}
	s.tail = append(s.tail, q)
	s.tailBytes += len(q.Data)
	s.cur.copied = s.copied
	if !s.cur.timed {
		s.cur.timed = true
		s.cur.mux.SetTimecodeLead(s.pausedFor(q.Time))
	}
	if q.Track == s.lead && !s.cur.begun {
		// Before pauses were taken out, and what a decoder leaves out.
		first := q.Time + s.pausedFor(q.Time)
		if q.Audio {
			first += media.TimeOf(int64(s.tracks[s.lead].Delay), s.tracks[s.lead].TimeBase)
		}
		s.o.tellFile(outputs.FileEvent{Path: s.cur.path, Part: s.cur.part, Begun: true, First: first})
		for i := 1; i < len(s.spans); i++ { // pauses in what is written again, on another disk
			if from := s.spans[i].from; from-s.spans[i].shift > q.Time {
				s.o.tellFile(outputs.FileEvent{Path: s.cur.path, Part: s.cur.part, Left: &outputs.Pause{From: s.spans[i-1].until, Until: from}})
			}
		}
	}
	if err := s.cur.write(q, q.Track == s.lead, s.tracks[q.Track].TimeBase); err != nil {
		return err
	}
	s.packets.Add(1)
	s.length.Store(int64(s.cur.end - s.zero))
	return nil
}
