package av

// #include "native.h"
import "C"

import (
	"fmt"
	"math"
	"syscall"
	"unsafe"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// Resampler changes the speed of studio sound (stereo, interleaved) by parts per
// million, so that a source with a clock of its own follows the studio's. The
// ratio may change at every call without a click. It allocates nothing in steady state.
type Resampler struct {
	swr *C.SwrContext
	ppm float64
	// left is how many output frames the compensation in force still covers.
	left int
}

// compensation is over how many output frames libswresample spreads a correction: so
// long that a whole number of frames in it expresses a ppm to 0.02.
const compensation = 48_000_000

// MaxPPM bounds SetPPM; a clock farther off is not a clock of the same rate.
const MaxPPM = 20_000

// NewResampler makes one at 0 ppm.
func NewResampler() (*Resampler, error) {
	r := &Resampler{swr: C.cp_swr_stereo(media.SampleRateHz)}
	if r.swr == nil {
		return nil, fmt.Errorf("av: open the resampler: %w", syscall.ENOMEM)
	}
	return r, r.arm()
}

// SetPPM sets how much more (positive) or less comes out than goes in, from the next
// Process on.
func (r *Resampler) SetPPM(ppm float64) {
	ppm = max(-MaxPPM, min(MaxPPM, ppm))
	if ppm != r.ppm {
		r.ppm, r.left = ppm, 0
	}
}

func (r *Resampler) arm() error {
	// libswresample steps 1-delta/distance through the input for each output frame.
	delta := int(math.Round(r.ppm / (1 + r.ppm/1e6) * compensation / 1e6))
	if n := C.swr_set_compensation(r.swr, C.int(delta), compensation); n < 0 {
		return wrap("resample", astiav.Error(n))
	}
	r.left = compensation / 2
	return nil
}

// Process feeds in and fills out, both interleaved, and returns how many samples of
// out it filled. What does not fit is kept for the next call; MaxOut says what fits.
func (r *Resampler) Process(in, out []float32) (int, error) {
	if r.left <= 0 {
		if err := r.arm(); err != nil {
			return 0, err
		}
	}
	n := C.cp_swr_run(r.swr, (*C.float)(unsafe.Pointer(unsafe.SliceData(in))), C.int(len(in)/media.Channels),
		(*C.float)(unsafe.Pointer(unsafe.SliceData(out))), C.int(len(out)/media.Channels))
	if n < 0 {
		return 0, wrap("resample", astiav.Error(n))
	}
	r.left -= int(n)
	return int(n) * media.Channels, nil
}

// MaxOut is how many samples Process may return for n samples of input.
func (r *Resampler) MaxOut(n int) int {
	return int(C.swr_get_out_samples(r.swr, C.int(n/media.Channels)))*media.Channels + media.Channels
}

// Delay is how many audio frames of input wait inside.
func (r *Resampler) Delay() float64 {
	return float64(C.swr_get_delay(r.swr, media.SampleRateHz*1000)) / 1000
}

// Close frees the resampler.
func (r *Resampler) Close() { C.swr_free(&r.swr) }
