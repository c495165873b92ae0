// Package supervise keeps one piece of long-lived work going: it runs it again
// after a failure, with growing and jittered waits, turns its panics into
// errors, and gives up on it when it does not end in time. Sources and outputs
// both stand on it, so that retry lives in one place.
//
// Threads: Run blocks; it starts one goroutine per try and waits for it, except
// for work that ignores the end of its context (ErrAbandoned). Time comes from
// package time only, so tests use testing/synctest. What this package does not
// do: log, count, or know what it runs.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// Policy says how long to wait between tries. Fields that are zero switch their
// rule off.
type Policy struct {
	First  time.Duration // wait after the first failure
	Factor float64       // each further wait is this much longer; below 1 counts as 1
	Jitter float64       // 0..1: every wait is spread by this share both ways
	Max    time.Duration // no wait is longer, jitter included
	// HealthyAfter: a try that goes on for this long after it called itself healthy
	// starts the waits over. One that was healthy for at least steadyShare times the wait
	// before it leaves the next wait as long as that one was: growing waits are for what
	// does not work, and a line that breaks every ten seconds works in between.
	HealthyAfter time.Duration
	// StopWithin is how long a try may go on after ctx ended before it is left
	// behind. Zero waits for ever.
	StopWithin time.Duration
}

// steadyShare is how many times the wait before it a try has to be healthy for, so that
// the next wait is no longer. With less, two programs that take one ingest from each other
// would go on at the pace they began with: each of them works for as long as the other waits.
const steadyShare = 2

// Default is the studio's policy: 2 s, x1.5 with 20 % of jitter, at most 60 s,
// from the start again after 30 s of health, left behind 4.5 s after the stop
// (every stop ends within 5 s).
func Default() Policy {
	return Policy{
		First: 2 * time.Second, Factor: 1.5, Jitter: 0.2, Max: time.Minute,
		HealthyAfter: 30 * time.Second, StopWithin: 4500 * time.Millisecond,
	}
}

// Wait is how long to wait after the n-th failure in a row (n starts at 1).
// random is 0..1, 0.5 meaning no jitter.
func (p Policy) Wait(n int, random float64) time.Duration {
	wait := float64(p.First)
	for range n - 1 {
		wait *= max(p.Factor, 1)
		if p.Max > 0 && wait >= float64(p.Max) {
			wait = float64(p.Max)
			break
		}
	}
	wait *= 1 + p.Jitter*(2*random-1)
	if p.Max > 0 {
		wait = min(wait, float64(p.Max))
	}
	return time.Duration(wait)
}

// ErrAbandoned is what Run returns when the work went on after the end of its
// context for longer than StopWithin and was left behind: a bug in the work.
var ErrAbandoned = errors.New("did not stop in time and was left behind")

// PanicError is a panic of the work as an error.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("internal error: %v", e.Value) }

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent marks err: trying again cannot help, the operator has to change
// something. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent reports whether err or anything it wraps was marked by Permanent.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

// Run calls fn until it returns nil (then nil), a permanent error (then that), or
// ctx ends (then ctx's error, or ErrAbandoned). fn calls healthy when it knows that
// it works; it may do so any number of times and from any goroutine. Before each
// wait, onWait hears the reason and the length; it may be nil. A panic of fn is a
// failure like any other, of type *PanicError.
func Run(ctx context.Context, p Policy, fn func(ctx context.Context, healthy func()) error, onWait func(err error, wait time.Duration)) error {
	var waited time.Duration // before the present try
	for failures := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		lasted, err := try(ctx, p, fn)
		switch {
		case err == nil, errors.Is(err, ErrAbandoned):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case IsPermanent(err):
			return err
		}
		switch {
		case p.HealthyAfter <= 0, failures == 0:
			failures++
		case lasted >= p.HealthyAfter:
			failures = 1
		case lasted < steadyShare*waited:
			failures++
		}
		wait := p.Wait(failures, rand.Float64())
		waited = wait
		if onWait != nil {
			onWait(err, wait)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// try runs fn once and returns for how long it was healthy.
func try(ctx context.Context, p Policy, fn func(ctx context.Context, healthy func()) error) (healthyFor time.Duration, err error) {
	var mu sync.Mutex
	var since time.Time // guarded by mu
	healthy := func() {
		mu.Lock()
		defer mu.Unlock()
		if since.IsZero() {
			since = time.Now()
		}
	}
	// Buffered: work that was left behind must not hang on its result.
	result := make(chan error, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				result <- &PanicError{v, debug.Stack()}
			}
		}()
		result <- fn(ctx, healthy)
	}()
	select {
	case err = <-result:
	case <-ctx.Done():
		if err = awaitStop(result, p.StopWithin); errors.Is(err, ErrAbandoned) {
			return 0, err
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if !since.IsZero() {
		healthyFor = time.Since(since)
	}
	return healthyFor, err
}

func awaitStop(result <-chan error, within time.Duration) error {
	if within <= 0 {
		return <-result
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case err := <-result:
		return err
	case <-timer.C:
		return ErrAbandoned
	}
}
