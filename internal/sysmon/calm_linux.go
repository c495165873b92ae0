package sysmon

// #define _GNU_SOURCE
// #include <errno.h>
// #include <signal.h>
// #include <sys/prctl.h>
// #include <sys/syscall.h>
// #include <unistd.h>
//
// // A thread without privileges can change its own slack alone, so the monitor does it in a
// // signal's handler. prctl is a plain system call.
// static volatile sig_atomic_t done;
// static void slacken(int signal) { (void)signal; prctl(PR_SET_TIMERSLACK, 1000000UL, 0, 0, 0); done = 1; }
//
// static int calm(int tid) {
// 	struct sigaction ours = { .sa_handler = slacken, .sa_flags = SA_ONSTACK | SA_RESTART }, before;
// 	int number = SIGRTMIN + 8; // nothing that this program links uses it
// 	sigfillset(&ours.sa_mask);
// 	if (sigaction(number, &ours, &before)) return errno;
// 	int r = syscall(SYS_tgkill, getpid(), tid, number) ? errno : 0;
// 	for (int i = 0; !r && !done && i < 500; i++) usleep(200);
// 	sigaction(number, &before, 0);
// 	return r ? r : done ? 0 : ETIMEDOUT;
// }
//
// static void rest(unsigned us) { usleep(us); } // for the test
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
)

// threads is how many are made before the monitor makes any: half of what a show of four
// cameras and three destinations takes, enough that it makes none.
const threads = 8

// Calm lets the monitor's timers be late by a millisecond. Without it everything works as
// well, at more wake-ups.
func Calm() error {
	makeThreads(threads)
	tid, err := monitor()
	if err != nil {
		return fmt.Errorf("sysmon: the runtime's monitor thread is not found: %w", err)
	}
	if errno := C.calm(C.int(tid)); errno != 0 {
		return fmt.Errorf("sysmon: the timer slack of thread %d: %w", tid, syscall.Errno(errno))
	}
	return nil
}

// monitor is the thread that the runtime makes before any other (runtime.main): the kernel
// lists threads in the order of their making.
func monitor() (tid int, err error) {
	dir, err := os.Open("/proc/self/task")
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(2)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(names[len(names)-1])
}

// makeThreads has n goroutines on threads of their own at once. The runtime keeps those for
// others.
func makeThreads(n int) {
	var there, done sync.WaitGroup
	there.Add(n)
	for range n {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			there.Done()
			there.Wait()
		})
	}
	done.Wait()
}

// inC is a call of C that takes so many µs.
func inC(us int) { C.rest(C.uint(us)) }
