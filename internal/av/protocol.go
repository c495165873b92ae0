package av

// #include <stdlib.h>
// #include <libavformat/avio.h>
import "C"

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/asticode/go-astiav"
)

// ProtocolWriter writes messages to one of libavformat's network protocols that keep
// messages apart (rist, udp): each Write is one. One goroutine writes; Interrupt may be
// called by any.
type ProtocolWriter struct {
	io        *astiav.IOContext
	interrupt *astiav.IOInterrupter

	mu     sync.Mutex
	closed bool // guarded by mu
}

// HasProtocol reports whether this FFmpeg was built with a protocol. Nothing is opened:
// librist, for one, would begin to send.
func HasProtocol(scheme string) bool {
	url := C.CString(scheme + "://x")
	defer C.free(unsafe.Pointer(url))
	return C.avio_find_protocol_name(url) != nil
}

// OpenProtocol opens url for writing with options of libavformat's. It may block as long
// as the protocol's own timeout says. Errors quote neither url nor options.
func OpenProtocol(url string, options map[string]string) (*ProtocolWriter, error) {
	d := astiav.NewDictionary()
	defer d.Free()
	for k, v := range options {
		if err := d.Set(k, v, 0); err != nil {
			return nil, fmt.Errorf("av: option %s: %w", k, reason(err))
		}
	}
	w := &ProtocolWriter{interrupt: astiav.NewIOInterrupter()}
	io, err := astiav.OpenIOContext(url, astiav.NewIOContextFlags(astiav.IOContextFlagWrite), w.interrupt, d)
	if err != nil {
		w.interrupt.Free()
		return nil, fmt.Errorf("av: open the protocol: %w", reason(err))
	}
	w.io = io
	return w, nil
}

// Write sends b as one message; b is copied. libavformat reports no error of these
// protocols here: what cannot be sent is lost.
func (w *ProtocolWriter) Write(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed && len(b) > 0 {
		w.io.Write(b)
		w.io.Flush()
	}
}

// Close ends the protocol. It may be called more than once.
func (w *ProtocolWriter) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	w.interrupt.Interrupt()
	_ = w.io.Close() // there is nothing to do about it
	w.interrupt.Free()
}
