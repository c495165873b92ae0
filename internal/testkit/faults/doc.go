// Package faults stands in the way of connections in tests: a TCP proxy, a UDP relay, and
// both before a WHIP server, that lose, delay, slow down, freeze and reset as they are told.
// Toxiproxy was tried for TCP and cannot freeze a connection that goes on afterwards; the
// measurements are in docs/ARCHITECTURE.md.
//
// Threads: everything may be changed from any goroutine at any time. Ownership: a proxy
// or relay ends with its test. It depends on no other package of this program, so that
// the tests inside the outputs can use it.
package faults
