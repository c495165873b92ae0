package sources

import (
	"image"
	"image/color"
	"math"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/vector"

	"crosspoint.studio/crosspoint/internal/media"
)

// textPainter draws laid-out text in a style. For one goroutine; it keeps its masks.
type textPainter struct {
	style  *textStyle
	raster vector.Rasterizer
	glyph  image.Alpha
	mask   image.Alpha // coverage of the letters
	edge   image.Alpha // coverage of letters and outline together
	field  distanceField
}

// margin is the space around the text on every side.
func (s *textStyle) margin() int { return s.BoxPadding + int(math.Ceil(s.OutlineWidth)) }

// size is that of the picture for a block.
func (s *textStyle) size(b textBlock) (width, height int) {
	width, height = s.Width, s.Height
	if width == 0 {
		width = int(math.Ceil(b.width)) + 2*s.margin()
	}
	if height == 0 {
		height = int(math.Ceil(b.height)) + 2*s.margin()
	}
	return min(max(width, 1), 8192), min(max(height, 1), 8192)
}

// paint draws b into f (RGBA, alpha not premultiplied), all of it.
func (p *textPainter) paint(f *media.Frame, b textBlock) {
	s := p.style
	area := image.Rect(0, 0, f.Width, f.Height)
	resetAlpha(&p.mask, area)
	top := float64(s.margin())
	switch s.VAlign {
	case "middle":
		top = math.Round((float64(f.Height) - b.height) / 2)
	case "bottom":
		top = float64(f.Height) - b.height - float64(s.margin())
	}
	for _, line := range b.lines {
		x := float64(s.margin())
		switch s.Align {
		case "center":
			x = (float64(f.Width) - line.width) / 2
		case "right":
			x = float64(f.Width) - line.width - float64(s.margin())
		}
		for i := range line.runs {
			p.run(&line.runs[i], x, top+line.baseline)
			x += pixels(line.runs[i].Advance)
		}
	}
	outlined := s.OutlineWidth > 0 && s.outline.A > 0
	if outlined {
		resetAlpha(&p.edge, area)
		p.field.grow(&p.edge, &p.mask, s.OutlineWidth)
	}
	for y := range f.Height {
		row := f.Planes[0].Data[y*f.Planes[0].Stride:][:f.Width*4]
		for x := range f.Width {
			// Where nothing shows, the colour is that of what is near, so that scaling
			// the picture brings no dark fringe.
			c := s.fill
			if outlined {
				c = s.outline
			}
			alpha := 0.0
			if s.box.A > 0 {
				c, alpha = s.box, s.boxAlpha(x, y, f.Width, f.Height)*float64(s.box.A)/255
			}
			px := layered{float64(c.R), float64(c.G), float64(c.B), alpha}
			if outlined {
				px.over(s.outline, p.edge.Pix[y*p.edge.Stride+x])
			}
			px.over(s.fill, p.mask.Pix[y*p.mask.Stride+x])
			row[x*4], row[x*4+1], row[x*4+2], row[x*4+3] = code(px.r), code(px.g), code(px.b), code(px.a*255)
		}
	}
}

// layered is a pixel under construction: straight colour 0..255, alpha 0..1.
type layered struct{ r, g, b, a float64 }

// over puts colour c with some coverage on top (Porter and Duff's over, for colour that
// is not premultiplied).
func (p *layered) over(c color.NRGBA, coverage uint8) {
	if coverage == 0 {
		return
	}
	a := float64(c.A) / 255 * float64(coverage) / 255
	out := a + p.a*(1-a)
	if out <= 0 {
		return
	}
	k := a / out
	p.r += (float64(c.R) - p.r) * k
	p.g += (float64(c.G) - p.g) * k
	p.b += (float64(c.B) - p.b) * k
	p.a = out
}

// boxAlpha is the box's coverage, 0..1, at a pixel: from the distance to a rectangle
// with round corners, one pixel wide at the edge or as soft as asked for.
func (s *textStyle) boxAlpha(x, y, w, h int) float64 {
	if s.BoxRadius == 0 && s.BoxSoftness == 0 {
		return 1
	}
	halfW, halfH := float64(w)/2, float64(h)/2
	r := min(s.BoxRadius, halfW, halfH)
	dx := math.Abs(float64(x)+0.5-halfW) - (halfW - r)
	dy := math.Abs(float64(y)+0.5-halfH) - (halfH - r)
	outside := math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - r
	if s.BoxSoftness <= 1 {
		return min(max(0.5-outside, 0), 1)
	}
	t := min(max(-outside/s.BoxSoftness, 0), 1)
	return t * t * (3 - 2*t)
}

// run adds the letters of a run whose origin is x, y to the mask.
func (p *textPainter) run(run *shaping.Output, x, y float64) {
	scale := pixels(run.Size) / float64(run.Face.Upem())
	for _, g := range run.Glyphs {
		p.outline(outlineOf(run.Face, g.GlyphID), x+pixels(g.XOffset), y-pixels(g.YOffset), scale)
		x += pixels(g.XAdvance)
	}
}

// outlineOf is a glyph's path; bitmap-only glyphs (some emoji) have none.
func outlineOf(face *font.Face, id font.GID) []opentype.Segment {
	switch g := face.GlyphData(id).(type) {
	case font.GlyphOutline:
		return g.Segments
	case font.GlyphSVG:
		return g.Outline.Segments
	case font.GlyphBitmap:
		if g.Outline != nil {
			return g.Outline.Segments
		}
	}
	return nil
}

// outline rasterises one glyph by itself, so that overlapping glyphs whose paths
// turn in opposite directions do not cancel, and merges it into the mask.
func (p *textPainter) outline(path []opentype.Segment, x, y, scale float64) {
	if len(path) == 0 {
		return
	}
	minX, minY, maxX, maxY := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for i := range path {
		for _, a := range path[i].ArgsSlice() {
			px, py := x+float64(a.X)*scale, y-float64(a.Y)*scale
			minX, maxX = min(minX, px), max(maxX, px)
			minY, maxY = min(minY, py), max(maxY, py)
		}
	}
	bounds := image.Rect(int(math.Floor(minX)), int(math.Floor(minY)), int(math.Ceil(maxX))+1, int(math.Ceil(maxY))+1)
	visible := bounds.Intersect(p.mask.Rect)
	if visible.Empty() || bounds.Dx() > 16384 || bounds.Dy() > 16384 {
		return
	}
	p.raster.Reset(bounds.Dx(), bounds.Dy())
	at := func(a opentype.SegmentPoint) (float32, float32) {
		return float32(x + float64(a.X)*scale - float64(bounds.Min.X)), float32(y - float64(a.Y)*scale - float64(bounds.Min.Y))
	}
	for i := range path {
		ax, ay := at(path[i].Args[0])
		switch path[i].Op {
		case opentype.SegmentOpMoveTo:
			if i > 0 {
				p.raster.ClosePath()
			}
			p.raster.MoveTo(ax, ay)
		case opentype.SegmentOpLineTo:
			p.raster.LineTo(ax, ay)
		case opentype.SegmentOpQuadTo:
			bx, by := at(path[i].Args[1])
			p.raster.QuadTo(ax, ay, bx, by)
		case opentype.SegmentOpCubeTo:
			bx, by := at(path[i].Args[1])
			cx, cy := at(path[i].Args[2])
			p.raster.CubeTo(ax, ay, bx, by, cx, cy)
		}
	}
	p.raster.ClosePath()
	resetAlpha(&p.glyph, image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	p.raster.Draw(&p.glyph, p.glyph.Rect, image.Opaque, image.Point{})
	for py := visible.Min.Y; py < visible.Max.Y; py++ {
		src := p.glyph.Pix[(py-bounds.Min.Y)*p.glyph.Stride+visible.Min.X-bounds.Min.X:][:visible.Dx()]
		dst := p.mask.Pix[py*p.mask.Stride+visible.Min.X:][:visible.Dx()]
		for i, v := range src {
			dst[i] = max(dst[i], v)
		}
	}
}

// resetAlpha makes m an empty mask of the given area, reusing its memory.
func resetAlpha(m *image.Alpha, area image.Rectangle) {
	n := area.Dx() * area.Dy()
	if cap(m.Pix) < n {
		m.Pix = make([]byte, n)
	}
	m.Pix, m.Stride, m.Rect = m.Pix[:n], area.Dx(), area
	clear(m.Pix)
}
