// Package sysmon makes the Go runtime's own monitor thread (runtime.sysmon) wake the
// processor less often. While any goroutine is inside C, as decoders and encoders are for
// most of a show, that thread looks after it every 20 µs, which the kernel's timer slack
// makes 75: two thousand times a second, each time in the place of an encoder's thread
// (docs/PERFORMANCE.md). With a slack of a millisecond for it alone it is a quarter of that.
//
// The price is that a goroutine that waits while all processors of the runtime (GOMAXPROCS)
// are inside C waits up to two milliseconds for one of them.
//
// Threads: Calm is called by main, once, early. Linux alone has such a setting. What this package
// does not do: change any other thread's timers.
package sysmon
