package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/compositor"
	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/priority"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// How long a source may show nothing new before it is marked held and lost.
const (
	heldAfter = time.Second
	lostAfter = 5 * time.Second
)

// A source that is not live may be aheadBy, and at least leastAhead pictures, ahead; one
// that waits until it is on programme idleDepth pictures: it is to begin at once, and there
// may be a hundred of them, which keep what they were ahead when they were on programme. While
// there are views, any other on programme may be viewedTimes as much ahead. Views give way when half of
// what it may be ahead is used up.
const (
	aheadBy     = 100 * time.Millisecond
	leastAhead  = 4
	idleDepth   = 2
	viewedTimes = 2
)

// syncDepth is how many pictures of a canvas whose pictures last frame a source may be ahead.
func syncDepth(frame time.Duration) int {
	return max(int((aheadBy+frame-1)/frame), leastAhead)
}

// liveDepth is how many pictures a live source may have waiting: its sound may be as
// much later than its pictures. It grows to maxLiveDepth where the operator wants the
// sound earlier still.
const liveDepth, maxLiveDepth = 32, 64

// tellBehind is how far sound may be behind the pictures until the operator is told.
const tellBehind = 5 * time.Millisecond

// input is a source in the studio: its supervised goroutine, its pictures brought
// to the studio's ticks, and its strip in the mix. It implements sources.Sink.
type input struct {
	def     scenes.Source
	kind    sources.Kind
	src     sources.Source // nil: the settings were refused
	clip    sources.Clip   // src, where it is one
	color   media.ColorInfo
	clock   media.Clock
	frame   time.Duration // of the canvas
	sync    *media.FrameSync
	strip   *audio.Strip
	inserts insertSet     // of the tick goroutine
	routes  []audio.Route // of the tick goroutine; the strip's
	slate   *media.Frame

	cancel context.CancelFunc
	done   chan struct{}
	lane   priority.Lane // of what decodes its pictures

	// Of the tick goroutine, on the virtual clock: how long it waits for this source.
	limit    time.Duration
	patience context.Context // ends when alarm goes off; nil until first waited for
	giveUp   context.CancelFunc
	alarm    *time.Timer
	stalled  bool

	// Of the tick goroutine: a source that waits while it is not on programme.
	shownAt  int64 // the last tick whose plan had it on programme
	parked   bool
	parkedAt time.Duration
	opening  *opening // its turn to be opened; nil where it has none to wait for

	// Of the tick goroutine.
	current   *media.Frame // what this tick shows; borrowed from sync, or the slate
	taken     *media.Frame // the reference behind current
	inherited bool         // taken is the last picture of the input that this one replaces
	slept     bool         // take has made room that the source does not know of
	slow      bool         // catchUp has waited for it in vain
	anchored  bool
	offset    time.Duration // studio time = PTS + offset
	lag       time.Duration // and how much later pictures are, so that sound can be early
	behind    time.Duration // how much later than its pictures the sound is, for want of room for more of them
	cadence   cadence       // of a live one
	lastFresh time.Duration
	captured  *histogram    // of the engine: from a live picture's time stamp to its tick
	age       time.Duration // how long ago the live picture was taken that this tick is the first to show; negative: none
	waited    int
	ahead     int  // how many pictures it may be ahead, but for those that lag; of one that is not live
	wasAhead  bool // it has had enough pictures ahead since it came on programme, or was sought
	scarce    int  // ticks in a row with too few ahead
	repeated  int64
	lost      bool
	leftOutOf []string      // names of the keys that the newest plan has without it
	standIn   *input        // shown and heard in its place
	missed    bool          // it is to be stood in for
	unwellAt  time.Duration // when it was not well last

	crosspoint float64 // of the tick's sound, 0..1
	heard      float64 // the same of all that is heard in it: its own, and what it stands in for

	copier *copier     // of the source, which this input may not be any more
	coded  atomic.Bool // it tells of coded streams

	video, audio atomic.Bool // streams that this run has
	begins       atomic.Bool // it has pictures from now on: it is not late before they come
	demand       atomic.Uint32
	arrived      atomic.Int64
	size         atomic.Int64 // of the newest picture as it looks: width<<32 | height; 0 before the first
	restarts     atomic.Int64
	timing       liveTiming

	turn    sync.Mutex  // held while the timeline changes
	restart atomic.Bool // the timeline begins anew and has not been anchored
	turns   atomic.Int64
	turned  chan struct{}          // one token: Restart, Hold or an end has come
	from    time.Duration          // of the tick goroutine: the position of a clip's PTS 0
	sounded atomic.Int64           // nanoseconds of the timeline whose sound has come
	seeking bool                   // of the tick goroutine: the virtual clock waits for turned
	sought  *time.Duration         // of the tick goroutine: asked for and not come yet
	paused  bool                   // of the tick goroutine: what was last asked for
	trouble audio.Troubles         // of the tick goroutine
	device  atomic.Int64           // ns; what DeviceLatency was told
	changed atomic.Pointer[string] // what SoundChanged was told and trouble was not yet

	mu     sync.Mutex
	status sources.Status // guarded by mu
	detail string         // guarded by mu
	remark string         // guarded by mu
	still  bool           // guarded by mu; Hold was called by a running source
	refuse error          // guarded by mu; why src is nil
}

// newInput makes an input; start runs it.
func (e *Engine) newInput(def scenes.Source) *input {
	in := &input{def: def, color: e.color, clock: e.clock, frame: e.frameTime, slate: e.slate,
		done: make(chan struct{}), turned: make(chan struct{}, 1), limit: e.stallLimit, shownAt: -1}
	in.copier = e.copier(def.ID)
	in.copier.adopt(in)
	in.copier.keep(e.keepsCopy(def.ID))
	mode, depth := audio.Paced, syncDepth(e.frameTime)
	in.ahead = depth
	kind, ok := e.opt.SourceKinds[def.Kind]
	if !ok {
		kind.HasVideo = true // as far as one can tell: a slate is in its place
	}
	in.kind = kind
	if kind.Pacing == sources.Live {
		mode, depth = audio.Live, liveDepth
	}
	in.sync = media.NewFrameSync(depth)
	in.strip = audio.NewStrip(mode, e.clock, audio.StripOptions{Controls: controls(def.Audio)})
	in.strip.Flush() // nothing is due before it is anchored
	in.streams(kind.HasVideo, kind.HasAudio)
	in.status.State = sources.Opening
	in.demand.Store(uint32(sources.DemandFull))
	if !ok {
		in.refuse = &unknownKindError{def.Kind}
		return in
	}
	if def.WhenIdle == scenes.IdleWait && kind.Pacing == sources.Paced && !e.clock.Virtual() {
		in.ahead = idleDepth
		in.makeRoom()
		in.opening = &opening{gate: e.gate, wanted: make(chan struct{}), begun: make(chan struct{})}
	}
	in.captured = &e.count.capture
	c := e.show.Canvas
	in.src, in.refuse = kind.New(def.Settings, sources.Options{
		Width: c.Width, Height: c.Height, FPS: c.FPS, Color: e.color, Name: def.Name,
		BaseDir: e.opt.BaseDir, Clock: e.clock,
	})
	if in.refuse == nil {
		if in.clip, _ = in.src.(sources.Clip); in.clip != nil {
			in.paused = in.clip.Timeline().Paused
		}
	}
	return in
}

func controls(s scenes.Strip) audio.Controls {
	return audio.Controls{
		TrimDB: s.TrimDB, Polarity: polarities[s.Polarity], Channels: channels[s.Channels],
		GainDB: s.GainDB, Mute: s.Muted, Pan: s.Pan, Delay: time.Duration(s.DelayMS) * time.Millisecond,
	}
}

var polarities = map[scenes.Polarity]audio.Polarity{
	scenes.PolarityNormal: audio.Normal, scenes.PolarityInverted: audio.Inverted,
	scenes.PolarityLeft: audio.LeftInverted, scenes.PolarityRight: audio.RightInverted,
}

var channels = map[scenes.Channels]audio.Channels{
	scenes.ChannelsStereo: audio.Stereo, scenes.ChannelsMono: audio.Mono, scenes.ChannelsSwap: audio.Swap,
	scenes.ChannelsLeft: audio.LeftOnly, scenes.ChannelsRight: audio.RightOnly,
}

// start runs the source until ctx ends. With after, the source waits for that first:
// the device of the one it replaces.
func (in *input) start(ctx context.Context, log *slog.Logger, after <-chan struct{}) {
	id := in.def.ID
	ctx, in.cancel = context.WithCancel(ctx)
	if !in.clock.Virtual() {
		ctx = priority.With(ctx, &in.lane)
	}
	if in.refuse != nil {
		in.setStatus(sources.Status{State: sources.Failed, Err: in.refuse})
		in.sync.Hold()
		in.strip.Hold()
		close(in.done)
		return
	}
	go func() {
		defer close(in.done)
		if after != nil {
			select {
			case <-after:
			case <-ctx.Done():
				return
			}
		}
		if in.opening != nil && !in.opening.await(ctx) {
			return
		}
		// The outcome has been told through onState already.
		_ = sources.Supervise(ctx, in.src, in, func(s sources.Status) {
			in.setStatus(s)
			switch s.State {
			case sources.Waiting, sources.Failed:
				if stack := stackOf(s.Err); stack != "" {
					log.Error("source panicked", "source", id, "state", s.State.String(), "reason", s.Err, "stack", stack)
					break
				}
				log.Warn("source stopped", "source", id, "state", s.State.String(), "reason", s.Err, "retry", s.Retry)
			default:
				log.Debug("source", "source", id, "state", s.State.String())
			}
		})
	}()
}

// inherit shows the picture of the input that in is in the place of until in has one of its
// own: a title whose text changes on air must not be gone for a moment. What is of another
// kind has nothing to do with it, and what was refused will have no picture.
func (in *input) inherit(old *input) {
	if in.def.Kind != old.def.Kind || in.refuse != nil || old.taken == nil {
		return
	}
	in.taken, in.inherited = old.taken.Retain(), true
	in.current = in.taken
}

// stop ends the source and waits for it.
func (in *input) stop() {
	in.cancel()
	if in.giveUp != nil {
		in.alarm.Stop()
		in.giveUp()
	}
	in.sync.Close()
	in.strip.Close()
	<-in.done
	in.taken.Release()
	in.taken, in.current = nil, nil
}

func (in *input) setStatus(s sources.Status) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if s.State == sources.Opening && in.status.State != sources.Opening {
		in.restarts.Add(1)
	}
	if s.State == sources.Opening {
		in.still = false
	}
	// While it is being tried again, why it failed stays the thing to know.
	if s.Err == nil && s.State == sources.Opening {
		s.Err = in.status.Err
	}
	in.status = s
	if s.State != sources.Opening && s.State != sources.Running {
		in.opening.hasBegun()
	}
	if s.State == sources.Ended || s.State == sources.Failed || s.State == sources.Waiting {
		in.hasTurned()
	}
}

// inTrouble reports that the source has failed, for now or for good.
func (in *input) inTrouble() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.status.State == sources.Waiting || in.status.State == sources.Failed
}

// hasTurned wakes a tick that waits for the outcome of a seek.
func (in *input) hasTurned() {
	select {
	case in.turned <- struct{}{}:
	default:
	}
}

// Streams implements sources.Sink.
func (in *input) Streams(video, sound bool) { in.streams(video, sound) }

func (in *input) streams(video, sound bool) {
	if !in.video.Swap(video) && video {
		in.begins.Store(true)
	}
	in.audio.Store(sound)
	if !video {
		in.sync.Hold()
	}
	if !sound {
		in.strip.Hold()
	}
}

// Video implements sources.Sink.
func (in *input) Video(ctx context.Context, f *media.Frame) error {
	// A closed queue takes everything at once: the source has to hear that it is over.
	if err := ctx.Err(); err != nil {
		f.Release()
		return err
	}
	compositor.Prepare(f, in.color)
	in.arrived.Add(1)
	in.size.Store(sizeOf(f))
	in.opening.hasBegun()
	if in.kind.Pacing == sources.Live {
		in.timing.picture(in.clock.Now(), f.PTS)
		in.sync.PushLive(f)
		return nil
	}
	if err := in.sync.Push(ctx, f); err != nil {
		return err
	}
	return in.opening.rest(ctx)
}

// Audio implements sources.Sink.
func (in *input) Audio(ctx context.Context, b media.AudioBlock) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if in.kind.Pacing == sources.Live {
		in.timing.sound(in.clock.Now(), b.PTS, b.Duration())
	}
	in.sounded.Store(int64(b.PTS + b.Duration()))
	return in.strip.WriteWait(ctx, b)
}

// Hold implements sources.Sink.
func (in *input) Hold() {
	in.mu.Lock()
	in.still = in.status.State == sources.Running || in.kind.Pacing == sources.Still
	in.mu.Unlock()
	in.turn.Lock()
	defer in.turn.Unlock()
	in.sync.Hold()
	in.strip.Hold()
	in.hasTurned()
}

// Restart implements sources.Sink.
func (in *input) Restart() {
	in.turn.Lock()
	defer in.turn.Unlock()
	in.restart.Store(true)
	in.turns.Add(1)
	in.sync.Flush()
	in.strip.Flush()
	in.sounded.Store(0)
	in.timing.reset()
	in.copier.restart(in)
	in.hasTurned()
}

// CodedStreams implements sources.CodedTaker.
func (in *input) CodedStreams(tracks []media.Track, why string) {
	in.copier.describe(in, tracks, why)
	in.coded.Store(true)
}

// WantsCoded implements sources.CodedTaker.
func (in *input) WantsCoded() bool { return in.copier.wants() }

// Coded implements sources.CodedTaker.
func (in *input) Coded(p sources.CodedPacket) { in.copier.put(in, p) }

// Describe implements sources.Sink.
func (in *input) Describe(text string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.detail = text
}

// Remark implements sources.RemarkListener.
func (in *input) Remark(text string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.remark = text
}

// SoundChanged implements sources.SoundListener.
func (in *input) SoundChanged(text string) { in.changed.Store(&text) }

// DeviceLatency implements sources.LatencyListener.
func (in *input) DeviceLatency(d time.Duration) { in.device.Store(int64(d)) }

// Demand implements sources.Sink.
func (in *input) Demand() sources.Demand { return sources.Demand(in.demand.Load()) }
