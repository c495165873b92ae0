package ui

import (
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/widget"

	"crosspoint.studio/crosspoint/scenes"
)

// files is the File menu: the show's document. Reading and writing happens in the
// background; what came of it is said in the status line. For Fyne's goroutine.
type files struct {
	desk *desk
	docs Documents // nil: the program has no documents
	bar  *questionBar
	// choose asks for a file; done is called with its path, or not at all.
	choose func(save bool, name string, done func(path string))
	// closeWindow asks for the end of the window.
	closeWindow func()
	// said shows that something is done.
	said func(string)
	// audience says that somebody outside watches the programme; "" is nobody.
	audience func() string
	// another is where the canvas of a new show is chosen.
	another func()
	// opened is told when another show was opened or made.
	opened func()

	recent []RecentShow // as last read
	looks  int          // at the recent files that are asked for; at most one goes on
	busy   bool         // an operation runs; another one waits for the operator to ask again
}

func (f *files) actions() []*action {
	has := func() bool { return f.docs != nil }
	saves := func() bool { return f.docs != nil && f.docs.Info().ReadOnly == "" }
	return []*action{
		{menu: "File/New", name: "Empty show", able: has, do: func() { f.fresh("empty", usualCanvas()) }},
		{menu: "File/New", name: "From my camera", able: has, do: func() { f.fresh("camera", usualCanvas()) }},
		{menu: "File/New", name: "Demo show", able: has, do: func() { f.fresh("demo", usualCanvas()) }},
		{menu: "File/New", name: "Another canvas…", able: has, split: true, do: func() { f.another() }},
		{name: "New show", hint: "new, empty show", key: fyne.KeyN, mod: ctrl, typing: true, able: has, do: func() { f.fresh("empty", usualCanvas()) }},
		{menu: "File", name: "Open…", hint: "open a show", key: fyne.KeyO, mod: ctrl, typing: true, able: has, do: f.openChosen},
		{menu: "File", name: "Save", hint: "save the show", key: fyne.KeyS, mod: ctrl, typing: true, able: saves, split: true, do: func() { f.save(nil) }},
		{menu: "File", name: "Save as…", hint: "save under another name", key: fyne.KeyS, mod: shiftCtrl, typing: true, able: has, do: func() { f.saveAs(nil) }},
		{menu: "File", name: "Quit", quit: true, hint: "close the window; asks while live", key: fyne.KeyQ, mod: ctrl, typing: true, split: true, do: func() { f.closeWindow() }},
	}
}

// recentActions are the files of File/Open recent.
func (f *files) recentActions() []*action {
	var list []*action
	for _, r := range f.recent {
		list = append(list, &action{menu: recentMenu, name: r.Path, able: func() bool { return !r.Missing }, do: func() { f.open(r.Path) }})
	}
	return list
}

// readRecent looks the recent files up; while a look goes on, once more after it.
func (f *files) readRecent() {
	if f.docs == nil {
		return
	}
	if f.looks++; f.looks > 1 {
		return
	}
	if !f.desk.work.start(func() {
		list := f.docs.Recent()
		f.desk.post(func() {
			again := f.looks > 1
			f.recent, f.looks = list, 0
			if again {
				f.readRecent()
			}
		})
	}) {
		f.looks = 0
	}
}

// info is what is open.
func (f *files) info() DocumentInfo {
	if f.docs == nil {
		return DocumentInfo{}
	}
	return f.docs.Info()
}

// run does work in the background and says what came of it; then, if it went well,
// follows it with next.
func (f *files) run(work func() error, done string, next func()) {
	if f.busy {
		f.desk.tell("The file before is still being read or written.")
		return
	}
	f.busy = true
	if !f.desk.work.startAlone(func() {
		err := work()
		f.desk.post(func() {
			f.busy = false
			switch {
			case err != nil:
				f.desk.tell(said(err))
			default:
				if done != "" {
					f.said(done)
				}
				if next != nil {
					next()
				}
			}
			f.readRecent() // last: one of them may be on a share that hangs
		})
	}) {
		f.busy = false // the window is closing
	}
}

// refused says why no other show can take this one's place now, if so: the document would
// refuse it, whatever is answered before.
func (f *files) refused() bool {
	switch s := f.desk.state; {
	case s.Delivering():
		f.desk.tell("Something is live or recording, and another show would end it: stop it first, then open the show.")
	case s.Busy():
		f.desk.tell(writingText(s.Writing) + " Another show would cut that short: open it then.")
	default:
		return false
	}
	return true
}

// replacing asks about the projector, replays that wait and unsaved changes before another show
// takes this one's place.
func (f *files) replacing(then func()) {
	f.desk.settle(func() {
		replays, audience := replaysText(f.desk.state), f.audience()
		tip, stay := "The projector goes over to the other show", "Leave everything as it is"
		if replays != "" {
			tip, stay = "They are tried once more: what cannot be saved then is lost", "Leave everything as it is: make room, or choose another folder for replays"
		}
		switch text := joined(audience, replays); {
		case f.refused():
		case text != "": // it need not ever be saved, so it is asked about instead of waited for
			f.bar.ask(text,
				answer{caption: "Go on", tip: tip, risky: true, do: func() { f.askReplacing(then) }},
				answer{caption: "Stay", tip: stay})
		default:
			f.askReplacing(then)
		}
	})
}

func (f *files) askReplacing(then func()) {
	info := f.info()
	switch {
	case f.refused(): // since the question
	case info.Dirty:
		f.bar.ask(showName(info.Name)+" has changes that are not saved.",
			answer{caption: "Save first", tip: "Save, then go on", do: func() { f.save(then) }},
			answer{caption: "Don't save", tip: "Lose the changes and go on", risky: true, do: then},
			answer{caption: "Stay", tip: "Leave everything as it is"})
	default:
		then()
	}
}

// fresh begins a new show from a template; the demo has a canvas of its own.
func (f *files) fresh(template string, canvas scenes.Canvas) {
	if f.docs == nil || f.refused() {
		return
	}
	f.desk.stopTyping() // the text is of the show that goes
	f.replacing(func() {
		f.run(func() error { return f.docs.New(template, canvas) }, "", f.opened)
	})
}

// open opens a file.
func (f *files) open(path string) {
	if f.refused() {
		return
	}
	f.desk.stopTyping() // the text is of the show that goes
	f.replacing(func() {
		f.run(func() error { return f.docs.Open(path) }, "Opened "+filepath.Base(path)+".", f.opened)
	})
}

func (f *files) openChosen() {
	if !f.refused() {
		f.choose(false, "", f.open)
	}
}

// save writes the show to its file, or asks for one; next follows when it is written.
func (f *files) save(next func()) {
	if f.docs == nil {
		return
	}
	f.desk.settle(func() {
		info := f.info()
		if info.Path == "" {
			f.saveAs(next)
			return
		}
		f.run(f.docs.Save, "Saved "+filepath.Base(info.Path)+".", next)
	})
}

// showSuffix is how the names of show files end.
const showSuffix = ".json"

// safeName makes a name that every file system takes.
func safeName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, name)
}

func showName(name string) string {
	if name == "" {
		return "The show"
	}
	return "“" + name + "”"
}

// chooser asks with Fyne's file dialog, beginning in the folder used last.
func chooser(desk *desk, win fyne.Window, prefs fyne.Preferences, failed func(string)) func(bool, string, func(string)) {
	ask := func(save bool, name string, at fyne.ListableURI, done func(string)) {
		took := func(uri fyne.URI) {
			path := uri.Path()
			prefs.SetString(prefFolder, filepath.Dir(path))
			done(path)
		}
		var d *dialog.FileDialog
		if save {
			d = dialog.NewFileSave(func(w fyne.URIWriteCloser, err error) {
				switch {
				case err != nil:
					failed(said(err))
				case w != nil:
					_ = w.Close() // nothing was opened: see namesOnly
					took(w.URI())
				}
			}, win)
			d.SetFileName(name)
			d.SetTitleText("Save the show")
		} else {
			d = dialog.NewFileOpen(func(r fyne.URIReadCloser, err error) {
				switch {
				case err != nil:
					failed(said(err))
				case r != nil:
					_ = r.Close() // only its name is wanted
					took(r.URI())
				}
			}, win)
			d.SetTitleText("Open a show")
		}
		d.SetFilter(storage.NewExtensionFileFilter([]string{showSuffix}))
		d.SetLocation(at)
		d.SetView(dialog.ListView) // names whole, until the operator chooses icons
		size := win.Canvas().Size()
		d.Resize(fyne.NewSize(size.Width*0.8, size.Height*0.85))
		d.Show()
		if e, ok := win.Canvas().Focused().(*widget.Entry); ok && save {
			e.TypedShortcut(&fyne.ShortcutSelectAll{}) // what is typed is the name
		}
	}
	return func(save bool, name string, done func(string)) {
		desk.startFolder([]string{prefs.String(prefFolder)}, func(at fyne.ListableURI) { ask(save, name, at, done) })
	}
}
