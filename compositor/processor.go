package compositor

import (
	"math"

	"crosspoint.studio/crosspoint/compositor/cpu"
	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/media"
)

// processor draws on the CPU what is straight, where OpenGL is a CPU rasteriser too: the
// same geometry and filters as shaders/layer.glsl, without a shader between. What is
// turned, and transitions other than mixes, dips and straight wipes, stay with OpenGL. Of one goroutine.
type processor struct {
	axes    map[axisKey]*cpu.Axis
	scratch cpu.Scratch
	cover   cpu.Cover
	planes  [2][]byte // a layer before it is blended: codes, alpha
}

type axisKey struct {
	m        cpu.Map
	from, to int
	rows     bool
}

// mostAxes is how many axes are kept: a layer needs four, and one that moves new ones at
// every tick.
const mostAxes = 256

func newProcessor() *processor { return &processor{axes: make(map[axisKey]*cpu.Axis)} }

func (k *processor) axis(m cpu.Map, from, to int, rows bool) *cpu.Axis {
	key := axisKey{m, from, to, rows}
	a := k.axes[key]
	if a == nil {
		if len(k.axes) >= mostAxes {
			clear(k.axes)
		}
		if rows {
			a = cpu.Rows(m, from, to)
		} else {
			a = cpu.Columns(m, from, to)
		}
		k.axes[key] = a
	}
	return a
}

// canDraw reports that l is straight.
func canDraw(l *Layer) bool { return l.Rotation == 0 }

// plane is plane i of f from sample (x, y) on.
func plane(f *media.Frame, i, x, y int) cpu.Plane {
	return cpu.Plane{Data: f.Planes[i].Data, Stride: f.Planes[i].Stride}.At(x, y)
}

// layer draws l, which canDraw, onto out within clip (luma pixels, even-aligned).
func (k *processor) layer(out *media.Frame, l *Layer, clip gpu.Rect) {
	g := geometryOf(l)
	edges := !evenBox(l.Place)
	if !edges {
		clip = intersect(clip, gpu.Rect{X: int(l.Place.X), Y: int(l.Place.Y), W: int(l.Place.W), H: int(l.Place.H)})
	}
	place := clip
	if p := l.Place; edges && whole(p.X) && whole(p.Y) && whole(p.W) && whole(p.H) {
		// Pixels beyond it count nothing; without them more is a plain copy.
		place = gpu.Rect{X: int(math.Round(p.X)), Y: int(math.Round(p.Y)), W: int(math.Round(p.W)), H: int(math.Round(p.H))}
	}
	for i := range 3 {
		r := intersect(clip, place)
		if i > 0 {
			// A sample of colour lies at the left of its pair, so one beyond an even edge reaches over it.
			r = intersect(half(clip), half(gpu.Rect{X: place.X, Y: place.Y, W: place.W + 1, H: place.H}))
		}
		if !r.Empty() {
			k.layerPlane(out, l, &g, i, r, edges)
		}
	}
}

// layerPlane draws plane i of l onto rectangle r (samples) of that plane.
func (k *processor) layerPlane(out *media.Frame, l *Layer, g *geometry, i int, r gpu.Rect, edges bool) {
	source, local, crop, pixel := g.source, g.local, g.crop, 1.0
	w, h := l.Frame.Width, l.Frame.Height
	if i > 0 {
		source, local = source.toChroma().sourceChroma(), local.toChroma()
		crop, pixel = Box{crop.X / 2, crop.Y / 2, crop.W / 2, crop.H / 2}, 2
		w, h = (w+1)/2, (h+1)/2
	}
	mx := cpu.Map{Scale: source.x[0], Offset: source.x[2], Kernel: cpu.Box}
	my := cpu.Map{Scale: source.y[1], Offset: source.y[2], Kernel: cpu.Box}
	mx.Least, mx.Most = texels(crop.X, crop.W, w)
	my.Least, my.Most = texels(crop.Y, crop.H, h)
	if enlarges(source) {
		mx.Kernel, my.Kernel = cpu.Cubic, cpu.Cubic
	}
	codes, alpha, premultiplied := codesOf(l.Frame, i)
	dst := plane(out, i, r.X, r.Y)
	if !premultiplied && !edges && l.Opacity >= 1 {
		k.resample(dst, codes, mx, my, r)
		return
	}
	k.cover.X = weights(k.cover.X[:0], local.x[0], local.x[2], r.X, r.W, l.Place.W, pixel, edges, 1)
	k.cover.Y = weights(k.cover.Y[:0], local.y[1], local.y[2], r.Y, r.H, l.Place.H, pixel, edges, min(l.Opacity, 1))
	if !premultiplied {
		scaled := k.plane(0, r)
		k.resample(scaled, codes, mx, my, r)
		cpu.Blend(dst, dst, scaled, &k.cover)
		return
	}
	if x, y, ok := offset(mx, my, r); ok {
		cpu.Over(dst, codes.At(x, y), alpha.At(x, y), &k.cover)
		return
	}
	scaled, scaledAlpha := k.plane(0, r), k.plane(1, r)
	if mx.Kernel == cpu.Cubic {
		cpu.ResampleGraphic(scaled, scaledAlpha, codes, alpha, k.axis(mx, r.X, r.X+r.W, false), k.axis(my, r.Y, r.Y+r.H, true), &k.scratch)
	} else {
		k.resample(scaled, codes, mx, my, r)
		k.resample(scaledAlpha, alpha, mx, my, r)
	}
	cpu.Over(dst, scaled, scaledAlpha, &k.cover)
}

// texels are those of a crop that lie in a plane: at least one.
func texels(from, size float64, n int) (least, most int) {
	least = min(max(int(math.Floor(from)), 0), n-1)
	return least, max(min(int(math.Ceil(from+size)), n), least+1)
}

// codesOf is where plane i of f's codes are and, of a prepared graphic, where their
// alpha is.
func codesOf(f *media.Frame, i int) (codes, alpha cpu.Plane, premultiplied bool) {
	if graphic, ok := f.Native.(*Graphic); ok && f.Format == media.RGBA {
		if i == 0 {
			codes = cpu.Plane{Data: graphic.luma, Stride: 2 * graphic.Width, Comps: 2}
			alpha = codes
			alpha.Comp = 1
			return codes, alpha, true
		}
		codes = cpu.Plane{Data: graphic.chroma, Stride: 4 * ((graphic.Width + 1) / 2), Comps: 4, Comp: i - 1}
		alpha = codes
		alpha.Comp = 3
		return codes, alpha, true
	}
	if f.Format == media.NV12 && i > 0 {
		return cpu.Plane{Data: f.Planes[1].Data, Stride: f.Planes[1].Stride, Comps: 2, Comp: i - 1}, cpu.Plane{}, false
	}
	return plane(f, i, 0, 0), cpu.Plane{}, false
}

// offset is the texel that r's first sample shows if every sample of r is one texel.
func offset(mx, my cpu.Map, r gpu.Rect) (x, y int, ok bool) {
	if math.Abs(mx.Scale-1) > 1e-9 || math.Abs(my.Scale-1) > 1e-9 || !whole(mx.Offset) || !whole(my.Offset) {
		return 0, 0, false
	}
	x, y = r.X+int(math.Round(mx.Offset)), r.Y+int(math.Round(my.Offset))
	return x, y, x >= mx.Least && y >= my.Least && x+r.W <= mx.Most && y+r.H <= my.Most
}

func (k *processor) resample(dst, src cpu.Plane, mx, my cpu.Map, r gpu.Rect) {
	if x, y, ok := offset(mx, my, r); ok && src.Comps <= 1 {
		cpu.Copy(dst, src.At(x, y), r.W, r.H)
		return
	}
	mx, x := mx.Thinned()
	my, y := my.Thinned()
	cpu.Resample(dst, src.Thinned(x, y), k.axis(mx, r.X, r.X+r.W, false), k.axis(my, r.Y, r.Y+r.H, true), &k.scratch)
}

// plane is room for r's samples.
func (k *processor) plane(i int, r gpu.Rect) cpu.Plane {
	if len(k.planes[i]) < r.W*r.H {
		k.planes[i] = make([]byte, r.W*r.H)
	}
	return cpu.Plane{Data: k.planes[i], Stride: r.W}
}

// weights are how much the n samples from from on lie inside a layer of size luma pixels,
// times amount: a straight edge, one sample wide, as the shader has it. Sample i is at
// scale*(i+0.5) + offset of the layer.
func weights(dst []uint16, scale, offset float64, from, n int, size, pixel float64, edges bool, amount float64) []uint16 {
	for i := range n {
		inside := 1.0
		if edges {
			q := scale*(float64(from+i)+0.5) + offset
			inside = min(max(min(q, size-q)/pixel+0.5, 0), 1)
		}
		dst = cpu.Append(dst, inside*amount)
	}
	return dst
}

// ground is what w's layers lie on: the base, or black.
func (k *processor) ground(out *media.Frame, w *Work) {
	if w.Base != nil {
		media.CopyPlanes(out, w.Base)
		return
	}
	k.black(out, w.Layers)
}

// black clears out unless layers, drawn first, leave nothing of it.
func (k *processor) black(out *media.Frame, layers []Layer) {
	covered := 0
	for i := range layers {
		l := &layers[i]
		if l.Frame.Format == media.RGBA || l.Opacity < 1 || l.Rotation != 0 || !evenBox(l.Place) {
			break
		}
		r := gpu.Rect{X: int(l.Place.X), Y: int(l.Place.Y), W: int(l.Place.W), H: int(l.Place.H)}
		for j := range i {
			o := layers[j].Place
			if !intersect(r, gpu.Rect{X: int(o.X), Y: int(o.Y), W: int(o.W), H: int(o.H)}).Empty() {
				r = gpu.Rect{} // counted already, in part at least
			}
		}
		if r = intersect(r, gpu.Rect{W: out.Width, H: out.Height}); !r.Empty() {
			covered += r.W * r.H
		}
	}
	if covered == out.Width*out.Height {
		return
	}
	for i, code := range [3]uint8{16, 128, 128} {
		w, h := media.PlaneSize(media.I420, out.Width, out.Height, i)
		cpu.Fill(plane(out, i, 0, 0), code, w, h)
	}
}

// dip blends a towards a colour into out, which may be a.
func (k *processor) dip(out, a *media.Frame, color [3]uint8, amount float64) {
	for i, code := range color {
		w, h := media.PlaneSize(media.I420, out.Width, out.Height, i)
		cpu.Dip(plane(out, i, 0, 0), plane(a, i, 0, 0), code, w, h, amount)
	}
}

// mix blends a and b into out.
func (k *processor) mix(out, a, b *media.Frame, amount float64) {
	for i := range 3 {
		w, h := media.PlaneSize(media.I420, out.Width, out.Height, i)
		k.cover.Even(w, h, amount)
		cpu.Blend(plane(out, i, 0, 0), plane(a, i, 0, 0), plane(b, i, 0, 0), &k.cover)
	}
}

// wipe puts b over a, into out, behind an edge that travels along an axis: what
// shaders/transitions/wipe.glsl does. It reports false for one that travels askew.
func (k *processor) wipe(out, a, b *media.Frame, ch *Change) bool {
	if ch.DirectionX != 0 && ch.DirectionY != 0 {
		return false
	}
	soft := max(ch.Softness, 1e-4)
	ramp := func(dst []uint16, n int, along, siting float64) []uint16 {
		for i := range n {
			amount := 1.0 // the other axis
			if along != 0 {
				at := (float64(i) + 0.5 - siting) / float64(n)
				if along < 0 {
					at = 1 - at
				}
				amount = (ch.Progress*(1+soft) - at) / soft
			}
			dst = cpu.Append(dst, amount)
		}
		return dst
	}
	for i := range 3 {
		w, h := media.PlaneSize(media.I420, out.Width, out.Height, i)
		siting := 0.0
		if i > 0 {
			siting = 0.25
		}
		k.cover.X = ramp(k.cover.X[:0], w, ch.DirectionX, siting)
		k.cover.Y = ramp(k.cover.Y[:0], h, ch.DirectionY, 0)
		cpu.Blend(plane(out, i, 0, 0), plane(a, i, 0, 0), plane(b, i, 0, 0), &k.cover)
	}
	return true
}
