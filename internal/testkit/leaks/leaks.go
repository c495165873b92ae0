// Package leaks looks for goroutines that tests leave behind, as goleak does, which gives
// them less than half a second to end: on a busy machine one that ends may take longer.
package leaks

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines that are about to end may take for it.
const patience = 10 * time.Second

// find waits until no goroutine is left but those that options leave out, or says which are.
func find(limit time.Duration, options ...goleak.Option) error {
	for began := time.Now(); ; {
		err := goleak.Find(options...) // it waits between its looks
		if err == nil || time.Since(began) > limit {
			return err
		}
	}
}

// VerifyNone fails the test when goroutines are left. It is goleak's, with patience.
func VerifyNone(t testing.TB, options ...goleak.Option) {
	t.Helper()
	if err := find(patience, options...); err != nil {
		t.Error(err)
	}
}

// VerifyTestMain runs the tests of a package and ends the process, with a failure when they
// passed and goroutines are left. It is goleak's, with patience.
func VerifyTestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := find(patience); err != nil {
			fmt.Fprintln(os.Stderr, "all tests passed, but", err)
			code = 1
		}
	}
	os.Exit(code)
}
