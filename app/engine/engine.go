package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/compositor"
	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/cutlist"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// Options are what an engine is built from. Show, Clock, Thread and Log are required.
type Options struct {
	Show        *scenes.Show
	SourceKinds map[string]sources.Kind
	OutputKinds map[string]outputs.Kind
	Clock       media.Clock
	Thread      *gpu.Thread
	Log         *slog.Logger
	// BaseDir is what relative paths in the show are relative to; RecordDir is where
	// recordings without a path go.
	BaseDir, RecordDir string
	// StateDir is where the program keeps what it has to know after a crash; empty: nowhere.
	StateDir string
	// Secret looks a credential up by the name that destinations use; nil: there are none.
	Secret func(name string) (string, error)
	// UserAgent names the program to servers.
	UserAgent string
	// Commands are applied at their ticks, in order.
	Commands []Timed
	// CommandLog, if set, gets a line per applied command, in the form of a command list.
	CommandLog io.Writer
	// LoudnessLog, if set, gets every bus's loudness once a second, as CSV.
	LoudnessLog io.Writer
	// CutLists writes a journal beside what is recorded and, at its end, cut lists.
	CutLists bool
	// Tap, if set, sees every programme picture and block of sound before encoding,
	// on the tick goroutine; both are borrowed.
	Tap func(tick int64, f *media.Frame, samples []float32)
	// Monitor, if set, takes what the operator listens to; it must not block.
	Monitor func(samples []float32)
	// MonitorStats, if set, says how what Monitor takes is played; it must not block.
	MonitorStats func() audio.MonitorStats
	// Ticks ends Run after that many; 0 is no end.
	Ticks int64
	// Revision is what State.Revision begins at, for an engine that follows another
	// behind the same surfaces.
	Revision int64
}

// Engine is one running studio.
type Engine struct {
	opt       Options
	clock     media.Clock
	log       *slog.Logger
	color     media.ColorInfo
	fps       media.Rational
	frameTime time.Duration

	requests chan *request
	stopped  chan struct{}
	state    atomic.Pointer[State]
	asked    atomic.Bool // somebody has read state since it was built

	device   *compositor.Device
	comp     *compositor.Compositor
	desk     *desk
	loudness *loudnessLog // nil without one
	outs     *deliveries
	keeper   *keeper
	replay   *replayer
	session  *session       // of the tick goroutine: what is recorded now
	lately   []cutlist.Look // the same: what programme has shown last, at most keptLooks
	sessions []*session     // ended ones, whose cut lists may still be in the making
	views    *viewer
	warn     warnings

	// Of the tick goroutine.
	ctx       context.Context // of Run, for what commands start
	show      *scenes.Show
	inputs    map[string]*input
	copiers   map[string]*copier // by source
	order     []*input           // in the show's order
	gone      sync.WaitGroup
	gate      chan struct{} // of sources that open one after another
	retired   []*input      // off the mix with this tick, to be stopped after it
	slate     *media.Frame
	history   history
	switcher  Switcher
	next      Next
	marks     []outputs.Mark // set by command
	marked    string         // what was on programme when the last cut was marked
	landed    int64          // transitions whose keys have been switched
	looks     looks
	plan      compositor.Plan
	change    compositor.Change
	program   *media.Frame // what was shown last
	samples   []float32
	tick      int64
	markCount int
	pending   []Timed
	count     counting
	pressed   bool  // demand is reduced
	planned   int64 // the tick of plan

	stallLimit time.Duration // of inputs on the virtual clock

	openEncoder func(av.VideoEncoderOptions) (pictureEncoder, error)
	schedule    schedule
}

// turned reports that some layer of the show is rotated.
func turned(s *scenes.Show) bool {
	for i := range s.Scenes {
		if slices.ContainsFunc(s.Scenes[i].Layers, func(l scenes.Layer) bool { return l.Rotation != 0 }) {
			return true
		}
	}
	return false
}

type request struct {
	command Command
	done    chan error
}

// New makes a studio; nothing runs before Run. The error is about the show's
// canvas or the GPU.
func New(opt Options) (*Engine, error) {
	c := opt.Show.Canvas
	e := &Engine{
		opt: opt, clock: opt.Clock, log: opt.Log, color: c.Color.Info(), fps: c.FPS,
		frameTime: media.TickTime(1, c.FPS),
		requests:  make(chan *request, 64), stopped: make(chan struct{}),
		device: compositor.NewDevice(opt.Thread), desk: newDesk(),
		show: opt.Show, inputs: make(map[string]*input), pending: opt.Commands,
		switcher: NewSwitcher(opt.Show.Start.Program, opt.Show.Start.Preview), next: Next{Background: true}, stallLimit: stallLimit, openEncoder: openEncoder,
		gate: make(chan struct{}, openAtOnce()),
	}
	e.history.revision = opt.Revision
	var err error
	if e.comp, err = compositor.New(e.device, c.Width, c.Height, e.color, false); err != nil {
		return nil, err
	}
	e.plan.Width, e.plan.Height = c.Width, c.Height
	e.slate = newSlate(c.Width, c.Height, e.color)
	e.outs = newDeliveries(e)
	e.keeper = newKeeper(e)
	e.marked = e.switcher.Program
	e.replay = newReplayer(e)
	e.views = newViewer(e)
	if err := e.device.Warm(turned(opt.Show)); err != nil {
		return nil, err
	}
	e.publish()
	return e, nil
}

// State is the newest snapshot; it never blocks.
func (e *Engine) State() *State {
	e.asked.Store(true)
	return e.state.Load()
}

// Do applies c at the next tick and waits for that. The error is why it was refused,
// or ErrStopped.
func (e *Engine) Do(c Command) error {
	r := &request{c, make(chan error, 1)}
	select {
	case e.requests <- r:
	case <-e.stopped:
		return ErrStopped
	}
	select {
	case err := <-r.done:
		return err
	case <-e.stopped:
		return ErrStopped
	}
}

// Run is the studio: it starts the sources, ticks until ctx ends or Options.Ticks
// have passed, then stops every output properly and ends everything it
// started, within 5 s.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.ctx = ctx
	e.reconcile(nil)
	e.views.start(ctx)
	e.keeper.start()
	// What is asked for at tick 0 is open before studio time begins: a recording
	// started with the show has the show's first picture.
	e.outs.opening.Store(true)
	e.applyDue()
	e.outs.opening.Store(false)
	e.preroll(ctx)
	if c, ok := e.clock.(interface{ Zero() }); ok {
		c.Zero()
	}
	if e.opt.LoudnessLog != nil {
		e.loudness = startLoudnessLog(e.opt.LoudnessLog)
	}
	err := e.loop(ctx)
	close(e.stopped)
	for _, in := range e.order {
		in.cancel() // they end while the outputs do
	}
	e.outs.close()
	e.closeSessions() // whose journals the keeper notes
	e.keeper.close()
	e.publish() // how the outputs ended
	cancel()
	e.views.wait()
	for _, in := range e.order {
		in.stop()
	}
	e.stopRetired()
	e.gone.Wait()
	e.replay.close()
	e.desk.mixer.Close()
	e.program.Release()
	e.program = nil
	e.slate.Release()
	e.comp.Close()
	if e.loudness != nil {
		if lerr := e.loudness.close(); lerr != nil {
			e.log.Warn("the loudness log is not complete", "error", lerr)
		}
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return err
}

// prerollTime is the longest that the first tick waits for sources to begin.
const prerollTime = time.Second

// preroll gives the sources a moment to begin, so that a show does not begin with
// black. The virtual clock waits for them anyway.
func (e *Engine) preroll(ctx context.Context) {
	if e.clock.Virtual() {
		return
	}
	timeout := time.NewTimer(prerollTime)
	defer timeout.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !e.ready() {
		select {
		case <-look.C:
		case <-timeout.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// ready: every source that has a first picture to show at tick 0 can show it. A paced
// one is shown from the tick on at which its first sound is there as well.
func (e *Engine) ready() bool {
	for _, in := range e.order {
		if in.src == nil || !in.video.Load() || in.kind.Pacing == sources.Live || in.opening != nil && !in.opening.asked {
			continue
		}
		if picture, sound := in.begun(); !(picture && sound) && !in.inTrouble() {
			return false
		}
	}
	return true
}

// loop ticks. Tick n is due n/fps after the start of studio time.
func (e *Engine) loop(ctx context.Context) error {
	for ; e.opt.Ticks == 0 || e.tick < e.opt.Ticks; e.tick++ {
		due := media.TickTime(e.tick, e.fps)
		if err := e.clock.WaitUntil(ctx, due); err != nil {
			return nil // the orderly end
		}
		began := e.clock.Now()
		behind := time.Duration(0)
		if !e.clock.Virtual() {
			behind = began - due
		}
		late := behind > e.frameTime
		if err := e.doTick(ctx, behind); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		e.count.tick(e, began, late)
		if e.tick%demandEvery == 0 {
			e.keepTimes(time.Now())
			e.setDemand()
		}
		if e.asked.Load() || e.tick%int64(e.fps.Float()+0.5) == 0 {
			e.publish()
		}
	}
	return nil
}

// giveUp is how many frames the tick may be behind before it stops composing and
// shows the last picture again. A composition takes a few milliseconds of the frame's
// time, so a tick that was held up catches up without losing a picture.
const giveUp = 8

// catchUpWait is how long a tick that catches up waits for a source that was
// held up with it.
const catchUpWait = 10 * time.Millisecond

// doTick is one tick: commands, switcher, pictures, sound, delivery. behind is how
// late it begins.
func (e *Engine) doTick(ctx context.Context, behind time.Duration) error {
	e.applyDue()
	e.applyRequests()
	e.switcher.Step()
	e.landKeys()
	e.followCuts()
	e.followSession()
	t := media.TickTime(e.tick, e.fps) // tick time: what sources are brought to
	for _, in := range e.order {
		in.park(t, e.planned)
	}
	from := media.SampleAt(e.tick, e.fps, media.SampleRateHz)
	to := media.SampleAt(e.tick+1, e.fps, media.SampleRateHz)
	if e.clock.Virtual() {
		for _, in := range e.retired {
			if err := in.await(ctx, t, to); err != nil { // its last sound
				return err
			}
			in.cancel()
		}
		for _, in := range e.order {
			stalled := in.stalled
			if err := in.await(ctx, t, to); err != nil {
				return err
			}
			if in.stalled && !stalled {
				e.warn.set("stalled "+in.def.ID, fmt.Sprintf("%s delivered nothing for %v at frame %d: its last picture stands and its sound is left out from there. Everything else is complete; check the source and render again.", in.def.Name, in.limit, e.tick), e.tick)
			}
		}
	}
	if behind > e.frameTime/2 && behind <= giveUp*e.frameTime {
		e.catchUp(ctx, t)
	}
	for _, in := range e.order {
		in.take(t)
	}
	e.standIns(t)
	e.compose(behind > giveUp*e.frameTime)

	mixStart := time.Now()
	n := int(to-from) * media.Channels
	if cap(e.samples) < n {
		e.samples = make([]float32, n+2*media.Channels)
	}
	e.samples = e.samples[:n]
	e.desk.follow(e)
	e.outs.tapSounds()
	e.desk.mixer.MixTick(e.samples, from)
	e.stopRetired()
	e.logLoudness()
	e.count.mix += time.Since(mixStart)

	if e.opt.Tap != nil {
		e.opt.Tap(e.tick, e.program, e.samples)
	}
	if e.opt.Monitor != nil {
		e.opt.Monitor(e.desk.mixer.Monitor())
	}
	e.outs.deliver(e.tick, from, e.program, n, e.pictureAge())
	e.views.offer(e)
	return nil
}

// pictureAge is how long ago the oldest of the live pictures was taken that this tick shows
// first on programme or preview; negative where there is none.
func (e *Engine) pictureAge() time.Duration {
	age := time.Duration(-1)
	for _, in := range e.order {
		if in.Demand() == sources.DemandFull {
			age = max(age, in.age)
		}
	}
	return age
}

// catchUp gives paced sources a moment to hand over what is due: while the tick was
// held up their queues were full, and now several ticks follow at once.
func (e *Engine) catchUp(ctx context.Context, t time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, catchUpWait)
	defer cancel()
	for _, in := range e.order {
		if in.anchored && !in.parked && in.kind.Pacing == sources.Paced && in.src != nil && in.video.Load() {
			if in.sync.WaitFor(ctx, in.due(t)) != nil {
				return // what is not there by now is repeated and counted
			}
		}
	}
}

// demandEvery is how many ticks apart the sources are told how much is wanted of them.
const demandEvery = 15

// setDemand lets sources that are neither on air nor next leave out pictures that no
// other refers to, as long as ticks run late; otherwise every picture counts.
func (e *Engine) setDemand() {
	pressed := e.views.limit < maxViewFPS
	if !pressed && !e.pressed {
		return
	}
	e.pressed = pressed
	var wanted map[string]Tally
	if pressed {
		wanted = e.tally()
		for _, p := range e.looks.of(e.show, e.switcher.Program) {
			wanted[p.Source] = OnProgram // also at full black, from which it comes back
		}
	}
	for _, in := range e.order {
		d := sources.DemandFull
		if _, ok := wanted[in.def.ID]; pressed && !ok && !e.backsUp(in.def.ID, wanted) {
			d = sources.DemandReduced
		}
		in.demand.Store(uint32(d))
	}
}

// compose makes this tick's programme picture; one that is too far behind, or whose
// drawing fails, shows the last one again.
func (e *Engine) compose(skip bool) {
	if skip && e.program != nil {
		e.count.repeated++
		return
	}
	e.planProgram()
	f, st, err := e.comp.Compose(&e.plan)
	if err != nil {
		e.count.repeated++
		e.warn.set("compositor", fmt.Sprintf("The picture could not be drawn (%v); the last one stands, sound and destinations go on. If it stays, change the scene back.", err), e.tick)
		if e.program == nil {
			e.program = e.slate.Retain()
		}
		return
	}
	e.warn.clear("compositor")
	e.program.Release()
	e.program = f
	e.count.composed(st)
}

// applyDue applies the listed commands whose tick has come.
func (e *Engine) applyDue() {
	for len(e.pending) > 0 && e.pending[0].Tick <= e.tick {
		c := e.pending[0].Command
		e.pending = e.pending[1:]
		if err := e.apply(c); err != nil {
			e.warn.set("command "+nameOf(c), fmt.Sprintf("The command %q of the list at tick %d was refused: %v.", nameOf(c), e.tick, err), e.tick)
			e.log.Warn("command refused", "command", nameOf(c), "tick", e.tick, "reason", err)
		}
	}
}

func (e *Engine) applyRequests() {
	for {
		select {
		case r := <-e.requests:
			r.done <- e.apply(r.command)
		default:
			return
		}
	}
}

func (e *Engine) apply(c Command) error {
	before := e.show
	if err := c.apply(e); err != nil {
		return err
	}
	if e.show != before {
		e.history.record(c, before, e.tick, int64(e.fps.Float()+0.5))
	}
	e.asked.Store(true) // publish this tick
	for id := range e.soon() {
		if in := e.inputs[id]; in != nil {
			in.opening.want()
		}
	}
	if e.pressed {
		e.setDemand() // what comes on air now is wanted in full now
	}
	if e.opt.CommandLog != nil || e.session != nil {
		e.logCommand(c)
	}
	return nil
}

// reconcile makes the running inputs those of e.show; before is the show they are of.
func (e *Engine) reconcile(before *scenes.Show) {
	old := e.inputs
	e.inputs = make(map[string]*input, len(e.show.Sources))
	e.order = e.order[:0]
	next := e.soon()
	for _, def := range e.show.Sources {
		in := old[def.ID]
		var after <-chan struct{}
		if in != nil && (in.def.Kind != def.Kind || string(in.def.Settings) != string(def.Settings) || in.def.Name != def.Name && burnsName(def.Kind)) {
			e.retire(in)
			after = in.done
			in = nil
		}
		delete(old, def.ID)
		if in == nil {
			in = e.newInput(def)
			in.lastFresh = media.TickTime(e.tick, e.fps)
			if next[def.ID] {
				in.opening.want()
			}
			in.start(e.ctx, e.log, after)
			e.desk.mixer.Add(in.strip)
		} else {
			in.def = def
		}
		e.inputs[def.ID] = in
		e.order = append(e.order, in)
	}
	for _, in := range old {
		e.retire(in)
	}
	e.desk.reconcile(e)
	e.keepCopies()
	if before != nil {
		e.outs.reconcile(e.show)
	}
}

// soon are the sources of what is on programme and on preview, and of the overlays.
func (e *Engine) soon() map[string]bool {
	ids := []string{e.switcher.Program, e.switcher.Preview}
	for _, o := range e.show.Overlays {
		ids = append(ids, o.ID)
	}
	list := make(map[string]bool)
	for _, id := range ids {
		for _, p := range e.looks.of(e.show, id) {
			list[p.Source] = true
		}
	}
	return list
}

// burnsName: the kind draws the source's name into its picture.
func burnsName(kind string) bool { return kind == "synthetic" }

// retire takes an input off the mix; it is ended after this tick's sound, in which
// it fades out. Its source, which may hold a device, ends at once, or on the virtual
// clock when that sound is there.
func (e *Engine) retire(in *input) {
	e.desk.mixer.Remove(in.strip)
	if !e.clock.Virtual() {
		in.cancel()
	}
	e.retired = append(e.retired, in)
}

// stopRetired ends retired inputs without keeping the tick waiting.
func (e *Engine) stopRetired() {
	for _, in := range e.retired {
		e.gone.Add(1)
		go func() {
			defer e.gone.Done()
			in.stop()
			// The thread may be closed already, and the textures with it.
			_ = e.device.Forget(in.def.ID)
		}()
	}
	clear(e.retired)
	e.retired = e.retired[:0]
}

// newSlate is what a lost source shows: dark grey with diagonal stripes.
func newSlate(w, h int, color media.ColorInfo) *media.Frame {
	f := media.NewFramePool(media.I420, w, h, 1).Get()
	f.Fill(40, 128, 128)
	f.Color = color
	for y := range h {
		row := f.Planes[0].Data[y*f.Planes[0].Stride:]
		for x := range w {
			if (x+y)/32%2 == 0 {
				row[x] = 52
			}
		}
	}
	return f
}
