package av

// #include <stdlib.h>
// #include "audiofilter.h"
// #cgo noescape cp_filter_run
// #cgo nocallback cp_filter_run
import "C"

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// AudioFilterOptions describe a libavfilter graph for the studio's sound.
type AudioFilterOptions struct {
	// Graph is libavfilter's description of it, from [in] (and [key]) on; its last output
	// is what comes out. It must neither change rate and layout nor drop anything.
	Graph string
	// Keyed: the graph also takes [key], the sound that it listens to.
	Keyed bool
	// Planar: its filters work on planes; else they take interleaved samples. The wrong one
	// works too, but libavfilter converts.
	Planar bool
	// Delay is how many audio frames the graph's filters delay the sound by.
	Delay int
	// Pad is how many frames of silence come out first, for filters that work on blocks of
	// their own length: at least one such block.
	Pad int
}

// AudioFilter runs a libavfilter graph on the studio's sound (stereo, interleaved, 48
// kHz): as many samples come out as go in, Latency frames later. The graph calculates in
// doubles. It is used by one goroutine and allocates nothing of Go's in steady state.
type AudioFilter struct {
	filter  *C.cp_filter
	latency int
}

// NewAudioFilter makes the graph.
func NewAudioFilter(opt AudioFilterOptions) (*AudioFilter, error) {
	graph := C.CString(opt.Graph)
	defer C.free(unsafe.Pointer(graph))
	f := &AudioFilter{latency: opt.Delay + opt.Pad}
	n := C.cp_filter_open(&f.filter, graph, media.SampleRateHz, C.int(boolInt(opt.Planar)), C.int(boolInt(opt.Keyed)), C.int(opt.Pad))
	if n < 0 {
		return nil, fmt.Errorf("av: make the filter %q: %w", opt.Graph, reason(astiav.Error(n)))
	}
	return f, nil
}

// errFilterClosed: Process after Close.
var errFilterClosed = errors.New("av: the filter is closed")

// Process replaces samples by what comes out for them. key is as long, or nil for
// silence. After an error the samples are of no use, and the filter may be closed only.
func (f *AudioFilter) Process(samples, key []float32) error {
	if f.filter == nil {
		return errFilterClosed
	}
	if len(samples) == 0 {
		return nil
	}
	if key != nil && len(key) != len(samples) {
		return fmt.Errorf("av: filter: %d samples of key for %d: %w", len(key), len(samples), syscall.EINVAL)
	}
	n := C.cp_filter_run(f.filter, (*C.float)(unsafe.Pointer(&samples[0])), (*C.float)(unsafe.Pointer(unsafe.SliceData(key))), C.int(len(samples)/media.Channels))
	if n < 0 {
		return wrap("filter sound", astiav.Error(n))
	}
	return nil
}

// Latency is how many audio frames later the sound comes out.
func (f *AudioFilter) Latency() int { return f.latency }

// Close frees the graph.
func (f *AudioFilter) Close() {
	C.cp_filter_close(f.filter)
	f.filter = nil
}
