package ui

import "fyne.io/fyne/v2"

// nameRow is the name of what is edited; a bus's can be typed.
type nameRow struct {
	box
	title *label
	entry *field
	named string
}

func newNameRow(d *desk, given func(string)) *nameRow {
	r := &nameRow{title: newBold("", textLarge, colText), entry: newField(d, 1)}
	r.entry.given = func() {
		if r.entry.Text != r.named {
			given(r.entry.Text)
		}
	}
	r.entry.undone = func() { r.entry.setText(r.named) }
	r.add(r.title, r.entry)
	r.min = fyne.NewSize(100, formControl)
	r.arrange = func(s fyne.Size) {
		r.title.place(0, 0, s.Width, s.Height)
		place(r.entry, 0, 0, s.Width, s.Height)
	}
	r.ExtendBaseWidget(r)
	return r
}

func (r *nameRow) set(name string, editable bool) {
	r.named = name
	r.title.setText(name)
	show(r.title.Text, !editable)
	show(r.entry, editable)
	if !r.entry.typing {
		r.entry.setText(name)
	}
}

// heightFor implements stacked.
func (r *nameRow) heightFor(float32) float32 { return formControl }
