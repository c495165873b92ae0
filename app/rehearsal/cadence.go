package rehearsal

import (
	"math"
	"slices"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

const (
	// settle is how many intervals tell the first typical one.
	settle = 8
	// windowSize is over how many intervals the typical one is renewed.
	windowSize = 61
)

// cadence is the rhythm of one track: rate, gaps and arrival jitter. For one goroutine.
type cadence struct {
	count       int64
	first, last time.Duration // decoding time stamps
	lastArrival time.Duration

	window []time.Duration // the last intervals
	next   int             // where the oldest of them is
	frame  time.Duration   // the typical interval; 0 while not known

	regular           int64 // intervals that are no gap
	regularSum        time.Duration
	odd               int64 // of them, those that deviate by more than a third
	gaps, backwards   int64
	missing           time.Duration
	jitter, maxJitter float64 // seconds
}

// add takes the next packet's decoding time and its time of arrival.
func (c *cadence) add(dts, arrival time.Duration) {
	c.count++
	if c.count == 1 {
		c.first, c.last, c.lastArrival = dts, dts, arrival
		return
	}
	d := dts - c.last
	deviation := math.Abs((arrival - c.lastArrival - d).Seconds())
	c.lastArrival = arrival
	if d <= 0 {
		c.backwards++
		if d < -time.Second || d == 0 { // a new timeline, or a stamp used twice
			c.last = dts
		}
		return
	}
	c.last = dts
	c.jitter += (deviation - c.jitter) / 16
	c.maxJitter = max(c.maxJitter, deviation)
	if len(c.window) < windowSize {
		c.window = append(c.window, d)
	} else {
		c.window[c.next] = d
		c.next = (c.next + 1) % windowSize
	}
	switch n := len(c.window); {
	case c.frame != 0:
		c.judge(d)
		if c.next == 0 && n == windowSize {
			c.frame = c.typical()
		}
	case n == settle:
		c.frame = c.typical()
		for _, d := range c.window {
			c.judge(d)
		}
	}
}

// typical is the median interval.
func (c *cadence) typical() time.Duration {
	sorted := slices.Clone(c.window)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

func (c *cadence) judge(d time.Duration) {
	if d > c.frame*3/2 {
		c.gaps++
		c.missing += d - c.frame
		return
	}
	c.regular++
	c.regularSum += d
	// Time stamps in milliseconds make intervals differ by one of them.
	if off := (d - c.frame).Abs(); off > c.frame/3 && off > 2*time.Millisecond {
		c.odd++
	}
}

func (c *cadence) gapReport() GapReport {
	return GapReport{Count: c.gaps, MissingSeconds: c.missing.Seconds(), Backwards: c.backwards}
}

// rates in use; measured ones are taken for the nearest of them.
var rates = func() []media.Rational {
	var out []media.Rational
	for _, n := range []int64{5, 6, 8, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144} {
		out = append(out, media.Rational{Num: n, Den: 1})
		if n == 24 || n == 30 || n == 48 || n == 60 || n == 120 {
			out = append(out, media.Rational{Num: n * 1000, Den: 1001})
		}
	}
	return out
}()

// rate is the number of packets a second, from intervals that are no gap; variable
// says that they differ too much for a rate to mean anything. Not set while unknown.
func (c *cadence) rate() (fps media.Rational, variable bool) {
	if c.regular < settle || c.regularSum <= 0 {
		return media.Rational{}, false
	}
	measured := float64(c.regular) / c.regularSum.Seconds()
	variable = c.odd*20 > c.regular
	if !variable {
		best := rates[0]
		for _, r := range rates {
			if math.Abs(r.Float()-measured) < math.Abs(best.Float()-measured) {
				best = r
			}
		}
		// Both ends of the measured stretch may be off by a millisecond, more where gaps
		// cut it; 30 and 29.97 differ by a thousandth.
		tolerance := min(max(0.0004, 0.002*float64(1+c.gaps)/c.regularSum.Seconds()), 0.02)
		if math.Abs(best.Float()-measured) <= tolerance*measured {
			return best, false
		}
	}
	return media.NewRational(int64(math.Round(measured*1000)), 1000), variable
}

// spread is the least, mean and greatest of some intervals.
type spread struct {
	n           int64
	least, most time.Duration
	sum         time.Duration
	last        time.Duration // the newest moment
	hasLast     bool
}

// mark notes a moment; the interval to the one before counts.
func (s *spread) mark(t time.Duration) {
	if s.hasLast && t > s.last {
		d := t - s.last
		if s.n == 0 || d < s.least {
			s.least = d
		}
		s.most = max(s.most, d)
		s.sum += d
		s.n++
	}
	s.last, s.hasLast = t, true
}

func (s *spread) mean() float64 {
	if s.n == 0 {
		return 0
	}
	return s.sum.Seconds() / float64(s.n)
}
