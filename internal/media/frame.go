package media

import (
	"fmt"
	"sync/atomic"
	"time"
)

// MaxSide is how many pixels a picture from outside may have on a side. GPUs take no more than 16384 as a
// texture (Direct3D 11's limit, which all of its time keep), and the studio's own canvases have less.
const MaxSide = 16384

// PixelFormat is how a frame's planes hold its picture.
type PixelFormat uint8

// The formats a Frame may have. I420 and NV12 are what the compositor takes.
const (
	// I420 is 8-bit Y'CbCr 4:2:0 in three planes; chroma sited left as H.264 has it.
	I420 PixelFormat = iota + 1
	// NV12 is 8-bit Y'CbCr 4:2:0 in two planes, CbCr interleaved.
	NV12
	// RGBA is 8-bit R'G'B'A in one plane, alpha not premultiplied. Used for
	// graphics on their way to the compositor and for views on their way to a window.
	RGBA
)

func (f PixelFormat) String() string {
	switch f {
	case I420:
		return "I420"
	case NV12:
		return "NV12"
	case RGBA:
		return "RGBA"
	}
	return fmt.Sprintf("PixelFormat(%d)", uint8(f))
}

// Matrix is the Y'CbCr matrix coefficients (ITU-T H.273 table 4).
type Matrix uint8

// Matrices.
const (
	BT709 Matrix = iota + 1
	BT601
	BT2020
)

// Range is the quantisation range (H.273 VideoFullRangeFlag).
type Range uint8

// Ranges.
const (
	Limited Range = iota + 1 // Y' 16..235, CbCr 16..240
	Full                     // 0..255
)

// ColorInfo says what the code values mean.
type ColorInfo struct {
	Matrix Matrix
	Range  Range
}

// Rec709 is the default canvas colour.
var Rec709 = ColorInfo{BT709, Limited}

// Plane is one plane's rows. Data holds at least Stride*(rows-1)+rowBytes bytes.
type Plane struct {
	Data   []byte
	Stride int // bytes from row to row; positive
}

// Frame is one picture, by reference. It starts with one reference, owned by
// whoever received it. Planes are read-only once a frame has been passed on.
type Frame struct {
	Format        PixelFormat
	Width, Height int // luma samples; for 4:2:0 the chroma planes are (W+1)/2 x (H+1)/2
	Planes        [3]Plane
	Color         ColorInfo
	// SAR is the sample aspect ratio; not set or 1/1 means square.
	SAR Rational
	// PTS is the picture's time on the timeline of its producer: a source's own
	// for source frames, studio time for programme frames.
	PTS time.Duration
	// Number counts the producer's frames from 0.
	Number int64

	// Native is the decoder's own handle behind the planes (internal/av sets and
	// reads it) so that an encoder can take the picture without a copy; nil
	// when the planes are plain memory.
	Native any

	id      uint64
	refs    atomic.Int32
	release func(*Frame)
	debug   frameDebug
}

// NewFrame wraps planes in a frame with one reference. release runs once, when the
// last reference goes, on whatever goroutine drops it; it may be nil.
func NewFrame(format PixelFormat, width, height int, planes [3]Plane, release func(*Frame)) *Frame {
	f := &Frame{Format: format, Width: width, Height: height, Planes: planes, Color: Rec709, release: release, id: lastID.Add(1)}
	f.refs.Store(1)
	f.debug.allocated(f)
	return f
}

// lastID makes picture identities; it is a counter, not state anyone depends on.
var lastID atomic.Uint64

// ID tells pictures apart: memory is reused, an ID never is. Caches use it.
func (f *Frame) ID() uint64 { return f.id }

// Retain adds a reference and returns f.
func (f *Frame) Retain() *Frame {
	if f.refs.Add(1) <= 1 {
		panic("media: Retain of a released frame" + f.debug.where())
	}
	return f
}

// Release drops a reference; with the last one the memory goes back to its
// owner. Releasing nil is allowed and does nothing.
func (f *Frame) Release() {
	if f == nil {
		return
	}
	switch n := f.refs.Add(-1); {
	case n < 0:
		panic("media: frame released twice" + f.debug.where())
	case n == 0:
		f.debug.freed(f)
		if f.release != nil {
			f.release(f)
		}
	}
}

// Writable reports whether the caller holds the only reference.
func (f *Frame) Writable() bool { return f.refs.Load() == 1 }

// PlaneSize is the width in bytes and the height in rows of plane i of a
// width x height picture in format; zero when the format has no such plane.
func PlaneSize(format PixelFormat, width, height, i int) (rowBytes, rows int) {
	cw, ch := (width+1)/2, (height+1)/2
	switch {
	case format == RGBA && i == 0:
		return width * 4, height
	case format == RGBA || i < 0 || i > 2:
		return 0, 0
	case i == 0:
		return width, height
	case format == NV12 && i == 1:
		return cw * 2, ch
	case format == I420:
		return cw, ch
	}
	return 0, 0
}

// bytes is what the picture takes of memory.
func (f *Frame) bytes() (n int) {
	for i := range f.Planes {
		_, rows := PlaneSize(f.Format, f.Width, f.Height, i)
		n += f.Planes[i].Stride * rows
	}
	return n
}

// copyPiece is how much is copied at a time, in bytes. From 1 MB on Go copies past the caches
// (runtime, memmove_amd64.s), which takes longer here, and whoever reads the copy next, an
// encoder, has to fetch it from memory: 1.6 ms for both instead of 1.0 at 1080p.
const copyPiece = 256 << 10

// CopyPlanes copies src's pixels to dst; both must have the same format and size.
func CopyPlanes(dst, src *Frame) {
	if dst.Format != src.Format || dst.Width != src.Width || dst.Height != src.Height {
		panic(fmt.Sprintf("media: copy %v %dx%d to %v %dx%d", src.Format, src.Width, src.Height, dst.Format, dst.Width, dst.Height))
	}
	for i := range src.Planes {
		rowBytes, rows := PlaneSize(src.Format, src.Width, src.Height, i)
		s, d := src.Planes[i], dst.Planes[i]
		if rows == 0 {
			continue
		}
		if s.Stride == d.Stride {
			n := s.Stride*(rows-1) + rowBytes
			for at := 0; at < n; at += copyPiece {
				copy(d.Data[at:n], s.Data[at:min(at+copyPiece, n)])
			}
			continue
		}
		for y := range rows {
			copy(d.Data[y*d.Stride:y*d.Stride+rowBytes], s.Data[y*s.Stride:y*s.Stride+rowBytes])
		}
	}
}

// Fill sets every sample of an I420 or NV12 frame to one Y'CbCr colour.
func (f *Frame) Fill(y, cb, cr byte) {
	for i := range f.Planes {
		rowBytes, rows := PlaneSize(f.Format, f.Width, f.Height, i)
		for r := range rows {
			row := f.Planes[i].Data[r*f.Planes[i].Stride:][:rowBytes]
			switch {
			case i == 0:
				fill(row, y)
			case f.Format == NV12:
				for x := 0; x < len(row); x += 2 {
					row[x], row[x+1] = cb, cr
				}
			case i == 1:
				fill(row, cb)
			default:
				fill(row, cr)
			}
		}
	}
}

func fill(row []byte, v byte) {
	for i := range row {
		row[i] = v
	}
}
