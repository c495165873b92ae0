package whip

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"crosspoint.studio/crosspoint/outputs"
)

const (
	// rateFloor is the least share of the configured bitrate, and rateStep what is added
	// of it every rateClimb: the conventions of every protocol here.
	rateFloor = 0.10
	rateStep  = 0.10
	rateClimb = 4 * time.Second
	// rateHold is the least time between two changes: each costs the encoder a little.
	rateHold = time.Second
	// A change smaller than this share of the present bitrate is none.
	rateHysteresis = 0.05
	// rateSilence without transport-wide feedback, which comes every 100 ms or so, is a
	// path that takes nothing: GCC itself changes nothing without feedback.
	rateSilence = 1500 * time.Millisecond
	// packetOverhead is what RTP, extensions and SRTP add to a payload that is full.
	packetOverhead = 1.04
	// lossHigh and lossLow, in percent, are the draft's (section 6): above the one the bitrate goes
	// down by half the loss, below the other it comes back, between them it stays.
	lossHigh, lossLow = 10, 2
	// lossKeeps is the share of what arrives below which losses do not push the bitrate: the draft's
	// own factor for the delay.
	lossKeeps = 0.85
	// ratePeriod is the least time over which losses are looked at.
	ratePeriod = 900 * time.Millisecond
	// rateHeadroom is how far above the stream's own bitrate GCC's estimate may go, so
	// that a keyframe's burst does not count as the limit of the path.
	rateHeadroom = 1.5
)

// Of pion's GCC the delay-based half is used. Its loss-based half takes (1 - p/2) of its own
// estimate five times a second for as long as packets are lost, by the memory of losses even
// longer; the draft means an estimate that is sent at, and an encoder needs a second or more
// to follow, or does not follow at all. So a second of 40 % loss took it to a third of the path, and five
// of them to the floor. rateControl has the same rule once a second, from the bitrate that the
// encoder was told, by the losses of that second, and not below what arrives.

// estimator is GCC (draft-ietf-rmcat-gcc-02) of pion without its pacer, which would hold
// back sound: pictures are spread by sendPictures. The zero value is not usable.
type estimator struct {
	*gcc.SendSideBWE
	pass *passing

	mu    sync.Mutex
	clock arrivalClock // guarded by mu
}

// passing is a pacer that does not pace. Of pion's it differs in that repeated packets,
// whose SSRC nobody has announced, go the way of the stream that they repeat.
type passing struct{ last interceptor.RTPWriter }

// AddStream implements gcc.Pacer.
func (p *passing) AddStream(_ uint32, w interceptor.RTPWriter) { p.last = w }

// Write implements gcc.Pacer. Nobody calls it: packets go to what AddStream was given.
func (p *passing) Write(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
	return p.last.Write(h, payload, a)
}

// SetTargetBitrate implements gcc.Pacer.
func (*passing) SetTargetBitrate(int) {}

// Close implements gcc.Pacer.
func (*passing) Close() error { return nil }

// newEstimator makes one for streams of totalBPS, all together. It must be closed, which
// the connection that it is given to does.
func newEstimator(totalBPS int64) (*estimator, error) {
	pass := &passing{}
	most := int(float64(totalBPS) * packetOverhead * rateHeadroom)
	bwe, err := gcc.NewSendSideBWE(gcc.SendSideBWEInitialBitrate(most), gcc.SendSideBWEMinBitrate(max(most/40, 30_000)),
		gcc.SendSideBWEMaxBitrate(most), gcc.SendSideBWEPacer(pass), gcc.WithLoggerFactory(quiet{}))
	if err != nil {
		return nil, fmt.Errorf("whip: congestion control cannot be set up: %w", err)
	}
	return &estimator{SendSideBWE: bwe, pass: pass}, nil
}

// AddStream implements cc.BandwidthEstimator. pion calls it for one stream at a time.
func (e *estimator) AddStream(info *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	_ = e.SendSideBWE.AddStream(info, w) // the pacer, of which the stream's own part is wanted
	return e.pass.last
}

// WriteRTCP implements cc.BandwidthEstimator: transport-wide feedback is all that has been agreed
// on. Streams have a goroutine each that calls it. An error here would end the reading of
// RTCP; feedback that GCC cannot use is none.
func (e *estimator) WriteRTCP(packets []rtcp.Packet, a interceptor.Attributes) error {
	for _, p := range packets {
		if p, ok := p.(*rtcp.TransportLayerCC); ok {
			e.mu.Lock()
			told := e.clock.take(p, time.Now())
			e.mu.Unlock()
			if told != nil {
				_ = e.SendSideBWE.WriteRTCP([]rtcp.Packet{told}, a)
			}
		}
	}
	return nil
}

// rateControl decides what the encoder of pictures may spend, never more than the
// rendition's bitrate. It belongs to the connection's deliver.
type rateControl struct {
	configured int64 // of pictures, bits per second; 0: nothing is known, nothing changes

	target  int64
	changed time.Time
}

// arrival is what rateControl goes by.
type arrival struct {
	pictures  int64         // what the delay leaves for them, bits per second
	transport bool          // the far end sends transport-wide feedback
	silent    time.Duration // since the last feedback of any kind
	judged    bool          // lost is known
	lost      float64       // percent, of the last second
	arrived   int64         // of pictures in that second, bits per second; 0 is not known
}

// byLosses is what losses leave of the present target.
func (r *rateControl) byLosses(a arrival) int64 {
	switch {
	case !a.judged:
	case a.lost > lossHigh:
		// An encoder that does not follow, or not yet, loses the same share again: what gets
		// through then is the path's width, and less than most of it is too little.
		return min(r.target, max(int64(float64(r.target)*(1-a.lost/200)), int64(lossKeeps*float64(a.arrived))))
	case a.lost < lossLow:
		return r.configured
	}
	return r.target
}

// step returns the bitrate to set now, or false when nothing changes.
func (r *rateControl) step(now time.Time, a arrival) (bps int64, change bool) {
	if r.configured <= 0 {
		return 0, false
	}
	if r.target == 0 {
		r.target, r.changed = r.configured, now
	}
	if now.Sub(r.changed) < rateHold {
		return 0, false
	}
	want := r.byLosses(a)
	switch {
	case a.silent > rateSilence:
		want = r.target / 2
	case a.transport:
		want = min(want, a.pictures)
	}
	want = min(max(want, int64(rateFloor*float64(r.configured))), r.configured)
	if want > r.target {
		if now.Sub(r.changed) < rateClimb {
			return 0, false
		}
		want = min(want, r.target+int64(rateStep*float64(r.configured)))
	}
	if want == r.target || math.Abs(float64(want-r.target)) < rateHysteresis*float64(r.target) && want != r.configured {
		return 0, false
	}
	r.target, r.changed = want, now
	return want, true
}

// byDelay is what the delay-based half estimates for all streams, bits per second.
func (e *estimator) byDelay() int64 {
	if bps, _ := e.GetStats()["delayTargetBitrate"].(int); bps > 0 {
		return int64(bps)
	}
	return int64(e.GetTargetBitrate()) // nothing has been measured
}

// adapt looks at how the stream arrives, about once a second, and tells the feed of each
// layer. silent is negative before the first feedback.
func (c *connection) adapt(now time.Time, silent time.Duration) {
	if c.estimator != nil {
		c.bandwidth.Store(c.estimator.byDelay())
	}
	if silent < 0 {
		return
	}
	a := arrival{transport: c.estimator != nil && c.feedback.transportWide(), silent: silent}
	if !a.transport && silent < feedbackLate {
		a.silent = 0 // receiver reports come seldom
	}
	over := now.Sub(c.measured)
	if over >= ratePeriod {
		a.lost, a.judged = c.feedback.period()
		c.measured = now
	}
	pictures := float64(c.bandwidth.Load())/packetOverhead - float64(c.sound)
	var arrived int64
	for _, l := range c.layers {
		a.arrived = 0
		if over >= ratePeriod {
			sent, _ := l.stream.bytes()
			if a.judged && over < 2*feedbackLate { // else it is of another time
				a.arrived = int64(float64(sent-l.measured) * 8 / over.Seconds() * (1 - a.lost/100))
			}
			l.measured = sent
			arrived += a.arrived
		}
		setter, ok := l.feed.(outputs.BitrateSetter)
		if !ok {
			continue
		}
		a.pictures = int64(pictures * l.share)
		if bps, change := l.rate.step(now, a); change {
			setter.SetBitrate(int(bps))
		}
	}
	if a.lost > lossHigh && arrived > 0 { // what gets through is what the path carries
		c.bandwidth.Store(min(c.bandwidth.Load(), int64(float64(arrived+c.sound)*packetOverhead)))
	}
}

// restore gives the encoders their bitrates back when the connection ends.
func (c *connection) restore() {
	for _, l := range c.layers {
		if setter, ok := l.feed.(outputs.BitrateSetter); ok && l.rate.target != 0 && l.rate.target != l.rate.configured {
			setter.SetBitrate(int(l.rate.configured))
		}
	}
}

// reduced says for the operator what the network made of the bitrates; "" when nothing.
func (c *connection) reduced() string {
	var target, configured int64
	for _, l := range c.layers {
		configured += l.rate.configured
		target += l.rate.configured
		if l.rate.target != 0 {
			target += min(l.rate.target-l.rate.configured, 0)
		}
	}
	if target >= configured {
		return ""
	}
	return fmt.Sprintf("pictures reduced to %.1f of %.1f Mb/s: the network carries no more", float64(target)/1e6, float64(configured)/1e6)
}

// bitrates of all tracks together, bits per second.
func bitrates(tracks []plannedTrack) (bps int64) {
	for _, t := range tracks {
		bps += int64(t.track.BitrateBPS)
	}
	return bps
}
