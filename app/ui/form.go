package ui

import (
	"bytes"
	"encoding/json"
	"maps"
	"time"

	"fyne.io/fyne/v2"
)

const (
	formTitle   float32 = 17 // height of a field's title
	formControl float32 = 28 // height of a field's control
	formPair    float32 = 84 // the narrowest a number may be beside another
)

// formReturns is how long a form keeps what was given before it believes that the
// studio refused it.
const formReturns = time.Second

// form draws a settings object from its JSON Schema. What is typed is checked at each
// key and given whole when a field is left, if nothing in it is wrong; keys of the
// object that the schema does not name are kept.
type form struct {
	box
	desk *desk
	rows []*formRow
	// values is the object as the form shows it, last the one it was told.
	values map[string]json.RawMessage
	last   json.RawMessage
	given  time.Time // when a field was given that has not come back yet; else zero
	// another: the next object it is told is another thing's.
	another bool
	// lists are what there is to choose from where that depends on the rest of what is
	// edited, by x-picker; other pickers ask the inventory.
	lists map[string]func() []Choice
	// check, not nil, looks at the whole object; its error is shown below the fields.
	check func(json.RawMessage) error
	// changed takes the object whenever a field that is good was given.
	changed func(json.RawMessage)
	// resized is called when the form's height changes.
	resized func()
	// scrolled takes the mouse wheel over a field.
	scrolled func(*fyne.ScrollEvent)

	more     *button
	advanced bool
	whole    *paragraph
}

// newForm makes a form; set fills it.
func newForm(d *desk, schema json.RawMessage, changed func(json.RawMessage)) (*form, error) {
	return newFormWith(d, schema, nil, changed)
}

// newFormWith is newForm with lists of its own.
func newFormWith(d *desk, schema json.RawMessage, lists map[string]func() []Choice, changed func(json.RawMessage)) (*form, error) {
	fields, err := readFields(schema)
	if err != nil {
		return nil, err
	}
	f := &form{desk: d, lists: lists, values: map[string]json.RawMessage{}, changed: changed, resized: func() {}, scrolled: func(*fyne.ScrollEvent) {}}
	more := false
	for i := range fields {
		r := newFormRow(f, &fields[i])
		f.rows = append(f.rows, r)
		f.add(r)
		more = more || fields[i].advanced
	}
	f.more = newButton(d, "More settings", textSmall, f.toggleAdvanced).hint("What is rarely needed")
	f.whole = newParagraph("", textSmall, colBad, 3)
	f.add(f.more, f.whole)
	show(f.more, more)
	for _, r := range f.rows {
		r.follow() // what an object without a single value means
	}
	f.min = fyne.NewSize(120, 20)
	f.arrange = func(s fyne.Size) { f.lay(s.Width) }
	f.ExtendBaseWidget(f)
	return f, nil
}

// heightFor implements stacked.
func (f *form) heightFor(width float32) float32 { return f.lay(width) }

// lay places the rows, numbers in pairs, and returns the height.
func (f *form) lay(width float32) float32 {
	y := float32(0)
	half := (width - gap) / 2
	for i := 0; i < len(f.rows); i++ {
		r := f.rows[i]
		visible := f.advanced || !r.spec.advanced
		show(r, visible)
		if !visible {
			continue
		}
		if next := f.partner(i, half); next != nil {
			h := max(r.heightFor(half), next.heightFor(half))
			show(next, true)
			place(r, 0, y, half, h)
			place(next, half+gap, y, half, h)
			y += h + gap
			i++
			continue
		}
		h := r.heightFor(width)
		place(r, 0, y, width, h)
		y += h + gap
	}
	if f.more.Visible() {
		place(f.more, 0, y, f.more.min.Width, rowHeight)
		y += rowHeight + gap
	}
	if h := f.whole.heightFor(width); h > 0 {
		place(f.whole, 0, y, width, h)
		y += h + gap
	}
	return max(y-gap, 0)
}

// partner is the row that may stand beside row i.
func (f *form) partner(i int, half float32) *formRow {
	if i+1 >= len(f.rows) || half < formPair {
		return nil
	}
	a, b := f.rows[i], f.rows[i+1]
	if !a.narrow() || !b.narrow() || a.spec.advanced != b.spec.advanced {
		return nil
	}
	return b
}

func (f *form) toggleAdvanced() {
	f.advanced = !f.advanced
	text := "More settings"
	if f.advanced {
		text = "Fewer settings"
	}
	f.more.caption.setText(text)
	f.resized()
}

// set brings the form to a settings object; a field that is being typed in keeps what
// is typed.
func (f *form) set(settings json.RawMessage) {
	switch {
	case f.another:
	case bytes.Equal(settings, f.last) && f.given.IsZero():
		return
	case f.same(settings):
		f.last, f.given = settings, time.Time{}
		return
	case f.desk.now().Sub(f.given) < formReturns:
		return // what was given is on its way
	}
	f.another, f.given = false, time.Time{}
	f.last = settings
	values := map[string]json.RawMessage{}
	if len(settings) > 0 && json.Unmarshal(settings, &values) != nil {
		values = map[string]json.RawMessage{}
	}
	f.values = values
	for _, r := range f.rows {
		r.follow()
	}
	f.examine()
	f.resized()
}

// forget has the next object shown whatever was given or typed: it is another thing's.
func (f *form) forget() { f.another = true }

// refill shows an object whatever was given or typed before.
func (f *form) refill(values map[string]json.RawMessage) {
	raw, err := json.Marshal(values)
	if err != nil { // what was JSON before
		panic(err)
	}
	f.forget()
	f.set(raw)
}

// same reports whether the form shows this object.
func (f *form) same(settings json.RawMessage) bool {
	have := map[string]json.RawMessage{}
	if len(settings) > 0 && json.Unmarshal(settings, &have) != nil {
		return true // nothing that could be shown
	}
	return maps.EqualFunc(have, f.values, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) })
}

// settings is the object as shown, without the fields that are wrong.
func (f *form) settings() json.RawMessage {
	raw, err := json.Marshal(f.values)
	if err != nil {
		return f.last // values that came out of JSON go into it again
	}
	return raw
}

// focusFirst gives the keyboard to the first field that is typed, its text chosen, so that
// what is typed next takes its place; it reports whether there is one. c is where the form
// is: Fyne knows it of a form only once that has been drawn, and who adds a source types at
// once.
func (f *form) focusFirst(c fyne.Canvas) bool {
	for _, r := range f.rows {
		if r.entry == nil || !r.Visible() {
			continue
		}
		c.Focus(r.entry)
		if r.entry.Text != "" {
			r.entry.TypedShortcut(&fyne.ShortcutSelectAll{})
		}
		return true
	}
	return false
}

// valid reports whether nothing is wrong, and shows what is missing.
func (f *form) valid() bool {
	ok := true
	for _, r := range f.rows {
		if _, problem := r.spec.parse(r.text()); problem != "" {
			r.complain(problem)
			ok = false
		}
	}
	return f.examine() && ok
}

// examine puts the whole object to check.
func (f *form) examine() bool {
	text := ""
	if f.check != nil {
		for _, r := range f.rows {
			if r.wrong() {
				f.whole.set("", colBad)
				return false // that is said already
			}
		}
		if err := f.check(f.settings()); err != nil {
			text = said(err)
		}
	}
	f.whole.set(text, colBad)
	return text == ""
}

// give takes the value of one field; nil is its default.
func (f *form) give(key string, value json.RawMessage) {
	if bytes.Equal(f.values[key], value) {
		return
	}
	next := maps.Clone(f.values)
	if value == nil {
		delete(next, key)
	} else {
		next[key] = value
	}
	f.values = next
	f.given = time.Time{} // what is wrong stays to be seen and put right; nothing is on its way
	ok := f.examine()
	if ok {
		f.given = f.desk.now()
	}
	f.resized()
	if ok {
		f.changed(f.settings())
	}
}
