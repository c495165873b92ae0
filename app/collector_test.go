package app

import (
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
		{20 << 20, 2 << 20, 130},   // 13 s of 2 MB/s
		{80 << 20, 10 << 20, 162},  // and of 10
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
	if want := int(13 * 64 << 20 / 10 * 100 / live); c.percent < want*9/10 || c.percent > want*12/10 {
		t.Errorf("with %d MB live that came in 10 s the heap may grow by %d %%, want about %d %%", len(ballast)>>20, c.percent, want)
	}
	runtime.KeepAlive(ballast)
	fast := c.rate
	c.look(at.Add(11 * time.Second))
	if c.rate > fast || c.rate < 0.89*fast {
		t.Errorf("a quiet second leaves %.0f of %.0f bytes a second", c.rate, fast)
	}
}
