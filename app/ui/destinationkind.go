package ui

import (
	"encoding/json"
	"path/filepath"
	"slices"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/scenes"
)

// fillKind shows what belongs to the kind.
func (f *outputForm) fillKind() {
	for i, b := range f.kinds {
		b.lit(protocols[i] == f.kind, colLit, colOnLit)
	}
	key, caption, hold := addressKey(f.kind), "Address", addressHint(f.kind)
	if f.recording {
		key, caption, hold = "path", "File or folder", "empty: the Videos folder"
		f.container.SetSelected(stringOr(f.settings["container"], "mkv"))
	}
	url := stringOr(f.settings[key], "")
	f.rows[2].caption.setText(caption)
	f.rows[3].caption.setText(secretName(f.kind))
	f.address.SetPlaceHolder(hold)
	f.address.SetText(url)
	if !f.recording {
		f.service.SetOptions(presetNames(f.kind))
		f.service.Selected = presetFor(f.kind, url).name
		f.service.Refresh()
		f.lookForKey()
	}
	f.fillMore()
	f.fillPicks()
	f.layoutBody(f.body.Size())
	f.check()
}

// fillMore draws the settings that have no place of their own from the kind's schema.
func (f *outputForm) fillMore() {
	if f.more != nil {
		f.body.objects = slices.DeleteFunc(f.body.objects, func(o fyne.CanvasObject) bool { return o == fyne.CanvasObject(f.more) })
		f.more = nil
	}
	schema, ok := restOfSchema(f.desk.services.OutputKinds[f.kind].Schema)
	if !ok {
		return
	}
	more, err := newForm(f.desk, schema, func(json.RawMessage) { f.check() })
	if err != nil {
		f.desk.tell("Some settings of this kind cannot be shown: " + err.Error())
		return
	}
	raw, err := json.Marshal(f.settings)
	if err != nil { // what was JSON before
		panic(err)
	}
	more.resized, more.scrolled = func() { f.layoutBody(f.body.Size()) }, f.scroll.Scrolled
	more.set(raw)
	f.more = more
	f.body.add(more)
	f.body.Refresh()
}

// restOfSchema is a settings schema without the fields that the form has itself; ok is
// false when nothing is left.
func restOfSchema(schema json.RawMessage) (json.RawMessage, bool) {
	var doc map[string]json.RawMessage
	var properties map[string]json.RawMessage
	if json.Unmarshal(schema, &doc) != nil || json.Unmarshal(doc["properties"], &properties) != nil {
		return nil, false
	}
	for _, own := range []string{"url", "path", "device", "container"} {
		delete(properties, own)
	}
	if len(properties) == 0 {
		return nil, false
	}
	delete(doc, "required")
	raw, err := json.Marshal(properties)
	if err != nil {
		return nil, false
	}
	doc["properties"] = raw
	raw, err = json.Marshal(doc)
	return raw, err == nil
}

// noneKept stands for a key that is kept nowhere.
const noneKept = "none is kept yet"

// keptText says where a key is kept: of one in a file, that it is not encrypted there.
func keptText(where string) string {
	switch {
	case where == "":
		return noneKept
	case filepath.IsAbs(where):
		return "kept in " + fileName(where) + ", not encrypted"
	}
	return "kept in " + where
}

// lookForKey says whether the key is kept already, and where.
func (f *outputForm) lookForKey() {
	f.secret.SetPlaceHolder(noneKept)
	name, keys := f.credential, f.desk.services.Credentials
	if name == "" || keys == nil {
		return
	}
	f.desk.background(func() {
		where := keys.Where(name)
		f.desk.post(func() {
			if where != "" && f.credential == name {
				f.secret.SetPlaceHolder(keptText(where) + "; type to replace it")
			}
		})
	})
}

func (f *outputForm) setKind(kind string) {
	if kind == f.kind {
		return
	}
	if f.isPresetName(f.name.Text) {
		f.name.SetText("") // of a service that the other protocol may not have
	}
	f.kind, f.settings = kind, map[string]json.RawMessage{}
	f.pickAs(scenes.Destination{})
	f.fillKind()
}

// setService fills in what the service prescribes.
func (f *outputForm) setService(name string) {
	p, ok := presetNamed(f.kind, name)
	if !ok {
		return
	}
	switch {
	case p.url != "":
		f.address.SetText(p.url)
		if f.name.Text == "" || f.isPresetName(f.name.Text) {
			f.name.SetText(p.short)
		}
	default:
		if now := presetFor(f.kind, f.address.Text); now.url != "" && now.name != name {
			f.address.SetText("")
		}
		if p.short != "" && (f.name.Text == "" || f.isPresetName(f.name.Text)) {
			f.name.SetText(p.short)
		}
	}
	f.check()
}

func (f *outputForm) isPresetName(name string) bool {
	for _, p := range presetsOf(f.kind) {
		if p.short == name {
			return true
		}
	}
	return false
}

// checkService says what the chosen service does not take, or what it asks for.
func (f *outputForm) checkService() {
	p := presetFor(f.kind, f.address.Text)
	if chosen, ok := presetNamed(f.kind, f.service.Selected); ok && chosen.url == "" && p.name == otherAddress && p.platform.Name == "" {
		p = chosen // one that gives every stream an address of its own, which is not known yet
	}
	if !f.recording && f.service.Selected != p.name { // the address is another's now
		f.service.Selected = p.name
		f.service.Refresh()
	}
	hint, ink := p.platform.Note, colDim
	if r, ok := f.show.Rendition(f.rendition.Selected); ok {
		if text := p.tooMuch(r); text != "" {
			hint, ink = text, colWarn
		}
	}
	if f.recording {
		hint = ""
	}
	if hint != f.hint.text {
		f.hint.set(hint, ink)
		f.layoutBody(f.body.Size())
	}
}
