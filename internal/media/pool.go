package media

import (
	"slices"
	"sync"
)

// FrameMemory is where a pool's frames live if that is not Go's own memory: memory that a
// codec can refer to without a copy.
type FrameMemory interface {
	// NewFrame makes planes for one picture, with undefined pixels, and the handle that
	// Frame.Native will have; nil if there is none to be had, and Go's memory is taken.
	NewFrame(format PixelFormat, width, height int) (planes [3]Plane, handle any)
	// InUse reports that somebody but the pool still refers to the memory.
	InUse(handle any) bool
	// FreeFrame gives the memory back; whoever refers to it keeps it.
	FreeFrame(handle any)
}

// FramePool hands out frames of one format and size and takes their memory back
// when they are released. It keeps at most keep idle frames, and of those that nobody
// needed during the last poolWindow calls of Get only one; the rest go to the garbage
// collector or back to where they are from. So a moment in which many were out leaves no
// memory behind.
type FramePool struct {
	format        PixelFormat
	width, height int
	keep          int
	memory        FrameMemory // nil: Go's

	mu     sync.Mutex // guards what follows
	idle   []*Frame   // the one that came back last at the end
	closed bool
	gets   int // calls of Get in this window
	least  int // idle frames that all of them left, at least
}

// poolWindow is how many calls of Get show what is needed: about ten seconds of pictures.
const poolWindow = 256

// NewFramePool makes an empty pool. Strides are rounded up to 64 bytes.
func NewFramePool(format PixelFormat, width, height, keep int) *FramePool {
	return &FramePool{format: format, width: width, height: height, keep: keep}
}

// NewFramePoolIn is NewFramePool with frames in memory. Close it.
func NewFramePoolIn(memory FrameMemory, format PixelFormat, width, height, keep int) *FramePool {
	p := NewFramePool(format, width, height, keep)
	p.memory = memory
	return p
}

// Get returns a frame with one reference and undefined pixels. In steady state it
// allocates nothing.
func (p *FramePool) Get() *Frame {
	if f := p.take(); f != nil {
		native := f.Native
		if p.memory == nil {
			native = nil // what somebody hung on it, not the pool's
		}
		f.refs.Store(1)
		f.id = lastID.Add(1)
		f.Color, f.SAR, f.PTS, f.Number, f.Native = Rec709, Rational{}, 0, 0, native
		f.debug.allocated(f)
		return f
	}
	if p.memory != nil {
		if planes, handle := p.memory.NewFrame(p.format, p.width, p.height); handle != nil {
			f := NewFrame(p.format, p.width, p.height, planes, p.put)
			f.Native = handle
			return f
		}
	}
	var planes [3]Plane
	total := 0
	for i := range planes {
		rowBytes, rows := PlaneSize(p.format, p.width, p.height, i)
		planes[i].Stride = (rowBytes + 63) &^ 63
		total += planes[i].Stride * rows
	}
	buf := make([]byte, total)
	for i := range planes {
		_, rows := PlaneSize(p.format, p.width, p.height, i)
		n := planes[i].Stride * rows
		planes[i].Data, buf = buf[:n:n], buf[n:]
	}
	return NewFrame(p.format, p.width, p.height, planes, p.put)
}

// take is the frame that came back last and that nobody refers to; nil if there is none.
func (p *FramePool) take() *Frame {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.idle) - 1; i >= 0; i-- {
		f := p.idle[i]
		if p.inUse(f) {
			continue
		}
		copy(p.idle[i:], p.idle[i+1:])
		p.idle[len(p.idle)-1] = nil
		p.idle = p.idle[:len(p.idle)-1]
		p.shrink()
		return f
	}
	p.shrink()
	return nil
}

// shrink frees, at the end of a window, what could have been handed out all through it,
// but for one; mu is held.
func (p *FramePool) shrink() {
	ready := 0
	for _, f := range p.idle {
		if !p.inUse(f) {
			ready++
		}
	}
	if p.gets == 0 {
		p.least = ready
	}
	p.least = min(p.least, ready)
	if p.gets++; p.gets < poolWindow {
		return
	}
	p.gets = 0
	surplus := p.least - 1
	p.idle = slices.DeleteFunc(p.idle, func(f *Frame) bool { // the one that has been idle longest first
		if surplus <= 0 || p.inUse(f) {
			return false
		}
		surplus--
		p.free(f)
		return true
	})
}

// inUse: somebody but the pool refers to the memory of f.
func (p *FramePool) inUse(f *Frame) bool {
	return p.memory != nil && f.Native != nil && p.memory.InUse(f.Native)
}

func (p *FramePool) put(f *Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < p.keep && !p.closed {
		p.idle = append(p.idle, f)
		return
	}
	p.free(f)
}

func (p *FramePool) free(f *Frame) {
	if p.memory != nil && f.Native != nil {
		p.memory.FreeFrame(f.Native)
		f.Native, f.Planes = nil, [3]Plane{}
	}
}

// Close gives idle frames back; those still out follow when they are released. A closed
// pool may still be asked for frames.
func (p *FramePool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, f := range p.idle {
		p.free(f)
	}
	p.idle = nil
}
