// Package threads tells tests what they may do with the threads of their process. It imports
// nothing of the project, so that the tests of every package may use it.
package threads

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// NeedRaise skips t where this user may not raise a thread's precedence: root may, and whom
// RLIMIT_NICE lets. It is tried on a thread that ends raised.
func NeedRaise(t testing.TB) {
	t.Helper()
	tried := make(chan error)
	go func() {
		runtime.LockOSThread()
		tried <- unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), -6)
	}()
	if err := <-tried; err != nil {
		t.Skipf("nobody may raise a thread here: %v", err)
	}
}

// Nice is the nice value of the calling thread, which is the caller's own only while it is locked to it.
func Nice() (nice int, err error) {
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid())
	return 20 - raw, err // see getpriority(2)
}
