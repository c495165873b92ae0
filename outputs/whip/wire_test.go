package whip

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

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
	info := &interceptor.StreamInfo{SSRC: 7, PayloadType: 96, ClockRate: 90000, RTPHeaderExtensions: []interceptor.RTPHeaderExtension{{URI: sdp.TransportCCURI, ID: 3}}}
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
		l.repeat(rtcp.NackPairsFromSequenceNumbers([]uint16{last, first + 5, last + 1, last - 3}), time.Now(), 0)
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

// What is older than repeatFor is let go of, across the wrap of timestamps and of numbers.
func TestRepeatForgets(t *testing.T) {
	l, out := newLine(t, true, true)
	number, timestamp := uint16(65500), uint32(1<<32-5*90000)
	for range 100 { // 10 s
		if _, err := l.Write(&rtp.Header{SequenceNumber: number, Timestamp: timestamp, PayloadType: 96}, []byte{1}, nil); err != nil {
			t.Fatal(err)
		}
		number, timestamp = number+1, timestamp+9000
	}
	held := 0
	for _, k := range l.history {
		if k.body != nil {
			held++
		}
	}
	if held != 21 {
		t.Errorf("%d packets of 100 ms each are held, want the 21 of 2 s", held)
	}
	before := len(*out)
	l.repeat(rtcp.NackPairsFromSequenceNumbers([]uint16{number - 22, number - 21}), time.Unix(100, 0), 0)
	if got := len(*out) - before; got != 1 {
		t.Errorf("of a packet of 2 s ago and one of 2.1 s %d came again, want 1", got)
	}
}

// A packet that was repeated is not repeated again before that can have arrived.
func TestRepeatWaits(t *testing.T) {
	l, out := newLine(t, true, true)
	for number := range uint16(4) {
		if _, err := l.Write(&rtp.Header{SequenceNumber: number, PayloadType: 96}, []byte{1}, nil); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Unix(100, 0)
	for _, step := range []struct {
		after, rtt time.Duration
		ask        []uint16
		want       int
	}{
		{0, 0, []uint16{1, 1, 1, 2}, 2},
		{9 * time.Millisecond, 0, []uint16{1, 3}, 1},
		{time.Millisecond, 0, []uint16{1, 3}, 1},
		{40 * time.Millisecond, 100 * time.Millisecond, []uint16{1}, 0},
		{10 * time.Millisecond, 100 * time.Millisecond, []uint16{1}, 1},
		{2 * time.Millisecond, 4 * time.Millisecond, []uint16{1}, 1},
	} {
		now = now.Add(step.after)
		before := len(*out)
		l.repeat(rtcp.NackPairsFromSequenceNumbers(step.ask), now, step.rtt)
		if got := len(*out) - before; got != step.want {
			t.Errorf("%v after the last request for %v, round trip %v: %d came again, want %d", step.after, step.ask, step.rtt, got, step.want)
		}
	}
	// A new packet under an old number has never been repeated.
	if _, err := l.Write(&rtp.Header{SequenceNumber: 1, PayloadType: 96}, []byte{2}, nil); err != nil {
		t.Fatal(err)
	}
	before := len(*out)
	l.repeat(rtcp.NackPairsFromSequenceNumbers([]uint16{1}), now, time.Second)
	if got := len(*out) - before; got != 1 {
		t.Errorf("a new packet came again %d times, want once", got)
	}
}

// Repetitions have half of what the stream has, whatever a receiver asks for, after what was
// saved; what there is no room for is counted.
func TestRepeatsAreLimited(t *testing.T) {
	for _, rtx := range []bool{false, true} {
		l, out := newLine(t, rtx, true)
		const size, bps = 1000, 800_000 // a second is 100 packets, and 50 can be saved
		l.limit(bps)
		number, now := uint16(0), time.Unix(100, 0)
		stream := func(n int) {
			t.Helper()
			for range n {
				if _, err := l.Write(&rtp.Header{SequenceNumber: number, PayloadType: 96}, make([]byte, size), nil); err != nil {
					t.Fatal(err)
				}
				number++
			}
		}
		ask := func(n int) (again int) {
			var numbers []uint16
			for i := range n {
				numbers = append(numbers, number-1-uint16(i))
			}
			now = now.Add(time.Second)
			before := len(*out)
			l.repeat(rtcp.NackPairsFromSequenceNumbers(numbers), now, 0)
			return len(*out) - before
		}
		stream(1000)
		if n := ask(200); n != 50 {
			t.Errorf("%d of 200 came again, want the 50 that were saved", n)
		}
		if got := l.refused.Load(); got != 150 {
			t.Errorf("%d requests are told as refused, want 150", got)
		}
		if n := ask(200); n != 0 {
			t.Errorf("%d came again with nothing left", n)
		}
		stream(40)
		if n := ask(40); n != 20 {
			t.Errorf("%d of 40 came again, want half", n)
		}
		// One in three for minutes: nothing is saved and nothing refused.
		refused := l.refused.Load()
		for range 300 {
			stream(3)
			if n := ask(1); n != 1 {
				t.Fatalf("a third was lost, and of what was asked for %d came again", n)
			}
		}
		if got := l.refused.Load(); got != refused {
			t.Errorf("%d requests were refused at a third of losses", got-refused)
		}
		// A stream too slow to save much still repeats a burst.
		l.limit(8000)
		if n := ask(100); n != repeatLeast/size {
			t.Errorf("%d packets of a slow stream came again, want %d", n, repeatLeast/size)
		}
		if got, want := l.repeated.Load(), int64(50+20+300+repeatLeast/size); got != want {
			t.Errorf("%d packets are told as sent again, want %d", got, want)
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
