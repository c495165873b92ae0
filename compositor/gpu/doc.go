// Package gpu is the only importer of OpenGL: one thread that owns a core 3.3
// context, and the few objects the compositor needs on it (plane textures,
// targets, programs).
//
// Threads: a Thread is one locked OS thread. Everything that touches GL runs
// inside Thread.Do with the *Context it is given; the Context is never stored.
// Ownership: every object has Release, called inside Do. What this package
// does not do: decide what is drawn, know frames' colours, share anything with
// a window toolkit's context.
package gpu
