package compositor

import (
	"math"

	"crosspoint.studio/crosspoint/compositor/cpu"
	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/media"
)

// filter is how a layer's texels become pixels; see shaders/layer.glsl.
type filter uint8

const (
	copyFilter filter = iota + 1
	boxFilter
	alignedFilter
	cubicFilter
	thinnedFilter
)

// maxTaps is how many taps an axis of the aligned filter has at most.
const maxTaps = 3

// canvas is what is drawn to: Y in one target, Cb and Cr in another.
type canvas struct {
	luma, chroma *gpu.Target
}

func newCanvas(ctx *gpu.Context, label string, w, h int) (*canvas, error) {
	y, err := ctx.NewTexture(label+" Y", w, h, 1)
	if err != nil {
		return nil, err
	}
	cb, err := ctx.NewTexture(label+" Cb", w/2, h/2, 1)
	if err != nil {
		y.Release(ctx)
		return nil, err
	}
	cr, err := ctx.NewTexture(label+" Cr", w/2, h/2, 1)
	if err != nil {
		y.Release(ctx)
		cb.Release(ctx)
		return nil, err
	}
	luma, err := ctx.NewTarget(label+" luma", y)
	if err != nil {
		return nil, err
	}
	chroma, err := ctx.NewTarget(label+" chroma", cb, cr)
	if err != nil {
		luma.Release(ctx)
		return nil, err
	}
	return &canvas{luma, chroma}, nil
}

func (c *canvas) release(ctx *gpu.Context) {
	if c != nil {
		c.luma.Release(ctx)
		c.chroma.Release(ctx)
	}
}

// upload puts part r of a canvas-sized I420 frame into the target as it is.
func (c *canvas) upload(ctx *gpu.Context, f *media.Frame, r gpu.Rect) {
	c.luma.Textures[0].Upload(ctx, f.Planes[0].Data, f.Planes[0].Stride, r)
	h := half(r)
	c.chroma.Textures[0].Upload(ctx, f.Planes[1].Data, f.Planes[1].Stride, h)
	c.chroma.Textures[1].Upload(ctx, f.Planes[2].Data, f.Planes[2].Stride, h)
}

func (c *canvas) clearBlack(ctx *gpu.Context, r gpu.Rect) {
	c.luma.Bind(ctx, r)
	c.luma.Clear(ctx, 0, 16.0/255)
	c.chroma.Bind(ctx, half(r))
	c.chroma.Clear(ctx, 0, 128.0/255)
	c.chroma.Clear(ctx, 1, 128.0/255)
}

func (c *canvas) read(ctx *gpu.Context, f *media.Frame, r gpu.Rect) {
	c.luma.Read(ctx, 0, f.Planes[0].Data, f.Planes[0].Stride, r)
	h := half(r)
	c.chroma.Read(ctx, 0, f.Planes[1].Data, f.Planes[1].Stride, h)
	c.chroma.Read(ctx, 1, f.Planes[2].Data, f.Planes[2].Stride, h)
}

// affine is a map of the plane: x' = X[0]*x + X[1]*y + X[2], and so for y.
type affine struct{ x, y [3]float64 }

// geometry is where a layer's source and rectangle are for each canvas pixel.
type geometry struct {
	local, source affine // from canvas luma pixels
	footprint     [2]float64
	crop          Box
}

func geometryOf(l *Layer) geometry {
	p, c := l.Place, l.crop()
	r := l.Rotation * math.Pi / 180
	sin, cos := math.Sin(r), math.Cos(r)
	if l.Rotation == 0 {
		sin, cos = 0, 1
	}
	cx, cy := p.X+p.W/2, p.Y+p.H/2
	// Local: turn back about the centre, then measure from the corner.
	local := affine{
		x: [3]float64{cos, sin, p.W/2 - cos*cx - sin*cy},
		y: [3]float64{-sin, cos, p.H/2 + sin*cx - cos*cy},
	}
	if l.Rotation == 0 {
		local.x[2], local.y[2] = -p.X, -p.Y // exact
	}
	sx, sy := c.W/p.W, c.H/p.H
	g := geometry{local: local, footprint: [2]float64{sx, sy}, crop: c}
	for i := range 3 {
		g.source.x[i] = local.x[i] * sx
		g.source.y[i] = local.y[i] * sy
	}
	g.source.x[2] += c.X
	g.source.y[2] += c.Y
	return g
}

// toChroma rewrites a map from canvas luma pixels as one from chroma pixels:
// sample (i, j), whose pixel centre is (i+0.5, j+0.5), is sited at luma
// (2i+0.5, 2j+1): left siting (H.264 E.2.1, chroma_sample_loc_type 0).
func (a affine) toChroma() affine {
	f := func(v [3]float64) [3]float64 { return [3]float64{2 * v[0], 2 * v[1], v[2] - 0.5*v[0]} }
	return affine{f(a.x), f(a.y)}
}

// sourceChroma rewrites a map to source luma pixels as one to source chroma texels.
func (a affine) sourceChroma() affine {
	return affine{
		x: [3]float64{a.x[0] / 2, a.x[1] / 2, a.x[2]/2 + 0.25},
		y: [3]float64{a.y[0] / 2, a.y[1] / 2, a.y[2] / 2},
	}
}

// needs is the part of the source, even-aligned luma pixels, that drawing canvas
// rectangle r of the layer can read.
func (g *geometry) needs(f *media.Frame, r gpu.Rect) gpu.Rect {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for i := range 4 {
		px, py := float64(r.X+(i&1)*r.W), float64(r.Y+(i>>1)*r.H)
		sx := g.source.x[0]*px + g.source.x[1]*py + g.source.x[2]
		sy := g.source.y[0]*px + g.source.y[1]*py + g.source.y[2]
		x0, x1 = min(x0, sx), max(x1, sx)
		y0, y1 = min(y0, sy), max(y1, sy)
	}
	mx, my := max(g.footprint[0], 1)*2+4, max(g.footprint[1], 1)*2+4
	x0, y0 = max(x0-mx, g.crop.X-1), max(y0-my, g.crop.Y-1)
	x1, y1 = min(x1+mx, g.crop.X+g.crop.W+1), min(y1+my, g.crop.Y+g.crop.H+1)
	n := gpu.Rect{X: max(evenDown(x0), 0), Y: max(evenDown(y0), 0)}
	n.W = min(evenUp(x1), f.Width) - n.X
	n.H = min(evenUp(y1), f.Height) - n.Y
	return n
}

// divided is the map to places divided by a texture's size.
func (a affine) divided(w, h float64) affine {
	for i := range 3 {
		a.x[i] /= w
		a.y[i] /= h
	}
	return a
}

// whole reports that v is an integer, nearly.
func whole(v float64) bool { return math.Abs(v-math.Round(v)) < 1e-6 }

// aligned reports that f texels make one pixel on an axis, so that every pixel
// weighs its texels alike; first is where the footprint of pixel 0 starts, whole
// that the axis is not cropped inside the texture (the texture's own edge clamps).
func aligned(f, first float64, uncropped bool) bool {
	return whole(f) && f > 0.5 && len2(f, first) <= maxTaps && (uncropped || whole(first))
}

// len2 is how many pairs of texels a footprint of f texels from first touches.
func len2(f, first float64) int {
	n := math.Round(f)
	if !whole(first) {
		n++
	}
	return int(math.Ceil(n / 2))
}

// tap is the i-th linear fetch of the aligned filter for a footprint of f texels that
// starts at first: offset from the pixel's centre in texels, and weight.
func tap(f, first float64, i int) (offset, weight float64) {
	phase := first - math.Floor(first+1e-6) // into the first texel
	overlap := func(k float64) float64 { return max(min(k+1, phase+f)-max(k, phase), 0) }
	k := float64(2 * i)
	w0, w1 := overlap(k), overlap(k+1)
	w := w0 + w1
	if w == 0 {
		return 0, 0
	}
	// The footprint's middle is the pixel's centre.
	return k + 0.5 + w1/w - (phase + f/2), w / f
}

var tapNames = [2][maxTaps]string{{"tapX0", "tapX1", "tapX2"}, {"tapY0", "tapY1", "tapY2"}}

// choose picks the filter for one plane group's map. Uncropped says for each axis that
// the crop ends where the texture does.
func choose(l *Layer, source affine, first [2]float64, uncropped [2]bool) filter {
	straight := l.Rotation == 0
	unit := math.Abs(source.x[0]-1) < 1e-9 && math.Abs(source.y[1]-1) < 1e-9
	switch {
	case straight && unit && whole(source.x[2]) && whole(source.y[2]):
		return copyFilter
	case enlarges(source):
		return cubicFilter
	case straight && aligned(source.x[0], first[0], uncropped[0]) && aligned(source.y[1], first[1], uncropped[1]):
		return alignedFilter
	}
	return boxFilter
}

// enlarges reports that a map makes more pixels than there are texels on both axes.
func enlarges(source affine) bool {
	return math.Hypot(source.x[0], source.x[1]) < 0.999 && math.Hypot(source.y[0], source.y[1]) < 0.999
}

// pairs is how many pairs of texels a footprint of f texels touches at most.
func pairs(f float64) int {
	return int(math.Ceil((math.Ceil(f-1e-6) + 1) / 2))
}

// layer draws l within clip (canvas luma pixels, even-aligned).
func (d *Device) layer(ctx *gpu.Context, c *canvas, l *Layer, clip gpu.Rect) error {
	f := l.Frame
	g := geometryOf(l)
	need := g.needs(f, clip)
	if need.Empty() {
		return nil
	}
	s, err := d.load(ctx, l.Slot, f, need)
	if err != nil {
		return err
	}
	edges := l.Rotation != 0 || !evenBox(l.Place)
	opaque := f.Format != media.RGBA && l.Opacity >= 1 && !edges
	blend := gpu.Premultiplied
	if opaque {
		blend = gpu.Replace
	}
	if !edges {
		// Pixels beyond the rectangle are not shaded at all.
		clip = intersect(clip, gpu.Rect{X: int(l.Place.X), Y: int(l.Place.Y), W: int(l.Place.W), H: int(l.Place.H)})
		if clip.Empty() {
			return nil
		}
	}
	for _, chroma := range [2]bool{false, true} {
		source, local, target, r, px := g.source, g.local, c.luma, clip, float32(1)
		bounds := [4]float32{float32(math.Floor(g.crop.X)), float32(math.Floor(g.crop.Y)), float32(math.Ceil(g.crop.X + g.crop.W)), float32(math.Ceil(g.crop.Y + g.crop.H))}
		if chroma {
			source, local = source.toChroma().sourceChroma(), local.toChroma()
			target, r, px = c.chroma, half(clip), 2
			bounds = [4]float32{float32(math.Floor(g.crop.X / 2)), float32(math.Floor(g.crop.Y / 2)), float32(math.Ceil((g.crop.X + g.crop.W) / 2)), float32(math.Ceil((g.crop.Y + g.crop.H) / 2))}
		}
		tex := s.textures[0]
		if chroma {
			tex = s.textures[1]
		}
		fx, fy := max(g.footprint[0], 1), max(g.footprint[1], 1)
		// Where the footprint of pixel 0, whose centre is at 0.5, starts.
		first := [2]float64{source.x[0]*0.5 + source.x[2] - fx/2, source.y[1]*0.5 + source.y[2] - fy/2}
		uncropped := [2]bool{bounds[0] <= 0 && bounds[2] >= float32(tex.Width), bounds[1] <= 0 && bounds[3] >= float32(tex.Height)}
		key := programKey{name: "layer", chroma: chroma, format: f.Format, filter: choose(l, source, first, uncropped),
			edges: edges, straight: l.Rotation == 0, opaque: opaque}
		if key.filter == boxFilter && max(fx, fy) > cpu.MostTexels {
			key.filter = thinnedFilter
		}
		switch key.filter {
		case alignedFilter:
			key.tapsX, key.tapsY = len2(fx, first[0]), len2(fy, first[1])
		case boxFilter:
			key.tapsX, key.tapsY = pairs(fx), pairs(fy)
		}
		p, err := d.layerProgram(ctx, key)
		if err != nil {
			return err
		}
		target.Bind(ctx, r)
		p.Use(ctx)
		if key.filter == boxFilter || key.filter == alignedFilter {
			source = source.divided(float64(tex.Width), float64(tex.Height))
		}
		if key.filter == thinnedFilter {
			source = setThinned(ctx, p, source, [2]float64{fx, fy}, bounds, tex)
		}
		if key.straight {
			p.SetFloats(ctx, "sourceXY", float32(source.x[0]), float32(source.y[1]), float32(source.x[2]), float32(source.y[2]))
		} else {
			setRow(ctx, p, "sourceX", source.x)
			setRow(ctx, p, "sourceY", source.y)
		}
		if edges {
			setRow(ctx, p, "localX", local.x)
			setRow(ctx, p, "localY", local.y)
			p.SetFloats(ctx, "size", float32(l.Place.W), float32(l.Place.H))
			p.SetFloats(ctx, "pixel", px)
		}
		if !opaque {
			p.SetFloats(ctx, "opacity", float32(min(l.Opacity, 1)))
		}
		switch key.filter {
		case boxFilter:
			p.SetFloats(ctx, "footprint", float32(fx), float32(fy))
			p.SetFloats(ctx, "texel", 1/float32(tex.Width), 1/float32(tex.Height))
			p.SetFloats(ctx, "bounds", bounds[0], bounds[1], bounds[2], bounds[3])
		case cubicFilter:
			p.SetFloats(ctx, "bounds", bounds[0], bounds[1], bounds[2], bounds[3])
		case alignedFilter:
			for i := range key.tapsX {
				offset, weight := tap(fx, first[0], i)
				p.SetFloats(ctx, tapNames[0][i], float32(offset/float64(tex.Width)), float32(weight))
			}
			for i := range key.tapsY {
				offset, weight := tap(fy, first[1], i)
				p.SetFloats(ctx, tapNames[1][i], float32(offset/float64(tex.Height)), float32(weight))
			}
		}
		if chroma {
			p.SetTexture(ctx, "tex0", 0, s.textures[1])
			if f.Format == media.I420 {
				p.SetTexture(ctx, "tex1", 1, s.textures[2])
			}
		} else {
			p.SetTexture(ctx, "tex0", 0, s.textures[0])
		}
		p.Draw(ctx, blend)
	}
	return nil
}

// setThinned sets what the thinned filter needs of a footprint of f texels within bounds of tex, the
// same as the processor has it, and returns source on the texels that are read.
func setThinned(ctx *gpu.Context, p *gpu.Program, source affine, f [2]float64, bounds [4]float32, tex *gpu.Texture) affine {
	var maps [2]cpu.Map
	var grids [2]cpu.Grid
	for i, size := range [2]int{tex.Width, tex.Height} {
		m := cpu.Map{Scale: f[i], Kernel: cpu.Box}
		m.Least, m.Most = texels(float64(bounds[i]), float64(bounds[i+2]-bounds[i]), size)
		maps[i], grids[i] = m.Thinned()
	}
	x, y := maps[0], maps[1]
	source = source.divided(float64(grids[0].Step), float64(grids[1].Step))
	source.x[2] += x.Offset
	source.y[2] += y.Offset
	p.SetFloats(ctx, "footprint", float32(x.Scale), float32(y.Scale))
	p.SetFloats(ctx, "ends", float32(x.Least), float32(y.Least), float32(x.Most-1), float32(y.Most-1))
	p.SetFloats(ctx, "grid", float32(grids[0].First), float32(grids[1].First), float32(grids[0].Step), float32(grids[1].Step))
	return source
}

// evenBox reports that b's edges are whole, even pixels: no edge cuts a pixel of any plane.
func evenBox(b Box) bool {
	return whole(b.X/2) && whole(b.Y/2) && whole(b.W/2) && whole(b.H/2)
}

func setRow(ctx *gpu.Context, p *gpu.Program, name string, v [3]float64) {
	p.SetFloats(ctx, name, float32(v[0]), float32(v[1]), float32(v[2]))
}

// fade blends the canvas towards color by amount, within clip.
func (d *Device) fade(ctx *gpu.Context, c *canvas, color [3]uint8, amount float64, clip gpu.Rect) error {
	for _, chroma := range [2]bool{false, true} {
		p, err := d.fadeProgram(ctx, chroma)
		if err != nil {
			return err
		}
		if chroma {
			c.chroma.Bind(ctx, half(clip))
		} else {
			c.luma.Bind(ctx, clip)
		}
		p.Use(ctx)
		setColor(ctx, p, color, chroma)
		p.SetFloats(ctx, "amount", float32(amount))
		p.Draw(ctx, gpu.Premultiplied)
	}
	return nil
}

func setColor(ctx *gpu.Context, p *gpu.Program, color [3]uint8, chroma bool) {
	if chroma {
		p.SetFloats(ctx, "color", float32(color[1])/255, float32(color[2])/255)
	} else {
		p.SetFloats(ctx, "color", float32(color[0])/255, 0)
	}
}

// transition draws the change from a to b onto dst.
func (d *Device) transition(ctx *gpu.Context, dst, a, b *canvas, ch *Change, w, h int) error {
	clip := gpu.Rect{W: w, H: h}
	for _, chroma := range [2]bool{false, true} {
		p, err := d.transitionProgram(ctx, ch.Kind, chroma)
		if err != nil {
			return err
		}
		if chroma {
			dst.chroma.Bind(ctx, half(clip))
		} else {
			dst.luma.Bind(ctx, clip)
		}
		p.Use(ctx)
		p.SetFloats(ctx, "progress", float32(ch.Progress))
		p.SetFloats(ctx, "softness", float32(ch.Softness))
		p.SetFloats(ctx, "direction", float32(ch.DirectionX), float32(ch.DirectionY))
		p.SetFloats(ctx, "aspect", float32(w)/float32(h))
		setColor(ctx, p, ch.Color, chroma)
		if chroma {
			p.SetFloats(ctx, "extent", float32(w/2), float32(h/2))
			p.SetTexture(ctx, "a0", 0, a.chroma.Textures[0])
			p.SetTexture(ctx, "a1", 1, a.chroma.Textures[1])
			p.SetTexture(ctx, "b0", 2, b.chroma.Textures[0])
			p.SetTexture(ctx, "b1", 3, b.chroma.Textures[1])
		} else {
			p.SetFloats(ctx, "extent", float32(w), float32(h))
			p.SetTexture(ctx, "a0", 0, a.luma.Textures[0])
			p.SetTexture(ctx, "b0", 1, b.luma.Textures[0])
		}
		p.Draw(ctx, gpu.Replace)
	}
	return nil
}
