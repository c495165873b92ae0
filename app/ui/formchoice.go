package ui

import (
	"encoding/json"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
)

// selector is one value of a few: buttons side by side where they fit, else one
// button that opens a list.
type selector struct {
	box
	desk    *desk
	values  []json.RawMessage
	names   []string
	buttons []*button
	list    *button
	chosen  int
	wide    float32 // what the buttons need
	picked  func(json.RawMessage)
}

func newSelector(d *desk, values []json.RawMessage, picked func(json.RawMessage)) *selector {
	s := &selector{desk: d, values: values, picked: picked, chosen: -1}
	for i, v := range values {
		name := plainText(v)
		if name == "" {
			name = "automatic"
		}
		s.names = append(s.names, name)
		b := newButton(d, name, textSmall, func() { s.pick(i) })
		s.buttons = append(s.buttons, b)
		s.wide += b.min.Width + 2
		s.add(b)
	}
	s.list = newButton(d, "", textNormal, s.open)
	s.list.caption.Alignment = fyne.TextAlignLeading
	s.add(s.list)
	s.min = fyne.NewSize(60, rowHeight)
	s.arrange = s.layout
	s.ExtendBaseWidget(s)
	return s
}

// rename gives the values other names.
func (s *selector) rename(names ...string) {
	s.names, s.wide = names, 0
	for i, b := range s.buttons {
		b.caption.setText(names[i])
		b.min.Width = b.caption.measure(names[i]) + 2*inset
		s.wide += b.min.Width + 2
	}
}

func (s *selector) layout(size fyne.Size) {
	beside := s.wide <= size.Width
	show(s.list, !beside)
	place(s.list, 0, 0, size.Width, size.Height)
	s.list.caption.place(inset, 0, size.Width-2*inset, size.Height)
	extra := max((size.Width-s.wide)/float32(max(len(s.buttons), 1)), 0)
	x := float32(0)
	for _, b := range s.buttons {
		show(b, beside)
		w := b.min.Width + min(extra, 40)
		place(b, x, 0, w, size.Height)
		x += w + 2
	}
}

// choose shows a value without telling anybody.
func (s *selector) choose(raw json.RawMessage) {
	s.mark(slices.IndexFunc(s.values, func(v json.RawMessage) bool { return plainText(v) == plainText(raw) }))
}

func (s *selector) mark(n int) {
	s.chosen = n
	for i, b := range s.buttons {
		b.lit(i == n, colLit, colOnLit)
	}
	text := "choose"
	if n >= 0 {
		text = s.names[n]
	}
	s.list.caption.setText(text + "  ▾")
}

func (s *selector) pick(n int) {
	s.mark(n)
	s.picked(s.values[n])
}

func (s *selector) open() {
	items := make([]*fyne.MenuItem, len(s.names))
	for i, name := range s.names {
		items[i] = fyne.NewMenuItem(name, func() { s.pick(i) })
		items[i].Checked = i == s.chosen
	}
	dropDown(s.list, items)
}

// dropDown opens a list under a control; a press elsewhere or Escape closes it.
func dropDown(under fyne.CanvasObject, items []*fyne.MenuItem) {
	c := fyne.CurrentApp().Driver().CanvasForObject(under)
	if c == nil || len(items) == 0 {
		return
	}
	m := widget.NewPopUpMenu(fyne.NewMenu("", items...), c)
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(under).AddXY(0, under.Size().Height)
	if over := at.Y + m.MinSize().Height - c.Size().Height; over > 0 {
		at.Y = max(at.Y-over, 0)
	}
	m.ShowAtPosition(at)
	m.Resize(fyne.NewSize(max(under.Size().Width, m.MinSize().Width), m.MinSize().Height))
}
