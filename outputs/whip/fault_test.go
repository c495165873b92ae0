package whip

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/faults"
	"crosspoint.studio/crosspoint/outputs"
)

// At 3 % loss both ways every packet is repaired by NACK, and the operator sees the loss.
func TestLossIsRepaired(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { lossIsRepaired(a) })
}

func lossIsRepaired(t testing.TB) {
	r := faults.NewWebRTC(t)
	s := newTestServer(t, r.Wrap)
	feed := newPlayout(t, 6*time.Second)
	done := running(t.Context(), t, newOutput(t, s.url(), testToken), feed)
	// Not the first and the last packets: nobody can know that those are missing.
	feed.await(t, 20*time.Second, "confirmed", confirmed)
	r.Loss(0.03)
	feed.await(t, 5*time.Second, "confirmed with loss seen", func(r outputs.Report) bool {
		return confirmed(r) && r.LostPercent > 0.3 && r.LostPercent < 15
	})
	waitFor(t, 10*time.Second, "five seconds played", func() bool { return feed.played() > 5*time.Second })
	r.Loss(0)
	if err := <-done; err != nil {
		t.Fatalf("Run: %v", err)
	}
	sink := <-s.sinks
	if err := sink.awaitEnd(t, 20*time.Second); err != nil {
		t.Errorf("the stream ended with %v, want nil", err)
	}
	if r.Lost() < 10 {
		t.Fatalf("the relay dropped %d packets only", r.Lost())
	}
	last := feed.last()
	t.Logf("%d datagrams dropped, %d packets sent again", r.Lost(), last.Retransmitted)
	if last.Retransmitted == 0 || last.NotRepeated != 0 {
		t.Errorf("%d packets are told as sent again and %d requests as refused, want some and none", last.Retransmitted, last.NotRepeated)
	}
	compare(t, feed, sink)
}

// A server that is gone without a word, HTTP included, ends Run within 10 s.
func TestServerGone(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { serverGone(a) })
}

func serverGone(t testing.TB) {
	r := faults.NewWebRTC(t)
	s := newTestServer(t, r.Wrap)
	feed := newPlayout(t, time.Minute)
	done := running(t.Context(), t, newOutput(t, s.url(), testToken), feed)
	feed.await(t, 10*time.Second, "confirmed", confirmed)
	r.Cut()
	s.http.CloseClientConnections()
	s.http.Listener.Close()
	expectLost(t, done)
	if err := (<-s.sinks).awaitEnd(t, 15*time.Second); !errors.Is(err, ErrLost) {
		t.Errorf("the server's stream ended with %v, want %v", err, ErrLost)
	}
}

func expectLost(t testing.TB, done <-chan error) {
	t.Helper()
	start := time.Now()
	select {
	case err := <-done:
		if !errors.Is(err, ErrLost) || outputs.IsPermanent(err) {
			t.Errorf("Run: %v, want %v, to be tried again", err, ErrLost)
		}
		t.Logf("noticed after %v", time.Since(start).Round(time.Millisecond))
	case <-time.After(12 * time.Second):
		t.Fatal("Run goes on 12 s after the server was gone")
	}
}

// A frozen server (nothing read, nothing refused, HTTP taken and not answered) is
// shown as degraded, then ends Run, in bounded memory.
func TestServerFrozen(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { serverFrozen(a) })
}

func serverFrozen(t testing.TB) {
	r := faults.NewWebRTC(t)
	s := newTestServer(t, r.Wrap)
	feed := newPlayout(t, time.Minute)
	done := running(t.Context(), t, newOutput(t, s.url(), testToken), feed)
	feed.await(t, 10*time.Second, "confirmed", confirmed)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r.Hang()
	r.Freeze(true)
	feed.await(t, 6*time.Second, "degraded", func(r outputs.Report) bool { return r.State == outputs.Degraded })
	expectLost(t, done)
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// A server that ends the stream in order is noticed at once.
func TestServerCloses(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { serverCloses(a) })
}

func serverCloses(t testing.TB) {
	s := newTestServer(t, nil)
	feed := newPlayout(t, time.Minute)
	done := running(t.Context(), t, newOutput(t, s.url(), testToken), feed)
	feed.await(t, 10*time.Second, "confirmed", confirmed)
	start := time.Now()
	s.Close()
	expectLost(t, done)
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := (<-s.sinks).awaitEnd(t, 20*time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("the server's stream ended with %v, want %v", err, context.Canceled)
	}
}

// Stopping takes less than 2 s although neither media nor HTTP is answered.
func TestStopWhileFrozen(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { stopWhileFrozen(a) })
}

func stopWhileFrozen(t testing.TB) {
	r := faults.NewWebRTC(t)
	s := newTestServer(t, r.Wrap)
	feed := newPlayout(t, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := running(ctx, t, newOutput(t, s.url(), testToken), feed)
	feed.await(t, 10*time.Second, "confirmed", confirmed)
	r.Hang()
	r.Freeze(true)
	start := time.Now()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v, want %v", err, context.Canceled)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

// What waited too long for the connection is skipped up to a keyframe that is fresh.
func TestStaleStartIsSkipped(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { staleStartIsSkipped(a) })
}

func staleStartIsSkipped(t testing.TB) {
	s := newTestServer(t, nil)
	feed := newPlayout(t, 15*time.Second)
	feed.begin.Do(func() { feed.done.Go(feed.play) })
	waitFor(t, 20*time.Second, "600 ms queued", func() bool { return feed.Queued() > 600*time.Millisecond })
	if err := newOutput(t, s.url(), testToken).Run(t.Context(), feed); err != nil {
		t.Fatalf("Run: %v", err)
	}
	sink := <-s.sinks
	if err := sink.awaitEnd(t, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	got := of(sink.packets, false)
	if len(got) == 0 || !got[0].Keyframe {
		t.Fatalf("%d pictures arrived, want some and a keyframe first", len(got))
	}
	dropped := feed.last().DroppedPackets
	if want := int64(len(feed.sent) - len(sink.packets)); dropped == 0 || dropped != want {
		t.Errorf("%d packets reported as dropped, want %d", dropped, want)
	}
}

// 200 connections leave goroutines and file descriptors where they were.
func TestReconnectsLeakNothing(t *testing.T) {
	const publishers = 4 // at a time: a connection mostly waits
	servers, publisher := make([]*testServer, publishers), make([]outputs.Output, publishers)
	for i := range servers {
		servers[i] = newTestServer(t, nil)
		publisher[i] = newOutput(t, servers[i].url(), testToken)
	}
	all := func(rounds int) {
		t.Helper()
		failed := make(chan error, publishers)
		for i := range publishers {
			go func() {
				var err error
				for range rounds {
					err = errors.Join(err, publishOnce(t, servers[i], publisher[i]))
				}
				failed <- err
			}()
		}
		for range publishers {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		for _, s := range servers {
			s.http.CloseClientConnections()
		}
	}
	all(1)
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	all(200 / publishers)
	waitFor(t, 20*time.Second, "as few goroutines and files as before", func() bool {
		return runtime.NumGoroutine() <= goroutines+2 && openFiles(t) <= files+2
	})
	t.Logf("goroutines %d, then %d; files %d, then %d", goroutines, runtime.NumGoroutine(), files, openFiles(t))
}

// publishOnce publishes until the server has confirmed, and stops in order.
func publishOnce(t testing.TB, s *testServer, o outputs.Output) error {
	feed := newPlayout(t, time.Minute)
	defer feed.end()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx, feed) }()
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	for !confirmed(feed.last()) {
		select {
		case <-feed.news:
		case err := <-done:
			return fmt.Errorf("Run: %w", err)
		case <-late.C:
			return fmt.Errorf("not confirmed in 10 s; last report %+v", feed.last())
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		return fmt.Errorf("Run: %w", err)
	}
	sink := <-s.sinks
	select {
	case <-sink.ended:
	case <-late.C:
		return errors.New("the stream had not ended after 10 s")
	}
	sink.mu.Lock()
	defer sink.mu.Unlock()
	if sink.err != nil {
		return fmt.Errorf("the server's stream ended with %w, want nil for a DELETE", sink.err)
	}
	return nil
}

func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func waitFor(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("after %v not %s", within, what)
		}
		<-ticker.C
	}
}
