package ui

import (
	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
)

// Studio is what the window needs of the engine. *engine.Engine, with V
// *engine.View, is one; tests have another.
type Studio[V Picture] interface {
	// State is the newest snapshot; nil before the first tick. It never blocks.
	State() *engine.State
	// Do applies a command at the next tick and blocks for about that long. The
	// error is a sentence for the operator.
	Do(engine.Command) error
	// OpenView starts a live picture for the window. It does not block.
	OpenView(engine.ViewSpec) V
}

// Picture is one live picture; *engine.View is one.
type Picture interface {
	// Latest is the newest RGBA frame since the last call, the caller's to
	// release, or nil. It never blocks.
	Latest() *media.Frame
	// SetHidden stops and resumes drawing.
	SetHidden(bool)
	// Close ends the picture. It does not wait.
	Close()
}

// studio is Studio without the type parameter, for panels.
type studio interface {
	State() *engine.State
	Do(engine.Command) error
	openView(engine.ViewSpec) Picture
}

type anyStudio[V Picture] struct{ Studio[V] }

func (s anyStudio[V]) openView(spec engine.ViewSpec) Picture { return s.OpenView(spec) }
