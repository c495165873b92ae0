package priority

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// answersWithin is how long the system bus and RealtimeKit may take.
const answersWithin = 5 * time.Second

// First gives the calling goroutine a thread of its own, whose precedence is raised: at once where
// the user may do that, else by RealtimeKit, which desktops have for their sound, in the background.
// told gets what came of it, nil for success, on any goroutine. The goroutine must not be unlocked from
// its thread (runtime.UnlockOSThread): the thread is to end with it.
func First(told func(error)) {
	runtime.LockOSThread()
	tid := unix.Gettid()
	if set(tid, firstNice) == nil {
		told(nil)
		return
	}
	go func() { told(ask(tid, firstNice)) }()
}

// own gives the calling goroutine a thread of its own; usual is that thread's nice value.
func own() (tid, usual int, err error) {
	runtime.LockOSThread()
	tid = unix.Gettid()
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
	if err != nil {
		runtime.UnlockOSThread()
	}
	return tid, 20 - raw, err // see getpriority(2)
}

// set changes a thread's nice value.
func set(tid, nice int) error { return unix.Setpriority(unix.PRIO_PROCESS, tid, nice) }

// ask has RealtimeKit raise a thread of this process to nice.
func ask(tid, nice int) error {
	ctx, cancel := context.WithTimeout(context.Background(), answersWithin)
	defer cancel()
	bus, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("priority: the system bus: %w", err)
	}
	defer bus.Close()
	kit := bus.Object("org.freedesktop.RealtimeKit1", "/org/freedesktop/RealtimeKit1")
	call := kit.CallWithContext(ctx, "org.freedesktop.RealtimeKit1.MakeThreadHighPriority", 0, uint64(tid), int32(nice))
	if call.Err != nil {
		return fmt.Errorf("priority: RealtimeKit: %w", call.Err)
	}
	if now, err := unix.Getpriority(unix.PRIO_PROCESS, tid); err != nil || 20-now != nice { // see getpriority(2)
		return errors.Join(errors.New("priority: RealtimeKit has not raised the thread"), err)
	}
	return nil
}
