package audio

import (
	"math"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// Whatever a live source does, the mix carries on, its strip says what happened, and ten
// seconds after it is over says nothing.
func TestStripSaysWhatHappened(t *testing.T) {
	tone := Tone{LeftHz: 440, RightHz: 440, LevelDB: -6}
	for _, c := range []struct {
		name string
		hurt func(f *foreign, n int)
		want string
	}{
		{"stops for good", func(f *foreign, n int) { f.deadTill = time.Hour }, "no sound for"},
		{"stops for 400 ms", func(f *foreign, n int) {
			if n == 0 {
				f.deadTill = f.pending + 400*time.Millisecond
			}
		}, "silence in the mix"},
		{"jumps by an hour", func(f *foreign, _ int) { f.epoch = 2 * time.Hour }, "jumped by 1h0m0s"},
		{"jumps back by an hour", func(f *foreign, _ int) { f.epoch = time.Minute }, "jumped by -59m0s"},
		{"sends NaNs", func(f *foreign, n int) {
			f.fill = tone.Fill
			if n < 3 {
				f.fill = func(dst []float32, _ int64) {
					for i := range dst {
						dst[i] = float32(math.NaN())
					}
				}
			}
		}, "no numbers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newForeign(newLinear(), 0, 480, 5*time.Millisecond, tone.Fill)
			f.settle()
			var troubles Troubles
			said, text := false, ""
			for n := range 16 * 30 {
				if n >= 60 {
					c.hurt(f, n-60)
				}
				for _, v := range f.next(t) {
					if v != v || abs(v) > 0.6 {
						t.Fatalf("tick %d: %v in the mix", n, v)
					}
				}
				text = troubles.Look(f.strip.Stats(), media.TickTime(int64(n), media.Rational{Num: 30, Den: 1}))
				if n < 60 && text != "" {
					t.Fatalf("nothing has happened, and it says %q", text)
				}
				said = said || strings.Contains(text, c.want)
			}
			if !said {
				t.Errorf("never said %q; at the end %q", c.want, text)
			}
			if over := c.want != "no sound for"; over && text != "" {
				t.Errorf("12 s later it still says %q", text)
			}
		})
	}
}
