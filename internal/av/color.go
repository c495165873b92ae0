package av

import (
	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// affine are the coefficients of native.c's cp_affine for the change from one
// Y'CbCr to another. Going through R'G'B' and back is one linear map; since grey
// stays grey, chroma does not depend on luma, so chroma needs no resampling.
func affine(from, to media.ColorInfo) [8]float32 {
	at := func(y, cb, cr float64) [3]float64 {
		r, g, b := from.ToRGB(y, cb, cr)
		y, cb, cr = to.FromRGB(r, g, b)
		return [3]float64{y, cb, cr}
	}
	o, dy, db, dr := at(0, 128, 128), at(1, 128, 128), at(0, 129, 128), at(0, 128, 129)
	return [8]float32{
		float32(dy[0] - o[0]), float32(db[0] - o[0]), float32(dr[0] - o[0]), float32(o[0]),
		float32(db[1] - o[1]), float32(dr[1] - o[1]), float32(db[2] - o[2]), float32(dr[2] - o[2]),
	}
}

func avMatrix(m media.Matrix) int {
	switch m {
	case media.BT601:
		return int(astiav.ColorSpaceSmpte170M)
	case media.BT2020:
		return int(astiav.ColorSpaceBt2020Ncl)
	}
	return int(astiav.ColorSpaceBt709)
}

// colorOf reads libav's tags. Unspecified matrices are BT.601 below 720 lines,
// else BT.709, which is what every camera and player assumes; unspecified range is limited.
func colorOf(matrix, full, height int) media.ColorInfo {
	c := media.ColorInfo{Matrix: media.BT709, Range: media.Limited}
	switch astiav.ColorSpace(matrix) {
	case astiav.ColorSpaceBt709:
	case astiav.ColorSpaceSmpte170M, astiav.ColorSpaceBt470Bg, astiav.ColorSpaceFcc:
		c.Matrix = media.BT601
	case astiav.ColorSpaceBt2020Ncl, astiav.ColorSpaceBt2020Cl:
		c.Matrix = media.BT2020
	default:
		if height < 720 {
			c.Matrix = media.BT601
		}
	}
	if full == 1 {
		c.Range = media.Full
	}
	return c
}

// codePoints is libav's description of a coded stream; its numbers are those of H.273.
func codePoints(p astiav.ColorPrimaries, t astiav.ColorTransferCharacteristic, m astiav.ColorSpace, r astiav.ColorRange) media.CodePoints {
	c := media.CodePoints{Primaries: uint8(p), Transfer: uint8(t), Matrix: uint8(m)}
	switch r {
	case astiav.ColorRangeMpeg:
		c.Range = media.Limited
	case astiav.ColorRangeJpeg:
		c.Range = media.Full
	}
	return c
}

// setCodePoints is the inverse, for a muxer. MP4 and MOV get a colr box where all of it is specified, Matroska a Colour element.
func setCodePoints(ctx *astiav.CodecContext, c media.CodePoints) {
	if !c.IsSet() {
		return
	}
	ctx.SetColorPrimaries(astiav.ColorPrimaries(c.Primaries))
	ctx.SetColorTransferCharacteristic(astiav.ColorTransferCharacteristic(c.Transfer))
	ctx.SetColorSpace(astiav.ColorSpace(c.Matrix))
	switch c.Range {
	case media.Limited:
		ctx.SetColorRange(astiav.ColorRangeMpeg)
	case media.Full:
		ctx.SetColorRange(astiav.ColorRangeJpeg)
	}
}

func orDefault(c media.ColorInfo) media.ColorInfo {
	if c.Matrix == 0 {
		c.Matrix = media.BT709
	}
	if c.Range == 0 {
		c.Range = media.Limited
	}
	return c
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
