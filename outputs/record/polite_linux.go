package record

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// politely runs f on a thread of its own with the least claim on processor and disk, and
// waits for it.
func politely(f func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil { // a damaged file is no reason to end the show
				done <- fmt.Errorf("our own bug: %v", v)
			}
		}()
		// Never unlocked: the thread ends with the goroutine, and its priority with it.
		runtime.LockOSThread()
		const (
			whoProcess = 1       // IOPRIO_WHO_PROCESS, of the calling thread: ioprio_set(2)
			idle       = 3 << 13 // IOPRIO_CLASS_IDLE
			lowest     = 19      // nice
		)
		tid := unix.Gettid()
		// Without them the work is done all the same.
		_ = unix.Setpriority(unix.PRIO_PROCESS, tid, lowest)
		_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, whoProcess, uintptr(tid), idle)
		done <- f()
	}()
	return <-done
}

// forget drops a file's pages from memory; a failure only costs memory.
func forget(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	_ = f.Close() // only read
}
