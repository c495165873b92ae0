package srt

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// impairment is what a relay does to the packets of the sender.
type impairment struct {
	loss    float64 // share of packets lost, both ways
	delay   time.Duration
	rateBPS int // 0: no limit; packets that would wait longer than 300 ms are lost
}

// relay forwards UDP between one client and a server, as badly as asked.
func relay(t *testing.T, server netip.AddrPort, bad impairment) netip.AddrPort {
	t.Helper()
	front, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() {
		front.Close()
		back.Close()
		all.Wait()
	})
	var mu sync.Mutex
	var client netip.AddrPort // guarded by mu
	type late struct {
		data []byte
		at   time.Time
	}
	// forward reads packets and writes them when they are due.
	forward := func(seed uint64, rateBPS int, read func([]byte) (int, error), write func([]byte) error) {
		queue := make(chan late, 4096)
		all.Go(func() {
			defer close(queue)
			random := rand.New(rand.NewPCG(seed, 0))
			var lineFree time.Time
			buf := make([]byte, 2000)
			for {
				n, err := read(buf)
				if err != nil {
					return
				}
				now := time.Now()
				if random.Float64() < bad.loss {
					continue
				}
				at := now
				if rateBPS > 0 {
					if lineFree.Before(now) {
						lineFree = now
					}
					if lineFree.Sub(now) > 300*time.Millisecond {
						continue
					}
					lineFree = lineFree.Add(time.Duration(n) * 8 * time.Second / time.Duration(rateBPS))
					at = lineFree
				}
				select {
				case queue <- late{append([]byte(nil), buf[:n]...), at.Add(bad.delay)}:
				default: // lost
				}
			}
		})
		all.Go(func() {
			for p := range queue {
				time.Sleep(time.Until(p.at)) // the network's delay itself
				if write(p.data) != nil {
					continue // the other end has gone: lost, as on a network
				}
			}
		})
	}
	forward(1, bad.rateBPS, func(b []byte) (int, error) {
		n, from, err := front.ReadFromUDPAddrPort(b)
		mu.Lock()
		defer mu.Unlock()
		client = from
		return n, err
	}, func(b []byte) error { _, err := back.Write(b); return err })
	forward(2, 0, back.Read, func(b []byte) error {
		mu.Lock()
		to := client
		mu.Unlock()
		_, err := front.WriteToUDPAddrPort(b, to)
		return err
	})
	return front.LocalAddr().(*net.UDPAddr).AddrPort()
}

// TestLossyNetwork: 5 % loss on a 40 ms round trip is repaired within the latency.
func TestLossyNetwork(t *testing.T) {
	r := newReceiver(t, ServerOptions{})
	addr := relay(t, r.Addr(), impairment{loss: 0.05, delay: 20 * time.Millisecond})
	feed := newLiveFeed(t, 1)
	out := run(t, newOutput(t, map[string]any{"url": "srt://" + addr.String(), "latency_ms": 300}, ""), feed)
	// libsrt begins with the round trip it remembers of the same address.
	feed.await(t, 15*time.Second, 0, func(r outputs.Report) bool {
		return r.State == outputs.Confirmed && r.LostPercent > 0 && r.RTT > 30*time.Millisecond
	})
	last := feed.await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.SentPackets > 400 })
	if last.DroppedPackets != 0 {
		t.Errorf("dropped %d", last.DroppedPackets)
	}
	out.stop(t)
	r.stop()
	if got := demux(t, r.file(t, 0)); got.video < 5*clipFPS || got.biggestGap > 70*time.Millisecond {
		t.Errorf("received %+v", got)
	}
}

// TestNarrowNetwork: a link for a third of the stream costs pictures, in whole
// groups, and the sound goes on.
func TestNarrowNetwork(t *testing.T) {
	r := newReceiver(t, ServerOptions{})
	addr := relay(t, r.Addr(), impairment{rateBPS: 300_000})
	feed := newLiveFeed(t, 1)
	out := run(t, newOutput(t, map[string]any{"url": "srt://" + addr.String(), "latency_ms": 1500}, ""), feed)
	feed.await(t, 10*time.Second, 0, inState(outputs.Degraded))
	last := feed.await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.DroppedPackets > 4*clipFPS })
	if last.SendBuffer > 2500*time.Millisecond {
		t.Errorf("send buffer %v", last.SendBuffer)
	}
	if d := feed.Queued(); d > 700*time.Millisecond {
		t.Errorf("%v wait in the queue", d)
	}
	out.stop(t)
	r.stop()
	got := demux(t, r.file(t, 0))
	t.Logf("sent %+v, received %+v", last, got)
	// A second has 47 blocks of sound; the first one, before the congestion shows, is torn.
	if got.keyframes < 2 || got.audio < got.video || float64(got.audio) < 0.8*got.last.Seconds()*48000/1024 {
		t.Errorf("received %+v", got)
	}
}
