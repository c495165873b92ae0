package engine

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// A live picture's way from its time stamp to its packet is its age at its tick and the
// tick's way; a picture without one counts for nothing.
func TestThroughIsAgeAndDelay(t *testing.T) {
	t.Parallel()
	s := startSwapping(t, "libx264", "h264")
	const age = 70 * time.Millisecond
	at := func(n int64) time.Duration { return media.TickTime(n, media.NewRational(30, 1)) }
	for i, a := range []time.Duration{age, -1, age} {
		f := s.pool.Get()
		s.v.offer(f, s.next+int64(i), a, true)
		f.Release()
	}
	counted := func(h *histogram) (n uint32) {
		for i := range h.counts {
			n += h.counts[i].Load()
		}
		return n
	}
	for s.e.clock.Now() < at(2)+time.Millisecond || counted(&s.v.before) < 2 { // the encoder's goroutine takes them
		if s.e.clock.Now() > 20*time.Second {
			t.Fatalf("the encoder has taken %d pictures that have an age, want 2", counted(&s.v.before))
		}
		time.Sleep(time.Millisecond)
	}
	began := s.e.clock.Now()
	s.v.close() // all three packets leave the encoder now
	took := s.e.clock.Now()
	if p50, p99 := quantiles(&s.v.delay); p99 == 0 || p50 > p99 {
		t.Errorf("from the tick %.1f and %.1f ms", p50, p99)
	}
	for name, h := range map[string]*histogram{"the whole way": &s.v.through, "the way to the encoder": &s.v.before} {
		if n := counted(h); n != 2 {
			t.Errorf("%s: %d pictures count, want the 2 that have an age", name, n)
		}
	}
	if _, p99 := quantiles(&s.v.before); p99 < 0.97*age.Seconds()*1000 || p99 > 1.03*(age+began-at(0)).Seconds()*1000 {
		t.Errorf("the earlier: %.1f ms from its time stamp to the encoder, want %v to %v", p99, age, age+began-at(0))
	}
	p50, p99 := quantiles(&s.v.through)
	for _, c := range []struct {
		name string
		got  float64
		tick int64
	}{{"the later", p50, 2}, {"the earlier", p99, 0}} {
		least, most := age+began-at(c.tick), age+took-at(c.tick)
		if c.got < 0.97*least.Seconds()*1000 || c.got > 1.03*most.Seconds()*1000 {
			t.Errorf("%s: %.1f ms from its time stamp, want %v to %v", c.name, c.got, least, most)
		}
	}
}
