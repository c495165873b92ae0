package ui

import (
	"encoding/json"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// protocols are the kinds of destination that the form offers, in this order.
var protocols = []string{"rtmp", "srt", "whip", "udp", "rist", "pipe", "camera"}

// outputForm adds or edits one destination or recording, in the place of the list.
// Nothing changes before Save. A stream key goes to the keyring under a name; the
// show, the log and this form's texts never hold it.
type outputForm struct {
	box
	desk *desk
	done func()

	title        *label
	save, cancel *button
	remove       *askButton
	kinds        []*button
	service      *dropList
	name         *field
	address      *field // a destination's URL, a recording's path
	container    *dropList
	secret       *field
	rendition    *dropList
	renditions   [2]*button // edit the one that is chosen, make another
	hint         *paragraph
	faults       [3]*label
	scroll       *container.Scroll
	body         *box
	rows         []outputFormRow
	more         *form       // the kind's other settings; nil when it has none
	tracks       *pickList   // of sound, where the kind takes several
	layers       *pickList   // further renditions, likewise
	backups      *backupList // of destinations
	plan         *form       // likewise: delay, group, times

	original   scenes.Destination // what the form does not show is kept
	show       *scenes.Show
	id         string // empty: a new one
	kind       string
	recording  bool
	credential string
	settings   map[string]json.RawMessage // what the form does not show is kept
	enabled    bool
	started    bool
	saving     *pendingSave // nil: none runs for what the form shows
	// openRendition opens the form of a rendition in this one's place; "" is a new one.
	openRendition func(id string)
	shows         int // how many shows there were before this one
}

// outputFormRow is a caption over a field.
type outputFormRow struct {
	caption *label
	field   fyne.CanvasObject
	visible func() bool
}

func newOutputForm(d *desk, done func()) *outputForm {
	f := &outputForm{desk: d, done: done, body: &box{}}
	f.title = newBold("", textNormal, colText)
	f.save = newButton(d, "Save", textNormal, f.doSave).hint("Keep this in the show; what runs goes on as it was started")
	f.cancel = newButton(d, "Cancel", textNormal, f.close).hint("Close without changing anything")
	f.remove = newAskButton(d, "Remove", textSmall, f.asksRemove, f.doRemove)
	f.setStarted(false)
	for _, k := range protocols {
		f.kinds = append(f.kinds, newButton(d, strings.ToUpper(k), textSmall, func() { f.setKind(k) }).hint("The protocol to send with"))
	}
	f.service = newDropList(d, nil, f.setService)
	f.name, f.address, f.secret = newLine(d), newLine(d), newSecret(d)
	for _, l := range []*field{f.name, f.address, f.secret} {
		l.changed = func(string) { f.check() }
	}
	f.container = newDropList(d, []string{"mkv", "mp4", "mov", "ts"}, nil)
	f.rendition = newDropList(d, nil, func(string) {
		f.fillPicks()
		f.layoutBody(f.body.Size())
		f.check()
	})
	f.hint = newParagraph("", textSmall, colDim, 3)
	recording := func() bool { return f.recording }
	served := func() bool { return !f.recording && len(f.service.Options) > 1 }
	kept := func() bool { return !f.recording && secretName(f.kind) != "" }
	always := func() bool { return true }
	f.row("Service", f.service, served)
	f.row("Name", f.name, always)
	f.row("Address", f.address, always)
	f.row("Key", f.secret, kept)
	f.row("Container", f.container, recording)
	f.renditions[0] = newButton(d, "Edit", textSmall, func() { f.leaveFor(f.rendition.Selected) }).hint("Size, codec, bitrate and sound of this rendition")
	f.renditions[1] = newButton(d, "New…", textSmall, func() { f.leaveFor("") }).hint("Add a rendition and choose it here")
	f.row("Rendition", newBeside(f.rendition, f.renditions[:]...), always)
	f.body.ExtendBaseWidget(f.body)
	f.body.arrange = f.layoutBody
	f.scroll = container.NewVScroll(f.body)
	f.add(f.title, f.cancel, f.save, f.scroll)
	for _, b := range f.kinds {
		f.body.add(b)
	}
	f.body.add(f.hint)
	for i := range f.faults {
		f.faults[i] = newLabel("", textSmall, colBad)
		f.add(f.faults[i])
	}
	f.body.add(f.remove)
	plan, err := newForm(d, json.RawMessage(planSchema), func(json.RawMessage) { f.check() })
	if err != nil { // it is ours
		panic(err)
	}
	plan.resized, plan.scrolled = func() { f.layoutBody(f.body.Size()) }, f.scroll.Scrolled
	f.plan = plan
	f.newPicks()
	f.backups = newBackupList(d)
	f.backups.changed = f.check
	f.backups.resized = func() { f.layoutBody(f.body.Size()) }
	f.body.add(f.backups, plan)
	f.min = fyne.NewSize(240, 200)
	f.arrange = f.layout
	f.ExtendBaseWidget(f)
	return f
}

func (f *outputForm) row(caption string, field fyne.CanvasObject, visible func() bool) {
	r := outputFormRow{newLabel(caption, textSmall, colDim), field, visible}
	f.rows = append(f.rows, r)
	f.body.add(r.caption, field)
}

func (f *outputForm) layout(s fyne.Size) {
	cw, sw := f.cancel.min.Width, f.save.min.Width
	f.title.place(0, 0, max(s.Width-cw-sw-3*gap, 1), rowHeight)
	place(f.cancel, s.Width-cw-sw-gap, 0, cw, rowHeight)
	place(f.save, s.Width-sw, 0, sw, rowHeight)
	// What is wrong stands below the fields, where it is seen however far they are scrolled.
	said := float32(0)
	for i, l := range f.faults {
		if l.full != "" {
			said = float32(i+1)*16 + gap
		}
	}
	for i, l := range f.faults {
		l.place(0, s.Height-said+gap+float32(i)*16, s.Width, 16)
		show(l.Text, l.full != "")
	}
	place(f.scroll, 0, rowHeight+gap, s.Width, max(s.Height-rowHeight-gap-said, 1))
}

// say shows up to three lines about what is wrong; none takes them away.
func (f *outputForm) say(lines ...string) {
	for i, l := range f.faults {
		text := ""
		if i < len(lines) {
			text = lines[i]
		}
		l.setText(text)
	}
	f.layout(f.Size())
}

func (f *outputForm) layoutBody(s fyne.Size) {
	w, y := max(s.Width-scrollRoom, 1), float32(0)
	choose := !f.recording && f.id == ""
	// The usual three in one row, the others below.
	at := 0
	for at < len(f.kinds) {
		n := 3
		if at > 0 {
			n = min(len(f.kinds)-at, 4)
		}
		bw := (w - 2*float32(n-1)) / float32(n)
		for i, b := range f.kinds[at : at+n] {
			show(b, choose)
			place(b, float32(i)*(bw+2), y, bw, rowHeight)
		}
		at += n
		if choose {
			y += rowHeight + 2
		}
	}
	if choose {
		y += gap - 2
	}
	for _, r := range f.rows {
		visible := r.visible()
		show(r.caption.Text, visible)
		show(r.field, visible)
		if !visible {
			continue
		}
		r.caption.place(0, y, w, 16)
		h := r.field.MinSize().Height
		place(r.field, 0, y+17, w, h)
		y += 17 + h + gap
	}
	h := f.hint.heightFor(w)
	show(f.hint, h > 0 && !f.recording)
	if h > 0 && !f.recording { // of the service and the rendition, which stands above
		place(f.hint, 0, y-gap/2, w, h)
		y += h + gap/2
	}
	show(f.plan, !f.recording)
	show(f.backups, !f.recording)
	if f.more != nil {
		h := f.more.heightFor(w)
		place(f.more, 0, y, w, h)
		y += h + gap
	}
	parts := []stacked{f.tracks, f.layers, f.backups, f.plan}
	if f.recording {
		parts = parts[:1]
	}
	for _, p := range parts {
		h := p.heightFor(w)
		if h == 0 {
			continue
		}
		place(p, 0, y, w, h)
		y += h + gap
	}
	show(f.remove, f.id != "")
	rw := float32(150)
	if f.started { // the question is longer
		rw = min(w, 240)
	}
	place(f.remove, 0, y, rw, rowHeight)
	y += rowHeight + gap
	if f.body.min.Height != y {
		f.body.min = fyne.NewSize(200, y)
		f.scroll.Refresh()
	}
}

// open fills the form; id is empty for a new output.
func (f *outputForm) open(s *scenes.Show, id string, recording bool) {
	f.show, f.id, f.recording, f.kind = s, id, recording, protocols[0]
	f.settings, f.credential, f.enabled = map[string]json.RawMessage{}, "", true
	f.setStarted(false) // update looks
	f.original, f.saving = scenes.Destination{}, nil
	name, rendition := "", ""
	var raw json.RawMessage
	if recording {
		f.kind = scenes.RecordingKind
		name = "Recording"
		if v, ok := s.Recording(id); ok {
			name, rendition, raw = v.Name, v.Rendition, v.Settings
			f.original.Tracks = v.Tracks
		}
	} else if v, ok := s.Destination(id); ok {
		name, rendition, raw = v.Name, v.Rendition, v.Settings
		f.kind, f.credential, f.enabled = v.Kind, v.Credential, v.Enabled
		f.original = v
	}
	f.plan.forget()
	f.plan.set(planOf(f.original))
	f.backups.open(f.original)
	f.pickAs(f.original)
	if len(raw) > 0 && json.Unmarshal(raw, &f.settings) != nil {
		f.settings = map[string]json.RawMessage{}
	}
	f.offerRenditions()
	f.rendition.SetSelected(s.RenditionOrFirst(rendition))
	f.name.SetText(name)
	f.secret.SetText("")
	f.secret.Password = true
	f.title.setText(f.heading())
	f.fillKind()
	f.scroll.ScrollToTop()
}

// begin gives the keyboard to the first field of a new output.
func (f *outputForm) begin() {
	var first fyne.Focusable = f.name
	if f.service.Visible() && !f.recording {
		first = f.service
	}
	if c := fyne.CurrentApp().Driver().CanvasForObject(f); c != nil && f.id == "" {
		c.Focus(first)
	}
}

func (f *outputForm) heading() string {
	switch {
	case f.id != "":
		return "Edit " + f.name.Text
	case f.recording:
		return "New recording"
	}
	return "New destination"
}

// update follows the studio while the form is open.
func (f *outputForm) update(s *engine.State) {
	if !f.Visible() {
		return
	}
	started := false
	for _, list := range [2][]engine.DestinationState{s.Destinations, s.Recordings} {
		for _, d := range list {
			started = started || d.ID == f.id && d.Started
		}
	}
	if started != f.started {
		f.setStarted(started)
		f.layoutBody(f.body.Size())
	}
	f.show = s.Show
	f.offerRenditions()
	f.remove.look("Remove", colControl, colText)
}

// setStarted takes whether what the form shows runs: that goes with it when it is removed. What
// Remove had asked is not what it would ask now.
func (f *outputForm) setStarted(started bool) {
	f.started = started
	f.remove.takeBack()
	if started {
		f.remove.main.hint("Stops it and takes it out of the show; undo brings it back, but does not start it again")
	} else {
		f.remove.main.hint("Takes it out of the show; undo brings it back")
	}
}

// check says what is wrong with what has been typed, or what is worth knowing.
func (f *outputForm) check() {
	if f.show == nil {
		return
	}
	f.backups.setKind(f.kind)
	fault := f.fault()
	f.tellKey()
	f.checkService()
	rest, lines := fault, [len(f.faults)]string{}
	for i, l := range f.faults {
		lines[i] = rest
		if l.width = f.Size().Width; i < len(f.faults)-1 {
			lines[i], rest = wrap(l, rest)
		}
	}
	f.say(lines[:]...)
	switch {
	case f.saving != nil:
		f.save.look("Saving", colControl, colDim)
	case fault == "":
		f.save.look("Save", colFocus, colInk)
	default:
		f.save.look("Save", colControl, colDim)
	}
}

func quoted(text string) json.RawMessage {
	raw, err := json.Marshal(strings.TrimSpace(text))
	if err != nil { // a string always marshals
		panic(err)
	}
	return raw
}

func stringOr(raw json.RawMessage, otherwise string) string {
	var s string
	if json.Unmarshal(raw, &s) != nil || s == "" {
		return otherwise
	}
	return s
}
