package audio

import (
	"math"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

const (
	// liveFrames is the size of a live source's queue, 2.7 s: the longest target plus
	// what a burst may bring.
	liveFrames = 1 << 17
	// maxTarget is the deepest queue that may be asked for.
	maxTarget = 1500 * time.Millisecond
	// minTarget is the shallowest.
	minTarget = 5 * time.Millisecond
	// liveTolerance is how far a live block's PTS may be from the end of the one
	// before: device and network stamps jitter.
	liveTolerance = 40 * time.Millisecond
	// lossBlock is the least length of a block that is missed alone: packets of the network,
	// not the pieces in which devices call back. lossTolerance is how far time stamps may be
	// off: containers round to 1 ms, at both ends of a block.
	lossBlock, lossTolerance = 10 * time.Millisecond, 2 * time.Millisecond
	// steadyAfter is how long, in frames, time stamps have followed on each other until a lost
	// block is told by them; one that stepped back makes that as much longer as stepBack.
	steadyAfter, stepBack = 3 * sampleRateHz / 2, 10 * sampleRateHz
	// liveMaxGap is the longest hole in the PTS that is filled with silence; a longer one
	// is a new timeline.
	liveMaxGap = time.Second
	// liveStep is how far a block may be off the line of arrivals, in seconds.
	liveStep = 0.060
	// strayLimit is how far the queue may be off its target, in seconds, before it is
	// set right at once instead of by resampling.
	strayLimit = 0.050
	// glideRate is how fast a target glides, in seconds per second: under 2 cents.
	glideRate = 0.001
	// glideLimit is the longest way up, in seconds, that a target glides.
	glideLimit = 0.030
	// glideFrom is how old a source is, in seconds, when targets begin to glide: what is
	// known before is a first guess.
	glideFrom = 1.0
	// primeFrames is how much goes through the resampler unheard at a start, so that its
	// history is of what follows.
	primeFrames = sincTaps
	// liveChunk is how many frames are handled at a time.
	liveChunk = 256
)

// liveQueue brings a live source to the studio's clock. One goroutine writes, one
// reads; ring carries the sound between them.
type liveQueue struct {
	clock media.Clock
	ring  *media.SampleRing

	// Of the writing goroutine.
	in      splice
	chunk   [liveChunk * 2]float32
	nextPTS time.Duration
	begun   bool
	steady  int64 // frames since the time stamps did not follow on each other; negative: a step back

	mu       sync.Mutex
	arrivals arrivals // guarded by mu
	stamps   stamps   // guarded by mu
	target   float64  // guarded by mu; seconds
	goal     float64  // guarded by mu; seconds; where target is gliding to
	resync   bool     // guarded by mu; go to the target at once
	flushed  bool     // guarded by mu; forget what is queued
	stats    liveStats

	// Of the reading goroutine.
	loop     loop
	rs       Resampler
	pending  [liveChunk * 2]float32
	primer   [primeFrames * 2]float32
	from, to int // samples of pending not yet used
	running  bool
	idle     float64 // seconds since it last was
}

// liveStats is guarded by its queue's mu.
type liveStats struct {
	gaps, gapFrames, overlaps, trimmed, dropped, bad int64
	resets, steps, jumps                             int64
	jump                                             time.Duration // the last one
	ppm                                              float64
	depth, queued                                    float64 // seconds; by the filtered line, and really
	idle                                             float64 // seconds
}

func newLiveQueue(clock media.Clock, rs Resampler, target time.Duration) *liveQueue {
	return &liveQueue{
		clock: clock, rs: rs, in: newSplice(false), arrivals: arrivals{step: liveStep}, loop: newLoop(),
		ring:   media.NewSampleRing(liveFrames * 2),
		target: boundTarget(target).Seconds(), goal: boundTarget(target).Seconds(),
	}
}

func boundTarget(d time.Duration) time.Duration { return min(max(d, minTarget), maxTarget) }

// write queues b, which arrived now; it never blocks.
func (q *liveQueue) write(b media.AudioBlock) {
	src := b.Samples[:b.Frames()*2]
	frames := 0
	now := q.clock.Now().Seconds()
	var gap, cut, overlap int64
	var jump time.Duration
	fresh := !q.begun // the PTS begin a new timeline
	if q.begun {
		d := b.PTS - q.nextPTS
		blocks := q.lostBlocks(d, b)
		switch {
		case d > liveTolerance && d <= liveMaxGap:
			gap = sampleAt(d)
		case d > liveMaxGap, d < -liveMaxGap:
			q.in.cut()
			fresh, jump = true, d
		case d < -liveTolerance:
			overlap = min(sampleAt(-d), int64(len(src)/2))
			cut = 1
			src = src[overlap*2:]
			q.in.cut()
		default:
			gap = q.lost(blocks, b, now)
		}
	}
	q.begun, q.nextPTS = true, b.PTS+b.Duration()
	var bad, dropped int64
	for left := gap; left > 0; {
		n := min(left, liveChunk)
		c := q.chunk[:n*2]
		for i := range c {
			c[i] = missing
		}
		dropped += q.push(c)
		left -= n
		frames += int(n)
	}
	for len(src) > 0 {
		n := min(len(src), len(q.chunk))
		bad += copySane(q.chunk[:n], src[:n])
		dropped += q.push(q.chunk[:n])
		src = src[n:]
		frames += n / 2
	}
	frames -= int(dropped)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.arrivals.burst(frames, now) {
		q.stats.steps++
	}
	if frames > 0 {
		q.stamps.came(frames, q.nextPTS, fresh || cut > 0 || dropped > 0)
	}
	q.stats.bad += bad
	q.stats.dropped += dropped
	q.stats.overlaps += cut
	q.stats.trimmed += overlap
	if jump != 0 {
		q.stats.jumps++
		q.stats.jump = jump
	}
	if gap > 0 {
		q.stats.gaps++
		q.stats.gapFrames += gap
	}
}

// lostBlocks is how many whole blocks of b's length lie between its PTS and the end of the
// block before it, d earlier; 0: it follows on that, or d is something else. It keeps count of how
// steady the stamps are.
func (q *liveQueue) lostBlocks(d time.Duration, b media.AudioBlock) (n int64) {
	block := b.Duration()
	if block >= lossBlock {
		n = int64((d + block/2) / block)
	}
	off := (d - time.Duration(n)*block).Abs() > lossTolerance
	switch {
	case d < -lossTolerance:
		q.steady = -stepBack
		return 0
	case off:
		q.steady = 0
		return 0
	}
	q.steady += int64(b.Frames())
	return n
}

// lost is how many frames were lost before b, which came now and n blocks of its length behind
// the end of the one before: so few that jitter of the stamps could be that. Left out, each
// would shorten the queue for good. It is a loss where the stamps are steady, the line through
// them is off by as much, and the line of arrivals misses it as well: where a sender only sets
// its stamps right (RTCP does), as much sound has come as before.
func (q *liveQueue) lost(n int64, b media.AudioBlock, now float64) (frames int64) {
	if n < 1 || q.steady < steadyAfter {
		return 0
	}
	frames = n * int64(b.Frames())
	length := float64(frames) * nominalPeriod
	q.mu.Lock()
	defer q.mu.Unlock()
	off := b.PTS.Seconds() - q.stamps.end
	came := float64(q.arrivals.count + int64(q.arrivals.pending+b.Frames()))
	behind := (q.arrivals.at(now) - came) * nominalPeriod
	if off < length-lossTolerance.Seconds() || behind < length/2 {
		return 0
	}
	return frames
}

// push splices a chunk into the ring whole, or drops it whole when it is full.
func (q *liveQueue) push(c []float32) (dropped int64) {
	if q.ring.Len()+len(c) > liveFrames*2 {
		q.in.cut()
		return int64(len(c) / 2)
	}
	q.in.process(c)
	q.ring.Write(c)
	return 0
}

// queued is how many frames wait.
func (q *liveQueue) queued() int { return (q.ring.Len() + q.to - q.from) / 2 }

// read fills dst with the sound for studio frame start on; what is not there is
// marked missing. jumped says that the first frame does not follow the last.
func (q *liveQueue) read(dst []float32, start int64) (short int64, jumped bool) {
	n := len(dst) / 2
	seconds := float64(n) * nominalPeriod
	now := float64(start) * nominalPeriod

	q.mu.Lock()
	if q.arrivals.book(q.clock.Now().Seconds()) {
		q.stats.steps++
	}
	glide := clamp(q.goal-q.target, -glideRate*seconds, glideRate*seconds)
	q.target += glide
	target, arrived := q.target, q.arrivals.at(now)
	resync, flush := q.resync, q.flushed
	q.resync, q.flushed = false, false
	q.mu.Unlock()

	if flush {
		q.drop(q.queued())
		q.running = false
	}
	depth := q.loop.depth(arrived, n)
	stray := q.running && math.Abs(depth-target) > strayLimit+target/4
	if q.running && (resync || stray) {
		// Too little: gather anew. Too much: skip.
		q.running, jumped = false, true
	}
	reset := stray && !resync
	if !q.running {
		have := float64(q.queued())*nominalPeriod - seconds
		if have < target {
			q.idle += seconds
			q.report(have, 0, reset, have)
			for i := range dst {
				dst[i] = missing
			}
			return 0, false
		}
		q.drop(int(math.Round((max(depth, have) - target) * sampleRateHz)))
		q.resample(q.primer[:])
		q.loop.used.settle()
		depth = q.loop.depth(arrived, n)
		q.loop.governor.restart()
		q.running = true
	}
	q.idle = 0
	ppm := clamp(q.loop.governor.update(depth-target, seconds)-glide/seconds*1e6, -maxPPM, maxPPM)
	q.rs.SetPPM(ppm)
	made := q.resample(dst)
	q.loop.used.made(made, ppm)
	if short = int64(n - made); short > 0 {
		for i := range dst[made*2:] {
			dst[made*2+i] = missing
		}
		q.running = false
	}
	q.report(depth, ppm, reset, float64(q.queued())*nominalPeriod)
	return short, jumped
}

// presented is what to add to a PTS for the studio time at which its sound is in the mix:
// exact, since both clocks are known here. ok is false while nothing plays and where the
// mix is still in a timeline that has ended. For the reading goroutine, between reads; now
// is the start of the next block.
func (q *liveQueue) presented(now float64) (offset float64, ok bool) {
	if !q.running {
		return 0, false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	pts, ok := q.stamps.at(q.loop.used.exact - sincTaps/2)
	return now - pts, ok
}

func (q *liveQueue) report(depth, ppm float64, reset bool, queued float64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats.ppm, q.stats.depth, q.stats.queued, q.stats.idle = ppm, depth, queued, q.idle
	if reset {
		q.stats.resets++
	}
}

// resample fills dst as far as the queue goes and returns the frames made.
func (q *liveQueue) resample(dst []float32) (made int) {
	for made*2 < len(dst) {
		if q.from == q.to {
			n := min(q.ring.Len(), len(q.pending))
			if n == 0 {
				break
			}
			q.from, q.to = 0, q.ring.Read(q.pending[:n])
		}
		taken, m := q.rs.Process(q.pending[q.from:q.to], dst[made*2:])
		q.from += taken * 2
		q.loop.used.frames += int64(taken)
		made += m
	}
	return made
}

// drop discards up to frames of the oldest sound.
func (q *liveQueue) drop(frames int) {
	if frames <= 0 {
		return
	}
	n := min(frames*2, q.to-q.from)
	q.from += n
	n += q.ring.Discard(frames*2 - n)
	q.loop.used.frames += int64(n / 2)
	q.loop.used.settle()
}

func (q *liveQueue) setTarget(d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := boundTarget(d).Seconds()
	if t == q.goal {
		return // it may be gliding there
	}
	q.resync = q.resync || math.Abs(t-q.target) > 0.005
	q.target, q.goal = t, t
}

// glideTo moves the target slowly, unheard, where there is time for that: a queue that
// turns out to be much too short is not kept so for half a minute.
func (q *liveQueue) glideTo(d time.Duration) {
	q.mu.Lock()
	t := boundTarget(d).Seconds()
	late := t > q.target+glideLimit || q.arrivals.age < glideFrom
	if !late {
		q.goal = t
	}
	q.mu.Unlock()
	if late {
		q.setTarget(d)
	}
}

// slideTo moves the target slowly whatever the way: for one that what is queued has been
// enough for so far.
func (q *liveQueue) slideTo(d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.goal = boundTarget(d).Seconds()
}

// flush forgets what is queued; the source begins anew. For any goroutine but
// the reading one; the writer's own state is reset by forget.
func (q *liveQueue) flush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flushed = true
	q.arrivals.locked = false
}

// forget is for the writing goroutine: the next PTS begins a new timeline.
func (q *liveQueue) forget() { q.begun = false }

func (q *liveQueue) snapshot() StripStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	return StripStats{
		Silent: seconds(s.idle), Queued: seconds(s.queued), Latency: seconds(s.depth), PPM: s.ppm,
		Resets: s.resets, Steps: s.steps, Jumps: s.jumps, Jump: s.jump,
		Gaps: s.gaps, GapFrames: s.gapFrames, Overlaps: s.overlaps, Trimmed: s.trimmed,
		Dropped: s.dropped, BadSamples: s.bad,
	}
}

// Presented is what to add to a PTS of a live strip for the studio time at which its sound
// is heard, the operator's delay apart: pictures shown at PTS plus that are in step with
// the sound, and a delay moves the sound against them by exactly what was asked for, though
// sound cannot be earlier than what is queued. now is the start of the next block. ok is
// false on paced strips, and while nothing is heard. For the mixing goroutine.
func (s *Strip) Presented(now time.Duration) (offset time.Duration, ok bool) {
	if s.mode == Paced {
		return 0, false
	}
	queued, ok := s.live.presented(now.Seconds())
	s.mu.Lock()
	defer s.mu.Unlock()
	after := max(s.applied, 0) + s.latency - sampleAt(s.controls.Delay)
	return seconds(queued + float64(after)*nominalPeriod), ok
}

// Unmet is by how much pictures have to be later because the queue of a paced strip cannot
// make its sound as early as the operator wants it; 0 on live strips, where Presented has
// it.
func (s *Strip) Unmet() time.Duration {
	if s.mode == Live {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return media.TimeOf(max(s.applied+s.latency-sampleAt(s.controls.Delay), 0), media.Rational{Num: 1, Den: sampleRateHz})
}
