package av

// #include "native.h"
import "C"

import (
	"sync"
	"unsafe"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// native is what Frame.Native holds: a libav frame and the way back for it.
type native struct {
	frame *astiav.Frame
	home  *framePool
}

// framePool keeps empty AVFrame structures; their pictures' memory belongs to the
// decoder's own buffer pool.
type framePool struct {
	mu   sync.Mutex
	idle []*native // guarded by mu
	shut bool      // guarded by mu
}

func (p *framePool) get() *native {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		f := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return f
	}
	return &native{astiav.AllocFrame(), p}
}

// put gives the picture back to the decoder and keeps the structure.
func (p *framePool) put(n *native) {
	n.frame.Unref()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut || len(p.idle) >= 32 {
		n.frame.Free()
		return
	}
	p.idle = append(p.idle, n)
}

// close frees what is idle; frames still out are freed as they come back.
func (p *framePool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	for _, n := range p.idle {
		n.frame.Free()
	}
	p.idle = nil
}

func cFrame(f *astiav.Frame) *C.AVFrame { return (*C.AVFrame)(f.UnsafePointer()) }

func releaseNative(f *media.Frame) {
	n := f.Native.(*native)
	n.home.put(n)
}

// FrameMemory is media.FrameMemory of libav's frames: an encoder takes pictures that live
// there by reference.
type FrameMemory struct{}

// frameAlign is what rows and planes are aligned to: the widest vectors of the codecs.
const frameAlign = 64

// NewFrame implements media.FrameMemory. Planes are whole rows.
func (FrameMemory) NewFrame(format media.PixelFormat, width, height int) ([3]media.Plane, any) {
	f := allocPicture(format, width, height)
	if f == nil {
		return [3]media.Plane{}, nil
	}
	return wholePlanes(f, format, width, height), &native{frame: f}
}

// InUse implements media.FrameMemory.
func (FrameMemory) InUse(handle any) bool { return !handle.(*native).frame.IsWritable() }

// FreeFrame implements media.FrameMemory.
func (FrameMemory) FreeFrame(handle any) { handle.(*native).frame.Free() }

// allocPicture is a libav frame with memory; nil if there is none.
func allocPicture(format media.PixelFormat, width, height int) *astiav.Frame {
	return allocFrame(astiav.PixelFormat(avFormat(format)), width, height)
}

func allocFrame(format astiav.PixelFormat, width, height int) *astiav.Frame {
	f := astiav.AllocFrame()
	f.SetWidth(width)
	f.SetHeight(height)
	f.SetPixelFormat(format)
	if err := f.AllocBuffer(frameAlign); err != nil {
		f.Free()
		return nil
	}
	return f
}

// wholePlanes are the planes of a frame of allocPicture with whole last rows, which
// swscale wants; the memory is there.
func wholePlanes(f *astiav.Frame, format media.PixelFormat, width, height int) [3]media.Plane {
	var info C.cp_info
	C.cp_frame_info(cFrame(f), &info)
	planes := views(&info, format, width, height)
	for i := range planes {
		if p := &planes[i]; p.Data != nil {
			_, rows := media.PlaneSize(format, width, height, i)
			p.Data = wholeRows(p.Data, p.Stride*rows)
		}
	}
	return planes
}

// views are Go slices over a libav frame's planes; rows must run downwards.
func views(info *C.cp_info, format media.PixelFormat, width, height int) [3]media.Plane {
	var planes [3]media.Plane
	for i := range planes {
		rowBytes, rows := media.PlaneSize(format, width, height, i)
		if rows == 0 {
			continue
		}
		stride := int(info.linesize[i])
		planes[i] = media.Plane{Stride: stride, Data: unsafe.Slice((*byte)(unsafe.Pointer(info.data[i])), stride*(rows-1)+rowBytes)}
	}
	return planes
}

// wrapFrame makes a Frame whose planes are f's and whose release returns f.
func wrapFrame(f *native, info *C.cp_info, format media.PixelFormat, color media.ColorInfo) *media.Frame {
	w, h := int(info.width), int(info.height)
	out := media.NewFrame(format, w, h, views(info, format, w, h), releaseNative)
	out.Native, out.Color = f, color
	return out
}

// wholeRows extends b, a view of libav's memory, to n bytes: libav allocates whole rows.
func wholeRows(b []byte, n int) []byte { return unsafe.Slice(unsafe.SliceData(b), n) }
