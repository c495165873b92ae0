//go:build linux

package priority

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crosspoint.studio/crosspoint/internal/testkit/threads"
)

// TestLane: the threads in a lane are raised and get their usual precedence back, those that
// come later too; without a lane a goroutine keeps to no thread.
func TestLane(t *testing.T) {
	threads.NeedRaise(t)
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

// TestLaneAsks: what a user may not do is asked of RealtimeKit, again when it has refused, until the
// thread has gone; what it raises when that is not wanted any more is lowered again.
func TestLaneAsks(t *testing.T) {
	threads.NeedRaise(t)
	bus := sessionBus(t)
	k := &kit{}
	serve(t, bus, k)
	var lane Lane
	tid, done := make(chan int), make(chan struct{})
	go func() {
		defer Enter(With(t.Context(), &lane))()
		tid <- unix.Gettid()
		<-done
	}()
	thread := <-tid
	m := lane.threads[thread]
	asked := func(what string, want, nice int) {
		t.Helper()
		m.asking = true
		lane.ask(thread, m)
		if got := niceOf(t, thread); got != nice || k.count() != want || m.asking {
			t.Errorf("%s: nice %d, want %d; asked %d times, want %d", what, got, nice, k.count(), want)
		}
	}
	asked("not raised", 0, m.usual)
	lane.raised.Store(true)
	asked("raised", 1, raisedNice)
	k.be(func() { k.meanwhile = func() { lane.raised.Store(false) } })
	asked("lowered meanwhile", 2, m.usual)
	lane.raised.Store(true)
	k.be(func() { k.meanwhile, k.refuses = nil, true })
	m.asking = true
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lane.ask(thread, m)
	}()
	for deadline := time.Now().Add(10 * time.Second); k.count() < 3; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was not asked")
		}
	}
	select {
	case <-ended:
		t.Error("refused once, it is not asked again")
	case <-time.After(20 * time.Millisecond):
	}
	close(done)
	<-ended // well before askAgain
}
