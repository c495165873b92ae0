package media

// CodePoints say what a coded picture's values mean in the numbers of ITU-T H.273 (clause 8), which
// bitstreams and containers share; 2 is unspecified. The zero value says that nothing is known: 0 is
// reserved, but for a matrix, where it is R'G'B'.
type CodePoints struct {
	Primaries, Transfer, Matrix uint8
	Range                       Range // not set where it is not said
}

// IsSet reports whether anything is known.
func (c CodePoints) IsSet() bool { return c != CodePoints{} }

// LumaWeights are KR and KB of a matrix (H.273 table 4; BT.709-6 item 3.2, BT.601-7
// clause 2.5.1, BT.2020-2 table 4, non-constant luminance).
func (m Matrix) LumaWeights() (kr, kb float64) {
	switch m {
	case BT601:
		return 0.299, 0.114
	case BT2020:
		return 0.2627, 0.0593
	}
	return 0.2126, 0.0722
}

// scales are the code values of full-scale luma and chroma, and of black.
func (r Range) scales() (luma, chroma, black float64) {
	if r == Full {
		return 255, 255, 0
	}
	return 219, 224, 16
}

// ToRGB is the exact R'G'B' (0..1, not clipped) of 8-bit code values, which need not
// be whole.
func (c ColorInfo) ToRGB(y, cb, cr float64) (r, g, b float64) {
	kr, kb := c.Matrix.LumaWeights()
	ls, cs, black := c.Range.scales()
	y, cb, cr = (y-black)/ls, (cb-128)/cs, (cr-128)/cs
	r = y + 2*(1-kr)*cr
	b = y + 2*(1-kb)*cb
	g = (y - kr*r - kb*b) / (1 - kr - kb)
	return r, g, b
}

// FromRGB is the inverse of ToRGB; the code values are neither rounded nor clipped.
func (c ColorInfo) FromRGB(r, g, b float64) (y, cb, cr float64) {
	kr, kb := c.Matrix.LumaWeights()
	ls, cs, black := c.Range.scales()
	l := kr*r + (1-kr-kb)*g + kb*b
	return l*ls + black, (b-l)/(2*(1-kb))*cs + 128, (r-l)/(2*(1-kr))*cs + 128
}
