package engine

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"crosspoint.studio/crosspoint/compositor"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// ViewBus says what a view looks at.
type ViewBus uint8

// View buses.
const (
	ViewProgram ViewBus = iota + 1
	ViewPreview         // what is next, under the keys that come with it; of keys alone, the programme after them
	ViewSource          // the source or scene named by ID
)

// ViewSpec describes a live picture for a window. The picture is fitted into
// Width x Height (rounded down to even) whole, with black bars where its shape differs.
type ViewSpec struct {
	Program       string // "" is the only one
	Bus           ViewBus
	ID            string // for ViewSource
	Width, Height int
	// FPS is the most anybody needs; the engine gives less under pressure.
	FPS float64
}

// View is a picture that somebody looks at. Nothing is drawn for it once closed, or
// while hidden.
type View struct {
	spec   ViewSpec
	latest *media.Latest
	hidden atomic.Bool
	closed atomic.Bool

	due int64 // tick; of the tick goroutine

	// Of the painting goroutine.
	comp   *compositor.Compositor // made when first needed
	reduce *av.Scaler             // to the view's size, in Y'CbCr
	toRGB  *av.Scaler             // of that size: one way that swscale has vectors for
	small  *media.FramePool
	pool   *media.FramePool
}

// Latest is the newest picture since the last call, RGBA with opaque alpha, which
// the caller releases; nil when there is none. It never blocks.
func (v *View) Latest() *media.Frame { return v.latest.TryGet() }

// SetHidden stops and resumes drawing for this view.
func (v *View) SetHidden(hidden bool) { v.hidden.Store(hidden) }

// Close ends the view. It does not wait.
func (v *View) Close() {
	v.closed.Store(true)
	v.latest.Close()
}

// leastView is the smallest width and height of a view.
const leastView = 16

// OpenView starts a view. Sizes below 16 are taken as 16.
func (e *Engine) OpenView(spec ViewSpec) *View {
	spec.Width, spec.Height = max(spec.Width&^1, leastView), max(spec.Height&^1, leastView)
	v := &View{spec: spec, latest: media.NewLatest(), pool: media.NewFramePool(media.RGBA, spec.Width, spec.Height, 3), reduce: av.NewScaler(av.Area), toRGB: av.NewScaler(av.Fast)}
	e.views.add(v)
	return v
}

// viewer paints views on a goroutine of its own, from what a tick offers. A tick
// never waits for it: while it paints, ticks offer nothing.
type viewer struct {
	e    *Engine
	jobs chan []paint
	done chan struct{}
	busy atomic.Bool

	mu   sync.Mutex
	open []*View // guarded by mu
}

// paint is one view's picture to make. Frames in plan are retained for it.
type paint struct {
	view *View
	plan compositor.Plan
	last bool // the view is closed, and freed: there is nothing to make
}

func newViewer(e *Engine) *viewer {
	return &viewer{e: e, jobs: make(chan []paint, 1), done: make(chan struct{})}
}

func (w *viewer) add(v *View) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, v)
}

// any reports whether there are views that are painted.
func (w *viewer) any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.open, func(v *View) bool { return !v.hidden.Load() && !v.closed.Load() })
}

func (w *viewer) start(ctx context.Context) {
	go func() {
		defer close(w.done)
		for {
			select {
			case jobs := <-w.jobs:
				for _, j := range jobs {
					w.paint(j)
				}
				w.busy.Store(false)
			case <-ctx.Done():
				w.stop()
				return
			}
		}
	}()
}

// wait is for the end of the painting; what was offered after it is given back.
func (w *viewer) wait() {
	<-w.done
	w.discard()
}

func (w *viewer) discard() {
	select {
	case jobs := <-w.jobs:
		for _, j := range jobs {
			j.release()
		}
	default:
	}
}

func (w *viewer) stop() {
	w.discard()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range w.open {
		v.Close()
		v.free()
	}
	w.open = nil
}

// offer gives the painting goroutine what is due. Of the tick goroutine.
func (w *viewer) offer(e *Engine) {
	if w.busy.Load() {
		return
	}
	w.mu.Lock()
	var jobs []paint
	w.open = slices.DeleteFunc(w.open, func(v *View) bool {
		if v.closed.Load() {
			jobs = append(jobs, paint{view: v, last: true})
			return true
		}
		return false
	})
	rate := e.fps.Float()
	for _, v := range w.open {
		if v.hidden.Load() || e.tick < v.due {
			continue
		}
		fps := min(v.spec.FPS, e.pressure.limit)
		if fps <= 0 {
			fps = e.pressure.limit
		}
		v.due = e.tick + max(int64(rate/fps+0.5), 1)
		jobs = append(jobs, paint{view: v, plan: e.viewPlan(v)})
	}
	w.mu.Unlock()
	if len(jobs) == 0 {
		return
	}
	w.busy.Store(true)
	w.jobs <- jobs // empty: it was not busy
}

// viewPlan is what a view shows now, at the canvas's size, with its frames retained.
func (e *Engine) viewPlan(v *View) compositor.Plan {
	p := compositor.Plan{Width: e.plan.Width, Height: e.plan.Height}
	switch v.spec.Bus {
	case ViewProgram:
		p.Base = []compositor.Layer{{Slot: "programme", Frame: e.program, Opacity: 1,
			Place: compositor.Box{W: float64(p.Width), H: float64(p.Height)}}}
	case ViewPreview:
		p.Base = e.appendLayers(nil, e.nextBase())
		for i := range e.show.Overlays {
			if o := &e.show.Overlays[i]; e.nextKey(o) {
				p.Base = e.dropSlates(e.appendLayers(p.Base, o.ID), len(p.Base))
			}
		}
	default:
		p.Base = e.appendLayers(nil, v.spec.ID)
	}
	for _, l := range p.Base {
		l.Frame.Retain()
	}
	return p
}

// release is the end of j, painted or not.
func (j *paint) release() {
	if j.last {
		j.view.free()
	}
	for _, l := range j.plan.Base {
		l.Frame.Release()
	}
}

// paint makes one view's picture.
func (w *viewer) paint(j paint) {
	defer j.release()
	v := j.view
	if v.closed.Load() {
		return
	}
	out := v.pool.Get()
	if err := v.draw(w.e, &j.plan, out); err != nil {
		out.Release()
		w.e.log.Debug("view not painted", "error", err, "stack", stackOf(err))
		return
	}
	v.latest.Put(out)
}

// draw fits the plan's picture into out. One camera is scaled on the CPU straight
// to RGBA, which keeps the GPU thread free; anything composed is drawn small.
func (v *View) draw(e *Engine, p *compositor.Plan, out *media.Frame) error {
	// The picture keeps the canvas's shape.
	w, h := v.spec.Width, v.spec.Height
	if w*p.Height > h*p.Width {
		w = max(h*p.Width/p.Height&^1, 2)
	} else {
		h = max(w*p.Height/p.Width&^1, 2)
	}
	x, y := (v.spec.Width-w)/2&^1, (v.spec.Height-h)/2&^1
	pix := out.Planes[0]
	if w != v.spec.Width || h != v.spec.Height {
		for i := 0; i+3 < len(pix.Data); i += 4 {
			pix.Data[i], pix.Data[i+1], pix.Data[i+2], pix.Data[i+3] = 0, 0, 0, 255
		}
	}
	inner := media.NewFrame(media.RGBA, w, h, [3]media.Plane{{Data: pix.Data[y*pix.Stride+4*x:], Stride: pix.Stride}}, nil)
	defer inner.Release()
	whole := compositor.Box{W: float64(p.Width), H: float64(p.Height)}
	if len(p.Base) == 1 && p.Base[0].Frame.Format != media.RGBA && p.Base[0].Place == whole && p.Base[0].Opacity >= 1 && p.Base[0].Rotation == 0 && uncropped(&p.Base[0]) {
		return v.scale(inner, p.Base[0].Frame)
	}
	if v.comp == nil {
		var err error
		if v.comp, err = compositor.New(e.device, w, h, e.color, true); err != nil {
			return err
		}
	}
	small := compositor.Plan{Width: w, Height: h}
	sx, sy := float64(w)/float64(p.Width), float64(h)/float64(p.Height)
	for _, l := range p.Base {
		scaleBox(&l.Place, sx, sy)
		scaleBox(&l.Clip, sx, sy)
		small.Base = append(small.Base, l)
	}
	f, _, err := v.comp.Compose(&small)
	if err != nil {
		return err
	}
	defer f.Release()
	return v.toRGB.Scale(inner, f)
}

// scale brings a camera's picture into an RGBA one. In one step swscale would convert
// in plain C, which takes twice as long.
func (v *View) scale(dst, f *media.Frame) error {
	if v.small == nil {
		v.small = media.NewFramePool(media.I420, dst.Width, dst.Height, 1)
	}
	small := v.small.Get()
	defer small.Release()
	small.Color = f.Color
	if err := v.reduce.Scale(small, f); err != nil {
		return err
	}
	return v.toRGB.Scale(dst, small)
}

func uncropped(l *compositor.Layer) bool {
	return l.Crop == compositor.Box{} || l.Crop == compositor.Box{W: float64(l.Frame.Width), H: float64(l.Frame.Height)}
}

func scaleBox(b *compositor.Box, sx, sy float64) {
	b.X, b.W = b.X*sx, b.W*sx
	b.Y, b.H = b.Y*sy, b.H*sy
}

// free gives back what the painting needed, which may wait for the GPU thread. Of the painting
// goroutine, the last that it does for this view.
func (v *View) free() {
	if v.comp != nil {
		v.comp.Close()
		v.comp = nil
	}
	v.reduce.Close()
	v.toRGB.Close()
}
