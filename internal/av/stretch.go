package av

// #include <stdlib.h>
// #include "audiofilter.h"
import "C"

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// Stretch plays the studio's sound slower at the pitch that it has (libavfilter's atempo). It
// is used by one goroutine.
type Stretch struct {
	filter *C.cp_filter
	out    []float32
}

// NewStretch makes one for a speed of 0.1 to 1.
func NewStretch(speed float64) (*Stretch, error) {
	if !(speed >= 0.1 && speed <= 1) {
		return nil, fmt.Errorf("av: sound cannot be played at %v of its speed", speed)
	}
	var parts []string
	for ; speed < 0.5; speed *= 2 {
		parts = append(parts, "atempo=0.5") // which is as slow as one of them gets
	}
	parts = append(parts, fmt.Sprintf("atempo=%.9f", speed))
	graph := C.CString("[in]" + strings.Join(parts, ","))
	defer C.free(unsafe.Pointer(graph))
	s := &Stretch{}
	if n := C.cp_filter_open(&s.filter, graph, media.SampleRateHz, 0, 0, 0); n < 0 {
		return nil, fmt.Errorf("av: stretch sound: %w", reason(astiav.Error(n)))
	}
	return s, nil
}

// Process takes samples and returns what is ready of the stretched sound, which is valid until
// the next call; nil samples are the end, after which nothing may follow but Close.
func (s *Stretch) Process(samples []float32) ([]float32, error) {
	n := C.cp_filter_push(s.filter, (*C.float)(unsafe.Pointer(unsafe.SliceData(samples))), C.int(len(samples)/media.Channels))
	if n < 0 {
		return nil, wrap("stretch sound", astiav.Error(n))
	}
	size := int(n) * media.Channels
	if cap(s.out) < size {
		s.out = make([]float32, size)
	}
	if s.out = s.out[:size]; size > 0 {
		C.cp_filter_take(s.filter, (*C.float)(unsafe.Pointer(&s.out[0])), n)
	}
	return s.out, nil
}

// Close frees it.
func (s *Stretch) Close() {
	C.cp_filter_close(s.filter)
	s.filter = nil
}
