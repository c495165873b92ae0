package whip

import (
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// maxDrift is by how much a track's sender reports may contradict its mapping
// before the mapping is made anew: senders whose sound card and system clock
// drift apart move it once in a while, exact ones never. A mapping by arrival is
// kept within that too: a step in time is seen and heard, that much between sound and
// picture is not.
const maxDrift = 15 * time.Millisecond

// timeline brings one track's RTP timestamps to a clock that all tracks of a stream
// share. For one goroutine.
type timeline struct {
	timeBase media.Rational

	seen     bool
	last     uint32
	extended int64 // last, without wrapping; 0 for the first timestamp seen

	mapped   bool
	reported bool
	offset   int64 // PTS = extended + offset, in timeBase, from epoch on
}

// unwrap extends an RTP timestamp. They may go back a little.
func (t *timeline) unwrap(rtpTime uint32) int64 {
	if !t.seen {
		t.seen, t.last = true, rtpTime
	}
	v := t.extended + int64(int32(rtpTime-t.last))
	if v > t.extended {
		t.last, t.extended = rtpTime, v
	}
	return v
}

// report takes a sender report: at wall-clock time at the track's time was rtpTime.
// It returns whether the mapping changed.
func (t *timeline) report(epoch, at time.Time, rtpTime uint32) bool {
	offset := media.UnitsIn(at.Sub(epoch), t.timeBase) - t.unwrap(rtpTime)
	drift := media.TimeOf(offset-t.offset, t.timeBase)
	t.reported = true
	if t.mapped && drift.Abs() <= maxDrift {
		return false
	}
	t.mapped, t.offset = true, offset
	return true
}

// assume maps by arrival what no report has spoken of. Of several arrivals the fastest
// counts.
func (t *timeline) assume(epoch, arrival time.Time, rtpTime uint32) {
	if t.reported {
		return
	}
	if offset := media.UnitsIn(arrival.Sub(epoch), t.timeBase) - t.unwrap(rtpTime); !t.mapped || offset < t.offset {
		t.mapped, t.offset = true, offset
	}
}

// pts is rtpTime's PTS in timeBase.
func (t *timeline) pts(rtpTime uint32) int64 { return t.unwrap(rtpTime) + t.offset }
