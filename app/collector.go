package app

import (
	"runtime/debug"
	"runtime/metrics"
)

const (
	// collectorMost is how far the heap may grow over what lives in it, in per cent: a
	// running studio is a few tens of megabytes of pooled pictures, so that a large step
	// keeps the collector out of the tick's way.
	collectorMost = 600
	// collectorRoom is how much that may be in bytes. The window's texts make garbage at
	// 5 to 15 MB/s over 70 to 90 MB that live; six times those would be half a gigabyte,
	// and this is still more than ten seconds between two collections.
	collectorRoom = 160 << 20
)

// collector sets how far the heap grows between two garbage collections. It is for one
// goroutine at a time.
type collector struct {
	live    [1]metrics.Sample
	percent int
}

func newCollector() *collector {
	c := &collector{percent: collectorMost}
	c.live[0].Name = "/gc/heap/live:bytes"
	debug.SetGCPercent(c.percent)
	return c
}

// look follows what lives in the heap; it is called about once a second. A change stops
// the world for some microseconds, so small ones are left alone.
func (c *collector) look() {
	metrics.Read(c.live[:])
	if c.live[0].Value.Kind() != metrics.KindUint64 {
		return // this Go does not know it: the heap grows as at the start
	}
	want := growth(c.live[0].Value.Uint64())
	if d := want - c.percent; d > c.percent/10 || d < -c.percent/10 {
		c.percent = want
		debug.SetGCPercent(want)
	}
}

// growth is the heap's growth in per cent for so many living bytes.
func growth(live uint64) int {
	if live == 0 { // nothing has been collected yet
		return collectorMost
	}
	return int(min(max(collectorRoom*100/live, 100), collectorMost))
}
