package media

import (
	"context"
	"sync"
)

// Latest is a mailbox of one frame: the newest wins, the one it replaces is
// released. For views, which may miss pictures and must never delay anybody.
type Latest struct {
	mu     sync.Mutex
	frame  *Frame // guarded by mu
	closed bool   // guarded by mu
	ready  chan struct{}
}

// NewLatest makes an empty mailbox.
func NewLatest() *Latest { return &Latest{ready: make(chan struct{}, 1)} }

// Put hands f over; it never blocks.
func (l *Latest) Put(f *Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		f.Release()
		return
	}
	l.frame.Release()
	l.frame = f
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// TryGet takes the newest frame, or nil when there is none since the last call.
func (l *Latest) TryGet() *Frame {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.frame
	l.frame = nil
	return f
}

// Get waits for a frame and takes it; nil once the mailbox is closed.
func (l *Latest) Get(ctx context.Context) (*Frame, error) {
	for {
		l.mu.Lock()
		f, closed := l.frame, l.closed
		l.frame = nil
		l.mu.Unlock()
		if f != nil || closed {
			return f, nil
		}
		select {
		case <-l.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close releases what is held and ends every Get.
func (l *Latest) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	l.frame.Release()
	l.frame = nil
	close(l.ready) // Put no longer sends: it sees closed under the same lock
}
