package ui

import (
	"fmt"
	"strings"

	"crosspoint.studio/crosspoint/app/engine"
)

// journey is Undo or Redo.
type journey struct {
	name string
	cmd  engine.Command
	// next is the edit that it is about, and what that makes heard that is silent now.
	next func(*engine.State) (label string, heard []string)
}

// travel takes an edit back or makes it again. It asks first where a source or a mix would be
// heard by it: nobody expects that of Ctrl+Z.
func (w *window) travel(j journey) {
	d := w.desk
	d.whenSettled(func() {
		s := d.state
		if newest := d.studio.State(); newest != nil && newest.Tick > s.Tick {
			s = newest // it has what was sent right before, and is not drawn yet
		}
		label, heard := j.next(s)
		if len(heard) == 0 {
			d.send(j.cmd)
			return
		}
		w.place.bar.ask(fmt.Sprintf("%s “%s”? %s will be heard.", j.name, label, strings.Join(heard, ", ")),
			answer{caption: j.name, tip: "Do it: it is heard at once", risky: true, do: func() {
				if now, _ := j.next(d.state); now != label { // somebody else has edited since
					w.travel(j)
					return
				}
				d.send(j.cmd)
			}},
			answer{caption: "Stay", tip: "Leave the sound as it is (Esc)"})
	})
}
