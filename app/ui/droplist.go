package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// dropList is one text of a list that opens under it. Fyne's own takes the keyboard when it is
// pressed and keeps all keys from the desk from then on. As every control of the window this one
// has the keyboard only by Tab, and hands on the keys that it does not use.
type dropList struct {
	widget.Select
	desk *desk
}

var _ desktop.Keyable = (*dropList)(nil)

func newDropList(d *desk, options []string, changed func(string)) *dropList {
	l := &dropList{desk: d}
	l.Options, l.OnChanged = options, changed
	l.ExtendBaseWidget(l)
	return l
}

func (l *dropList) open() {
	items := make([]*fyne.MenuItem, len(l.Options))
	for i, text := range l.Options {
		items[i] = fyne.NewMenuItem(text, func() { l.SetSelected(text) })
		items[i].Checked = text == l.Selected
	}
	dropDown(l, items)
}

// Tapped implements fyne.Tappable. Whoever chooses with the pointer is done then: the keyboard
// is the desk's, also from the list itself.
func (l *dropList) Tapped(*fyne.PointEvent) {
	l.desk.stopTyping()
	l.open()
}

// TypedKey implements fyne.Focusable. It comes after KeyDown, and a list that was open by then
// would take the key for itself.
func (l *dropList) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter, fyne.KeyUp, fyne.KeyDown:
		l.open()
	case fyne.KeyLeft, fyne.KeyRight:
		l.Select.TypedKey(e)
	}
}

// KeyDown implements desktop.Keyable.
func (l *dropList) KeyDown(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter, fyne.KeyUp, fyne.KeyDown, fyne.KeyLeft, fyne.KeyRight:
	default:
		l.desk.keyDown(e)
	}
}

// KeyUp implements desktop.Keyable.
func (l *dropList) KeyUp(*fyne.KeyEvent) {}
