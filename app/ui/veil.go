package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
)

// veil lies over the window and keeps the pointer from what is under it; a press on it
// is told.
type veil struct {
	box
	ground  *canvas.Rectangle
	pressed func(fyne.Position)
}

var (
	_ desktop.Mouseable  = (*veil)(nil)
	_ desktop.Hoverable  = (*veil)(nil)
	_ desktop.Cursorable = (*veil)(nil)
	_ fyne.Scrollable    = (*veil)(nil)
	_ fyne.Draggable     = (*veil)(nil)
)

func newVeil(ground *canvas.Rectangle, pressed func(fyne.Position)) *veil {
	v := &veil{ground: ground, pressed: pressed}
	v.add(ground)
	v.arrange = func(s fyne.Size) { place(ground, 0, 0, s.Width, s.Height) }
	v.ExtendBaseWidget(v)
	return v
}

// MouseDown implements desktop.Mouseable.
func (v *veil) MouseDown(e *desktop.MouseEvent) { v.pressed(e.Position) }

// MouseUp implements desktop.Mouseable.
func (v *veil) MouseUp(*desktop.MouseEvent) {}

// MouseIn implements desktop.Hoverable.
func (v *veil) MouseIn(*desktop.MouseEvent) {}

// MouseMoved implements desktop.Hoverable.
func (v *veil) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (v *veil) MouseOut() {}

// Cursor implements desktop.Cursorable.
func (v *veil) Cursor() desktop.Cursor { return desktop.DefaultCursor }

// Scrolled implements fyne.Scrollable.
func (v *veil) Scrolled(*fyne.ScrollEvent) {}

// Dragged implements fyne.Draggable.
func (v *veil) Dragged(*fyne.DragEvent) {}

// DragEnd implements fyne.Draggable.
func (v *veil) DragEnd() {}
