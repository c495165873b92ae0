package engine

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

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

// TestConnectionBeginsWithKeyframe: a connection that joins an encode in the middle of a group of
// pictures, and one that was lost and is there again, has a picture at once.
func TestConnectionBeginsWithKeyframe(t *testing.T) {
	t.Parallel()
	s := startSwappingOf(t, "libx264", "h264", 3000)
	s.play(2 * time.Second)
	s.settle(t)
	stream := s.v.streams[0].stream
	l := &leg{v: &delivery{d: &deliveries{e: s.e}}, link: &link{video: s.v, stream: stream}}
	q := media.NewPacketQueue(media.LiveLimits, true)
	l.queue.Store(q)
	stream.attach(q)
	for _, want := range []int64{60, 120} {
		got := make(chan *media.Packet, 1)
		go func() {
			p, err := l.Next(t.Context())
			if err != nil {
				t.Errorf("Next: %v", err)
			}
			got <- p
		}()
		for deadline := time.Now().Add(30 * time.Second); !s.v.keyframe.Load(); <-time.After(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("nothing was asked for")
			}
		}
		s.play(2 * time.Second)
		s.settle(t)
		if p := <-got; p == nil || !p.Keyframe || p.PTS != want {
			t.Errorf("it begins with %+v, want the keyframe %d", p, want)
		}
		l.Reset()
	}
	s.v.close()
}
