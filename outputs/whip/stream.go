package whip

import (
	"fmt"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"crosspoint.studio/crosspoint/internal/media"
)

// plannedTrack is a track of the feed and how it is carried.
type plannedTrack struct {
	index int
	track media.Track
	codec codec
	rid   string // of a layer of simulcast; "" without
	layer int    // 0: of the feed itself, 1 and 2: of its further renditions
}

// sentHistory is how many packets back an acknowledgement can be put into bytes; a
// power of two, more than what is sent between two receiver reports.
const sentHistory = 8192

// stream is one RTP stream that we send. send and write are called by one goroutine at a
// time; the rest
// may be called from any.
type stream struct {
	plannedTrack
	local       *webrtc.TrackLocalStaticRTP
	sender      *webrtc.RTPSender
	transceiver *webrtc.RTPTransceiver
	ssrc        uint32
	payload     payloader
	bundle      *bundle
	keyframe    func() // asks its encoder for one; nil for sound
	line        *line  // nil before the answer
	room        []byte // for a payload that is put together
	lastPTS     int64
	sentOnce    bool

	mu       sync.Mutex
	next     uint16             // guarded by mu; the next packet's sequence number
	packets  uint32             // guarded by mu; as sender reports count, modulo 2^32
	octets   int64              // guarded by mu; payload bytes
	sentUpTo [sentHistory]int64 // guarded by mu; octets including the packet of that number
	acked    int64              // guarded by mu; octets
}

// newStream adds a track to pc. name ties the tracks together: receivers keep tracks
// of one name in sync. A further layer goes with base, the first; others have none.
func newStream(pc *webrtc.PeerConnection, t plannedTrack, name string, b *bundle, base *stream) (*stream, error) {
	kind := "video"
	if t.codec.codec.IsAudio() {
		kind = "audio"
	}
	local, err := webrtc.NewTrackLocalStaticRTP(t.codec.capability(t.codec.offers(t.track)[0]), kind, name,
		webrtc.WithRTPStreamID(t.rid))
	if err != nil {
		return nil, fmt.Errorf("whip: the %s track cannot be made: %w", kind, err)
	}
	if t.layer > 0 {
		if err := base.sender.AddEncoding(local); err != nil {
			return nil, fmt.Errorf("whip: a further rendition cannot be added: %w", err)
		}
		s := &stream{plannedTrack: t, local: local, sender: base.sender, transceiver: base.transceiver, payload: t.codec.newPayloader(t.track), bundle: b}
		s.ssrc = uint32(s.sender.GetParameters().Encodings[t.layer].SSRC)
		return s, nil
	}
	tr, err := pc.AddTransceiverFromTrack(local, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, fmt.Errorf("whip: the %s track cannot be added: %w", kind, err)
	}
	s := &stream{plannedTrack: t, local: local, sender: tr.Sender(), transceiver: tr, payload: t.codec.newPayloader(t.track), bundle: b}
	s.ssrc = uint32(s.sender.GetParameters().Encodings[0].SSRC)
	return s, nil
}

// rtpTime is p's RTP timestamp: PTS in the codec's clock. It wraps.
func (s *stream) rtpTime(p *media.Packet) uint32 {
	return uint32(media.Rescale(p.PTS, s.track.TimeBase, s.codec.timeBase()))
}

// packetOf is what the packets of p have in common.
func (s *stream) packetOf(p *media.Packet) rtp.Packet {
	return rtp.Packet{Header: rtp.Header{Version: 2, Timestamp: s.rtpTime(p)}}
}

// send writes a packet of sound.
func (s *stream) send(p *media.Packet) error {
	packet := s.packetOf(p)
	return s.write(&packet, s.payload.payloads(p), false)
}

// write sends packets with the given payloads; the last of them is marked if mark.
func (s *stream) write(packet *rtp.Packet, parts []part, mark bool) error {
	if len(parts) > 1 {
		s.bundle.hold()
		defer s.bundle.release()
	}
	for i, part := range parts {
		packet.Marker = mark && i == len(parts)-1
		packet.Payload = part.join(s.room)
		if part.heads > 0 {
			s.room = packet.Payload
		}
		if s.line != nil {
			s.line.coming = part
		}
		s.mu.Lock()
		packet.SequenceNumber = s.next
		s.next++
		s.packets++
		s.octets += int64(part.size())
		s.sentUpTo[packet.SequenceNumber%sentHistory] = s.octets
		s.mu.Unlock()
		if err := s.local.WriteRTP(packet); err != nil {
			return fmt.Errorf("whip: %w while media was sent: %w", ErrLost, err)
		}
	}
	return nil
}

// acknowledge notes that the far end has reported on everything up to the packet
// numbered seq. It returns whether that says that media has arrived.
func (s *stream) acknowledge(seq uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := s.next - seq // at least 1 for a packet that was sent
	if s.packets == 0 || age == 0 || age > sentHistory || uint32(age) > s.packets {
		return false
	}
	s.acked = max(s.acked, s.sentUpTo[seq%sentHistory])
	return true
}

// bytes are the payload bytes sent and acknowledged.
func (s *stream) bytes() (sent, acked int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.octets, s.acked
}

// steadyClock is the wall clock as it was when a connection began, and never set: the far end
// gives back the times of our sender reports, which are compared with now.
type steadyClock struct{ began time.Time }

func (c steadyClock) now() time.Time { return c.began.Add(time.Since(c.began)) }

// studioToNTP maps studio time to NTP time for the sender reports of one connection.
type studioToNTP struct{ zero time.Time } // the connection's clock at studio time 0

// reportTick is the grid of the times that sender reports speak of: on it the RTP
// clocks of 90 kHz and 48 kHz both have whole numbers, so that the mapping of
// every track is exact to what NTP can say (0.2 ns).
var reportTick = media.Rational{Num: 1, Den: 6000}

// report is the sender report for now (RFC 3550 section 6.4.1).
func (c studioToNTP) report(now time.Time, s *stream) *rtcp.SenderReport {
	tick := media.UnitsIn(now.Sub(c.zero), reportTick)
	s.mu.Lock()
	defer s.mu.Unlock()
	return &rtcp.SenderReport{
		SSRC:        s.ssrc,
		NTPTime:     ntpTime(c.zero.Add(media.TimeOf(tick, reportTick))),
		RTPTime:     uint32(media.Rescale(tick, reportTick, s.codec.timeBase())),
		PacketCount: s.packets,
		OctetCount:  uint32(s.octets),
	}
}

// ntpEpoch is 1900-01-01 in Unix seconds.
const ntpEpoch = -2208988800

// ntpTime is t as a 64-bit NTP timestamp (RFC 5905 section 6).
func ntpTime(t time.Time) uint64 {
	seconds := uint64(t.Unix() - ntpEpoch)
	return seconds<<32 | (uint64(t.Nanosecond())<<32+5e8)/1e9
}

// ntpToTime is the inverse of ntpTime, valid from 1968 to 2104 (era by RFC 4330 section 3).
func ntpToTime(n uint64) time.Time {
	seconds := int64(n >> 32)
	if seconds < 1<<31 {
		seconds += 1 << 32
	}
	return time.Unix(seconds+ntpEpoch, int64((n&0xffffffff)*1e9+1<<31)>>32)
}
