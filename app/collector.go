package app

import (
	"runtime/debug"
	"runtime/metrics"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
)

const (
	// collectorStart is how far the heap may grow over what lives in it, in per cent,
	// until the rate of garbage is known, and for work off the clock, whose speed is what
	// counts: a large step keeps the collector out of the way.
	collectorStart = 600
	// collectorEvery is the time between two collections that is aimed at. A running
	// studio makes from half a megabyte of garbage a second, headless, to 15 with a window.
	// The collector begins when 70 to 95 % of the room are used, so what it takes is measured
	// and the room corrected by it.
	collectorEvery = 11500 * time.Millisecond
	// The room for garbage, in bytes, whatever the rate: bursts need some, and half a
	// gigabyte would be more than ten seconds are worth.
	collectorLeast = 16 << 20
	collectorMost  = 160 << 20
	// collectorFade is what a second leaves of the rate that is remembered: a burst is
	// likely to come again.
	collectorFade = 0.9
	// trimEvery is the time between two looks for pages that C's heaps need no more.
	trimEvery = 10 * time.Second
)

// collector sets how far Go's heap grows between two garbage collections, so that they are
// rare and the heap is no larger than that takes, and keeps C's heaps near what is used of
// them. It is for one goroutine at a time.
type collector struct {
	samples   [3]metrics.Sample
	percent   int
	rate      float64 // bytes a second
	seen      uint64  // bytes allocated at the last look
	at        time.Time
	runs      uint64    // collections at the last look
	collected time.Time // when the last look was that saw one
	trust     float64   // the room that collectorEvery takes beside what the rate says
	trimmed   time.Time
}

func newCollector() *collector {
	c := &collector{percent: collectorStart, trust: 1}
	c.samples[0].Name = "/gc/heap/live:bytes"
	c.samples[1].Name = "/gc/heap/allocs:bytes"
	c.samples[2].Name = "/gc/cycles/total:gc-cycles"
	debug.SetGCPercent(c.percent)
	return c
}

// look follows what lives in the heap and what dies; it is called about once a second. A
// change stops the world for some microseconds, so small ones are left alone.
func (c *collector) look(now time.Time) {
	if now.Sub(c.trimmed) >= trimEvery {
		c.trimmed = now
		av.TrimAllocator()
	}
	metrics.Read(c.samples[:])
	for _, s := range c.samples {
		if s.Value.Kind() != metrics.KindUint64 {
			return // this Go does not know it: the heap grows as at the start
		}
	}
	live, allocated := c.samples[0].Value.Uint64(), c.samples[1].Value.Uint64()
	elapsed := now.Sub(c.at).Seconds()
	first := c.at.IsZero()
	if !first && elapsed > 0 {
		c.rate = max(float64(allocated-c.seen)/elapsed, c.rate*collectorFade)
	}
	c.seen, c.at = allocated, now
	c.interval(c.samples[2].Value.Uint64(), now)
	if first {
		return
	}
	want := growth(live, c.rate*c.trust)
	if d := want - c.percent; d > c.percent/10 || d < -c.percent/10 {
		c.percent = want
		debug.SetGCPercent(want)
	}
}

// interval corrects the room by the time between the last two collections, of which there
// have been runs. It is known to a second, the time between two looks.
func (c *collector) interval(runs uint64, now time.Time) {
	if runs == c.runs {
		return
	}
	if !c.collected.IsZero() {
		took := now.Sub(c.collected) / time.Duration(runs-c.runs)
		by := min(max(collectorEvery.Seconds()/took.Seconds(), 0.8), 1.25)
		c.trust = min(max(c.trust*by, 0.5), 2)
	}
	c.runs, c.collected = runs, now
}

// growth is the heap's growth in per cent for so many living bytes and so many bytes of
// garbage a second.
func growth(live uint64, rate float64) int {
	if live == 0 { // nothing has been collected yet
		return collectorStart
	}
	room := min(max(rate*collectorEvery.Seconds(), collectorLeast), collectorMost)
	return max(int(room*100/float64(live)), 1)
}
