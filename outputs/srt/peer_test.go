package srt

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/srt/libsrt"
)

// transmit starts srt-live-transmit, which listens when this returns, and ends it, by its own
// process, with the test.
func transmit(t testing.TB, from, to string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("srt-live-transmit", "-q", "-loglevel:fatal", from, to)
	if strings.HasPrefix(to, "file://con") {
		f, err := os.Create(to[len("file://con:"):])
		if err != nil {
			t.Fatal(err)
		}
		cmd.Args[len(cmd.Args)-1] = "file://con"
		cmd.Stdout = f
		t.Cleanup(func() { f.Close() })
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGCONT) // it may be gone already
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed: its status says nothing
	})
	at, err := url.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		t.Fatal(err)
	}
	// A caller gives up soon where nobody listens yet.
	testkit.Eventually(t, 20*time.Second, "srt-live-transmit does not listen", func() bool {
		sockets, err := os.ReadFile("/proc/net/udp") // proc_net(5): local and remote address, in hexadecimal
		return err == nil && strings.Contains(string(sockets), fmt.Sprintf(":%04X 00000000:0000 ", port))
	})
	return cmd
}

// received waits until a receiver, which plays late, has written so many pictures, at most
// 10 s, and returns what there is. It looks at no file that has not even half of them: what
// it begins with alone cannot be opened.
func received(t testing.TB, file string, pictures int) (got testkit.Demuxed) {
	t.Helper()
	const pictureBytes = 600_000 / 8 / testkit.FeedFPS
	for deadline := time.Now().Add(10 * time.Second); got.Video < pictures && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
		if info, err := os.Stat(file); err == nil && info.Size() > int64(pictures*pictureBytes/2) {
			got = testkit.Demux(t, file)
		}
	}
	return got
}

// TestSRTLiveTransmit: another program receives, with encryption.
func TestSRTLiveTransmit(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { srtLiveTransmit(a) })
}

func srtLiveTransmit(t testing.TB) {
	port := ports.Free(t)
	file := filepath.Join(t.TempDir(), "received.ts")
	transmit(t, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&passphrase=%s&latency=%d", port, passphrase, calm), "file://con:"+file)
	feed := testkit.NewLiveFeed(t, 1)
	o := newOutput(t, map[string]any{"url": fmt.Sprintf("srt://127.0.0.1:%d", port), "key_length": 32, "latency_ms": calm}, passphrase)
	out := run(t, o, feed)
	feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.State == outputs.Confirmed && r.SentPackets > 200 })
	if err := out.stop(t); !isCancelled(err) {
		t.Errorf("ended with %v", err)
	}
	got := received(t, file, 2*testkit.FeedFPS)
	if got.First > 2*pcrLead+200*time.Millisecond || got.Video < 2*testkit.FeedFPS || got.Audio < 2*got.Video || got.BiggestGap > 70*time.Millisecond {
		t.Errorf("received %+v", got)
	}
}

func TestSRTLiveTransmitRefuses(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { srtLiveTransmitRefuses(a) })
}

func srtLiveTransmitRefuses(t testing.TB) {
	port := ports.Free(t)
	transmit(t, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&passphrase=another-one-entirely", port), "file://con:"+filepath.Join(t.TempDir(), "x"))
	o := newOutput(t, map[string]any{"url": fmt.Sprintf("srt://127.0.0.1:%d", port)}, passphrase)
	err := run(t, o, testkit.NewLiveFeed(t, 1)).wait(t, 20*time.Second)
	if err == nil || !outputs.IsPermanent(err) || !strings.Contains(err.Error(), "refused the passphrase") {
		t.Errorf("got %v", err)
	}
}

// TestFrozenReceiver: the far end stops without a word.
func TestFrozenReceiver(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { frozenReceiver(a) })
}

func frozenReceiver(t testing.TB) {
	port := ports.Free(t)
	peer := transmit(t, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener", port), "file://con:"+filepath.Join(t.TempDir(), "x"))
	feed := testkit.NewLiveFeed(t, 1)
	out := run(t, newOutput(t, map[string]any{"url": fmt.Sprintf("srt://127.0.0.1:%d", port)}, ""), feed)
	feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := peer.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	skip := feed.Reported()
	worst := feed.Await(t, 15*time.Second, skip, testkit.InState(outputs.Degraded))
	if worst.SendBuffer > 2*time.Second {
		t.Errorf("send buffer %v", worst.SendBuffer)
	}
	err := out.wait(t, 15*time.Second)
	if err == nil || outputs.IsPermanent(err) || !strings.Contains(err.Error(), "was lost") {
		t.Errorf("ended with %v", err)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("heap grew by %d bytes", grown)
	}
	if d := feed.Queued(); d > 2*time.Second {
		t.Errorf("%v wait in the queue", d)
	}
}

// TestFrozenReceiverIsStopped: stopping does not wait for a far end that is silent.
func TestFrozenReceiverIsStopped(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { frozenReceiverIsStopped(a) })
}

func frozenReceiverIsStopped(t testing.TB) {
	port := ports.Free(t)
	peer := transmit(t, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener", port), "file://con:"+filepath.Join(t.TempDir(), "x"))
	feed := testkit.NewLiveFeed(t, 1)
	out := run(t, newOutput(t, map[string]any{"url": fmt.Sprintf("srt://127.0.0.1:%d", port)}, ""), feed)
	feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
	if err := peer.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // something waits in the send buffer
	if err := out.stop(t); !isCancelled(err) {
		t.Errorf("ended with %v", err)
	}
}

// TestReconnectsLeakNothing: 200 connections, one after the other. Their ends wait for as much
// latency as there is.
func TestReconnectsLeakNothing(t *testing.T) {
	r := newReceiver(t, ServerOptions{Latency: 20 * time.Millisecond})
	o := newOutput(t, map[string]any{"url": r.url(), "latency_ms": 20}, "")
	once := func() {
		feed := testkit.NewStoredFeed(t, 20)
		out := run(t, o, feed)
		feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Sending))
		feed.End()
		if err := out.wait(t, 20*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (files, routines int) {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries), runtime.NumGoroutine()
	}
	for range 3 {
		once()
	}
	time.Sleep(4 * time.Second) // libsrt frees closed sockets some seconds later
	files, routines := count()
	for range 200 {
		once()
	}
	deadline := time.Now().Add(10 * time.Second)
	f, g := count()
	for (f > files || g > routines) && time.Now().Before(deadline) {
		time.Sleep(100 * time.Millisecond)
		f, g = count()
	}
	if f > files || g > routines {
		t.Errorf("files %d -> %d, goroutines %d -> %d", files, f, routines, g)
	}
}

func isCancelled(err error) bool { return err != nil && err.Error() == "context canceled" }

// fakeConnection is a network as slow as the test says.
type fakeConnection struct {
	stats libsrt.Stats
	err   error
	sent  int
	calls int
}

func (f *fakeConnection) Send(p []byte) error {
	f.calls++
	if f.err == nil {
		f.sent += len(p)
	}
	return f.err
}

func (f *fakeConnection) Stats() (libsrt.Stats, error) { return f.stats, nil }

func TestSenderDropsWholePictures(t *testing.T) {
	c := testkit.FeedClip(t)
	conn := &fakeConnection{}
	s := &sender{conn: conn, hasVideo: true}
	var err error
	if s.mux, err = newMuxer(c.Tracks, s.write); err != nil {
		t.Fatal(err)
	}
	defer s.mux.Close()
	var sent, kept int // pictures and sound sent while congested
	for _, p := range c.Packets {
		at := p.Time
		conn.stats.UnackedTime = 0
		if at > 2500*time.Millisecond && at < 3500*time.Millisecond {
			conn.stats.UnackedTime = 2 * time.Second
		}
		// The keyframe at 3 s falls into the congestion, so that nothing leaves before 4 s.
		waiting := at > 2500*time.Millisecond && at < 4*time.Second
		n := s.dropped.Load()
		if err := s.packet(p); err != nil {
			t.Fatal(err)
		}
		dropped := s.dropped.Load() > n
		if dropped != (waiting && !p.Audio) {
			t.Errorf("at %v, sound %v: dropped %v", at, p.Audio, dropped)
		}
		if !dropped && p.Audio {
			kept++
		} else if !dropped {
			sent++
		}
	}
	if kept == 0 || sent == 0 || int64(conn.sent) != s.sentBytes.Load() {
		t.Errorf("%d pictures, %d blocks of sound, %d of %d bytes", sent, kept, conn.sent, s.sentBytes.Load())
	}
}

func TestSenderBufferFull(t *testing.T) {
	c := testkit.FeedClip(t)
	conn := &fakeConnection{}
	s := &sender{conn: conn, hasVideo: true}
	var err error
	if s.mux, err = newMuxer(c.Tracks, s.write); err != nil {
		t.Fatal(err)
	}
	defer s.mux.Close()
	pictures := 0
	for _, p := range c.Packets {
		if p.Audio {
			continue
		}
		conn.err = nil
		if pictures == 3 {
			conn.err = libsrt.ErrFull
		}
		if err := s.packet(p); err != nil {
			t.Fatal(err)
		}
		pictures++
		if pictures == 20 {
			break
		}
	}
	// Pictures 3 to 14 are lost with their group; the one at 15 is a keyframe.
	if got := s.dropped.Load(); got != testkit.FeedFPS-3 {
		t.Errorf("%d pictures dropped, want %d", got, testkit.FeedFPS-3)
	}
	conn.err = libsrt.ErrLost
	first := slices.IndexFunc(c.Packets, func(p *media.Packet) bool { return !p.Audio })
	if err := s.packet(c.Packets[first]); !errors.Is(err, libsrt.ErrLost) {
		t.Errorf("on a lost connection: %v", err)
	}
}

func TestMonitor(t *testing.T) {
	var got outputs.Report
	s := &sender{}
	m := &monitor{sender: s, peer: "host:1", report: func(r outputs.Report) { got = r }, watch: func(outputs.Progress) {}}
	now := time.Unix(1000, 0)
	m.progress = now
	step := func(after time.Duration, sent int64, st libsrt.Stats) error {
		now = now.Add(after)
		s.sentBytes.Store(sent)
		if st.SendDropped > 0 && st.UnackedBytes > 0 { // the sender leaves pictures out, too
			s.dropped.Add(5)
		}
		st.Latency = 120 * time.Millisecond
		return m.step(now, st)
	}
	for _, c := range []struct {
		name  string
		after time.Duration
		sent  int64
		stats libsrt.Stats
		state outputs.State
		acked int64
	}{
		{"all in the air", time.Second, 5000, libsrt.Stats{UnackedBytes: 5000, SentPackets: 4}, outputs.Sending, 0},
		{"first acknowledged", 100 * time.Millisecond, 6000, libsrt.Stats{UnackedBytes: 1000, AcksReceived: 1, SentPackets: 5}, outputs.Confirmed, 5000},
		{"losses repaired", time.Second, 9000, libsrt.Stats{UnackedBytes: 1000, AcksReceived: 2, SentPackets: 15, SendLost: 1, Retransmitted: 1}, outputs.Confirmed, 8000},
		{"silence", time.Second, 12000, libsrt.Stats{UnackedBytes: 4000, AcksReceived: 2, SentPackets: 20, SendLost: 1, Retransmitted: 1, UnackedTime: time.Second}, outputs.Degraded, 8000},
		{"nobody there any more", time.Second, 15000, libsrt.Stats{UnackedBytes: 4000, SendDroppedB: 3000, SendDropped: 3, AcksReceived: 2, SentPackets: 20, SendLost: 1, Retransmitted: 1}, outputs.Degraded, 8000},
		{"back", time.Second, 18000, libsrt.Stats{SendDroppedB: 3000, SendDropped: 3, AcksReceived: 3, SentPackets: 24, SendLost: 1, Retransmitted: 1}, outputs.Confirmed, 15000},
	} {
		got = outputs.Report{}
		if err := step(c.after, c.sent, c.stats); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got.State != c.state || got.AckedBytes != c.acked {
			t.Errorf("%s: %v with %d acknowledged, want %v with %d", c.name, got.State, got.AckedBytes, c.state, c.acked)
		}
		if c.name == "nobody there any more" && !strings.Contains(got.Detail, "has acknowledged nothing for 2s") {
			t.Errorf("%s: %q", c.name, got.Detail)
		}
		if c.name == "losses repaired" && (got.LostPercent != 10 || !strings.Contains(got.Detail, "1 messages sent again")) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	waiting := libsrt.Stats{UnackedBytes: 100, SendDroppedB: 3000, SendDropped: 3}
	if err := step(9*time.Second, 18000, waiting); err != nil {
		t.Errorf("after 9 s of silence: %v", err)
	}
	if err := step(2*time.Second, 18000, waiting); !errors.Is(err, errStalled) {
		t.Errorf("after 11 s of silence: %v", err)
	}
}
