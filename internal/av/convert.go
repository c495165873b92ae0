package av

// #include "native.h"
import "C"

import (
	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// converter brings decoded pictures to the canvas: by reference when they are
// 4:2:0 in its colour already, else into pooled memory. One goroutine.
type converter struct {
	canvas media.ColorInfo
	sar    media.Rational // what the container says of pictures of the first one's size
	first  [2]int         // that size
	scaler Scaler         // any format to 4:2:0 or RGBA at the same size
	pools  [4]*media.FramePool
	sizes  [4]poolSize
}

type poolSize struct {
	format        media.PixelFormat
	width, height int
}

// slots of converter.pools: the picture itself, and the turned one.
const (
	slotPicture = iota
	slotColor
	slotTurned
)

func (c *converter) buffer(slot int, format media.PixelFormat, width, height int) *media.Frame {
	size := poolSize{format, width, height}
	if c.pools[slot] == nil || c.sizes[slot] != size {
		if old := c.pools[slot]; old != nil {
			old.Close()
		}
		c.sizes[slot] = size
		if format == media.RGBA { // the compositor hangs what it prepares on these
			c.pools[slot] = media.NewFramePool(format, width, height, 8)
		} else {
			c.pools[slot] = media.NewFramePoolIn(FrameMemory{}, format, width, height, 8)
		}
	}
	return c.pools[slot].Get()
}

// take turns n into a frame for the canvas; n is the converter's from here on.
// PTS is not set.
func (c *converter) take(n *native) (*media.Frame, error) {
	var info C.cp_info
	C.cp_frame_info(cFrame(n.frame), &info)
	f, err := c.picture(n, &info)
	if err != nil {
		return nil, err
	}
	size := [2]int{int(info.width), int(info.height)}
	if c.first == [2]int{} {
		c.first = size
	}
	switch {
	case c.sar.IsSet() && size == c.first:
		f.SAR = believed(c.sar)
	case info.sar_num > 0 && info.sar_den > 0:
		f.SAR = believed(media.NewRational(int64(info.sar_num), int64(info.sar_den)))
	}
	if info.transpose != 0 || info.flip_x != 0 || info.flip_y != 0 {
		f = c.turn(f, info.transpose != 0, info.flip_x != 0, info.flip_y != 0)
	}
	return f, nil
}

// maxSAR is how wide or, turned over, how narrow a sample may be. What films and cameras have is between
// 1/4 and 4; what goes beyond this is a mistake, or meant to be one, and would make a picture
// of a size that nothing can hold.
const maxSAR = 64

// believed is a sample aspect ratio within what maxSAR says.
func believed(sar media.Rational) media.Rational {
	switch {
	case sar.Num > maxSAR*sar.Den:
		return media.Rational{Num: maxSAR, Den: 1}
	case sar.Den > maxSAR*sar.Num:
		return media.Rational{Num: 1, Den: maxSAR}
	}
	return sar
}

func (c *converter) picture(n *native, info *C.cp_info) (*media.Frame, error) {
	w, h := int(info.width), int(info.height)
	own := colorOf(int(info.matrix), int(info.full), h)
	forward := info.linesize[0] > 0
	plain := (info.kind == C.CP_I420 || info.kind == C.CP_NV12) && forward
	format := media.I420
	if info.kind == C.CP_NV12 {
		format = media.NV12
	}
	switch {
	case plain && own == c.canvas && centred(info) == 0:
		return wrapFrame(n, info, format, own), nil
	case plain && centred(info) == 0:
		src := wrapFrame(n, info, format, own)
		defer src.Release()
		out := c.buffer(slotColor, format, w, h)
		out.Color = c.canvas
		if err := recolor(out, src, affine(own, c.canvas)); err != nil {
			out.Release()
			return nil, err
		}
		return out, nil
	}
	defer n.home.put(n)
	in := picture{width: w, height: h, format: int(info.format), chromaLoc: int(info.chroma_loc)}
	for i := range in.data {
		in.data[i], in.stride[i] = (*C.uint8_t)(info.data[i]), int(info.linesize[i])
	}
	rgb := info.kind == C.CP_OTHER_RGB
	if rgb {
		own.Range = media.Full // what R'G'B' is; its matrix is that of the Y'CbCr it becomes
		own.Matrix = c.canvas.Matrix
	}
	if info.alpha != 0 {
		out := c.buffer(slotPicture, media.RGBA, w, h)
		out.Color = c.canvas
		return out, c.check(out, c.scaler.run(out, in, own, media.ColorInfo{Matrix: own.Matrix, Range: media.Full}))
	}
	out := c.buffer(slotPicture, media.I420, w, h)
	out.Color = c.canvas
	if rgb {
		return out, c.check(out, c.scaler.run(out, in, own, c.canvas))
	}
	// Depth and subsampling by swscale, which would change the matrix by way of
	// 8-bit R'G'B'; matrix and range by ourselves, exactly.
	err := c.scaler.run(out, in, own, own)
	if err == nil && own != c.canvas {
		err = recolor(out, out, affine(own, c.canvas))
	}
	return out, c.check(out, err)
}

// check releases out when err is set, and passes err on.
func (c *converter) check(out *media.Frame, err error) error {
	if err != nil {
		out.Release()
	}
	return err
}

// centred reports 4:2:0 chroma that is said not to be sited left (JPEG cameras,
// MPEG-1, most HEVC of 2020 top-left): resampled, so that colour edges stay in place.
func centred(info *C.cp_info) int {
	loc := astiav.ChromaLocation(info.chroma_loc)
	if loc == astiav.ChromaLocationUnspecified || loc == astiav.ChromaLocationLeft {
		return 0
	}
	return int(loc)
}

// turn brings a picture upright, consuming f. Turned by a quarter, left-sited chroma
// is sited above instead; that eighth of a pixel is left uncorrected.
func (c *converter) turn(f *media.Frame, transpose, flipX, flipY bool) *media.Frame {
	w, h := f.Width, f.Height
	if transpose {
		w, h = h, w
	}
	out := c.buffer(slotTurned, f.Format, w, h)
	out.Color, out.SAR = f.Color, f.SAR
	if transpose && f.SAR.IsSet() {
		out.SAR = f.SAR.Inv()
	}
	for i := range f.Planes {
		rowBytes, rows := media.PlaneSize(f.Format, w, h, i)
		if rows == 0 {
			continue
		}
		bytes := 1
		switch {
		case f.Format == media.RGBA:
			bytes = 4
		case f.Format == media.NV12 && i == 1:
			bytes = 2
		}
		C.cp_turn(planePtr(out, i), C.int(out.Planes[i].Stride), planePtr(f, i), C.int(f.Planes[i].Stride),
			C.int(rowBytes/bytes), C.int(rows), C.int(bytes), C.int(boolInt(transpose)), C.int(boolInt(flipX)), C.int(boolInt(flipY)))
	}
	f.Release()
	return out
}

func (c *converter) close() {
	c.scaler.Close()
	for _, p := range c.pools {
		if p != nil {
			p.Close()
		}
	}
}
