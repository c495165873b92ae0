package srt

import (
	"net/netip"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/faults"
	"crosspoint.studio/crosspoint/outputs"
)

// impairment is what a relay does to the packets of the sender.
type impairment struct {
	loss    float64 // share of packets lost, both ways
	delay   time.Duration
	rateBPS int // 0: no limit; packets that would wait longer than 300 ms are lost
}

// relay forwards UDP between one client and a server, as badly as asked.
func relay(t testing.TB, server netip.AddrPort, bad impairment) netip.AddrPort {
	t.Helper()
	r := faults.NewUDP(t, server, nil)
	r.Loss(bad.loss)
	r.Delay(bad.delay)
	r.Rate(bad.rateBPS)
	return r.Addr
}

// TestLossyNetwork: 5 % loss on a 40 ms round trip is repaired within the latency.
func TestLossyNetwork(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { lossyNetwork(a) })
}

func lossyNetwork(t testing.TB) {
	r := newReceiver(t, ServerOptions{})
	addr := relay(t, r.Addr(), impairment{loss: 0.05, delay: 20 * time.Millisecond})
	feed := testkit.NewLiveFeed(t, 1)
	out := run(t, newOutput(t, map[string]any{"url": "srt://" + addr.String(), "latency_ms": 300}, ""), feed)
	// libsrt begins with the round trip it remembers of the same address.
	feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool {
		return r.State == outputs.Confirmed && r.LostPercent > 0 && r.RTT > 30*time.Millisecond
	})
	last := feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.SentPackets > 400 })
	if last.DroppedPackets != 0 {
		t.Errorf("dropped %d", last.DroppedPackets)
	}
	out.stop(t)
	r.stop()
	if got := testkit.Demux(t, r.file(t, 0)); got.Video < 5*testkit.FeedFPS || got.BiggestGap > 70*time.Millisecond {
		t.Errorf("received %+v", got)
	}
}

// TestNarrowNetwork: a link for a third of the stream costs pictures, in whole
// groups, and the sound goes on.
func TestNarrowNetwork(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { narrowNetwork(a) })
}

func narrowNetwork(t testing.TB) {
	r := newReceiver(t, ServerOptions{})
	addr := relay(t, r.Addr(), impairment{rateBPS: 300_000})
	feed := testkit.NewLiveFeed(t, 1)
	out := run(t, newOutput(t, map[string]any{"url": "srt://" + addr.String(), "latency_ms": 1500}, ""), feed)
	feed.Await(t, 10*time.Second, 0, testkit.InState(outputs.Degraded))
	last := feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.DroppedPackets > 4*testkit.FeedFPS })
	if last.SendBuffer > 2500*time.Millisecond {
		t.Errorf("send buffer %v", last.SendBuffer)
	}
	if d := feed.Queued(); d > 700*time.Millisecond {
		t.Errorf("%v wait in the queue", d)
	}
	out.stop(t)
	r.stop()
	got := testkit.Demux(t, r.file(t, 0))
	t.Logf("sent %+v, received %+v", last, got)
	// A second has 47 blocks of sound; the first one, before the congestion shows, is torn.
	if got.Keyframes < 2 || got.Audio < got.Video || float64(got.Audio) < 0.8*got.Last.Seconds()*48000/1024 {
		t.Errorf("received %+v", got)
	}
}
