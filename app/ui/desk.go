package ui

import (
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
)

// desk is what panels share: the way to the studio, the clock for double clicks
// and confirmations, the keyboard, and the live pictures. It belongs to Fyne's
// goroutine, but for sender and views, which have locks of their own.
type desk struct {
	studio studio
	sender *sender
	views  *viewSet
	now    func() time.Time
	// keyDown is where a focused control passes the keys that it does not use.
	keyDown func(*fyne.KeyEvent)
	// state is the one shown at present; never nil once the first update came.
	state *engine.State
	// calm: on this update only what is urgent is drawn, to spare a machine that
	// draws in software.
	calm bool
}

func newDesk(s studio, failed func(string)) *desk {
	d := &desk{studio: s, now: time.Now, keyDown: func(*fyne.KeyEvent) {}}
	d.sender = newSender(s.Do, failed)
	d.views = newViewSet(s.openView)
	return d
}

// send queues a command.
func (d *desk) send(cmd engine.Command) { d.sender.send("", cmd) }

// move queues the newest position of a continuous control.
func (d *desk) move(control string, cmd engine.Command) { d.sender.send(control, cmd) }

// nameOf is the operator's name of a scene or source.
func nameOf(s *engine.State, id string) string {
	if id == "" {
		return "Black"
	}
	if s != nil && s.Show != nil {
		if v, ok := s.Show.Scene(id); ok {
			return v.Name
		}
		if v, ok := s.Show.Source(id); ok {
			return v.Name
		}
	}
	return id
}

// onAir is what the outside world sees, in one word: "ON AIR" needs a destination
// whose far end has acknowledged media.
func onAir(s *engine.State) (text string, confirmed bool) {
	if !s.Live {
		return "", false
	}
	for _, d := range s.Destinations {
		if d.Started && isLive(d) {
			return "ON AIR", true
		}
	}
	return "CONNECTING", false
}

// sentence makes an error message stand as one: a capital and a full stop.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.ContainsAny(text[len(text)-1:], ".!?") {
		text += "."
	}
	return text
}
