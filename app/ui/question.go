package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// answer is one button of a question.
type answer struct {
	caption string
	tip     string
	// risky answers are drawn in amber.
	risky bool
	do    func()
}

const barHeight float32 = 40

// questionBar asks the operator something in a strip at the top of the window;
// everything else goes on working meanwhile.
type questionBar struct {
	box
	desk    *desk
	surface *canvas.Rectangle
	icon    *icon
	text    *label
	buttons []*button
	// changed is called when the bar appears or goes, asked when a question is put.
	changed func()
	asked   func()
	shown   bool
}

func newQuestionBar(d *desk) *questionBar {
	q := &questionBar{desk: d, surface: canvas.NewRectangle(colAmber), icon: newIcon("warning", colInk), changed: func() {}, asked: func() {}}
	q.text = newBold("", textNormal, colInk)
	q.add(q.surface, q.icon, q.text)
	q.min = fyne.NewSize(200, barHeight)
	q.arrange = q.layout
	q.ExtendBaseWidget(q)
	q.Hide()
	return q
}

func (q *questionBar) layout(s fyne.Size) {
	place(q.surface, 0, 0, s.Width, s.Height)
	x := s.Width - inset
	row := (barHeight - rowHeight) / 2
	top := row
	if s.Height > barHeight { // buttons under the text
		top += barHeight - row
	}
	for i := len(q.buttons) - 1; i >= 0; i-- {
		b := q.buttons[i]
		w := b.MinSize().Width
		x -= w
		place(b, x, top, w, rowHeight)
		x -= gap
	}
	place(q.icon, inset, (barHeight-20)/2, 20, 20)
	room := x
	if s.Height > barHeight {
		room = s.Width - inset
	}
	q.text.place(inset+28, 0, room-inset-28, barHeight)
}

// heightFor is the bar's height in a window of a width: two rows where one is too narrow.
func (q *questionBar) heightFor(width float32) float32 {
	need := q.text.measure(q.text.full) + 4*inset + 28
	for _, b := range q.buttons {
		need += b.MinSize().Width + gap
	}
	if need > width {
		return 2 * barHeight
	}
	return barHeight
}

// asking reports whether a question stands.
func (q *questionBar) asking() bool { return q.shown }

// ask shows a question in place of any other. Every answer closes the bar.
func (q *questionBar) ask(text string, answers ...answer) {
	q.text.setText(text)
	q.objects = q.objects[:3]
	q.buttons = nil
	for _, a := range answers {
		b := newButton(q.desk, a.caption, textNormal, func() {
			q.dismiss()
			if a.do != nil {
				a.do()
			}
		}).hint(a.tip)
		if a.risky {
			b.look(a.caption, colInk, colWhite)
		}
		q.buttons = append(q.buttons, b)
		q.add(b)
	}
	q.shown = true
	q.layout(q.Size())
	q.Refresh()
	q.changed()
	q.asked()
}

// dismiss takes the question away.
func (q *questionBar) dismiss() {
	if !q.shown {
		return
	}
	q.shown = false
	q.changed()
}
