// Package sysmon makes the Go runtime's own monitor thread (runtime.sysmon) wake the
// processor less often. While any goroutine is inside C, as decoders and encoders are for
// most of a show, that thread looks after it every 20 µs, which the kernel's timer slack
// makes 75: two thousand times a second, each time in the place of an encoder's thread
// (docs/PERFORMANCE.md, The monitor thread). With a slack of a millisecond it is a quarter of that.
//
// The price: a goroutine that waits while all processors of the runtime (GOMAXPROCS) are
// inside C waits up to two milliseconds for one of them, and threads that the monitor itself makes
// inherit the slack, so that what waits for a time there can be a millisecond late. Calm has eight
// made beforehand; without them four of twenty were the monitor's, with them none. Ticks,
// pictures and sound are counted and not timed by the moment at which somebody wakes, so neither
// is seen or heard.
//
// Threads: Calm is called by main, once, early. Linux alone has such a setting. What this package
// does not do: change the timers of threads that are there already.
package sysmon
