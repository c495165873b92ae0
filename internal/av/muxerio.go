package av

// #include "native.h"
import "C"

import (
	"io"
	"sync"
	"unsafe"

	"github.com/asticode/go-astiav"
)

// writers are the muxers by their I/O context's opaque pointer. go-astiav copies whatever a
// muxer writes for its callback, which is as much garbage as the stream is long; here the
// callback borrows libavformat's memory instead.
var writers sync.Map // unsafe.Pointer to *Muxer

// openIO gives the muxer's context something to write to; seek is nil where nothing can be
// rewritten. freeIO ends it.
func (m *Muxer) openIO(size int, seek astiav.IOContextSeekFunc) error {
	var err error
	if m.io, err = astiav.AllocIOContext(size, true, nil, seek, nil); err != nil {
		return reason(err)
	}
	m.ctx.SetPb(m.io)
	m.opaque = C.cp_borrow_writes(cFormat(m.ctx))
	writers.Store(m.opaque, m)
	return nil
}

// freeIO comes after the context that writes has been freed.
func (m *Muxer) freeIO() {
	if m.io == nil {
		return
	}
	writers.Delete(m.opaque)
	m.io.Free()
	m.io, m.opaque = nil, nil
}

//export goMuxerWrite
func goMuxerWrite(opaque unsafe.Pointer, buf *C.uint8_t, size C.int) C.int {
	m, ok := writers.Load(opaque)
	if !ok || m.(*Muxer).write(unsafe.Slice((*byte)(buf), int(size))) != nil {
		return C.int(astiav.ErrEio)
	}
	return size
}

// write passes b on, which is valid for the call only; its error is m's last.
func (m *Muxer) write(b []byte) error {
	if m.failed != nil {
		return m.failed
	}
	var err error
	if m.file != nil {
		err = m.writeFile(b)
	} else {
		err = m.opt.Write(b)
	}
	if err != nil {
		m.failed = err
		return err
	}
	m.written += int64(len(b))
	return nil
}

// seek implements libav's whence values: the usual three, and AVSEEK_SIZE.
func (m *Muxer) seek(offset int64, whence int) (int64, error) {
	const size, force = 0x10000, 0x20000
	if whence&size != 0 {
		st, err := m.file.Stat()
		if err != nil {
			return 0, astiav.ErrEio
		}
		return st.Size(), nil
	}
	switch whence &^ force {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += m.end.at
	default:
		st, err := m.file.Stat()
		if err != nil {
			return 0, astiav.ErrEio
		}
		offset += st.Size()
	}
	if offset < 0 {
		return 0, astiav.ErrEio
	}
	m.end.at = offset
	return offset, nil
}
