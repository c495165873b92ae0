package media

import (
	"context"
	"sync"
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

// standsAfter is for how long nobody looks at a studio's clock when the process has been
// stopped, or all of it kept waiting: the engine looks at each tick, and less it catches up with.
const standsAfter = 10 * time.Second

// RealClock follows the machine's monotonic clock. In a studio it leaves out what passes while
// the process is stopped: an hour of stale pictures would be made before the first that is
// of use. Whoever looks first sees that, so that nobody sees time go back.
type RealClock struct {
	made time.Time

	mu    sync.Mutex
	begun bool          // guarded by mu; Zero was called: somebody looks at each tick
	start time.Duration // guarded by mu; of studio time, after made, with what was left out
	last  time.Duration // guarded by mu; when somebody last looked, after made
	stood time.Duration // guarded by mu; what was left out
}

// NewRealClock starts studio time now.
func NewRealClock() *RealClock { return &RealClock{made: time.Now()} }

// Zero makes now the start of studio time: the engine calls it once, when everything
// that the first tick needs is open.
func (c *RealClock) Zero() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun, c.stood = true, 0
	c.last = time.Since(c.made)
	c.start = c.last
}

// Now implements Clock.
func (c *RealClock) Now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Since(c.made)
	if d := now - c.last; c.begun && d > standsAfter {
		c.start += d
		c.stood += d
	}
	c.last = now
	return now - c.start
}

// Stood is how much time has been left out so far.
func (c *RealClock) Stood() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stood
}

// Virtual implements Clock.
func (c *RealClock) Virtual() bool { return false }

// WaitUntil implements Clock.
func (c *RealClock) WaitUntil(ctx context.Context, t time.Duration) error {
	for {
		d := t - c.Now()
		if err := Wait(ctx, d); err != nil || d <= 0 {
			return err
		}
	}
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
