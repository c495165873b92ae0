package outputs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// fakeIngest plays a far end: live 100 ms after it is called, as long as healthy; a mute one
// acknowledges nothing then, and media go to it.
type fakeIngest struct {
	mu       sync.Mutex
	state    State     // of the last report
	refuse   error     // what Run returns at once
	goodbye  error     // what it returns after the feed's end
	frozen   time.Time // since when nothing is acknowledged; zero: all is well
	mute     bool
	gone     string // why it does not know any more that it works; empty: it does
	runs     int
	lost     int64
	finished chan struct{} // closed by Finish, made anew by Begin
	changed  chan struct{}
}

func newFakeIngest() *fakeIngest { return &fakeIngest{changed: make(chan struct{}, 1)} }

func (f *fakeIngest) set(change func()) {
	f.mu.Lock()
	change()
	f.mu.Unlock()
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

func (f *fakeIngest) is() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

func (f *fakeIngest) Tracks() []media.Track { return nil }
func (f *fakeIngest) Next(ctx context.Context) (*media.Packet, error) {
	f.mu.Lock()
	finished := f.finished
	f.mu.Unlock()
	select {
	case <-finished:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
func (f *fakeIngest) Queued() time.Duration { return 0 }
func (f *fakeIngest) RequestKeyframe()      {}
func (f *fakeIngest) Report(r Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = r.State
}
func (f *fakeIngest) Output() Output { return f }
func (f *fakeIngest) Begin()         { f.set(func() { f.finished = make(chan struct{}) }) }
func (f *fakeIngest) Finish() {
	f.set(func() {
		if f.finished != nil {
			close(f.finished)
		}
	})
}

func (f *fakeIngest) tries() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.runs
}
func (f *fakeIngest) End() {}
func (f *fakeIngest) Lost() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

func (f *fakeIngest) Run(ctx context.Context, feed Feed) error {
	f.mu.Lock()
	f.runs++
	f.mu.Unlock()
	feed.Report(Report{State: Connecting})
	began := time.Now()
	watch, poll := WatchOf(feed), time.NewTicker(ProgressEvery)
	defer poll.Stop()
	over := make(chan error, 1)
	go func() {
		_, err := feed.Next(ctx)
		over <- err
	}()
	for {
		f.mu.Lock()
		refuse, frozen, mute, gone := f.refuse, f.frozen, f.mute, f.gone
		f.mu.Unlock()
		switch {
		case refuse != nil:
			return refuse
		case !frozen.IsZero():
			watch(Progress{Stall: time.Since(frozen)})
		case gone != "":
			feed.Report(Report{State: Sending, Detail: gone})
		case mute:
			feed.Report(Report{State: Sending, Unanswered: time.Since(began) >= 100*time.Millisecond})
		case time.Since(began) >= 100*time.Millisecond:
			watch(Progress{AckedBytes: 1})
			feed.Report(Report{State: Confirmed})
		}
		select {
		case <-poll.C:
		case <-f.changed:
		case err := <-over:
			if errors.Is(err, io.EOF) {
				f.mu.Lock()
				defer f.mu.Unlock()
				return f.goodbye
			}
			return err
		}
	}
}

// chain is a Failover at work on fakes.
type chain struct {
	in     []*fakeIngest
	log    []string // switches
	at     []time.Time
	mu     sync.Mutex
	cancel context.CancelFunc
	done   chan error
}

func startChain(t *testing.T, n int, change func(*FailoverOptions)) *chain {
	t.Helper()
	c := &chain{done: make(chan error, 1)}
	opt := FailoverOptions{Name: "test", Policy: exact(), Log: slog.New(slog.DiscardHandler)}
	for i := range n {
		c.in = append(c.in, newFakeIngest())
		opt.Ingests = append(opt.Ingests, c.in[i])
		opt.Names = append(opt.Names, fmt.Sprintf("ingest %d", i))
		opt.Counters = append(opt.Counters, new(Counters))
	}
	opt.Switched = func(s Switch) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.log = append(c.log, fmt.Sprintf("%d>%d %s", s.From, s.To, s.Cause))
		c.at = append(c.at, time.Now())
	}
	if change != nil {
		change(&opt)
	}
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(t.Context())
	t.Cleanup(c.cancel)
	go func() { c.done <- Failover(ctx, opt) }()
	return c
}

func (c *chain) switches() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.log, "; ")
}

func (c *chain) stop(t *testing.T) {
	t.Helper()
	began := time.Now()
	c.cancel()
	if err := <-c.done; !errors.Is(err, context.Canceled) || time.Since(began) > 5*time.Second {
		t.Errorf("ended after %v with %v", time.Since(began), err)
	}
}

func (c *chain) want(t *testing.T, switches string, states ...State) {
	t.Helper()
	synctest.Wait()
	if got := c.switches(); got != switches {
		t.Errorf("switches %q, want %q", got, switches)
	}
	for i, want := range states {
		if got := c.in[i].is(); got != want {
			t.Errorf("ingest %d is %v, want %v", i, got, want)
		}
	}
}

func TestColdStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChain(t, 3, nil)
		time.Sleep(time.Minute)
		c.want(t, "", Confirmed, 0, 0)
		fault := time.Now()
		c.in[0].set(func() { c.in[0].frozen = fault })
		time.Sleep(2500 * time.Millisecond)
		c.want(t, "0>1 nothing was acknowledged for 1.9 s", Waiting, Confirmed, 0)
		if took := c.at[0].Sub(fault); took > 1900*time.Millisecond {
			t.Errorf("switched %v after the fault", took)
		}
		// The backup's failure is noticed at once; the primary still does not answer.
		c.in[1].set(func() { c.in[1].refuse = errDown })
		c.in[0].set(func() { c.in[0].frozen, c.in[0].refuse = time.Time{}, errDown })
		time.Sleep(200 * time.Millisecond)
		c.want(t, "0>1 nothing was acknowledged for 1.9 s; 1>2 "+errDown.Error(), Waiting, Waiting, Confirmed)
		// The primary is tried again beside it, and preferred once it has been well.
		c.in[0].set(func() { c.in[0].refuse = nil })
		time.Sleep(time.Minute)
		c.want(t, "0>1 nothing was acknowledged for 1.9 s; 1>2 "+errDown.Error()+"; 2>0 ingest 0 is well again", Confirmed, Idle, Idle)
		c.stop(t)
	})
}

func TestColdStandbyTriesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChain(t, 2, nil)
		for _, in := range c.in {
			in.set(func() { in.refuse = errDown })
		}
		time.Sleep(100 * time.Second)
		if a, b := c.in[0].tries(), c.in[1].tries(); a < 5 || b < 5 {
			t.Errorf("%d and %d tries, want both to go on", a, b)
		}
		c.in[0].set(func() { c.in[0].refuse = nil })
		time.Sleep(2 * time.Minute)
		c.want(t, "0>1 "+errDown.Error()+"; 1>0 "+errDown.Error(), Confirmed, Idle)
		c.stop(t)
	})
}

func TestHotStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChain(t, 2, func(o *FailoverOptions) { o.Hot = true })
		time.Sleep(time.Minute)
		c.want(t, "", Confirmed, Confirmed)
		fault := time.Now()
		c.in[0].set(func() { c.in[0].frozen = fault })
		time.Sleep(time.Second)
		c.want(t, "0>1 nothing was acknowledged for 0.3 s", Confirmed, Confirmed)
		if took := c.at[0].Sub(fault); took > 400*time.Millisecond {
			t.Errorf("switched %v after the fault", took)
		}
		c.in[0].set(func() { c.in[0].frozen = time.Time{} })
		time.Sleep(9 * time.Second)
		c.want(t, "0>1 nothing was acknowledged for 0.3 s")
		time.Sleep(2 * time.Second)
		c.want(t, "0>1 nothing was acknowledged for 0.3 s; 1>0 ingest 0 is well again", Confirmed, Confirmed)
		c.stop(t)
	})
}

// TestHotStandbyByRank: of several backups that are live the first is taken, whichever came
// live first, and one that is in trouble itself is passed over.
func TestHotStandbyByRank(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChain(t, 4, func(o *FailoverOptions) { o.Hot = true })
		c.in[1].set(func() { c.in[1].frozen = time.Now() })
		time.Sleep(time.Minute)
		c.want(t, "", Confirmed, Connecting, Confirmed, Confirmed)
		c.in[0].set(func() { c.in[0].refuse = errDown })
		time.Sleep(time.Second)
		c.want(t, "0>2 "+errDown.Error())
		c.in[2].set(func() { c.in[2].refuse = errDown })
		time.Sleep(time.Second)
		c.want(t, "0>2 "+errDown.Error()+"; 2>3 "+errDown.Error())
		c.in[1].set(func() { c.in[1].frozen = time.Time{} })
		time.Sleep(2 * time.Minute)
		c.want(t, "0>2 "+errDown.Error()+"; 2>3 "+errDown.Error()+"; 3>1 ingest 1 is well again")
		c.stop(t)
	})
}

// TestFailoverSlowConnection: an ingest that neither answers nor refuses does not hold
// the destination up.
func TestFailoverSlowConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChain(t, 2, func(o *FailoverOptions) {
			o.Ingests[0].(*fakeIngest).frozen = time.Now()
		})
		time.Sleep(5500 * time.Millisecond)
		c.want(t, "0>1 not live after 5 s", Connecting, Confirmed)
		c.stop(t)
	})
}

// TestMuteIngests: an ingest that acknowledges nothing is left only when it fails, is well as a
// backup, and is gone back to.
func TestMuteIngests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChain(t, 3, func(o *FailoverOptions) {
			o.Ingests[0].(*fakeIngest).mute, o.Ingests[1].(*fakeIngest).mute = true, true
		})
		time.Sleep(time.Minute)
		c.want(t, "", Sending, 0, 0)
		c.in[0].set(func() { c.in[0].refuse = errDown })
		time.Sleep(10 * time.Second)
		c.want(t, "0>1 "+errDown.Error(), Waiting, Sending, 0)
		time.Sleep(5 * time.Minute)
		c.in[0].set(func() { c.in[0].refuse = nil })
		time.Sleep(2 * time.Minute)
		c.want(t, "0>1 "+errDown.Error()+"; 1>0 ingest 0 is well again", Sending, Idle, 0)
		c.stop(t)
	})
}

// TestReceiverGoesAway: an ingest that does not know any more that it works says why, and that is
// why it is left, not how long ago it was called.
func TestReceiverGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChain(t, 2, func(o *FailoverOptions) { o.Ingests[0].(*fakeIngest).mute = true })
		time.Sleep(time.Hour)
		c.want(t, "", Sending, 0)
		c.in[0].set(func() { c.in[0].gone = "nothing listens there" })
		time.Sleep(time.Second)
		c.want(t, "0>1 nothing listens there", Sending, Confirmed)
		c.stop(t)
	})
}

func TestFailoverEnds(t *testing.T) {
	refused := Permanent(errors.New("the key was refused"))
	synctest.Test(t, func(t *testing.T) {
		// For good, one after the other.
		c := startChain(t, 2, nil)
		c.in[0].set(func() { c.in[0].refuse = refused })
		time.Sleep(time.Second)
		c.want(t, "0>1 the key was refused", Failed, Confirmed)
		c.in[1].set(func() { c.in[1].refuse = refused })
		if err := <-c.done; !IsPermanent(err) {
			t.Errorf("ended with %v, want the refusal", err)
		}
		// In order, whatever the others do.
		c = startChain(t, 3, nil)
		c.in[0].set(func() { c.in[0].refuse = refused })
		c.in[1].set(func() { c.in[1].refuse = errDown })
		time.Sleep(time.Second)
		c.want(t, "0>1 the key was refused; 1>2 "+errDown.Error(), Failed, Waiting, Confirmed)
		began := time.Now()
		for _, in := range c.in {
			in.Finish()
		}
		if err := <-c.done; err != nil || time.Since(began) > time.Second {
			t.Errorf("ended with %v after %v, want nil at once", err, time.Since(began))
		}
	})
}

// TestFailoverPassingRefusal: what need not be the operator's mistake is not for good in a chain,
// also of a backup that has never been live; without one it is.
func TestFailoverPassingRefusal(t *testing.T) {
	busy := Passing(errors.New("the connection was rejected"))
	synctest.Test(t, func(t *testing.T) {
		c := startChain(t, 2, nil)
		c.in[1].set(func() { c.in[1].refuse = busy })
		time.Sleep(time.Minute)
		c.in[0].set(func() { c.in[0].refuse = errDown })
		time.Sleep(time.Minute)
		c.want(t, "0>1 "+errDown.Error(), Waiting, Waiting)
		c.in[1].set(func() { c.in[1].refuse = nil })
		time.Sleep(time.Minute)
		c.want(t, "0>1 "+errDown.Error(), Waiting, Confirmed)
		c.stop(t)

		c = startChain(t, 1, nil)
		c.in[0].set(func() { c.in[0].refuse = busy })
		if err := <-c.done; !IsPermanent(err) {
			t.Errorf("a single ingest ended with %v, want the refusal", err)
		}
	})
}

// TestNarrowIngest: an ingest that drops all the time is left after half a minute for one that has
// not been, the other as well where it is no better, and not at once again; one that drops now
// and then is not left.
func TestNarrowIngest(t *testing.T) {
	const narrow = "the network takes less than the stream needs"
	drop := func(f *fakeIngest, every, d time.Duration) {
		for began := time.Now(); time.Since(began) < d; time.Sleep(every) {
			f.set(func() { f.lost += 20 })
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c := startChain(t, 2, nil)
		time.Sleep(time.Minute)
		drop(c.in[0], 8*time.Second, 2*time.Minute)
		drop(c.in[0], 2*time.Second, 28*time.Second)
		c.want(t, "", Confirmed, 0)
		time.Sleep(time.Minute)
		drop(c.in[0], 2*time.Second, 40*time.Second)
		c.want(t, "0>1 "+narrow, Idle, Confirmed) // not beside it: it would take half of what there is
		time.Sleep(time.Minute)
		drop(c.in[1], 2*time.Second, 5*time.Minute)
		c.want(t, "0>1 "+narrow, Idle, Confirmed)
		drop(c.in[1], 2*time.Second, 5*time.Minute)
		c.want(t, "0>1 "+narrow+"; 1>0 "+narrow, Confirmed, Idle)
		c.in[0].set(func() { c.in[0].refuse = errDown }) // what has failed has to be left for anything
		time.Sleep(time.Second)
		c.want(t, "0>1 "+narrow+"; 1>0 "+narrow+"; 0>1 "+errDown.Error(), Waiting, Confirmed)
		c.stop(t)
	})
	synctest.Test(t, func(t *testing.T) {
		c := startChain(t, 2, func(o *FailoverOptions) { o.Hot = true })
		time.Sleep(time.Minute)
		drop(c.in[0], 2*time.Second, 40*time.Second)
		c.want(t, "0>1 "+narrow, Confirmed, Confirmed)
		time.Sleep(20 * time.Second)
		c.want(t, "0>1 "+narrow+"; 1>0 ingest 0 is well again", Confirmed, Confirmed)
		c.stop(t)
	})
}

// TestFailoverBadGoodbye: an ingest that does not say goodbye in order has not failed for
// good, and at the end no other is called for it.
func TestFailoverBadGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChain(t, 2, nil)
		c.in[1].set(func() { c.in[1].goodbye = errDown })
		stalled, want := "nothing was acknowledged for 1.9 s", ""
		for range 2 {
			time.Sleep(time.Minute)
			c.in[0].set(func() { c.in[0].frozen = time.Now() })
			time.Sleep(2500 * time.Millisecond)
			want += "0>1 " + stalled
			c.want(t, want, Waiting, Confirmed)
			c.in[0].set(func() { c.in[0].frozen = time.Time{} })
			time.Sleep(time.Minute)
			want += "; 1>0 ingest 0 is well again"
			c.want(t, want, Confirmed, Failed)
			want += "; "
		}
		c.in[0].set(func() { c.in[0].goodbye = errDown })
		tries := c.in[1].tries()
		c.in[0].Finish()
		if err := <-c.done; !errors.Is(err, errDown) {
			t.Errorf("ended with %v, want what the goodbye said", err)
		}
		if n := c.in[1].tries() - tries; n != 0 {
			t.Errorf("the backup was called %d times at the end", n)
		}
	})
}
