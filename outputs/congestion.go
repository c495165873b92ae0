package outputs

import "time"

// Numbers of the dynamic bitrate (docs/DESTINATIONS.md).
const (
	engageAt     = 200 * time.Millisecond // a standing queue this long reduces the bitrate
	calmBelow    = 100 * time.Millisecond // one below this lets it recover
	standingOver = 400 * time.Millisecond // a queue stands when it has not been shorter for so long
	settle       = 600 * time.Millisecond // what a reduction needs to show in the queue
	growing      = 2 * time.Second        // a queue that grows for so long after a reduction wants another
	rateOver     = 400 * time.Millisecond // the network's rate is measured over this
	recoverEvery = 4 * time.Second
	floorShare   = 0.1  // of the target
	recoverShare = 0.1  // of the target, each time
	drainShare   = 0.85 // of what the network carries, so that the queue empties
)

// Congestion steers one encoder's bitrate by the queue in front of one network. What
// counts is the queue that stands: the shortest it has been for 400 ms. A keyframe makes
// a queue for a moment on every network, and a long round trip keeps bytes on the way
// that do not wait; the shortest round trip seen is taken off for these.
//
// One goroutine uses it.
type Congestion struct {
	target, sound int // b/s
	now           int

	minRTT  time.Duration
	recent  []standing // of standingOver
	acked   []ackedAt  // of rateOver
	changed time.Time  // when now was changed last
	calm    time.Time  // since when the queue is short
	worst   time.Duration
}

type standing struct {
	at     time.Time
	queued time.Duration
}

type ackedAt struct {
	at    time.Time
	bytes int64
}

// NewCongestion begins at the target: of pictures, in b/s; soundBPS is sent besides.
func NewCongestion(targetBPS, soundBPS int) *Congestion {
	return &Congestion{target: targetBPS, sound: soundBPS, now: targetBPS}
}

// Bitrate is what the encoder should aim at, in b/s, between 10 % and 100 % of the target.
func (c *Congestion) Bitrate() int { return c.now }

// Agree is told what the encoder aims at, in b/s, which need not be what Step said: others
// may use it too. Where that is another bitrate than Bitrate, it begins anew from there.
func (c *Congestion) Agree(bps int) {
	if bps != c.now {
		c.Reset()
		c.now, c.changed = bps, time.Time{}
	}
}

// Reset forgets the connection, but not the bitrate: a path that was too narrow a moment
// ago is begun at what it carried.
func (c *Congestion) Reset() {
	c.minRTT, c.recent, c.acked, c.calm, c.worst = 0, c.recent[:0], c.acked[:0], time.Time{}, 0
}

// Step takes one measurement: how much stream waits for the output, and what the
// output knows. It returns the bitrate and whether it has changed.
func (c *Congestion) Step(now time.Time, queued time.Duration, p Progress) (bps int, changed bool) {
	if n := len(c.acked); n > 0 && p.AckedBytes < c.acked[n-1].bytes {
		c.Reset() // another connection
	}
	if p.RTT > 0 && (c.minRTT == 0 || p.RTT < c.minRTT) {
		c.minRTT = p.RTT
	}
	waiting := time.Duration(float64(p.UnackedBytes) * 8 / float64(c.now+c.sound) * float64(time.Second))
	queued += max(waiting-c.minRTT, 0)
	c.recent = append(c.recent, standing{now, queued})
	c.acked = append(c.acked, ackedAt{now, p.AckedBytes})
	for len(c.recent) > 1 && now.Sub(c.recent[0].at) > standingOver {
		c.recent = append(c.recent[:0], c.recent[1:]...)
	}
	for len(c.acked) > 2 && now.Sub(c.acked[1].at) >= rateOver {
		c.acked = append(c.acked[:0], c.acked[1:]...)
	}
	stands := queued
	for _, r := range c.recent {
		stands = min(stands, r.queued)
	}
	whole := now.Sub(c.recent[0].at) >= standingOver*3/4
	if stands >= calmBelow || c.calm.IsZero() {
		c.calm = now
	}
	was := c.now
	switch {
	case whole && stands > engageAt && now.Sub(c.changed) >= settle:
		c.reduce(stands, now.Sub(c.changed) >= growing)
	case stands < calmBelow && c.now < c.target && now.Sub(c.calm) >= recoverEvery && now.Sub(c.changed) >= recoverEvery:
		c.now = min(c.now+int(recoverShare*float64(c.target)), c.target)
	}
	if c.now == was {
		return c.now, false
	}
	c.changed, c.worst = now, stands
	return c.now, true
}

// reduce goes below what the network carries; where that is not known, or the queue
// grows all the same for a while, late, down by a fixed share.
func (c *Congestion) reduce(stands time.Duration, late bool) {
	next := c.now
	first, last := c.acked[0], c.acked[len(c.acked)-1]
	if took := last.at.Sub(first.at); took >= rateOver/2 && last.bytes > 0 {
		carried := float64(last.bytes-first.bytes) * 8 / took.Seconds()
		next = int(drainShare*carried) - c.sound
	}
	if next >= c.now && stands > c.worst && late {
		next = int(drainShare * float64(c.now))
	}
	c.now = max(min(next, c.now), int(floorShare*float64(c.target)))
}
