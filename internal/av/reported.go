package av

// #include "native.h"
// #cgo noescape cp_reported
// #cgo nocallback cp_reported
import "C"

import (
	"unsafe"

	"github.com/asticode/go-astiav"
)

// reported tells whether a packet has the sender's wall clock: libavformat's RTP demuxer
// attaches it from a stream's first sender report on.
func reported(p *astiav.Packet) bool {
	// The packet is the only field of go-astiav's struct and has no accessor in v0.39.0 (the
	// version is pinned; every test that reads would crash at once).
	return C.cp_reported((*struct{ c *C.AVPacket })(unsafe.Pointer(p)).c) != 0
}
