package record

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

const (
	// tryAgainAfter is how long a recording goes on in its file after the next one could
	// not be made.
	tryAgainAfter = 10 * time.Second
)

// turn is a keyframe: pauses begin and end, and files are cut.
func (s *session) turn(p *media.Packet) {
	if !s.begun {
		s.begun, s.zero = true, p.Time
		s.spans = []span{{from: p.Time}}
		if s.paused { // paused before it began: there is nothing to close up to
			s.pausedAt, s.pausedT = p.PTS, p.Time
			s.spans[0].until = p.Time
		}
	}
	for _, a := range s.o.control.take(p.Time) {
		switch {
		case a.split:
			s.splitNow = true
		case a.pause && !s.paused:
			s.paused, s.pausedAt, s.pausedT = true, p.PTS, p.Time
			s.spans[len(s.spans)-1].until = p.Time
			s.tellPause(outputs.Pause{From: p.Time})
		case !a.pause && s.paused:
			s.resume(p)
		}
	}
	s.isPaused.Store(s.paused)
	s.o.control.settled(s.paused)
	s.noteMarks()
	if s.paused {
		return
	}
	if dir, due := s.due(p); due && (p.Time >= s.noSplit || p.Tracks != nil || s.changed) {
		s.next(p, dir)
	}
}

// resume goes on with the keyframe p where the first picture that was left out would be.
func (s *session) resume(p *media.Packet) {
	s.paused, s.resumedT = false, p.Time
	s.shift[s.lead] += p.PTS - s.pausedAt
	for i := range s.resync {
		s.resync[i] = i != s.lead
		s.recent[i] = nil
	}
	s.leading = s.leading[:0]
	s.spans = append(s.spans, span{from: p.Time, shift: media.TimeOf(s.shift[s.lead], s.tracks[s.lead].TimeBase)})
	s.tellPause(outputs.Pause{From: s.pausedT, Until: p.Time})
}

// tellPause tells what the present file does not have, if it has what was before.
func (s *session) tellPause(left outputs.Pause) {
	if s.cur.begun {
		s.o.tellFile(outputs.FileEvent{Path: s.cur.path, Part: s.cur.part, Left: &left})
	}
}

// due reports whether the keyframe p begins a new file, and where.
func (s *session) due(p *media.Packet) (dir string, due bool) {
	if !s.cur.begun {
		s.splitNow = false // it would leave nothing behind
		return "", false
	}
	if s.cur.low.Load() && s.o.spill != "" && !s.spilled {
		return s.o.spill, true
	}
	at := s.moved(p).Time
	switch o := s.o; {
	case s.splitNow:
	case o.splitTime > 0 && at-s.cur.first >= o.splitTime-time.Millisecond:
	// The next GOP will be about as large as the last one was.
	case o.splitBytes > 0 && float64(s.cur.data+s.cur.sinceKey)*1.01 > float64(o.splitBytes):
	default:
		return "", false
	}
	return s.cur.dir, true
}

// next makes the file that begins with the keyframe p; on a failure the present one goes on.
func (s *session) next(p *media.Packet, dir string) {
	seg, err := s.begin(dir)
	if err != nil {
		s.noSplit = p.Time + tryAgainAfter
		s.warn(fmt.Sprintf("%s: the next file could not be begun (%s); the recording goes on in this one", filepath.Base(s.cur.path), strings.TrimPrefix(err.Error(), "record: ")))
		return
	}
	if dir == s.o.spill && dir != s.cur.dir {
		s.spilled = true
		s.warn(fmt.Sprintf("the disk of %s is running full; the recording goes on in %s", s.cur.dir, dir))
	}
	s.splitNow = false
	if s.old != nil {
		s.finish(s.old, "")
	}
	s.old, s.cut = s.cur, p.Time
	s.become(seg)
}

// become makes seg the present file.
func (s *session) become(seg *segment) {
	s.cur, s.changed = seg, false
	s.free.Store(seg.free.Load())
	s.present.Store(seg)
	s.tail, s.tailBytes, s.tailKeys = s.tail[:0:0], 0, nil
}
