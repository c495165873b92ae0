package engine

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// openEvery is how long after one the next source that waits until it is on programme is
	// opened: the first pictures of 1080p cost 0.1 s of a processor, which is to take nothing
	// from what is on air.
	openEvery = 400 * time.Millisecond
	// openWithin is how long one of them may keep the next waiting.
	openWithin = time.Second
)

// openAtOnce is how many of them are opened at a time.
func openAtOnce() int { return max(runtime.NumCPU()/2, 1) }

// opening is a source's place in the line of those that wait until they are on programme:
// they are opened one after another, and go no further than their first picture. One that
// programme or preview asks for goes at once.
// The methods for other goroutines do nothing on nil.
type opening struct {
	gate    chan struct{} // of the engine, with openAtOnce places
	wanted  chan struct{} // closed when it is asked for
	asked   bool          // of the tick goroutine
	begun   chan struct{} // closed with its first picture, or when it has failed
	once    sync.Once
	waiting atomic.Bool
}

// want has it opened now; by the tick goroutine.
func (o *opening) want() {
	if o == nil || o.asked {
		return
	}
	o.asked = true
	close(o.wanted)
}

// hasBegun lets the next one open.
func (o *opening) hasBegun() {
	if o != nil {
		o.once.Do(func() { close(o.begun) })
	}
}

// rest keeps a source that nobody has asked for at the picture it has handed over: one is all
// that is seen of it, and more would be decoded and kept for nobody. The error is ctx's.
func (o *opening) rest(ctx context.Context) error {
	if o == nil {
		return nil
	}
	select {
	case <-o.wanted:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// queued reports that it is not its turn yet.
func (o *opening) queued() bool { return o != nil && o.waiting.Load() }

// await waits for its turn; false means that ctx ended.
func (o *opening) await(ctx context.Context) bool {
	o.waiting.Store(true)
	defer o.waiting.Store(false)
	select {
	case <-o.wanted:
		return ctx.Err() == nil
	default:
	}
	select {
	case o.gate <- struct{}{}:
	case <-o.wanted:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
	go func() {
		soonest, late := time.NewTimer(openEvery), time.NewTimer(openWithin)
		defer soonest.Stop()
		defer late.Stop()
		select {
		case <-o.begun:
		case <-late.C:
		case <-ctx.Done():
		}
		select {
		case <-soonest.C:
		case <-ctx.Done():
		}
		<-o.gate
	}()
	return true
}
