//go:build linux

package priority

import (
	"context"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestLane: the threads in a lane are raised and get their usual precedence back, those that
// come later too; without a lane a goroutine keeps to no thread.
func TestLane(t *testing.T) {
	if err := mayRaise(); err != nil {
		t.Skipf("nobody may raise a thread here: %v", err)
	}
	usual := niceOf(t, unix.Gettid())
	var lane Lane
	in, ended := make(chan int), make(chan struct{})
	work := func(ctx context.Context) {
		defer close(ended)
		defer Enter(ctx)()
		in <- unix.Gettid()
		<-in
	}
	ctx := With(t.Context(), &lane)
	want := func(what string, tid, want int) {
		t.Helper()
		if got := niceOf(t, tid); got != want {
			t.Errorf("%s: nice %d, want %d", what, got, want)
		}
	}
	go work(ctx)
	tid := <-in
	want("before", tid, usual)
	lane.Raise(true)
	want("raised", tid, raisedNice)
	lane.Raise(true)
	lane.Raise(false)
	want("lowered", tid, usual)
	lane.Raise(true)
	in <- 0
	<-ended
	if len(lane.threads) != 0 {
		t.Errorf("%d threads are in the lane when its goroutines have left", len(lane.threads))
	}
	ended = make(chan struct{})
	go work(ctx)
	tid = <-in
	want("one that comes later", tid, raisedNice)
	want("somebody else's", unix.Gettid(), usual)
	in <- 0
	<-ended
	lane.Raise(false)
	ended = make(chan struct{})
	go work(t.Context())
	want("without a lane", <-in, usual)
	in <- 0
	<-ended
}

// mayRaise tries it, on a thread that ends.
func mayRaise() error {
	tried := make(chan error)
	go func() {
		runtime.LockOSThread()
		tried <- set(unix.Gettid(), raisedNice)
	}()
	return <-tried
}

// TestLaneAsks: a thread that RealtimeKit raises while the lane is lowered is lowered again, and
// RealtimeKit is left alone when it has refused.
func TestLaneAsks(t *testing.T) {
	if err := mayRaise(); err != nil {
		t.Skipf("nobody may raise a thread here, and so may not the service of this test: %v", err)
	}
	bus := sessionBus(t)
	var lane Lane
	tid, done := make(chan int), make(chan struct{})
	go func() {
		defer Enter(With(t.Context(), &lane))()
		tid <- unix.Gettid()
		<-done
	}()
	defer close(done)
	thread := <-tid
	usual := niceOf(t, thread)
	a := &asker{}
	a.raise(&lane, thread) // nobody wants it
	if niceOf(t, thread) != usual || !a.refused.IsZero() {
		t.Error("asked for what nobody wants")
	}
	lane.raised.Store(true)
	k := &kit{meanwhile: func() { lane.raised.Store(false) }}
	serve(t, bus, k)
	a.raise(&lane, thread)
	if got := niceOf(t, thread); got != usual || k.count() != 1 {
		t.Errorf("lowered while it was asked for: nice %d, want %d; asked %d times", got, usual, k.count())
	}
	lane.raised.Store(true)
	k.be(func() { k.meanwhile = nil })
	if a.raise(&lane, thread); niceOf(t, thread) != raisedNice {
		t.Errorf("asked for: nice %d, want %d", niceOf(t, thread), raisedNice)
	}
	k.be(func() { k.refuses = true })
	for range 3 {
		a.raise(&lane, thread)
	}
	if k.count() != 3 {
		t.Errorf("asked %d times, want thrice: the third was refused", k.count())
	}
	a.refused = time.Now().Add(-refusedFor)
	if a.raise(&lane, thread); k.count() != 4 {
		t.Errorf("asked %d times, want once more when the refusal is long ago", k.count())
	}
}
