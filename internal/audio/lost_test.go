package audio

import (
	"testing"
	"time"
)

// TestLostBlocksAreSilence: single blocks that the network loses are silence of their length, so
// that the queue stays as deep as it was; what only looks like that is left as it is.
func TestLostBlocksAreSilence(t *testing.T) {
	for _, c := range []struct {
		name   string
		ppm    float64
		block  int
		jitter time.Duration
		round  time.Duration
		loses  func(n int64) bool
		skew   func(n int64) time.Duration
		frames int64 // of each gap; 0: there is to be none
	}{
		{"an Opus packet in a hundred", 50, 960, 10 * time.Millisecond, 0,
			func(n int64) bool { return n%100 == 99 }, nil, 960},
		{"two in two hundred", -50, 960, 10 * time.Millisecond, 0,
			func(n int64) bool { return n%200 >= 198 }, nil, 1920},
		{"an AAC frame in a hundred, time stamps to the millisecond", 50, 1024, 10 * time.Millisecond, time.Millisecond,
			func(n int64) bool { return n%100 == 99 }, nil, 1024},
		{"packets of 10 ms", 0, 480, 4 * time.Millisecond, 0,
			func(n int64) bool { return n%200 == 199 }, nil, 480},
		{"time stamps to the millisecond, none lost", 50, 1024, 10 * time.Millisecond, time.Millisecond,
			nil, nil, 0},
		{"time stamps a block too late now and then, none lost", 0, 960, 10 * time.Millisecond, 0,
			nil, func(n int64) time.Duration {
				if n%100 == 50 {
					return 20 * time.Millisecond
				}
				return 0
			}, 0},
		{"time stamps set right by a block, none lost", 0, 960, 5 * time.Millisecond, 0,
			nil, func(n int64) time.Duration { return time.Duration(n/1000) * 20 * time.Millisecond }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newForeign(newLinear(), c.ppm, c.block, c.jitter, Tone{LeftHz: 440, RightHz: 440, LevelDB: -6}.Fill)
			f.rounded, f.skew = c.round, c.skew
			var lost, run int64
			f.loses = func(n int64) bool {
				gone := c.loses != nil && c.loses(n)
				if gone {
					run++
				} else if run > 0 { // only the next block tells
					lost, run = lost+1, 0
				}
				return gone
			}
			for range 60 * 30 {
				f.next(t)
			}
			st := f.strip.Stats()
			if c.frames == 0 {
				if st.Gaps != 0 {
					t.Errorf("%d gaps of %v where nothing was lost", st.Gaps, lasting(st.GapFrames))
				}
			} else if want := lost * c.frames; st.Gaps != lost || st.GapFrames != want {
				t.Errorf("%d gaps of %d frames, want %d of %d", st.Gaps, st.GapFrames, lost, want)
			}
			if st.Resets != 0 || st.Underruns != 0 || st.Steps != 0 || st.Overlaps != 0 {
				t.Errorf("not smooth: %+v", st)
			}
			if d := (st.Latency - DefaultTarget).Abs(); d > 15*time.Millisecond {
				t.Errorf("queue: %v, want %v +-15 ms", st.Latency, DefaultTarget)
			}
		})
	}
}
