package whip

import (
	"context"
	"fmt"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

const (
	// burst is how many packets leave together: about 19 kB, what the small
	// buffers of home routers and sockets take.
	burst = 16
	// defaultFrame is the frame time where the track does not tell it.
	defaultFrame = time.Second / 30
)

// sendPictures writes pictures until the channel is closed (nil) or something fails.
// Large ones are spread over half a frame's time at most; when another picture waits
// already, they are not spread.
func (c *connection) sendPictures(ctx context.Context, pictures <-chan *media.Packet) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var p *media.Packet
		var ok bool
		select {
		case p, ok = <-pictures:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !ok {
			return nil
		}
		s := c.streamOf(p)
		if s.sentOnce && p.PTS <= s.lastPTS {
			return outputs.Permanent(fmt.Errorf("whip: pictures do not come in display order: choose a rendition without B-frames"))
		}
		s.sentOnce, s.lastPTS = true, p.PTS
		spread := s.frameTime(p) / 2
		start := time.Now()
		err := s.send(p, func(done, all int) error {
			if done == 0 || done%burst != 0 || len(pictures) > 0 {
				return nil
			}
			wait := time.Until(start.Add(spread * time.Duration(done) / time.Duration(all)))
			if wait <= 0 {
				return nil
			}
			timer.Reset(wait)
			select {
			case <-timer.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if err != nil {
			return err
		}
		c.sent.Add(1)
	}
}

func (c *connection) streamOf(p *media.Packet) *stream {
	for _, s := range c.streams {
		if s.index == p.Track {
			return s
		}
	}
	return nil // the reader lets only packets of our streams through
}

func (s *stream) frameTime(p *media.Packet) time.Duration {
	switch {
	case s.track.FPS.IsSet():
		return media.TickTime(1, s.track.FPS)
	case p.Duration > 0:
		return media.TimeOf(p.Duration, s.track.TimeBase)
	}
	return defaultFrame
}
