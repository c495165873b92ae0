package engine

import (
	"cmp"
	"context"
	"os"
	"slices"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// What a delay keeps where.
const (
	memoryDelay   = time.Minute     // longer ones are on disk
	keptInMemory  = 5 * time.Second // but for the newest
	maxLineMemory = 256 << 20       // of packets in memory; beyond, pictures are left out
	lineTick      = 20 * time.Millisecond
	lineEndWithin = 300 * time.Millisecond // or it is left to end with the disk
	diskAgain     = 5 * time.Second        // is the disk tried, when it has failed
)

// delayLine gives the packets of a stream on to queues a fixed time after they left their
// encoder. It stands between the stream and the queues of one destination, so that a
// reconnection, or another ingest, goes on in the same delayed stream. Its own goroutine
// moves packets; the encoder's only hands them over.
type delayLine struct {
	clock   media.Clock
	delay   time.Duration
	spool   *spool // nil: all in memory
	trouble func(error)
	first   chan struct{} // closed when the first packet is due
	closed  chan struct{}
	done    chan struct{}
	skip    bool // up to the next keyframe, since a picture could not be read back; of the goroutine

	writing, reading error         // how either went last; of the goroutine
	told             string        // of that; of the goroutine
	again            time.Duration // when the disk is tried again, studio time; of the goroutine

	mu     sync.Mutex
	wait   []delayed            // guarded by mu; in order
	queues []*media.PacketQueue // guarded by mu
	bytes  int                  // guarded by mu; in memory
	broken bool                 // guarded by mu; left out up to the next keyframe
	ended  bool                 // guarded by mu
}

// delayed is one packet that waits: in memory, or its data on disk.
type delayed struct {
	p    *media.Packet
	disk spooled // in.nil: in memory
}

// newDelayLine starts one; Close ends it, and awaitEnd waits for that. dir is for long
// delays; trouble hears when the disk fails, or fails for another reason, and nil when it
// is well again. It must not block.
func newDelayLine(clock media.Clock, delay time.Duration, dir string, trouble func(error)) *delayLine {
	l := &delayLine{clock: clock, delay: delay, trouble: trouble, first: make(chan struct{}), closed: make(chan struct{}), done: make(chan struct{})}
	if delay > memoryDelay {
		if dir == "" {
			dir = os.TempDir()
		}
		l.spool = &spool{dir: dir}
	}
	go l.run()
	return l
}

// Put implements sink.
func (l *delayLine) Put(p *media.Packet) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	if l.broken && !p.Audio && p.Keyframe && l.bytes < maxLineMemory {
		l.broken = false
	}
	if !p.Audio && (l.broken || l.bytes > maxLineMemory) {
		l.broken = true
		return false
	}
	l.wait = append(l.wait, delayed{p: p})
	l.bytes += len(p.Data)
	return true
}

// Close implements sink: what waits is thrown away, and the queues end. The goroutine may
// be in the middle of a disk that does not answer: awaitEnd waits for it.
func (l *delayLine) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.ended = true
	close(l.closed)
	for _, q := range l.queues {
		q.Close()
	}
}

// awaitEnd waits for the goroutine of a line that was closed and reports whether it ended
// within limit. One that did not ends with what it is waiting for.
func (l *delayLine) awaitEnd(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-l.done:
		return true
	case <-timer.C:
		return false
	}
}

// attach gives a queue what is due from now on, detach ends that.
func (l *delayLine) attach(q *media.PacketQueue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queues = append(l.queues, q)
	if l.ended {
		q.Close()
	}
}

func (l *delayLine) detach(q *media.PacketQueue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queues = slices.DeleteFunc(l.queues, func(x *media.PacketQueue) bool { return x == q })
}

// awaitFirst returns when there is something to send, or with ctx's error.
func (l *delayLine) awaitFirst(ctx context.Context) error {
	select {
	case <-l.first:
		return nil
	case <-l.closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *delayLine) run() {
	defer close(l.done)
	tick := time.NewTicker(lineTick)
	defer tick.Stop()
	began := false
	for {
		select {
		case <-tick.C:
		case <-l.closed:
			l.end()
			return
		}
		now := l.clock.Now()
		for {
			d, ok := l.due(now)
			if !ok {
				break
			}
			if !began {
				began = true
				close(l.first)
				l.awaitQueue()
			}
			l.hand(d)
		}
		l.toDisk(now)
	}
}

// awaitQueue gives the destination a moment to put its first queue on the line.
func (l *delayLine) awaitQueue() {
	limit := time.NewTimer(time.Second)
	defer limit.Stop()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		l.mu.Lock()
		n := len(l.queues)
		l.mu.Unlock()
		if n > 0 {
			return
		}
		select {
		case <-look.C:
		case <-limit.C:
			return
		case <-l.closed:
			return
		}
	}
}

// due takes the oldest packet off if its time has come.
func (l *delayLine) due(now time.Duration) (delayed, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || len(l.wait) == 0 || l.wait[0].p.Made+l.delay > now {
		return delayed{}, false
	}
	d := l.wait[0]
	l.wait[0] = delayed{}
	l.wait = l.wait[1:]
	if d.disk.in == nil {
		l.bytes -= len(d.p.Data)
	}
	return d, true
}

// hand gives a packet to the queues.
func (l *delayLine) hand(d delayed) {
	p := d.p
	if d.disk.in != nil {
		data, err := d.disk.take()
		if err != nil {
			l.skip = l.skip || !p.Audio
		}
		l.reading = err
		l.tell()
		if err != nil {
			return
		}
		p.Data = data // a copy of our own, see toDisk
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.skip = l.skip && (p.Audio || !p.Keyframe); l.skip && !p.Audio {
		return
	}
	for _, q := range l.queues {
		q.Put(p)
	}
}

// toDisk moves what is in memory and not due soon, but for the newest seconds.
func (l *delayLine) toDisk(now time.Duration) {
	if l.spool == nil || now < l.again {
		return
	}
	for {
		l.mu.Lock()
		// What is on disk comes first, then what is in memory: both are in order.
		i, _ := slices.BinarySearchFunc(l.wait, 0, func(d delayed, _ int) int {
			if d.disk.in != nil {
				return -1
			}
			return 1
		})
		if l.ended || i == len(l.wait) || l.wait[i].p.Made+keptInMemory > now {
			l.mu.Unlock()
			return
		}
		p := l.wait[i].p
		at := p
		l.mu.Unlock()
		place, err := l.spool.write(p.Data)
		if l.writing = err; err != nil {
			l.again = now + diskAgain
			l.tell()
			return
		}
		header := *p // packets are shared: the header is copied, the data let go
		header.Data = nil
		l.mu.Lock()
		// Only this goroutine takes packets off, so the place is the same.
		if i < len(l.wait) && l.wait[i].p == at {
			l.wait[i] = delayed{&header, place}
			l.bytes -= len(p.Data)
		}
		l.mu.Unlock()
		l.tell()
	}
}

// tell says what is wrong with the disk when that has changed, as long as anybody needs it.
func (l *delayLine) tell() {
	err, text := cmp.Or(l.writing, l.reading), ""
	if err != nil {
		text = err.Error()
	}
	if text == l.told {
		return
	}
	l.told = text
	l.mu.Lock()
	ended := l.ended
	l.mu.Unlock()
	if !ended {
		l.trouble(err)
	}
}

// end throws away what waits.
func (l *delayLine) end() {
	l.mu.Lock()
	wait := l.wait
	l.wait, l.bytes = nil, 0
	l.mu.Unlock()
	for _, d := range wait {
		if d.disk.in != nil {
			d.disk.in.release()
		}
	}
	if l.spool != nil {
		l.spool.close()
	}
}

// held is what waits: how much in memory, and how many packets.
func (l *delayLine) held() (bytes, packets int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes, len(l.wait)
}
