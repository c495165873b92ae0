package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// replayBytes bounds the memory of one replay buffer, whatever its length.
const replayBytes = 256 << 20

// ring keeps the last seconds of a stream as coded packets, from a keyframe on. It is the
// output of a delivery, whose goroutine fills it; everything else may be called from
// anywhere.
type ring struct {
	length time.Duration
	limit  int // bytes

	mu      sync.Mutex
	tracks  []media.Track   // guarded by mu
	packets []*media.Packet // guarded by mu; packets[head:] are kept
	head    int             // guarded by mu
	keys    []int           // guarded by mu; indices of keyframes from head on
	bytes   int             // guarded by mu
	count   int64           // guarded by mu; packets ever put in
	newest  time.Duration   // guarded by mu; end of the newest picture, studio time
	grown   chan struct{}   // guarded by mu; closed when there is more
}

func newRing(length time.Duration, limit int) *ring {
	return &ring{length: length, limit: limit, grown: make(chan struct{})}
}

// Run implements outputs.Output.
func (r *ring) Run(ctx context.Context, feed outputs.Feed) error {
	r.mu.Lock()
	r.tracks = feed.Tracks()
	r.mu.Unlock()
	var sent, bytes int64
	var told time.Duration
	for {
		p, err := feed.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r.put(p)
		sent++
		bytes += int64(len(p.Data))
		if sent == 1 || p.Time-told >= time.Second {
			told = p.Time
			held, size := r.held()
			feed.Report(outputs.Report{State: outputs.Confirmed, SentBytes: bytes, AckedBytes: bytes, SentPackets: sent,
				Detail: fmt.Sprintf("%.0f s kept, %d MB", held.Seconds(), size>>20)})
		}
	}
}

// put adds a packet and lets go of what is too old: whole groups of pictures, so that what
// is kept begins with a keyframe.
func (r *ring) put(p *media.Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !p.Audio {
		if p.Keyframe {
			r.keys = append(r.keys, len(r.packets))
		}
		if p.Tracks != nil {
			r.tracks = p.Tracks // and of a clip from both sides of it, which players have to see for themselves
		}
		r.newest = max(r.newest, p.Time+media.TimeOf(p.Duration, r.tracks[p.Track].TimeBase))
	}
	r.packets = append(r.packets, p)
	r.bytes += len(p.Data)
	r.count++
	for len(r.keys) > 1 && (r.newest-r.packets[r.keys[1]].Time >= r.length || r.bytes > r.limit) {
		for i := r.head; i < r.keys[1]; i++ {
			r.bytes -= len(r.packets[i].Data)
			r.packets[i] = nil
		}
		r.head = r.keys[1]
		r.keys = r.keys[:copy(r.keys, r.keys[1:])]
	}
	if r.head > len(r.packets)/2 && r.head > 256 {
		n := copy(r.packets, r.packets[r.head:])
		clear(r.packets[n:])
		r.packets = r.packets[:n]
		for i := range r.keys {
			r.keys[i] -= r.head
		}
		r.head = 0
	}
	close(r.grown)
	r.grown = make(chan struct{})
}

// held is how long a stretch is kept, and its bytes.
func (r *ring) held() (time.Duration, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.head == len(r.packets) {
		return 0, 0
	}
	return r.newest - r.packets[r.head].Time, r.bytes
}

// clip is packets that a file can be made of.
type clip struct {
	tracks  []media.Track
	packets []*media.Packet // in the order of a feed, a keyframe first
	first   time.Duration   // studio time of its first picture
}

// cut is what is kept of the studio time from, up to to: from the last keyframe before
// from on (or the first there is), up to where decoding has passed to. ok is false where
// nothing of it is kept.
func (r *ring) cut(from, to time.Duration) (c clip, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.keys) == 0 || r.newest <= from {
		return clip{}, false
	}
	start := r.keys[0]
	for _, k := range r.keys {
		if r.packets[k].Time > from {
			break
		}
		start = k
	}
	c = clip{tracks: r.tracks, first: r.packets[start].Time}
	for _, p := range r.packets[start:] {
		if media.TimeOf(p.DTS, r.tracks[p.Track].TimeBase) < to {
			c.packets = append(c.packets, p)
		}
	}
	return c, c.first < to && len(c.packets) > 0
}

// reach waits until pictures up to studio time t are kept, ctx ends, or limit has passed.
func (r *ring) reach(ctx context.Context, t, limit time.Duration) {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for {
		r.mu.Lock()
		there, grown := r.newest >= t, r.grown
		r.mu.Unlock()
		if there {
			return
		}
		select {
		case <-grown:
		case <-timeout.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
