package av

// #include "native.h"
import "C"

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// Quality is how a Scaler resamples.
type Quality uint8

// Qualities.
const (
	// Bicubic is for pictures people look at; anti-aliased going down, exact rounding.
	Bicubic Quality = iota + 1
	// Area averages what each pixel covers: the best way down, blocky going up.
	Area
	// Fast is bilinear without exact rounding, for thumbnails and meters.
	Fast
)

// Flags of swscale (swscale.h): accurate rounding; full chroma in and out, so that no
// chroma sample is dropped or doubled on the way to and from R'G'B'.
const (
	swsFastBilinear = 1
	swsBicubic      = 4
	swsArea         = 0x20
	swsExact        = 0x2000 | 0x4000 | 0x40000 | 0x80000 // FULL_CHR_H_INT, FULL_CHR_H_INP, ACCURATE_RND, BITEXACT
)

func (q Quality) flags() int {
	switch q {
	case Area:
		return swsArea | swsExact
	case Fast:
		return swsFastBilinear
	}
	return swsBicubic | swsExact
}

// scaleKey is all that a swscale context depends on.
type scaleKey struct {
	sw, sh, sfmt, dw, dh, dfmt int
	from, to                   media.ColorInfo
	chromaLoc                  int
}

// Scaler converts between formats, sizes and colours. It keeps the contexts of the
// last conversion only, so one Scaler for each way. Close it.
type Scaler struct {
	quality Quality
	key     scaleKey
	sws     *C.struct_SwsContext
	bounce  *media.FramePool // when the destination's rows are too tight for SIMD
	bounceW scaleKey
}

// NewScaler makes a scaler; 0 means Bicubic.
func NewScaler(q Quality) *Scaler { return &Scaler{quality: q} }

// Close frees the scaler's memory; it may be used again.
func (s *Scaler) Close() {
	if s.sws != nil {
		C.sws_freeContext(s.sws)
		s.sws = nil
	}
}

// Scale fills dst, whose format, size and colour say what is wanted, from src. PTS,
// number and SAR are not touched. Same format, size and colour is a plain copy. dst
// must be the caller's alone; src is only read.
func (s *Scaler) Scale(dst, src *media.Frame) error {
	from, to := orDefault(src.Color), orDefault(dst.Color)
	if src.Width < 1 || src.Height < 1 || dst.Width < 1 || dst.Height < 1 {
		return fmt.Errorf("av: scale %dx%d to %dx%d", src.Width, src.Height, dst.Width, dst.Height)
	}
	same := src.Width == dst.Width && src.Height == dst.Height
	yuv := src.Format != media.RGBA && dst.Format != media.RGBA
	switch {
	case same && src.Format == dst.Format && (from == to || src.Format == media.RGBA):
		media.CopyPlanes(dst, src)
		return nil
	case same && yuv && from == to:
		repack(dst, src)
		return nil
	case same && yuv:
		return recolor(dst, src, affine(from, to))
	}
	if !roomy(dst) {
		return s.viaBounce(dst, src)
	}
	target := to
	if yuv {
		target = from // scale first; the change of colour is exact and cheap on planes
	}
	in := picture{width: src.Width, height: src.Height, format: avFormat(src.Format)}
	for i := range src.Planes {
		in.data[i], in.stride[i] = planePtr(src, i), src.Planes[i].Stride
	}
	if err := s.run(dst, in, from, target); err != nil {
		return err
	}
	if yuv && from != to {
		return recolor(dst, dst, affine(from, to))
	}
	return nil
}

// picture is a source for swscale in any of libav's formats.
type picture struct {
	width, height, format int
	data                  [4]*C.uint8_t
	stride                [4]int
	chromaLoc             int
}

func (s *Scaler) run(dst *media.Frame, in picture, from, to media.ColorInfo) error {
	key := scaleKey{in.width, in.height, in.format, dst.Width, dst.Height, avFormat(dst.Format), from, to, in.chromaLoc}
	if s.sws == nil || key != s.key {
		s.Close()
		s.sws = C.cp_sws_new(C.int(in.width), C.int(in.height), C.int(in.format),
			C.int(dst.Width), C.int(dst.Height), C.int(avFormat(dst.Format)), C.int(s.quality.flags()),
			C.int(avMatrix(from.Matrix)), C.int(boolInt(from.Range == media.Full)),
			C.int(avMatrix(to.Matrix)), C.int(boolInt(to.Range == media.Full)), C.int(in.chromaLoc))
		if s.sws == nil {
			return fmt.Errorf("av: scale %s %dx%d to %v %dx%d: the conversion is not supported",
				astiav.PixelFormat(in.format).Name(), in.width, in.height, dst.Format, dst.Width, dst.Height)
		}
		s.key = key
	}
	n := C.cp_sws_scale(s.sws, C.int(in.height), in.data[0], in.data[1], in.data[2], in.data[3],
		C.int(in.stride[0]), C.int(in.stride[1]), C.int(in.stride[2]), C.int(in.stride[3]),
		planePtr(dst, 0), planePtr(dst, 1), planePtr(dst, 2),
		C.int(dst.Planes[0].Stride), C.int(dst.Planes[1].Stride), C.int(dst.Planes[2].Stride))
	if n < 0 {
		return wrap("scale", astiav.Error(n))
	}
	return nil
}

// roomy reports whether swscale may write whole vectors in dst: rows of a multiple
// of 32 bytes and whole last rows. It writes beyond the picture's width otherwise.
func roomy(dst *media.Frame) bool {
	for i := range dst.Planes {
		_, rows := media.PlaneSize(dst.Format, dst.Width, dst.Height, i)
		p := dst.Planes[i]
		if rows > 0 && (p.Stride%32 != 0 || len(p.Data) < p.Stride*rows) {
			return false
		}
	}
	return true
}

func (s *Scaler) viaBounce(dst, src *media.Frame) error {
	key := scaleKey{dw: dst.Width, dh: dst.Height, dfmt: int(dst.Format)}
	if s.bounce == nil || s.bounceW != key {
		s.bounce, s.bounceW = media.NewFramePool(dst.Format, dst.Width, dst.Height, 1), key
	}
	tmp := s.bounce.Get()
	defer tmp.Release()
	tmp.Color = dst.Color
	if err := s.Scale(tmp, src); err != nil {
		return err
	}
	media.CopyPlanes(dst, tmp)
	return nil
}

func avFormat(f media.PixelFormat) int {
	switch f {
	case media.NV12:
		return int(astiav.PixelFormatNv12)
	case media.RGBA:
		return int(astiav.PixelFormatRgba)
	}
	return int(astiav.PixelFormatYuv420P)
}

func planePtr(f *media.Frame, i int) *C.uint8_t {
	return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(f.Planes[i].Data)))
}

// chromaPtrs are the Cb and Cr samples of a 4:2:0 frame and the bytes between two.
func chromaPtrs(f *media.Frame) (u, v *C.uint8_t, stride, step C.int) {
	if f.Format == media.NV12 {
		return planePtr(f, 1), (*C.uint8_t)(unsafe.Pointer(&f.Planes[1].Data[1])), C.int(f.Planes[1].Stride), 2
	}
	return planePtr(f, 1), planePtr(f, 2), C.int(f.Planes[1].Stride), 1
}

// repack turns I420 into NV12 or back; nothing but the order of bytes changes.
func repack(dst, src *media.Frame) {
	C.cp_copy_plane(planePtr(dst, 0), C.int(dst.Planes[0].Stride), planePtr(src, 0), C.int(src.Planes[0].Stride), C.int(src.Width), C.int(src.Height))
	cw, ch := C.int((src.Width+1)/2), C.int((src.Height+1)/2)
	if src.Format == media.NV12 {
		C.cp_deinterleave(planePtr(dst, 1), C.int(dst.Planes[1].Stride), planePtr(dst, 2), C.int(dst.Planes[2].Stride), planePtr(src, 1), C.int(src.Planes[1].Stride), cw, ch)
		return
	}
	C.cp_interleave(planePtr(dst, 1), C.int(dst.Planes[1].Stride), planePtr(src, 1), C.int(src.Planes[1].Stride), planePtr(src, 2), C.int(src.Planes[2].Stride), cw, ch)
}

var errPlanes = errors.New("av: the two chroma planes differ in stride")

// recolor changes matrix and range between 4:2:0 frames of one size; dst may be src.
func recolor(dst, src *media.Frame, k [8]float32) error {
	for _, f := range [...]*media.Frame{dst, src} {
		if f.Format == media.I420 && f.Planes[1].Stride != f.Planes[2].Stride {
			return errPlanes
		}
	}
	su, sv, scs, sstep := chromaPtrs(src)
	du, dv, dcs, dstep := chromaPtrs(dst)
	if C.cp_affine(planePtr(src, 0), C.int(src.Planes[0].Stride), su, sv, scs, sstep,
		planePtr(dst, 0), C.int(dst.Planes[0].Stride), du, dv, dcs, dstep,
		C.int(src.Width), C.int(src.Height), (*C.float)(unsafe.Pointer(&k[0]))) < 0 {
		return syscall.ENOMEM
	}
	return nil
}
