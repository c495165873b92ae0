package ui

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// replaySettings is what the replay buffer keeps, and where it is saved: a form for the
// numbers, and a button for each source that can be an angle.
type replaySettings struct {
	box
	desk    *desk
	form    *form
	caption *label
	none    *label // no source can be an angle
	note    *label // of a buffer that runs
	angles  []*angleButton
	offered string // the renditions in the form
	resized func()
	// scrolled takes the mouse wheel over a field.
	scrolled func(*fyne.ScrollEvent)
}

// angleButton is a source to choose.
type angleButton struct {
	*button
	id string
}

// replaySchema has the names of show files; path and container are in its settings there.
const replaySchema = `{"type": "object", "properties": {
  "seconds": {"type": "integer", "minimum": 1, "maximum": 600, "default": %d, "title": "Keep", "x-unit": "s", "x-order": 1, "description": "How much of the programme and of each angle is kept in memory"},
  "rendition": {"enum": %s, "default": "", "title": "Rendition", "x-order": 2, "description": "Whose pictures are kept; coding is shared with the outputs that use it"},
  "path": {"type": "string", "default": "", "title": "Folder", "x-picker": "folder", "x-order": 3, "description": "Where replays are saved; empty: the Videos folder"},
  "container": {"enum": ["mkv", "mp4", "mov", "ts"], "default": "mkv", "title": "Container", "x-order": 4, "description": "Of the files that are saved"}}}`

func newReplaySettings(d *desk) *replaySettings {
	p := &replaySettings{desk: d, resized: func() {}, scrolled: func(*fyne.ScrollEvent) {}}
	p.caption = newLabel("Angles", textSmall, colDim)
	p.none = newLabel("No source can be an angle.", textSmall, colDim)
	p.note = newLabel("Changes count from the next start.", textSmall, colWarn)
	p.arrange = func(s fyne.Size) { p.lay(s.Width) }
	p.ExtendBaseWidget(p)
	return p
}

// heightFor implements stacked.
func (p *replaySettings) heightFor(width float32) float32 { return p.lay(width) }

func (p *replaySettings) lay(w float32) float32 {
	y := float32(0)
	if p.form != nil {
		h := p.form.heightFor(w)
		place(p.form, 0, y, w, h)
		y += h + gap
	}
	p.caption.place(0, y, w, formTitle)
	y += formTitle
	show(p.none.Text, len(p.angles) == 0)
	p.none.place(0, y, w, rowHeight)
	x := float32(0)
	for _, b := range p.angles {
		bw := min(b.min.Width, w)
		if x > 0 && x+bw > w {
			x, y = 0, y+rowHeight+2
		}
		place(b.button, x, y, bw, rowHeight)
		x += bw + 2
	}
	y += rowHeight + gap
	p.note.place(0, y, w, formTitle)
	if p.note.Visible() {
		y += formTitle + gap
	}
	return y
}

func (p *replaySettings) refill() {
	p.objects = p.objects[:0]
	if p.form != nil {
		p.add(p.form)
	}
	p.add(p.caption, p.none, p.note)
	for _, b := range p.angles {
		p.add(b.button)
	}
	p.Refresh()
}

func (p *replaySettings) update(s *engine.State) {
	changed := p.follow(s.Show)
	list := angleSources(s)
	if !slices.EqualFunc(p.angles, list, func(b *angleButton, v engine.SourceState) bool { return b.id == v.ID && b.caption.full == v.Name }) {
		p.angles = nil
		for _, v := range list {
			p.angles = append(p.angles, &angleButton{newButton(p.desk, v.Name, textSmall, func() { p.toggle(v.ID) }).hint("Keep this source besides the programme, to show it again"), v.ID})
		}
		changed = true
	}
	for _, b := range p.angles {
		b.lit(slices.Contains(s.Show.Replay.Angles, b.id), colLit, colOnLit)
	}
	if p.note.Visible() != s.Replay.Running {
		show(p.note.Text, s.Replay.Running)
		changed = true
	}
	if changed {
		p.refill()
		p.resized()
	}
}

// angleSources are the sources that can be kept, and those that are chosen already.
func angleSources(s *engine.State) []engine.SourceState {
	var list []engine.SourceState
	for _, v := range s.Sources {
		if v.Recordable && v.HasVideo || slices.Contains(s.Show.Replay.Angles, v.ID) {
			list = append(list, v)
		}
	}
	return list
}

// follow brings the form to the show; changed says that it is another form.
func (p *replaySettings) follow(show *scenes.Show) (changed bool) {
	ids, names := []string{""}, []string{"first"}
	for _, r := range show.Renditions {
		ids, names = append(ids, r.ID), append(names, r.ID)
	}
	if offered := strings.Join(ids, "\n"); p.form == nil || offered != p.offered {
		p.offered, changed = offered, true
		list, err := json.Marshal(ids)
		if err != nil { // texts
			panic(err)
		}
		f, err := newForm(p.desk, fmt.Appendf(nil, replaySchema, scenes.DefaultReplaySeconds, list), p.give)
		if err != nil { // the schema is the one above
			panic(err)
		}
		f.rows[1].choice.rename(names...)
		f.resized, f.scrolled = func() { p.resized() }, func(e *fyne.ScrollEvent) { p.scrolled(e) }
		p.form = f
	}
	p.form.set(replayValues(show.Replay))
	return changed
}

// replayValues are the values of replaySchema.
func replayValues(v scenes.Replay) json.RawMessage {
	all := map[string]any{"seconds": v.Seconds, "rendition": v.Rendition}
	var files struct{ Path, Container string }
	_ = json.Unmarshal(v.Settings, &files) // what is no object has no values to show
	if files.Path != "" {
		all["path"] = files.Path
	}
	if files.Container != "" {
		all["container"] = files.Container
	}
	raw, err := json.Marshal(all)
	if err != nil { // texts and a number
		panic(err)
	}
	return raw
}

// withReplayValues is v with the values of replaySchema; other settings are kept.
func withReplayValues(v scenes.Replay, raw json.RawMessage) scenes.Replay {
	set := struct {
		Seconds   int    `json:"seconds"`
		Rendition string `json:"rendition"`
		Path      string `json:"path"`
		Container string `json:"container"`
	}{Seconds: scenes.DefaultReplaySeconds}
	if json.Unmarshal(raw, &set) != nil { // the form has checked it
		return v
	}
	settings := map[string]json.RawMessage{}
	if len(v.Settings) > 0 && json.Unmarshal(v.Settings, &settings) != nil {
		settings = map[string]json.RawMessage{}
	}
	for key, text := range map[string]string{"path": set.Path, "container": set.Container} {
		if delete(settings, key); text != "" {
			settings[key] = quoted(text)
		}
	}
	out, err := json.Marshal(settings)
	if err != nil { // what was JSON before
		panic(err)
	}
	v.Seconds, v.Rendition, v.Settings = set.Seconds, set.Rendition, out
	return v
}

func (p *replaySettings) give(raw json.RawMessage) {
	p.desk.send(&engine.SetReplay{Replay: withReplayValues(p.desk.draft().Replay, raw)})
}

// toggle makes a source an angle, or no longer one.
func (p *replaySettings) toggle(id string) {
	v := p.desk.draft().Replay
	if i := slices.Index(v.Angles, id); i >= 0 {
		v.Angles = slices.Delete(slices.Clone(v.Angles), i, i+1)
	} else {
		v.Angles = append(slices.Clone(v.Angles), id)
	}
	p.desk.send(&engine.SetReplay{Replay: v})
}
