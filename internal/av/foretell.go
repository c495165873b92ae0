package av

// #include "native.h"
import "C"

import (
	"strings"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media/h264"
)

// foretell fills in what the headers say of streams by way of their codec, which libavformat would
// decode a picture to know (20 of the 26 ms that opening a 1080p file takes), and returns 1 for
// each of them: then none is. It is so of H.264 in MP4 and MOV, progressive, 4:2:0 of 8 bits, with
// a single SPS that tells in which order its pictures come; of everything else pictures
// are decoded: of Matroska's, which has no decoding times, libavformat makes those too.
func (in *Input) foretell() []C.char {
	streams := in.ctx.Streams()
	known := make([]C.char, max(len(streams), 1))
	if !strings.HasPrefix(in.ctx.InputFormat().Name(), "mov,") {
		return known
	}
	for i, st := range streams {
		p := st.CodecParameters()
		if p.CodecID() != astiav.CodecIDH264 || p.PixelFormat() != astiav.PixelFormatNone {
			continue
		}
		c, err := h264.ParseAVCC(p.ExtraData())
		if err != nil || len(c.SPS) != 1 {
			continue
		}
		sps, err := h264.ParseSPS(c.SPS[0])
		if err != nil || sps.ChromaFormat != 1 || sps.BitDepthLuma != 8 || sps.BitDepthChroma != 8 || sps.Interlaced ||
			sps.VUI.Reorder < 0 || sps.Width != p.Width() || sps.Height != p.Height() {
			continue
		}
		switch sps.VUI.FullRange {
		case 0:
			p.SetColorRange(astiav.ColorRangeMpeg)
		case 1:
			p.SetColorRange(astiav.ColorRangeJpeg)
		}
		p.SetPixelFormat(astiav.PixelFormatYuv420P)
		if p.ColorRange() == astiav.ColorRangeJpeg {
			p.SetPixelFormat(astiav.PixelFormatYuvj420P)
		}
		const unspecified = 2 // both number these as H.273 does
		if sps.VUI.Matrix != unspecified {
			p.SetColorSpace(astiav.ColorSpace(sps.VUI.Matrix))
		}
		if sps.VUI.Primaries != unspecified || sps.VUI.Transfer != unspecified {
			C.cp_stream_color(cFormat(in.ctx), C.int(i), C.int(sps.VUI.Primaries), C.int(sps.VUI.Transfer))
		}
		if sps.VUI.SARWidth > 0 && sps.VUI.SARHeight > 0 {
			p.SetSampleAspectRatio(astiav.NewRational(sps.VUI.SARWidth, sps.VUI.SARHeight))
		}
		known[i] = 1
	}
	return known
}
