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
	peak   time.Duration // guarded by mu; the most that was wanted from since on
	since  time.Duration // guarded by mu

	apart spacing // guarded by mu; of the pictures
	alone alone   // guarded by mu; of sound without pictures

	caughtUp bool // guarded by mu; the target has been found anew
}

// alone keeps the queue of sound that has no pictures to go with it, a microphone's, where
// it is: whatever it is in step with, no target that breathes keeps it so.
type alone struct {
	begun   time.Duration // when the first sound came
	base    time.Duration // the target that was learned in the first seconds
	late    time.Duration // when sound was last too late for the target
	lates   int           // how often lately, a second apart at least
	changed time.Duration // by how much the target has changed since changedBy
}

const (
	// aloneLearns is how long a microphone's target is learned.
	aloneLearns = 3 * time.Second
	// aloneLates times within aloneWithin of one another, sound has to be too late for the
	// target to become more: a stall of the machine does not change the sync for good.
	aloneLates  = 3
	aloneWithin = 10 * time.Second
	// aloneRest is how long less has to be enough before the target goes back to what was
	// learned.
	aloneRest = time.Minute
)

// spacing knows how far apart pictures are: of a source of more pictures a second than the
// canvas has, all that wait need room.
type spacing struct {
	pts   [liveDepth]time.Duration // of the newest, a ring
	count int                      // of those that came in order
}

func (s *spacing) observe(pts time.Duration) {
	if s.count > 0 && pts <= s.pts[(s.count-1)%liveDepth] {
		s.count = 0
	}
	s.pts[s.count%liveDepth] = pts
	s.count++
}

// step is what lies between the newest liveDepth pictures on average, and not more than frame. Until
// so many have come there is room for them.
func (s *spacing) step(frame time.Duration) time.Duration {
	if s.count < liveDepth {
		return frame
	}
	all := s.pts[(s.count-1)%liveDepth] - s.pts[s.count%liveDepth]
	return min(max(all/(liveDepth-1), time.Millisecond), frame)
}

// step is what lies between two pictures on average, and not more than frame.
func (l *liveTiming) step(frame time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.apart.step(frame)
}

// tracker follows the delay from PTS to arrival: the least, the most, and the least
// from the end of what arrived, each forgetting slowly.
type tracker struct {
	have        bool
	least, most time.Duration
	leastEnd    time.Duration
	seen        time.Duration

	// What waited while the source was opened comes all at once, later than anything will
	// come again: the most is known only from its end on.
	opening bool
	drained time.Duration // when something last came with less delay than all before
	since   time.Duration // the most since then
}

const (
	// drainStep is by how much less delay tells of a backlog that drains.
	drainStep = 5 * time.Millisecond
	// drainedFor is how long no such thing has come when it is taken for drained: longer than
	// the bursts of any container are apart.
	drainedFor = 1500 * time.Millisecond
	// restamped is by how much less delay than ever tells of other time stamps.
	restamped = 200 * time.Millisecond
	// backlog is how much the most has to be beyond what came since to be forgotten at once.
	backlog = 50 * time.Millisecond
)

// How long the least and the most delay are remembered, roughly.
const (
	forgetLeast = 10 * time.Second
	forgetMost  = 30 * time.Second
)

// soundMargin is what sound waits beyond the worst delay seen of late.
const soundMargin = 20 * time.Millisecond

// observe takes the arrival of something that begins at pts and lasts for length. It reports
// whether it began anew at a jump, and whether it has forgotten the delays of a backlog.
func (k *tracker) observe(now, pts, length time.Duration) (jumped, caughtUp bool) {
	d := now - pts
	if !k.have || (d-k.least).Abs() > time.Second+k.most-k.least {
		// The first, or a timestamp jump.
		jumped = k.have
		*k = tracker{have: true, least: d, most: d, leastEnd: d - length, seen: now, opening: true, drained: now, since: d}
		return jumped, false
	}
	// Time stamps that step by less than a jump, as RTSP's do at the sender's first report, are
	// as much of a beginning.
	k.opening = k.opening || d < k.least-restamped
	if k.opening {
		if d < k.least-drainStep {
			k.drained, k.since = now, d
		}
		k.since = max(k.since, d)
		if now-k.drained >= drainedFor {
			k.opening = false
			if k.since < k.most-backlog {
				k.most, caughtUp = k.since, true
			}
		}
	}
	passed := now - k.seen
	toward := func(from, to, within time.Duration) time.Duration {
		return from + time.Duration(float64(to-from)*min(float64(passed)/float64(within), 1))
	}
	k.least = min(d, toward(k.least, d, forgetLeast))
	k.most = max(d, toward(k.most, d, forgetMost))
	k.leastEnd = min(d-length, toward(k.leastEnd, d-length, forgetLeast))
	k.seen = now
	return false, caughtUp
}

func (l *liveTiming) picture(now, pts time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.apart.observe(pts)
	if jumped, _ := l.v.observe(now, pts, 0); jumped {
		l.anew()
	}
}

func (l *liveTiming) sound(now, pts, length time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if jumped, caughtUp := l.a.observe(now, pts, length); jumped || caughtUp {
		l.anew()
	}
	k := &l.alone
	if k.begun == 0 {
		k.begun = now
	}
	if l.target == 0 || now-k.begun < aloneLearns || now-pts+soundMargin/2-l.a.leastEnd <= l.target || now-k.late < time.Second && k.lates > 0 {
		return
	}
	if now-k.late > aloneWithin {
		k.lates = 0
	}
	k.lates++
	k.late = now
}

// anew has the target found anew, and reached at once: what was late when the source was opened
// says nothing of what comes since, nor does what pictures and sound were apart while one of
// them had jumped and the other had not; mu is held.
func (l *liveTiming) anew() { l.caughtUp, l.target, l.peak = true, 0, 0 }

func (l *liveTiming) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.v, l.a, l.apart, l.target, l.peak, l.alone, l.caughtUp = tracker{}, tracker{}, spacing{}, 0, 0, alone{}, false
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
		offset = min(max(v, a), l.v.least+(liveDepth-4)*l.apart.step(frame))
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
		want := max(offset, a) - l.a.leastEnd - frame
		if l.v.have {
			target = l.hold(want)
		} else {
			// None of it is given for an operator's negative delay: what the jitter leaves
			// of it breathes.
			target = l.stay(want)
			need = target
		}
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

// stay is hold for sound alone; mu is held.
func (l *liveTiming) stay(want time.Duration) time.Duration {
	k := &l.alone
	if l.target == 0 || l.a.seen-k.begun < aloneLearns {
		if want > l.target+5*time.Millisecond {
			l.target = want
		}
		k.base, l.peak, l.since = l.target, 0, l.a.seen
		return l.target
	}
	before := l.target
	if k.lates >= aloneLates && want > l.target {
		l.target, k.lates = want, 0
		l.peak, l.since = 0, l.a.seen
	}
	if l.peak = max(l.peak, want); l.a.seen-l.since > aloneRest {
		if low := max(k.base, l.peak); low == k.base || low < l.target-10*time.Millisecond {
			l.target = low
		}
		l.peak, l.since = 0, l.a.seen
	}
	k.changed += l.target - before
	return l.target
}

// hasCaughtUp reports, once, that the target has been found anew and is to be reached at once.
func (l *liveTiming) hasCaughtUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.caughtUp
	l.caughtUp = false
	return was
}

// changedBy is by how much more sound without pictures is queued than when this was last
// called.
func (l *liveTiming) changedBy() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.alone.changed
	l.alone.changed = 0
	return d
}

// pictureWait is how long pictures that come as soon as they can wait, at that offset, and how far
// apart those that wait are: frame, the canvas's, or less.
func (l *liveTiming) pictureWait(offset, frame time.Duration) (wait, step time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return offset - l.v.least, l.apart.step(frame), l.v.have
}
