package gpu

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"crosspoint.studio/crosspoint/internal/supervise"
)

// ErrClosed is returned by Do after Close.
var ErrClosed = errors.New("gpu: thread closed")

type job struct {
	run   func(*Context) error
	frees bool // run has nothing to do where there is no context
	done  chan error
}

// Thread runs GL work on one locked OS thread. Two callers wait in two lines:
// programme work (Do) always goes before view work (DoLater).
type Thread struct {
	program chan *job
	views   chan *job
	idle    chan *job
	quit    chan struct{}
	ended   chan struct{}
	info    atomic.Pointer[Info]
}

// Info describes the context.
type Info struct {
	Renderer, Vendor, Version string
	// Software is true for CPU rasterisers such as llvmpipe.
	Software bool
}

// Open starts the thread and creates a context that needs no window and no
// display. The error says which ways were tried.
func Open() (*Thread, error) {
	t := newThread()
	ready := make(chan error, 1)
	go t.loop(ready)
	if err := <-ready; err != nil {
		<-t.ended
		return nil, err
	}
	return t, nil
}

// OpenWhenNeeded is Open where the machine has a GPU. Where it has none, OpenGL can only
// be a CPU rasteriser, which the compositor does without as long as it can: its context,
// 70 MB with a compiler in it, is made by the first job, whose error it is if that fails.
func OpenWhenNeeded() (*Thread, error) {
	if present() {
		return Open()
	}
	t := newThread()
	t.info.Store(&Info{Renderer: "no GPU", Software: true})
	go t.loop(nil)
	return t, nil
}

func newThread() *Thread {
	return &Thread{program: make(chan *job), views: make(chan *job), idle: make(chan *job, 8), quit: make(chan struct{}), ended: make(chan struct{})}
}

// Info describes the context; a thread that has not needed one yet says "no GPU".
func (t *Thread) Info() Info { return *t.info.Load() }

// loop runs jobs. With ready it makes the context first and says there how that went,
// else the first job does.
func (t *Thread) loop(ready chan<- error) {
	defer close(t.ended)
	runtime.LockOSThread() // never unlocked: the OS thread ends with the goroutine
	var ctx *Context
	var failed error
	open := func() {
		if ctx, failed = newContext(); failed == nil {
			t.info.Store(&ctx.info)
		}
	}
	defer func() {
		if ctx != nil {
			ctx.destroy()
		}
	}()
	if ready != nil {
		open()
		if ready <- failed; failed != nil {
			return
		}
	}
	for {
		var j *job
		select {
		case j = <-t.program:
		default:
			select {
			case j = <-t.program:
			case j = <-t.views:
			case <-t.quit:
				return
			}
		}
		if ctx == nil && j.frees {
			j.done <- nil
			continue
		}
		if ctx == nil && failed == nil {
			open()
		}
		if failed != nil {
			j.done <- failed
			continue
		}
		j.done <- protect(ctx, j.run)
	}
}

// protect turns a panic in f into an error: a fault in drawing costs a picture,
// not the show.
func protect(ctx *Context, f func(*Context) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gpu: %w", &supervise.PanicError{Value: r, Stack: debug.Stack()})
		}
	}()
	return f(ctx)
}

// Do runs f on the thread and waits for it. It must not be called from inside
// another Do.
func (t *Thread) Do(f func(*Context) error) error { return t.enqueue(t.program, f, false) }

// DoLater is Do for work that waits until no programme work is queued.
func (t *Thread) DoLater(f func(*Context) error) error { return t.enqueue(t.views, f, false) }

// Free is Do for an f that only frees objects: where no context has been needed yet there are
// none, and f is not run.
func (t *Thread) Free(f func(*Context) error) error { return t.enqueue(t.program, f, true) }

// newJob takes a job that an earlier call has finished with, so that a tick
// allocates none. A sync.Pool would not do: the collector empties it.
func (t *Thread) newJob() *job {
	select {
	case j := <-t.idle:
		return j
	default:
		return &job{done: make(chan error, 1)}
	}
}

func (t *Thread) enqueue(line chan<- *job, f func(*Context) error, frees bool) error {
	j := t.newJob()
	j.run, j.frees = f, frees
	defer func() {
		j.run = nil
		select {
		case t.idle <- j:
		default:
		}
	}()
	select {
	case line <- j:
		return <-j.done
	case <-t.quit:
		return ErrClosed
	}
}

// Close ends the thread after the work under way and destroys the context with
// all its objects.
func (t *Thread) Close() {
	close(t.quit)
	<-t.ended
}
