package whip

import (
	"testing"
	"time"
	"unsafe"

	"github.com/pion/rtcp"
)

// The round trip is right although the wall clock is set while a connection stands.
func TestRoundTripWhenTheClockIsSet(t *testing.T) {
	began := time.Now()
	// As if the clock had been 40 s behind then: what time.Time has of the wall clock, its
	// seconds from bit 30 on, is other than what it has of the steady one.
	*(*uint64)(unsafe.Pointer(&began)) -= 40 << 30
	if d := time.Until(began); d < -time.Second {
		t.Fatalf("time.Time is made otherwise now: %v", d)
	}
	clock := steadyClock{began}
	s := &stream{ssrc: 7, next: 3, packets: 3, octets: 300}
	sent := studioToNTP{began}.report(clock.now(), s)
	f := &feedback{clock: func() time.Time { return clock.now().Add(50 * time.Millisecond) }}
	f.handle(s, &rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{
		SSRC: 7, LastSequenceNumber: 1, LastSenderReport: uint32(sent.NTPTime >> 16),
	}}})
	if _, rtt, _ := f.health(); rtt < 49*time.Millisecond || rtt > time.Second {
		t.Errorf("RTT %v, want 50 ms", rtt)
	}
}
