// Package attempts makes tests in real time again when the machine, not what is tested,
// kept them from passing: a try that failed counts unless something proves that.
package attempts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stalled is how long a goroutine that has work may have waited for a processor before a
// failure of a try in real time is excused.
const stalled = 60 * time.Millisecond

// T is one of several tries of a test in real time, which demands a machine that
// keeps up. Its failures count when it is the last, or when nothing excuses them: the
// machine neither stalled meanwhile nor was shared, and what Excuse registered has nothing
// to say.
type T struct {
	testing.TB // the test; what is not overridden here is its own

	mu       sync.Mutex
	failures []string        // guarded by mu
	cleanups []func()        // guarded by mu
	excuses  []func() string // guarded by mu
	ctx      context.Context
	dirs     int          // guarded by mu
	worst    atomic.Int64 // the longest stall so far, in nanoseconds
	sharing  sharing
}

// Run calls f up to n times, each with a TB of its own: its cleanups run before the
// next try, its failures are kept back. A try that failed and has an excuse is told and
// made again, when the machine is calmer (awaitCalm); any other outcome, and that of the last
// try, is the test's.
func Run(t *testing.T, n int, f func(a *T)) {
	t.Helper()
	for i := 1; ; i++ {
		failures, excuse := attempt(t, f)
		if len(failures) > 0 && excuse != "" && i < n {
			t.Logf("try %d of %d does not count, %s; it failed with:\n%s", i, n, excuse, strings.Join(failures, "\n"))
			awaitCalm()
			continue
		}
		for _, failure := range failures {
			t.Error(failure)
		}
		return
	}
}

func attempt(t *testing.T, f func(a *T)) (failures []string, excuse string) {
	a := &T{TB: t}
	ctx, cancel := context.WithCancel(t.Context())
	a.ctx = ctx
	a.sharing.begin()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		a.watch(ctx)
	}()
	done := make(chan struct{})
	go func() { // FailNow ends this goroutine and not the test's
		defer close(done)
		defer func() {
			excuse = a.excuse() // before what it asks is cleaned up
			cancel()
			a.clean()
		}()
		f(a)
	}()
	<-done
	<-watched
	if excuse == "" {
		excuse = a.Stalled()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failures, excuse
}

// watch notes by how much a short sleep oversleeps, and four times a second what threads
// have waited, until ctx ends.
func (a *T) watch(ctx context.Context) {
	const nap = 5 * time.Millisecond
	for n := 1; ctx.Err() == nil; n++ {
		began := time.Now()
		time.Sleep(nap) // this looks at time passing
		a.worst.Store(max(a.worst.Load(), int64(time.Since(began)-nap)))
		if n%50 == 0 {
			a.sharing.look()
		}
	}
}

// Stalled says how the machine has kept the test from its time since the try began: by a
// stall that was long enough to lose something by, or by giving others much of what the test
// waited for. Where it did neither it is empty. For a test that can still tell the truth
// then, of what was not lost, instead of failing.
func (a *T) Stalled() string {
	if worst := time.Duration(a.worst.Load()); worst > stalled {
		return fmt.Sprintf("the machine stalled for up to %d ms", worst.Milliseconds())
	}
	return a.sharing.excuse()
}

// Full says that the machine has had no processor to spare since the try began, whoever had
// them; else it is empty. It is an excuse for what is timed beside other tests of its process,
// which Stalled takes for its own.
func (a *T) Full() string { return a.sharing.full() }

// Excuse registers what is asked when the try has failed: an answer says that the machine
// did not keep up, and how; an empty one excuses nothing.
func (a *T) Excuse(why func() string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.excuses = append(a.excuses, why)
}

func (a *T) excuse() string {
	a.mu.Lock()
	excuses := a.excuses
	a.mu.Unlock()
	for _, why := range excuses {
		if text := why(); text != "" {
			return text
		}
	}
	return ""
}

func (a *T) clean() {
	for {
		a.mu.Lock()
		n := len(a.cleanups)
		if n == 0 {
			a.mu.Unlock()
			return
		}
		last := a.cleanups[n-1]
		a.cleanups = a.cleanups[:n-1]
		a.mu.Unlock()
		last()
	}
}

func (a *T) fail(text string) {
	_, file, line, _ := runtime.Caller(2)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failures = append(a.failures, fmt.Sprintf("%s:%d: %s", filepath.Base(file), line, strings.TrimSuffix(text, "\n")))
}

// Cleanup implements testing.TB: at the end of the try.
func (a *T) Cleanup(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cleanups = append(a.cleanups, f)
}

// Context implements testing.TB: it ends with the try, before its cleanups.
func (a *T) Context() context.Context { return a.ctx }

// TempDir implements testing.TB: one that goes with the try.
func (a *T) TempDir() string {
	a.mu.Lock()
	a.dirs++
	n := a.dirs
	a.mu.Unlock()
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s-%d-", strings.ReplaceAll(a.Name(), "/", "_"), n))
	if err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			a.Error(err)
		}
	})
	return dir
}

// Error implements testing.TB.
func (a *T) Error(args ...any) { a.fail(fmt.Sprintln(args...)) }

// Errorf implements testing.TB.
func (a *T) Errorf(format string, args ...any) { a.fail(fmt.Sprintf(format, args...)) }

// Fatal implements testing.TB.
func (a *T) Fatal(args ...any) {
	a.fail(fmt.Sprintln(args...))
	runtime.Goexit()
}

// Fatalf implements testing.TB.
func (a *T) Fatalf(format string, args ...any) {
	a.fail(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// Fail implements testing.TB.
func (a *T) Fail() { a.fail("failed") }

// FailNow implements testing.TB.
func (a *T) FailNow() {
	a.fail("failed")
	runtime.Goexit()
}

// Failed implements testing.TB.
func (a *T) Failed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.failures) > 0
}
