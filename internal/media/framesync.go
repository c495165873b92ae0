package media

import (
	"context"
	"sync"
	"time"
)

// FrameSync is a frame synchroniser: a short queue between a source, which puts
// pictures in at its pace, and the engine, which asks at every tick for the one
// that is due. It is bounded, in pictures and in bytes: Push blocks while it is full, PushLive
// discards the oldest picture instead (counted in Dropped). One goroutine pushes, one
// takes.
type FrameSync struct {
	mu       sync.Mutex
	capacity int      // guarded by mu
	queue    []*Frame // guarded by mu; increasing PTS
	bytes    int      // guarded by mu; of queue
	current  *Frame   // guarded by mu; what Take returned last
	held     bool     // guarded by mu; no picture is to be waited for
	closed   bool     // guarded by mu
	dropped  int64    // guarded by mu
	skipped  int64    // guarded by mu
	epoch    int64    // guarded by mu; counts Flush
	// One token each, renewed by every change: the pusher waits for room, the taker for
	// pictures. Nothing is allocated when they change.
	room, more chan struct{}
}

// syncBytes bounds what waits, but for the least of two pictures: 64 of 4K in 4:2:0 have room.
const syncBytes = 768 << 20

// NewFrameSync makes a synchroniser for at most capacity pictures (at least 2: one
// due, one that says so).
func NewFrameSync(capacity int) *FrameSync {
	return &FrameSync{capacity: max(capacity, 2), room: make(chan struct{}, 1), more: make(chan struct{}, 1)}
}

// SetCapacity changes how many pictures may wait, at least 2; those that wait already
// stay.
func (s *FrameSync) SetCapacity(capacity int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if capacity = max(capacity, 2); capacity != s.capacity {
		s.capacity = capacity
		s.signal()
	}
}

// signal lets the pusher and the taker look again; mu is held.
func (s *FrameSync) signal() {
	for _, c := range [2]chan struct{}{s.room, s.more} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Push hands f over, waiting while the queue is full. It returns ctx's error,
// having released f, when ctx ends first; after Close it releases f and returns nil.
func (s *FrameSync) Push(ctx context.Context, f *Frame) error {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			f.Release()
			return nil
		}
		if s.fits(f) {
			s.append(f)
			s.held = false
			s.signal()
			s.mu.Unlock()
			return nil
		}
		s.mu.Unlock()
		select {
		case <-s.room:
		case <-ctx.Done():
			f.Release()
			return ctx.Err()
		}
	}
}

// PushLive hands f over and never blocks: a full queue loses its oldest picture.
func (s *FrameSync) PushLive(f *Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		f.Release()
		return
	}
	for !s.fits(f) {
		s.pop().Release()
		s.dropped++
	}
	s.append(f)
	s.held = false
	s.signal()
}

// fits reports whether there is room for f; mu is held.
func (s *FrameSync) fits(f *Frame) bool {
	return len(s.queue) < s.capacity && (len(s.queue) < 2 || s.bytes+f.bytes() <= syncBytes)
}

// append puts f last; mu is held.
func (s *FrameSync) append(f *Frame) {
	s.queue = append(s.queue, f)
	s.bytes += f.bytes()
}

// pop takes the oldest picture out; mu is held.
func (s *FrameSync) pop() *Frame {
	f := s.queue[0]
	s.bytes -= f.bytes()
	copy(s.queue, s.queue[1:])
	s.queue[len(s.queue)-1] = nil
	s.queue = s.queue[:len(s.queue)-1]
	return f
}

// Hold says that the newest picture stands until further notice (a still, a pause,
// the end of a file): WaitFor no longer waits for a later one.
func (s *FrameSync) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
	s.signal()
}

// First is the PTS of the oldest picture not yet taken.
func (s *FrameSync) First() (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return 0, false
	}
	return s.queue[0].PTS, true
}

// Waiting is how many pictures have not been taken yet, how much later the newest of them is than
// the one taken last (0 where there are not both), and whether more are to come.
func (s *FrameSync) Waiting() (n int, ahead time.Duration, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n = len(s.queue); n > 0 && s.current != nil {
		ahead = s.queue[n-1].PTS - s.current.PTS
	}
	return n, ahead, !s.held && !s.closed
}

// Take returns the newest picture with PTS <= t, retained for the caller, and
// whether it differs from the one returned last. Pictures passed over are
// released and counted in Skipped. With nothing newer due it is the last one
// again; nil before the first picture.
func (s *FrameSync) Take(t time.Duration) (f *Frame, fresh bool) {
	f, fresh = s.TakeQuietly(t)
	if fresh {
		s.Wake()
	}
	return f, fresh
}

// Wake has a Push that waits look for room.
func (s *FrameSync) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signal()
}

// TakeQuietly is Take, but a Push that waits for room goes on waiting until Wake: a decoder does
// not begin with the next picture while its taker has better use for the processor.
func (s *FrameSync) TakeQuietly(t time.Duration) (f *Frame, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 && s.queue[0].PTS <= t {
		if fresh {
			s.skipped++
		}
		s.current.Release()
		s.current = s.pop()
		fresh = true
	}
	if s.current == nil {
		return nil, false
	}
	return s.current.Retain(), fresh
}

// WaitFor blocks until the picture due at t is known: a later one is queued, or
// none is coming (Hold, Close), or t has lost its meaning (Flush). It frees room for that as it goes, so a
// faster source never blocks it. For the virtual clock only.
func (s *FrameSync) WaitFor(ctx context.Context, t time.Duration) error {
	return s.await(ctx, func() bool {
		n := len(s.queue)
		if n > 0 && s.queue[n-1].PTS > t {
			return true
		}
		// Everything queued is due; only its newest can matter.
		for len(s.queue) > 1 {
			s.pop().Release()
			s.skipped++
			s.signal()
		}
		return false
	})
}

// WaitDue blocks until a picture is there that is due at t and no older than step, or later, or
// none is coming (Hold, Close), or t has lost its meaning (Flush).
func (s *FrameSync) WaitDue(ctx context.Context, t, step time.Duration) error {
	return s.await(ctx, func() bool {
		newest := s.current
		if n := len(s.queue); n > 0 {
			newest = s.queue[n-1]
		}
		return newest != nil && newest.PTS > t-step
	})
}

// await blocks until there is true, which is called with mu held, or nothing is to be waited for.
func (s *FrameSync) await(ctx context.Context, there func() bool) error {
	s.mu.Lock()
	epoch := s.epoch
	for !(s.closed || s.held || s.epoch != epoch || there()) {
		s.mu.Unlock()
		select {
		case <-s.more:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.mu.Lock()
	}
	s.mu.Unlock()
	return nil
}

// Flush releases what is queued and keeps the last picture taken; used when the
// source's timeline starts anew. Pictures of that are waited for again.
func (s *FrameSync) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.queue {
		f.Release()
	}
	clear(s.queue)
	s.queue, s.bytes = s.queue[:0], 0
	s.held = false
	s.epoch++
	s.signal()
}

// Close releases everything; later pushes are released at once.
func (s *FrameSync) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, f := range s.queue {
		f.Release()
	}
	s.queue, s.bytes = nil, 0
	s.current.Release()
	s.current = nil
	s.signal()
}

// Counts are how many pictures a full queue lost, and how many were passed over
// because a newer one was due at the same tick.
func (s *FrameSync) Counts() (dropped, skipped int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped, s.skipped
}
