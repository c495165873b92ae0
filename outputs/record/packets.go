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
	s.recent[t] = s.keepFor(t, append(s.recent[t], q))
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

// decoderNeeds is how many audio frames before the first that is heard a decoder has to be given.
func decoderNeeds(t media.Track) int64 {
	switch t.Codec {
	case media.AAC: // blocks overlap by half (ISO/IEC 14496-3 4.6.11)
		return 1024
	case media.MP3: // so they do, and one may have its bits in those before (ISO/IEC 11172-3 2.4.3.4)
		return 4 * 1152
	case media.Opus:
		return 3840 // RFC 7845 4.6
	}
	return 0
}

// framesIn is a duration in t's units as audio frames, and unitsOf the other way.
func framesIn(n int64, t media.Track) int64 {
	return media.Rescale(n, t.TimeBase, media.NewRational(1, int64(t.SampleRateHz)))
}

func unitsOf(frames int64, t media.Track) int64 {
	return media.Rescale(frames, media.NewRational(1, int64(t.SampleRateHz)), t.TimeBase)
}

// beginSound finds out, before the first packet of a Matroska file that is not the first, where
// the sound of each track begins: with the block over the file's beginning and, ahead of it,
// what its decoder needs to be right by then, so that files put end to end have each sample
// of the recording, and the same.
func (s *session) beginSound(lead *media.Packet) {
	if s.o.container.format != "matroska" || s.cur.part == 1 || lead.Track != s.lead || lead.Audio {
		return
	}
	s.cur.early = make([]int64, len(s.tracks))
	for i, t := range s.tracks {
		if !t.Codec.IsAudio() {
			continue
		}
		early := unitsOf(int64(t.Delay), t)
		from := media.UnitsIn(lead.Time, t.TimeBase)
		if blocks := s.recent[i]; len(blocks) > 0 && blocks[0].PTS <= from && blocks[0].Duration > 0 {
			// Pictures that are coded in another order than shown come before sound of their
			// own time: the block may not be there yet.
			newest := blocks[len(blocks)-1]
			behind := from - unitsOf(decoderNeeds(t), t) - newest.PTS
			n := behind / newest.Duration
			if behind%newest.Duration < 0 {
				n--
			}
			early = from - max(newest.PTS+n*newest.Duration, blocks[0].PTS)
		}
		s.cur.early[i] = early
		s.cur.mux.SetSoundLead(i, int(framesIn(early, t)))
	}
}

// clipped is a block of sound as the present file takes it, nil when it is over before the
// file's first picture and not needed to decode what follows. MP4's muxer cuts the block over
// a cut in time, not in content; MPEG-TS begins later than zero.
func (s *session) clipped(q *media.Packet) *media.Packet {
	if q.Time >= s.cur.first {
		return q
	}
	track, format := s.tracks[q.Track], s.o.container.format
	from := media.UnitsIn(s.cur.first, track.TimeBase)
	early := int64(track.Delay) // what a decoder needs before
	switch {
	case s.cur.early != nil:
		early = s.cur.early[q.Track]
	case format == "mp4" || format == "mov":
		early = 0
	}
	from -= early
	if q.PTS+q.Duration <= from {
		return nil
	}
	if s.cur.early == nil || q.PTS >= from {
		return q
	}
	// Matroska must not have times below what it knows of.
	c := *q
	c.PTS, c.DTS, c.Duration, c.Time = from, from, q.PTS+q.Duration-from, media.TimeOf(from, track.TimeBase)
	return &c
}

// keepFor leaves out of blocks what no file needs that begins behind the newest, whose decoder
// needs so many audio frames.
func (s *session) keepFor(track int, blocks []*media.Packet) []*media.Packet {
	t := s.tracks[track]
	from := blocks[len(blocks)-1].PTS - unitsOf(decoderNeeds(t), t)
	n := 0
	for n < len(blocks)-1 && blocks[n].PTS+blocks[n].Duration <= from {
		n++
	}
	return slices.Delete(blocks, 0, n)
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
		s.beginSound(q)
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
