package whip

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// What each kind of RTCP means for our stream, and that another's is passed over.
func TestFeedback(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const own, other = 7, 8
	report := func(ssrc uint32, seq uint32) *rtcp.ReceiverReport {
		return &rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{
			SSRC: ssrc, LastSequenceNumber: seq, FractionLost: 64,
			LastSenderReport: uint32(ntpTime(now.Add(-300*time.Millisecond)) >> 16), Delay: 65536 / 4,
		}}}
	}
	transport := func(ssrc uint32) *rtcp.TransportLayerCC {
		return &rtcp.TransportLayerCC{MediaSSRC: ssrc, PacketStatusCount: 10, PacketChunks: []rtcp.PacketStatusChunk{
			&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: 8},
			&rtcp.StatusVectorChunk{SymbolList: []uint16{rtcp.TypeTCCPacketNotReceived, rtcp.TypeTCCPacketReceivedLargeDelta, 0, 0, 0}},
		}}
	}
	for _, c := range []struct {
		name      string
		packet    rtcp.Packet
		confirms  bool
		keyframes int
		acked     int64
		lost      float64
	}{
		{"receiver report", report(own, 1<<16|2), true, 0, 300, 25},
		{"report of another stream", report(other, 1<<16|2), false, 0, 0, 0},
		{"report of a packet not sent", report(own, 900), false, 0, 0, 0},
		{"report in a sender report", &rtcp.SenderReport{Reports: report(own, 1).Reports}, true, 0, 200, 25},
		{"transport-wide", transport(own), true, 0, 0, 10},
		{"transport-wide of another", transport(other), false, 0, 0, 0},
		{"nack", &rtcp.TransportLayerNack{MediaSSRC: own}, true, 0, 0, 0},
		{"pli", &rtcp.PictureLossIndication{MediaSSRC: own}, false, 1, 0, 0},
		{"pli of another", &rtcp.PictureLossIndication{MediaSSRC: other}, false, 0, 0, 0},
		{"fir", &rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: other}, {SSRC: own}}}, false, 1, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			keyframes := 0
			s := &stream{ssrc: own, next: 3, packets: 3, octets: 300, keyframe: func() { keyframes++ }}
			s.sentUpTo[0], s.sentUpTo[1], s.sentUpTo[2] = 100, 200, 300
			f := &feedback{clock: func() time.Time { return now }}
			f.handle(s, c.packet)
			last, rtt, lost := f.health()
			if got := !last.IsZero(); got != c.confirms {
				t.Errorf("confirms %v, want %v", got, c.confirms)
			}
			if keyframes != c.keyframes {
				t.Errorf("%d keyframes requested, want %d", keyframes, c.keyframes)
			}
			if _, acked := s.bytes(); acked != c.acked {
				t.Errorf("%d bytes acknowledged, want %d", acked, c.acked)
			}
			if lost != c.lost {
				t.Errorf("lost %v %%, want %v", lost, c.lost)
			}
			if c.acked > 0 && (rtt-50*time.Millisecond).Abs() > time.Millisecond {
				t.Errorf("RTT %v, want 50 ms", rtt)
			}
		})
	}
}

// What went into a break is not counted against the path that follows.
func TestLossesOfABreak(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := &stream{ssrc: 7}
	f := &feedback{clock: func() time.Time { return now }}
	base := uint16(65000) // wraps on the way
	tell := func(lost int) (percent float64) {
		base += 100
		f.handle(s, &rtcp.TransportLayerCC{MediaSSRC: 7, BaseSequenceNumber: base, PacketStatusCount: 100, PacketChunks: []rtcp.PacketStatusChunk{
			&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketNotReceived, RunLength: uint16(lost)},
			&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: uint16(100 - lost)},
		}})
		_, _, percent = f.health()
		return percent
	}
	f.path(true) // it never broke
	if got := tell(10); got != 10 {
		t.Errorf("%v %% lost, want 10", got)
	}
	f.path(false)
	if got := tell(100); got != 10 {
		t.Errorf("%v %% lost in the break, want the 10 of before", got)
	}
	f.path(true)
	now = now.Add(mendPause - time.Millisecond)
	if got := tell(90); got != 10 {
		t.Errorf("%v %% lost by what the new path tells first, want the 10 of before", got)
	}
	now = now.Add(time.Millisecond)
	if got := tell(50); math.Abs(got-18) > 0.01 {
		t.Errorf("%v %% lost, want 18: losses of the new path count", got)
	}
}

// A packet that comes after it was told as lost is not lost, and what is told twice counts
// once; across the wrap of the sequence numbers.
func TestLatePacketsAreNotLost(t *testing.T) {
	const lost, received = rtcp.TypeTCCPacketNotReceived, rtcp.TypeTCCPacketReceivedSmallDelta
	tell := func(base uint16, symbols ...uint16) *rtcp.TransportLayerCC {
		return &rtcp.TransportLayerCC{MediaSSRC: 7, BaseSequenceNumber: base, PacketStatusCount: uint16(len(symbols)),
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.StatusVectorChunk{SymbolList: symbols}}}
	}
	var v told
	for i, c := range []struct {
		p                   *rtcp.TransportLayerCC
		lost, seen, arrived int
	}{
		{tell(65533, received, lost, received), 1, 3, 2},
		{tell(65534, received, received, lost, received), 0, 2, 3}, // 0 is lost, 65534 came
		{tell(65534, lost, received, received), -1, 0, 2},          // 65534 was told as received
		{tell(0, received), 0, 0, 1},
		{tell(2, lost, lost), 2, 2, 0},
	} {
		if l, s, a := v.take(c.p); l != c.lost || s != c.seen || a != c.arrived {
			t.Errorf("%d: lost %d, told of %d, arrived %d; want %d, %d, %d", i, l, s, a, c.lost, c.seen, c.arrived)
		}
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f := &feedback{clock: func() time.Time { return now }}
	f.handle(&stream{ssrc: 7}, tell(10, received, lost, received))
	f.handle(&stream{ssrc: 7}, tell(11, received, received, received))
	if _, _, got := f.health(); got != 0 {
		t.Errorf("%v %% lost of packets that all came", got)
	}
}

// What cannot be carried is refused before anything is sent.
func TestRenditionsThatCannotBeSent(t *testing.T) {
	tb := media.Rational{Num: 1, Den: 30}
	for _, c := range []struct {
		tracks []media.Track
		want   string
	}{
		{nil, "nothing to send"},
		{[]media.Track{{Codec: media.AAC, TimeBase: tb}}, "aac cannot be sent"},
		{[]media.Track{{Codec: media.H264, TimeBase: tb}, {Codec: media.H264, TimeBase: tb}}, "not more"},
		{[]media.Track{{Codec: media.H264}}, "no time base"},
	} {
		_, err := plan(c.tracks)
		if err == nil || !strings.Contains(err.Error(), c.want) || !outputs.IsPermanent(err) {
			t.Errorf("%v: error %v, want a permanent one with %q", c.tracks, err, c.want)
		}
	}
}

// The stream's own profile is offered first, constrained baseline always.
func TestOffers(t *testing.T) {
	high := []byte{0, 0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58}
	got := h264Offers(media.Track{Extradata: high})
	if len(got) != 2 || !strings.HasSuffix(got[0], "=640028") || !strings.HasSuffix(got[1], "=42e01f") {
		t.Errorf("offers %q", got)
	}
	if got := h264Offers(media.Track{}); len(got) != 1 || !strings.HasSuffix(got[0], "=42e01f") {
		t.Errorf("offers without parameter sets %q", got)
	}
}

// RTP time goes on through its wrap, packets may be late by a little, and the mapping
// moves only when reports contradict it.
func TestTimeline(t *testing.T) {
	epoch := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tl := timeline{timeBase: media.Rational{Num: 1, Den: 90000}}
	start := uint32(1<<32 - 90000)
	tl.report(epoch, epoch.Add(time.Second), start)
	for _, c := range []struct {
		rtpTime uint32
		want    int64
	}{{start, 90000}, {start + 89999, 179999}, {0, 180000}, {start + 3000, 93000}, {90000, 270000}} {
		if got := tl.pts(c.rtpTime); got != c.want {
			t.Errorf("pts of %d is %d, want %d", c.rtpTime, got, c.want)
		}
	}
	if tl.report(epoch, epoch.Add(4*time.Second+10*time.Millisecond), 180000) {
		t.Error("10 ms of drift moved the mapping")
	}
	if !tl.report(epoch, epoch.Add(4*time.Second+20*time.Millisecond), 180000) || tl.pts(180000) != 361800 {
		t.Errorf("20 ms of drift left the mapping where it was: %d", tl.pts(180000))
	}
	arrival := timeline{timeBase: media.Rational{Num: 1, Den: 48000}}
	arrival.assume(epoch, epoch.Add(time.Second), 500)
	arrival.assume(epoch, epoch.Add(time.Hour), 501)
	if got := arrival.pts(500 + 48000); got != 96000 {
		t.Errorf("without reports pts is %d, want 96000", got)
	}
}

func TestOpusDuration(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		want   int64
	}{
		{nil, 0}, {[]byte{0xfc}, 960}, {[]byte{0xfd}, 1920}, {[]byte{0x18}, 2880}, {[]byte{0x60}, 480}, {[]byte{0xe3, 3}, 360}, {[]byte{0xe3}, 0},
	} {
		if got := opusDuration(c.packet); got != c.want {
			t.Errorf("% x lasts %d, want %d", c.packet, got, c.want)
		}
	}
}

// A server that sends no reports works as far as can be known once media have left for a
// second, and no longer when it does not answer ICE.
func TestServerWithoutReports(t *testing.T) {
	feed := newPlayout(t, time.Second)
	c := &connection{output: &output{}, feed: feed, feedback: &feedback{clock: time.Now}}
	for _, step := range []struct {
		sent int64
		over time.Duration // since deliver began
		ice  webrtc.PeerConnectionState
		want bool
	}{
		{30, 0, webrtc.PeerConnectionStateConnected, false},
		{0, reportInterval, webrtc.PeerConnectionStateConnected, false},
		{30, reportInterval, webrtc.PeerConnectionStateConnected, true},
		{30, reportInterval, webrtc.PeerConnectionStateDisconnected, false},
	} {
		c.sent.Store(step.sent)
		c.delivering = time.Now().Add(-step.over)
		if err := c.report(step.ice); err != nil {
			t.Fatal(err)
		}
		if r := feed.last(); r.Works() != step.want || step.want != (r.State == outputs.Sending && r.Unanswered) {
			t.Errorf("%+v: report %+v", step, r)
		}
	}
	if !c.wasLive {
		t.Error("a later refusal would end it for good")
	}
}
