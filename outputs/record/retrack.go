package record

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/internal/media"
)

// retrack takes the tracks that begin with the keyframe p, where it brings some, for which
// the next file is then due.
func (s *session) retrack(p *media.Packet) {
	switch {
	case p.Tracks == nil:
		return
	case p.Continues && len(p.Tracks) == len(s.tracks):
		// Not worth the recording when there can be no other file: many players go by what is
		// in the pictures themselves.
		s.tracks, s.splitNow, s.changed = p.Tracks, true, s.changed || !s.cur.begun
		return
	}
	s.copied = true
	changed := !slices.EqualFunc(p.Tracks, s.tracks, sameTrack)
	if !changed && !s.cur.begun {
		return
	}
	s.changed = s.changed || changed
	n := len(p.Tracks)
	s.tracks, s.splitNow = p.Tracks, true
	s.shift, s.soundEnd = resized(s.shift, n), resized(s.soundEnd, n)
	s.resync, s.recent = resized(s.resync, n), make([][]*media.Packet, n)
	s.restarts = p.Time
}

// anew makes another file in the place of the present one, which nothing has come for.
func (s *session) anew() error {
	dir := s.cur.dir
	_ = s.discard(s.cur) // what its disk has to say comes with the next file
	s.parts--            // it takes the other's name
	seg, err := s.begin(dir)
	if err != nil && s.o.spill != "" && s.o.spill != dir {
		if other, serr := s.begin(s.o.spill); serr == nil {
			s.warn(fmt.Sprintf("%s; recording in %s instead", strings.TrimPrefix(err.Error(), "record: "), s.o.spill))
			seg, err, s.spilled = other, nil, true
		}
	}
	if err != nil {
		return err
	}
	s.become(seg)
	return nil
}

// sameTrack: packets of b can go into a file that was begun for a.
func sameTrack(a, b media.Track) bool {
	return a.Codec == b.Codec && a.Width == b.Width && a.Height == b.Height && a.SampleRateHz == b.SampleRateHz && a.Channels == b.Channels &&
		a.TimeBase == b.TimeBase && bytes.Equal(a.Extradata, b.Extradata)
}

func resized[T any](list []T, n int) []T {
	out := make([]T, n)
	copy(out, list)
	return out
}
