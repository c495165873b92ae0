package compositor

import (
	"math"

	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/media"
)

// Box is a rectangle in canvas or source pixels, origin top left.
type Box struct{ X, Y, W, H float64 }

// Layer places one picture on the canvas.
type Layer struct {
	// Slot names where the frame comes from (a source's id): pictures of one slot
	// follow each other in one set of textures.
	Slot string
	// Frame is borrowed. I420 and NV12 are opaque; RGBA is a graphic with straight
	// alpha, which Prepare has converted.
	Frame *media.Frame
	// Crop is the part of the frame that is shown, in its luma pixels; the zero
	// value is all of it.
	Crop Box
	// Place is where the cropped picture goes, in canvas luma pixels.
	Place Box
	// Clip limits a rotated layer, in canvas luma pixels; the zero value is no limit.
	// Its edges are taken to the nearest even pixel. (A straight layer's Place and
	// Crop say all.)
	Clip Box
	// Rotation is clockwise about the place's centre, in degrees.
	Rotation float64
	// Opacity is 0..1.
	Opacity float64
}

// Change is a transition under way.
type Change struct {
	Kind     string  // a name of shaders.Transitions
	Progress float64 // 0..1, exclusive: at the ends there is no transition
	Softness float64 // of a wipe's edge, share of the canvas
	// DirectionX, DirectionY is the movement's unit vector; (1,0) is towards the right.
	DirectionX, DirectionY float64
	// Color is the dip colour: Y', Cb, Cr codes in the canvas's colour.
	Color [3]uint8
}

// Plan says what the picture is. Layers are bottom to top.
type Plan struct {
	// Width, Height of the canvas, both even.
	Width, Height int
	// Base is the outgoing or only picture; To is the incoming one while Change is set.
	Base, To []Layer
	Change   *Change
	// Over is drawn over the transition (downstream keys).
	Over []Layer
	// Black is the fade to black, 0 (none) .. 1 (black).
	Black float64
}

// Path is how a plan is turned into a picture.
type Path uint8

// Paths.
const (
	Passthrough Path = iota + 1
	Rectangles
	Full
	BlackOnly
)

func (p Path) String() string {
	return [...]string{"", "passthrough", "rectangles", "full", "black"}[p]
}

// Work is what Analyse found has to be done.
type Work struct {
	Path Path
	// Base is the camera under everything, by reference: Passthrough and
	// Rectangles always have it, Full may (it is then uploaded, not drawn).
	Base *media.Frame
	// Layers are drawn over it, bottom to top: hidden and invisible ones are gone.
	Layers []Layer
	// Regions are the canvas rectangles to draw, even-aligned and disjoint.
	Regions []gpu.Rect
}

// whole is the full canvas.
func (p *Plan) whole() gpu.Rect { return gpu.Rect{W: p.Width, H: p.Height} }

// Analyse decides how little work shows the plan. It draws nothing. With dst's
// capacity it allocates nothing.
func Analyse(p *Plan, dst Work) Work {
	dst.Base, dst.Layers, dst.Regions = nil, dst.Layers[:0], dst.Regions[:0]
	switch {
	case p.Black >= 1:
		dst.Path = BlackOnly
		return dst
	case p.Change != nil:
		dst.Path = Full
		dst.Layers = appendVisible(dst.Layers, p, p.Over)
		dst.Regions = append(dst.Regions, p.whole())
		return dst
	}
	dst.Layers = appendVisible(dst.Layers, p, p.Base)
	dst.Layers = appendVisible(dst.Layers, p, p.Over)
	dst.Layers = cull(p, dst.Layers)
	if len(dst.Layers) > 0 && fills(p, &dst.Layers[0]) {
		dst.Base = dst.Layers[0].Frame
		dst.Layers = dst.Layers[:copy(dst.Layers, dst.Layers[1:])]
	}
	switch {
	case dst.Base == nil || p.Black > 0:
		dst.Path = Full
	case len(dst.Layers) == 0:
		dst.Path = Passthrough
		return dst
	default:
		dst.Path = Rectangles
		for i := range dst.Layers {
			dst.Regions = addRegion(dst.Regions, cover(p, &dst.Layers[i]))
		}
		if area(dst.Regions) > p.Width*p.Height*3/4 {
			dst.Path = Full // the copy of the rest would cost more than it saves
		}
	}
	if dst.Path == Full {
		dst.Regions = append(dst.Regions[:0], p.whole())
	}
	return dst
}

func appendVisible(dst []Layer, p *Plan, layers []Layer) []Layer {
	for i := range layers {
		l := &layers[i]
		if l.Frame == nil || l.Opacity <= 0 || l.Place.W <= 0 || l.Place.H <= 0 || vanishes(l) {
			continue
		}
		if g, ok := l.Frame.Native.(*Graphic); ok && l.Frame.Format == media.RGBA && g.Empty() {
			continue
		}
		if cover(p, l).Empty() {
			continue
		}
		dst = append(dst, *l)
	}
	return dst
}

// vanishes reports that l's picture is below half a pixel wide or high on the canvas. All of the picture
// is measured: a strip of that width that looks in at the canvas's edge is drawn. It also bounds
// the texels that a pixel has, to twice the picture's side.
func vanishes(l *Layer) bool {
	c := l.crop()
	// Written so that what is no number vanishes too.
	return !(float64(l.Frame.Width)*l.Place.W >= c.W/2 && float64(l.Frame.Height)*l.Place.H >= c.H/2)
}

// cull drops what lies under the topmost layer that hides the whole canvas.
func cull(p *Plan, layers []Layer) []Layer {
	for i := len(layers) - 1; i > 0; i-- {
		if hides(p, &layers[i]) {
			return layers[:copy(layers, layers[i:])]
		}
	}
	return layers
}

// Visible lists the slots of those layers that can be seen on p's canvas: not empty,
// not outside, not wholly under another.
func Visible(p *Plan, layers []Layer) (slots []string) {
	for _, l := range cull(p, appendVisible(nil, p, layers)) {
		slots = append(slots, l.Slot)
	}
	return slots
}

// hides reports whether l is opaque over the whole canvas.
func hides(p *Plan, l *Layer) bool {
	if l.Opacity < 1 || l.Rotation != 0 {
		return false
	}
	if l.Frame.Format == media.RGBA {
		g, ok := l.Frame.Native.(*Graphic)
		if !ok || !g.Opaque {
			return false
		}
	}
	return l.Place.X <= 0 && l.Place.Y <= 0 &&
		l.Place.X+l.Place.W >= float64(p.Width) && l.Place.Y+l.Place.H >= float64(p.Height)
}

// fills reports whether l's frame is, pixel for pixel, the canvas.
func fills(p *Plan, l *Layer) bool {
	f := l.Frame
	return f.Format == media.I420 && f.Width == p.Width && f.Height == p.Height &&
		l.Opacity >= 1 && l.Rotation == 0 &&
		l.Place == (Box{0, 0, float64(p.Width), float64(p.Height)}) && l.crop() == l.Place
}

// crop is Crop with its default filled in.
func (l *Layer) crop() Box {
	if l.Crop.W > 0 && l.Crop.H > 0 {
		return l.Crop
	}
	return Box{0, 0, float64(l.Frame.Width), float64(l.Frame.Height)}
}

// cover is the even-aligned canvas rectangle that l can change. A graphic's
// transparent margins are left out.
func cover(p *Plan, l *Layer) gpu.Rect {
	b := l.Place
	if g, ok := l.Frame.Native.(*Graphic); ok && l.Frame.Format == media.RGBA {
		c := l.crop()
		sx, sy := b.W/c.W, b.H/c.H
		// Two source pixels more: filters reach that far.
		x0 := math.Max(float64(g.Used.X)-2-c.X, 0)
		y0 := math.Max(float64(g.Used.Y)-2-c.Y, 0)
		x1 := math.Min(float64(g.Used.X+g.Used.W)+2-c.X, c.W)
		y1 := math.Min(float64(g.Used.Y+g.Used.H)+2-c.Y, c.H)
		if l.Rotation == 0 {
			b = Box{b.X + x0*sx, b.Y + y0*sy, (x1 - x0) * sx, (y1 - y0) * sy}
		}
	}
	if l.Rotation != 0 {
		r := l.Rotation * math.Pi / 180
		s, c := math.Abs(math.Sin(r)), math.Abs(math.Cos(r))
		w, h := b.W*c+b.H*s, b.W*s+b.H*c
		b = Box{b.X + (b.W-w)/2, b.Y + (b.H-h)/2, w, h}
	}
	// A chroma sample reaches one luma pixel to the left of its pair, and an edge is
	// one pixel of its plane wide.
	x0 := max(evenDown(b.X-2), 0)
	y0 := max(evenDown(b.Y-2), 0)
	x1 := min(evenUp(b.X+b.W+2), p.Width)
	y1 := min(evenUp(b.Y+b.H+2), p.Height)
	r := gpu.Rect{X: x0, Y: y0, W: x1 - x0, H: y1 - y0}
	if c := l.Clip; l.Rotation != 0 && c.W > 0 && c.H > 0 {
		cx, cy := nearEven(c.X), nearEven(c.Y)
		r = intersect(r, gpu.Rect{X: cx, Y: cy, W: nearEven(c.X+c.W) - cx, H: nearEven(c.Y+c.H) - cy})
	}
	return r
}

func nearEven(v float64) int { return int(math.Round(v/2)) * 2 }

func evenDown(v float64) int { return int(math.Floor(v/2)) * 2 }
func evenUp(v float64) int   { return int(math.Ceil(v/2)) * 2 }

// addRegion adds r to disjoint regions, joining those it touches or whose union
// wastes little.
func addRegion(regions []gpu.Rect, r gpu.Rect) []gpu.Rect {
	for again := true; again; {
		again = false
		for i, o := range regions {
			u := union(o, r)
			overlap := o.X < r.X+r.W && r.X < o.X+o.W && o.Y < r.Y+r.H && r.Y < o.Y+o.H
			if overlap || u.W*u.H <= (o.W*o.H+r.W*r.H)*5/4 {
				r = u
				regions[i] = regions[len(regions)-1]
				regions = regions[:len(regions)-1]
				again = true
				break
			}
		}
	}
	return append(regions, r)
}

// touches reports that r overlaps one of regions.
func touches(regions []gpu.Rect, r gpu.Rect) bool {
	for _, o := range regions {
		if !intersect(o, r).Empty() {
			return true
		}
	}
	return false
}

func union(a, b gpu.Rect) gpu.Rect {
	x0, y0 := min(a.X, b.X), min(a.Y, b.Y)
	x1, y1 := max(a.X+a.W, b.X+b.W), max(a.Y+a.H, b.Y+b.H)
	return gpu.Rect{X: x0, Y: y0, W: x1 - x0, H: y1 - y0}
}

func intersect(a, b gpu.Rect) gpu.Rect {
	x0, y0 := max(a.X, b.X), max(a.Y, b.Y)
	x1, y1 := min(a.X+a.W, b.X+b.W), min(a.Y+a.H, b.Y+b.H)
	return gpu.Rect{X: x0, Y: y0, W: x1 - x0, H: y1 - y0}
}

func area(regions []gpu.Rect) int {
	n := 0
	for _, r := range regions {
		n += r.W * r.H
	}
	return n
}
