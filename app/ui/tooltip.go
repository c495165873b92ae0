package ui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

const (
	// tipAfter is how long the pointer rests, or the focus stays, before the tip shows.
	tipAfter = 600 * time.Millisecond
	tipWidth = 320
	tipLine  = 17
)

// tips is the layer over the window that says what the control under the pointer
// does. It takes no clicks.
type tips struct {
	box
	back  *canvas.Rectangle
	lines [3]*label
	// after calls a function on Fyne's goroutine later; stop forgets it.
	after func(time.Duration, func()) (stop func())
	stop  func()
	owner fyne.CanvasObject
	// pointer is where in the window the pointer came to an owner wider than a tip.
	pointer fyne.Position
}

func newTips(d *desk) *tips {
	t := &tips{back: newSurface(colText), stop: func() {}}
	t.after = func(wait time.Duration, f func()) func() {
		timer := time.AfterFunc(wait, func() { d.post(f) })
		return func() { timer.Stop() }
	}
	t.add(t.back)
	for i := range t.lines {
		t.lines[i] = newLabel("", textNormal, colWell)
		t.add(t.lines[i])
	}
	t.ExtendBaseWidget(t)
	t.hideAll()
	return t
}

func (t *tips) hideAll() {
	show(t.back, false)
	for _, l := range t.lines {
		show(l.Text, false)
	}
}

// over says that the pointer or the focus came to a control.
func (t *tips) over(o fyne.CanvasObject, text string) {
	t.leave(t.owner)
	if text == "" {
		return
	}
	t.owner = o
	t.stop = t.after(tipAfter, func() {
		if t.owner == o {
			t.open(o, text)
		}
	})
}

// leave says that the pointer or the focus went, or that the control was used.
func (t *tips) leave(o fyne.CanvasObject) {
	if o == nil || o != t.owner {
		return
	}
	t.stop()
	t.owner = nil
	t.hideAll()
}

// clear takes the tip away, whosever it is.
func (t *tips) clear() { t.leave(t.owner) }

// shown is the tip that can be read now.
func (t *tips) shown() string {
	if !t.back.Visible() {
		return ""
	}
	text := ""
	for _, l := range t.lines {
		if l.full != "" {
			text += " " + l.full
		}
	}
	return text[min(1, len(text)):]
}

func (t *tips) open(o fyne.CanvasObject, text string) {
	driver := fyne.CurrentApp().Driver()
	if c := driver.CanvasForObject(o); c == nil || c != driver.CanvasForObject(t) || !o.Visible() {
		return // gone, or in another window
	}
	pos := driver.AbsolutePositionForObject(o).Subtract(driver.AbsolutePositionForObject(t))
	width, n := float32(0), 0
	rest := text
	for i, l := range t.lines {
		l.width = tipWidth
		line := rest
		if i < len(t.lines)-1 {
			line, rest = wrap(l, rest)
		}
		l.setText(line)
		show(l.Text, line != "")
		if line != "" {
			n++
			width = max(width, min(l.measure(line), tipWidth))
		}
	}
	w, h := width+2*inset, float32(n*tipLine)+gap
	if o.Size().Width > tipWidth {
		pos.X = max(pos.X, t.pointer.X)
	}
	x := min(max(pos.X, gap), max(t.Size().Width-w-gap, 0))
	y := pos.Y + o.Size().Height + 4
	if y+h > t.Size().Height {
		y = max(pos.Y-h-4, 0)
	}
	place(t.back, x, y, w, h)
	for i, l := range t.lines {
		l.place(x+inset, y+gap/2+float32(i*tipLine), tipWidth, tipLine)
	}
	show(t.back, true)
	t.back.Refresh()
}
