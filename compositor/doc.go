// Package compositor turns a Plan, which says what is where, into a picture.
//
// The canvas is planes: Y' full size, Cb and Cr half size (4:2:0, left sited),
// as cameras deliver and encoders take it. A plan is analysed before anything is
// drawn (Analyse, pure, needs no GPU) and takes one of three paths:
//
//	Passthrough  one camera fills the canvas: its frame itself is the programme
//	Rectangles   over such a camera, only the rectangles that other layers cover
//	             are uploaded, shaded and read back into a copy of the frame
//	Full         everything is drawn
//
// Where OpenGL is a CPU rasteriser, whatever is straight is drawn by package cpu instead
// of by shaders (processor.go); a real GPU gets everything.
//
// Threads: a Compositor is used by one goroutine at a time and does its GL work
// on the gpu.Thread it was given; several compositors (programme, preview,
// multiview) share one thread and one Textures cache. Ownership: Compose
// borrows the plan's frames and returns a frame owned by the caller. What this
// package does not do: know shows, scenes, sources, or fit pictures to boxes.
package compositor
