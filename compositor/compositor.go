package compositor

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
)

// Stats says what the last composition cost.
type Stats struct {
	Path   Path
	Pixels int           // luma pixels drawn and read back
	Draw   time.Duration // of the whole composition, waiting for the thread included
	// LeftOut is the slot of a layer that is not in the picture because the GPU takes no picture of that
	// size; "" if all are.
	LeftOut string
}

// Compositor draws plans of one canvas size.
type Compositor struct {
	device *Device
	w, h   int
	color  media.ColorInfo
	view   bool
	pool   *media.FramePool
	black  *media.Frame

	work, side Work // reused between calls
	shaded     []Layer
	// drawPlan and work onto drawOut is what drawJob, made once, does on the GPU thread.
	drawPlan *Plan
	drawOut  *media.Frame
	drawJob  func(*gpu.Context) error
	leftOut  string // by drawJob; as in Stats
	// processor is set where OpenGL is a CPU rasteriser.
	processor *processor
	rest      Plan // what process leaves to shaders

	// Targets live on the GPU thread; made when first needed.
	main, from, to *canvas

	last         *media.Frame // the picture of lastKey, to show again when nothing changed
	lastKey, now []key
}

// key is what decides the looks of one layer; a plan's keys decide its picture.
type key struct {
	frame    uint64
	crop     Box
	place    Box
	clip     Box
	rotation float64
	opacity  float64
}

// New makes a compositor for a canvas of w x h luma pixels, both even and at
// least 2. A view gives way to programme work on the GPU thread.
func New(device *Device, w, h int, color media.ColorInfo, view bool) (*Compositor, error) {
	if w < 2 || h < 2 || w%2 != 0 || h%2 != 0 {
		return nil, fmt.Errorf("compositor: a canvas of %dx%d is not possible: both sizes have to be even", w, h)
	}
	c := &Compositor{device: device, w: w, h: h, color: color, view: view, pool: media.NewFramePoolIn(av.FrameMemory{}, media.I420, w, h, 8)}
	c.drawJob = func(ctx *gpu.Context) error { return c.draw(ctx, c.drawPlan, c.drawOut) }
	if device.software {
		c.processor = newProcessor()
	}
	c.black = c.pool.Get()
	c.black.Fill(16, 128, 128)
	c.black.Color = color
	return c, nil
}

// Compose shows the plan. The frame returned is the caller's; for a passthrough it
// is the camera's own frame, retained; when nothing has changed since the last call it
// is the last picture again. It waits for the GPU thread and for the drawing.
// On an error no picture was made and the next call starts afresh; a panic in drawing is one, a
// *supervise.PanicError with the stack.
func (c *Compositor) Compose(p *Plan) (*media.Frame, Stats, error) {
	start := time.Now()
	if p.Width != c.w || p.Height != c.h {
		return nil, Stats{}, fmt.Errorf("compositor: plan for %dx%d on a canvas of %dx%d", p.Width, p.Height, c.w, c.h)
	}
	for _, layers := range [3][]Layer{p.Base, p.To, p.Over} {
		for i := range layers {
			if f := layers[i].Frame; f != nil {
				Prepare(f, c.color) // done long ago by the source, unless a caller forgot
			}
		}
	}
	c.work = Analyse(p, c.work)
	st := Stats{Path: c.work.Path}
	switch st.Path {
	case BlackOnly:
		c.forget()
		return c.black.Retain(), st, nil
	case Passthrough:
		c.forget()
		return c.work.Base.Retain(), st, nil
	}
	cacheable := p.Change == nil && p.Black == 0
	if cacheable {
		c.now = c.appendKeys(c.now[:0])
		if c.last != nil && slices.Equal(c.now, c.lastKey) {
			return c.last.Retain(), st, nil
		}
	}
	st.Pixels = area(c.work.Regions)
	out := c.pool.Get()
	out.Color = c.color
	c.leftOut = ""
	var err error
	if c.processor != nil {
		err = c.process(p, out)
	} else {
		if st.Path == Rectangles {
			media.CopyPlanes(out, c.work.Base)
		}
		err = c.shade(p, out)
	}
	c.forget()
	if err != nil {
		out.Release()
		return nil, st, err
	}
	st.Draw, st.LeftOut = time.Since(start), c.leftOut
	if cacheable && c.leftOut == "" { // else it is tried again
		c.last = out.Retain()
		c.lastKey, c.now = c.now, c.lastKey
	}
	return out, st, nil
}

func (c *Compositor) forget() {
	c.last.Release()
	c.last = nil
}

func (c *Compositor) appendKeys(keys []key) []key {
	if c.work.Base != nil {
		keys = append(keys, key{frame: c.work.Base.ID()})
	}
	for i := range c.work.Layers {
		l := &c.work.Layers[i]
		keys = append(keys, key{l.Frame.ID(), l.Crop, l.Place, l.Clip, l.Rotation, l.Opacity})
	}
	return keys
}

// shade draws p and c.work onto out on the GPU thread.
func (c *Compositor) shade(p *Plan, out *media.Frame) error {
	c.drawPlan, c.drawOut = p, out
	do := c.device.thread.Do
	if c.view {
		do = c.device.thread.DoLater
	}
	err := do(c.drawJob)
	c.drawPlan, c.drawOut = nil, nil
	return err
}

// process draws p and c.work onto out on this goroutine, and has shaded what it cannot.
// As on the GPU thread, a fault in drawing costs a picture, not the show.
func (c *Compositor) process(p *Plan, out *media.Frame) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("compositor: %w", &supervise.PanicError{Value: r, Stack: debug.Stack()})
		}
	}()
	k := c.processor
	c.rest = *p
	c.rest.Black = 0
	shaded := c.shaded[:0]
	if p.Change != nil && !c.processChange(p, out) {
		// Everything else lies over it.
		shaded = append(shaded, c.work.Layers...)
	} else {
		if c.rest.Change = nil; p.Change == nil {
			k.ground(out, &c.work)
		}
		c.work.Regions = c.work.Regions[:0]
		for i := range c.work.Layers {
			l := &c.work.Layers[i]
			r := cover(p, l)
			if canDraw(l) && !touches(c.work.Regions, r) {
				k.layer(out, l, r)
				continue
			}
			shaded = append(shaded, *l)
			c.work.Regions = addRegion(c.work.Regions, r)
		}
		c.work.Base = out
	}
	c.shaded = shaded
	if len(c.work.Regions) > 0 {
		c.work.Layers, c.shaded = c.shaded, c.work.Layers
		if err := c.shade(&c.rest, out); err != nil {
			return err
		}
	}
	if p.Black > 0 {
		k.dip(out, out, [3]uint8{16, 128, 128}, p.Black)
	}
	return nil
}

// processChange draws a transition onto out if the processor has it and both its sides
// are straight.
func (c *Compositor) processChange(p *Plan, out *media.Frame) bool {
	ch, k := p.Change, c.processor
	if ch.Kind != "mix" && ch.Kind != "dip" && ch.Kind != "wipe" {
		return false
	}
	var sides [2]*media.Frame
	defer func() {
		sides[0].Release()
		sides[1].Release()
	}()
	for i, layers := range [2][]Layer{p.Base, p.To} {
		if ch.Kind == "dip" && (i == 0) != (ch.Progress < 0.5) {
			continue // not seen in this half
		}
		if sides[i] = c.processSide(p, layers); sides[i] == nil {
			return false
		}
	}
	switch {
	case ch.Kind == "mix":
		k.mix(out, sides[0], sides[1], ch.Progress)
	case ch.Kind == "wipe":
		return k.wipe(out, sides[0], sides[1], ch)
	case sides[0] != nil: // into the colour
		k.dip(out, sides[0], ch.Color, 2*ch.Progress)
	default: // and out of it
		k.dip(out, sides[1], ch.Color, 2-2*ch.Progress)
	}
	return true
}

// processSide is one side of a transition, which the caller releases; nil if something
// in it has to be shaded.
func (c *Compositor) processSide(p *Plan, layers []Layer) *media.Frame {
	side := Plan{Width: p.Width, Height: p.Height, Base: layers}
	c.side = Analyse(&side, c.side)
	if c.side.Path == Passthrough {
		return c.side.Base.Retain()
	}
	for i := range c.side.Layers {
		if !canDraw(&c.side.Layers[i]) {
			return nil
		}
	}
	f := c.pool.Get()
	f.Color = c.color
	c.processor.ground(f, &c.side)
	for i := range c.side.Layers {
		c.processor.layer(f, &c.side.Layers[i], cover(&side, &c.side.Layers[i]))
	}
	return f
}

// draw runs on the GPU thread.
func (c *Compositor) draw(ctx *gpu.Context, p *Plan, out *media.Frame) error {
	d := c.device
	d.begin(ctx)
	if err := c.need(ctx, &c.main, "programme"); err != nil {
		return err
	}
	base := c.work.Base
	if p.Change != nil {
		if err := c.drawChange(ctx, p); err != nil {
			return err
		}
	}
	for _, r := range c.work.Regions {
		switch {
		case base != nil:
			c.main.upload(ctx, base, r)
		case p.Change == nil:
			c.main.clearBlack(ctx, r)
		}
	}
	for i := range c.work.Layers {
		if err := c.within(ctx, p, c.main, &c.work.Layers[i], c.work.Regions); err != nil {
			return err
		}
	}
	for _, r := range c.work.Regions {
		if p.Black > 0 {
			if err := d.fade(ctx, c.main, [3]uint8{16, 128, 128}, p.Black, r); err != nil {
				return err
			}
		}
		c.main.read(ctx, out, r)
	}
	return ctx.Check("draw")
}

// within draws l in those parts of regions that it covers. One whose picture the GPU does not take is left
// out: the others are the show.
func (c *Compositor) within(ctx *gpu.Context, p *Plan, to *canvas, l *Layer, regions []gpu.Rect) error {
	cov := cover(p, l)
	for _, r := range regions {
		if clip := intersect(r, cov); !clip.Empty() {
			if err := c.device.layer(ctx, to, l, clip); err != nil {
				var noRoom *noRoomError
				if errors.As(err, &noRoom) {
					c.leftOut = noRoom.slot
					return nil
				}
				return err
			}
		}
	}
	return nil
}

// drawChange draws both pictures of a transition and then the transition.
func (c *Compositor) drawChange(ctx *gpu.Context, p *Plan) error {
	if err := c.need(ctx, &c.from, "outgoing"); err != nil {
		return err
	}
	if err := c.need(ctx, &c.to, "incoming"); err != nil {
		return err
	}
	for _, s := range [2]struct {
		layers []Layer
		onto   *canvas
	}{{p.Base, c.from}, {p.To, c.to}} {
		whole := []gpu.Rect{p.whole()}
		plan := Plan{Width: p.Width, Height: p.Height, Base: s.layers}
		c.side = Analyse(&plan, c.side)
		if c.side.Base != nil {
			s.onto.upload(ctx, c.side.Base, whole[0])
		} else {
			s.onto.clearBlack(ctx, whole[0])
		}
		for i := range c.side.Layers {
			if err := c.within(ctx, p, s.onto, &c.side.Layers[i], whole); err != nil {
				return err
			}
		}
	}
	return c.device.transition(ctx, c.main, c.from, c.to, p.Change, c.w, c.h)
}

func (c *Compositor) need(ctx *gpu.Context, cv **canvas, label string) (err error) {
	if *cv == nil {
		*cv, err = newCanvas(ctx, label, c.w, c.h)
	}
	return err
}

// Close frees the targets and what is kept of pictures.
func (c *Compositor) Close() {
	c.forget()
	c.black.Release()
	c.pool.Close()
	// The thread may be closed already, and its objects with it.
	_ = c.device.thread.Free(func(ctx *gpu.Context) error {
		for _, cv := range [3]*canvas{c.main, c.from, c.to} {
			cv.release(ctx)
		}
		return nil
	})
}
