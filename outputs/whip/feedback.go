package whip

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// feedback is what RTCP tells of how the stream arrives. Its methods may be called
// from any goroutine.
type feedback struct {
	clock func() time.Time

	mu         sync.Mutex
	last       time.Time     // guarded by mu; of the last acknowledgement of media; zero before the first
	rtt        time.Duration // guarded by mu
	lost, seen float64       // guarded by mu; packets, since health was asked last
	share      float64       // guarded by mu; of packets lost, of late
	judged     bool          // guarded by mu; share is known
	nowLost    float64       // guarded by mu; packets, since period was asked last
	nowSeen    float64       // guarded by mu; the same
	told       told          // guarded by mu
	hasTWCC    bool          // guarded by mu; then receiver reports do not count losses
	requests   int64         // guarded by mu; PLI and FIR
	broken     bool          // guarded by mu; there is no path: losses say nothing of the next
	mended     time.Time     // guarded by mu; when there was one again; zero: it never broke
}

// mendPause is how long after a break losses are not counted: what went into the break is
// told as lost by the first feedback, or the first receiver report, that comes over the new path.
const mendPause = 2 * time.Second

// fading is how much of what was before remains at each health; asked once a second, that
// is a memory of about five seconds. A second counts as much as any other: one with many
// repetitions would else stand for a long time.
const fading = 0.8

// read handles s's RTCP until the stream is closed.
func (f *feedback) read(s *stream) {
	for {
		packets, err := s.readRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			f.handle(s, p)
		}
	}
}

func (s *stream) readRTCP() (packets []rtcp.Packet, err error) {
	if s.rid == "" {
		packets, _, err = s.sender.ReadRTCP()
	} else {
		packets, _, err = s.sender.ReadSimulcastRTCP(s.rid)
	}
	return packets, err
}

// handle takes what p says of s. A compound packet about several streams is read
// once by each of them, so everything else is passed over.
func (f *feedback) handle(s *stream, p rtcp.Packet) {
	switch p := p.(type) {
	case *rtcp.ReceiverReport:
		f.reports(s, p.Reports)
	case *rtcp.SenderReport:
		f.reports(s, p.Reports)
	case *rtcp.TransportLayerCC:
		if p.MediaSSRC == s.ssrc {
			f.transport(p)
		}
	case *rtcp.TransportLayerNack:
		if p.MediaSSRC == s.ssrc {
			now, rtt := f.alive()
			if s.line != nil {
				s.line.repeat(p.Nacks, now, rtt)
			}
		}
	case *rtcp.PictureLossIndication:
		if p.MediaSSRC == s.ssrc {
			f.wantKeyframe(s)
		}
	case *rtcp.FullIntraRequest:
		for _, e := range p.FIR {
			if e.SSRC == s.ssrc {
				f.wantKeyframe(s)
				break
			}
		}
	}
}

func (f *feedback) wantKeyframe(s *stream) {
	f.mu.Lock()
	f.requests++
	f.mu.Unlock()
	if s.keyframe != nil {
		s.keyframe()
	}
}

// alive notes that the far end answers; rtt is 0 when it is not known.
func (f *feedback) alive() (now time.Time, rtt time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = f.clock()
	return f.last, f.rtt
}

// path says whether there is one.
func (f *feedback) path(there bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken && there {
		f.mended = f.clock()
	}
	if f.broken = !there; f.broken {
		f.lost, f.seen, f.nowLost, f.nowSeen = 0, 0, 0, 0
	}
}

// countLocked takes packets told as lost and told of at all; lost is negative when some that
// were told as lost came after all, perhaps in the time before.
func (f *feedback) countLocked(lost, seen float64) {
	f.lost = max(0, f.lost+lost)
	f.seen += seen
	f.nowLost = max(0, f.nowLost+lost)
	f.nowSeen += seen
}

// period is the share of packets lost since it was asked last, without a memory of what was
// before; false when nothing was told of any.
func (f *feedback) period() (lostPercent float64, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.nowSeen == 0 {
		return 0, false
	}
	lostPercent = 100 * f.nowLost / f.nowSeen
	f.nowLost, f.nowSeen = 0, 0
	return lostPercent, true
}

// countsLocked reports whether losses that are told now say something of the path.
func (f *feedback) countsLocked() bool {
	return !f.broken && (f.mended.IsZero() || f.clock().Sub(f.mended) >= mendPause)
}

// reports takes receiver report blocks (RFC 3550 section 6.4.1).
func (f *feedback) reports(s *stream, blocks []rtcp.ReceptionReport) {
	for _, b := range blocks {
		if b.SSRC != s.ssrc || !s.acknowledge(uint16(b.LastSequenceNumber)) {
			continue
		}
		now := f.clock()
		f.mu.Lock()
		f.last = now
		if !f.hasTWCC && f.countsLocked() {
			// A block covers about as many packets as any other; only their ratio counts.
			f.countLocked(float64(b.FractionLost)/256*100, 100)
		}
		if b.LastSenderReport != 0 {
			// In units of 1/65536 s, modulo 65536 s.
			units := uint32(ntpTime(now)>>16) - b.LastSenderReport - b.Delay
			if rtt := time.Duration(units) * time.Second / 65536; rtt < time.Minute {
				f.rtt = rtt
			}
		}
		f.mu.Unlock()
	}
}

// transport takes transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).
func (f *feedback) transport(p *rtcp.TransportLayerCC) {
	f.mu.Lock()
	defer f.mu.Unlock()
	lost, seen, arrived := f.told.take(p)
	if !f.hasTWCC {
		f.hasTWCC, f.lost, f.seen, f.judged, f.nowLost, f.nowSeen = true, 0, 0, false, 0, 0
	}
	if f.countsLocked() {
		f.countLocked(float64(lost), float64(seen))
	}
	if arrived > 0 {
		f.last = f.clock()
	}
}

// health is the state of the stream's arrival; to be called about once a second.
func (f *feedback) health() (last time.Time, rtt time.Duration, lostPercent float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen > 0 {
		share := f.lost / f.seen
		if f.judged {
			share = fading*f.share + (1-fading)*share
		}
		f.share, f.judged = share, true
		f.lost, f.seen = 0, 0
	}
	return f.last, f.rtt, 100 * f.share
}

// transportWide reports whether the far end sends transport-wide feedback.
func (f *feedback) transportWide() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hasTWCC
}
