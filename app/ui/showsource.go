package ui

import (
	"encoding/json"
	"fmt"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// sourceEditor is the settings of the chosen source, as the form of its kind.
type sourceEditor struct {
	box
	desk    *desk
	title   *label
	status  *paragraph // what is received, or what is wrong
	note    *paragraph // of a kind that this version does not know
	form    *form
	idle    *form // of a source with a timeline: what it does while not on air
	backup  *backupChoice
	id      string
	kind    string
	resized func()
	// scrolled takes the mouse wheel over a field.
	scrolled func(*fyne.ScrollEvent)
}

func newSourceEditor(d *desk) *sourceEditor {
	e := &sourceEditor{desk: d, backup: &backupChoice{desk: d}, resized: func() {}, scrolled: func(*fyne.ScrollEvent) {}}
	e.title = newBold("", textSmall, colDim)
	e.status = newParagraph("", textSmall, colDim, 3)
	e.note = newParagraph("", textNormal, colWarn, 5)
	e.min = fyne.NewSize(120, 20)
	e.arrange = func(s fyne.Size) { e.lay(s.Width) }
	e.ExtendBaseWidget(e)
	e.compose()
	return e
}

func (e *sourceEditor) compose() {
	e.objects = nil
	e.add(e.title, e.status, e.note)
	if e.idle != nil {
		e.add(e.idle)
	}
	if e.form != nil {
		e.add(e.form)
	}
	if e.backup.form != nil {
		e.add(e.backup.form)
	}
	e.Refresh()
}

// heightFor implements stacked.
func (e *sourceEditor) heightFor(width float32) float32 { return e.lay(width) }

func (e *sourceEditor) lay(width float32) float32 {
	if e.id == "" {
		return 0
	}
	y := float32(gap)
	e.title.place(0, y, width, formTitle)
	y += formTitle
	parts := []stacked{e.status, e.note}
	if e.idle != nil {
		parts = append(parts, e.idle)
	}
	if e.form != nil {
		parts = append(parts, e.form)
	}
	if e.backup.form != nil {
		parts = append(parts, e.backup.form)
	}
	for _, p := range parts {
		if h := p.heightFor(width); h > 0 {
			place(p, 0, y, width, h)
			y += h + gap
		}
	}
	return y
}

// update shows source id; "" shows nothing.
func (e *sourceEditor) update(s *engine.State, id string) {
	v, ok := s.Show.Source(id)
	if !ok {
		id = ""
	}
	if id != e.id || v.Kind != e.kind {
		e.open(v, id)
	}
	if e.backup.follow(s.Show, id, func() { e.resized() }, func(ev *fyne.ScrollEvent) { e.scrolled(ev) }) {
		e.compose()
		e.resized()
	}
	if id == "" {
		return
	}
	if e.form != nil {
		e.form.set(v.Settings)
	}
	if e.idle != nil {
		e.idle.set(fmt.Appendf(nil, `{"when_idle": %q}`, v.WhenIdle))
	}
	e.tell(s, id)
}

// open makes the form of a source's kind.
func (e *sourceEditor) open(v scenes.Source, id string) {
	e.id, e.kind, e.form, e.idle = id, v.Kind, nil, nil
	e.title.setText("SETTINGS")
	e.note.set("", colWarn)
	k, known := e.desk.services.SourceKinds[v.Kind]
	switch {
	case id == "":
	case !known:
		e.note.set(fmt.Sprintf("This version does not know the kind “%s”; the source is kept as it is and shows nothing.", v.Kind), colWarn)
	default:
		f, err := newForm(e.desk, k.Schema, func(raw json.RawMessage) { e.give(id, raw) })
		if err != nil {
			e.note.set(said(err), colBad)
			break
		}
		f.check = func(raw json.RawMessage) error { return checkSettings(k, raw, e.desk.state) }
		f.resized, f.scrolled = func() { e.resized() }, func(ev *fyne.ScrollEvent) { e.scrolled(ev) }
		e.form = f
		if k.Pacing == sources.Paced && k.HasVideo {
			e.idle = e.newIdleForm(id)
		}
	}
	e.compose()
	e.resized()
}

// idleSchema is the part of a source in the show file that is not its kind's.
const idleSchema = `{"type": "object", "properties": {"when_idle": {"enum": ["play", "wait"], "default": "play", "title": "When not on air",
	"description": "play: plays on unseen; wait: waits where it is, costs nothing, and goes on when it comes on programme"}}}`

func (e *sourceEditor) newIdleForm(id string) *form {
	f, err := newForm(e.desk, json.RawMessage(idleSchema), func(raw json.RawMessage) {
		var set struct {
			WhenIdle scenes.WhenIdle `json:"when_idle"`
		}
		if json.Unmarshal(raw, &set) == nil {
			e.desk.changeSource(id, func(v *scenes.Source) { v.WhenIdle = set.WhenIdle })
		}
	})
	if err != nil {
		panic(err) // the schema is the constant above
	}
	f.resized, f.scrolled = func() { e.resized() }, func(ev *fyne.ScrollEvent) { e.scrolled(ev) }
	return f
}

// checkSettings asks the kind itself; its New opens nothing.
func checkSettings(k sources.Kind, raw json.RawMessage, s *engine.State) error {
	var opt sources.Options
	if s != nil {
		c := s.Show.Canvas
		opt = sources.Options{Width: c.Width, Height: c.Height, FPS: c.FPS, Color: c.Color.Info()}
	}
	_, err := k.New(raw, opt)
	return err
}

// give sends settings that are good.
func (e *sourceEditor) give(id string, raw json.RawMessage) {
	e.desk.changeSource(id, func(v *scenes.Source) { v.Settings = raw })
}

// tell says how the source is doing.
func (e *sourceEditor) tell(s *engine.State, id string) {
	for i := range s.Sources {
		v := &s.Sources[i]
		if v.ID != id {
			continue
		}
		text, ink := v.Detail, colDim
		switch _, known := e.desk.services.SourceKinds[e.kind]; {
		case !known: // which the note says
			text = ""
		case v.Problem != "":
			text, ink = sentence(engine.Plain(v.Problem)), colBad
		}
		if text != e.status.text {
			e.status.set(text, ink)
			e.resized()
		}
		return
	}
}
