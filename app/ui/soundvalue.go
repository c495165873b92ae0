package ui

import (
	"encoding/json"
	"strings"

	"fyne.io/fyne/v2"
)

// valueBox shows a number with its unit; pressed, or with Enter or Space while it has
// the focus, the number can be typed. What is typed is checked against its range; Escape
// takes it back. With a step the wheel and the arrow keys change it, while it has the focus.
type valueBox struct {
	button
	spec  *formField
	entry *field // made when it is first needed
	value float64
	step  float64 // 0: none
	text  string
	given func(float64)
	round func(*fyne.ScrollEvent) // the list round it, as a fader's; nil: none
}

// newValueBox makes one for numbers as spec says.
func newValueBox(d *desk, spec *formField, given func(float64)) *valueBox {
	v := &valueBox{spec: spec, given: given}
	v.init(d, "", textSmall, v.edit)
	v.caption.TextStyle.Bold = false
	v.back.FillColor, v.back.CornerRadius = colWell, 2
	v.ground = colWell
	v.min = fyne.NewSize(40, 18)
	arrange := v.arrange
	v.arrange = func(s fyne.Size) {
		arrange(s)
		if v.entry != nil {
			place(v.entry, 0, min(0, (s.Height-formControl)/2), s.Width, max(s.Height, formControl))
		}
	}
	v.hint(spec.title + ": press to type it")
	v.ExtendBaseWidget(v)
	return v
}

// by changes the number by so many steps, within its range.
func (v *valueBox) by(steps float64) {
	value := v.value + steps*v.step
	if v.spec.low != nil {
		value = max(value, *v.spec.low)
	}
	if v.spec.high != nil {
		value = min(value, *v.spec.high)
	}
	if value = roundTo(value, 0.01); v.step > 0 && value != v.value {
		v.value = value // several steps may come before the state does
		v.given(value)
	}
}

// Scrolled implements fyne.Scrollable.
func (v *valueBox) Scrolled(e *fyne.ScrollEvent) {
	switch {
	case v.step == 0 || !v.focused:
		if v.round != nil {
			v.round(e)
		}
	case e.Scrolled.DY > 0:
		v.by(1)
	case e.Scrolled.DY < 0:
		v.by(-1)
	}
}

// TypedKey implements fyne.Focusable.
func (v *valueBox) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyUp:
		v.by(1)
	case fyne.KeyDown:
		v.by(-1)
	default:
		v.button.TypedKey(e)
	}
}

// KeyDown implements desktop.Keyable; arrow keys are TypedKey's, with their repeats.
func (v *valueBox) KeyDown(e *fyne.KeyEvent) {
	if v.step > 0 && (e.Name == fyne.KeyUp || e.Name == fyne.KeyDown) {
		return
	}
	v.button.KeyDown(e)
}

// decibelField is the range of a gain in dB.
func decibelField(title string, low, high float64) *formField {
	return &formField{key: "db", title: title, unit: "dB", kind: numberField, low: &low, high: &high, fallback: json.RawMessage("0")}
}

// show brings the box to a value; text is what it says.
func (v *valueBox) show(value float64, text string) {
	v.value = value
	if text != v.text {
		v.text = text
		v.caption.set(text, colText)
	}
}

// editing reports whether it is being typed in.
func (v *valueBox) editing() bool { return v.entry != nil && v.entry.Visible() }

func (v *valueBox) edit() {
	c := fyne.CurrentApp().Driver().CanvasForObject(v)
	if c == nil || v.editing() {
		return
	}
	if v.entry == nil {
		v.entry = newField(v.desk, 1)
		v.entry.given = v.give
		v.entry.done = v.close
		v.entry.undone = v.close
		v.entry.Hide()
		v.add(v.entry)
	}
	v.entry.setText(numberText(roundTo(v.value, 0.01)))
	v.arrange(v.Size())
	v.entry.Show()
	v.Refresh()
	c.Focus(v.entry)
	v.entry.TypedShortcut(&fyne.ShortcutSelectAll{})
}

func (v *valueBox) give() {
	raw, problem := v.spec.parse(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v.entry.Text), v.spec.unit)))
	if problem != "" {
		v.desk.tell(problem)
		return
	}
	var value float64
	if raw == nil || json.Unmarshal(raw, &value) != nil || value == roundTo(v.value, 0.01) {
		return
	}
	v.given(value)
}

func (v *valueBox) close() {
	v.entry.Hide()
	v.Refresh()
}
