package av

// #include "deinterlace.h"
import "C"

import (
	"errors"
	"io"
	"time"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// fieldRateSlack is by how much a canvas may be slower than the fields and still show each:
// 59.94 of 60.
const fieldRateSlack = 1.002

// deinterlacer makes whole pictures of interlaced ones (bwdif, of libavfilter, parity by the
// picture's own flag), one picture later: its neighbours tell it what moves. Its graph is
// made for the first picture that is flagged, so progressive streams cost nothing; later
// pictures that are not flagged go through it by reference. One goroutine.
type deinterlacer struct {
	on     bool
	fields bool          // each field becomes a picture
	step   time.Duration // from one field to the next
	graph  *C.cp_deint   // nil: nothing interlaced has come
	since  int           // pictures out since the last one went in
	first  time.Duration // PTS of the first of them
}

func newDeinterlacer(s *Stream, opt VideoDecoderOptions) deinterlacer {
	d := deinterlacer{on: opt.Deinterlace, step: 20 * time.Millisecond}
	if s.FPS.IsSet() {
		rate := media.NewRational(2*s.FPS.Num, s.FPS.Den)
		d.step = media.TickTime(1, rate)
		d.fields = opt.Rate.IsSet() && rate.Float() <= opt.Rate.Float()*fieldRateSlack
	}
	return d
}

// wants: n's picture, which is flagged or not, is to go in. What bwdif does not take (less than
// four rows) is shown as it is.
func (d *deinterlacer) wants(n *native, interlaced bool) bool {
	if d.graph != nil && C.cp_deint_fits(d.graph, cFrame(n.frame)) == 0 {
		d.close() // with the last picture of the size before
	}
	if d.graph == nil && d.on && interlaced {
		d.on = C.cp_deint_open(&d.graph, cFrame(n.frame), C.int(boolInt(d.fields))) >= 0
	}
	return d.graph != nil
}

// push takes n's picture. The pictures that are ready have been pulled before.
func (d *deinterlacer) push(n *native, pts time.Duration) error {
	d.since = 0
	if e := C.cp_deint_push(d.graph, cFrame(n.frame), C.int64_t(pts)); e < 0 {
		return wrap("deinterlace", astiav.Error(e))
	}
	return nil
}

// end lets the last picture come out.
func (d *deinterlacer) end() error {
	d.since = 0
	if e := C.cp_deint_push(d.graph, nil, 0); e < 0 {
		return wrap("deinterlace", astiav.Error(e))
	}
	return nil
}

// pull fills n, which is empty, with the next picture that is ready; ErrAgain, or io.EOF
// after end.
func (d *deinterlacer) pull(n *native) (time.Duration, error) {
	var v C.int64_t
	if e := C.cp_deint_pull(d.graph, cFrame(n.frame), &v); e < 0 {
		switch err := astiav.Error(e); {
		case errors.Is(err, astiav.ErrEagain):
			return 0, ErrAgain
		case errors.Is(err, astiav.ErrEof):
			return 0, io.EOF
		default:
			return 0, wrap("deinterlace", err)
		}
	}
	pts := time.Duration(v)
	if d.since++; d.since == 1 {
		d.first = pts
	} else {
		pts = min(pts, d.first+d.step) // half the way to the next picture, which may be far
	}
	return pts, nil
}

func (d *deinterlacer) close() {
	C.cp_deint_close(d.graph)
	d.graph = nil
}
