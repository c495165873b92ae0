package compositor

import (
	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/media"
)

// packed blends whole pictures, four samples a fragment (shaders/packed.glsl). It
// serves what is the same all over the canvas: a mix or a dip between two cameras
// that fill it, and fade to black.
type packed struct {
	luma, chroma *gpu.Target
	source       [3]*gpu.Texture
}

// packable reports that f's rows can be read as rows of RGBA8 texels.
func packable(f *media.Frame) bool {
	return f.Format == media.I420 && f.Width%8 == 0 && f.Height%2 == 0 &&
		f.Planes[0].Stride%4 == 0 && f.Planes[1].Stride%4 == 0 && f.Planes[2].Stride%4 == 0
}

// quarter is plane i of a w x h picture in texels of four samples.
func quarter(w, h, i int) gpu.Rect {
	if i > 0 {
		w, h = w/2, h/2
	}
	return gpu.Rect{W: w / 4, H: h}
}

func newPacked(ctx *gpu.Context, w, h int) (*packed, error) {
	k := &packed{}
	var onto [3]*gpu.Texture
	var err error
	for i := range 3 {
		r := quarter(w, h, i)
		if onto[i], err = ctx.NewTexture("packed target", r.W, r.H, 4); err != nil {
			return nil, err
		}
		if k.source[i], err = ctx.NewTexture("packed source", r.W, r.H, 4); err != nil {
			return nil, err
		}
	}
	if k.luma, err = ctx.NewTarget("packed luma", onto[0]); err != nil {
		return nil, err
	}
	if k.chroma, err = ctx.NewTarget("packed chroma", onto[1], onto[2]); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *packed) release(ctx *gpu.Context) {
	if k == nil {
		return
	}
	k.luma.Release(ctx)
	k.chroma.Release(ctx)
	for _, t := range k.source {
		t.Release(ctx)
	}
}

func (k *packed) target(i int) (*gpu.Target, int) {
	if i == 0 {
		return k.luma, 0
	}
	return k.chroma, i - 1
}

// put makes f what is in the target.
func (k *packed) put(ctx *gpu.Context, f *media.Frame) {
	for i, p := range f.Planes {
		t, at := k.target(i)
		t.Textures[at].Upload(ctx, p.Data, p.Stride, quarter(f.Width, f.Height, i))
	}
}

// get reads the target into f.
func (k *packed) get(ctx *gpu.Context, f *media.Frame) {
	for i, p := range f.Planes {
		t, at := k.target(i)
		t.Read(ctx, at, p.Data, p.Stride, quarter(f.Width, f.Height, i))
	}
}

// blend puts over, or color where over is nil, onto the target with weight amount.
func (d *Device) blend(ctx *gpu.Context, k *packed, over *media.Frame, color [3]uint8, amount float64) error {
	if over != nil {
		for i, p := range over.Planes {
			k.source[i].Upload(ctx, p.Data, p.Stride, quarter(over.Width, over.Height, i))
		}
	}
	for _, chroma := range [2]bool{false, true} {
		p, err := d.packedProgram(ctx, chroma, over != nil)
		if err != nil {
			return err
		}
		target := k.luma
		if chroma {
			target = k.chroma
		}
		target.Bind(ctx, gpu.Rect{W: target.Textures[0].Width, H: target.Textures[0].Height})
		p.Use(ctx)
		switch {
		case over == nil:
			setColor(ctx, p, color, chroma)
		case chroma:
			p.SetTexture(ctx, "tex0", 0, k.source[1])
			p.SetTexture(ctx, "tex1", 1, k.source[2])
		default:
			p.SetTexture(ctx, "tex0", 0, k.source[0])
		}
		p.DrawWeighted(ctx, float32(amount))
	}
	return nil
}

// change draws a mix or a dip between two cameras that fill the canvas into out.
func (c *Compositor) change(ctx *gpu.Context, ch *Change, a, b, out *media.Frame) error {
	if err := c.needPacked(ctx); err != nil {
		return err
	}
	var err error
	switch p := ch.Progress; {
	case ch.Kind == "mix":
		c.packed.put(ctx, a)
		err = c.device.blend(ctx, c.packed, b, [3]uint8{}, p)
	case p < 0.5: // dip: into the colour
		c.packed.put(ctx, a)
		err = c.device.blend(ctx, c.packed, nil, ch.Color, 2*p)
	default: // and out of it
		c.packed.put(ctx, b)
		err = c.device.blend(ctx, c.packed, nil, ch.Color, 2-2*p)
	}
	if err != nil {
		return err
	}
	c.packed.get(ctx, out)
	return nil
}

// fadeOut blends the finished picture towards black.
func (c *Compositor) fadeOut(ctx *gpu.Context, out *media.Frame, amount float64) error {
	if err := c.needPacked(ctx); err != nil {
		return err
	}
	c.packed.put(ctx, out)
	if err := c.device.blend(ctx, c.packed, nil, [3]uint8{16, 128, 128}, amount); err != nil {
		return err
	}
	c.packed.get(ctx, out)
	return nil
}

func (c *Compositor) needPacked(ctx *gpu.Context) (err error) {
	if c.packed == nil {
		c.packed, err = newPacked(ctx, c.w, c.h)
	}
	return err
}
