package app

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestCollectorKeepsTheHeapsRoom(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 600}, {10 << 20, 600}, {40 << 20, 400}, {80 << 20, 200}, {400 << 20, 100}} {
		if got := growth(c.live); got != c.want {
			t.Errorf("%d MB live: %d %%, want %d %%", c.live>>20, got, c.want)
		}
	}
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	c := newCollector()
	ballast := make([]byte, 128<<20)
	runtime.GC()
	c.look()
	if c.percent > 125 || c.percent < 100 {
		t.Errorf("with %d MB live the heap may grow by %d %%", len(ballast)>>20, c.percent)
	}
	runtime.KeepAlive(ballast)
}
