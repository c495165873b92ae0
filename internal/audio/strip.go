package audio

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// Mode says whose clock a strip's source follows.
type Mode uint8

// Modes.
const (
	// Paced sources follow the studio: their sound is placed by PTS and offset, to
	// the sample, without resampling.
	Paced Mode = iota + 1
	// Live sources have a clock of their own and are resampled to the studio's.
	Live
)

// The range of a strip's delay.
const (
	MinDelay = -950 * time.Millisecond
	MaxDelay = 20 * time.Second
)

// minNeed is the least that a live strip keeps queued, whatever the delay.
const minNeed = 20 * time.Millisecond

// DefaultTarget is how much of a live source is kept queued unless told otherwise.
const DefaultTarget = 60 * time.Millisecond

// pacedBudget is how much earlier than its PTS a paced source may be heard:
// less than the 500 ms its sound may be ahead, so that a demuxer whose pictures
// block has still delivered it.
const pacedBudget = 200 * time.Millisecond

// resting is a silence that lasts until something comes.
const resting = math.MaxInt64 / 2

// ErrMode is returned by what a strip of the other mode cannot do.
var ErrMode = errors.New("audio: not for a strip of this mode")

// StripOptions are what a strip needs besides its mode.
type StripOptions struct {
	// Target is a live strip's queue depth, 5..1500 ms; 0 is DefaultTarget.
	Target time.Duration
	// Resampler is a live strip's; nil is NewSinc().
	Resampler Resampler
	// Controls are in force from the first sample on, where Set ramps to them.
	Controls Controls
}

// Channels says what a strip makes of the two sides of its source.
type Channels uint8

// What a strip makes of its source's sides; not set is Stereo.
const (
	Stereo    Channels = iota + 1
	Mono               // the mean of both, on both sides
	LeftOnly           // the left on both sides
	RightOnly          // the right on both sides
	Swap               // left and right change places
)

// Polarity says which sides of a strip's source are turned over.
type Polarity uint8

// Polarities; not set is Normal.
const (
	Normal Polarity = iota + 1
	Inverted
	LeftInverted
	RightInverted
)

// Controls are what the operator sets on a strip.
type Controls struct {
	TrimDB   float64 // before everything else, -24..24
	Polarity Polarity
	Channels Channels

	GainDB float64 // fader; OffDB and less is silence, at most +24
	Mute   bool
	// Pan is -1 (left) .. 1 (right), by the balance law: off centre the opposite side is
	// turned down linearly, the centre leaves both sides alone.
	Pan float64
	// Delay is MinDelay..MaxDelay. A negative delay can only use up what is queued
	// anyway: 200 ms for paced strips, the target less 20 ms for live ones; beyond
	// that it is cut short, and Stats.Delay says what is in force. What inserts delay the
	// sound by is taken off in the same way.
	Delay time.Duration
}

// Solo says how the operator listens to a strip alone.
type Solo uint8

// Solos; not set is none.
const (
	AfterFader  Solo = iota + 1 // AFL
	BeforeFader                 // PFL: also with the fader down, not on air, or muted
)

// Route is one way out of a strip: to the programme, an aux send, a mix-minus.
type Route struct {
	Bus    *Bus
	GainDB float64 // OffDB and less is silence, at most +24
	// Pre takes the sound before fader, pan and crosspoint; it is muted with the strip.
	Pre bool
}

// route is a Route on its way.
type route struct {
	Route
	ramp ramp
	gone bool
}

// Strip is one source's way into the mix. One goroutine writes; one, the
// engine's tick, mixes; everything else may be called from anywhere.
type Strip struct {
	mode  Mode
	clock media.Clock
	paced *pacedQueue // mode Paced
	live  *liveQueue  // mode Live
	meter peakMeter

	mu         sync.Mutex
	controls   Controls      // guarded by mu
	crosspoint float64       // guarded by mu
	offset     time.Duration // guarded by mu
	target     time.Duration // guarded by mu; live
	need       time.Duration // guarded by mu; live; the part of target that a delay leaves
	applied    int64         // guarded by mu; frames of the delay line, or negative: heard early
	latency    int64         // guarded by mu; frames that inserts and buses delay it by
	missed     int64         // guarded by mu; frames of silence in place of sound that was due
	holes      int64         // guarded by mu; how often

	// Of the mixing goroutine.
	splice   splice
	sides    matrix
	inserts  chain
	line     delayLine
	ramp     ramp
	routes   []route
	routed   bool      // SetRoutes was called
	heard    bool      // it has been mixed
	silence  int64     // frames for which nothing has come and nothing has sounded on
	rests    bool      // the block is silence that was not made anew
	solo     Solo      // what the operator asked for
	soloRamp [2]ramp   // after and before the fader
	pre      []float32 // the block before the fader
	post     []float32 // and after it
	turn     int64     // of the mixer, in which the blocks were made
	leaving  bool
	tap      tap
}

// NewStrip makes a strip at 0 dB, centre, crosspoint fully open. clock is studio
// time; a live strip asks it when its sound arrives.
func NewStrip(mode Mode, clock media.Clock, opt StripOptions) *Strip {
	if opt.Target == 0 {
		opt.Target = DefaultTarget
	}
	s := &Strip{mode: mode, clock: clock, crosspoint: 1, target: boundTarget(opt.Target), need: minNeed, splice: newSplice(mode == Live)}
	if mode == Live {
		if opt.Resampler == nil {
			opt.Resampler = NewSinc()
		}
		s.live = newLiveQueue(clock, opt.Resampler, opt.Target)
	} else {
		s.paced = newPacedQueue()
	}
	s.Set(opt.Controls)
	return s
}

// sides is what trim, polarity and channels make of the source.
func (c Controls) sides() matrix {
	trim := float32(1)
	if c.TrimDB != 0 {
		trim = gainOf(c.TrimDB)
	}
	l, r := trim, trim
	if c.Polarity == Inverted || c.Polarity == LeftInverted {
		l = -l
	}
	if c.Polarity == Inverted || c.Polarity == RightInverted {
		r = -r
	}
	switch c.Channels {
	case Mono:
		return matrix{l / 2, r / 2, l / 2, r / 2}
	case LeftOnly:
		return matrix{l, 0, l, 0}
	case RightOnly:
		return matrix{0, r, 0, r}
	case Swap:
		return matrix{0, r, l, 0}
	}
	return matrix{l, 0, 0, r}
}

// Mode is the strip's mode.
func (s *Strip) Mode() Mode { return s.mode }

// Write queues sound and never blocks. A paced strip drops what does not fit and
// counts it.
func (s *Strip) Write(b media.AudioBlock) {
	if s.mode == Live {
		s.live.write(b)
		return
	}
	// Without waiting there is nothing a context could end.
	_ = s.paced.write(context.Background(), b, false)
}

// WriteWait queues sound. On a paced strip it blocks while more than 500 ms is
// queued ahead of the mix, and returns ctx's error if that ends first; on a live
// one it is Write.
func (s *Strip) WriteWait(ctx context.Context, b media.AudioBlock) error {
	if s.mode == Live {
		s.live.write(b)
		return nil
	}
	return s.paced.write(ctx, b, true)
}

// WaitFor blocks until all of a paced strip's sound before studio sample upTo
// has been written, or none is coming (Hold, Close), so that a virtual clock renders
// the same every time. It frees the room that takes. Live strips are never waited
// for. For the mixing goroutine.
func (s *Strip) WaitFor(ctx context.Context, upTo int64) error {
	if s.mode == Live {
		return nil
	}
	return s.paced.waitFor(ctx, upTo)
}

// Hold says that no sound comes until further notice: silence is then nobody's
// fault and WaitFor does not wait. The next write ends it.
func (s *Strip) Hold() {
	if s.mode == Paced {
		s.paced.hold()
		return
	}
	s.live.flush()
}

// Park stops a paced strip where it is: it is silent, what is queued stays, and its
// writer waits. SetOffset before Park(false) makes it go on from there.
func (s *Strip) Park(on bool) {
	if s.mode == Paced {
		s.paced.park(on)
	}
}

// Flush forgets what is queued: the next block begins a new timeline (a seek, a
// reconnection). For the writing goroutine.
func (s *Strip) Flush() {
	if s.mode == Paced {
		s.paced.flush()
		return
	}
	s.live.forget()
	s.live.flush()
}

// Close ends all waiting; later writes are dropped.
func (s *Strip) Close() {
	if s.mode == Paced {
		s.paced.close()
	}
}

// First is the PTS of the oldest sound queued on a paced strip.
func (s *Strip) First() (time.Duration, bool) {
	if s.mode == Live {
		return 0, false
	}
	return s.paced.first()
}

// SetOffset places a paced source on the studio's timeline: studio time = PTS + d,
// rounded to the sample. After Flush nothing is heard before it is called again. Live strips have no timeline: ErrMode.
func (s *Strip) SetOffset(d time.Duration) error {
	if s.mode == Live {
		return ErrMode
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset = d
	s.place()
	s.paced.settle()
	return nil
}

// SetTarget sets a live strip's queue depth, 5..1500 ms, and how much of that its jitter
// needs, which a negative delay leaves alone. Changes glide by 1 ms a second; more than
// 30 ms upwards is made at once, heard as a short silence.
func (s *Strip) SetTarget(d, need time.Duration) error { return s.aim(d, need, s.glideTo) }

// MoveTarget is SetTarget at once, whatever the change: for sound that is in step with
// nothing that would glide with it.
func (s *Strip) MoveTarget(d, need time.Duration) error { return s.aim(d, need, s.moveTo) }

func (s *Strip) glideTo(d time.Duration) { s.live.glideTo(d) }
func (s *Strip) moveTo(d time.Duration)  { s.live.setTarget(d) }

func (s *Strip) aim(d, need time.Duration, to func(time.Duration)) error {
	if s.mode == Paced {
		return ErrMode
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target, s.need = boundTarget(d), max(need, minNeed)
	to(s.target - media.TimeOf(s.early(), media.Rational{Num: 1, Den: sampleRateHz}))
	s.applied = max(sampleAt(s.controls.Delay)-s.latency, 0) - s.early()
	return nil
}

// Set sets the operator's controls, clamped to their ranges. Gain, mute and pan are
// ramped over the next block; a change of delay is crossfaded.
func (s *Strip) Set(c Controls) {
	c.TrimDB = clamp(c.TrimDB, -24, 24)
	c.GainDB = clamp(c.GainDB, OffDB, 24)
	c.Pan = clamp(c.Pan, -1, 1)
	c.Delay = min(max(c.Delay, MinDelay), MaxDelay)
	s.mu.Lock()
	defer s.mu.Unlock()
	moved := c.Delay != s.controls.Delay
	s.controls = c
	if moved {
		s.place()
	}
}

// Controls are the settings in force, after clamping.
func (s *Strip) Controls() Controls {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.controls
}

// SetCrosspoint sets the engine's own gain, 0..1, for audio that follows video and
// fades of the whole programme; ramped over the next block.
func (s *Strip) SetCrosspoint(v float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crosspoint = clamp(v, 0, 1)
}

// place divides the delay, less what comes after, between the queue and the delay
// line; mu is held.
func (s *Strip) place() {
	early := s.early()
	if s.mode == Paced {
		s.paced.move(sampleAt(s.offset), early)
	} else {
		s.live.setTarget(s.target - media.TimeOf(early, media.Rational{Num: 1, Den: sampleRateHz}))
	}
	s.applied = max(sampleAt(s.controls.Delay)-s.latency, 0) - early
}

// early is how many frames earlier than it would be the strip is heard, for a negative
// delay and for what its inserts add; mu is held.
func (s *Strip) early() int64 {
	early := max(s.latency-sampleAt(s.controls.Delay), 0)
	if s.mode == Paced {
		return min(early, sampleAt(pacedBudget))
	}
	return min(early, sampleAt(max(s.target-s.need, 0)))
}

// gains are the channel gains now asked for; mu is held or s is not shared yet.
func (s *Strip) gains() (left, right float32) {
	if s.controls.Mute {
		return 0, 0
	}
	left, right = balance(s.controls.Pan)
	g := gainOf(s.controls.GainDB) * float32(s.crosspoint)
	return left * g, right * g
}

// SetInserts sets what the strip goes through before its delay and its fader, in order.
// The strip owns them from now on and closes those that are taken out again. New ones
// fade in, those that go fade out, and those that change places do so while all are dry;
// each takes 20 ms. For the mixing goroutine.
func (s *Strip) SetInserts(list []*Insert) { s.inserts.set(list) }

// SetRoutes sets where the strip is heard; a strip for which it was never called goes to
// the programme at 0 dB. What is new fades in over the next block, what is gone fades
// out. For the mixing goroutine.
func (s *Strip) SetRoutes(list []Route) {
	for i := range s.routes {
		s.routes[i].gone = true
	}
next:
	for _, r := range list {
		for i := range s.routes {
			if old := &s.routes[i]; old.Bus == r.Bus && old.Pre == r.Pre {
				old.Route, old.gone = r, false
				continue next
			}
		}
		fresh := route{Route: r}
		if !s.heard {
			g := gainOf(clamp(r.GainDB, OffDB, 24))
			fresh.ramp = ramp{g, g}
		}
		s.routes = append(s.routes, fresh)
	}
	s.routed = true
}

// SetSolo lets the operator hear the strip alone (0: not); the mix is not changed.
// For the mixing goroutine.
func (s *Strip) SetSolo(solo Solo) { s.solo = solo }

// Solo is what SetSolo was told.
func (s *Strip) Solo() Solo { return s.solo }

// InsertLatency is what the strip's inserts delay its sound by, in frames. For the mixing
// goroutine.
func (s *Strip) InsertLatency() int { return s.inserts.latency() }

// ReductionDB is by how much the strip's dynamics turned the last block down, all
// together. For the mixing goroutine.
func (s *Strip) ReductionDB() float64 { return s.inserts.reduction() }

// sent is what the strip last sent after its fader, n samples.
func (s *Strip) sent(n int) []float32 {
	if len(s.post) != n {
		s.post = resized(s.post, n)
		clear(s.post)
	}
	return s.post
}

// resized is b with n samples, in the same memory where there is room.
func resized(b []float32, n int) []float32 {
	if cap(b) < n {
		return make([]float32, n)
	}
	return b[:n]
}

// enter is called when the strip is in the mix, before its block is made.
func (s *Strip) enter(programme *Bus) {
	if !s.routed {
		s.SetRoutes([]Route{{Bus: programme}})
	}
	if s.turn == 0 {
		s.turn = -1 // in the mix, not made yet
	}
}

// process makes the strip's blocks of n samples for the studio samples from start on,
// before and after the fader, and moves its meter. turn numbers the mixer's calls,
// after is how many frames of delay follow. It never waits.
func (s *Strip) process(n int, start, turn int64, after int) {
	if s.turn == turn {
		return
	}
	s.turn = turn
	for _, in := range s.inserts.list {
		if in.key != nil && in.key.turn != 0 { // one that is in the mix is made first
			in.key.process(n, start, turn, after)
		}
	}
	s.pre, s.post = resized(s.pre, n), resized(s.post, n)
	b := s.pre
	var short int64
	var jumped bool
	s.rests = s.mayRest()
	switch {
	case s.rests:
	case s.mode == Live:
		short, jumped = s.live.read(b, start)
	default:
		short, jumped = s.paced.read(b, start)
	}
	s.mu.Lock()
	left, right := s.gains()
	sides := s.controls.sides()
	delay, early := max(s.applied, 0), max(-s.applied, 0)
	if latency := int64(s.inserts.latency() + after); latency != s.latency {
		s.latency = latency
		s.place() // from the next block on
	}
	if short > 0 {
		s.missed += short
		s.holes++
	}
	s.mu.Unlock()
	if s.leaving {
		left, right = 0, 0
	}
	if !s.heard { // it begins where it stands
		s.ramp, s.sides = ramp{left, right}, sides
	}
	if s.rests && delay == 0 {
		s.rest(n)
		s.ramp, s.sides = ramp{left, right}, sides
		return
	}
	if s.rests {
		s.rests = false
		_, jumped = s.paced.read(b, start) // nothing, and nothing is amiss
	}
	if jumped {
		s.splice.cut()
	}
	if s.splice.process(b) {
		s.silence = 0
	} else {
		s.silence += int64(n / 2)
	}
	s.tap.take(b, early)
	s.sides.process(b, sides)
	s.inserts.process(b)
	s.line.process(b, delay)
	peakL, peakR := s.ramp.copyTo(s.post, b, left, right)
	s.meter.update(peakL, peakR, float64(n/2)*nominalPeriod)
	s.heard = true
}

// mayRest reports that the next block is silence whatever is made of it: the source waits,
// and nothing of what it gave before is left in the strip. A hundred sources that wait
// then cost nothing.
func (s *Strip) mayRest() bool {
	return s.mode == Paced && s.silence >= max(s.line.memory(), pastFrames) && s.line.now == 0 &&
		len(s.inserts.list) == 0 && !s.tap.on && s.paced.silent()
}

// rest makes a block of n samples of a strip that rests.
func (s *Strip) rest(n int) {
	if s.silence < resting {
		s.silence = resting
		clear(s.pre[:cap(s.pre)])
		clear(s.post[:cap(s.post)])
	}
	s.meter.update(0, 0, float64(n/2)*nominalPeriod)
}

// feed adds the strip's block to its buses.
func (s *Strip) feed(muted bool) {
	gone := false
	for i := range s.routes {
		r := &s.routes[i]
		src, gain := s.post, gainOf(clamp(r.GainDB, OffDB, 24))
		if r.Pre {
			src = s.pre
			if muted {
				gain = 0
			}
		}
		if r.gone {
			gain, gone = 0, true
		}
		switch {
		case s.rests:
			r.ramp = ramp{gain, gain}
		case len(r.Bus.block) == len(src): // else it is in no mix
			r.ramp.addTo(r.Bus.block, src, gain, gain)
		}
	}
	if gone {
		s.routes = slices.DeleteFunc(s.routes, func(r route) bool { return r.gone })
	}
}

// muted: the strip is not to be heard anywhere but by the operator.
func (s *Strip) muted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving || s.controls.Mute
}

// listen adds the strip to what the operator hears as far as it is soloed.
func (s *Strip) listen(dst []float32) {
	after, before := float32(0), float32(0)
	switch {
	case s.leaving:
	case s.solo == AfterFader:
		after = 1
	case s.solo == BeforeFader:
		before = 1
	}
	if s.rests {
		s.soloRamp = [2]ramp{{after, after}, {before, before}}
		return
	}
	s.soloRamp[0].addTo(dst, s.post, after, after)
	s.soloRamp[1].addTo(dst, s.pre, before, before)
}

// Meter is the strip's peak meter, after the fader.
func (s *Strip) Meter() Meter { return s.meter.read() }

// ClearClip resets the meter's clip latch.
func (s *Strip) ClearClip() { s.meter.clearClip() }

// StripStats describe a strip at one moment. Frames are audio frames; counts are
// since it was made.
type StripStats struct {
	Queued  time.Duration // sound waiting for the mix
	Delay   time.Duration // the operator's delay as far as it is in force
	PPM     float64       // live: how much faster than the studio the source's clock runs
	Latency time.Duration // live: queue depth by the filtered line; this is held at the target
	Silent  time.Duration // live: since something was heard; 0 while something is

	Underruns    int64         // times sound was due and not there
	MissedFrames int64         // silence in its place
	LateFrames   int64         // paced: came after they were due; not heard
	Resets       int64         // live: queue too far off, set right at once
	Steps        int64         // live: stalls and bursts seen in the arrivals
	Jumps        int64         // PTS that went on somewhere else: their sound follows on
	Jump         time.Duration // how far the last one went
	Gaps         int64         // holes in the PTS, made silence
	GapFrames    int64
	Overlaps     int64 // PTS that went back
	Trimmed      int64 // frames dropped for that
	Dropped      int64 // frames that found the queue full
	BadSamples   int64 // NaN, infinite or beyond +60 dBFS, made silence
}

// Stats is safe to call at any time.
func (s *Strip) Stats() StripStats {
	var st StripStats
	if s.mode == Live {
		st = s.live.snapshot()
	} else {
		st = s.paced.snapshot()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Delay = media.TimeOf(s.applied+s.latency, media.Rational{Num: 1, Den: sampleRateHz})
	st.MissedFrames, st.Underruns = s.missed, s.holes
	return st
}

func seconds(s float64) time.Duration {
	return time.Duration(math.Round(s * float64(time.Second)))
}
