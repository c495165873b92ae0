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
	threads map[int]*member // guarded by mu; by their ids
}

// member is a thread in a lane.
type member struct {
	usual  int           // its nice value
	asking bool          // guarded by the lane's mu; RealtimeKit is being asked for it
	gone   chan struct{} // closed when it leaves
}

type laneKey struct{}

// With is ctx for goroutines that may Enter lane.
func With(ctx context.Context, lane *Lane) context.Context {
	return context.WithValue(ctx, laneKey{}, lane)
}

// Enter puts the calling goroutine into ctx's lane, if there is one, and leave takes it out: the
// last that it does, for it has a thread of its own from then on, which is to end with it. Threads
// that libraries have started for it are not in the lane.
func Enter(ctx context.Context) (leave func()) {
	lane, ok := ctx.Value(laneKey{}).(*Lane)
	if !ok {
		return func() {}
	}
	tid, usual, err := own()
	if err != nil {
		return func() {}
	}
	m := &member{usual: usual, gone: make(chan struct{})}
	lane.mu.Lock()
	defer lane.mu.Unlock()
	if lane.threads == nil {
		lane.threads = make(map[int]*member)
	}
	lane.threads[tid] = m
	if lane.raised.Load() {
		lane.raise(tid, m)
	}
	return func() {
		lane.mu.Lock()
		defer lane.mu.Unlock()
		delete(lane.threads, tid)
		close(m.gone)
	}
}

// Raise lets the lane go before everything but the tick, or have the same claim as everybody.
// It does not block. Where the user may not raise threads RealtimeKit is asked in the background, until
// it does.
func (l *Lane) Raise(raised bool) {
	if l.raised.Load() == raised {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raised.Store(raised)
	for tid, m := range l.threads {
		if raised {
			l.raise(tid, m)
		} else {
			m.lower(tid)
		}
	}
}

// raise raises one thread; mu is held.
func (l *Lane) raise(tid int, m *member) {
	if m.usual <= raisedNice || m.asking || set(tid, raisedNice) == nil {
		return
	}
	m.asking = true
	go l.ask(tid, m)
}

// lower gives a thread of this process its usual precedence back, which everybody may do.
func (m *member) lower(tid int) {
	_ = set(tid, m.usual) // it has ended, or was not raised
}

// askAgain is how long RealtimeKit is left alone after it refused: as long as it counts what it is asked
// for, to refuse what is too much.
const askAgain = 20 * time.Second

// asks has RealtimeKit asked for one thread at a time.
var asks sync.Mutex

// ask has RealtimeKit raise a thread for as long as that is wanted. It ends with the thread at the latest,
// but for a bus that does not answer.
func (l *Lane) ask(tid int, m *member) {
	for l.stillAsks(m) {
		asks.Lock()
		err := ask(tid, raisedNice)
		asks.Unlock()
		if err == nil {
			break
		}
		select {
		case <-m.gone:
		case <-time.After(askAgain):
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m.asking = false
	if l.threads[tid] == m && !l.raised.Load() {
		m.lower(tid) // meanwhile
	}
}

// stillAsks reports whether m is there and to be raised.
func (l *Lane) stillAsks(m *member) bool {
	select {
	case <-m.gone:
		return false
	default:
		return l.raised.Load()
	}
}
