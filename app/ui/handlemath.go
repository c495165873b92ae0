package ui

import (
	"math"

	"crosspoint.studio/crosspoint/scenes"
)

// handlePart is what of a layer the pointer has hold of: the inside, or sides of it.
type handlePart uint8

// Sides combine to corners.
const (
	partInside handlePart = 1 << iota
	partLeft
	partTop
	partRight
	partBottom
)

// handleParts are the eight handles round a layer.
var handleParts = [8]handlePart{
	partLeft | partTop, partTop, partRight | partTop, partRight,
	partRight | partBottom, partBottom, partLeft | partBottom, partLeft,
}

// leastLayer is the smallest side that the mouse gives a layer, in canvas pixels.
const leastLayer = 8

type point struct{ x, y float64 }

// turn rotates p by degrees clockwise.
func (p point) turn(degrees float64) point {
	if degrees == 0 {
		return p
	}
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	return point{p.x*cos - p.y*sin, p.x*sin + p.y*cos}
}

// centreOf is a layer's centre, about which it is rotated.
func centreOf(l scenes.Layer) point { return point{l.X + l.Width/2, l.Y + l.Height/2} }

// cornerOf is a handle's place on the canvas.
func cornerOf(l scenes.Layer, part handlePart) point {
	var p point
	switch {
	case part&partLeft != 0:
		p.x = -l.Width / 2
	case part&partRight != 0:
		p.x = l.Width / 2
	}
	switch {
	case part&partTop != 0:
		p.y = -l.Height / 2
	case part&partBottom != 0:
		p.y = l.Height / 2
	}
	p, c := p.turn(l.Rotation), centreOf(l)
	return point{p.x + c.x, p.y + c.y}
}

// holdOf is what of a layer is at a point of the canvas; reach is how near a handle
// the point has to be. 0 is nothing.
func holdOf(l scenes.Layer, p point, reach float64, handles bool) handlePart {
	if handles {
		for _, part := range handleParts {
			c := cornerOf(l, part)
			if math.Abs(c.x-p.x) <= reach && math.Abs(c.y-p.y) <= reach {
				return part
			}
		}
	}
	c := centreOf(l)
	q := point{p.x - c.x, p.y - c.y}.turn(-l.Rotation)
	if math.Abs(q.x) <= l.Width/2 && math.Abs(q.y) <= l.Height/2 {
		return partInside
	}
	return 0
}

// shifted is l moved by d.
func shifted(l scenes.Layer, d point) scenes.Layer {
	l.X, l.Y = l.X+d.x, l.Y+d.y
	return l
}

// scaled is l with the held sides moved by d (canvas directions); the opposite side or
// corner stays where it is. A corner keeps the shape unless free.
func scaled(l scenes.Layer, part handlePart, d point, free bool) scenes.Layer {
	d = d.turn(-l.Rotation)
	w, h := l.Width, l.Height
	switch {
	case part&partLeft != 0:
		w -= d.x
	case part&partRight != 0:
		w += d.x
	}
	switch {
	case part&partTop != 0:
		h -= d.y
	case part&partBottom != 0:
		h += d.y
	}
	corner := part&(partLeft|partRight) != 0 && part&(partTop|partBottom) != 0
	if corner && !free && l.Width > 0 && l.Height > 0 {
		k := math.Max(w/l.Width, h/l.Height)
		k = math.Max(k, leastLayer/math.Min(l.Width, l.Height))
		w, h = l.Width*k, l.Height*k
	}
	return resized(l, part, math.Max(w, leastLayer), math.Max(h, leastLayer))
}

// resized gives l a size; what is opposite the held part stays.
func resized(l scenes.Layer, part handlePart, w, h float64) scenes.Layer {
	opposite := handlePart(0)
	if part&partLeft != 0 {
		opposite |= partRight
	} else if part&partRight != 0 {
		opposite |= partLeft
	}
	if part&partTop != 0 {
		opposite |= partBottom
	} else if part&partBottom != 0 {
		opposite |= partTop
	}
	before := cornerOf(l, opposite)
	c := centreOf(l)
	l.Width, l.Height = w, h
	l.X, l.Y = c.x-w/2, c.y-h/2
	after := cornerOf(l, opposite)
	return shifted(l, point{before.x - after.x, before.y - after.y})
}

// cropped is l with the held sides of its picture cut by d; the rest of the picture
// stays where it is. picture is the source's size in its own pixels, aspect the width of one by
// its height.
func cropped(l scenes.Layer, part handlePart, d, picture point, aspect float64) scenes.Layer {
	d = d.turn(-l.Rotation)
	c := l.Crop
	seenW, seenH := picture.x-float64(c.Left+c.Right), picture.y-float64(c.Top+c.Bottom)
	if seenW <= 0 || seenH <= 0 || l.Width <= 0 || l.Height <= 0 {
		return l
	}
	kx, ky := l.Width/(seenW*aspect), l.Height/seenH // canvas pixels for a square one
	switch l.Fit {
	case scenes.Contain:
		kx = math.Min(kx, ky)
		ky = kx
	case scenes.Cover:
		kx = math.Max(kx, ky)
		ky = kx
	case scenes.None:
		kx, ky = 1, 1
	case scenes.Stretch:
	}
	kx *= aspect
	cut := func(crop int, by, k, seen float64) int {
		most := float64(crop) + seen - leastLayer
		return int(math.Round(math.Min(math.Max(float64(crop)+by/k, 0), math.Max(most, 0))))
	}
	was := c
	w, h := l.Width, l.Height
	switch {
	case part&partLeft != 0:
		c.Left = cut(c.Left, d.x, kx, seenW)
		w -= float64(c.Left-was.Left) * kx
	case part&partRight != 0:
		c.Right = cut(c.Right, -d.x, kx, seenW)
		w -= float64(c.Right-was.Right) * kx
	}
	switch {
	case part&partTop != 0:
		c.Top = cut(c.Top, d.y, ky, seenH)
		h -= float64(c.Top-was.Top) * ky
	case part&partBottom != 0:
		c.Bottom = cut(c.Bottom, -d.y, ky, seenH)
		h -= float64(c.Bottom-was.Bottom) * ky
	}
	l = resized(l, part, math.Max(w, 1), math.Max(h, 1))
	l.Crop = c
	return l
}

// guides are the lines that a layer snapped to, in canvas pixels; NaN is none.
type guides struct{ x, y float64 }

var noGuides = guides{math.NaN(), math.NaN()}

// snapLines are what layers snap to along one axis: the canvas's edges, thirds and
// centre, and other layers' edges and centres.
func snapLines(size float64, others [][2]float64) []float64 {
	out := []float64{0, size / 3, size / 2, size * 2 / 3, size}
	for _, o := range others {
		out = append(out, o[0], (o[0]+o[1])/2, o[1])
	}
	return out
}

// nearest is the smallest step that brings one of the places onto a line no further
// than reach, and that line; ok is false when none is near.
func nearest(places, lines []float64, reach float64) (step, line float64, ok bool) {
	for _, p := range places {
		for _, l := range lines {
			if d := l - p; math.Abs(d) <= reach && (!ok || math.Abs(d) < math.Abs(step)) {
				step, line, ok = d, l, true
			}
		}
	}
	return step, line, ok
}

// snapMove moves a layer onto near lines.
func snapMove(l scenes.Layer, xs, ys []float64, reach float64) (scenes.Layer, guides) {
	g := noGuides
	w, h := extent(l)
	c := centreOf(l)
	if step, line, ok := nearest([]float64{c.x - w/2, c.x, c.x + w/2}, xs, reach); ok {
		l.X += step
		g.x = line
	}
	if step, line, ok := nearest([]float64{c.y - h/2, c.y, c.y + h/2}, ys, reach); ok {
		l.Y += step
		g.y = line
	}
	return l, g
}

// extent is the size of the upright rectangle round a rotated layer.
func extent(l scenes.Layer) (w, h float64) {
	if l.Rotation == 0 {
		return l.Width, l.Height
	}
	sin, cos := math.Sincos(l.Rotation * math.Pi / 180)
	sin, cos = math.Abs(sin), math.Abs(cos)
	return l.Width*cos + l.Height*sin, l.Width*sin + l.Height*cos
}

// snapScale brings the held sides of a layer onto near lines. Rotated layers, whose
// sides are no lines of the canvas, are left alone.
func snapScale(l scenes.Layer, part handlePart, xs, ys []float64, reach float64, free bool) (scenes.Layer, guides) {
	g := noGuides
	if l.Rotation != 0 {
		return l, g
	}
	corner := part&(partLeft|partRight) != 0 && part&(partTop|partBottom) != 0
	p := cornerOf(l, part)
	if part&(partLeft|partRight) != 0 {
		if step, line, ok := nearest([]float64{p.x}, xs, reach); ok {
			l = scaledAlong(l, part&(partLeft|partRight), part, point{step, 0}, corner && !free)
			g.x = line
			if corner && !free {
				return l, g
			}
		}
	}
	if part&(partTop|partBottom) != 0 {
		if step, line, ok := nearest([]float64{p.y}, ys, reach); ok {
			l = scaledAlong(l, part&(partTop|partBottom), part, point{0, step}, corner && !free)
			g.y = line
		}
	}
	return l, g
}

// scaledAlong moves one held side; with keep the other follows, to keep the shape.
func scaledAlong(l scenes.Layer, side, part handlePart, d point, keep bool) scenes.Layer {
	if !keep {
		return scaled(l, side, d, true)
	}
	w, h := l.Width, l.Height
	k := 1.0
	switch {
	case side&partLeft != 0:
		k = (w - d.x) / w
	case side&partRight != 0:
		k = (w + d.x) / w
	case side&partTop != 0:
		k = (h - d.y) / h
	case side&partBottom != 0:
		k = (h + d.y) / h
	}
	return resized(l, part, math.Max(w*k, leastLayer), math.Max(h*k, leastLayer))
}

// tidy rounds a layer that the mouse moved to whole pixels.
func tidy(l scenes.Layer) scenes.Layer {
	l.X, l.Y = math.Round(l.X), math.Round(l.Y)
	l.Width, l.Height = math.Max(math.Round(l.Width), 1), math.Max(math.Round(l.Height), 1)
	return l
}
