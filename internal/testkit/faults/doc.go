// Package faults stands in the way of connections in tests: a TCP proxy and a UDP relay
// that lose, delay, slow down, freeze and reset as they are told. Toxiproxy was looked
// at for TCP; it brings an HTTP server, a router, a logger and metrics along, and
// cannot refuse connections on a port that stays its own.
//
// Threads: everything may be changed from any goroutine at any time. Ownership: a proxy
// or relay ends with its test. It depends on no other package of this program, so that
// the tests inside the outputs can use it.
package faults
