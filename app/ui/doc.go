// Package ui is the window of Crosspoint, drawn with Fyne. It shows engine.State and
// sends engine.Command values; it decides nothing and holds nothing of the engine.
//
// Threads: Fyne owns one goroutine, the one that called Run, and everything a panel
// does happens there. One poll goroutine reads State and takes the pictures of
// views; one sender goroutine calls Do, so that a command which waits for its tick
// never holds the window up. A panel that hangs therefore costs the window only:
// the engine, and whoever else uses it, does not notice. Ownership: frames taken
// from a view are copied and released by the poll goroutine; a State is read
// only. What this package does not do: composite, mix, encode, save shows, or
// import anything but the engine's contract, media, outputs and scenes.
//
// A panel is one file: newXPanel(w) builds it, update(*engine.State) brings its
// widgets to a state and touches only those whose value changed.
package ui
