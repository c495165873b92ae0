package engine

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Buckets of a histogram: one a microsecond below 32, and 32 to an octave from there
// on, so that a bucket is at most a 32nd wide and its middle at most 1.6 % off.
const (
	bucketBits  = 5
	bucketCount = (25 - bucketBits) << bucketBits // up to 16 s; what is longer counts as that
)

// histogram counts durations in fixed buckets (after HdrHistogram's logarithmic ones):
// it allocates nothing. One goroutine adds, any reads.
type histogram struct {
	counts [bucketCount]atomic.Uint32
}

// add counts d, with 1 µs as its unit; negative durations count as 0.
func (h *histogram) add(d time.Duration) {
	v := uint64(max(d, 0)) / 1000
	i := int(v)
	if e := bits.Len64(v) - 1; e >= bucketBits {
		i = (e-bucketBits+1)<<bucketBits + int(v>>(e-bucketBits))&(1<<bucketBits-1)
	}
	h.counts[min(i, bucketCount-1)].Add(1)
}

// bucketMS is the middle of bucket i in milliseconds.
func bucketMS(i int) float64 {
	if i < 1<<bucketBits {
		return (float64(i) + 0.5) / 1000
	}
	shift := i>>bucketBits - 1
	low := (1<<bucketBits + i&(1<<bucketBits-1)) << shift
	return (float64(low) + float64(int(1)<<shift)/2) / 1000
}

func (h *histogram) clear() {
	for i := range h.counts {
		h.counts[i].Store(0)
	}
}

// quantiles are the median and the 99th percentile of what all of list hold together,
// in milliseconds (nearest rank); 0 of nothing.
func quantiles(list ...*histogram) (p50, p99 float64) {
	var sums [bucketCount]uint64
	var total uint64
	for _, h := range list {
		for i := range h.counts {
			n := uint64(h.counts[i].Load())
			sums[i] += n
			total += n
		}
	}
	if total == 0 {
		return 0, 0
	}
	rank50, rank99 := (total*50+99)/100, (total*99+99)/100
	var seen uint64
	for i, n := range sums {
		before := seen
		seen += n
		if before < rank50 && seen >= rank50 {
			p50 = bucketMS(i)
		}
		if before < rank99 && seen >= rank99 {
			return p50, bucketMS(i)
		}
	}
	return p50, p99
}

// recently counts durations of the last ten seconds.
type recently struct {
	seconds [10]histogram
	list    [10]*histogram
	at      int
}

func (r *recently) add(d time.Duration) { r.seconds[r.at].add(d) }

// turn begins another second and forgets the one ten seconds ago.
func (r *recently) turn() {
	r.at = (r.at + 1) % len(r.seconds)
	r.seconds[r.at].clear()
}

func (r *recently) quantiles() (p50, p99 float64) {
	for i := range r.seconds {
		r.list[i] = &r.seconds[i]
	}
	return quantiles(r.list[:]...)
}
