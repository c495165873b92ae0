package supervise

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }

func TestWait(t *testing.T) {
	p := Default()
	for _, c := range []struct {
		n      int
		random float64
		want   time.Duration
	}{
		{1, 0.5, 2 * time.Second},
		{1, 0, 1600 * time.Millisecond},
		{1, 1, 2400 * time.Millisecond},
		{2, 0.5, 3 * time.Second},
		{3, 0.5, 4500 * time.Millisecond},
		{9, 0.5, 51257812500},
		{10, 0.5, time.Minute},
		{10, 1, time.Minute},
		{1000000000, 0, 48 * time.Second},
	} {
		if got := p.Wait(c.n, c.random); got != c.want {
			t.Errorf("Wait(%d, %v) = %v, want %v", c.n, c.random, got, c.want)
		}
	}
	if got := (Policy{First: time.Second}).Wait(7, 0.9); got != time.Second {
		t.Errorf("with First alone the wait is %v, want 1s", got)
	}
}

// noJitter makes the waits exact.
func noJitter() Policy {
	p := Default()
	p.Jitter = 0
	return p
}

var errBroken = errors.New("broken")

func TestRunBacksOffAndStartsOverAfterHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		try := 0
		err := Run(t.Context(), noJitter(), func(_ context.Context, healthy func()) error {
			try++
			switch try {
			case 3: // healthy, but not for long enough
				healthy()
				time.Sleep(5900 * time.Millisecond)
			case 5:
				time.Sleep(time.Hour) // not a second of it healthy
			case 6:
				healthy()
				time.Sleep(20 * time.Second)
				healthy() // the first call counts
				time.Sleep(10 * time.Second)
			case 8:
				return nil
			}
			return errBroken
		}, func(err error, wait time.Duration) {
			if !errors.Is(err, errBroken) {
				t.Errorf("reason of the wait is %v", err)
			}
			waits = append(waits, wait)
		})
		if err != nil {
			t.Errorf("Run = %v after a try that returned nil", err)
		}
		want := []time.Duration{2000, 3000, 4500, 6750, 10125, 2000, 3000}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if fmt.Sprint(waits) != fmt.Sprint(want) {
			t.Errorf("waits are %v, want %v", waits, want)
		}
	})
}

// What is cut every 10 s and works in between comes back as soon each time; what works for
// no longer than it was waited for, as two programs that take an ingest from each other, does not.
func TestRunComesBackEachTime(t *testing.T) {
	for _, c := range []struct {
		lives func(waited time.Duration) time.Duration
		want  []time.Duration
	}{
		{func(waited time.Duration) time.Duration { return 10*time.Second - waited }, []time.Duration{2000, 2000, 2000, 2000, 2000}},
		{func(waited time.Duration) time.Duration { return waited * 3 / 2 }, []time.Duration{2000, 3000, 4500, 6750, 10125}},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var waits []time.Duration
			_ = Run(ctx, noJitter(), func(_ context.Context, healthy func()) error { // ends with ctx
				healthy()
				if n := len(waits); n > 0 {
					time.Sleep(c.lives(waits[n-1]))
				}
				return errBroken
			}, func(_ error, wait time.Duration) {
				if waits = append(waits, wait); len(waits) == len(c.want) {
					cancel()
				}
			})
			for i, want := range c.want {
				if waits[i] != want*time.Millisecond {
					t.Errorf("wait %d is %v, want %v: %v", i+1, waits[i], want*time.Millisecond, waits)
					break
				}
			}
		})
	}
}

func TestRunStopsOnPermanent(t *testing.T) {
	tries := 0
	err := Run(t.Context(), Default(), func(context.Context, func()) error {
		tries++
		return fmt.Errorf("refused: %w", Permanent(errBroken))
	}, nil)
	if tries != 1 || !IsPermanent(err) || !errors.Is(err, errBroken) {
		t.Errorf("%d tries, error %v; want 1 and the permanent error", tries, err)
	}
	if Permanent(nil) != nil || IsPermanent(nil) || IsPermanent(errBroken) {
		t.Error("nil or a plain error counts as permanent")
	}
}

func TestRunTurnsPanicsIntoErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reason error
		tries := 0
		err := Run(t.Context(), Default(), func(context.Context, func()) error {
			if tries++; tries == 1 {
				panic("index out of range")
			}
			return nil
		}, func(err error, _ time.Duration) { reason = err })
		var p *PanicError
		if err != nil || !errors.As(reason, &p) || len(p.Stack) == 0 {
			t.Errorf("Run = %v, reason of the wait %v; want a PanicError with its stack, then nil", err, reason)
		}
	})
}

func TestRunEndsWithContext(t *testing.T) {
	for name, fn := range map[string]func(context.Context, func()) error{
		"during work":   func(ctx context.Context, _ func()) error { <-ctx.Done(); return errBroken },
		"while waiting": func(context.Context, func()) error { return errBroken },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				err := Run(ctx, noJitter(), fn, nil)
				if d := time.Since(start); d != time.Second || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("ended after %v with %v, want 1s and the context's error", d, err)
				}
			})
		})
	}
}

func TestRunLeavesBehindWhatDoesNotStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		err := Run(ctx, Default(), func(context.Context, func()) error { <-release; return nil }, nil)
		if d := time.Since(start); d > 6*time.Second || !errors.Is(err, ErrAbandoned) {
			t.Errorf("returned after %v with %v, want ErrAbandoned within 5s of the end", d, err)
		}
		close(release)
	})
}
