package engine

import (
	"errors"
	"io"
	"slices"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestKeyframesAskedFor: what destinations ask for comes at the next picture, twice in a second
// once, the other time a second after the first unless one is due before, and moves none of the
// keyframes that are due by studio time.
func TestKeyframesAskedFor(t *testing.T) {
	t.Parallel()
	s := startSwappingOf(t, "libx264", "h264", 150)
	play := func(pictures int) {
		s.play(media.TickTime(int64(pictures), media.NewRational(30, 1)))
		s.settle(t)
	}
	ask := func(times int) {
		for range times {
			s.v.requestKeyframe()
		}
	}
	play(5)
	ask(1) // the first picture, which is one, is on its way
	play(35)
	ask(1)
	play(25)
	ask(3)
	play(140 - 65)
	ask(3)
	play(1)
	ask(1) // the one that is due comes first
	play(200 - 141)
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
	if want := []int64{0, 40, 70, 140, 150}; !slices.Equal(keys, want) {
		t.Errorf("keyframes at %v, want %v", keys, want)
	}
}
