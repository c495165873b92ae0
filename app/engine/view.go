package engine

import (
	"sync/atomic"

	"crosspoint.studio/crosspoint/internal/media"
)

// ViewBus says what a view looks at.
type ViewBus uint8

// View buses.
const (
	ViewProgram ViewBus = iota + 1
	ViewPreview
	ViewSource // the source or scene named by ID
)

// ViewSpec describes a live picture for a window. The picture is fitted into
// Width x Height (rounded down to even) whole, with black bars where its shape differs.
type ViewSpec struct {
	Program       string // "" is the only one
	Bus           ViewBus
	ID            string // for ViewSource
	Width, Height int
	// FPS is the most anybody needs; the engine gives less when ticks run late.
	FPS float64
}

// View is a picture that somebody looks at. Nothing is drawn for it once closed, or
// while hidden.
type View struct {
	spec   ViewSpec
	latest *media.Latest
	hidden atomic.Bool
	closed atomic.Bool

	// Of the view goroutine.
	lastTick int64
	painter  *painter
}

// Latest is the newest picture since the last call, RGBA with opaque alpha, which
// the caller releases; nil when there is none. It never blocks.
func (v *View) Latest() *media.Frame { return v.latest.TryGet() }

// SetHidden stops and resumes drawing for this view.
func (v *View) SetHidden(hidden bool) { v.hidden.Store(hidden) }

// Close ends the view. It does not wait.
func (v *View) Close() {
	v.closed.Store(true)
	v.latest.Close()
}
