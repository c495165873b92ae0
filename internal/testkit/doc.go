// Package testkit is what tests stand on: real servers to send to (nginx with its
// RTMP module, srt-live-transmit, a WHIP server on pion), material whose every
// picture and second of sound can be recognised, analysers that decode what a
// server or a disk got and hold it against what was on programme, and leak checks.
//
// Threads: helpers that take a testing.TB are called by the test's own goroutine;
// Truth.Tap is called by the engine's. Ownership: every process and file that a
// helper makes ends with the test that asked for it, each process by its own id.
// What this package does not do: run the studio, or decide how good is good
// enough; tests do. Only tests import it.
package testkit
