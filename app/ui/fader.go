package ui

import (
	"image/color"
	"math"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
)

// settle is how long a fader keeps what the hand gave it before it follows the
// state again: long enough for the command to come back.
const settle = 250 * time.Millisecond

// fader is a lever along one axis, 0..1 (bottom to top, left to right). The hand moves
// it relative to where it is: touching the slot never makes it jump. With the keyboard arrow
// keys and the wheel step it, a double click resets it.
type fader struct {
	box
	desk     *desk
	vertical bool
	step     float64
	reset    float64 // NaN: a double click does nothing
	moved    func(float64)

	value             float64
	grabbed           bool
	grabAt, grabValue float64
	heldUntil         time.Time
	lastPress         time.Time
	focused           bool

	slot, knob *canvas.Rectangle
	line       *canvas.Rectangle // across the knob
	marks      []*canvas.Rectangle
	markAt     []float64
	knobLength float32
	tip        string
	// round is the list round it, nil for none. It has the wheel unless the fader has the
	// keyboard: whoever scrolls past must not change a value. OBS has it so, too
	// (SliderIgnoreScroll).
	round func(*fyne.ScrollEvent)
	// wheelless: the wheel moves it never.
	wheelless bool
}

var (
	_ fyne.Draggable    = (*fader)(nil)
	_ fyne.Scrollable   = (*fader)(nil)
	_ desktop.Mouseable = (*fader)(nil)
	_ desktop.Keyable   = (*fader)(nil)
	_ desktop.Hoverable = (*fader)(nil)
)

func newFader(d *desk, vertical bool, step, reset float64, moved func(float64)) *fader {
	f := &fader{desk: d, vertical: vertical, step: step, reset: reset, moved: moved, knobLength: 22}
	f.slot, f.knob, f.line = newSurface(colWell), newSurface(colOff), newSurface(colWell)
	f.line.CornerRadius = 0
	f.add(f.slot, f.knob, f.line)
	f.arrange = func(fyne.Size) { f.draw() }
	f.min = fyne.NewSize(20, 20)
	f.ExtendBaseWidget(f)
	return f
}

// hint sets the tool tip.
func (f *fader) hint(text string) { f.tip = text }

// mark draws a scale line at a value.
func (f *fader) mark(at float64, col color.Color) {
	m := canvas.NewRectangle(col)
	f.marks, f.markAt = append(f.marks, m), append(f.markAt, at)
	f.objects = append([]fyne.CanvasObject{m}, f.objects...)
}

// follow brings the lever to the state, unless a hand is on it.
func (f *fader) follow(v float64) {
	if f.grabbed || f.desk.now().Before(f.heldUntil) || v == f.value {
		return
	}
	f.value = v
	f.draw()
}

// release lets the lever follow at once: it is now another value's.
func (f *fader) release() { f.grabbed, f.heldUntil = false, time.Time{} }

// tint changes the knob's colour.
func (f *fader) tint(col color.Color) { f.paint(col) }

func (f *fader) paint(col color.Color) {
	if f.focused {
		fill(f.knob, col, colFocus, 2)
	} else {
		fill(f.knob, col, colNone, 0)
	}
}

func (f *fader) travel() float32 {
	if f.vertical {
		return max(f.Size().Height-f.knobLength, 1)
	}
	return max(f.Size().Width-f.knobLength, 1)
}

func (f *fader) draw() {
	s, k := f.Size(), f.knobLength
	if f.vertical {
		y := (1 - float32(f.value)) * f.travel()
		place(f.slot, s.Width/2-3, 0, 6, s.Height)
		place(f.knob, 0, y, s.Width, k)
		place(f.line, 3, y+k/2-1, s.Width-6, 2)
		for i, m := range f.marks {
			place(m, 0, (1-float32(f.markAt[i]))*f.travel()+k/2-0.5, s.Width, 1)
		}
	} else {
		x := float32(f.value) * f.travel()
		place(f.slot, 0, s.Height/2-3, s.Width, 6)
		place(f.knob, x, 0, k, s.Height)
		place(f.line, x+k/2-1, 3, 2, s.Height-6)
		for i, m := range f.marks {
			place(m, float32(f.markAt[i])*f.travel()+k/2-0.5, 0, 1, s.Height)
		}
	}
	f.knob.Refresh()
}

// set moves the lever by hand.
func (f *fader) set(v float64) {
	v = math.Min(math.Max(v, 0), 1)
	f.heldUntil = f.desk.now().Add(settle)
	if v == f.value {
		return
	}
	f.value = v
	f.draw()
	f.moved(v)
}

func (f *fader) along(p fyne.Position) float64 {
	if f.vertical {
		return float64(-p.Y)
	}
	return float64(p.X)
}

// MouseDown implements desktop.Mouseable.
func (f *fader) MouseDown(e *desktop.MouseEvent) {
	if e.Button != desktop.MouseButtonPrimary {
		return
	}
	f.desk.tips.leave(f.outer)
	if !f.focused {
		f.desk.stopTyping()
	}
	now := f.desk.now()
	if now.Sub(f.lastPress) < doubleClick && !math.IsNaN(f.reset) {
		f.set(f.reset)
		f.lastPress = time.Time{}
		return
	}
	f.lastPress = now
	f.grab(e.Position)
}

func (f *fader) grab(p fyne.Position) {
	f.grabbed, f.grabAt, f.grabValue = true, f.along(p), f.value
}

// MouseUp implements desktop.Mouseable.
func (f *fader) MouseUp(*desktop.MouseEvent) { f.letGo() }

// Dragged implements fyne.Draggable.
func (f *fader) Dragged(e *fyne.DragEvent) {
	if !f.grabbed {
		f.grab(e.Position.Subtract(e.Dragged))
	}
	if p := f.along(e.Position); p != f.grabAt {
		f.lastPress = time.Time{} // a drag is not the first half of a double click
	}
	f.set(f.grabValue + (f.along(e.Position)-f.grabAt)/float64(f.travel()))
}

// DragEnd implements fyne.Draggable.
func (f *fader) DragEnd() { f.letGo() }

func (f *fader) letGo() {
	f.grabbed = false
	f.heldUntil = f.desk.now().Add(settle)
}

// Scrolled implements fyne.Scrollable.
func (f *fader) Scrolled(e *fyne.ScrollEvent) {
	switch {
	case !f.focused || f.wheelless:
		if f.round != nil {
			f.round(e)
		}
	case e.Scrolled.DY > 0:
		f.set(f.value + f.step)
	case e.Scrolled.DY < 0:
		f.set(f.value - f.step)
	}
}

// MouseIn implements desktop.Hoverable.
func (f *fader) MouseIn(*desktop.MouseEvent) { f.desk.tips.over(f.outer, f.tip) }

// MouseMoved implements desktop.Hoverable.
func (f *fader) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (f *fader) MouseOut() { f.desk.tips.leave(f.outer) }

// FocusGained implements fyne.Focusable.
func (f *fader) FocusGained() {
	f.focused = true
	f.paint(f.knob.FillColor)
	f.desk.tips.over(f.outer, f.tip)
}

// FocusLost implements fyne.Focusable.
func (f *fader) FocusLost() {
	f.focused = false
	f.paint(f.knob.FillColor)
	f.desk.tips.leave(f.outer)
}

// TypedRune implements fyne.Focusable.
func (f *fader) TypedRune(rune) {}

// TypedKey implements fyne.Focusable; arrow keys repeat while held.
func (f *fader) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyUp, fyne.KeyRight:
		f.set(f.value + f.step)
	case fyne.KeyDown, fyne.KeyLeft:
		f.set(f.value - f.step)
	case fyne.KeyPageUp:
		f.set(f.value + 10*f.step)
	case fyne.KeyPageDown:
		f.set(f.value - 10*f.step)
	case fyne.KeyBackspace, fyne.KeyDelete:
		if !math.IsNaN(f.reset) {
			f.set(f.reset)
		}
	}
}

// KeyDown implements desktop.Keyable.
func (f *fader) KeyDown(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyUp, fyne.KeyRight, fyne.KeyDown, fyne.KeyLeft, fyne.KeyPageUp, fyne.KeyPageDown, fyne.KeyBackspace, fyne.KeyDelete:
	default:
		f.desk.pass(e)
	}
}

// KeyUp implements desktop.Keyable.
func (f *fader) KeyUp(*fyne.KeyEvent) {}
