package sources

import (
	"math"

	"crosspoint.studio/crosspoint/internal/media"
)

// ycbcr is a colour in 8-bit code values.
type ycbcr struct{ y, cb, cr byte }

// toYCbCr converts nonlinear R'G'B' in 0..1 to code values.
func toYCbCr(r, g, b float64, c media.ColorInfo) ycbcr {
	y, cb, cr := c.FromRGB(r, g, b)
	return ycbcr{code(y), code(cb), code(cr)}
}

func code(v float64) byte { return byte(min(max(math.Round(v), 0), 255)) }

// fillBox sets a rectangle of an I420 frame to a colour; it is clipped to the
// picture, and its chroma covers every pixel it touches.
func fillBox(f *media.Frame, x, y, w, h int, c ycbcr) {
	x0, y0, x1, y1 := max(x, 0), max(y, 0), min(x+w, f.Width), min(y+h, f.Height)
	if x0 >= x1 || y0 >= y1 {
		return
	}
	fillRows(f.Planes[0], x0, y0, x1, y1, c.y)
	x0, y0, x1, y1 = x0/2, y0/2, (x1+1)/2, (y1+1)/2
	fillRows(f.Planes[1], x0, y0, x1, y1, c.cb)
	fillRows(f.Planes[2], x0, y0, x1, y1, c.cr)
}

func fillRows(p media.Plane, x0, y0, x1, y1 int, v byte) {
	for y := y0; y < y1; y++ {
		row := p.Data[y*p.Stride+x0 : y*p.Stride+x1]
		for i := range row {
			row[i] = v
		}
	}
}
