package rtmp

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs"
)

func TestPublishArrivesAsItWas(t *testing.T) {
	t.Parallel()
	server := startServer(t, nil)
	feed := newTestFeed(testTracks(t), media.QueueLimits{MaxBytes: 64 << 20})
	// Two B-frames between references: decoding order, DTS below zero at the start.
	var sent []*media.Packet
	for g := int64(0); g < 20; g++ {
		for i, order := range [...]int64{0, 3, 1, 2} { // I0 P3 B1 B2, then on
			p := fakePicture(4*g+order, 40000)
			p.Keyframe = i == 0
			p.DTS = 4*g + int64(i) - 2
			sent = append(sent, p)
		}
	}
	for n := int64(0); n < 100; n++ {
		sent = append(sent, fakeSound(n))
	}
	for _, p := range sent {
		if !feed.q.Put(p) {
			t.Fatal("queue refused a packet")
		}
	}
	out := newPublisher(t, "rtmp://"+server.addr+"/live", "the key?with=query")
	result := make(chan error, 1)
	go func() { result <- out.Run(t.Context(), feed) }()
	feed.waitState(t, outputs.Confirmed, 20*time.Second)
	for deadline := time.Now().Add(10 * time.Second); feed.lastReport().SentPackets != int64(len(sent)) && time.Now().Before(deadline); {
		<-time.After(ms(10)) // there is a report each second
	}
	feed.q.Close()
	if err := <-result; err != nil {
		t.Fatalf("Run = %v at the end of the feed", err)
	}
	// Where the machine is slow, what was put into the queue at once waits for a while.
	if got := strings.ReplaceAll(feed.states(), " degraded live", ""); got != "resolving connecting handshaking sending live" {
		t.Errorf("states: %s", got)
	}
	r := server.stream(0)
	<-r.closed
	if r.app != "live" || r.key != "the key?with=query" || r.err != nil {
		t.Errorf("app %q, key %q, closed with %v", r.app, r.key, r.err)
	}
	if len(r.tracks) != 2 || r.tracks[0].Width != 320 || r.tracks[0].Height != 180 || r.tracks[0].FPS.Float() != 30 ||
		r.tracks[1].SampleRateHz != 48000 || r.tracks[1].Channels != 2 || r.tracks[1].BitrateBPS != 128000 {
		t.Fatalf("tracks %+v", r.tracks)
	}
	compare(t, feed.tracks, r, sent)
	last := feed.lastReport()
	if last.SentPackets != int64(len(sent)) || last.AckedBytes < 80*40000 || last.SentBytes < last.AckedBytes {
		t.Errorf("last report %+v for %d packets", last, len(sent))
	}
}

// compare checks data, order and times of what arrived.
func compare(t *testing.T, tracks []media.Track, r *received, sent []*media.Packet) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for track := range tracks {
		var want, got []*media.Packet
		for _, p := range sent {
			if p.Track == track {
				want = append(want, p)
			}
		}
		for _, p := range r.packets {
			if p.Track == track {
				got = append(got, p)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("track %d: %d packets arrived of %d", track, len(got), len(want))
		}
		base := media.TimeOf(sent[0].DTS, tracks[sent[0].Track].TimeBase)
		for i, w := range want {
			g := got[i]
			data := w.Data
			if w.Keyframe && track == 0 {
				data = append(bytes.Clone(tracks[0].Extradata), data...)
			}
			dts, pts := milliseconds(media.TimeOf(w.DTS, tracks[track].TimeBase)-base), milliseconds(media.TimeOf(w.PTS, tracks[track].TimeBase)-base)
			if !bytes.Equal(g.Data, data) || g.Keyframe != w.Keyframe || g.DTS != dts || g.PTS != pts {
				t.Fatalf("track %d packet %d: %d bytes, key %v, dts %d, pts %d; want %d, %v, %d, %d",
					track, i, len(g.Data), g.Keyframe, g.DTS, g.PTS, len(data), w.Keyframe, dts, pts)
			}
		}
	}
}

func TestStopIsQuick(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { stopIsQuick(a) })
}

func stopIsQuick(t testing.TB) {
	server := startServer(t, nil)
	feed := newTestFeed(testTracks(t), media.LiveLimits)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := running(ctx, t, newPublisher(t, "rtmp://"+server.addr+"/live/key", ""), feed)
	pumping, stop := context.WithCancel(t.Context())
	pumped := make(chan struct{})
	go func() { defer close(pumped); feed.pump(pumping, 4000) }()
	defer func() { stop(); <-pumped }()
	feed.waitState(t, outputs.Confirmed, 20*time.Second)
	start := time.Now()
	cancel()
	err := <-result
	if d := time.Since(start); d > 2*time.Second || !errors.Is(err, context.Canceled) {
		t.Errorf("stopped after %v with %v", d, err)
	}
	r := server.stream(0)
	<-r.closed
	if r.err != nil || r.key != "key" {
		t.Errorf("the server saw key %q end with %v, want a goodbye", r.key, r.err)
	}
}

// TestAnotherEncoderTakesOver: a keyframe with other parameter sets brings the server
// another decoder configuration before it.
func TestAnotherEncoderTakesOver(t *testing.T) {
	server := startServer(t, nil)
	feed := newTestFeed(testTracks(t), media.QueueLimits{MaxBytes: 64 << 20})
	other := unhex(t, strings.Replace(paramSetsHex, "68cb83cb20", "68cb83cb24", 1))
	for n := int64(0); n < 45; n++ {
		p := fakePicture(n, 2000)
		if n == 30 {
			p.Data = append(bytes.Clone(other), p.Data...)
		}
		feed.q.Put(p)
	}
	out := newPublisher(t, "rtmp://"+server.addr+"/live", "key")
	result := make(chan error, 1)
	go func() { result <- out.Run(t.Context(), feed) }()
	feed.waitState(t, outputs.Sending, 20*time.Second)
	feed.q.Close()
	if err := <-result; err != nil {
		t.Fatalf("Run = %v", err)
	}
	r := server.stream(0)
	<-r.closed
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, want := range map[int][]byte{0: unhex(t, paramSetsHex), 15: unhex(t, paramSetsHex), 30: other} {
		if len(r.packets) != 45 || !bytes.HasPrefix(r.packets[i].Data, want) {
			t.Errorf("of %d packets, keyframe %d does not begin with the configuration of its encoder", len(r.packets), i)
		}
	}
}
