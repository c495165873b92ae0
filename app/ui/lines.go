package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
)

// lineHeight is one row of a list of lines.
const lineHeight float32 = 16

// textLine is one row: a short name in front, and a text.
type textLine struct {
	front, text string
	ink         color.Color
	bold        bool
}

// lineList shows rows of text. It draws only the rows that are seen, so that ten
// thousand cost as much as ten; the wheel, the arrows, Page up and down, Home and End
// move it. Of a list that grows at its end (follow) the end is kept in view.
type lineList struct {
	box
	desk   *desk
	well   *canvas.Rectangle
	bar    *canvas.Rectangle
	rows   []lineRow
	lines  []textLine
	front  float32 // width of the first column
	follow bool
	top    int // first line shown
	atEnd  bool
	inView int
	picked func(n int)
	// wraps: a text that does not fit goes on in the next line. For short lists.
	wraps  bool
	given  []textLine // as set, with wraps
	gauge  *label
	broken float32 // the width for which lines were broken
}

type lineRow struct{ front, text *label }

var (
	_ fyne.Scrollable   = (*lineList)(nil)
	_ desktop.Mouseable = (*lineList)(nil)
	_ desktop.Keyable   = (*lineList)(nil)
)

func newLineList(d *desk, front float32, follow bool, picked func(int)) *lineList {
	l := &lineList{desk: d, front: front, follow: follow, atEnd: true, picked: picked}
	l.well, l.bar = newSurface(colWell), canvas.NewRectangle(colLine)
	l.add(l.well, l.bar)
	l.min = fyne.NewSize(160, 4*lineHeight)
	l.arrange = l.layout
	l.ExtendBaseWidget(l)
	return l
}

func (l *lineList) layout(s fyne.Size) {
	place(l.well, 0, 0, s.Width, s.Height)
	l.inView = max(int((s.Height-2*2)/lineHeight), 0)
	for len(l.rows) < l.inView {
		r := lineRow{newLabel("", textSmall, colDim), newLabel("", textSmall, colText)}
		l.rows = append(l.rows, r)
		l.add(r.front, r.text)
	}
	for i, r := range l.rows {
		y := 2 + float32(i)*lineHeight
		r.front.place(gap, y, l.front, lineHeight)
		r.text.place(gap+l.front+gap, y, l.textWidth(), lineHeight)
	}
	if l.wraps && l.broken != l.textWidth() {
		l.lines = l.breakLines(l.given)
	}
	l.draw()
}

// set replaces the lines.
func (l *lineList) set(lines []textLine) {
	l.lines = lines
	if l.wraps {
		l.given, l.lines = lines, l.breakLines(lines)
	}
	l.draw()
}

func (l *lineList) textWidth() float32 { return max(l.Size().Width-l.front-3*gap-4, 1) }

// breakLines goes on in a line of its own with what does not fit into one.
func (l *lineList) breakLines(lines []textLine) []textLine {
	if l.gauge == nil {
		l.gauge = newLabel("", textSmall, colText)
	}
	l.broken, l.gauge.width = l.textWidth(), l.textWidth()
	var out []textLine
	for _, v := range lines {
		l.gauge.TextStyle.Bold = v.bold
		for rest := v.text; ; v.front = "" {
			v.text, rest = wrap(l.gauge, rest)
			out = append(out, v)
			if rest == "" {
				break
			}
		}
	}
	return out
}

func (l *lineList) most() int { return max(len(l.lines)-l.inView, 0) }

func (l *lineList) draw() {
	if l.follow && l.atEnd {
		l.top = l.most()
	}
	l.top = min(max(l.top, 0), l.most())
	for i, r := range l.rows {
		var v textLine
		if n := l.top + i; i < l.inView && n < len(l.lines) {
			v = l.lines[n]
		}
		if v.ink == nil {
			v.ink = colText
		}
		if r.text.TextStyle.Bold != v.bold {
			r.text.TextStyle.Bold, r.text.full = v.bold, ""
		}
		r.front.set(v.front, colDim)
		r.text.set(v.text, v.ink)
	}
	s := l.Size()
	h := float32(0)
	if n := len(l.lines); n > l.inView && n > 0 {
		h = max((s.Height-4)*float32(l.inView)/float32(n), 12)
	}
	y := float32(2)
	if m := l.most(); m > 0 {
		y += (s.Height - 4 - h) * float32(l.top) / float32(m)
	}
	place(l.bar, s.Width-5, y, 3, h)
}

// move scrolls by n lines.
func (l *lineList) move(n int) {
	l.top = min(max(l.top+n, 0), l.most())
	l.atEnd = l.top == l.most()
	l.draw()
}

// Scrolled implements fyne.Scrollable.
func (l *lineList) Scrolled(e *fyne.ScrollEvent) {
	switch {
	case e.Scrolled.DY > 0:
		l.move(-3)
	case e.Scrolled.DY < 0:
		l.move(3)
	}
}

// MouseDown implements desktop.Mouseable: a click picks a line.
func (l *lineList) MouseDown(e *desktop.MouseEvent) {
	l.desk.stopTyping()
	if n := l.top + int((e.Position.Y-2)/lineHeight); l.picked != nil && e.Position.Y >= 2 && n < len(l.lines) {
		l.picked(n)
	}
}

// MouseUp implements desktop.Mouseable.
func (l *lineList) MouseUp(*desktop.MouseEvent) {}

// FocusGained implements fyne.Focusable.
func (l *lineList) FocusGained() { fill(l.well, colWell, colFocus, 2) }

// FocusLost implements fyne.Focusable.
func (l *lineList) FocusLost() { fill(l.well, colWell, colNone, 0) }

// TypedRune implements fyne.Focusable.
func (l *lineList) TypedRune(rune) {}

// TypedKey implements fyne.Focusable; the keys repeat while held.
func (l *lineList) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyUp:
		l.move(-1)
	case fyne.KeyDown:
		l.move(1)
	case fyne.KeyPageUp:
		l.move(-l.inView)
	case fyne.KeyPageDown:
		l.move(l.inView)
	case fyne.KeyHome:
		l.move(-len(l.lines))
	case fyne.KeyEnd:
		l.move(len(l.lines))
	}
}

// KeyDown implements desktop.Keyable.
func (l *lineList) KeyDown(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyUp, fyne.KeyDown, fyne.KeyPageUp, fyne.KeyPageDown, fyne.KeyHome, fyne.KeyEnd:
	default:
		l.desk.pass(e)
	}
}

// KeyUp implements desktop.Keyable.
func (l *lineList) KeyUp(*fyne.KeyEvent) {}
