package ui

import (
	"encoding/json"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/scenes"
)

// textKey is the setting of a title that is edited in the preview.
const textKey = "text"

// editText lets the text of the chosen layer be typed in its place; false when the
// layer shows no title.
func (h *handles) editText() bool {
	l, _, ok := h.chosen()
	c := fyne.CurrentApp().Driver().CanvasForObject(h)
	if !ok || c == nil {
		return false
	}
	v, found := h.state.Show.Source(l.Source)
	if !found || v.Kind != "text" {
		return false
	}
	settings := map[string]json.RawMessage{}
	if json.Unmarshal(v.Settings, &settings) != nil {
		return false
	}
	h.textID = v.ID
	value := settings[textKey]
	if value == nil {
		value = h.defaultText(v.Kind)
	}
	h.text.setText(plainText(value))
	h.draw()
	c.Focus(h.text)
	h.text.TypedShortcut(&fyne.ShortcutSelectAll{})
	return true
}

// defaultText is what a title says whose settings do not.
func (h *handles) defaultText(kind string) json.RawMessage {
	fields, err := readFields(h.desk.services.SourceKinds[kind].Schema)
	if err != nil {
		return nil // the form of that kind says so
	}
	for i := range fields {
		if fields[i].key == textKey {
			return fields[i].fallback
		}
	}
	return nil
}

// giveText gives what is typed.
func (h *handles) giveText() {
	v, ok := h.desk.draft().Source(h.textID)
	if !ok {
		return
	}
	settings := map[string]json.RawMessage{}
	text, err := json.Marshal(h.text.Text)
	if err != nil || json.Unmarshal(v.Settings, &settings) != nil || plainText(settings[textKey]) == h.text.Text {
		return
	}
	settings[textKey] = text
	if raw, err := json.Marshal(settings); err == nil {
		h.desk.changeSource(v.ID, func(v *scenes.Source) { v.Settings = raw })
	}
}

func (h *handles) closeText() {
	h.textID = ""
	h.draw()
}
