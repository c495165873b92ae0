package ui

import (
	"encoding/json"
	"fmt"
	"image/color"
	"slices"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// renditionForm adds or edits one rendition, in the place of what is in Outputs otherwise.
// Its fields are those of the show file's schema. Nothing changes before Save.
type renditionForm struct {
	box
	desk *desk
	// done is called when the form closes, with the id of what was saved; "" is nothing.
	done func(id string)

	title        *label
	save, cancel *button
	starts       *flow // sizes to begin a new one with
	name         *nameField
	picture      *form
	sound        *form
	note         *paragraph // what becomes of a change
	remove       *removeRow
	fault        *paragraph
	body         *column

	id        string // empty: a new one
	program   string
	suggested string // as name
	show      *scenes.Show
	begun     []scenes.Rendition // what starts begin with
	codec     string             // as it was before a change, likewise encoder
	encoder   string
	lastRuns  string // what the note was made of
}

func newRenditionForm(d *desk, done func(id string)) *renditionForm {
	f := &renditionForm{desk: d, done: done}
	f.title = newBold("", textNormal, colText)
	f.save = newButton(d, "Save", textNormal, f.doSave).hint("Keep this in the show; what runs goes on as it was started")
	f.cancel = newButton(d, "Cancel", textNormal, func() { f.close("") }).hint("Close without changing anything")
	f.starts = newFlow()
	f.name = newNameField(d, "Name", f.check)
	f.note = newParagraph("", textSmall, colDim, 10)
	f.fault = newParagraph("", textSmall, colBad, 3)
	f.remove = newRemoveRow(d, f.doRemove)
	lists := map[string]func() []Choice{"preset": f.presets, "bus": f.buses}
	for _, part := range []struct {
		def     string
		form    **form
		changed func()
	}{{"video", &f.picture, f.follow}, {"audio", &f.sound, f.check}} {
		v, err := newFormWith(d, scenes.Definition(part.def), lists, func(json.RawMessage) { part.changed() })
		if err != nil { // it is ours
			panic(err)
		}
		v.resized = f.check
		*part.form = v
	}
	f.body = newColumn()
	f.picture.scrolled, f.sound.scrolled = f.body.scroll.Scrolled, f.body.scroll.Scrolled
	f.add(f.title, f.cancel, f.save, f.body, f.fault)
	f.min = fyne.NewSize(260, 160)
	f.arrange = f.layout
	f.ExtendBaseWidget(f)
	show(f, false)
	return f
}

func (f *renditionForm) layout(s fyne.Size) {
	cw, sw := f.cancel.min.Width, f.save.min.Width
	f.title.place(0, 0, max(s.Width-cw-sw-3*gap, 1), rowHeight)
	place(f.cancel, s.Width-cw-sw-gap, 0, cw, rowHeight)
	place(f.save, s.Width-sw, 0, sw, rowHeight)
	said := f.fault.heightFor(s.Width)
	place(f.fault, 0, s.Height-said, s.Width, said)
	if said > 0 {
		said += gap
	}
	place(f.body, 0, rowHeight+gap, s.Width, max(s.Height-rowHeight-gap-said, 1))
	f.body.refit()
}

// open fills the form; id is empty for a new rendition.
func (f *renditionForm) open(s *engine.State, id string) {
	f.show, f.id, f.begun, f.suggested = f.desk.draft(), "", nil, ""
	f.name.entry.setText("")
	v, known := f.show.Rendition(id)
	parts := []stacked{f.note, newHeading("PICTURE"), f.picture, newHeading("SOUND"), f.sound}
	if known {
		f.id = id
		f.title.setText("Edit " + id)
		parts = append(parts, f.remove)
	} else {
		f.title.setText("New rendition")
		f.begun = startingRenditions(f.show)
		v = f.begun[0]
		f.fillStarts()
		parts = append([]stacked{f.starts, f.name}, parts...)
	}
	f.lastRuns = "\x00" // so that update writes the note
	f.body.set(parts...)
	f.fill(v)
	f.update(s)
	f.body.scroll.ScrollToTop()
}

// fillStarts makes a button for each size to begin with.
func (f *renditionForm) fillStarts() {
	f.starts.items, f.starts.objects = nil, nil
	for _, v := range f.begun {
		text := fmt.Sprintf("%s  %d kb/s", v.ID, v.Video.BitrateKbps)
		f.starts.append(newButton(f.desk, text, textSmall, func() { f.fill(v) }).hint("Begin with this size; every field can be changed"))
	}
	f.starts.Refresh()
}

// fill shows a rendition. What a new one says of its bitrate follows its size and codec until
// it is typed.
func (f *renditionForm) fill(v scenes.Rendition) {
	f.program, f.codec, f.encoder = v.Program, v.Video.Codec, v.Video.Encoder
	picture := valuesOf(v.Video)
	if f.id == "" {
		delete(picture, "bitrate_kbps")
		if text := f.name.entry.Text; text == "" || text == f.suggested {
			f.suggested = f.show.FreshID(v.ID)
			f.name.entry.setText(f.suggested)
		}
	}
	f.picture.refill(picture)
	f.sound.refill(valuesOf(v.Audio))
	f.check()
}

// valuesOf are the fields of a part of a show as it is written.
func valuesOf(v any) map[string]json.RawMessage {
	raw, err := json.Marshal(v)
	values := map[string]json.RawMessage{}
	if err == nil {
		err = json.Unmarshal(raw, &values)
	}
	if err != nil { // texts and numbers
		panic(err)
	}
	return values
}

// rendition is what has been typed.
func (f *renditionForm) rendition() (v scenes.Rendition) {
	raw, err := json.Marshal(map[string]any{"video": f.picture.values, "audio": f.sound.values})
	if err == nil {
		err = json.Unmarshal(raw, &v) // which begins with the defaults
	}
	if err != nil { // the form has checked every field
		panic(err)
	}
	if v.ID, v.Program = f.id, f.program; v.ID == "" {
		v.ID = f.show.FreshID(f.name.entry.Text)
	}
	return v
}

// follow keeps codec and encoder together: of the two the one that was chosen last counts.
func (f *renditionForm) follow() {
	v := f.rendition().Video
	made := codecOf(v.Encoder)
	values := f.picture.values
	switch {
	case made == "" || made == v.Codec:
	case v.Encoder != f.encoder:
		values["codec"] = quoted(made)
		v.Codec = made
		f.picture.refill(values)
	case v.Codec != f.codec:
		values["encoder"] = quoted("auto")
		v.Encoder = "auto"
		f.picture.refill(values)
	}
	f.codec, f.encoder = v.Codec, v.Encoder
	f.check()
}

// codecOf is the codec that an encoder makes; "" for any.
func codecOf(encoder string) string {
	for _, e := range av.Encoders() {
		if e.Name == encoder {
			return string(e.Codec)
		}
	}
	return ""
}

// presets are those of the encoder that is chosen.
func (f *renditionForm) presets() (list []Choice) {
	v := f.rendition().Video
	for _, name := range av.PresetsFor(media.Codec(v.Codec), v.Encoder) {
		list = append(list, Choice{Value: name})
	}
	return list
}

func (f *renditionForm) buses() (list []Choice) {
	for _, b := range f.show.Buses {
		list = append(list, Choice{Value: b.ID, Label: b.Name})
	}
	return list
}

// update follows the studio while the form is open.
func (f *renditionForm) update(s *engine.State) {
	if !f.Visible() {
		return
	}
	f.show = f.desk.draft()
	runs := renditionRuns(s, f.id)
	if key := strings.Join(runs, "\n"); key != f.lastRuns && f.id != "" {
		f.lastRuns = key
		f.check()
	}
	f.remove.update(f.cannotRemove())
	f.remove.button.look("Remove", colControl, colText)
}

// check says what is wrong with what has been typed, and what becomes of it.
func (f *renditionForm) check() {
	if f.show == nil {
		return
	}
	f.hold()
	fault := f.problem()
	f.fault.set(fault, colBad)
	text, ink := f.consequence()
	f.note.set(text, ink)
	if fault == "" {
		f.save.look("Save", colFocus, colInk)
	} else {
		f.save.look("Save", colControl, colDim)
	}
	f.layout(f.Size())
}

// hold shows in the empty fields what empty means.
func (f *renditionForm) hold() {
	v := f.rendition()
	v.Video.BitrateKbps = 0
	empty := map[string]int{"width": f.show.Canvas.Width, "height": f.show.Canvas.Height, "bitrate_kbps": f.show.WithDefaults(v).Video.BitrateKbps}
	for _, r := range f.picture.rows {
		if n, ok := empty[r.spec.key]; ok {
			r.spec.fallback = strconv.AppendInt(nil, int64(n), 10)
			r.entry.SetPlaceHolder(r.placeHolder())
		}
	}
}

// problem is one sentence about what keeps the form from being saved.
func (f *renditionForm) problem() string {
	for _, part := range []*form{f.picture, f.sound} {
		for _, r := range part.rows {
			if r.wrong() {
				return r.problem.text
			}
		}
	}
	if f.id == "" && strings.TrimSpace(f.name.entry.Text) == "" {
		return "Give it a name."
	}
	v := f.rendition()
	if wrong := av.Misfits(media.Codec(v.Video.Codec), v.Video.Encoder, v.Video.Preset); len(wrong) > 0 {
		return sentence(wrong[0].Text)
	}
	if _, err := engine.EditOf(&engine.PutRendition{Rendition: v})(f.desk.draft()); err != nil {
		return said(err)
	}
	return ""
}

// consequence is what is to be known before a change is saved.
func (f *renditionForm) consequence() (text string, ink color.Color) {
	v := f.rendition()
	ink = colDim
	var lines []string
	for _, d := range f.show.Destinations {
		kind := f.desk.services.OutputKinds[d.Kind]
		if d.Rendition == f.id && len(kind.Video) > 0 && !slices.Contains(kind.Video, media.Codec(v.Video.Codec)) {
			lines, ink = append(lines, fmt.Sprintf("%s does not take %s, so it could not be started with this.", d.Name, strings.ToUpper(v.Video.Codec))), colWarn
		}
	}
	if runs := f.runs(); len(runs) > 0 {
		ink = colWarn
		lines = append(lines, fmt.Sprintf("Runs with it now: %s. That goes on as it was started; what is started from now on gets the change, from an encoder of its own.", andList(runs)))
	}
	if names := av.PresetsFor(media.Codec(v.Video.Codec), v.Video.Encoder); len(names) > 0 && !slices.Contains(names, v.Video.Preset) {
		lines = append(lines, fmt.Sprintf("This encoder has no preset %s and takes its own.", v.Video.Preset))
	}
	return strings.Join(lines, " "), ink
}

func (f *renditionForm) runs() []string {
	if f.id == "" || f.desk.state == nil {
		return nil
	}
	return renditionRuns(f.desk.state, f.id)
}

func (f *renditionForm) doSave() {
	if !f.picture.valid() || !f.sound.valid() || f.problem() != "" {
		f.check()
		return
	}
	v := f.rendition()
	f.desk.send(&engine.PutRendition{Rendition: v})
	f.close(v.ID)
}

// cannotRemove is why the rendition has to stay; "" is that it can go.
func (f *renditionForm) cannotRemove() string {
	users := renditionUsers(f.show, f.id)
	switch {
	case len(users) > 0:
		return "It cannot be removed: it is there for " + andList(users) + "."
	case len(f.show.Renditions) == 1:
		return "It cannot be removed: it is the only one of the show."
	}
	return ""
}

func (f *renditionForm) doRemove() {
	f.desk.send(&engine.RemoveRendition{ID: f.id})
	f.close("")
}

func (f *renditionForm) close(saved string) {
	show(f, false)
	f.done(saved)
}

// forget closes the form, whose show is not open any more.
func (f *renditionForm) forget() {
	if f.Visible() {
		f.close("")
	}
}

// nameField is a name under its caption.
type nameField struct {
	box
	caption *label
	entry   *field
}

func newNameField(d *desk, caption string, changed func()) *nameField {
	n := &nameField{caption: newLabel(caption, textSmall, colDim), entry: newLine(d)}
	n.entry.changed = func(string) { changed() }
	n.add(n.caption, n.entry)
	n.min = fyne.NewSize(100, formTitle+formControl)
	n.arrange = func(s fyne.Size) {
		n.caption.place(0, 0, s.Width, formTitle)
		place(n.entry, 0, formTitle, s.Width, formControl)
	}
	n.ExtendBaseWidget(n)
	return n
}

// heightFor implements stacked.
func (n *nameField) heightFor(float32) float32 { return formTitle + formControl }

// removeRow takes something out of the show, or says why that cannot be.
type removeRow struct {
	box
	button *askButton
	why    *paragraph
}

func newRemoveRow(d *desk, remove func()) *removeRow {
	r := &removeRow{why: newParagraph("", textSmall, colDim, 3)}
	r.button = newAskButton(d, "Remove", textSmall, func() string { return "Remove?" }, remove)
	r.button.main.hint("Takes it out of the show; undo brings it back")
	r.add(r.button, r.why)
	r.arrange = func(s fyne.Size) { r.heightFor(s.Width) }
	r.ExtendBaseWidget(r)
	return r
}

// heightFor implements stacked.
func (r *removeRow) heightFor(width float32) float32 {
	h := r.why.heightFor(width)
	place(r.why, 0, 0, width, h)
	if h > 0 {
		return h
	}
	place(r.button, 0, 0, 150, rowHeight)
	return rowHeight
}

func (r *removeRow) update(why string) {
	r.why.set(why, colDim)
	show(r.button, why == "")
}
