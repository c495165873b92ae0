package ui

import (
	"path/filepath"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
)

// dropped takes files that were let go over the window: each becomes a source of the
// kind that plays it; over the preview, a layer of the scene there as well.
func (w *window) dropped(at fyne.Position, files []fyne.URI) {
	d := w.desk
	if d.state == nil {
		return
	}
	owner := ""
	preview := w.monitors[0]
	corner := fyne.CurrentApp().Driver().AbsolutePositionForObject(preview)
	in, size := at.Subtract(corner), preview.Size()
	if in.X >= 0 && in.Y >= 0 && in.X < size.Width && in.Y < size.Height {
		if _, ok := d.state.Show.Scene(d.state.Preview); ok && !d.state.Next.KeysOnly() {
			owner = d.state.Preview
		}
	}
	var refused []string
	add := newAdder(d, owner)
	for _, f := range files {
		kind := kindOfFile(f.Path())
		if _, known := d.services.SourceKinds[kind]; !known {
			refused = append(refused, filepath.Base(f.Path()))
			continue
		}
		add.source(kind, plainName(f.Path()), settingsOf("path", f.Path()))
	}
	add.send()
	if len(refused) > 0 {
		d.tell("No source can show " + orList(refused) + "; media and picture files can be dropped here.")
	}
	if n := len(add.sources); n > 0 && owner == "" {
		d.openTab("show")
		w.lists.chooseNew(add.sources[n-1].ID)
	}
}

// kindOfFile is the kind of source for a file, "" for none.
func kindOfFile(path string) string {
	ext := strings.ToLower(filepath.Ext(path))
	switch {
	case slices.Contains(imageFiles, ext):
		return "image"
	case slices.Contains(mediaFiles, ext):
		return "file"
	}
	return ""
}
