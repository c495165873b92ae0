package whip

import (
	"time"

	"github.com/pion/rtcp"
)

const (
	// referenceUnit is that of a feedback's reference time, of which there are 24 bits: they begin
	// anew every 12.4 days (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1).
	referenceUnit = 64 * time.Millisecond
	// clockStands is how long several feedbacks may have one reference time, and one that is older
	// may be under way.
	clockStands = 250 * time.Millisecond
	// clockStep is how much further than ours the far end's clock may go from one feedback to the next.
	clockStep = 2 * time.Second
	// feedbackSpan is over how much time the packets of a feedback may have come.
	feedbackSpan = 4 * time.Second
)

// arrivalClock makes the reference times of transport-wide feedback one timeline that only goes
// forward, and leaves out what lies off it or tells nothing new. pion's GCC believes them as they are: once they
// go back, or stand, it keeps all that it is told from then on, and its estimate stays what it is.
// Not safe for concurrent use.
type arrivalClock struct {
	begun  bool
	latest uint32    // the far end's newest
	at     uint32    // what was made of it; units of referenceUnit
	moved  time.Time // when it came
	next   uint16    // the first sequence number that nothing was told of
}

// take is p on the timeline; nil when it is to be left out. p is not changed.
func (c *arrivalClock) take(p *rtcp.TransportLayerCC, now time.Time) *rtcp.TransportLayerCC {
	end := p.BaseSequenceNumber + p.PacketStatusCount
	if c.begun && int16(end-c.next) <= 0 || span(p.RecvDeltas) > feedbackSpan {
		return nil
	}
	stood := now.Sub(c.moved)
	step := time.Duration(int32((p.ReferenceTime-c.latest)<<8)>>8) * referenceUnit
	switch {
	case !c.begun:
		c.begun, c.at, c.latest, c.moved = true, p.ReferenceTime, p.ReferenceTime, now
	case step == 0 && stood <= clockStands:
	case step <= 0 && stood <= clockStands, step == 0:
		return nil
	default:
		if step < 0 || step > stood+clockStep {
			step = max(stood, referenceUnit) // it was set, or begins anew
		}
		c.at += uint32(step / referenceUnit)
		c.latest, c.moved = p.ReferenceTime, now
	}
	c.next = end
	q := *p
	q.ReferenceTime = c.at
	return &q
}

// span is the time from the reference to the latest arrival.
func span(deltas []*rtcp.RecvDelta) time.Duration {
	var at, latest int64 // microseconds
	for _, d := range deltas {
		at += d.Delta
		latest = max(latest, at)
	}
	return time.Duration(latest) * time.Microsecond
}
