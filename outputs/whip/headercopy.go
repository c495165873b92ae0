package whip

import (
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// headerCopy is an interceptor between the one that repeats packets and the one that
// writes transport-wide numbers into their headers: the latter gets a copy. Without it
// two NACKs for one packet, which pion answers in two goroutines, write to the one
// header that is kept for repetition (a data race in interceptor v0.1.48).
type headerCopy struct{ interceptor.NoOp }

// NewInterceptor implements interceptor.Factory; headerCopy has no state.
func (h headerCopy) NewInterceptor(string) (interceptor.Interceptor, error) { return &h, nil }

// BindLocalStream implements interceptor.Interceptor.
func (*headerCopy) BindLocalStream(_ *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		own := h.Clone()
		return w.Write(&own, payload, a)
	})
}
