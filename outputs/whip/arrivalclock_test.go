package whip

import (
	"runtime"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
)

func TestArrivalClock(t *testing.T) {
	const wrap = 1 << 24
	type told struct {
		at     time.Duration // ours
		ref    uint32
		count  uint16 // new packets; 0: the last ones again
		deltas []int64
		want   int64 // reference time; -1: left out
	}
	for what, list := range map[string][]told{
		"goes on over its end":       {{0, wrap - 2, 9, nil, wrap - 2}, {100 * time.Millisecond, wrap - 1, 9, nil, wrap - 1}, {200 * time.Millisecond, 1, 9, nil, wrap + 1}, {9 * time.Second, 140, 9, nil, wrap + 140}},
		"two in one unit":            {{0, 7, 9, nil, 7}, {50 * time.Millisecond, 7, 9, nil, 7}},
		"stands":                     {{0, 7, 9, nil, 7}, {300 * time.Millisecond, 7, 9, nil, -1}, {time.Second, 7, 9, nil, -1}, {2 * time.Second, 8, 9, nil, 8}},
		"an older one under way":     {{0, 7, 9, nil, 7}, {50 * time.Millisecond, 6, 9, nil, -1}},
		"begins anew":                {{0, 5000, 9, nil, 5000}, {640 * time.Millisecond, 3, 9, nil, 5010}, {704 * time.Millisecond, 4, 9, nil, 5011}},
		"jumps ahead":                {{0, 7, 9, nil, 7}, {640 * time.Millisecond, 90000, 9, nil, 17}, {704 * time.Millisecond, 90001, 9, nil, 18}},
		"the same packets again":     {{0, 7, 9, nil, 7}, {64 * time.Millisecond, 8, 0, nil, -1}, {128 * time.Millisecond, 9, 1, nil, 9}},
		"arrivals far from its time": {{0, 7, 9, nil, 7}, {64 * time.Millisecond, 8, 9, []int64{8e6}, -1}, {128 * time.Millisecond, 9, 9, []int64{100, -50, 2e6}, 9}},
	} {
		t.Run(what, func(t *testing.T) {
			var c arrivalClock
			begin, next := time.Now(), uint16(65530)
			for i, x := range list {
				p := &rtcp.TransportLayerCC{BaseSequenceNumber: next, PacketStatusCount: x.count, ReferenceTime: x.ref}
				if x.count == 0 {
					p.BaseSequenceNumber, p.PacketStatusCount = next-9, 9
				}
				next += x.count
				for _, d := range x.deltas {
					p.RecvDeltas = append(p.RecvDeltas, &rtcp.RecvDelta{Delta: d})
				}
				got := int64(-1)
				if q := c.take(p, begin.Add(x.at)); q != nil {
					got = int64(q.ReferenceTime)
				}
				if got != x.want {
					t.Errorf("feedback %d: reference time %d, want %d", i, got, x.want)
				}
				if p.ReferenceTime != x.ref {
					t.Errorf("feedback %d was changed", i)
				}
			}
		})
	}
}

// TestEstimatorForgets: what GCC was told does not gather when the far end's clock goes back.
func TestEstimatorForgets(t *testing.T) {
	e, err := newEstimator(6_000_000)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close() // it ends with the test
	const id = 3
	w := e.AddStream(&interceptor.StreamInfo{RTPHeaderExtensions: []interceptor.RTPHeaderExtension{{URI: sdp.TransportCCURI, ID: id}}},
		interceptor.RTPWriterFunc(func(*rtp.Header, []byte, interceptor.Attributes) (int, error) { return 0, nil }))
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	const batch, times = 100, 2000
	seq := uint16(0)
	tell := func(ref uint32) {
		p := &rtcp.TransportLayerCC{BaseSequenceNumber: seq, PacketStatusCount: batch, ReferenceTime: ref & (1<<24 - 1),
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: batch}}}
		for range batch {
			number, err := (&rtp.TransportCCExtension{TransportSequence: seq}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			h := &rtp.Header{Version: 2}
			if err := h.SetExtension(id, number); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(h, make([]byte, 1000), nil); err != nil {
				t.Fatal(err)
			}
			p.RecvDeltas = append(p.RecvDeltas, &rtcp.RecvDelta{Delta: 500})
			seq++
		}
		if err := e.WriteRTCP([]rtcp.Packet{p}, nil); err != nil {
			t.Fatal(err)
		}
	}
	tell(1<<24 - 20)
	before := heap()
	for i := range uint32(times) {
		tell(1<<24 - 19 + i)
	}
	if grown := heap() - before; grown > 2<<20 {
		t.Errorf("%d kB are kept of %d packets", grown>>10, batch*times)
	}
}
