package ui

import (
	"fmt"
	"slices"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// The width of an overlay's button: at most, and where the row is too narrow for one.
const (
	overlayMost  float32 = 180
	overlayLeast float32 = 40
)

// overlayRow switches the downstream keys: a lit one is over the programme. Where there is no
// room for all, a button at the end counts the others, is lit while one of them is on, and
// leads to them.
type overlayRow struct {
	box
	desk    *desk
	title   *label
	buttons []*button
	more    *button
	items   []bankItem
	on      []bool // as drawn
	// first and end are the buttons that are seen: first is one of them, end the one behind.
	first, end int
}

func newOverlayRow(d *desk) *overlayRow {
	r := &overlayRow{desk: d, title: newBold("OVERLAYS", textSmall, colDim)}
	r.more = newButton(d, "", textSmall, r.turn).hint("Shows the overlays that have no room here; it is red while one of them is on (Alt+1 … 0 switch the first ten)")
	r.add(r.title, r.more)
	r.arrange = r.layout
	r.min = fyne.NewSize(80, headerHeight-2)
	r.ExtendBaseWidget(r)
	return r
}

func (r *overlayRow) layout(s fyne.Size) {
	w := r.title.MinSize().Width
	r.title.place(0, 0, w, s.Height)
	x, right := w+2*gap, s.Width
	r.fit(right - x)
	hidden := r.end-r.first < len(r.buttons)
	if hidden {
		right -= r.moreWidth() + 3
	}
	for i, b := range r.buttons {
		seen := i >= r.first && i < r.end
		show(b, seen)
		if seen {
			bw := min(r.widthOf(i), max(right-x, overlayLeast))
			place(b, x, 0, bw, s.Height)
			x += bw + 3
		}
	}
	show(r.more, hidden)
	place(r.more, x, 0, r.moreWidth(), s.Height)
	r.paintMore()
}

// fit chooses the buttons that are seen in a width: all of them, else from first on as many as
// leave room for more, and never none.
func (r *overlayRow) fit(width float32) {
	all := float32(-3)
	for i := range r.buttons {
		all += r.widthOf(i) + 3
	}
	if r.end = len(r.buttons); all <= width || r.end == 0 {
		r.first = 0
		return
	}
	width -= r.moreWidth() + 3
	r.end = r.first + 1
	for x := r.widthOf(r.first); r.end < len(r.buttons); r.end++ {
		if x += 3 + r.widthOf(r.end); x > width {
			break
		}
	}
}

func (r *overlayRow) widthOf(i int) float32 {
	c := r.buttons[i].caption
	return min(c.measure(c.full)+2*inset, overlayMost)
}

func (r *overlayRow) moreWidth() float32 {
	return r.more.caption.measure(overlayText(moreText(len(r.items)), true)) + 2*inset
}

func moreText(n int) string { return fmt.Sprintf("%d more", n) }

// turn shows the overlays behind those that are seen, and after the last the first.
func (r *overlayRow) turn() {
	if r.first = r.end; r.first >= len(r.buttons) {
		r.first = 0
	}
	r.layout(r.Size())
	r.Refresh()
}

// paintMore says how many are not seen, and whether one of them is on.
func (r *overlayRow) paintMore() {
	on := false
	for i := range r.on {
		on = on || r.on[i] && (i < r.first || i >= r.end)
	}
	text := moreText(len(r.buttons) - (r.end - r.first))
	if on {
		r.more.look(overlayText(text, true), colProgram, colWhite)
	} else {
		r.more.look(text, colControl, colText)
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
		r.items, r.buttons, r.objects, r.first = nil, nil, r.objects[:1], 0
		r.on = make([]bool, len(s.Show.Overlays))
		for i, o := range s.Show.Overlays {
			b := newButton(r.desk, "", textSmall, func() { r.toggle(i) }).hint("Puts " + o.Name + " over the programme, or takes it off" + keyHint("Alt+", i))
			r.items = append(r.items, bankItem{o.ID, o.Name})
			r.buttons = append(r.buttons, b)
			r.add(b)
		}
		r.add(r.more)
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
		r.paintMore()
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
