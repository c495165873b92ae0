package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// field is text that is typed: Enter (Ctrl+Enter where there are several lines) or
// leaving it gives what was typed, Escape takes it back. While it has the keyboard
// the desk's keys are letters, but for the function keys.
type field struct {
	widget.Entry
	desk *desk
	// changed is called as one types, given when the text is given: it may be typed on then.
	// done is called when it is left, after given, undone when it is taken back. stepped, not
	// nil, makes Up and Down step a number.
	changed func(string)
	given   func()
	done    func()
	undone  func()
	stepped func(by float64)

	tip     string
	typing  bool // has the keyboard
	quiet   bool // the program changes the text
	leaving bool // done or undone has been called for this visit
}

func newField(d *desk, lines int) *field {
	f := &field{desk: d, changed: func(string) {}, given: func() {}, done: func() {}, undone: func() {}}
	f.Wrapping, f.Scroll = fyne.TextWrapOff, fyne.ScrollHorizontalOnly
	if lines > 1 {
		f.MultiLine, f.Wrapping, f.Scroll = true, fyne.TextWrapWord, fyne.ScrollVerticalOnly
		f.SetMinRowsVisible(lines)
	}
	f.OnChanged = func(text string) {
		if !f.quiet {
			f.changed(text)
		}
	}
	f.OnSubmitted = func(string) { f.enter() }
	f.ExtendBaseWidget(f)
	return f
}

// givenBy says how a text of several lines is given, where Enter alone begins another line.
var givenBy = shortcutName + "+Enter or leaving it applies it"

// newLine is a field of one line whose text is looked at when it is wanted: it is not given,
// so Enter does nothing, and Escape keeps what was typed.
func newLine(d *desk) *field {
	f := newField(d, 1)
	f.OnSubmitted = nil
	return f
}

// newSecret is a newLine that hides what it holds.
func newSecret(d *desk) *field {
	f := newLine(d)
	f.Password = true
	return f
}

// setText is a change by the program.
func (f *field) setText(text string) {
	if f.Text == text {
		return
	}
	f.quiet = true
	f.SetText(text)
	f.quiet = false
}

// leave gives the keyboard back to the desk; what was typed is given.
func (f *field) leave() {
	if c := fyne.CurrentApp().Driver().CanvasForObject(f); c != nil && f.typing {
		c.Unfocus()
	}
}

// enter is leave with Enter.
func (f *field) enter() {
	f.desk.entered()
	f.leave()
}

// AcceptsTab implements fyne.Tabbable: Tab goes on to the next control, also from several
// lines. A tab in a title would be a box on the air: fonts have no picture of it.
func (f *field) AcceptsTab() bool { return false }

// FocusGained implements fyne.Focusable.
func (f *field) FocusGained() {
	f.typing, f.leaving = true, false
	f.desk.tips.over(f, f.tip)
	f.Entry.FocusGained()
}

// FocusLost implements fyne.Focusable.
func (f *field) FocusLost() {
	f.typing = false
	f.desk.tips.leave(f)
	f.Entry.FocusLost()
	if !f.leaving {
		f.leaving = true
		f.given()
		f.done()
	}
}

// KeyDown implements desktop.Keyable.
func (f *field) KeyDown(e *fyne.KeyEvent) {
	f.Entry.KeyDown(e)
	switch e.Name {
	case fyne.KeyEscape:
		f.leaving = true
		f.undone()
		f.leave()
	case fyne.KeyReturn, fyne.KeyEnter:
		if f.MultiLine && currentModifiers()&fyne.KeyModifierShortcutDefault != 0 {
			f.enter()
		}
	case fyne.KeyF1, fyne.KeyF11:
		f.desk.keyDown(e)
	}
}

// TypedKey implements fyne.Focusable.
func (f *field) TypedKey(e *fyne.KeyEvent) {
	if f.stepped != nil {
		switch e.Name {
		case fyne.KeyUp:
			f.stepped(+1)
			return
		case fyne.KeyDown:
			f.stepped(-1)
			return
		case fyne.KeyPageUp:
			f.stepped(+10)
			return
		case fyne.KeyPageDown:
			f.stepped(-10)
			return
		}
	}
	f.Entry.TypedKey(e)
}

// hoverTip shows a tool tip where there is no control: over the title of a field, whose text is
// left to the pointer that marks and edits it, and over a line that is cut off.
type hoverTip struct {
	box
	desk *desk
	tip  string
}

var _ desktop.Hoverable = (*hoverTip)(nil)

func newHoverTip(d *desk, tip string) *hoverTip {
	h := &hoverTip{desk: d, tip: tip}
	h.ExtendBaseWidget(h)
	return h
}

// MouseIn implements desktop.Hoverable.
func (h *hoverTip) MouseIn(*desktop.MouseEvent) { h.desk.tips.over(h, h.tip) }

// MouseMoved implements desktop.Hoverable.
func (h *hoverTip) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (h *hoverTip) MouseOut() { h.desk.tips.leave(h) }

// wheel lies over a line of text and hands the mouse wheel to the list round it; Fyne's
// entry would keep it for scrolling a line that needs none.
type wheel struct {
	box
	turned func(*fyne.ScrollEvent)
}

var _ fyne.Scrollable = (*wheel)(nil)

func newWheel(turned func(*fyne.ScrollEvent)) *wheel {
	w := &wheel{turned: turned}
	w.ExtendBaseWidget(w)
	return w
}

// Scrolled implements fyne.Scrollable.
func (w *wheel) Scrolled(e *fyne.ScrollEvent) { w.turned(e) }
