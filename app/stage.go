package app

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// revisionGap is by how much a following show's revisions begin after those of the one
// before, which may still be edited while the next is got ready.
const revisionGap = 1 << 16

// stage is the engine behind the window. An engine keeps its canvas and its folder for
// life, so another show is another engine; the window sees one studio whose state
// changes, and its views go on with the next show.
type stage struct {
	c       *console
	kinds   map[string]outputs.Kind
	first   runOptions // of the flags; the first show alone obeys them
	monitor string     // of the flags: the device on which every show is listened to
	request chan playRequest
	stopped chan struct{} // closed when Run has ended everything

	now atomic.Pointer[engine.Engine] // the newest; nil before the first show

	mu    sync.Mutex
	views map[*stageView]struct{} // guarded by mu; open ones
}

type playRequest struct {
	show *scenes.Show
	dir  string
	done chan playing
}

// playing is what became of a playRequest.
type playing struct {
	added []string // ids of recordings of the command line
	err   error
}

// newStage is a stage without a show; outputs are opened through kinds.
func newStage(c *console, kinds map[string]outputs.Kind, first runOptions) *stage {
	return &stage{
		c: c, kinds: kinds, first: first, monitor: first.monitor,
		request: make(chan playRequest), stopped: make(chan struct{}), views: map[*stageView]struct{}{},
	}
}

// State implements ui.Studio and document.Stage.
func (s *stage) State() *engine.State {
	if e := s.now.Load(); e != nil {
		return e.State()
	}
	return nil
}

// Do implements ui.Studio.
func (s *stage) Do(c engine.Command) error {
	if e := s.now.Load(); e != nil {
		return e.Do(c)
	}
	return engine.ErrStopped
}

// OpenView implements ui.Studio.
func (s *stage) OpenView(spec engine.ViewSpec) *stageView {
	v := &stageView{stage: s, spec: spec}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.views[v] = struct{}{}
	if e := s.now.Load(); e != nil {
		v.at.Store(e.OpenView(spec))
	}
	return v
}

// Play implements document.Stage. It may not be called before Run.
func (s *stage) Play(show *scenes.Show, dir string) (added []string, err error) {
	r := playRequest{show, dir, make(chan playing, 1)}
	select {
	case s.request <- r:
		p := <-r.done
		return p.added, p.err
	case <-s.stopped:
		return nil, engine.ErrStopped
	}
}

// Run plays what Play asks for until ctx ends, or a show ends by itself; then everything
// has stopped properly. The error is the running engine's.
func (s *stage) Run(ctx context.Context) error {
	defer close(s.stopped)
	var now *performance
	for {
		select {
		case <-ctx.Done():
			return now.end()
		case <-now.over():
			return now.end()
		case r := <-s.request:
			next, added, err := s.prepare(r)
			if err == nil {
				if err := now.end(); err != nil {
					s.c.log.Error("the show before ended with an error", "error", err)
				}
				s.change(next.engine)
				next.begin(ctx)
				now = next
			}
			r.done <- playing{added, err}
		}
	}
}

// prepare builds an engine for a show while the one before still runs; added are the ids of
// the recordings that the flags add to the show.
func (s *stage) prepare(r playRequest) (p *performance, added []string, err error) {
	opt, release, err := s.first.options(r.show)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range opt.Show.Recordings {
		if _, had := r.show.Recording(v.ID); !had {
			added = append(added, v.ID)
		}
	}
	monitor := newMonitor(s.c, opt.Clock, s.monitor)
	opt.Monitor, opt.MonitorStats, opt.OutputKinds = monitor.Write, monitor.Stats, s.kinds
	if before := s.State(); before != nil {
		opt.Revision = before.Revision + revisionGap
	}
	e, closeGPU, err := newEngine(s.c, r.dir, opt)
	if err != nil {
		release()
		return nil, nil, err
	}
	s.first = runOptions{}
	return &performance{engine: e, monitor: monitor, log: s.c, closers: []func(){closeGPU, release}}, added, nil
}

// change makes e the newest engine and moves the open views to it.
func (s *stage) change(e *engine.Engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Store(e)
	for v := range s.views {
		next := e.OpenView(v.spec)
		next.SetHidden(v.hidden.Load())
		if before := v.at.Swap(next); before != nil {
			before.Close()
		}
	}
}

// performance is one engine and what runs with it.
type performance struct {
	engine  *engine.Engine
	monitor *audio.Monitor
	log     *console
	closers []func()

	cancel  context.CancelFunc
	ended   chan struct{} // closed when the engine has ended
	err     error         // its error, after ended
	running sync.WaitGroup
}

// begin starts the engine and the monitor.
func (p *performance) begin(ctx context.Context) {
	ctx, p.cancel = context.WithCancel(ctx)
	p.ended = make(chan struct{})
	p.running.Go(func() {
		defer close(p.ended)
		p.err = p.engine.Run(ctx)
	})
	p.running.Go(func() {
		// Without a sound device there is nothing to listen on; the show does not care.
		if err := p.monitor.Run(ctx); err != nil && ctx.Err() == nil {
			p.log.log.Info("no monitoring", "reason", err)
		}
	})
}

// over is closed when the engine has ended by itself; of no performance, never.
func (p *performance) over() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.ended
}

// end stops the engine, every output properly, as soon as Engine.Run says.
func (p *performance) end() error {
	if p == nil {
		return nil
	}
	p.cancel()
	p.running.Wait()
	for _, f := range p.closers {
		f()
	}
	if errors.Is(p.err, context.Canceled) {
		return nil
	}
	return p.err
}

// stageView is a view that follows the stage from show to show.
type stageView struct {
	stage  *stage
	spec   engine.ViewSpec
	hidden atomic.Bool
	at     atomic.Pointer[engine.View] // nil before the first show
}

// Latest implements ui.Picture.
func (v *stageView) Latest() *media.Frame {
	if at := v.at.Load(); at != nil {
		return at.Latest()
	}
	return nil
}

// SetHidden implements ui.Picture.
func (v *stageView) SetHidden(hidden bool) {
	v.stage.mu.Lock() // not between a change's look at hidden and its new view
	defer v.stage.mu.Unlock()
	v.hidden.Store(hidden)
	if at := v.at.Load(); at != nil {
		at.SetHidden(hidden)
	}
}

// Close implements ui.Picture.
func (v *stageView) Close() {
	v.stage.mu.Lock()
	defer v.stage.mu.Unlock()
	delete(v.stage.views, v)
	if at := v.at.Swap(nil); at != nil {
		at.Close()
	}
}
