// Package cpu does on the processor what the layer shader does with straight
// pictures: scale planes, blend them, weigh two of them. It is for machines whose
// OpenGL is a CPU rasteriser: there a sample that goes through a shader costs five to
// twenty times what it costs here (compositor_bench_test.go measures both).
//
// Planes are 8-bit codes; nothing here converts colour. Threads: every function may be
// called from any goroutine, for planes that nobody else writes. Ownership: what is
// passed in is borrowed for the call. What this package does not do: rotate, key, wipe,
// decide what is drawn; that is shaded, on every machine.
package cpu

// #cgo CFLAGS: -O3 -Wall
import "C"
