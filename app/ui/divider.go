package ui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
)

// dividerStep is how far an arrow key moves a divider.
const dividerStep float32 = 16

// divider is the gap between two regions: dragged, or moved with the arrow keys; a
// double click puts it back.
type divider struct {
	box
	desk     *desk
	vertical bool // stands upright, moves left and right
	moved    func(by float32)
	reset    func()

	ground    *canvas.Rectangle // the desk between two panels
	line      *canvas.Rectangle
	hovered   bool
	focused   bool
	lastPress time.Time
}

var (
	_ fyne.Draggable     = (*divider)(nil)
	_ desktop.Mouseable  = (*divider)(nil)
	_ desktop.Hoverable  = (*divider)(nil)
	_ desktop.Cursorable = (*divider)(nil)
	_ desktop.Keyable    = (*divider)(nil)
)

func newDivider(d *desk, vertical bool, moved func(by float32), reset func()) *divider {
	v := &divider{desk: d, vertical: vertical, moved: moved, reset: reset, ground: newGround(colBackground), line: newSurface(colNone)}
	v.add(v.ground, v.line)
	v.line.Hide()
	v.min = fyne.NewSize(gap, gap)
	v.arrange = func(s fyne.Size) {
		place(v.ground, 0, 0, s.Width, s.Height)
		if v.vertical {
			place(v.line, s.Width/2-1, 0, 2, s.Height)
		} else {
			place(v.line, 0, s.Height/2-1, s.Width, 2)
		}
	}
	v.ExtendBaseWidget(v)
	return v
}

func (v *divider) paint() {
	show(v.line, v.focused || v.hovered)
	switch {
	case v.focused:
		fill(v.line, colFocus, colNone, 0)
	case v.hovered:
		fill(v.line, colOff, colNone, 0)
	default:
		fill(v.line, colNone, colNone, 0)
	}
}

// Cursor implements desktop.Cursorable.
func (v *divider) Cursor() desktop.Cursor {
	if v.vertical {
		return desktop.HResizeCursor
	}
	return desktop.VResizeCursor
}

// Dragged implements fyne.Draggable.
func (v *divider) Dragged(e *fyne.DragEvent) {
	v.lastPress = time.Time{}
	if v.vertical {
		v.moved(e.Dragged.DX)
	} else {
		v.moved(e.Dragged.DY)
	}
}

// DragEnd implements fyne.Draggable.
func (v *divider) DragEnd() {}

// MouseDown implements desktop.Mouseable.
func (v *divider) MouseDown(*desktop.MouseEvent) {
	if !v.focused {
		v.desk.stopTyping()
	}
	now := v.desk.now()
	if now.Sub(v.lastPress) < doubleClick {
		v.reset()
		now = time.Time{}
	}
	v.lastPress = now
}

// MouseUp implements desktop.Mouseable.
func (v *divider) MouseUp(*desktop.MouseEvent) {}

const dividerTip = "Drag to resize; double click puts it back. With the keyboard: arrow keys."

// MouseIn implements desktop.Hoverable.
func (v *divider) MouseIn(e *desktop.MouseEvent) {
	v.desk.tips.pointer = e.AbsolutePosition
	v.hovered = true
	v.paint()
	v.desk.tips.over(v, dividerTip)
}

// MouseMoved implements desktop.Hoverable.
func (v *divider) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (v *divider) MouseOut() { v.hovered = false; v.paint(); v.desk.tips.leave(v) }

// FocusGained implements fyne.Focusable.
func (v *divider) FocusGained() { v.focused = true; v.paint(); v.desk.tips.over(v, dividerTip) }

// FocusLost implements fyne.Focusable.
func (v *divider) FocusLost() { v.focused = false; v.paint(); v.desk.tips.leave(v) }

// TypedRune implements fyne.Focusable.
func (v *divider) TypedRune(rune) {}

// TypedKey implements fyne.Focusable; arrow keys repeat while held.
func (v *divider) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyLeft, fyne.KeyUp:
		v.moved(-dividerStep)
	case fyne.KeyRight, fyne.KeyDown:
		v.moved(dividerStep)
	case fyne.KeyBackspace, fyne.KeyDelete:
		v.reset()
	}
}

// KeyDown implements desktop.Keyable.
func (v *divider) KeyDown(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyLeft, fyne.KeyUp, fyne.KeyRight, fyne.KeyDown, fyne.KeyBackspace, fyne.KeyDelete:
	default:
		v.desk.pass(e)
	}
}

// KeyUp implements desktop.Keyable.
func (v *divider) KeyUp(*fyne.KeyEvent) {}
