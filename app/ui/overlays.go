package ui

import (
	"slices"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// overlayRow switches the downstream keys: a lit one is over the programme.
type overlayRow struct {
	box
	desk    *desk
	title   *label
	buttons []*button
	items   []bankItem
	on      []bool // as drawn
}

func newOverlayRow(d *desk) *overlayRow {
	r := &overlayRow{desk: d, title: newBold("OVERLAYS", textSmall, colDim)}
	r.add(r.title)
	r.arrange = r.layout
	r.min = fyne.NewSize(80, headerHeight-2)
	r.ExtendBaseWidget(r)
	return r
}

func (r *overlayRow) layout(s fyne.Size) {
	w := r.title.MinSize().Width
	r.title.place(0, 0, w, s.Height)
	x := w + 2*gap
	for _, b := range r.buttons {
		bw := min(b.caption.measure(b.caption.full)+2*inset, 180)
		show(b, x+bw <= s.Width)
		place(b, x, 0, bw, s.Height)
		x += bw + 3
	}
}

// toggle switches overlay n, counted from 0, if there is one.
func (r *overlayRow) toggle(n int) {
	if n >= 0 && n < len(r.items) {
		r.desk.send(&engine.SetOverlay{ID: r.items[n].id})
	}
}

func (r *overlayRow) update(s *engine.State) {
	if !slices.EqualFunc(r.items, s.Show.Overlays, sameOverlay) {
		r.items, r.buttons, r.objects = nil, nil, r.objects[:1]
		r.on = make([]bool, len(s.Show.Overlays))
		for i, o := range s.Show.Overlays {
			b := newButton(r.desk, "", textSmall, func() { r.toggle(i) }).hint("Puts " + o.Name + " over the programme, or takes it off" + keyHint("Alt+", i))
			r.items = append(r.items, bankItem{o.ID, o.Name})
			r.buttons = append(r.buttons, b)
			r.add(b)
		}
		show(r.title, len(r.items) > 0)
		for i, o := range s.Show.Overlays {
			r.buttons[i].caption.setText(overlayText(o.Name, false))
		}
		r.layout(r.Size())
		r.Refresh()
	}
	for i, o := range s.Show.Overlays {
		if o.On == r.on[i] {
			continue
		}
		r.on[i] = o.On
		if o.On {
			r.buttons[i].look(overlayText(o.Name, true), colProgram, colWhite)
		} else {
			r.buttons[i].look(overlayText(o.Name, false), colControl, colText)
		}
	}
}

// tie makes an overlay part of the next transition, or no longer. Preview shows those that
// come with it.
func (d *desk) tie(id string) {
	if d.state == nil {
		return
	}
	keys := slices.Clone(d.state.Next.Overlays)
	if i := slices.Index(keys, id); i >= 0 {
		keys = slices.Delete(keys, i, i+1)
	} else {
		keys = append(keys, id)
	}
	d.send(&engine.SetNext{Overlays: &keys})
}

// overlayText names an overlay and says its state.
func overlayText(name string, on bool) string {
	if on {
		return name + "  ON"
	}
	return name + "  OFF"
}

func sameOverlay(have bankItem, o scenes.Overlay) bool { return have.id == o.ID && have.name == o.Name }
