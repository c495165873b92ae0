package ui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
)

const (
	// scrubPace is how often a hand on the bar seeks: a seek begins at the keyframe before,
	// and one that is overtaken by the next shows nothing.
	scrubPace = 150 * time.Millisecond
	// scrubSettle is how long the bar keeps what the hand gave it before it follows the
	// clip again.
	scrubSettle = 600 * time.Millisecond

	scrubStep  = time.Second // of the arrow keys
	scrubLeap  = 10 * time.Second
	scrubThick = float32(8)
)

// scrubBar is where a clip is, from its in point at the left to its end at the right. A
// press goes there, a drag pulls along; the wheel leaves it, as a programme may be playing.
type scrubBar struct {
	box
	desk *desk
	// seek is told a position that the hand asks for.
	seek func(time.Duration)

	at, length time.Duration
	grabbed    bool
	sent       time.Duration // asked for last
	sentAt     time.Time
	heldUntil  time.Time
	focused    bool
	tip        string
	slot, been *canvas.Rectangle
	knob       *canvas.Rectangle
	drawn      float32 // of the width, in pixels
}

var (
	_ fyne.Draggable    = (*scrubBar)(nil)
	_ desktop.Mouseable = (*scrubBar)(nil)
	_ desktop.Keyable   = (*scrubBar)(nil)
	_ desktop.Hoverable = (*scrubBar)(nil)
)

func newScrubBar(d *desk, seek func(time.Duration)) *scrubBar {
	b := &scrubBar{desk: d, seek: seek, tip: "Where the clip is; press or drag to go there (arrows: 1 s, Page: 10 s, Home, End)"}
	b.slot, b.been, b.knob = newSurface(colWell), newSurface(colDim), newSurface(colText)
	b.add(b.slot, b.been, b.knob)
	b.min = fyne.NewSize(40, rowHeight)
	b.arrange = func(s fyne.Size) {
		place(b.slot, 0, (s.Height-scrubThick)/2, s.Width, scrubThick)
		b.draw(true)
	}
	b.ExtendBaseWidget(b)
	return b
}

// follow brings the bar to where the clip is, unless a hand is on it.
func (b *scrubBar) follow(at, length time.Duration) {
	b.length = length
	if !b.grabbed && !b.desk.now().Before(b.heldUntil) {
		b.at = at
	}
	b.draw(false)
}

// release lets the bar follow at once: it is now another clip's.
func (b *scrubBar) release() { b.grabbed, b.heldUntil = false, time.Time{} }

// draw moves the knob, if it moves by at least a pixel.
func (b *scrubBar) draw(always bool) {
	s := b.Size()
	show(b.knob, b.length > 0)
	show(b.been, b.length > 0)
	if b.length <= 0 {
		return
	}
	const knob = 6
	x := float32(float64(b.at)/float64(b.length)) * (s.Width - knob)
	if d := x - b.drawn; !always && d < 0.5 && d > -0.5 {
		return
	}
	b.drawn = x
	place(b.been, 0, (s.Height-scrubThick)/2, x+knob/2, scrubThick)
	place(b.knob, x, 4, knob, s.Height-8)
}

// ask goes to a position by hand; while the hand is on the bar, not at every move.
func (b *scrubBar) ask(at time.Duration) {
	if b.length <= 0 {
		return
	}
	b.at = min(max(at, 0), b.length)
	now := b.desk.now()
	b.heldUntil = now.Add(scrubSettle)
	b.draw(false)
	if !b.grabbed || now.Sub(b.sentAt) >= scrubPace {
		b.send()
	}
}

func (b *scrubBar) send() {
	b.sent, b.sentAt = b.at, b.desk.now()
	b.seek(b.at)
}

// under is the position under a point.
func (b *scrubBar) under(p fyne.Position) time.Duration {
	const half = 3
	share := float64(p.X-half) / float64(max(b.Size().Width-2*half, 1))
	return time.Duration(min(max(share, 0), 1) * float64(b.length))
}

// MouseDown implements desktop.Mouseable.
func (b *scrubBar) MouseDown(e *desktop.MouseEvent) {
	if e.Button != desktop.MouseButtonPrimary {
		return
	}
	b.desk.tips.leave(b.outer)
	if !b.focused {
		b.desk.stopTyping()
	}
	b.ask(b.under(e.Position))
	b.grabbed = b.length > 0
}

// MouseUp implements desktop.Mouseable.
func (b *scrubBar) MouseUp(*desktop.MouseEvent) { b.letGo() }

// Dragged implements fyne.Draggable.
func (b *scrubBar) Dragged(e *fyne.DragEvent) {
	b.grabbed = b.length > 0
	b.ask(b.under(e.Position))
}

// DragEnd implements fyne.Draggable.
func (b *scrubBar) DragEnd() { b.letGo() }

func (b *scrubBar) letGo() {
	if !b.grabbed {
		return
	}
	b.grabbed = false
	b.heldUntil = b.desk.now().Add(scrubSettle)
	if b.sent != b.at {
		b.send()
	}
}

func (b *scrubBar) paint() {
	if b.focused {
		fill(b.slot, colWell, colFocus, 2)
	} else {
		fill(b.slot, colWell, colNone, 0)
	}
}

// MouseIn implements desktop.Hoverable.
func (b *scrubBar) MouseIn(*desktop.MouseEvent) { b.desk.tips.over(b.outer, b.tip) }

// MouseMoved implements desktop.Hoverable.
func (b *scrubBar) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (b *scrubBar) MouseOut() { b.desk.tips.leave(b.outer) }

// FocusGained implements fyne.Focusable.
func (b *scrubBar) FocusGained() {
	b.focused = true
	b.paint()
	b.desk.tips.over(b.outer, b.tip)
}

// FocusLost implements fyne.Focusable.
func (b *scrubBar) FocusLost() {
	b.focused = false
	b.paint()
	b.desk.tips.leave(b.outer)
}

// TypedRune implements fyne.Focusable.
func (b *scrubBar) TypedRune(rune) {}

// TypedKey implements fyne.Focusable; arrow keys repeat while held.
func (b *scrubBar) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyRight, fyne.KeyUp:
		b.ask(b.at + scrubStep)
	case fyne.KeyLeft, fyne.KeyDown:
		b.ask(b.at - scrubStep)
	case fyne.KeyPageUp:
		b.ask(b.at + scrubLeap)
	case fyne.KeyPageDown:
		b.ask(b.at - scrubLeap)
	case fyne.KeyHome:
		b.ask(0)
	case fyne.KeyEnd:
		b.ask(b.length)
	}
}

// KeyDown implements desktop.Keyable.
func (b *scrubBar) KeyDown(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyRight, fyne.KeyUp, fyne.KeyLeft, fyne.KeyDown, fyne.KeyPageUp, fyne.KeyPageDown, fyne.KeyHome, fyne.KeyEnd:
	default:
		b.desk.pass(e)
	}
}

// KeyUp implements desktop.Keyable.
func (b *scrubBar) KeyUp(*fyne.KeyEvent) {}
