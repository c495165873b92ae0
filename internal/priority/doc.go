// Package priority lets what the programme needs in time go before everything else that wants the
// processor: the studio's tick, which takes a few milliseconds of every frame, and behind it the
// decoders of the pictures that are on programme. Where decoders, encoders, the window and other programs take
// more than the machine has, each of their threads gets its fair share of what is there, whatever
// it is for: the tick would be late, and a decoder on programme would lose pictures to those that
// are not (docs/PERFORMANCE.md, When the machine is short of time).
//
// Threads: First is for the goroutine that is to go first, Enter for those of a Lane, which any
// goroutine may raise; Spare is for main, once, early. Linux alone has both kinds of precedence that
// are used here; elsewhere threads stay as they are. What this package does not do: real-time
// scheduling, which could keep the machine from everybody else.
package priority

import (
	"os"
	"runtime"
)

// Precedence by its nice value: of the tick as sound servers have it, of what is on programme
// between that and everybody else.
const (
	firstNice  = -11
	raisedNice = -6
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
