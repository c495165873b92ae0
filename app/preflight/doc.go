// Package preflight is the dry run before a show: it plans the encodes, encodes test
// pictures at the show's own rate, writes to the disks and knocks at every destination,
// and says go, caution or no-go for each with a reason.
//
// Threads: Run blocks and starts what it needs; everything has ended when it returns.
// found is called from one goroutine at a time. What it does not do: start a stream, touch
// a running engine, or change the show.
package preflight
