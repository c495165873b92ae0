package ui

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// mapped is one control of the window as Options.MapPath lists it: what it is, what it
// says, its tool tip, and its middle in pixels from the window's corner.
type mapped struct {
	Kind    string `json:"kind"` // button, cell, fader, scrub, row, entry, picture
	Text    string `json:"text"`
	Tip     string `json:"tip,omitempty"`
	X       int    `json:"x"`
	Y       int    `json:"y"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Focused bool   `json:"focused,omitempty"`
}

// windowMap is the controls that can be seen now, for tests that operate the real window
// from outside.
type windowMap struct {
	path  string
	last  []mapped
	list  []mapped
	scale float32
}

// write brings the file up to date, whole: a reader never sees half of it.
func (m *windowMap) write(content fyne.CanvasObject, scale float32) error {
	m.list, m.scale = m.list[:0], scale
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(content)
	m.walk(content, at, at, content.Size(), "")
	if slices.Equal(m.list, m.last) {
		return nil
	}
	m.last = slices.Clone(m.list)
	raw, err := json.Marshal(m.last)
	if err != nil {
		return err
	}
	temp := filepath.Join(filepath.Dir(m.path), "."+filepath.Base(m.path))
	if err := os.WriteFile(temp, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, m.path)
}

// walk lists what stands at pos and can be seen in the clip rectangle; title is that of
// the form's row it is in.
func (m *windowMap) walk(o fyne.CanvasObject, pos, clip fyne.Position, room fyne.Size, title string) {
	if !o.Visible() {
		return
	}
	found := mapped{}
	switch v := o.(type) {
	case *button:
		found = mapped{Kind: "button", Text: v.caption.full, Tip: v.tip, Focused: v.focused}
	case *iconButton:
		found = mapped{Kind: "button", Text: v.icon.name(), Tip: v.tip, Focused: v.focused}
	case *scrubBar:
		found = mapped{Kind: "scrub", Tip: v.tip, Focused: v.focused}
	case *tabButton:
		found = mapped{Kind: "button", Text: v.caption.full, Focused: v.focused}
	case *card:
		found = mapped{Kind: "button", Text: v.caption.full, Focused: v.focused}
	case *bankCell:
		found = mapped{Kind: "cell", Text: v.item.name, Focused: v.focused}
	case *showRow:
		found = mapped{Kind: "row", Text: v.item.name, Focused: v.focused}
	case *fader:
		found = mapped{Kind: "fader", Focused: v.focused}
	case *field:
		found = mapped{Kind: "entry", Text: title, Focused: v.typing}
	case *monitorPanel:
		found = mapped{Kind: "picture", Text: v.title.full}
	case *formRow:
		title = v.title.full
	}
	if s := o.Size(); found.Kind != "" {
		x, y := pos.X+s.Width/2, pos.Y+s.Height/2
		if x >= clip.X && y >= clip.Y && x <= clip.X+room.Width && y <= clip.Y+room.Height {
			found.X, found.Y, found.Width, found.Height = m.pixels(x), m.pixels(y), m.pixels(s.Width), m.pixels(s.Height)
			m.list = append(m.list, found)
		}
	}
	switch v := o.(type) {
	case *fyne.Container:
		for _, c := range v.Objects {
			m.walk(c, pos.Add(c.Position()), clip, room, title)
		}
	case *container.Scroll:
		m.walk(v.Content, pos.Add(v.Content.Position()), pos, v.Size(), title)
	case interface{ children() []fyne.CanvasObject }:
		for _, c := range v.children() {
			m.walk(c, pos.Add(c.Position()), clip, room, title)
		}
	}
}

func (m *windowMap) pixels(v float32) int { return int(math.Round(float64(v * m.scale))) }
