package audio

import (
	"context"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// TestCaptureOutlivesAStallOfTheServer: a sound server that stands still for a third of a
// second, as on a busy machine, delivers afterwards what was recorded meanwhile, and none of
// it is thrown away for want of room.
func TestCaptureOutlivesAStallOfTheServer(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { outlivesAStallOfTheServer(a) })
}

func outlivesAStallOfTheServer(t testing.TB) {
	p := newPulse(t)
	var got collector
	start(t, func(ctx context.Context) error {
		return NewCapture(CaptureOptions{Backend: PulseBackend}).Run(ctx, got.take)
	})
	eventually(t, 30*time.Second, "the microphone runs", func() bool { return got.frames() > sampleRateHz/4 })
	frames, began := got.frames(), time.Now()
	const stalls, stall, between = 4, 300 * time.Millisecond, 100 * time.Millisecond
	stand := func(sig syscall.Signal, d time.Duration) {
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		<-time.After(d)
	}
	for range stalls {
		stand(syscall.SIGSTOP, stall)
		stand(syscall.SIGCONT, between)
	}
	// With room for 30 ms more than a second of this is lost for good.
	eventually(t, 30*time.Second, "what was recorded meanwhile", func() bool {
		due := int(time.Since(began).Seconds() * sampleRateHz)
		return got.frames()-frames > due-sampleRateHz/2
	})
}
