package whip

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
)

const (
	// repeatFor is for how long a packet can be sent again. libwebrtc keeps a second, or three
	// round trips (RtpPacketHistory): this is that for 660 ms.
	repeatFor = 2 * time.Second
	// nackHistory is how many packets of a stream can be sent again: repeatFor at 20 Mb/s.
	nackHistory = 4096
	// soundHistory is repeatFor in packets of 5 ms.
	soundHistory = 512
	// repeatPause is how long a packet that was repeated is not repeated again while the
	// round trip is not known; else it is half of that.
	repeatPause = 10 * time.Millisecond

	// repeatShare is how many bytes may be sent again for each byte of a stream. Losses of a
	// share p need p/(1-p) of it: half is enough for one packet in three, and beyond lossMany
	// nothing helps. libwebrtc lets repetitions have as much again as its estimate of the path
	// (RateLimiter, over 500 ms), but paces them together with the stream and takes them off
	// the encoder; here they go beside a stream that is not held back.
	repeatShare = 0.5
	// repeatSaved is for how long a stream without losses saves for them, at its bitrate: so
	// half of that can come again at once, after a gap or when most of a keyframe was lost.
	repeatSaved = time.Second
	// repeatLeast is what can be saved at any bitrate, in bytes: a burst of the pacer.
	repeatLeast = burst * 1200
)

// wire is the interceptor that numbers what is sent for transport-wide feedback, keeps it
// and sends it again when a receiver asks (RFC 4585 section 6.2.1, RFC 4588). It stands in
// for three of pion's (interceptor v0.1.48), which copy each packet and each header: here
// payloads are kept as they are, since nobody writes to them, and a stream has one header.
type wire struct {
	interceptor.NoOp

	// turn is held while a packet is written, so that numbers are given in the order of
	// writing: a goroutine that rests with one in its hand would be seen as a loss by feedback
	// that comes meanwhile. All write to one socket, and none waits longer for it than it would
	// there.
	turn   sync.Mutex
	number uint16 // guarded by turn; of the next packet of the transport

	mu    sync.Mutex
	lines map[uint32]*line     // guarded by mu; by SSRC
	names map[uint32]layerName // guarded by mu; of layers of simulcast
}

// layerName is what tells a receiver which layer a packet belongs to (RFC 8852).
type layerName struct{ mid, rid string }

func newWire() *wire { return &wire{lines: map[uint32]*line{}, names: map[uint32]layerName{}} }

// name makes every packet of a stream say its section and layer, if the answer agrees. It
// has to be called before the answer is set.
func (w *wire) name(ssrc uint32, mid, rid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names[ssrc] = layerName{mid, rid}
}

// NewInterceptor implements interceptor.Factory. A wire serves one connection.
func (w *wire) NewInterceptor(string) (interceptor.Interceptor, error) { return w, nil }

// BindLocalStream implements interceptor.Interceptor.
func (w *wire) BindLocalStream(info *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	history := nackHistory
	if info.Channels > 0 {
		history = soundHistory
	}
	l := &line{
		most: repeatLeast, room: repeatLeast, wire: w, next: next, ssrc: info.SSRC, rtxSSRC: info.SSRCRetransmission, rtxType: info.PayloadTypeRetransmission,
		history: make([]kept, history), keep: uint32(repeatFor.Seconds() * float64(info.ClockRate)),
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	name, named := w.names[info.SSRC]
	for _, e := range info.RTPHeaderExtensions {
		id := uint8(e.ID)
		switch {
		case e.URI == sdp.TransportCCURI:
			l.extension = id
		case !named:
		case e.URI == sdp.SDESMidURI:
			_ = l.live.header.SetExtension(id, []byte(name.mid)) // short, so that it fits
			_ = l.again.header.SetExtension(id, []byte(name.mid))
		case e.URI == sdp.SDESRTPStreamIDURI:
			_ = l.live.header.SetExtension(id, []byte(name.rid))
			if !l.separate() {
				_ = l.again.header.SetExtension(id, []byte(name.rid))
			}
		case e.URI == sdp.SDESRepairRTPStreamIDURI && l.separate():
			_ = l.again.header.SetExtension(id, []byte(name.rid))
		}
	}
	w.lines[info.SSRC] = l
	return l
}

// line is the line of the stream of that SSRC; nil before it is agreed on.
func (w *wire) line(ssrc uint32) *line {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lines[ssrc]
}

// line is one RTP stream on the wire.
type line struct {
	wire      *wire
	next      interceptor.RTPWriter
	ssrc      uint32
	rtxSSRC   uint32 // 0: repetitions go in the stream itself
	rtxType   uint8
	extension uint8 // of transport-wide numbers; 0 when they were not agreed on

	live   outgoing // of the goroutine that sends the stream
	coming part     // of the same: the payload that Write is called with next, where it has parts

	again     outgoing // of the goroutine that repeats, as all below
	rtxNumber uint16
	rtx       []byte

	repeated, refused atomic.Int64 // packets sent again; requests for which there was no room

	mu      sync.Mutex
	history []kept  // guarded by mu; at a packet's number modulo its length
	oldest  uint16  // guarded by mu; number of the oldest packet that may be in history
	keep    uint32  // for how long, in units of the stream's timestamps
	room    float64 // guarded by mu; bytes that may be sent again
	most    float64 // guarded by mu; that room can grow to
}

// limit sets what can be saved for repetitions of a stream of so many bits a second (0: not
// known), and that it is there already: the first picture may need it.
func (l *line) limit(bps int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most = max(repeatShare*repeatSaved.Seconds()*float64(bps)/8, repeatLeast)
	l.room = l.most
}

// separate: repetitions have a stream of their own (RFC 4588).
func (l *line) separate() bool { return l.rtxSSRC != 0 && l.rtxType != 0 }

// kept is a packet that was sent.
type kept struct {
	number      uint16
	marker      bool
	payloadType uint8
	timestamp   uint32
	part                  // its payload; empty: there is none
	repeated    time.Time // last; zero: never
}

// outgoing is what one goroutine needs to send a packet without making anything.
type outgoing struct {
	header     rtp.Header
	number     [2]byte
	attributes interceptor.Attributes
}

// Write implements interceptor.RTPWriter. It belongs to the goroutine that sends the stream.
// The payload must never change again, but where coming says what it is made of.
func (l *line) Write(h *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) {
	k := kept{number: h.SequenceNumber, marker: h.Marker, payloadType: h.PayloadType, timestamp: h.Timestamp, part: part{body: payload}}
	if l.coming.heads > 0 {
		k.part, l.coming = l.coming, part{}
	}
	l.mu.Lock()
	l.rememberLocked(k)
	l.room = min(l.room+repeatShare*float64(len(payload)), l.most)
	l.mu.Unlock()
	return l.send(&l.live, l.ssrc, k, payload)
}

// rememberLocked puts k in history and lets go of what is too old to be sent again.
func (l *line) rememberLocked(k kept) {
	l.history[int(k.number)%len(l.history)] = k
	if n := len(l.history); int(k.number-l.oldest) >= n {
		l.oldest = k.number - uint16(n-1)
	}
	for ; l.oldest != k.number; l.oldest++ {
		at := &l.history[int(l.oldest)%len(l.history)]
		if at.body != nil && int32(k.timestamp-at.timestamp) <= int32(l.keep) {
			return
		}
		*at = kept{}
	}
}

func (l *line) send(o *outgoing, ssrc uint32, k kept, payload []byte) (int, error) {
	if o.attributes == nil {
		o.attributes = interceptor.Attributes{}
	}
	h := &o.header
	h.Version, h.SSRC, h.PayloadType = 2, ssrc, k.payloadType
	h.SequenceNumber, h.Timestamp, h.Marker = k.number, k.timestamp, k.marker
	if l.extension != 0 {
		l.wire.turn.Lock()
		defer l.wire.turn.Unlock()
		binary.BigEndian.PutUint16(o.number[:], l.wire.number)
		l.wire.number++
		if err := h.SetExtension(l.extension, o.number[:]); err != nil {
			return 0, err
		}
	}
	return l.next.Write(h, payload, o.attributes)
}

// repeat sends the packets that a NACK names and that are still known, but for those whose
// last repetition can hardly have arrived yet: else a far end that asks often, or lies, has
// each packet sent as often as it likes. Nor are those for which there is no room: they are
// counted, and may be asked for again. rtt is 0 when it is not known. It is called by one
// goroutine.
func (l *line) repeat(pairs []rtcp.NackPair, now time.Time, rtt time.Duration) {
	pause := repeatPause
	if rtt > 0 {
		pause = rtt / 2
	}
	for i := range pairs {
		pairs[i].Range(func(number uint16) bool {
			l.mu.Lock()
			at := &l.history[int(number)%len(l.history)]
			k := *at
			due := k.body != nil && k.number == number && (k.repeated.IsZero() || now.Sub(k.repeated) >= pause)
			short := due && l.room < float64(k.size())
			if due = due && !short; due {
				at.repeated = now
				l.room -= float64(k.size())
			}
			l.mu.Unlock()
			if short {
				l.refused.Add(1)
			}
			if !due {
				return true
			}
			ssrc := l.ssrc
			l.rtx = l.rtx[:0]
			if l.separate() {
				l.rtx = binary.BigEndian.AppendUint16(l.rtx, number)
				ssrc, k.payloadType, k.number = l.rtxSSRC, l.rtxType, l.rtxNumber
				l.rtxNumber++
			}
			l.rtx = append(append(l.rtx, k.head[:k.heads]...), k.body...)
			l.repeated.Add(1)
			_, err := l.send(&l.again, ssrc, k, l.rtx)
			return err == nil // else the connection is over
		})
	}
}
