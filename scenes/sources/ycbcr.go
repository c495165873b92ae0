package sources

import (
	"math"

	"crosspoint.studio/crosspoint/internal/media"
)

// ycbcr is a colour in 8-bit code values.
type ycbcr struct{ y, cb, cr byte }

// lumaWeights are Kr and Kb of a matrix (ITU-R BT.709-6 item 3.2, BT.601-7 2.5.1,
// BT.2020-2 table 4).
func lumaWeights(m media.Matrix) (kr, kb float64) {
	switch m {
	case media.BT601:
		return 0.299, 0.114
	case media.BT2020:
		return 0.2627, 0.0593
	}
	return 0.2126, 0.0722
}

// toYCbCr converts nonlinear R'G'B' in 0..1 to code values.
func toYCbCr(r, g, b float64, c media.ColorInfo) ycbcr {
	kr, kb := lumaWeights(c.Matrix)
	y := kr*r + (1-kr-kb)*g + kb*b
	cb := (b - y) / (2 * (1 - kb))
	cr := (r - y) / (2 * (1 - kr))
	if c.Range == media.Full {
		return ycbcr{code(y * 255), code(cb*255 + 128), code(cr*255 + 128)}
	}
	return ycbcr{code(16 + 219*y), code(128 + 224*cb), code(128 + 224*cr)}
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
