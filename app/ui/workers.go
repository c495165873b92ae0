package ui

import (
	"math"
	"sync"
	"time"
)

const (
	// workLimit is how many pieces of work may run at once, those of startAlone aside. A
	// keyring that asks its owner for a password may keep one for minutes.
	workLimit = 8
	// workGrace is how long the closing window waits for work: a save ends, a
	// keyring that hangs is left behind.
	workGrace = 3 * time.Second
)

// workers runs what may block. Safe for any goroutine.
type workers struct {
	inline bool // tests: work runs on the caller's goroutine

	mu      sync.Mutex // guards what follows
	running int
	closed  bool
	idle    chan struct{} // made by close, closed when the last one ends
}

func newWorkers() *workers { return &workers{} }

// start runs work on a goroutine of its own; false when too many run or the window
// is closing.
func (w *workers) start(work func()) bool { return w.startIn(workLimit, work) }

// startAlone is start for the work of an owner who has one piece at a time: it is not kept out
// by other work that hangs. False when the window is closing.
func (w *workers) startAlone(work func()) bool { return w.startIn(math.MaxInt, work) }

func (w *workers) startIn(limit int, work func()) bool {
	if w.inline {
		work()
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.running >= limit {
		return false
	}
	w.running++
	go func() {
		defer w.end()
		work()
	}()
	return true
}

func (w *workers) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
	if w.running == 0 && w.idle != nil {
		close(w.idle)
	}
}

// close takes no more work and waits for what runs, but no longer than grace. It
// reports whether everything ended.
func (w *workers) close(grace time.Duration) bool {
	w.mu.Lock()
	w.closed = true
	if w.running == 0 {
		w.mu.Unlock()
		return true
	}
	w.idle = make(chan struct{})
	idle := w.idle
	w.mu.Unlock()
	select {
	case <-idle:
		return true
	case <-time.After(grace):
		return false
	}
}
