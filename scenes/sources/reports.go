package sources

import (
	"context"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

const (
	// reportStep is by how much a stream's time stamps step, at least, where its timeline is
	// begun anew: less is made up for by gliding.
	reportStep = 60 * time.Millisecond
	// reportLook is for how many packets of a stream after both have been reported a step may
	// still come.
	reportLook = 64
	// unreportedFor is how many pictures' time goes by before the operator is told.
	unreportedFor = 1500 * time.Millisecond
)

// reports is what is known of an RTSP sender's clocks. Until it has sent a report (RFC 3550,
// 6.4.1) of both streams, the time stamps of each count from its own first packet, or from
// where the answer to PLAY says that it begins (RFC 2326, 12.33), which is right or is not:
// packets of sound hold up to half a second, so that the first of them may be that much
// older than the first picture. At its report the second stream's time stamps step.
type reports struct {
	// Of the demuxing goroutine.
	streams [2]struct {
		last, step time.Duration // decoding times
		packets    int
		reported   bool
		stepped    bool
	}
	left int // packets that are still looked at

	known atomic.Bool

	// Of the goroutine that decodes pictures.
	begun   bool
	first   time.Duration // PTS
	told    bool          // that it is not known
	settled bool          // that it is known
}

// unreported is the operator's sentence about a source, after "is shown, but".
const unreported = "whether its sound is in step with its pictures is not known before its sender says so (no RTCP report has come of both)"

// newReports is for an open input; nil where there is nothing to be in step with, and for a
// transport stream, which has both on one clock.
func newReports(in *av.Input) *reports {
	v, a := in.Video(), in.Audio()
	if v == nil || a == nil || a.TimeBase == media.NewRational(1, 90000) {
		return nil
	}
	return &reports{left: reportLook}
}

// look takes a packet with a decoding time. step is by how much it steps away from the
// stream's timeline, where that is to begin anew.
func (r *reports) look(stream int, pkt *av.InputPacket) (step time.Duration) {
	if r == nil || r.left == 0 {
		return 0
	}
	s := &r.streams[stream]
	s.reported = s.reported || pkt.Reported
	if r.streams[pictures].reported && r.streams[sound].reported {
		r.known.Store(true)
		r.left--
	}
	d := pkt.DTS - s.last
	// Only a report makes a stream step, and once: a camera whose rate falls in the dark, or
	// lost packets, have gaps too.
	if s.packets++; s.packets > 2 && s.reported && !s.stepped {
		if e := d - s.step; e.Abs() > reportStep {
			step, s.stepped = e, true
		}
	}
	if step == 0 {
		s.step = d
	}
	s.last = pkt.DTS
	return step
}

// picture tells the operator through sink what is not known, or is now.
func (r *reports) picture(sink Sink, pts time.Duration) {
	switch {
	case r == nil || r.settled:
	case r.known.Load():
		r.settled = true
		remark(sink, "") // which may be that of a connection before
	case !r.begun:
		r.begun, r.first = true, pts
	case !r.told && pts-r.first > unreportedFor:
		r.told = true
		remark(sink, unreported)
	}
}

// anew is a place in both streams from which on their time stamps are of a new timeline.
type anew struct {
	stream int           // which of them steps
	step   time.Duration // by how much
	at     time.Duration // its first PTS thereafter

	here, done chan struct{} // closed when pictures have come to it, and when it has begun
}

// newAnew is the place before a packet.
func newAnew(stream int, step, at time.Duration) *anew {
	return &anew{stream: stream, step: step, at: at, here: make(chan struct{}), done: make(chan struct{})}
}

// begin restarts the sink's timeline when both streams are there. It is called by both
// decoding goroutines.
func (a *anew) begin(ctx context.Context, stream int, sink Sink) error {
	mine, other := a.done, a.here
	if stream == pictures {
		mine, other = a.here, a.done
		close(mine)
	}
	select {
	case <-other:
	case <-ctx.Done():
		return ctx.Err()
	}
	if stream == sound {
		sink.Restart() // where it may be called: nothing is being handed over
		close(mine)
	}
	return nil
}

// before reports of a picture that comes out of the decoder after this place that it is of
// the timeline before.
func (a *anew) before(pts time.Duration) bool {
	if a == nil || a.stream != pictures {
		return false
	}
	if a.step > 0 {
		return pts < a.at-a.step/2
	}
	return pts > a.at-a.step/2
}
