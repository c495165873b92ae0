package priority

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Lane is the precedence of goroutines that belong together, such as those that decode one
// source: as everybody's, until it is raised. The zero Lane is ready to be used, from any goroutine.
type Lane struct {
	raised atomic.Bool

	mu      sync.Mutex
	threads map[int]int // guarded by mu; the usual nice values of the threads in it
}

type laneKey struct{}

// With is ctx for goroutines that may Enter lane.
func With(ctx context.Context, lane *Lane) context.Context {
	return context.WithValue(ctx, laneKey{}, lane)
}

// Enter puts the calling goroutine into ctx's lane, if there is one, and leave takes it out: the
// last that it does, for it has a thread of its own from then on, which is to end with it.
func Enter(ctx context.Context) (leave func()) {
	lane, ok := ctx.Value(laneKey{}).(*Lane)
	if !ok {
		return func() {}
	}
	tid, usual, err := own()
	if err != nil {
		return func() {}
	}
	lane.mu.Lock()
	defer lane.mu.Unlock()
	if lane.threads == nil {
		lane.threads = make(map[int]int)
	}
	lane.threads[tid] = usual
	if lane.raised.Load() {
		lane.raise(tid)
	}
	return func() {
		lane.mu.Lock()
		defer lane.mu.Unlock()
		delete(lane.threads, tid)
	}
}

// Raise lets the lane go before everything but the tick, or have the same claim as everybody.
// It does not block.
func (l *Lane) Raise(raised bool) {
	if l.raised.Load() == raised {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raised.Store(raised)
	for tid, usual := range l.threads {
		if raised {
			l.raise(tid)
		} else {
			lower(tid, usual)
		}
	}
}

// raise raises one thread, at once where the user may do that, else by RealtimeKit in the
// background; mu is held.
func (l *Lane) raise(tid int) {
	if l.threads[tid] > raisedNice && set(tid, raisedNice) != nil {
		go realtimeKit.raise(l, tid)
	}
}

// wants reports whether a thread of the lane is to be raised now, and its usual nice value.
func (l *Lane) wants(tid int) (raised bool, usual int, there bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	usual, there = l.threads[tid]
	return l.raised.Load(), usual, there
}

// lower gives a thread of this process its usual precedence back, which everybody may do.
func lower(tid, usual int) {
	_ = set(tid, usual) // it has ended, or was not raised
}

// realtimeKit asks RealtimeKit, for one thread at a time. It counts what it is asked for and refuses what is
// too much: after a refusal it is left alone for a while.
var realtimeKit asker

type asker struct {
	mu      sync.Mutex
	refused time.Time // guarded by mu
}

// refusedFor is how long RealtimeKit is left alone: as long as it counts requests together.
const refusedFor = 20 * time.Second

// raise has a thread raised that its lane still wants raised.
func (a *asker) raise(l *Lane, tid int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if raised, _, there := l.wants(tid); !raised || !there || !a.refused.IsZero() && time.Since(a.refused) < refusedFor {
		return
	}
	if ask(tid, raisedNice) != nil {
		a.refused = time.Now()
		return
	}
	if raised, usual, there := l.wants(tid); there && !raised {
		lower(tid, usual)
	}
}
