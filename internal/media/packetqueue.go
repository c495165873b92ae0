package media

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"
)

// QueueLimits bound a PacketQueue.
type QueueLimits struct {
	// DropDiscardable: with more than this queued, pictures nothing refers to are dropped.
	DropDiscardable time.Duration
	// DropToKeyframe: with more than this queued, video is dropped up to the next keyframe.
	DropToKeyframe time.Duration
	// DropStale: where the oldest is older than this when a keyframe comes, everything before
	// that is dropped, sound and keyframes too: what is sent is then of now, and not of a
	// minute ago for the rest of the show.
	DropStale time.Duration
	// MaxBytes: beyond this everything is dropped, sound too, since memory is finite.
	MaxBytes int
}

// LiveLimits are for a network destination (docs: 700 ms, 900 ms, 8 s). A network that is gone for
// some seconds is caught up with, sound whole; viewers' players do not wait much longer.
var LiveLimits = QueueLimits{700 * time.Millisecond, 900 * time.Millisecond, 8 * time.Second, 64 << 20}

// RecordLimits are for a recorder: nothing is dropped before the disk has been
// stuck for longer than any disk that will come back.
var RecordLimits = QueueLimits{MaxBytes: 512 << 20}

// PacketQueue carries packets from an encoder to one destination. Put never
// blocks. What is dropped is whole pictures, never sound and never keyframes
// while DropStale and MaxBytes are kept; after a reference picture is dropped nothing up to
// the next keyframe is let through. Zero durations in the limits switch that
// rule off.
type PacketQueue struct {
	limits QueueLimits

	mu       sync.Mutex
	items    []*Packet // guarded by mu; items[head:] wait
	head     int       // guarded by mu
	bytes    int       // guarded by mu
	broken   bool      // guarded by mu; wait for a keyframe
	started  bool      // guarded by mu; a keyframe has been let in
	video    bool      // the feed has video: sound before the first keyframe is not wanted
	closed   bool      // guarded by mu
	accepted int64     // guarded by mu
	dropped  int64     // guarded by mu
	ready    chan struct{}
}

// NewPacketQueue makes an empty queue. With video, nothing is let in before the
// first keyframe, so that what the far end gets can be decoded from its start.
func NewPacketQueue(limits QueueLimits, video bool) *PacketQueue {
	return &PacketQueue{limits: limits, video: video, ready: make(chan struct{}, 1)}
}

// Put appends p, or drops it by the queue's policy. It returns false when p was
// dropped.
func (q *PacketQueue) Put(p *Packet) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	if q.video && !q.started {
		if p.Audio || !p.Keyframe {
			return false // not counted: before the start nothing is owed
		}
		q.started = true
	}
	if q.limits.DropStale > 0 && !p.Audio && p.Keyframe && q.head < len(q.items) && p.Time-q.items[q.head].Time > q.limits.DropStale {
		p = q.dropStale(p)
	}
	if !q.admit(p) {
		q.dropped++
		return false
	}
	if q.head > 0 && len(q.items) == cap(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, p)
	q.accepted++
	q.bytes += len(p.Data)
	select {
	case q.ready <- struct{}{}:
	default:
	}
	return true
}

// dropStale drops all that waits, before p. Tracks that were to begin with something of that begin
// with what is returned in p's place. mu is held.
func (q *PacketQueue) dropStale(p *Packet) *Packet {
	for _, old := range slices.Backward(q.items[q.head:]) {
		if old.Tracks != nil && p.Tracks == nil {
			begins := *p // packets are shared
			begins.Tracks, begins.Continues = old.Tracks, old.Continues
			p = &begins
		}
	}
	q.dropped += int64(len(q.items) - q.head)
	q.forget()
	return p
}

func (q *PacketQueue) admit(p *Packet) bool {
	if q.limits.MaxBytes > 0 && q.bytes+len(p.Data) > q.limits.MaxBytes {
		q.broken = q.broken || !p.Audio
		return false
	}
	if p.Audio {
		return true
	}
	if p.Keyframe {
		q.broken = false
		return true
	}
	if q.broken {
		return false
	}
	depth := q.depth()
	if q.limits.DropToKeyframe > 0 && depth > q.limits.DropToKeyframe {
		q.broken = true
		return false
	}
	return !(p.Discardable && q.limits.DropDiscardable > 0 && depth > q.limits.DropDiscardable)
}

// depth is the time between the oldest and the newest packet; mu is held.
func (q *PacketQueue) depth() time.Duration {
	if len(q.items)-q.head < 2 {
		return 0
	}
	return q.items[len(q.items)-1].Time - q.items[q.head].Time
}

// Next takes the oldest packet, waiting for one. It returns io.EOF once the queue
// is closed and empty, or ctx's error.
func (q *PacketQueue) Next(ctx context.Context) (*Packet, error) {
	for {
		q.mu.Lock()
		if q.head < len(q.items) {
			p := q.items[q.head]
			q.items[q.head] = nil
			q.head++
			q.bytes -= len(p.Data)
			if q.head == len(q.items) {
				q.items, q.head = q.items[:0], 0
			}
			q.mu.Unlock()
			return p, nil
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return nil, io.EOF
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Reset forgets what is queued and waits for the next keyframe: for a new
// connection, whose peer cannot decode from the middle.
func (q *PacketQueue) Reset() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forget()
	q.broken, q.started = false, false
}

// forget lets go of all that waits; mu is held.
func (q *PacketQueue) forget() {
	clear(q.items)
	q.items, q.head, q.bytes = q.items[:0], 0, 0
}

// Close lets Next drain what is queued and then return io.EOF.
func (q *PacketQueue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	close(q.ready)
}

// QueueStats describes a queue at one moment.
type QueueStats struct {
	Packets  int
	Bytes    int
	Depth    time.Duration
	Dropped  int64 // packets since the start
	Accepted int64 // packets that were let in since the start
}

// Stats is safe to call at any time.
func (q *PacketQueue) Stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return QueueStats{len(q.items) - q.head, q.bytes, q.depth(), q.dropped, q.accepted}
}
