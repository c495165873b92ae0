package scenes

import (
	"fmt"
	"math"
	"slices"
)

// Rect is a rectangle with its top left corner at X, Y.
type Rect struct{ X, Y, Width, Height float64 }

// Empty reports whether nothing is in r.
func (r Rect) Empty() bool { return !(r.Width > 0 && r.Height > 0) }

// Intersect is what r and o share; empty when they share nothing.
func (r Rect) Intersect(o Rect) Rect {
	x, y := math.Max(r.X, o.X), math.Max(r.Y, o.Y)
	return Rect{x, y, math.Min(r.X+r.Width, o.X+o.Width) - x, math.Min(r.Y+r.Height, o.Y+o.Height) - y}
}

// Placed is one source on the canvas, with the scenes around it unfolded.
type Placed struct {
	Source string // a source's id
	Fit    Fit
	// The rectangle to fill, in canvas pixels, before rotation.
	X, Y, Width, Height float64
	Rotation            float64 // degrees clockwise about the rectangle's centre
	Opacity             float64 // of the layer and of the scenes around it, multiplied
	Crop                Crop    // the picture's own pixels, square or not
	// ScaleX and ScaleY are how much the scenes around the layer enlarge it, along
	// the rectangle's own axes; 1 outside any scene. Draw needs them.
	ScaleX, ScaleY float64
	// Clip is what may be drawn on: the canvas, or what of it the scenes around
	// the layer fill.
	Clip Rect
}

// Drawing is the outcome of fitting a picture of known size.
type Drawing struct {
	Src      Rect    // of the picture, in its own pixels
	Dst      Rect    // canvas pixels, before rotation about its own centre
	Rotation float64 // degrees clockwise, 0 <= r < 360
	// Clip is what may be drawn on. Where Rotation is 0 it is done already: Dst is
	// inside Clip.
	Clip Rect
}

// around is what the scenes around a layer do to it: scene coordinates times sx, sy
// plus dx, dy are canvas coordinates.
type around struct {
	sx, sy, dx, dy, opacity float64
	clip                    Rect
}

// Resolve is what a scene, an overlay or a bare source (over the whole canvas)
// shows: its visible layers bottom to top, with the scenes in it unfolded. A
// scene's opacity goes to each of its layers, so where these overlap each shows
// through. The error is *UnknownError for any show that Parse or an edit
// gave. It allocates: keep the result as long as the Show.
func (s *Show) Resolve(id string) ([]Placed, error) {
	top := around{sx: 1, sy: 1, opacity: 1, clip: Rect{0, 0, float64(s.Canvas.Width), float64(s.Canvas.Height)}}
	if v, ok := s.Scene(id); ok {
		return s.unfold(nil, v.Layers, top, 0)
	}
	if v, ok := s.Overlay(id); ok {
		return s.unfold(nil, v.Layers, top, 0)
	}
	if _, ok := s.Source(id); ok {
		return s.unfold(nil, s.completeLayers([]Layer{NewLayer(id)}), top, 0)
	}
	return nil, &UnknownError{"source, scene or overlay", id}
}

// SourcesOf is the ids of the sources that id shows, each once, bottom to top.
func (s *Show) SourcesOf(id string) ([]string, error) {
	placed, err := s.Resolve(id)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range placed {
		if !slices.Contains(out, p.Source) {
			out = append(out, p.Source)
		}
	}
	return out, nil
}

func (s *Show) unfold(out []Placed, layers []Layer, a around, depth int) ([]Placed, error) {
	if depth > len(s.Scenes) {
		return nil, fmt.Errorf("scenes: a scene contains itself")
	}
	for _, l := range layers {
		if l.Hidden || l.Opacity <= 0 {
			continue
		}
		p, err := a.place(l)
		if err != nil {
			return nil, err
		}
		inner, nested := s.Scene(l.Source)
		if !nested {
			if _, ok := s.Source(l.Source); !ok {
				return nil, &UnknownError{"source or scene", l.Source}
			}
			if !p.Clip.Empty() {
				out = append(out, p)
			}
			continue
		}
		if math.Mod(l.Rotation, 360) != 0 {
			return nil, fmt.Errorf("scenes: a layer that shows the scene %q is rotated", l.Source)
		}
		// Draw clips Dst to p.Clip and cuts Src to match, so the inner clip is Dst.
		d, ok := p.Draw(float64(s.Canvas.Width), float64(s.Canvas.Height), 1)
		if !ok {
			continue
		}
		in := around{sx: d.Dst.Width / d.Src.Width, sy: d.Dst.Height / d.Src.Height, opacity: p.Opacity, clip: d.Dst}
		in.dx, in.dy = d.Dst.X-d.Src.X*in.sx, d.Dst.Y-d.Src.Y*in.sy
		if out, err = s.unfold(out, inner.Layers, in, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// place brings a layer from its scene's coordinates to the canvas's.
func (a around) place(l Layer) (Placed, error) {
	sx, sy := a.sx, a.sy
	switch quarter := math.Mod(l.Rotation, 180); {
	case quarter == 0:
	case quarter == 90, quarter == -90:
		sx, sy = sy, sx // the rectangle's width lies along the canvas's height
	case uneven(sx, sy):
		return Placed{}, fmt.Errorf("scenes: a rotated layer showing %q is in a scene that is stretched out of shape", l.Source)
	}
	w, h := l.Width*sx, l.Height*sy
	cx, cy := (l.X+l.Width/2)*a.sx+a.dx, (l.Y+l.Height/2)*a.sy+a.dy
	return Placed{
		Source: l.Source, Fit: l.Fit,
		X: cx - w/2, Y: cy - h/2, Width: w, Height: h,
		Rotation: l.Rotation, Opacity: l.Opacity * a.opacity, Crop: l.Crop,
		ScaleX: sx, ScaleY: sy, Clip: a.clip,
	}, nil
}

// Draw fits a picture of the given size in its own pixels, its crop not yet applied.
// aspect is the width of one of them by its height (the sample aspect ratio), 1 for square
// ones. ok is false when nothing of it is to be seen.
func (p Placed) Draw(width, height, aspect float64) (d Drawing, ok bool) {
	c := p.Crop
	src := Rect{float64(c.Left), float64(c.Top), width - float64(c.Left) - float64(c.Right), height - float64(c.Top) - float64(c.Bottom)}
	// Shapes are fitted in square pixels.
	src.X, src.Width = src.X*aspect, src.Width*aspect
	dst := Rect{p.X, p.Y, p.Width, p.Height}
	if src.Empty() || dst.Empty() {
		return Drawing{}, false
	}
	// The picture's own size as it appears through the scenes around it.
	w, h := src.Width*p.ScaleX, src.Height*p.ScaleY
	switch p.Fit {
	case Contain:
		k := math.Min(dst.Width/w, dst.Height/h)
		dst = dst.centred(w*k, h*k)
	case Cover:
		k := math.Max(dst.Width/w, dst.Height/h)
		src = src.centred(dst.Width/k/p.ScaleX, dst.Height/k/p.ScaleY)
	case None:
		if p.ScaleX == 1 && p.ScaleY == 1 && math.Mod(p.Rotation, 360) == 0 {
			src.X, dst.X, dst.Width = pixelForPixel(src.X, src.Width, dst.X, dst.Width)
			src.Y, dst.Y, dst.Height = pixelForPixel(src.Y, src.Height, dst.Y, dst.Height)
			src.Width, src.Height = dst.Width, dst.Height
			break
		}
		src = src.centred(math.Min(src.Width, dst.Width/p.ScaleX), math.Min(src.Height, dst.Height/p.ScaleY))
		dst = dst.centred(math.Min(w, dst.Width), math.Min(h, dst.Height))
	case Stretch:
	}
	d = Drawing{Src: src, Dst: dst, Rotation: math.Mod(math.Mod(p.Rotation, 360)+360, 360), Clip: p.Clip}
	if d.Rotation == 0 {
		if d.Dst = dst.Intersect(p.Clip); d.Dst.Empty() {
			return Drawing{}, false
		}
		if d.Dst != dst {
			kx, ky := src.Width/dst.Width, src.Height/dst.Height
			d.Src = Rect{src.X + (d.Dst.X-dst.X)*kx, src.Y + (d.Dst.Y-dst.Y)*ky, d.Dst.Width * kx, d.Dst.Height * ky}
		}
	}
	d.Src.X, d.Src.Width = d.Src.X/aspect, d.Src.Width/aspect
	return d, true
}

// pixelForPixel is one axis of None where nothing else scales: n picture pixels from from on lie
// centred in room canvas pixels from at on, as near as is possible by a whole and even number of
// pixels (two share a sample of colour), so that they are copied and not filtered: with
// half a pixel between, a score would be sharp or soft with the number of its pixels. What is
// larger than the room is cut there; what just fits may lie a pixel beside it.
func pixelForPixel(from, n, at, room float64) (src, dst, length float64) {
	// The canvas's place less the picture's. The millionth takes what rounding left of
	// a number that lies in the middle of two.
	offset := 2 * math.Ceil((at+(room-n)/2-from-1)/2-1e-6)
	if n <= room {
		return from, from + offset, n
	}
	start, end := math.Max(at, from+offset), math.Min(at+room, from+n+offset)
	return start - offset, start, end - start
}

// centred is a rectangle of the given size with r's centre.
func (r Rect) centred(width, height float64) Rect {
	return Rect{r.X + (r.Width-width)/2, r.Y + (r.Height-height)/2, width, height}
}
