// Package engine is the live studio without a display: it owns the show, runs the
// sources, composes and mixes one programme picture and one block of sound per
// tick, encodes each rendition once and feeds every destination and recording.
//
// Threads: Engine.Run is the tick goroutine; everything that changes what is on air
// happens there. Every surface (GUI, command line, remote control, tests) goes
// through Engine.Do and reads Engine.State. Ownership: a State is immutable;
// frames of views belong to whoever takes them. What this package does not do:
// speak a network protocol, open a window, or read files other than the show's.
package engine
