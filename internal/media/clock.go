package media

import (
	"context"
	"sync/atomic"
	"time"
)

// Clock is studio time: how long ago the studio started. There is one per
// engine; everything that needs time asks it.
type Clock interface {
	// Now is the time since the start.
	Now() time.Duration
	// WaitUntil blocks until Now() >= t or ctx ends, whose error it returns.
	WaitUntil(ctx context.Context, t time.Duration) error
	// Virtual reports whether time is simulated: nobody may then drop work
	// for being late, and sources are waited for.
	Virtual() bool
}

// RealClock follows the machine's monotonic clock.
type RealClock struct {
	made  time.Time
	start atomic.Int64 // nanoseconds after made
}

// NewRealClock starts studio time now.
func NewRealClock() *RealClock { return &RealClock{made: time.Now()} }

// Zero makes now the start of studio time: the engine calls it once, when everything
// that the first tick needs is open.
func (c *RealClock) Zero() { c.start.Store(int64(time.Since(c.made))) }

// Now implements Clock.
func (c *RealClock) Now() time.Duration {
	return time.Since(c.made) - time.Duration(c.start.Load())
}

// Virtual implements Clock.
func (c *RealClock) Virtual() bool { return false }

// WaitUntil implements Clock.
func (c *RealClock) WaitUntil(ctx context.Context, t time.Duration) error {
	return Wait(ctx, t-c.Now())
}

// Wait blocks for d of real time, not at all where d is not positive, or until ctx ends,
// whose error it then returns.
func Wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// VirtualClock goes as fast as its user: waiting for a time makes it that time.
// One goroutine, the engine's tick, may wait.
type VirtualClock struct{ now atomic.Int64 }

// NewVirtualClock starts at zero.
func NewVirtualClock() *VirtualClock { return &VirtualClock{} }

// Now implements Clock.
func (c *VirtualClock) Now() time.Duration { return time.Duration(c.now.Load()) }

// Virtual implements Clock.
func (c *VirtualClock) Virtual() bool { return true }

// WaitUntil implements Clock: it advances time to t at once.
func (c *VirtualClock) WaitUntil(ctx context.Context, t time.Duration) error {
	if int64(t) > c.now.Load() {
		c.now.Store(int64(t))
	}
	return ctx.Err()
}
