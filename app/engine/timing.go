package engine

import (
	"sync"
	"time"
)

// liveTiming measures how far a live source's PTS are behind their arrival, and
// from that when each picture and sample is due: as early as possible, late
// enough for the jitter, and both together.
type liveTiming struct {
	mu     sync.Mutex
	v, a   tracker       // guarded by mu
	target time.Duration // guarded by mu; audio's queue, when it last changed
	peak   time.Duration // guarded by mu; the most that was wanted since since
	since  time.Duration // guarded by mu
}

// tracker follows the delay from PTS to arrival: the least, the most, and the least
// from the end of what arrived, each forgetting slowly.
type tracker struct {
	have        bool
	least, most time.Duration
	leastEnd    time.Duration
	seen        time.Duration
}

// How long the least and the most delay are remembered, roughly.
const (
	forgetLeast = 10 * time.Second
	forgetMost  = 30 * time.Second
)

// soundMargin is what sound waits beyond the worst delay seen of late.
const soundMargin = 20 * time.Millisecond

// observe takes the arrival of something that begins at pts and lasts for length.
func (k *tracker) observe(now, pts, length time.Duration) {
	d := now - pts
	if !k.have || (d-k.least).Abs() > time.Second+k.most-k.least {
		// The first, or a timestamp jump.
		*k = tracker{have: true, least: d, most: d, leastEnd: d - length, seen: now}
		return
	}
	passed := now - k.seen
	toward := func(from, to, within time.Duration) time.Duration {
		return from + time.Duration(float64(to-from)*min(float64(passed)/float64(within), 1))
	}
	k.least = min(d, toward(k.least, d, forgetLeast))
	k.most = max(d, toward(k.most, d, forgetMost))
	k.leastEnd = min(d-length, toward(k.leastEnd, d-length, forgetLeast))
	k.seen = now
}

func (l *liveTiming) picture(now, pts time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.v.observe(now, pts, 0)
}

func (l *liveTiming) sound(now, pts, length time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.a.observe(now, pts, length)
}

func (l *liveTiming) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.v, l.a, l.target, l.peak = tracker{}, tracker{}, 0, 0
}

// fastest is the least delay from a picture's PTS to its arrival.
func (l *liveTiming) fastest() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.v.least
}

// offset is what to add to a PTS for its studio time; target is the audio queue depth
// after a tick's read that keeps the lips in step, 0 without sound; need is the part of it
// that is for the jitter.
func (l *liveTiming) offset(frame time.Duration) (offset, target, need time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// A picture may be late by a frame and a quarter before one is missed.
	v := l.v.least + max(frame+frame/4, 25*time.Millisecond)
	// A tick reads its sound at its beginning, a frame before the last of it is due.
	a := l.a.most + frame + soundMargin
	switch {
	case l.v.have && l.a.have:
		// Pictures cannot wait longer than there is room for them.
		offset = min(max(v, a), l.v.least+(liveDepth-4)*frame)
	case l.v.have:
		offset = v
	case l.a.have:
		offset = a
	default:
		return 0, 0, 0, false
	}
	if l.a.have {
		// Queued after the read: from where the source is, if it comes as soon as it
		// can, to where the mix will be one frame from now.
		need = a - l.a.leastEnd - frame
		target = l.hold(max(offset, a) - l.a.leastEnd - frame)
	}
	return offset, target, need, true
}

// targetRest is how long less has to be enough before the target is lowered.
const targetRest = 20 * time.Second

// hold makes a steady target of what is wanted from tick to tick: it follows what is more
// at once and what is less only after it was enough for some time; mu is held.
func (l *liveTiming) hold(want time.Duration) time.Duration {
	if want > l.target+10*time.Millisecond {
		l.target, l.peak, l.since = want, 0, l.a.seen
	}
	if l.peak = max(l.peak, want); l.a.seen-l.since > targetRest {
		if l.peak < l.target-10*time.Millisecond {
			l.target = l.peak
		}
		l.peak, l.since = 0, l.a.seen
	}
	return l.target
}

// pictureWait is how long pictures that come as soon as they can wait, at that offset.
func (l *liveTiming) pictureWait(offset time.Duration) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return offset - l.v.least, l.v.have
}
