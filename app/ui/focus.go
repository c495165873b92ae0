package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// Fyne leaves the keyboard with a control whose page was closed: what is typed then goes
// into a field that nobody sees, and no key of the desk works. It does not scroll to what
// Tab came to either. Both are put right here, once an update.

// focusFollower looks after the control that has the keyboard. It belongs to Fyne's
// goroutine.
type focusFollower struct {
	focused func() fyne.Focusable
	unfocus func()
	last    fyne.Focusable // as it was followed
}

// follow takes the keyboard back from a control below root that cannot be seen any more,
// and scrolls to one that has just got it.
func (f *focusFollower) follow(root fyne.CanvasObject) {
	now := f.focused()
	o, ours := now.(fyne.CanvasObject)
	if now == nil || !ours || !isControl(o) {
		f.last = nil
		return
	}
	path, found := pathTo(root, o, nil)
	switch {
	case !found:
		f.last = nil
		f.unfocus()
	case now != f.last:
		f.last = now
		if _, row := o.(*showRow); !row { // it was pressed, perhaps for the first time of two
			reveal(path)
		}
	}
}

// typingIn reports whether a text below o has the keyboard: what is typed in must neither go nor
// become another thing's.
func (d *desk) typingIn(o fyne.CanvasObject) bool {
	f, typing := d.focused().(*field)
	if !typing {
		return false
	}
	_, within := pathTo(o, f, nil)
	return within
}

// isControl reports whether o is one of the panels' controls: Fyne's menus have the keyboard
// too, and stand elsewhere.
func isControl(o fyne.CanvasObject) bool {
	switch o.(type) {
	case *field, *dropList:
		return true
	}
	_, ok := o.(interface{ children() []fyne.CanvasObject })
	return ok
}

// pathTo is the objects from root down to target, both with it, if all of them are shown.
func pathTo(root, target fyne.CanvasObject, path []fyne.CanvasObject) ([]fyne.CanvasObject, bool) {
	if !root.Visible() {
		return nil, false
	}
	path = append(path, root)
	if root == target {
		return path, true
	}
	var list []fyne.CanvasObject
	switch v := root.(type) {
	case *fyne.Container:
		list = v.Objects
	case *container.Scroll:
		return pathTo(v.Content, target, path)
	case interface{ children() []fyne.CanvasObject }:
		list = v.children()
	}
	for _, o := range list {
		if p, ok := pathTo(o, target, path); ok {
			return p, true
		}
	}
	return nil, false
}

// reveal scrolls up and down until the end of a path can be seen, with its title above it.
func reveal(path []fyne.CanvasObject) {
	target := path[len(path)-1]
	y := float32(0) // of target in the innermost scroller
	for i := len(path) - 1; i > 0; i-- {
		s, ok := path[i-1].(*container.Scroll)
		if !ok {
			y += path[i].Position().Y
			continue
		}
		top, room, h := s.Offset.Y, s.Size().Height, target.Size().Height
		switch {
		case y-formTitle < top:
			s.ScrollToOffset(fyne.NewPos(s.Offset.X, max(y-formTitle-gap, 0)))
		case y+h > top+room:
			s.ScrollToOffset(fyne.NewPos(s.Offset.X, y+h+gap-room))
		}
		return
	}
}
