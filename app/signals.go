package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// endWithin is how long an end in order may take. Signals that come meanwhile change nothing, for
// they come in twos: the kernel and the shell send SIGHUP for one terminal, timeout(1) sends
// SIGTERM to the program and to its group, and a hand presses Ctrl+C again. One that comes later
// ends the program at once.
const endWithin = 10 * time.Second

// untilSignal is a context that ends with the first signal that asks for the program's end:
// Ctrl+C, SIGTERM, and SIGHUP, of a terminal that is closed, unless nohup(1) or the like keeps
// it away.
func untilSignal() (context.Context, context.CancelFunc) {
	asks := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		asks = append(asks, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), asks...)
	context.AfterFunc(ctx, func() { time.AfterFunc(endWithin, stop) })
	return ctx, stop
}

// outliveReaders keeps the program going when nobody reads what it writes to standard output
// and error any more (os/signal, "SIGPIPE"): such a write fails from here on. It is not ignored,
// because programs that are started by outputs would inherit that.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
