package whip

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtp"

	"crosspoint.studio/crosspoint/internal/media/h264"
)

const (
	// reorderWindow is how many packets wait behind a missing one, reorderPatience
	// for how long: several rounds of NACK on a slow path. Of a time in which nothing came
	// only reorderPause counts: then the machine or the path stood still, and nothing can
	// have been repaired either.
	reorderWindow   = 2048
	reorderPatience = 500 * time.Millisecond
	reorderPause    = 100 * time.Millisecond
	// maxUnit bounds an access unit, since its length is the sender's to say.
	maxUnit = 8 << 20
)

// reorder brings a stream's packets into order and finds out what is lost. For one
// goroutine.
type reorder struct {
	started bool
	next    uint16 // the number that is due
	waiting map[uint16]held
	first   uint16        // the number in waiting that comes next, if there is one
	last    time.Time     // when the last packet came
	clock   time.Duration // time as it counts for patience
	lost    int64         // packets given up
}

// held is a packet that waits, and since when the gap before it is known.
type held struct {
	packet *rtp.Packet
	since  time.Duration // on reorder.clock
}

// push takes p and calls emit for every packet whose turn it is; gap says that
// something before that packet is lost for good.
func (r *reorder) push(p *rtp.Packet, now time.Time, emit func(p *rtp.Packet, gap bool)) {
	if !r.started {
		r.started, r.next, r.waiting, r.last = true, p.SequenceNumber, map[uint16]held{}, now
	}
	r.clock += min(now.Sub(r.last), reorderPause)
	r.last = now
	ahead := int16(p.SequenceNumber - r.next)
	switch {
	case ahead < 0:
		return // a duplicate, or too late
	case ahead == 0:
		r.next++
		emit(p, false)
		r.release(emit)
	default:
		r.hold(p)
	}
	// After an outage there are many gaps. Each has been waited for since it is known, not
	// since the one before was given up, or the stream would stay behind by all of them.
	for len(r.waiting) > 0 && (len(r.waiting) >= reorderWindow || int16(p.SequenceNumber-r.next) >= 1<<14 || r.clock-r.waiting[r.first].since >= reorderPatience) {
		r.lost += int64(r.first - r.next)
		first := r.waiting[r.first].packet
		delete(r.waiting, r.first)
		r.next = r.first + 1
		emit(first, true)
		r.release(emit)
	}
}

// hold keeps p, which is ahead of its time.
func (r *reorder) hold(p *rtp.Packet) {
	if _, twice := r.waiting[p.SequenceNumber]; twice {
		return
	}
	h := held{p, r.clock}
	switch {
	case len(r.waiting) == 0:
		r.first = p.SequenceNumber
	case int16(p.SequenceNumber-r.first) < 0: // it parts a gap that is known
		h.since = r.waiting[r.first].since
		r.first = p.SequenceNumber
	}
	r.waiting[p.SequenceNumber] = h
}

// release emits what has become due.
func (r *reorder) release(emit func(*rtp.Packet, bool)) {
	for len(r.waiting) > 0 {
		h, ok := r.waiting[r.next]
		if !ok {
			break
		}
		delete(r.waiting, r.next)
		r.next++
		emit(h.packet, false)
	}
	if len(r.waiting) == 0 || int16(r.first-r.next) >= 0 {
		return
	}
	for r.first = r.next; ; r.first++ {
		if _, ok := r.waiting[r.first]; ok {
			return
		}
	}
}

// unit is one packet as the encoder made it.
type unit struct {
	data     []byte
	rtpTime  uint32
	keyframe bool
}

// assembler joins RTP payloads, in order, to units. gap says that something before p
// is lost. needKeyframe asks the sender for help.
type assembler interface {
	push(p *rtp.Packet, gap bool, emit func(unit)) (needKeyframe bool)
}

// opusAssembler: one payload is one packet.
type opusAssembler struct{}

func (opusAssembler) push(p *rtp.Packet, _ bool, emit func(unit)) bool {
	if len(p.Payload) > 0 {
		emit(unit{data: p.Payload, rtpTime: p.Timestamp, keyframe: true})
	}
	return false
}

// h264Assembler is the receiving side of RFC 6184, modes 0 and 1. It emits whole
// access units only, and after a loss none before the next IDR picture.
type h264Assembler struct {
	started  bool
	rtpTime  uint32
	au       []byte // Annex B
	nal      []byte // the fragmented NAL unit in work, without start code; nil when none
	idr      bool
	broken   bool // au lacks something
	decoding bool // an IDR picture was emitted and nothing is missing since
}

func (a *h264Assembler) push(p *rtp.Packet, gap bool, emit func(unit)) bool {
	if a.started && p.Timestamp != a.rtpTime {
		// The marker bit, which ends a unit, is lost or was never set.
		a.broken = a.broken || gap
		a.finish(emit)
	}
	if !a.started {
		a.started, a.rtpTime = true, p.Timestamp
	}
	if gap {
		a.broken, a.nal = true, nil
	}
	if !a.payload(p.Payload) || len(a.au)+len(a.nal) > maxUnit {
		a.broken = true
	}
	if p.Marker {
		a.finish(emit)
	}
	return !a.decoding
}

// finish ends the access unit.
func (a *h264Assembler) finish(emit func(unit)) {
	whole := !a.broken && a.nal == nil
	switch {
	case !whole:
		a.decoding = false
	case len(a.au) > 0 && (a.idr || a.decoding):
		a.decoding = true
		emit(unit{data: a.au, rtpTime: a.rtpTime, keyframe: a.idr})
	}
	a.started, a.au, a.nal, a.idr, a.broken = false, nil, nil, false, false
}

// payload takes one RTP payload in; false means that it made no sense.
func (a *h264Assembler) payload(b []byte) bool {
	if len(b) == 0 {
		return true // padding only
	}
	switch kind := b[0] & 0x1f; {
	case kind == rtpSTAPA:
		for b = b[1:]; len(b) > 0; {
			if len(b) < 2 {
				return false
			}
			n := int(binary.BigEndian.Uint16(b))
			if b = b[2:]; n == 0 || n > len(b) {
				return false
			}
			a.add(b[:n])
			b = b[n:]
		}
		return true
	case kind == rtpFUA:
		return a.fragment(b)
	case kind >= 1 && kind <= 23 && a.nal == nil:
		a.add(b)
		return true
	}
	return false
}

func (a *h264Assembler) fragment(b []byte) bool {
	if len(b) < 2 {
		return false
	}
	begin, end := b[1]&0x80 != 0, b[1]&0x40 != 0
	if begin == (a.nal != nil) {
		return false // a beginning is missing, or an end
	}
	if begin {
		a.nal = append(make([]byte, 0, 16<<10), b[0]&0xe0|b[1]&0x1f)
	}
	a.nal = append(a.nal, b[2:]...)
	if end {
		a.add(a.nal)
		a.nal = nil
	}
	return true
}

func (a *h264Assembler) add(nal []byte) {
	a.idr = a.idr || h264.Type(nal) == h264.TypeIDR
	a.au = h264.AppendStartCode(a.au, nal)
}
