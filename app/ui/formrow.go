package ui

import (
	"encoding/json"
	"strconv"

	"fyne.io/fyne/v2"
)

// formRow is one field: its title with the unit, the control, and what is wrong.
type formRow struct {
	box
	form    *form
	spec    *formField
	title   *label
	problem *paragraph
	// One of these is the control.
	entry  *field
	picker *button // beside entry
	swatch *swatch // beside entry, of a colour
	choice *selector
	lines  int
	given  *label // beside the title, of several lines: how they are given
	about  *hoverTip
	wheel  *wheel // over entry
}

func newFormRow(f *form, spec *formField) *formRow {
	r := &formRow{form: f, spec: spec, lines: 1}
	title := spec.title
	if spec.unit != "" {
		title += ", " + spec.unit
	}
	r.title = newLabel(title, textSmall, colDim)
	r.problem = newParagraph("", textSmall, colBad, 2)
	r.about = newHoverTip(f.desk, spec.description)
	r.add(r.title, r.about, r.problem)
	switch spec.kind {
	case boolField:
		r.choice = newSelector(f.desk, []json.RawMessage{json.RawMessage("true"), json.RawMessage("false")}, r.pick)
		r.choice.rename("Yes", "No")
		r.add(r.choice)
	case choiceField:
		r.choice = newSelector(f.desk, spec.choices, r.pick)
		r.add(r.choice)
	default:
		r.makeEntry()
	}
	if r.choice != nil {
		for _, b := range append(r.choice.buttons, r.choice.list) {
			b.hint(spec.description)
		}
	}
	r.min = fyne.NewSize(formPair, formTitle+formControl)
	r.arrange = r.layout
	r.ExtendBaseWidget(r)
	return r
}

func (r *formRow) makeEntry() {
	d := r.form.desk
	if r.spec.picker == pickText || r.spec.kind == listField {
		r.lines = 3
	}
	if r.lines > 1 {
		r.given = newLabel(givenBy, textSmall, colDim)
		r.given.Alignment = fyne.TextAlignTrailing
		r.add(r.given)
	}
	r.entry = newField(d, r.lines)
	r.entry.SetPlaceHolder(r.placeHolder())
	r.entry.changed = r.typed
	r.entry.given = r.done
	r.entry.undone = r.follow
	if r.spec.isNumeric() {
		r.entry.stepped = r.step
	}
	r.entry.tip = r.spec.description
	r.add(r.entry)
	if r.lines == 1 {
		r.wheel = newWheel(func(e *fyne.ScrollEvent) { r.form.scrolled(e) })
		r.add(r.wheel)
	}
	switch r.spec.picker {
	case "", pickText:
	case pickColor:
		r.swatch = newSwatch(d, r.pickText)
		r.add(r.swatch)
	case pickFile, pickFolder:
		r.picker = newButton(d, "…", textNormal, func() { d.pickPath(r.picker, r.spec, r.entry.Text, r.pickText) })
		r.add(r.picker)
	default:
		if list := r.form.lists[r.spec.picker]; list != nil {
			r.picker = newButton(d, "▾", textNormal, func() {
				if choices := list(); len(choices) > 0 {
					dropDown(r.picker, choiceItems(choices, r.entry.Text, r.pickText))
				} else {
					d.tell("There is nothing to choose for " + r.spec.title + " here.")
				}
			})
			r.add(r.picker)
		} else if d.services.Inventory != nil {
			r.picker = newButton(d, "▾", textNormal, func() { d.pickListed(r.picker, r.spec.picker, r.entry.Text, r.pickText) })
			r.add(r.picker)
		}
	}
}

// placeHolder is what stands in an empty field: what empty means.
func (r *formRow) placeHolder() string {
	switch fallback := r.spec.show(r.spec.fallback); {
	case fallback != "":
		return fallback
	case r.spec.required:
		return "needed"
	}
	return ""
}

// narrow fields may stand beside each other.
func (r *formRow) narrow() bool {
	return r.spec.isNumeric() || r.spec.kind == boolField || r.swatch != nil && r.entry != nil
}

func (r *formRow) controlHeight() float32 {
	if r.lines > 1 {
		return formControl + float32(r.lines-1)*18
	}
	return formControl
}

// heightFor implements stacked.
func (r *formRow) heightFor(width float32) float32 {
	return formTitle + r.controlHeight() + r.problem.heightFor(width)
}

func (r *formRow) layout(s fyne.Size) {
	r.title.place(0, 0, s.Width, formTitle)
	if r.given != nil {
		x := r.title.measure(r.title.full) + gap
		r.given.place(x, 0, max(s.Width-x, 1), formTitle)
	}
	place(r.about, 0, 0, s.Width, formTitle)
	h := r.controlHeight()
	switch {
	case r.choice != nil:
		place(r.choice, 0, formTitle, s.Width, formControl-2)
	case r.swatch != nil:
		place(r.swatch, 0, formTitle, formControl, h)
		place(r.entry, formControl+3, formTitle, s.Width-formControl-3, h)
	case r.picker != nil:
		place(r.entry, 0, formTitle, s.Width-formControl-3, h)
		place(r.picker, s.Width-formControl, formTitle, formControl, h)
	default:
		place(r.entry, 0, formTitle, s.Width, h)
	}
	if r.wheel != nil {
		place(r.wheel, r.entry.Position().X, formTitle, r.entry.Size().Width, h)
	}
	if p := r.problem.heightFor(s.Width); p > 0 {
		place(r.problem, 0, formTitle+h, s.Width, p)
	}
}

// text is what the control says.
func (r *formRow) text() string {
	if r.entry != nil {
		return r.entry.Text
	}
	if r.choice.chosen < 0 {
		return ""
	}
	return string(r.choice.values[r.choice.chosen])
}

// wrong reports whether the field says what is wrong with it.
func (r *formRow) wrong() bool { return r.problem.text != "" }

// follow shows the form's value, unless the field is being typed in.
func (r *formRow) follow() {
	value := r.form.values[r.spec.key]
	if r.choice != nil {
		if value == nil {
			value = r.spec.fallback
		}
		r.choice.choose(value)
		return
	}
	if r.entry.typing && !r.entry.leaving {
		return
	}
	r.entry.setText(r.spec.show(value))
	r.colour()
	r.complain("")
}

// typed checks at every key.
func (r *formRow) typed(text string) {
	_, problem := r.spec.parse(text)
	r.complain(problem)
	r.colour()
}

func (r *formRow) colour() {
	if r.swatch != nil {
		text := r.entry.Text
		if text == "" {
			text = r.spec.show(r.spec.fallback)
		}
		r.swatch.set(text)
	}
}

// complain shows what is wrong, or takes it away.
func (r *formRow) complain(problem string) {
	if r.problem.text == problem {
		return
	}
	r.problem.set(problem, colBad)
	r.form.resized()
}

// done gives what was typed, if it is good.
func (r *formRow) done() {
	value, problem := r.spec.parse(r.entry.Text)
	r.complain(problem)
	if problem != "" {
		return
	}
	if value == nil && r.form.values[r.spec.key] == nil {
		return
	}
	// An empty text where nothing was set stays unset.
	if r.entry.Text == "" && r.form.values[r.spec.key] == nil {
		return
	}
	r.form.give(r.spec.key, value)
}

// pick takes a choice.
func (r *formRow) pick(value json.RawMessage) {
	r.form.give(r.spec.key, value)
}

// pickText takes what a picker found.
func (r *formRow) pickText(text string) {
	r.entry.setText(text)
	r.typed(text)
	r.done()
}

// step moves a number by arrow keys: tenths where it is small and need not be whole.
func (r *formRow) step(by float64) {
	text := r.entry.Text
	if text == "" {
		text = r.spec.show(r.spec.fallback)
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return
	}
	unit := 1.0
	if s := r.spec; s.step > 0 {
		unit = s.step
	} else if s.kind == numberField && s.low != nil && s.high != nil && *s.high-*s.low <= 2 {
		unit = 0.05
	}
	next := numberText(roundTo(v+by*unit, unit/10))
	if _, problem := r.spec.parse(next); problem == "" {
		r.entry.setText(next)
		r.typed(next)
		r.done()
	}
}
