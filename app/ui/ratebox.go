package ui

import (
	"math"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/internal/media"
)

// rateBox is a length in frames, shown as s:ff. Pressed, it takes the keyboard: digits
// and a colon make a new length, Enter gives it, Escape takes it back; the arrows and
// the wheel step it by a frame then.
type rateBox struct {
	box
	desk    *desk
	well    *canvas.Rectangle
	text    *label
	fps     media.Rational
	frames  int
	typed   string
	focused bool
	tip     string
	changed func(frames int)
}

var (
	_ desktop.Mouseable = (*rateBox)(nil)
	_ desktop.Hoverable = (*rateBox)(nil)
	_ desktop.Keyable   = (*rateBox)(nil)
	_ fyne.Scrollable   = (*rateBox)(nil)
)

func newRateBox(d *desk, size float32, tip string, changed func(frames int)) *rateBox {
	r := &rateBox{desk: d, well: newSurface(colWell), text: newBold("", size, colText), fps: media.NewRational(30, 1), tip: tip, changed: changed}
	r.text.Alignment = fyne.TextAlignCenter
	r.add(r.well, r.text)
	r.min = fyne.NewSize(44, rowHeight)
	r.arrange = func(s fyne.Size) {
		place(r.well, 0, 0, s.Width, s.Height)
		r.text.place(2, 0, s.Width-4, s.Height)
	}
	r.ExtendBaseWidget(r)
	return r
}

// set shows a length, unless one is being typed.
func (r *rateBox) set(frames int, fps media.Rational) {
	if frames == r.frames && fps == r.fps && r.text.full != "" {
		return
	}
	r.frames, r.fps = frames, fps
	r.draw()
}

func (r *rateBox) draw() {
	switch {
	case r.typed != "":
		r.text.set(r.typed+"|", colFocus)
	default:
		r.text.set(framesText(r.frames, r.fps), colText)
	}
	if r.focused {
		fill(r.well, colWell, colFocus, 2)
	} else {
		fill(r.well, colWell, colNone, 0)
	}
}

// step makes the length by frames longer.
func (r *rateBox) step(by int) { r.give(r.frames + by) }

// give takes a length by hand.
func (r *rateBox) give(frames int) {
	frames = min(max(frames, minRate), maxRate)
	r.typed = ""
	if frames != r.frames {
		r.frames = frames
		r.changed(frames)
	}
	r.draw()
}

// parseFrames reads s:ff, or a plain number of frames.
func parseFrames(text string, fps media.Rational) (int, bool) {
	seconds, frames, timed := strings.Cut(strings.TrimSpace(text), ":")
	if !timed {
		seconds, frames = "0", seconds
	}
	s, err := strconv.Atoi(seconds)
	f, err2 := strconv.Atoi(frames)
	if err != nil || err2 != nil || s < 0 || f < 0 || s > maxRate {
		return 0, false
	}
	n := s*max(int(math.Round(fps.Float())), 1) + f
	return n, n >= minRate && n <= maxRate
}

// leave ends typing without giving what was typed; the keyboard is the desk's again.
func (r *rateBox) leave() {
	if c := fyne.CurrentApp().Driver().CanvasForObject(r); c != nil && r.focused {
		c.Unfocus()
	}
}

// MouseDown implements desktop.Mouseable.
func (r *rateBox) MouseDown(*desktop.MouseEvent) {
	r.desk.tips.leave(r)
	if c := fyne.CurrentApp().Driver().CanvasForObject(r); c != nil {
		c.Focus(r)
	}
}

// MouseUp implements desktop.Mouseable.
func (r *rateBox) MouseUp(*desktop.MouseEvent) {}

// MouseIn implements desktop.Hoverable.
func (r *rateBox) MouseIn(*desktop.MouseEvent) { r.desk.tips.over(r, r.tip) }

// MouseMoved implements desktop.Hoverable.
func (r *rateBox) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (r *rateBox) MouseOut() { r.desk.tips.leave(r) }

// Scrolled implements fyne.Scrollable.
func (r *rateBox) Scrolled(e *fyne.ScrollEvent) {
	switch {
	case !r.focused: // see fader.round
	case e.Scrolled.DY > 0:
		r.step(1)
	case e.Scrolled.DY < 0:
		r.step(-1)
	}
}

// FocusGained implements fyne.Focusable.
func (r *rateBox) FocusGained() {
	r.focused = true
	r.desk.tips.over(r, r.tip)
	r.draw()
}

// FocusLost implements fyne.Focusable.
func (r *rateBox) FocusLost() {
	r.focused, r.typed = false, ""
	r.desk.tips.leave(r)
	r.draw()
}

// TypedRune implements fyne.Focusable.
func (r *rateBox) TypedRune(c rune) {
	if (c >= '0' && c <= '9' || c == ':') && len(r.typed) < 6 {
		r.typed += string(c)
		r.draw()
	}
}

// TypedKey implements fyne.Focusable; it repeats while a key is held.
func (r *rateBox) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyUp, fyne.KeyRight:
		r.step(1)
	case fyne.KeyDown, fyne.KeyLeft:
		r.step(-1)
	case fyne.KeyBackspace:
		if n := len(r.typed); n > 0 {
			r.typed = r.typed[:n-1]
			r.draw()
		}
	}
}

// KeyDown implements desktop.Keyable: what can be part of a length stays here.
func (r *rateBox) KeyDown(e *fyne.KeyEvent) {
	_, digit := digits[e.Name]
	switch e.Name {
	case fyne.KeyReturn, fyne.KeyEnter:
		if n, ok := parseFrames(r.typed, r.fps); ok {
			r.give(n)
		} else if r.typed != "" {
			r.desk.tell("A length is seconds:frames, or frames from " + strconv.Itoa(minRate) + " to " + strconv.Itoa(maxRate) + "; it stays as it was.")
		}
		r.desk.entered()
		r.leave()
	case fyne.KeyEscape:
		r.leave()
	case fyne.KeyUp, fyne.KeyDown, fyne.KeyLeft, fyne.KeyRight, fyne.KeyBackspace, fyne.KeySemicolon, fyne.KeyPeriod:
	default:
		if !digit {
			r.desk.pass(e)
		}
	}
}

// KeyUp implements desktop.Keyable.
func (r *rateBox) KeyUp(*fyne.KeyEvent) {}
