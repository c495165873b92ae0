//go:build mediadebug

package media

import (
	"strings"
	"testing"
)

// TestLiveFrames: a frame is listed from its allocation to its last release, with where it
// was allocated, whether its memory is new or a pool's.
func TestLiveFrames(t *testing.T) {
	pool := NewFramePool(I420, 16, 16, 1)
	before := len(LiveFrames())
	want := func(when string, n int) {
		t.Helper()
		live := LiveFrames()
		if len(live) != before+n {
			t.Errorf("%s: %d frames are listed, want %d", when, len(live)-before, n)
		}
		here := 0
		for _, f := range live {
			if strings.Contains(f, "TestLiveFrames") {
				here++
			}
		}
		if here != n {
			t.Errorf("%s: %d frames were allocated here, want %d", when, here, n)
		}
	}
	for _, what := range []string{"new", "the pool's"} {
		f := pool.Get()
		want(what, 1)
		f.Retain()
		f.Release()
		want(what+", shared and released once", 1)
		f.Release()
		want(what+", released", 0)
	}
	f := NewFrame(RGBA, 2, 2, [3]Plane{}, nil)
	want("without a pool", 1)
	f.Release()
	want("without a pool, released", 0)
}
