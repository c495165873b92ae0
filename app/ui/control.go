package ui

import (
	"image/color"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// doubleClick is how soon a second press counts as one gesture with the first.
const doubleClick = 400 * time.Millisecond

// box is a widget that places its objects by hand; panels and controls are boxes.
type box struct {
	widget.BaseWidget
	objects []fyne.CanvasObject
	arrange func(fyne.Size)
	min     fyne.Size
	outer   fyne.Widget // what Fyne knows the box as
	// flat is what is drawn instead of objects while they are part of a picture; nil: they
	// are not.
	flat []fyne.CanvasObject
}

// ExtendBaseWidget implements fyne's widget contract; the outermost type calls it once.
func (b *box) ExtendBaseWidget(w fyne.Widget) {
	if b.outer == nil {
		b.outer = w
	}
	b.BaseWidget.ExtendBaseWidget(w)
}

// CreateRenderer implements fyne.Widget.
func (b *box) CreateRenderer() fyne.WidgetRenderer { return boxRenderer{b} }

// add puts objects on top of those already there.
func (b *box) add(objects ...fyne.CanvasObject) {
	for _, o := range objects {
		switch v := o.(type) { // Fyne draws the types that it knows, not those around them
		case *label:
			o = v.Text
		case *icon:
			o = v.Image
		}
		b.objects = append(b.objects, o)
	}
}

type boxRenderer struct{ b *box }

func (r boxRenderer) Layout(s fyne.Size) {
	if r.b.arrange != nil {
		r.b.arrange(s)
	}
}
func (r boxRenderer) MinSize() fyne.Size { return r.b.min }
func (r boxRenderer) Refresh()           { canvas.Refresh(r.b.outer) }
func (r boxRenderer) Objects() []fyne.CanvasObject {
	if r.b.flat != nil {
		return r.b.flat
	}
	return r.b.objects
}
func (r boxRenderer) Destroy() {}

// newGround is a large rectangle without round corners. Where OpenGL is drawn by the
// processor a pixel of a round rectangle costs several of a plain one, whether or not
// a corner is near: with rounded panels they were two fifths of what the window cost.
// Panels therefore have no ground of their own: the window is cleared to colPanel, and
// the gaps between panels are drawn.
func newGround(col color.Color) *canvas.Rectangle { return canvas.NewRectangle(col) }

// newSurface is the rectangle under a control.
func newSurface(col color.Color) *canvas.Rectangle {
	r := canvas.NewRectangle(col)
	r.CornerRadius = 4
	return r
}

// button acts when it is pressed, not when it is let go: a cut must not wait for
// a finger. A click does not give it the keyboard, so that Space stays AUTO; Tab
// does, and then Space and Enter press it.
type button struct {
	box
	desk    *desk
	back    *canvas.Rectangle
	caption *label
	press   func()

	ground  color.Color
	tip     string
	hovered bool
	focused bool
}

var (
	_ desktop.Mouseable = (*button)(nil)
	_ desktop.Hoverable = (*button)(nil)
	_ desktop.Keyable   = (*button)(nil)
)

func newButton(d *desk, caption string, size float32, press func()) *button {
	b := &button{}
	b.init(d, caption, size, press)
	b.ExtendBaseWidget(b)
	return b
}

// init makes b a button, but for ExtendBaseWidget, which is for the outermost type.
func (b *button) init(d *desk, caption string, size float32, press func()) {
	b.desk, b.press, b.ground = d, press, colControl
	b.back = newSurface(colControl)
	b.caption = newBold(caption, size, colText)
	b.caption.Alignment = fyne.TextAlignCenter
	b.add(b.back, b.caption)
	b.min = fyne.NewSize(b.caption.MinSize().Width+2*inset, rowHeight)
	b.arrange = func(s fyne.Size) {
		place(b.back, 0, 0, s.Width, s.Height)
		b.caption.place(2, 0, s.Width-4, s.Height)
	}
}

// hint sets the tool tip: what the button does, and its key.
func (b *button) hint(text string) *button {
	b.tip = text
	return b
}

// look changes caption and colours, if they differ.
func (b *button) look(caption string, ground, ink color.Color) {
	b.caption.set(caption, ink)
	b.ground = ground
	b.paint()
}

// lit is look for a lamp: the colour when on, a plain button when off.
func (b *button) lit(on bool, ground, ink color.Color) {
	if on {
		b.look(b.caption.full, ground, ink)
	} else {
		b.look(b.caption.full, colControl, colText)
	}
}

func (b *button) paint() {
	ground := b.ground
	if b.hovered && ground == colControl {
		ground = colHover
	}
	if b.focused {
		fill(b.back, ground, colFocus, 3)
	} else {
		fill(b.back, ground, colNone, 0)
	}
}

// MouseDown implements desktop.Mouseable.
func (b *button) MouseDown(e *desktop.MouseEvent) {
	b.desk.tips.leave(b.outer)
	if e.Button == desktop.MouseButtonPrimary {
		if !b.focused {
			b.desk.stopTyping()
		}
		b.press()
	}
}

// MouseUp implements desktop.Mouseable.
func (b *button) MouseUp(*desktop.MouseEvent) {}

// MouseIn implements desktop.Hoverable.
func (b *button) MouseIn(*desktop.MouseEvent) {
	b.hovered = true
	b.paint()
	b.desk.tips.over(b.outer, b.tip)
}

// MouseMoved implements desktop.Hoverable.
func (b *button) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (b *button) MouseOut() {
	b.hovered = false
	b.paint()
	b.desk.tips.leave(b.outer)
}

// FocusGained implements fyne.Focusable.
func (b *button) FocusGained() {
	b.focused = true
	b.paint()
	b.desk.tips.over(b.outer, b.tip)
}

// FocusLost implements fyne.Focusable.
func (b *button) FocusLost() {
	b.focused = false
	b.paint()
	b.desk.tips.leave(b.outer)
}

// TypedRune implements fyne.Focusable.
func (b *button) TypedRune(rune) {}

// TypedKey implements fyne.Focusable; KeyDown does the work, without key repeat.
func (b *button) TypedKey(*fyne.KeyEvent) {}

// KeyDown implements desktop.Keyable.
func (b *button) KeyDown(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		b.press()
	default:
		b.desk.keyDown(e)
	}
}

// KeyUp implements desktop.Keyable.
func (b *button) KeyUp(*fyne.KeyEvent) {}

// confirm turns one button press into a question and the second into the deed; the
// question goes away by itself. Nothing waits for it.
type confirm struct {
	desk  *desk
	until time.Time
}

// confirmFor is how long the question stands.
const confirmFor = 4 * time.Second

// asked reports that the question stands.
func (c *confirm) asked() bool { return c.desk.now().Before(c.until) }

// press reports whether this press is the answer.
func (c *confirm) press() bool {
	if c.asked() {
		c.until = time.Time{}
		return true
	}
	c.until = c.desk.now().Add(confirmFor)
	return false
}

// reset takes the question back.
func (c *confirm) reset() { c.until = time.Time{} }
