package ui

import (
	"image/color"
	"time"

	"fyne.io/fyne/v2"
)

// The questions before something that runs is stopped: in buttons and, for commands, in the bar.
const (
	askLive      = "Really stop?" // all destinations
	askRecording = "Stop rec?"    // all recordings
	askStop      = "Stop?"        // one, or some
	askRemove    = "Stop and remove?"
	askReplay    = "Stop, and forget what is kept?" // the replay buffer
)

// askButton is a button whose deed can be asked about in its own place: it turns into
// "Stop?  yes  no" for confirmFor. A second press of the key that asked means yes; of
// a double click the second half means nothing.
type askButton struct {
	box
	desk          *desk
	main, yes, no *button
	question      *label
	ask           confirm
	askedAt       time.Time
	// asks is the question to put, empty when the deed needs none.
	asks func() string
	deed func()
	// turned is called when the question has come or gone.
	turned func()
}

func newAskButton(d *desk, caption string, size float32, asks func() string, deed func()) *askButton {
	a := &askButton{desk: d, ask: confirm{desk: d}, asks: asks, deed: deed, turned: func() {}}
	a.main = newButton(d, caption, size, a.press)
	a.yes = newButton(d, "Yes", textSmall, a.confirmed).hint("Do it now")
	a.no = newButton(d, "No", textSmall, a.takeBack).hint("Leave it as it is")
	a.yes.look("Yes", colAmber, colInk)
	a.question = newBold("", textSmall, colWarn)
	a.question.Alignment = fyne.TextAlignCenter
	a.add(a.main, a.question, a.yes, a.no)
	a.min = a.main.min
	a.arrange = func(s fyne.Size) {
		place(a.main, 0, 0, s.Width, s.Height)
		answer := min(max(s.Width*0.28, 30), 70)
		left := s.Width - 2*answer - 4
		a.question.place(0, 0, left, s.Height)
		place(a.yes, left+2, 0, answer, s.Height)
		place(a.no, left+answer+4, 0, answer, s.Height)
	}
	a.ExtendBaseWidget(a)
	a.swap(false)
	return a
}

// press does the deed, or asks first.
func (a *askButton) press() {
	question := a.asks()
	if question == "" {
		a.deed()
		return
	}
	if a.ask.press() {
		a.swap(false)
		a.deed()
		return
	}
	a.askedAt = a.desk.now()
	a.question.setText(question)
	a.swap(true)
}

func (a *askButton) confirmed() {
	if a.ask.asked() && a.desk.now().Sub(a.askedAt) >= doubleClick {
		a.ask.reset()
		a.swap(false)
		a.deed()
	}
}

func (a *askButton) takeBack() {
	a.ask.reset()
	a.swap(false)
}

func (a *askButton) swap(asking bool) {
	show(a.main, !asking)
	show(a.question, asking)
	show(a.yes, asking)
	show(a.no, asking)
	a.turned()
}

// asking reports that the question is seen.
func (a *askButton) asking() bool { return a.yes.Visible() }

// look is the button's when it does not ask; a question that nobody answered, or that
// has lost its reason, goes away here.
func (a *askButton) look(caption string, ground, ink color.Color) {
	a.main.look(caption, ground, ink)
	if a.asking() && (!a.ask.asked() || a.asks() == "") {
		a.takeBack()
	}
}
