// Package priority lets the studio's tick go before everything else that wants the processor. A
// tick takes a few milliseconds of every frame. Where decoders, encoders and other programs take more than
// the machine has, it would get its fair share of what is there like each of their threads, and
// be late (docs/PERFORMANCE.md, When the machine is short of time).
//
// Threads: First is for the goroutine that is to go first, Spare for main, once, early. Linux alone
// has both kinds of precedence that are used here; elsewhere threads stay as they are. What this
// package does not do: real-time scheduling, which could keep the machine from everybody else.
package priority

import (
	"os"
	"runtime"
)

// least is how many of Go's processors there are at least. A thread that the kernel has put aside
// keeps the one it has; with two of them, two such threads keep every goroutine waiting.
const least = 6

// Spare has the Go runtime use more processors than the machine has, unless GOMAXPROCS says how
// many.
func Spare() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), least))
	}
}
