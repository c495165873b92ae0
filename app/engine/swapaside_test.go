package engine

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// slowEncoder takes its time for what is left in it.
type slowEncoder struct {
	pictureEncoder
	flush <-chan struct{}
}

func (e *slowEncoder) Flush() ([]*media.Packet, error) {
	<-e.flush
	return e.pictureEncoder.Flush()
}

// TestPicturesGoOnDuringASwap: while another encoder is opened, and while the one before it is
// emptied, pictures are encoded; all packets go out, in order.
func TestPicturesGoOnDuringASwap(t *testing.T) {
	t.Parallel()
	s := startSwapping(t, "libx265", "hevc")
	open, flush := make(chan struct{}), make(chan struct{})
	quick := s.e.openEncoder
	s.e.openEncoder = func(opt av.VideoEncoderOptions) (pictureEncoder, error) {
		<-open
		return quick(opt)
	}
	s.v.encoder = &slowEncoder{s.v.encoder, flush} // nothing has been offered to it
	s.v.follow(s.user, 300_000)
	s.play(2 * time.Second) // more than waits for an encoder: it would stand still
	s.settle(t)
	close(open)
	s.opens(t)
	s.play(2 * time.Second)
	s.settle(t)
	if s.v.aimed != 300_000 || len(s.v.held) == 0 {
		t.Errorf("it aims at %d b/s; %d packets wait", s.v.aimed, len(s.v.held))
	}
	close(flush)
	s.play(2 * time.Second)
	s.v.close()
	s.queue.Close()
	seen := map[int64]bool{}
	last := int64(-1 << 62)
	for range s.next {
		p, err := s.queue.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if seen[p.PTS] || p.DTS <= last {
			t.Errorf("picture %d is decoded at %d, after %d", p.PTS, p.DTS, last)
		}
		seen[p.PTS], last = true, p.DTS
	}
	if len(seen) != int(s.next) {
		t.Errorf("%d pictures of %d", len(seen), s.next)
	}
}
