package rtmp

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs"
)

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// settle waits until get() is at most want, or has not fallen for as long as
// patience, and returns the last value.
func settle(get func() int, want int, patience time.Duration) int {
	lowest := get()
	for fell := time.Now(); lowest > want && time.Since(fell) < patience; {
		timer := time.NewTimer(20 * time.Millisecond)
		<-timer.C
		if got := get(); got < lowest {
			lowest, fell = got, time.Now()
		}
	}
	return lowest
}

// lingering is longer than a server keeps a connection that was cut during its set-up.
const lingering = 12 * time.Second

// relay passes bytes on and cuts every connection after a while: somebody pulls the
// cable, again and again.
func relay(t testing.TB, to string, after time.Duration) string {
	return relayUntil(t, to, func(ended <-chan struct{}) { nap(ended, after) })
}

// nap waits for d, or until ended is closed, and says whether that came first.
func nap(ended <-chan struct{}, d time.Duration) (over bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-ended:
		return true
	}
}

// relayUntil is relay that cuts a connection when cut returns; ended is closed when the
// connection has ended by itself.
func relayUntil(t testing.TB, to string, cut func(ended <-chan struct{})) string {
	return listen(t, func(c net.Conn) {
		up, err := net.Dial("tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		var work sync.WaitGroup
		ended := make(chan struct{})
		work.Go(func() { _, _ = io.Copy(up, c) })
		work.Go(func() { cut(ended); _, _ = up.Close(), c.Close() })
		_, _ = io.Copy(c, up)
		close(ended)
		_, _ = c.Close(), up.Close()
		work.Wait()
	})
}

func TestReconnectsLeaveNothingBehind(t *testing.T) {
	server := startServer(t, nil)
	// Most connections are cut soon after the server has the stream, some while they are set up.
	connections := 0
	addr := relayUntil(t, server.addr, func(ended <-chan struct{}) {
		if connections++; connections%8 != 0 {
			for before := server.count(); server.count() == before; {
				if nap(ended, time.Millisecond) {
					return
				}
			}
		}
		nap(ended, 10*time.Millisecond)
	})
	out := newPublisher(t, "rtmp://"+addr+"/live", "key")
	feed := newTestFeed(testTracks(t), media.LiveLimits)
	pumping, stop := context.WithCancel(t.Context())
	pumped := make(chan struct{})
	go func() { defer close(pumped); feed.pump(pumping, 4000) }()
	defer func() { stop(); <-pumped }()
	counters := new(outputs.Counters)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := func(tries int64) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		result := make(chan error, 1)
		go func() {
			result <- outputs.Supervise(ctx, outputs.SuperviseOptions{
				Output: out, Feed: feed, Log: discard(), Name: "relay", Counters: counters,
				Policy: supervise.Policy{First: time.Millisecond, StopWithin: 5 * time.Second},
			})
		}()
		deadline := time.Now().Add(2 * time.Minute)
		for target := counters.Tries.Load() + tries; counters.Tries.Load() < target; {
			if time.Now().After(deadline) {
				t.Fatalf("%d tries are left", target-counters.Tries.Load())
			}
			timer := time.NewTimer(10 * time.Millisecond)
			<-timer.C
		}
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("Supervise = %v", err)
		}
	}
	run(5) // whatever is made once is made now
	goroutines := settle(runtime.NumGoroutine, 0, time.Second)
	files := settle(func() int { return openFiles(t) }, 0, time.Second)
	run(200)
	if got := settle(runtime.NumGoroutine, goroutines, lingering); got > goroutines {
		t.Errorf("%d goroutines before, %d after 200 reconnects", goroutines, got)
	}
	if got := settle(func() int { return openFiles(t) }, files, lingering); got > files {
		t.Errorf("%d files before, %d after 200 reconnects", files, got)
	}
	if counters.Panics.Load() != 0 || counters.Abandoned.Load() != 0 {
		t.Errorf("%d panics, %d abandoned", counters.Panics.Load(), counters.Abandoned.Load())
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	if len(server.streams) < 150 {
		t.Errorf("only %d streams reached the server", len(server.streams))
	}
	for _, s := range server.streams {
		<-s.closed
	}
}

// A new connection begins with a keyframe at time zero, whatever came before.
func TestReconnectStartsOver(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { reconnectStartsOver(a) })
}

func reconnectStartsOver(t testing.TB) {
	server := startServer(t, nil)
	out := newPublisher(t, "rtmp://"+relay(t, server.addr, 2500*time.Millisecond)+"/live", "key")
	feed := newTestFeed(testTracks(t), media.LiveLimits)
	pumping, stop := context.WithCancel(t.Context())
	pumped := make(chan struct{})
	go func() { defer close(pumped); feed.pump(pumping, 4000) }()
	defer func() { stop(); <-pumped }()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = outputs.Supervise(ctx, outputs.SuperviseOptions{
			Output: out, Feed: feed, Log: discard(), Name: "relay",
			Policy: supervise.Policy{First: 10 * time.Millisecond, StopWithin: 5 * time.Second},
		}) // it ends with its context
	}()
	defer func() { cancel(); <-ended }()
	for deadline := time.Now().Add(20 * time.Second); ; {
		if s := server.stream(2); s != nil {
			s.mu.Lock()
			n := len(s.packets)
			s.mu.Unlock()
			if n > 5 {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("no third connection")
		}
		timer := time.NewTimer(10 * time.Millisecond)
		<-timer.C
	}
	cancel()
	<-ended
	for i := range 3 {
		s := server.stream(i)
		<-s.closed
		if len(s.packets) == 0 {
			continue // cut before the next keyframe came
		}
		p := s.packets[0]
		if p.Audio || !p.Keyframe || p.DTS != 0 {
			t.Errorf("connection %d begins with audio %v, keyframe %v, time %d", i, p.Audio, p.Keyframe, p.DTS)
		}
		for _, p := range s.packets {
			if p.DTS > 5000 {
				t.Fatalf("connection %d: time %d ms", i, p.DTS)
			}
		}
	}
	if !strings.Contains(feed.states(), "live waiting resolving connecting handshaking sending") {
		t.Errorf("states: %s", feed.states())
	}
}
