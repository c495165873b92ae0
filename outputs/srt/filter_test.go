package srt

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/faults"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/outputs"
)

// holes counts the places of an MPEG-TS file where packets are missing, by the continuity
// counters (ISO/IEC 13818-1 2.4.3.3), and its packets.
func holes(t testing.TB, path string) (missing, packets int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	next := map[uint16]byte{}
	for ; len(raw) >= 188; raw = raw[188:] {
		if raw[0] != 0x47 {
			t.Fatal("the file is no MPEG-TS")
		}
		packets++
		pid := uint16(raw[1]&0x1f)<<8 | uint16(raw[2])
		if pid == 0x1fff || raw[3]&0x10 == 0 {
			continue // null, or without a payload: the counter stands
		}
		counter := raw[3] & 15
		if want, known := next[pid]; known && want != counter {
			missing++
		}
		next[pid] = (counter + 1) & 15
	}
	return missing, packets
}

// At a low bitrate a row of packets takes longer than the latency. What is lost is then sent again
// in time all the same, whatever the error correction: no packet is missing at srt-live-transmit.
func TestErrorCorrectionOfLowRates(t *testing.T) {
	for _, fec := range []string{"row", "matrix"} {
		t.Run(fec, func(t *testing.T) {
			t.Parallel()
			attempts.Run(t, 3, func(a *attempts.T) { errorCorrectionOfLowRate(a, fec) })
		})
	}
}

func errorCorrectionOfLowRate(t testing.TB, fec string) {
	port := ports.Free(t)
	file := filepath.Join(t.TempDir(), "received.ts")
	transmit(t, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&packetfilter=fec&latency=%d", port, calm), "file://con:"+file)
	relay := faults.NewUDP(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)), nil)
	relay.Delay(5 * time.Millisecond)
	feed := testkit.NewLiveFeed(t, 0.2) // some 14 packets a second
	out := run(t, newOutput(t, map[string]any{"url": "srt://" + relay.Addr.String(), "fec": fec, "latency_ms": calm}, ""), feed)
	feed.Await(t, 20*time.Second, 0, func(r outputs.Report) bool { return r.State == outputs.Confirmed })
	relay.Loss(0.15)
	feed.Await(t, 20*time.Second, 0, func(outputs.Report) bool { return relay.Lost() >= 12 })
	relay.Loss(0)
	skip := feed.Reported()
	feed.Await(t, 10*time.Second, skip, func(r outputs.Report) bool { return r.Retransmitted > 0 })
	out.stop(t)
	deadline := time.Now().Add(10 * time.Second) // the receiver plays late
	before := -1
	for packets := 0; packets != before && time.Now().Before(deadline); {
		time.Sleep(calm * time.Millisecond)
		before = packets
		_, packets = holes(t, file)
	}
	if missing, packets := holes(t, file); missing > 0 || packets < 100 {
		t.Errorf("%d holes in %d packets of MPEG-TS; the relay lost %d datagrams", missing, packets, relay.Lost())
	}
}
