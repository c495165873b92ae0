package compositor

import (
	"fmt"

	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/shaders"
)

// keepSlots is for how many compositions an unused slot keeps its textures.
const keepSlots = 600

// Device is what compositors on one GPU thread share: compiled shaders and the
// textures of sources. Its contents are touched on that thread only.
type Device struct {
	thread *gpu.Thread
	// software: OpenGL is a CPU rasteriser, so that what is straight is drawn without it.
	software bool
	programs map[programKey]*gpu.Program
	slots    map[string]*slot
	uses     int64
}

type programKey struct {
	name   string
	chroma bool
	format media.PixelFormat
	filter filter
	edges  bool
	// straight: not rotated. opaque: nothing to multiply.
	straight, opaque bool
	// tapsX, tapsY are the fetches per axis of the aligned and the box filter; else 0.
	tapsX, tapsY int
}

// slot holds the textures of one source and says which picture is in them.
type slot struct {
	textures [3]*gpu.Texture
	format   media.PixelFormat
	w, h     int
	frame    uint64   // Frame.ID of what is uploaded
	have     gpu.Rect // the part of it that is, luma pixels, even-aligned
	used     int64
}

// noRoomError says that a slot's picture is more than the GPU takes: too wide, too high, or without
// memory left for it.
type noRoomError struct {
	slot string
	err  error
}

func (e *noRoomError) Error() string { return e.err.Error() }
func (e *noRoomError) Unwrap() error { return e.err }

// NewDevice makes a device on thread; nothing is compiled before it is needed.
func NewDevice(thread *gpu.Thread) *Device {
	return &Device{thread: thread, software: thread.Info().Software, programs: make(map[programKey]*gpu.Program), slots: make(map[string]*slot)}
}

// Warm compiles the shaders a show usually needs, so that the first title or
// mix does not cost a late frame. Where the processor draws those it makes only the
// context, and that only if turned says that the show has something turned in it; what is
// turned later costs a tick a tenth of a second once.
func (d *Device) Warm(turned bool) error {
	if d.software {
		if !turned {
			return nil
		}
		return d.thread.Do(func(*gpu.Context) error { return nil })
	}
	return d.thread.Do(func(ctx *gpu.Context) error {
		for _, chroma := range [2]bool{false, true} {
			for _, f := range [2]media.PixelFormat{media.I420, media.RGBA} {
				opaque := f == media.I420
				for _, key := range []programKey{
					{filter: copyFilter, straight: true, opaque: opaque},
					{filter: boxFilter, straight: true, opaque: opaque, tapsX: 1, tapsY: 1},
					{filter: boxFilter, straight: true, edges: true, tapsX: 2, tapsY: 2},
				} {
					key.name, key.chroma, key.format = "layer", chroma, f
					if _, err := d.layerProgram(ctx, key); err != nil {
						return err
					}
				}
			}
			for _, name := range shaders.Transitions() {
				if _, err := d.transitionProgram(ctx, name, chroma); err != nil {
					return err
				}
			}
			if _, err := d.fadeProgram(ctx, chroma); err != nil {
				return err
			}
		}
		return nil
	})
}

// Forget frees the textures of a slot, for a source that is gone.
func (d *Device) Forget(name string) error {
	return d.thread.Free(func(ctx *gpu.Context) error {
		if s := d.slots[name]; s != nil {
			s.release(ctx)
			delete(d.slots, name)
		}
		return nil
	})
}

// begin counts a composition and now and then frees slots nobody used.
func (d *Device) begin(ctx *gpu.Context) {
	d.uses++
	if d.uses%keepSlots != 0 {
		return
	}
	for name, s := range d.slots {
		if d.uses-s.used > keepSlots {
			s.release(ctx)
			delete(d.slots, name)
		}
	}
}

func (s *slot) release(ctx *gpu.Context) {
	for i, t := range s.textures {
		t.Release(ctx)
		s.textures[i] = nil
	}
}

// channels of plane i of each format as a texture; 0: no such plane.
func channels(format media.PixelFormat, i int) int {
	switch format {
	case media.I420:
		return [3]int{1, 1, 1}[i]
	case media.NV12:
		return [3]int{1, 2, 0}[i]
	default: // a prepared graphic
		return [3]int{2, 4, 0}[i]
	}
}

// load makes sure that part want (luma pixels of the source, even-aligned) of f is in
// the slot's textures, and returns them. A GPU that does not take the picture gives a *noRoomError.
func (d *Device) load(ctx *gpu.Context, name string, f *media.Frame, want gpu.Rect) (*slot, error) {
	s := d.slots[name]
	if s == nil {
		s = &slot{}
		d.slots[name] = s
	}
	s.used = d.uses
	if s.format != f.Format || s.w != f.Width || s.h != f.Height {
		s.release(ctx)
		*s = slot{format: f.Format, w: f.Width, h: f.Height, used: d.uses}
		for i := range s.textures {
			n := channels(f.Format, i)
			if n == 0 {
				continue
			}
			w, h := f.Width, f.Height
			if i > 0 {
				w, h = (w+1)/2, (h+1)/2
			}
			t, err := ctx.NewTexture(fmt.Sprintf("%s plane %d", name, i), w, h, n)
			if err != nil {
				s.release(ctx)
				delete(d.slots, name)
				return nil, &noRoomError{name, err}
			}
			s.textures[i] = t
		}
	}
	if s.frame == f.ID() {
		if union(s.have, want) == s.have {
			return s, nil
		}
		want = union(s.have, want)
	}
	graphic, _ := f.Native.(*Graphic)
	for i, t := range s.textures {
		if t == nil {
			continue
		}
		r := want
		if i > 0 {
			r = half(want)
		}
		r = intersect(r, gpu.Rect{W: t.Width, H: t.Height})
		if r.Empty() {
			continue
		}
		switch {
		case f.Format != media.RGBA:
			t.Upload(ctx, f.Planes[i].Data, f.Planes[i].Stride, r)
		case i == 0:
			t.Upload(ctx, graphic.luma, 2*t.Width, r)
		default:
			t.Upload(ctx, graphic.chroma, 4*t.Width, r)
		}
	}
	s.frame, s.have = f.ID(), want
	return s, nil
}

// half is the chroma rectangle of an even-aligned luma one; an odd right or lower
// edge is rounded outwards.
func half(r gpu.Rect) gpu.Rect {
	x, y := r.X/2, r.Y/2
	return gpu.Rect{X: x, Y: y, W: (r.X+r.W+1)/2 - x, H: (r.Y+r.H+1)/2 - y}
}

func (d *Device) program(ctx *gpu.Context, key programKey, source string, defines []string) (*gpu.Program, error) {
	if p := d.programs[key]; p != nil {
		return p, nil
	}
	if key.chroma {
		defines = append(defines, "CHROMA")
	} else {
		defines = append(defines, "LUMA")
	}
	p, err := ctx.NewProgram(fmt.Sprintf("%s %v", key.name, defines), source, defines...)
	if err != nil {
		return nil, err
	}
	d.programs[key] = p
	return p, nil
}

func (d *Device) layerProgram(ctx *gpu.Context, key programKey) (*gpu.Program, error) {
	if p := d.programs[key]; p != nil {
		return p, nil
	}
	defines := []string{map[media.PixelFormat]string{media.I420: "I420", media.NV12: "NV12", media.RGBA: "GRAPHIC"}[key.format],
		[...]string{copyFilter: "COPY", boxFilter: "BOX", alignedFilter: "ALIGNED", cubicFilter: "CUBIC", thinnedFilter: "THINNED"}[key.filter]}
	switch key.filter {
	case alignedFilter:
		defines = append(defines, fmt.Sprintf("TAPS_X %d", key.tapsX), fmt.Sprintf("TAPS_Y %d", key.tapsY))
	case boxFilter:
		defines = append(defines, fmt.Sprintf("PAIRS_X %d", key.tapsX), fmt.Sprintf("PAIRS_Y %d", key.tapsY))
	}
	if key.straight {
		defines = append(defines, "STRAIGHT")
	}
	if key.opaque {
		defines = append(defines, "OPAQUE")
	}
	if key.edges {
		defines = append(defines, "EDGES")
	}
	return d.program(ctx, key, shaders.Layer(), defines)
}

func (d *Device) transitionProgram(ctx *gpu.Context, name string, chroma bool) (*gpu.Program, error) {
	key := programKey{name: "transition " + name, chroma: chroma}
	if p := d.programs[key]; p != nil {
		return p, nil
	}
	source, ok := shaders.Transition(name)
	if !ok {
		return nil, fmt.Errorf("compositor: there is no transition %q", name)
	}
	return d.program(ctx, key, source, nil)
}

func (d *Device) fadeProgram(ctx *gpu.Context, chroma bool) (*gpu.Program, error) {
	return d.program(ctx, programKey{name: "fade", chroma: chroma}, shaders.Fade(), nil)
}
