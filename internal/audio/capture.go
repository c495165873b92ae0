package audio

import (
	"context"
	"fmt"
	"time"

	"github.com/gen2brain/malgo"

	"crosspoint.studio/crosspoint/internal/media"
)

// CaptureOptions choose what to record.
type CaptureOptions struct {
	Backend Backend
	Device  string // ID or name; "" is the default device
	// Opened, if set, is told the device's name when it runs; on Run's goroutine.
	Opened func(name string)
	// Latency, if set, is told how long sound is under way from the device to sink, when
	// that is known and when it changes; on Run's goroutine. It is the device's block as it
	// comes, and what Run adds: what the system has queued before is not known here.
	Latency func(d time.Duration)

	running func(*session) // of tests: the device that runs
}

// Capture records a microphone or line input.
type Capture struct{ opt CaptureOptions }

// NewCapture opens nothing yet.
func NewCapture(opt CaptureOptions) *Capture { return &Capture{opt} }

const (
	// captureRing is the room between callback and Run: 1.4 s.
	captureRing = 1 << 17
	// capturePoll is how often Run looks into it: a callback may not wake
	// anybody, since a channel takes a lock.
	capturePoll = 5 * time.Millisecond
)

// Run records until ctx ends (nil), sink fails (its error), or the device
// cannot be opened or goes away (an error for the operator; Run may then be called
// again). sink gets the sound on Run's goroutine, PTS counted from 0 by the
// device's own clock, and must not block for more than a second: what the ring cannot
// hold is lost and the PTS steps over it.
func (c *Capture) Run(ctx context.Context, sink func(context.Context, media.AudioBlock) error) error {
	ring := media.NewSampleRing(captureRing)
	var block deviceBlock
	dev, err := open(c.opt.Backend, malgo.Capture, c.opt.Device, func(_, in []byte, frames uint32) {
		block.came(frames)
		ring.Write(floats(in))
	})
	if err != nil {
		return fmt.Errorf("audio: open input: %w", err)
	}
	defer dev.close()
	if c.opt.running != nil {
		c.opt.running(dev)
	}
	if c.opt.Opened != nil {
		c.opt.Opened(dev.name)
	}
	ticker := time.NewTicker(capturePoll)
	defer ticker.Stop()
	buf := make([]float32, 2*sampleRateHz/10)
	var frames int64
	heard := time.Now()
	var told time.Duration
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-dev.stopped:
			return fmt.Errorf("audio: input %q: %w", dev.name, errStopped)
		case <-ticker.C:
		}
		if ring.Len() == 0 {
			if time.Since(heard) > stallTimeout {
				return fmt.Errorf("audio: input %q: %w", dev.name, errSilent)
			}
			continue
		}
		heard = time.Now()
		if d := block.latency() + capturePoll; d != told && c.opt.Latency != nil {
			told = d
			c.opt.Latency(d)
		}
		for ring.Len() > 0 {
			b := buf[:min(ring.Len(), len(buf))]
			ring.Read(b)
			at := media.TimeOf(frames+ring.Overruns()/2, media.Rational{Num: 1, Den: sampleRateHz})
			frames += int64(len(b) / 2)
			if err := sink(ctx, media.AudioBlock{Samples: b, PTS: at}); err != nil {
				return err
			}
		}
	}
}
