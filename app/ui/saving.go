package ui

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/storage/repository"
)

// diskRepository is all that Fyne's repository of files can do.
type diskRepository interface {
	repository.DeleteAllRepository
	repository.AppendableRepository
	repository.HierarchicalRepository
	repository.ListableRepository
	repository.MovableRepository
	repository.CopyableRepository
}

// namesOnly is the disk as Fyne's dialogs see it. Their save dialog opens the chosen file
// for writing, which empties it, before it says which file that is: a write that fails
// then has nothing left to keep. Here nothing is opened; the document replaces the file
// in one step (internal/atomicfile).
type namesOnly struct{ diskRepository }

// Writer implements repository.WritableRepository.
func (namesOnly) Writer(u fyne.URI) (fyne.URIWriteCloser, error) { return chosenFile{u}, nil }

// chosenFile is a file that was chosen, and not opened.
type chosenFile struct{ uri fyne.URI }

var errNamesOnly = errors.New("ui: a file that was chosen in a dialog is written by the document alone")

// Write implements io.Writer; it is always an error.
func (chosenFile) Write([]byte) (int, error) { return 0, errNamesOnly }

// Close implements io.Closer.
func (chosenFile) Close() error { return nil }

// URI implements fyne.URIWriteCloser.
func (f chosenFile) URI() fyne.URI { return f.uri }

// chooseNamesOnly keeps Fyne's dialogs from opening files for writing. It comes after the
// app is made, which sets the disk up.
func chooseNamesOnly() {
	if disk, err := repository.ForScheme("file"); err == nil {
		if d, ok := disk.(diskRepository); ok {
			repository.Register("file", namesOnly{d})
		}
	}
}

// saveAs asks for a file and writes the show there; next follows when it is written.
func (f *files) saveAs(next func()) {
	if f.docs == nil {
		return
	}
	f.desk.settle(func() { f.askName(next) })
}

func (f *files) askName(next func()) {
	name := f.info().Name
	if name == "" {
		name = "show"
	}
	name = strings.TrimSuffix(name, showSuffix) // of a saved show it is the file's
	f.choose(true, safeName(name)+showSuffix, func(path string) {
		if strings.EqualFold(filepath.Ext(path), showSuffix) {
			f.saveTo(path, next)
			return
		}
		path += showSuffix
		// The dialog has asked about the name that was typed, not about this one.
		f.desk.background(func() {
			_, err := os.Stat(path)
			f.desk.post(func() {
				if err != nil {
					f.saveTo(path, next) // a path that cannot be read is the document's to refuse
					return
				}
				f.bar.ask(filepath.Base(path)+" is there already.",
					answer{caption: "Replace it", tip: "Save over it; what was in it stays beside it as " + filepath.Base(path) + ".bak", risky: true, do: func() { f.saveTo(path, next) }},
					answer{caption: "Another name…", tip: "Choose another file", do: func() { f.saveAs(next) }},
					answer{caption: "Don't save", tip: "Leave everything as it is"})
			})
		})
	})
}

func (f *files) saveTo(path string, next func()) {
	f.run(func() error { return f.docs.SaveAs(path) }, "Saved "+filepath.Base(path)+".", next)
}

// quitUnsaved ends the window; what was not saved is not offered at the next start. Where
// it cannot be forgotten, it is: nothing is lost by that.
func (w *window) quitUnsaved() {
	docs := w.files.docs
	w.desk.background(func() {
		err := docs.Discard()
		w.desk.post(func() {
			if err != nil {
				w.desk.tell(said(err))
			}
			w.quit()
		})
	})
}

// closing is what ends the window: the studio first, whose end it shows, or at once without one.
func (w *window) closing(studio, stop func()) func() {
	if studio == nil {
		return stop
	}
	return func() {
		w.done("Closing: what is sent and recorded comes to its end.")
		studio()
	}
}
