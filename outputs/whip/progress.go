package whip

import (
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// How late feedback may be by the receivers' own habits: transport-wide feedback comes
// about ten times a second, receiver reports every second or so (RFC 3550 section 6.2
// spreads them by half of that both ways).
const (
	twccHabit   = 250 * time.Millisecond
	reportHabit = 2 * time.Second
	// progressIdle is how often progress is told when no packets come or writing waits.
	progressIdle = 4 * outputs.ProgressEvery
)

// tell tells the feed the progress when that is due. It is called with each packet: a
// timer of its own would wake the process twenty times a second.
func (c *connection) tell() {
	now, before := int64(time.Since(c.clock.began)), c.told.Load()
	if now-before >= int64(outputs.ProgressEvery) && c.told.CompareAndSwap(before, now) {
		c.watch(c.progress())
	}
}

// progress is how the far end keeps up, for failover. What is on the way is not told:
// the bitrate is steered by the receiver's feedback, not by a queue.
func (c *connection) progress() outputs.Progress {
	c.feedback.mu.Lock()
	last, rtt, twcc := c.feedback.last, c.feedback.rtt, c.feedback.hasTWCC
	c.feedback.mu.Unlock()
	p := outputs.Progress{RTT: rtt}
	for _, s := range c.streams {
		_, acked := s.bytes()
		p.AckedBytes += acked
	}
	habit := reportHabit
	if twcc {
		habit = twccHabit
	}
	if !last.IsZero() {
		p.Stall = max(time.Since(last)-habit-rtt, 0)
	}
	return p
}
