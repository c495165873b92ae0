// Package document is the file behind the running show: new, open, save, save as,
// recent files, the mark for unsaved changes, recovery after a crash, and a lock that
// keeps two programs from writing one file.
//
// Threads: a Manager may be used by any goroutine; what reads or writes files blocks
// and is done one at a time. Run is the autosave, started and awaited by whoever made
// the Manager. Ownership: shows are immutable values. What this package does not do:
// edit a show, ask the operator anything, or know a window.
package document
