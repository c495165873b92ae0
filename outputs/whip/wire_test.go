package whip

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
)

type wired struct {
	header  rtp.Header
	payload []byte
}

// newLine is a line of a stream of SSRC 7 and what goes over it.
func newLine(t testing.TB, rtx bool, keep bool) (*line, *[]wired) {
	t.Helper()
	out := &[]wired{}
	info := &interceptor.StreamInfo{SSRC: 7, PayloadType: 96, RTPHeaderExtensions: []interceptor.RTPHeaderExtension{{URI: sdp.TransportCCURI, ID: 3}}}
	if rtx {
		info.SSRCRetransmission, info.PayloadTypeRetransmission = 8, 97
	}
	w := newWire()
	w.BindLocalStream(info, interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) {
		if keep {
			*out = append(*out, wired{h.Clone(), bytes.Clone(payload)})
		}
		return len(payload), nil
	}))
	return w.line(7), out
}

// What a NACK names comes again: with RFC 4588 in the stream for it, without in its own.
func TestRepeat(t *testing.T) {
	for _, rtx := range []bool{false, true} {
		l, out := newLine(t, rtx, true)
		sent := func(number uint16) {
			h := &rtp.Header{SequenceNumber: number, Timestamp: uint32(number) * 10, PayloadType: 96, Marker: number%2 == 0}
			if _, err := l.Write(h, []byte{byte(number), 1, 2}, nil); err != nil {
				t.Fatal(err)
			}
		}
		const first = 65000 // the numbers wrap
		for i := range nackHistory + 100 {
			sent(uint16(first + i))
		}
		n := len(*out)
		last := uint16((first + nackHistory + 99) % 65536)
		// The second is gone already, the third was never sent.
		l.repeat(rtcp.NackPairsFromSequenceNumbers([]uint16{last, first + 5, last + 1, last - 3}))
		again := (*out)[n:]
		if len(again) != 2 {
			t.Fatalf("%d packets came again, want 2", len(again))
		}
		for i, want := range []uint16{last, last - 3} {
			h, payload := again[i].header, again[i].payload
			if h.Timestamp != uint32(want)*10 || h.Marker != (want%2 == 0) {
				t.Errorf("repetition %d is %+v", i, h)
			}
			if rtx {
				if h.SSRC != 8 || h.PayloadType != 97 || h.SequenceNumber != uint16(i) || binary.BigEndian.Uint16(payload) != want {
					t.Errorf("repetition %d is %+v with % x", i, h, payload)
				}
				payload = payload[2:]
			} else if h.SSRC != 7 || h.PayloadType != 96 || h.SequenceNumber != want {
				t.Errorf("repetition %d is %+v", i, h)
			}
			if !bytes.Equal(payload, []byte{byte(want), 1, 2}) {
				t.Errorf("repetition %d carries % x", i, payload)
			}
		}
		// Every packet of the transport has a number of its own.
		for i, p := range *out {
			if got := binary.BigEndian.Uint16(p.header.GetExtension(3)); int(got) != i {
				t.Fatalf("packet %d has the transport's number %d", i, got)
			}
		}
	}
}

// Sending makes nothing for the garbage collector.
func TestWireAllocates(t *testing.T) {
	l, _ := newLine(t, true, false)
	h, payload := &rtp.Header{PayloadType: 96}, make([]byte, 100)
	if n := testing.AllocsPerRun(1000, func() {
		h.SequenceNumber++
		_, _ = l.Write(h, payload, nil) // cannot fail
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}
