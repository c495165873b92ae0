package compositor

import (
	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/media"
)

// Graphic is an RGBA picture converted once to the canvas's planes: premultiplied
// Y' with alpha, and premultiplied Cb, Cr with their own alpha at half size.
type Graphic struct {
	Width, Height int
	luma          []byte // 2 bytes a pixel: Y', A
	chroma        []byte // 4 bytes a sample: Cb, Cr, unused, A
	// Used bounds the pixels that are not wholly transparent.
	Used gpu.Rect
	// Opaque: no pixel is transparent at all.
	Opaque bool
}

// Empty reports that nothing of g can be seen.
func (g *Graphic) Empty() bool { return g.Used.Empty() }

// Prepare converts an RGBA frame (straight alpha, R'G'B' full range) for drawing
// and keeps the result in f.Native. It takes milliseconds, so it runs on the
// goroutine that made the frame. Other formats need no preparing.
func Prepare(f *media.Frame, color media.ColorInfo) {
	if f.Format != media.RGBA {
		return
	}
	if _, done := f.Native.(*Graphic); done {
		return
	}
	f.Native = convert(f, color)
}

// YCbCr converts one 8-bit R'G'B' colour to code values of color.
func YCbCr(r, g, b uint8, color media.ColorInfo) [3]uint8 {
	y, cb, cr := toYCbCr(r, g, b, color)
	return [3]uint8{uint8(y + 0.5), uint8(cb + 0.5), uint8(cr + 0.5)}
}

func toYCbCr(r, g, b uint8, color media.ColorInfo) (y, cb, cr float32) {
	v, u, w := color.FromRGB(float64(r)/255, float64(g)/255, float64(b)/255)
	// Full range chroma reaches half a code beyond a byte.
	return float32(v), float32(min(u, 255)), float32(min(w, 255))
}

func convert(f *media.Frame, color media.ColorInfo) *Graphic {
	w, h := f.Width, f.Height
	cw, ch := (w+1)/2, (h+1)/2
	g := &Graphic{Width: w, Height: h, luma: make([]byte, w*h*2), chroma: make([]byte, cw*ch*4), Opaque: true}
	x0, y0, x1, y1 := w, h, 0, 0
	// Premultiplied chroma of each pixel of two rows; filtered to left-sited samples:
	// horizontally 1/4 1/2 1/4 about the even pixel, vertically the mean of the pair.
	type sample struct{ cb, cr, a float32 }
	rows := [2][]sample{make([]sample, w+2), make([]sample, w+2)}
	for y := range h {
		row := f.Planes[0].Data[y*f.Planes[0].Stride:]
		out := rows[y&1]
		for x := range w {
			p := row[x*4 : x*4+4 : x*4+4]
			a := p[3]
			if a != 255 {
				g.Opaque = false
			}
			if a == 0 {
				out[x+1] = sample{}
				continue
			}
			x0, x1 = min(x0, x), max(x1, x+1)
			y0, y1 = min(y0, y), max(y1, y+1)
			lum, cb, cr := toYCbCr(p[0], p[1], p[2], color)
			k := float32(a) / 255
			g.luma[(y*w+x)*2] = uint8(lum*k + 0.5)
			g.luma[(y*w+x)*2+1] = a
			out[x+1] = sample{cb * k, cr * k, float32(a)}
		}
		out[0], out[w+1] = out[1], out[w]
		if y&1 == 0 && y != h-1 {
			continue
		}
		top := rows[0]
		bottom := rows[y&1]
		for x := range cw {
			var s sample
			for _, r := range [2][]sample{top, bottom} {
				l, m, n := r[2*x], r[2*x+1], r[2*x+2]
				s.cb += l.cb + 2*m.cb + n.cb
				s.cr += l.cr + 2*m.cr + n.cr
				s.a += l.a + 2*m.a + n.a
			}
			o := g.chroma[((y/2)*cw+x)*4:]
			o[0], o[1], o[3] = uint8(s.cb/8+0.5), uint8(s.cr/8+0.5), uint8(s.a/8+0.5)
		}
	}
	if x1 > x0 {
		g.Used = gpu.Rect{X: x0, Y: y0, W: x1 - x0, H: y1 - y0}
	}
	return g
}
