package engine

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// fanout is a stream with so many destinations that take what they are given at once.
type fanout struct {
	stream  *stream
	queues  []*media.PacketQueue
	packets [2]*media.Packet
	n       int64
}

func newFanout(destinations int) *fanout {
	f := &fanout{stream: newStream(
		media.Track{Codec: media.H264, TimeBase: media.NewRational(1, 30)},
		media.Track{Codec: media.AAC, TimeBase: media.NewRational(1, 48000), SampleRateHz: 48000},
	)}
	for range destinations {
		q := media.NewPacketQueue(media.LiveLimits, true)
		f.queues = append(f.queues, q)
		f.stream.attach(q)
	}
	f.packets[0] = &media.Packet{Data: make([]byte, 33_000), Keyframe: true}
	f.packets[1] = &media.Packet{Data: make([]byte, 400), Track: 1, Audio: true, Keyframe: true}
	return f
}

// round hands over one picture and one block of sound and takes them at every end. The
// packets are the same each time, later only: nobody but this goroutine sees them.
func (f *fanout) round(tb testing.TB) {
	f.packets[0].PTS, f.packets[0].DTS, f.packets[0].Time = f.n, f.n, time.Duration(f.n)*time.Second/30
	f.packets[1].PTS, f.packets[1].DTS, f.packets[1].Time = f.n*1600, f.n*1600, f.packets[0].Time
	f.n++
	f.stream.put(f.packets[0], 0)
	f.stream.put(f.packets[1], 1)
	for _, q := range f.queues {
		for q.Stats().Packets > 0 {
			if _, err := q.Next(tb.Context()); err != nil {
				tb.Fatal(err)
			}
		}
	}
}

// BenchmarkFanOut is the cost of one more destination: a packet from its encoder into a
// destination's queue and out of it. It may be 2 µs, and nothing is allocated.
func BenchmarkFanOut(b *testing.B) {
	const destinations = 10
	f := newFanout(destinations)
	for range 10 {
		f.round(b)
	}
	b.ReportAllocs()
	start := time.Now()
	n := 0
	for b.Loop() {
		f.round(b)
		n++
	}
	each := time.Since(start) / time.Duration(n*2*destinations)
	b.ReportMetric(float64(each), "ns/packet/destination")
	if n > 1000 && each > 2*time.Microsecond {
		b.Errorf("a packet costs %v for each destination, more than 2 µs", each)
	}
}
