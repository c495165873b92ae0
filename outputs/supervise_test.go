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
	"crosspoint.studio/crosspoint/internal/supervise"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }

var errDown = errors.New("the server closed the connection")

// fakeFeed records what happens to it.
type fakeFeed struct {
	mu     sync.Mutex
	log    []string
	resets int
	end    bool
}

func (f *fakeFeed) Tracks() []media.Track { return nil }
func (f *fakeFeed) Next(ctx context.Context) (*media.Packet, error) {
	if f.end {
		return nil, io.EOF
	}
	<-ctx.Done()
	return nil, ctx.Err()
}
func (f *fakeFeed) Queued() time.Duration { return 0 }
func (f *fakeFeed) RequestKeyframe()      {}
func (f *fakeFeed) Reset()                { f.resets++ }
func (f *fakeFeed) Report(r Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, strings.TrimSpace(r.State.String()+" "+r.Detail))
}

type outputFunc func(ctx context.Context, feed Feed) error

func (f outputFunc) Run(ctx context.Context, feed Feed) error { return f(ctx, feed) }

func exact() supervise.Policy {
	p := supervise.Default()
	p.Jitter = 0
	return p
}

func options(feed Feed, run outputFunc) SuperviseOptions {
	return SuperviseOptions{Output: run, Feed: feed, Name: "test", Policy: exact(), Counters: new(Counters), Log: slog.New(slog.DiscardHandler)}
}

func TestSuperviseRetriesAndReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := &fakeFeed{}
		try := 0
		opt := options(feed, func(_ context.Context, feed Feed) error {
			switch try++; try {
			case 2:
				panic("nil map")
			case 3:
				feed.Report(Report{State: Confirmed})
				time.Sleep(30 * time.Second)
			case 4:
				return fmt.Errorf("no: %w", Permanent(errors.New("stream key refused")))
			}
			return errDown
		})
		start := time.Now()
		err := Supervise(t.Context(), opt)
		if !IsPermanent(err) {
			t.Errorf("Supervise = %v, want the permanent error", err)
		}
		want := []string{
			"waiting the server closed the connection; trying again in 2s",
			"waiting internal error: nil map; trying again in 3s",
			"live",
			"waiting the server closed the connection; trying again in 2s",
			"failed no: stream key refused",
		}
		if got := strings.Join(feed.log, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("reports are\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
		if d := time.Since(start); d != 37*time.Second {
			t.Errorf("took %v, want 2+3+30+2 s", d)
		}
		if feed.resets != 3 || opt.Counters.Tries.Load() != 4 || opt.Counters.Panics.Load() != 1 {
			t.Errorf("%d resets, %d tries, %d panics; want 3, 4, 1", feed.resets, opt.Counters.Tries.Load(), opt.Counters.Panics.Load())
		}
	})
}

// A far end that acknowledges nothing counts as healthy while media go to it: after hours of
// that the next wait is the first.
func TestSuperviseMuteFarEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := &fakeFeed{}
		try := 0
		_ = Supervise(t.Context(), options(feed, func(_ context.Context, feed Feed) error {
			if try++; try == 4 {
				return Permanent(errDown) // the test's end
			}
			feed.Report(Report{State: Sending, Unanswered: true})
			time.Sleep(time.Hour)
			return errDown
		}))
		lost := "sending,waiting the server closed the connection; trying again in 2s,"
		if got, want := strings.Join(feed.log, ","), strings.Repeat(lost, 3)+"failed "+errDown.Error(); got != want {
			t.Errorf("reports are %s, want %s", got, want)
		}
	})
}

func TestSuperviseEnds(t *testing.T) {
	t.Run("feed over", func(t *testing.T) {
		feed := &fakeFeed{end: true}
		err := Supervise(t.Context(), options(feed, func(ctx context.Context, feed Feed) error {
			if _, err := feed.Next(ctx); !errors.Is(err, io.EOF) {
				t.Errorf("Next = %v, want io.EOF", err)
			}
			return nil
		}))
		if err != nil || strings.Join(feed.log, ",") != "idle" {
			t.Errorf("Supervise = %v, reports %v; want nil and idle", err, feed.log)
		}
	})
	t.Run("failure after the end is not tried again", func(t *testing.T) {
		feed := &fakeFeed{end: true}
		opt := options(feed, func(ctx context.Context, feed Feed) error {
			_, _ = feed.Next(ctx) // io.EOF, as above
			return errDown
		})
		if err := Supervise(t.Context(), opt); !errors.Is(err, errDown) || opt.Counters.Tries.Load() != 1 {
			t.Errorf("Supervise = %v after %d tries, want the error after 1", err, opt.Counters.Tries.Load())
		}
	})
	t.Run("context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			feed := &fakeFeed{}
			err := Supervise(ctx, options(feed, func(ctx context.Context, feed Feed) error {
				_, err := feed.Next(ctx)
				return err
			}))
			if !errors.Is(err, context.DeadlineExceeded) || strings.Join(feed.log, ",") != "idle" {
				t.Errorf("Supervise = %v, reports %v; want the context's error and idle", err, feed.log)
			}
			synctest.Wait()
		})
	})
}

func TestSuperviseLeavesBehindAnOutputThatDoesNotStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release, over := make(chan struct{}), make(chan struct{})
		feed := &fakeFeed{}
		opt := options(feed, func(ctx context.Context, feed Feed) error {
			defer close(over)
			<-release
			feed.Report(Report{State: Confirmed})
			if _, err := feed.Next(context.Background()); err == nil {
				t.Error("an abandoned output still gets packets")
			}
			return nil
		})
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		err := Supervise(ctx, opt)
		if d := time.Since(start); d > 6*time.Second || !errors.Is(err, supervise.ErrAbandoned) || opt.Counters.Abandoned.Load() != 1 {
			t.Errorf("returned after %v with %v, %d counted; want ErrAbandoned within 5s, 1", d, err, opt.Counters.Abandoned.Load())
		}
		time.Sleep(time.Second)
		close(release)
		<-over
		if got := strings.Join(feed.log, ","); got != "idle did not stop in time" {
			t.Errorf("reports are %q; the abandoned output's must not show", got)
		}
	})
}

// A recorder whose disk comes back late writes what there was.
func TestSuperviseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release, over := make(chan struct{}), make(chan error)
		feed := &fakeFeed{end: true}
		opt := options(feed, func(_ context.Context, feed Feed) error {
			<-release
			feed.Report(Report{State: Confirmed})
			_, err := feed.Next(context.Background())
			over <- err
			return err
		})
		opt.Drain = true
		time.AfterFunc(time.Second, cancel)
		if err := Supervise(ctx, opt); !errors.Is(err, supervise.ErrAbandoned) {
			t.Errorf("Supervise = %v, want ErrAbandoned", err)
		}
		time.Sleep(time.Second)
		close(release)
		if err := <-over; !errors.Is(err, io.EOF) {
			t.Errorf("Next of the abandoned output is %v, want what the feed has, io.EOF", err)
		}
		if got := strings.Join(feed.log, ","); got != "idle did not stop in time" {
			t.Errorf("reports are %q; the abandoned output's must not show", got)
		}
	})
}
