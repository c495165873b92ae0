package media

import "sync"

// FramePool hands out frames of one format and size and takes their memory back
// when they are released. It keeps at most keep idle frames; the rest go to the
// garbage collector.
type FramePool struct {
	format        PixelFormat
	width, height int
	keep          int

	mu   sync.Mutex // guards idle
	idle []*Frame
}

// NewFramePool makes an empty pool. Strides are rounded up to 64 bytes.
func NewFramePool(format PixelFormat, width, height, keep int) *FramePool {
	return &FramePool{format: format, width: width, height: height, keep: keep}
}

// Get returns a frame with one reference and undefined pixels. In steady state it
// allocates nothing.
func (p *FramePool) Get() *Frame {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		f := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		f.refs.Store(1)
		f.id = lastID.Add(1)
		f.Color, f.SAR, f.PTS, f.Number, f.Native = Rec709, Rational{}, 0, 0, nil
		f.debug.allocated(f)
		return f
	}
	p.mu.Unlock()
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

func (p *FramePool) put(f *Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < p.keep {
		p.idle = append(p.idle, f)
	}
}
