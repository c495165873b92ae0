package engine

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestKeyframesAskedFor: what destinations ask for comes at the next picture, twice in half a
// second once, and moves none of the keyframes that are due by studio time.
func TestKeyframesAskedFor(t *testing.T) {
	t.Parallel()
	s := startSwapping(t, "libx264", "h264")
	clock := media.NewVirtualClock()
	s.v.clock = clock
	play := func(pictures int) {
		s.play(media.TickTime(int64(pictures), media.NewRational(30, 1)))
		s.settle(t)
	}
	ask := func(at time.Duration, times int) {
		if err := clock.WaitUntil(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		for range times {
			s.v.requestKeyframe()
		}
	}
	play(7)
	ask(time.Second, 3)
	play(2)
	ask(1400*time.Millisecond, 1)
	play(4)
	ask(1500*time.Millisecond, 1)
	play(34)
	s.v.close()
	s.queue.Close()
	var keys []int64
	for {
		p, err := s.queue.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Keyframe {
			keys = append(keys, p.PTS)
		}
	}
	if want := []int64{0, 7, 13, 15, 30, 45}; !slices.Equal(keys, want) {
		t.Errorf("keyframes at %v, want %v", keys, want)
	}
}
