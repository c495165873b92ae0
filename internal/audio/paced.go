package audio

import (
	"context"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

const (
	sampleRateHz = media.SampleRateHz

	// aheadFrames is how far a paced source may be ahead of the mix: 500 ms.
	aheadFrames = sampleRateHz / 2
	// pacedFrames is the size of its queue. The rest over aheadFrames takes the block
	// that crosses the mark; what is larger waits and goes in by parts.
	pacedFrames = 1 << 16
	// ptsTolerance is how far a block may be from where the one before it ended and
	// still follow it: Matroska and FLV round time to milliseconds.
	ptsTolerance = 2 * sampleRateHz / 1000
	// pacedMaxGap and pacedMaxBack are how far PTS may go on or back before that is a jump:
	// the sound then follows on what came before it, instead of being silent for as long.
	pacedMaxGap  = 60 * sampleRateHz
	pacedMaxBack = sampleRateHz
)

// sampleAt is the audio frame at time t.
func sampleAt(t time.Duration) int64 {
	return media.UnitsIn(t, media.Rational{Num: 1, Den: sampleRateHz})
}

// pacedQueue holds a paced source's sound, addressed by the source's own audio
// frame numbers (its PTS). One goroutine writes, one reads.
type pacedQueue struct {
	mu      sync.Mutex
	buf     []float32 // guarded by mu; pacedFrames, frame p at p mod pacedFrames; NaN where the source left a gap
	begun   bool      // guarded by mu; base and head are set
	placed  bool      // guarded by mu; offset is this timeline's
	base    int64     // guarded by mu; oldest frame still of use
	oldest  int64     // guarded by mu; first frame without a break to those that were read last
	head    int64     // guarded by mu; end of what was written
	shift   int64     // guarded by mu; what jumps of the PTS have to be added to them
	offset  int64     // guarded by mu; studio frame = source frame + offset
	lead    int64     // guarded by mu; frames the source is heard early
	held    bool      // guarded by mu
	parked  bool      // guarded by mu; nothing is due and nothing is passed over
	closed  bool      // guarded by mu
	jumped  bool      // guarded by mu; the next frame read does not follow the last
	started bool      // guarded by mu; something was read

	gaps, gapFrames, overlaps, trimmed, late, dropped, bad int64 // guarded by mu
	jumps, jump                                            int64 // guarded by mu; how often PTS jumped, and the last time how far

	// room and data wake the waiting writer and the waiting reader; they hold one
	// token each, and a token that was not needed costs one look.
	room, data chan struct{}
}

func newPacedQueue() *pacedQueue {
	return &pacedQueue{
		buf: make([]float32, pacedFrames*2), placed: true,
		room: make(chan struct{}, 1), data: make(chan struct{}, 1),
	}
}

// signal wakes both ends; it never blocks.
func (q *pacedQueue) signal() {
	wake(q.room)
	wake(q.data)
}

func wake(token chan struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

// write queues b. With wait it blocks while the queue is more than 500 ms ahead,
// else what does not fit is dropped and counted.
func (q *pacedQueue) write(ctx context.Context, b media.AudioBlock, wait bool) error {
	src, pos, first := b.Samples[:b.Frames()*2], sampleAt(b.PTS), true
	for len(src) > 0 {
		q.mu.Lock()
		if q.closed {
			q.mu.Unlock()
			return nil
		}
		if !q.begun {
			q.begun, q.base, q.oldest, q.head, q.shift = true, pos, pos, pos, 0
		}
		q.held = false
		if first {
			pos, src = q.place(pos+q.shift, src)
			first = false
		}
		if q.head < q.base {
			src, pos = q.passOver(src, pos)
		}
		if room := aheadFrames - (q.head - q.base); room > 0 || !wait {
			space := pacedFrames - (q.head - q.base)
			if gap := min(pos-q.head, space); gap > 0 {
				q.skip(gap)
				space -= gap
			}
			if pos == q.head {
				n := min(int64(len(src)/2), space)
				q.store(src[:n*2])
				src, pos = src[n*2:], pos+n
			}
			wake(q.data)
			if !wait && len(src) > 0 {
				q.dropped += int64(len(src) / 2)
				src = nil
			}
		}
		if len(src) == 0 {
			q.mu.Unlock()
			return nil
		}
		q.mu.Unlock()
		select {
		case <-q.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// passOver drops what is due already; mu is held and head < base.
func (q *pacedQueue) passOver(src []float32, pos int64) ([]float32, int64) {
	q.head = min(q.base, pos)
	q.oldest = q.head
	if n := min(q.base-pos, int64(len(src)/2)); n > 0 {
		q.late += n
		q.head += n
		q.oldest = q.head
		return src[n*2:], pos + n
	}
	return src, pos
}

// place decides where a block at pos goes: on the end of what is there when it is
// near enough or has jumped, after a gap, or trimmed by what it overlaps. What is due by now has
// not jumped, however long nothing came. mu is held.
func (q *pacedQueue) place(pos int64, src []float32) (int64, []float32) {
	switch d := pos - q.head; {
	case pos-max(q.head, q.base) > pacedMaxGap || d < -pacedMaxBack:
		q.jumps++
		q.jump = d
		q.shift -= d - 1
		return q.head + 1, src // the missing frame makes the splice fade
	case d >= -ptsTolerance && d <= ptsTolerance:
		return q.head, src
	case d > 0:
		q.gaps++
		q.gapFrames += d
		return pos, src
	default:
		n := min(-d, int64(len(src)/2))
		q.overlaps++
		q.trimmed += n
		return q.head, src[n*2:]
	}
}

// skip writes n frames of gap; mu is held.
func (q *pacedQueue) skip(n int64) {
	for range n {
		i := q.head & (pacedFrames - 1) * 2
		q.buf[i], q.buf[i+1] = missing, missing
		q.head++
	}
}

// store appends samples; mu is held.
func (q *pacedQueue) store(src []float32) {
	i := q.head & (pacedFrames - 1) * 2
	n := min(int64(len(src)), pacedFrames*2-i)
	q.bad += copySane(q.buf[i:i+n], src[:n])
	q.bad += copySane(q.buf, src[n:])
	q.head += int64(len(src) / 2)
}

// read fills dst with the frames due at studio frame start, marking those that are
// not there missing. short is how many had not been written though due; jumped
// says that the first does not follow the last read.
func (q *pacedQueue) read(dst []float32, start int64) (short int64, jumped bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := int64(len(dst) / 2)
	from := start - q.offset + q.lead
	if q.parked || !q.begun || !q.placed {
		absent(dst)
		return 0, false
	}
	first := min(max(q.base, from), from+n) // frames there are: first..last
	last := max(min(q.head, from+n), first)
	absent(dst[:2*(first-from)])
	there := dst[2*(first-from) : 2*(last-from)]
	k := copy(there, q.buf[first&(pacedFrames-1)*2:])
	copy(there[k:], q.buf)
	absent(dst[2*(last-from):])
	if end := from + n; end > q.base {
		if late := end - max(q.head, from); late > 0 && !q.held {
			short = late
		}
		q.discard(end)
	}
	jumped = q.jumped && q.started
	q.jumped, q.started = false, true
	return short, jumped
}

// absent marks all of dst missing.
func absent(dst []float32) {
	for i := range dst {
		dst[i] = missing
	}
}

// silent reports that nothing can be read for now, and that nobody is at fault.
func (q *pacedQueue) silent() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.parked || !q.begun || !q.placed
}

// discard forgets what is before source frame end, which may not have been
// written yet: then its writer is late and what is due already is trimmed as it
// comes. mu is held.
func (q *pacedQueue) discard(end int64) {
	q.base = end
	wake(q.room)
}

// waitFor blocks until everything before studio frame upTo has been written, or
// nothing is to be waited for.
func (q *pacedQueue) waitFor(ctx context.Context, upTo int64) error {
	for {
		q.mu.Lock()
		want := upTo - q.offset + q.lead
		if q.closed || q.held || q.parked || !q.placed || q.begun && q.head >= want {
			q.mu.Unlock()
			return nil
		}
		// The writer must have room for what is waited for, even if the
		// timeline was moved far ahead.
		if q.begun && want-aheadFrames > q.base {
			q.discard(want - aheadFrames)
		}
		q.mu.Unlock()
		select {
		case <-q.data:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// flush forgets what is queued, also that nothing came; the next block begins a new timeline,
// of which nothing is due until it is placed.
func (q *pacedQueue) flush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.begun, q.placed, q.jumped, q.held = false, false, true, false
	q.signal()
}

func (q *pacedQueue) hold() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held = true
	q.signal()
}

func (q *pacedQueue) park(on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.parked = on
	q.signal()
}

func (q *pacedQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.begun = false
	q.signal()
}

// settle says that the offset is that of the timeline now queued.
func (q *pacedQueue) settle() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.placed = true
	q.signal()
}

// move sets the offset or the lead. With less of a lead what was read last is due again,
// and still there.
func (q *pacedQueue) move(offset, lead int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if back := q.lead - lead; back > 0 && offset == q.offset && q.begun {
		q.base = min(q.base, max(q.base-back, q.oldest, q.head-pacedFrames))
	}
	if offset-lead != q.offset-q.lead {
		q.jumped = true
	}
	q.offset, q.lead = offset, lead
	q.signal()
}

// first is the PTS of the oldest frame queued; behind a jump, as if it had gone on.
func (q *pacedQueue) first() (time.Duration, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.begun || q.head <= q.base {
		return 0, false
	}
	return media.TimeOf(q.base, media.Rational{Num: 1, Den: sampleRateHz}), true
}

func (q *pacedQueue) snapshot() StripStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	queued := int64(0)
	if q.begun {
		queued = max(q.head-q.base, 0)
	}
	return StripStats{
		Queued:     media.TimeOf(queued, media.Rational{Num: 1, Den: sampleRateHz}),
		LateFrames: q.late, Gaps: q.gaps, GapFrames: q.gapFrames, Overlaps: q.overlaps, Trimmed: q.trimmed,
		Dropped: q.dropped, BadSamples: q.bad,
		Jumps: q.jumps, Jump: lasting(q.jump),
	}
}
