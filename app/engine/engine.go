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
	// Secret looks a credential up by the name that destinations use, to be told to the first
	// of these, and by the show to the others too; none: it encrypts. nil: there are no credentials.
	Secret func(name string, to []outputs.Recipient) (string, error)
	// UserAgent names the program to servers.
	UserAgent string
	// Switcher is how the switcher stands at tick 0; nil: at rest, with the show's start.
	Switcher *SwitcherState
	// Commands are applied at their ticks, in order.
	Commands []Timed
	// CommandLog, if set, gets a line per applied command, in the form of a command list.
	CommandLog io.Writer
	// LoudnessLog, if set, gets every bus's loudness once a second, as CSV.
	LoudnessLog io.Writer
	// ProgramsByHand: a program that a destination names runs by the clock only when it has
	// been started by a command before. The show may be somebody else's.
	ProgramsByHand bool
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
	closing  []*session     // of stopped recordings, which are still being written
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
	running   scenes.Transition // what the transition under way, or the last one, began with
	marks     []outputs.Mark    // set by command
	marked    string            // what was on programme when the last cut was marked
	landed    int64             // transitions whose keys have been switched
	looks     looks
	plan      compositor.Plan
	change    compositor.Change
	program   *media.Frame // what was shown last
	fault     string       // why the last picture could not be drawn; "" when it was
	samples   []float32
	tick      int64
	markCount int
	pending   []Timed
	refused   int64 // commands of the list that were refused
	count     counting
	pressure  pressure
	planned   int64 // the tick of plan

	stallLimit time.Duration // of inputs on the virtual clock

	openEncoder func(av.VideoEncoderOptions) (pictureEncoder, error)
	schedule    schedule
	ran         map[string]bool // commands of programs that destinations have been started with
	standstill  standstill
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
		show: opt.Show, inputs: make(map[string]*input), ran: make(map[string]bool), pending: opt.Commands,
		switcher: NewSwitcher(opt.Show.Start.Program, opt.Show.Start.Preview), next: Next{Background: true}, running: opt.Show.Transition, stallLimit: stallLimit, openEncoder: openEncoder,
		gate: make(chan struct{}, openAtOnce()), pressure: newPressure(),
	}
	if s := opt.Switcher; s != nil {
		e.switcher, e.next = s.Switcher, s.Next
		if s.Transition != nil {
			e.running = *s.Transition
		}
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
// started, within 5 s, or a minute where the disk of a recording is slow. What waits for a
// disk that does not answer is left behind after a while more (listsAtEnd, keeperAtEnd,
// replaysAtEnd, loudnessWait).
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.ctx = ctx
	e.reconcile(nil)
	e.views.start(ctx)
	e.keeper.start()
	// What is asked for at tick 0 is open before studio time begins: a recording
	// started with the show has the show's first picture.
	e.outs.openBy = time.Now().Add(prerollTime)
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
	err := e.run(ctx)
	close(e.stopped)
	for _, in := range e.order {
		in.cancel() // they end while the outputs do
	}
	e.outs.close()
	e.keeper.close(e.closeSessions()) // whose journals it notes
	e.publish()                       // how the outputs ended
	cancel()
	e.views.wait()
	for _, in := range e.order {
		in.stop()
	}
	e.stopRetired()
	e.gone.Wait()
	if lost := e.replay.close(); lost > 0 {
		e.log.Error("replays could not be saved", "number", lost)
	}
	e.desk.mixer.Close()
	e.program.Release()
	e.program = nil
	e.slate.Release()
	e.comp.Close()
	if e.loudness != nil {
		wait := loudnessWait
		if e.clock.Virtual() {
			wait = 0 // nobody waits for the show's end but who wants all of the log
		}
		if lerr := e.loudness.close(wait); lerr != nil {
			e.log.Warn("the loudness log is not complete", "error", lerr)
		}
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return err
}

// applyDue applies the listed commands whose tick has come.
func (e *Engine) applyDue() {
	for len(e.pending) > 0 && e.pending[0].Tick <= e.tick {
		c := e.pending[0].Command
		e.pending = e.pending[1:]
		if err := e.apply(c); err != nil {
			e.refused++
			e.warn.set("command "+nameOf(c), fmt.Sprintf("The command %q of the list at tick %d was refused: %v. It changed nothing, and the rest of the list goes on.", nameOf(c), e.tick, err), e.tick)
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
		e.history.record(c, before, e.show, e.tick, int64(e.fps.Float()+0.5))
	}
	e.asked.Store(true) // publish this tick
	for id := range e.soon() {
		if in := e.inputs[id]; in != nil {
			in.opening.want()
		}
	}
	if e.pressure.reduced {
		e.setDemand() // what comes on air now is wanted in full now
	}
	if e.opt.CommandLog != nil || e.session != nil {
		e.logCommand(c)
	}
	return nil
}
