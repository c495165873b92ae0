package app

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestCollectorKeepsTheHeapsRoom(t *testing.T) {
	for _, c := range []struct {
		live uint64
		rate float64
		want int
	}{
		{0, 1 << 20, 600},
		{20 << 20, 0, 80},          // the least room
		{20 << 20, 2 << 20, 115},   // 11.5 s of 2 MB/s
		{80 << 20, 10 << 20, 143},  // and of 10
		{80 << 20, 100 << 20, 200}, // the most
		{2 << 30, 1 << 20, 1},
	} {
		if got := growth(c.live, c.rate); got != c.want {
			t.Errorf("%d MB live, %.0f MB/s: %d %%, want %d %%", c.live>>20, c.rate/(1<<20), got, c.want)
		}
	}
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	c := newCollector()
	at := time.Now()
	c.look(at)
	ballast := make([]byte, 64<<20)
	runtime.GC()
	c.look(at.Add(10 * time.Second))    // 6.4 MB/s
	live := c.samples[0].Value.Uint64() // of other tests too
	if want := int(c.trust * 11.5 * (64 << 20) / 10 * 100 / float64(live)); c.percent < want*9/10 || c.percent > want*12/10 {
		t.Errorf("with %d MB live that came in 10 s the heap may grow by %d %%, want about %d %%", len(ballast)>>20, c.percent, want)
	}
	runtime.KeepAlive(ballast)
	fast := c.rate
	c.look(at.Add(11 * time.Second))
	if c.rate > fast || c.rate < 0.89*fast {
		t.Errorf("a quiet second leaves %.0f of %.0f bytes a second", c.rate, fast)
	}
}

// TestCollectorIsCorrected: the room grows while collections come too early, shrinks while
// they come late, and not without end.
func TestCollectorIsCorrected(t *testing.T) {
	c := &collector{trust: 1}
	at := time.Now()
	after := func(took time.Duration, runs uint64) float64 {
		at = at.Add(took)
		c.interval(c.runs+runs, at)
		return c.trust
	}
	if got := after(time.Second, 5); got != 1 {
		t.Errorf("the first collections make it %v, want 1: nothing is known of the time before", got)
	}
	for _, v := range []struct {
		took time.Duration
		runs uint64
		want float64
	}{
		{10 * time.Second, 1, 1.15}, {23 * time.Second, 1, 0.92}, {23 * time.Second, 2, 0.92}, {5 * time.Second, 0, 0.92}, {5 * time.Second, 1, 1.058},
	} {
		if got := after(v.took, v.runs); math.Abs(got-v.want) > 0.001 {
			t.Errorf("%d collections in %v make it %.3f, want %.3f", v.runs, v.took, got, v.want)
		}
	}
	for range 20 {
		after(time.Second, 3)
	}
	if c.trust != 2 {
		t.Errorf("%v at the most, want 2", c.trust)
	}
	for range 20 {
		after(time.Minute, 1)
	}
	if c.trust != 0.5 {
		t.Errorf("%v at the least, want 0.5", c.trust)
	}
}
