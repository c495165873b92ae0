package engine

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/compositor"
	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// How long a source may show nothing new before it is marked held and lost.
const (
	heldAfter = time.Second
	lostAfter = 5 * time.Second
)

// syncDepth is how many pictures a source may be ahead.
const syncDepth = 6

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
	inserts insertSet // of the tick goroutine
	slate   *media.Frame

	cancel context.CancelFunc
	done   chan struct{}

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

	// Of the tick goroutine.
	current   *media.Frame // what this tick shows; borrowed from sync, or the slate
	taken     *media.Frame // the reference behind current
	anchored  bool
	offset    time.Duration // studio time = PTS + offset
	lag       time.Duration // and how much later pictures are, so that sound can be early
	behind    time.Duration // how much later than its pictures the sound is, for want of room for more of them
	lastFresh time.Duration
	captured  *histogram // of the engine: from a live picture's time stamp to its tick
	waited    int
	repeated  int64
	lost      bool
	standIn   *input        // shown and heard in its place
	missed    bool          // it is to be stood in for
	unwellAt  time.Duration // when it was not well last

	crosspoint float64 // of the tick's sound, 0..1

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
	mode, depth := audio.Paced, syncDepth
	kind, ok := e.opt.SourceKinds[def.Kind]
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
		// The outcome has been told through onState already.
		_ = sources.Supervise(ctx, in.src, in, func(s sources.Status) {
			in.setStatus(s)
			switch s.State {
			case sources.Waiting, sources.Failed:
				log.Warn("source stopped", "source", id, "state", s.State.String(), "reason", s.Err, "retry", s.Retry)
			default:
				log.Debug("source", "source", id, "state", s.State.String())
			}
		})
	}()
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
	if in.kind.Pacing == sources.Live {
		in.timing.picture(in.clock.Now(), f.PTS)
		in.sync.PushLive(f)
		return nil
	}
	return in.sync.Push(ctx, f)
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

// stallLimit is how long, in real time, the virtual clock waits for a source.
const stallLimit = 30 * time.Second

// await blocks until what is due at tick time t is known; for the virtual clock. A
// source that delivers nothing for stallLimit is not waited for again: stalled is set.
func (in *input) await(ctx context.Context, t time.Duration, nextSample int64) error {
	if in.stalled || in.parked || in.kind.Pacing == sources.Live || in.src == nil {
		return nil
	}
	if in.patience == nil {
		in.patience, in.giveUp = context.WithCancel(ctx)
		in.alarm = time.AfterFunc(in.limit, in.giveUp)
	}
	in.alarm.Reset(in.limit)
	err := in.awaitDue(in.patience, t, nextSample)
	in.alarm.Stop()
	if err != nil && ctx.Err() == nil {
		in.stalled = true
		return nil
	}
	return err
}

func (in *input) awaitDue(ctx context.Context, t time.Duration, nextSample int64) error {
	if in.seeking {
		in.seeking = false
		if err := in.awaitTurn(ctx); err != nil {
			return err
		}
	}
	for {
		turns := in.turns.Load()
		in.anchor(t)
		if in.video.Load() && in.kind.HasVideo {
			if err := in.sync.WaitFor(ctx, in.due(t)); err != nil {
				return err
			}
		}
		if in.audio.Load() && in.kind.HasAudio {
			if err := in.strip.WaitFor(ctx, nextSample); err != nil {
				return err
			}
		}
		if in.turns.Load() == turns {
			return nil
		}
		// The timeline changed meanwhile: what was waited for is gone.
	}
}

// makeRoomEvery is how often a source that was asked to seek is given room again.
const makeRoomEvery = 5 * time.Millisecond

// awaitTurn waits for the outcome of a seek or a pause. What the source still hands
// over from before it is thrown away: it may have filled its queue again before it
// was asked, and would wait for room for ever.
func (in *input) awaitTurn(ctx context.Context) error {
	room := time.NewTicker(makeRoomEvery)
	defer room.Stop()
	for {
		select {
		case <-in.turned:
			return nil
		case <-room.C:
			in.turn.Lock()
			if len(in.turned) == 0 {
				in.sync.Flush()
				in.strip.Flush()
			}
			in.turn.Unlock()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// expectTurn makes the virtual clock wait for what a seek or a pause that was just
// asked for does; what happened before does not count.
func (in *input) expectTurn() {
	if !in.clock.Virtual() {
		return
	}
	select {
	case <-in.turned:
	default:
	}
	// A source that waits for room could not look at what was asked of it.
	in.sync.Flush()
	in.strip.Flush()
	in.seeking = true
}

// anchor puts a paced source's PTS 0 at studio time t.
func (in *input) anchor(t time.Duration) {
	in.turn.Lock()
	defer in.turn.Unlock()
	if in.restart.Swap(false) {
		in.anchored, in.sought = false, nil
	}
	if in.anchored {
		return
	}
	in.offset, in.anchored = t, true
	if in.clip != nil {
		in.from = in.clip.Timeline().From
	}
	// A paced strip: the only error is for live ones.
	_ = in.strip.SetOffset(t)
}

// due is the PTS of the picture that is due at tick time t.
func (in *input) due(t time.Duration) time.Duration {
	if in.kind.Pacing != sources.Live {
		if lag := in.strip.Unmet(); lag != in.lag {
			in.lag = lag
			// The demuxer has to get past these pictures to the sound.
			in.sync.SetCapacity(syncDepth + int((lag+in.frame-1)/in.frame))
		}
	}
	return t - in.offset - in.lag + in.frame/4
}

// park lets a source wait that is to do so while it is idle, from its first picture
// on, and makes it go on where it was when it has come on programme. planned is the
// tick of the newest plan.
func (in *input) park(t time.Duration, planned int64) {
	idle := in.def.WhenIdle == scenes.IdleWait && in.kind.Pacing == sources.Paced && in.video.Load() &&
		in.taken != nil && in.shownAt < planned && !in.restart.Load() && !in.seeking
	switch {
	case idle && !in.parked && in.anchored:
		in.parked, in.parkedAt = true, t
		in.strip.Park(true)
	case !idle && in.parked:
		in.parked = false
		if in.anchored {
			in.offset += t - in.parkedAt
			// A paced strip: the only error is for live ones.
			_ = in.strip.SetOffset(in.offset)
		}
		in.strip.Park(false)
	}
}

// take brings in.current to the picture that is due at tick time t.
func (in *input) take(t time.Duration) {
	if in.begins.Swap(false) {
		in.lastFresh = t
	}
	copied := in.copier.wants()
	if copied {
		in.copier.watch(in, t, in.Demand() == sources.DemandFull)
	}
	if in.parked {
		in.lastFresh = t
		in.choose(t)
		return
	}
	if in.kind.Pacing == sources.Live {
		in.follow(t)
	} else if !in.clock.Virtual() {
		in.prepareAnchor(t)
	}
	if !in.anchored || in.restart.Load() {
		in.choose(t) // what is queued belongs to a timeline that has no place yet
		return
	}
	due, timeline := in.due(t), int64(0)
	if copied {
		timeline = in.copier.timeline()
	}
	f, fresh := in.sync.Take(due)
	if copied && fresh && f != nil {
		in.copier.shown(timeline, f.PTS, media.UnitsIn(t, in.copier.fps.Inv()), in.offset, in.Demand() == sources.DemandFull)
		if !in.coded.Load() {
			in.copier.plain(in)
		}
	}
	in.taken.Release()
	in.taken = f
	if fresh {
		in.lastFresh = t
		if in.kind.Pacing == sources.Live && f != nil {
			in.captured.add(t - f.PTS - in.timing.fastest())
		}
	} else if f != nil && in.kind.Pacing != sources.Still {
		in.repeated++
	}
	in.choose(t)
}

// prepareAnchor anchors a paced source on the real clock once its first picture
// and, where it has sound, its first sound are there, so that both start together;
// a source whose other half is late is not waited for beyond ten ticks.
func (in *input) prepareAnchor(t time.Duration) {
	if in.anchored && !in.restart.Load() {
		return
	}
	picture, sound := in.begun()
	if !picture && !sound {
		return
	}
	if in.waited++; picture && sound || in.waited > 10 {
		in.waited = 0
		in.anchor(t)
	}
}

// begun tells whether the first picture and the first sound are there; what a source
// does not have is not missing.
func (in *input) begun() (picture, sound bool) {
	_, picture = in.sync.First()
	_, sound = in.strip.First()
	return picture || !in.video.Load(), sound || !in.audio.Load()
}

// follow applies a live source's measured timing. Pictures go with the sound where there
// is some: when it is heard is known exactly, and both then keep step whatever the jitter.
func (in *input) follow(t time.Duration) {
	offset, target, need, ok := in.timing.offset(in.frame)
	if !ok {
		return
	}
	if target > 0 {
		aim := in.strip.SetTarget
		if in.timing.hasCaughtUp() || !in.video.Load() {
			aim = in.strip.MoveTarget
		}
		// A live strip: the only error is for paced ones.
		_ = aim(target, need)
	}
	if d := in.timing.changedBy(); d > 0 {
		in.SoundChanged(fmt.Sprintf("It comes unevenly: %v more of it are queued, so much later it is in the mix.", d.Round(time.Millisecond)))
	} else if d < 0 {
		in.SoundChanged(fmt.Sprintf("It comes evenly again: %v less of it are queued, so much earlier it is in the mix.", -d.Round(time.Millisecond)))
	}
	in.behind = 0
	if heard, ok := in.strip.Presented(t); ok && in.video.Load() && in.audio.Load() {
		offset = heard
		depth := liveDepth
		if wait, ok := in.timing.pictureWait(offset); ok {
			depth = min(max(int(wait/in.frame)+5, liveDepth), maxLiveDepth)
			// Pictures cannot wait longer than there is room for them.
			in.behind = max(wait-time.Duration(depth-4)*in.frame, 0)
			offset -= in.behind
		}
		in.sync.SetCapacity(depth)
	}
	in.offset, in.anchored = offset, true
	in.restart.Store(false)
}

// choose decides between the picture and the slate.
func (in *input) choose(t time.Duration) {
	in.current = in.taken
	in.lost = false
	if in.kind.Pacing == sources.Still || !in.video.Load() || in.src == nil {
		return
	}
	if t-in.lastFresh < lostAfter {
		return
	}
	in.mu.Lock()
	still := in.still || in.status.State == sources.Ended
	in.mu.Unlock()
	if still {
		return
	}
	in.lost = true
	in.current = in.slate
}

// state is the input as surfaces show it.
func (in *input) state(t time.Duration) SourceState {
	in.mu.Lock()
	status, detail, remark, still := in.status, in.detail, in.remark, in.still
	in.mu.Unlock()
	dropped, skipped := in.sync.Counts()
	st := in.strip.Stats()
	s := SourceState{
		ID: in.def.ID, Name: in.def.Name, Kind: in.def.Kind, Detail: detail, Remark: remark,
		HasVideo: in.kind.HasVideo && in.video.Load(), HasAudio: in.kind.HasAudio && in.audio.Load(), Strip: in.def.Audio,
		Recordable: in.src != nil && in.kind.Pacing != sources.Still,
		Meter:      meterState(in.strip.Meter()),
		Frames:     in.arrived.Load(), Dropped: dropped, Skipped: skipped, Repeated: in.repeated,
		Underruns: st.MissedFrames, QueueMS: float64(st.Queued) / 1e6, DelayMS: float64(st.Delay) / 1e6, DriftPPM: st.PPM, Restarts: max(in.restarts.Load()-1, 0),
		Clip: in.clipState(t),
	}
	if s.HasAudio && status.State == sources.Running {
		if text := in.changed.Swap(nil); text != nil {
			in.trouble.Tell(t, *text)
		}
		if s.BehindMS = float64(in.behind) / 1e6; in.behind > tellBehind {
			in.trouble.Tell(t, fmt.Sprintf("It is %v behind its pictures, of which no more than %d can wait for it.", in.behind.Round(time.Millisecond), maxLiveDepth))
		}
		s.SoundProblem = in.trouble.Look(st, t)
	} else {
		in.trouble = audio.Troubles{} // what is told is that it does not run
	}
	switch status.State {
	case sources.Waiting:
		s.Status = SourceWaiting
	case sources.Failed:
		s.Status = SourceFailed
	case sources.Ended:
		s.Status = SourceEnded
	case sources.Running:
		s.Status = SourceRunning
		if s.HasVideo && !still && in.kind.Pacing != sources.Still && t-in.lastFresh > heldAfter {
			s.Status = SourceHeld
		}
	default:
		s.Status = SourceOpening
	}
	if in.standIn != nil {
		s.StandIn = in.standIn.def.ID
	}
	if in.lost && status.State != sources.Failed {
		s.Status = SourceLost
	}
	if status.Err != nil && status.State != sources.Running {
		s.Problem = status.Err.Error()
	}
	return s
}
