package sources

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/priority"
)

// The two streams of an input, as indices.
const (
	pictures = iota
	sound
)

const (
	// softPackets is how far a demuxer reads ahead of a stream while the other has
	// something to do: a second of pictures at 30 fps.
	softPackets = 32
	// livePackets is how many pictures of a live source may wait before some are dropped:
	// two seconds at 30 fps.
	livePackets = 64
	// hardPackets and hardBytes are how far it reads ahead to find the other stream's
	// next packet: a badly interleaved file.
	hardPackets = 4096
	hardBytes   = 64 << 20
)

// item is what travels from the demuxer to a decoder.
type item struct {
	pkt *av.InputPacket // nil for a mark
	// upTo marks that nothing comes before time t, end that a pass through the
	// file is over and lasted until t; last that no other follows.
	upTo, end, last bool
	t               time.Duration
	anew            *anew // marks a new timeline of both streams
}

// feed carries packets from one demuxing goroutine to a decoding one per stream. It
// is bounded: a full stream makes the demuxer wait, but not while the other one
// starves (up to hardPackets or hardBytes, and then that one is told that nothing
// comes for now), so that no interleaving can make them wait for each other. A live
// feed never waits: it drops pictures up to the next keyframe and counts them.
type feed struct {
	present [2]bool
	live    bool

	mu      sync.Mutex
	queue   [2][]item         // guarded by mu
	bytes   [2]int            // guarded by mu
	free    []*av.InputPacket // guarded by mu
	broken  bool              // guarded by mu; live pictures wait for a keyframe
	dropped int64             // guarded by mu; live packets
	changed chan struct{}     // guarded by mu
}

func newFeed(hasPictures, hasSound, live bool) *feed {
	return &feed{present: [2]bool{hasPictures, hasSound}, live: live, broken: live, changed: make(chan struct{})}
}

func (f *feed) signal() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// packet is an empty packet to read into; recycle gives it back.
func (f *feed) packet() *av.InputPacket {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.free); n > 0 {
		p := f.free[n-1]
		f.free = f.free[:n-1]
		return p
	}
	return av.NewInputPacket()
}

func (f *feed) recycle(p *av.InputPacket) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.free = append(f.free, p)
}

// put hands it to a stream; its packet passes to the feed in every case.
func (f *feed) put(ctx context.Context, stream int, it item) error {
	for {
		f.mu.Lock()
		if f.live && !f.admit(stream, it) {
			f.free = append(f.free, it.pkt)
			f.dropped++
			f.mu.Unlock()
			return nil
		}
		if f.live || it.pkt == nil || f.room(stream, it) {
			f.queue[stream] = append(f.queue[stream], it)
			if it.pkt != nil {
				f.bytes[stream] += it.pkt.Size
			}
			f.signal()
			f.mu.Unlock()
			return nil
		}
		wait := f.changed
		f.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			if it.pkt != nil {
				f.recycle(it.pkt)
			}
			return ctx.Err()
		}
	}
}

// room decides whether a packet may go in now; mu is held.
func (f *feed) room(stream int, it item) bool {
	n, other := len(f.queue[stream]), 1-stream
	if n < softPackets {
		return true
	}
	starving := f.present[other] && len(f.queue[other]) == 0
	if !starving {
		return false
	}
	if n < hardPackets && f.bytes[stream] < hardBytes {
		return true
	}
	f.queue[other] = append(f.queue[other], item{upTo: true, t: it.t})
	f.signal()
	return false
}

// admit is the drop policy of a live feed; mu is held.
func (f *feed) admit(stream int, it item) bool {
	if it.pkt == nil {
		return true
	}
	if stream == sound {
		return len(f.queue[sound]) < hardPackets
	}
	if it.pkt.Keyframe {
		f.broken = len(f.queue[pictures]) >= 2*livePackets
	} else if len(f.queue[pictures]) >= livePackets {
		f.broken = true
	}
	return !f.broken
}

// get takes the next item, waiting for one.
func (f *feed) get(ctx context.Context, stream int) (item, error) {
	for {
		f.mu.Lock()
		if q := f.queue[stream]; len(q) > 0 {
			it := q[0]
			q[0] = item{}
			if f.queue[stream] = q[1:]; len(q) == 1 {
				f.queue[stream] = nil
			}
			if it.pkt != nil {
				f.bytes[stream] -= it.pkt.Size
			}
			f.signal()
			f.mu.Unlock()
			return it, nil
		}
		wait := f.changed
		f.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return item{}, ctx.Err()
		}
	}
}

// close frees the packets, when nobody uses the feed any more.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, q := range f.queue {
		for _, it := range q {
			if it.pkt != nil {
				it.pkt.Free()
			}
		}
	}
	for _, p := range f.free {
		p.Free()
	}
	f.queue, f.free = [2][]item{}, nil
}

// decoder is what av's two decoders have in common.
type decoder[T any] interface {
	Send(*av.InputPacket) error
	Receive() (T, error)
	Flush()
}

// decode runs a stream's packets through its decoder: emit takes what comes out, mark
// the marks, in their places between. It returns after the last end mark.
func decode[T any](ctx context.Context, f *feed, stream int, d decoder[T], emit func(T) error, mark func(item) error) error {
	if stream == pictures {
		defer priority.Enter(ctx)()
	}
	// take empties the decoder: true when it has no more to give at all.
	take := func() (bool, error) {
		for {
			out, err := d.Receive()
			switch {
			case errors.Is(err, av.ErrAgain):
				return false, nil
			case errors.Is(err, io.EOF):
				return true, nil
			case err != nil:
				return false, err
			}
			if err := emit(out); err != nil {
				return false, err
			}
		}
	}
	send := func(p *av.InputPacket) error {
		for {
			err := d.Send(p)
			if !errors.Is(err, av.ErrAgain) {
				return err
			}
			if over, err := take(); over || err != nil {
				return err
			}
		}
	}
	for {
		it, err := f.get(ctx, stream)
		if err != nil {
			return err
		}
		switch {
		case it.pkt != nil:
			err := send(it.pkt)
			f.recycle(it.pkt)
			if err != nil {
				return err
			}
			if _, err := take(); err != nil {
				return err
			}
			continue
		case it.end:
			if err := send(nil); err != nil {
				return err
			}
			if _, err := take(); err != nil {
				return err
			}
			d.Flush()
		}
		if err := mark(it); err != nil {
			return err
		}
		if it.last {
			return nil
		}
	}
}
