package audio

import (
	"context"
	"errors"
	"math"
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
func (s *Strip) slideTo(d time.Duration) { s.live.slideTo(d) }

func (s *Strip) aim(d, need time.Duration, to func(time.Duration)) error {
	if s.mode == Paced {
		return ErrMode
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target, s.need = boundTarget(d), max(need, minNeed)
	s.divide(to)
	return nil
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
