package uplink

import (
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// The shares and times of a climb. They are wide enough for a busy machine, whose sender
// stutters, and a path that loses a little all the time.
const (
	growth     = 1.4  // from step to step
	arrives    = 0.88 // of what is offered; less does not keep up
	holds      = 0.92 // the same, of what is held
	lossMore   = 0.05 // more is lost than on the quiet line: it is full
	below      = 0.95 // of what arrived on the full line is what may last
	backOff    = 0.9  // after a rate that did not last
	stepTime   = 500 * time.Millisecond
	windowTime = time.Second
	drainLeast = 300 * time.Millisecond
	drainMost  = 2 * time.Second
	// waiting is how much of the offered stream may wait for an acknowledgement, beyond the
	// round trip, while the path keeps up. It is the least of the later part of a step that
	// counts, so that a burst is not taken for a queue that stands.
	waiting = 60 * time.Millisecond
	// slowestBPS is where giving up begins.
	slowestBPS = 100_000
)

type phase uint8

const (
	rising phase = iota + 1
	draining
	holding
)

// climb decides what is offered, from what has arrived: it rises until the path does not
// keep up, lets what waits there drain, and then holds a rate that lasts. It reads no
// clock. One goroutine at a time.
type climb struct {
	max      float64 // bits a second; more is not tried
	duration time.Duration

	offered float64 // bits a second, now
	phase   phase
	began   time.Time // of everything
	since   time.Time // of the step
	mark    sample    // where measuring this step began
	marked  bool
	stands  int64   // the least that waited, in bytes, since soon after mark
	guess   float64 // what the full line carried
	good    float64 // the most that arrived of what the line kept up with
	strikes int     // how often what is held did not last
	quiet   float64 // share sent again on the quiet line; -1: not known
	full    bool    // the path's end was met
	first   sample  // where holding began, after settling
	rtt     time.Duration
	result  float64 // bits a second that lasted
	lost    float64 // share sent again meanwhile
}

// sample is what an output knew at a moment.
type sample struct {
	at                     time.Time
	acked, unacked, resent int64 // bytes
}

func newClimb(maxBPS float64, d time.Duration) *climb {
	return &climb{max: maxBPS, duration: d, offered: max(maxBPS/4, min(maxBPS, 600_000)), quiet: -1}
}

// look takes a measurement and returns true when all is known.
func (c *climb) look(now time.Time, p outputs.Progress) (done bool) {
	s := sample{now, p.AckedBytes, p.UnackedBytes, p.ResentBytes}
	if c.phase == 0 {
		c.began = now
		c.enter(rising, now, c.offered)
	}
	if p.RTT > 0 && (c.rtt == 0 || p.RTT < c.rtt) {
		c.rtt = p.RTT
	}
	age := now.Sub(c.since)
	if c.phase == draining {
		few := int64(c.offered/8*waiting.Seconds()) + 16<<10
		if age >= drainMost || age >= drainLeast && s.unacked <= few {
			if arrived, resent := s.since(c.mark); c.strikes == 0 && resent == 0 {
				// A queue stood until now, so what arrived is what the line carries; this
				// is the longest look at it. Where something was lost it is no look at
				// all: what a receiver has given up for lost is acknowledged too.
				c.guess = min(max(c.guess, arrived), c.max/below)
			}
			c.enter(holding, now, c.guess*below)
		}
		return false
	}
	if !c.marked {
		// Until what the step changed has gone there and back.
		if age >= 150*time.Millisecond+min(p.RTT*3/2, time.Second) {
			c.mark, c.marked, c.stands = s, true, s.unacked
			if c.phase == holding {
				c.first = s
			}
		}
		return false
	}
	if c.stands = min(c.stands, s.unacked); now.Sub(c.mark.at) < stepTime/2 {
		c.stands = s.unacked
	}
	if c.phase == rising {
		return c.rise(now, s)
	}
	return c.hold(now, s)
}

// enter begins a step that offers bps.
func (c *climb) enter(p phase, now time.Time, bps float64) {
	c.phase, c.since, c.offered, c.marked = p, now, min(bps, c.max), false
}

// since is what arrived and was sent again since a sample, in bits a second.
func (s sample) since(from sample) (arrived, resent float64) {
	d := s.at.Sub(from.at).Seconds()
	return float64(s.acked-from.acked) * 8 / d, float64(s.resent-from.resent) * 8 / d
}

// keepsUp judges a step: too little arrives and something waits for it, or the path loses
// more than it did before. arrived, in bits a second, is without that.
func (c *climb) keepsUp(s sample, share float64) (arrived, more float64, ok bool) {
	arrived, resent := s.since(c.mark)
	lost := resent / c.offered
	if c.quiet < 0 {
		c.quiet = min(lost, 0.3)
	}
	waits := time.Duration(float64(c.stands*8) / c.offered * float64(time.Second))
	short := arrived < share*c.offered && waits > waiting+c.rtt
	more = max(lost-c.quiet, 0)
	return min(arrived, c.offered) * (1 - min(more, 1)), more, !short && more <= lossMore
}

func (c *climb) rise(now time.Time, s sample) bool {
	if now.Sub(c.mark.at) < stepTime {
		return false
	}
	arrived, _, ok := c.keepsUp(s, arrives)
	switch {
	case !ok:
		c.full = true
		// What waits in the network counts as underway, never as arrived.
		c.guess = max(arrived, c.good, slowestBPS)
		c.enter(draining, now, c.guess/2)
	case c.offered >= c.max:
		c.guess = c.max / below
		c.enter(holding, now, c.max)
	default:
		c.good = max(c.good, arrived)
		c.enter(rising, now, c.offered*growth)
	}
	return false
}

func (c *climb) hold(now time.Time, s sample) bool {
	if now.Sub(c.mark.at) < windowTime {
		return false
	}
	_, more, ok := c.keepsUp(s, holds)
	late := now.Sub(c.began) > 2*c.duration
	if !ok && !late {
		// Once may be anything, a busy machine for example; twice, or a loss, is the line.
		if c.strikes++; c.strikes > 1 || more > lossMore {
			c.full, c.strikes = true, 1
			c.guess = max(c.offered*backOff/below, slowestBPS)
		}
		c.enter(draining, now, c.offered/2)
		return false
	}
	c.mark, c.stands = s, s.unacked
	if now.Sub(c.began) < c.duration {
		return false
	}
	arrived, resent := s.since(c.first)
	c.lost = resent / c.offered
	c.result = min(arrived, c.offered)
	switch {
	case !ok: // and no time is left
		c.result *= 1 - min(max(c.lost-c.quiet, 0), 1)
	case arrived >= holds*c.offered:
		c.result = c.offered // it kept up; the rest is where in a picture the look ended
	}
	return true
}
