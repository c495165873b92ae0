// Package assets is what is built into the program besides code and shaders: the demo
// show, the program's icon and the window's drawings.
//
// Threads: constants and pure functions. Ownership: callers do not write to the slices. What
// this package does not do: parse anything.
package assets

import _ "embed"

// Demo is the built-in show: four synthetic cameras, a lower third, a clock, and
// three destinations whose url "rehearsal:" stands for the built-in rehearsal
// receiver. It needs no device and no network.
//
//go:embed demo.json
var Demo []byte
