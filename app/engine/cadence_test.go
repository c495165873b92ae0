package engine

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestCadence: a live source shows each of its pictures once but for those that the two rates
// differ by, though its time stamps jitter.
func TestCadence(t *testing.T) {
	const seconds = 70
	for _, c := range []struct {
		name           string
		source, canvas float64 // pictures a second
		repeats, skips int     // that the rates make necessary
		jitter         time.Duration
		unsteady       bool // the bare threshold does worse
	}{
		{"29.97 on 30", 30000.0 / 1001, 30, 3, 0, 900 * time.Microsecond, true},
		{"30.03 on 30", 30.03, 30, 0, 3, 900 * time.Microsecond, true},
		{"30 on 30, at the threshold", 30, 30, 0, 0, 600 * time.Microsecond, true},
		{"25 on 30", 25, 30, 5 * seconds, 0, 600 * time.Microsecond, false},
		{"15 on 30", 15, 30, 15 * seconds, 0, 600 * time.Microsecond, false},
		{"60 on 30", 60, 30, 0, 30 * seconds, 400 * time.Microsecond, false},
		{"50 on 50", 50, 50, 0, 0, 600 * time.Microsecond, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func(steady bool) (repeats, skips int) {
				pool := media.NewFramePool(media.I420, 16, 16, 8)
				s := media.NewFrameSync(liveDepth)
				defer s.Close()
				tick := time.Duration(float64(time.Second) / c.canvas)
				apart := time.Duration(float64(time.Second) / c.source)
				step := min(apart, tick)
				var k cadence
				next := 0
				noise := uint32(1)
				for n := range int(seconds * c.canvas) {
					due := time.Duration(n) * tick
					for ; time.Duration(next)*apart < due+2*apart; next++ {
						noise = noise*1664525 + 1013904223
						f := pool.Get()
						f.PTS = time.Duration(next)*apart + time.Duration(float64(c.jitter)*(float64(noise>>8)/(1<<23)-1))
						s.PushLive(f)
					}
					upTo := due
					if steady {
						upTo = k.due(due, step)
					}
					f, fresh := s.Take(upTo)
					if f == nil {
						continue
					}
					k.shown(due, f.PTS)
					if !fresh {
						repeats++
					}
					f.Release()
				}
				_, skipped := s.Counts()
				return repeats, int(skipped)
			}
			repeats, skips := run(true)
			if repeats > c.repeats+1 || skips > c.skips+1 {
				t.Errorf("%d pictures were repeated and %d left out, want %d and %d", repeats, skips, c.repeats, c.skips)
			}
			if r, sk := run(false); c.unsteady && r+sk <= repeats+skips {
				t.Errorf("the bare threshold does no worse: %d and %d", r, sk)
			}
		})
	}
}
