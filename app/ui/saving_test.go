package ui

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"
)

// pressIn presses the button with that caption in what lies over the window.
func (b *bench) pressIn(t *testing.T, caption string) {
	t.Helper()
	var found *widget.Button
	var walk func(o fyne.CanvasObject)
	walk = func(o fyne.CanvasObject) {
		switch v := o.(type) {
		case *widget.Button:
			if v.Text == caption {
				found = v
			}
		case *fyne.Container:
			for _, c := range v.Objects {
				walk(c)
			}
		case fyne.Widget:
			for _, c := range test.WidgetRenderer(v).Objects() {
				walk(c)
			}
		}
	}
	if top := b.canvas.Overlays().Top(); top != nil {
		walk(top)
	}
	if found == nil {
		t.Fatalf("there is no button %q", caption)
	}
	test.Tap(found)
}

// Fyne's save dialog opens the file that is chosen, which empties it; a show that then
// cannot be written would be gone, old and new.
func TestSaveAsLeavesTheOldFileUntilItIsReplaced(t *testing.T) {
	b, f := benchWithDocuments(t, DocumentInfo{Name: "sunday", Dirty: true})
	chooseNamesOnly()
	dir := t.TempDir()
	path := filepath.Join(dir, "sunday.json")
	if err := os.WriteFile(path, []byte("last week's show"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.looks.prefs.SetString(prefFolder, dir)
	windows := fyne.CurrentApp().Driver().AllWindows()
	win := windows[slices.IndexFunc(windows, func(w fyne.Window) bool { return w.Canvas() == b.canvas })]
	b.files.choose = chooser(b.desk, win, b.looks.prefs, func(text string) { t.Errorf("the dialog says %q", text) })
	f.refuses = errors.New("the disk is full")

	b.keys.down(fyne.KeyS, shiftCtrl)
	b.pressIn(t, "Save")
	b.pressIn(t, "Yes") // overwrite
	wantDiary(t, f, "save as "+path)
	if got, _ := b.takeNotice(); got != "The disk is full." {
		t.Errorf("the window says %q", got)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "last week's show" {
		t.Errorf("after a save that failed the file has %q, %v", got, err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("the folder has %v, %v; want the old file alone", list, err)
	}
}

// A folder on a share whose server is gone keeps no chooser, and not the window, from going on:
// it opens in the home folder.
func TestChoosersDoNotWaitForADeadShare(t *testing.T) {
	b, _ := benchWithDocuments(t, DocumentInfo{})
	home := t.TempDir()
	t.Setenv("HOME", home)
	b.desk.work.inline = false
	posted := make(chan func(), 8)
	b.desk.post = func(f func()) { posted <- f }
	dead := make(chan struct{})
	t.Cleanup(func() {
		close(dead)
		b.desk.work.close(20 * time.Second)
	})
	b.desk.list = func(folders []string) fyne.ListableURI {
		if slices.Contains(folders, "/dead/share") {
			<-dead
		}
		return firstListed(folders)
	}
	opened := ""
	open := func(at fyne.ListableURI) { opened = at.Path() }
	opensIn := func(want string) {
		t.Helper()
		for limit := time.After(30 * time.Second); opened == ""; {
			select {
			case f := <-posted:
				f()
			case <-limit:
				t.Fatal("no chooser opened in 30 s")
			}
		}
		if opened != want {
			t.Errorf("the chooser opened in %s, want %s", opened, want)
		}
	}
	b.desk.startFolder([]string{"/dead/share"}, open) // comes back at once
	b.desk.startFolder([]string{"/dead/share"}, func(fyne.ListableURI) { t.Error("a second chooser opened over the first") })
	opensIn(home)
	there := t.TempDir()
	opened = ""
	b.desk.startFolder([]string{"relative", filepath.Join(there, "no"), there}, open)
	opensIn(there)
}

// A new name leaves no empty file behind when the show cannot be written.
func TestChoosingANewFileMakesNone(t *testing.T) {
	benchWithDocuments(t, DocumentInfo{})
	chooseNamesOnly()
	u := storage.NewFileURI(filepath.Join(t.TempDir(), "new.json"))
	w, err := storage.Writer(u)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("a chosen file was written")
	}
	if err := w.Close(); err != nil || w.URI().String() != u.String() {
		t.Errorf("closing %v: %v", w.URI(), err)
	}
	if there, err := storage.Exists(u); there || err != nil {
		t.Errorf("the file exists: %v, %v", there, err)
	}
	if _, err := storage.List(storage.NewFileURI(filepath.Dir(u.Path()))); err != nil {
		t.Errorf("folders cannot be listed any more: %v", err)
	}
}

// The name that is proposed is the file's own, and every file is one that Open lists.
func TestSaveAsNames(t *testing.T) {
	for _, c := range []struct{ name, proposed, typed, saved string }{
		{"Sunday", "Sunday.json", "/shows/Sunday.json", "/shows/Sunday.json"},
		{"sunday.json", "sunday.json", "/shows/sunday.json", "/shows/sunday.json"},
		{"", "show.json", "/shows/show.JSON", "/shows/show.JSON"},
		{"Talk 12.5", "Talk 12.5.json", "/shows/Talk 12.5", "/shows/Talk 12.5.json"},
	} {
		b, f := benchWithDocuments(t, DocumentInfo{Name: c.name})
		proposed := ""
		b.files.choose = func(_ bool, name string, done func(string)) { proposed = name; done(c.typed) }
		b.keys.down(fyne.KeyS, shiftCtrl)
		if proposed != c.proposed {
			t.Errorf("for %q it proposes %q, want %q", c.name, proposed, c.proposed)
		}
		wantDiary(t, f, "save as "+c.saved)
	}
}

// A name without an ending gets one, and the file of that name was not asked about.
func TestSaveAsAsksAboutTheNameItMakes(t *testing.T) {
	b, f := benchWithDocuments(t, DocumentInfo{Name: "sunday", Dirty: true})
	typed := filepath.Join(t.TempDir(), "sunday")
	b.files.choose = func(_ bool, _ string, done func(string)) { done(typed) }
	b.keys.down(fyne.KeyS, shiftCtrl)
	wantDiary(t, f, "save as "+typed+".json")
	f.diary = nil
	if err := os.WriteFile(typed+".json", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.keys.down(fyne.KeyS, shiftCtrl)
	wantDiary(t, f)
	if !strings.Contains(b.place.bar.text.full, "sunday.json is there already") {
		t.Errorf("the bar asks %q", b.place.bar.text.full)
	}
	b.answer(t, "Don't save")
	wantDiary(t, f)
	b.keys.down(fyne.KeyS, shiftCtrl)
	b.answer(t, "Replace it")
	wantDiary(t, f, "save as "+typed+".json")
}

// A text that is edited in its place keeps the keyboard as well: what is typed on would be
// hotkeys.
func TestSavingLeavesATextOpen(t *testing.T) {
	rename := func(b *bench) *field {
		b.side.openID("show")
		b.lists.open(partSources)
		b.lists.list.startRename("title")
		return b.lists.list.rename
	}
	title := func(b *bench) *field {
		h := b.monitors[0].handles
		h.mouse(point{700, 400}, 0)
		h.mouse(point{700, 400}, 0)
		return h.text
	}
	gain := func(b *bench) *field {
		box := b.keys.audio.strips[0].gain
		box.edit()
		return box.entry
	}
	for _, c := range []struct {
		name         string
		begin        func(*bench) *field
		typed, again string
	}{
		{"title", title, "Good", "Good evening"},
		{"name", rename, "Lower", "Lower third"},
		{"gain", gain, "-7", "-7.5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			services := buildServices()
			docs := &fakeDocuments{info: DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json"}}
			services.Documents = docs
			b := newBenchWith(t, quad(), services)
			f := c.begin(b)
			if b.canvas.Focused() != f {
				t.Fatalf("the keyboard is with %s", typeName(b.canvas.Focused()))
			}
			f.SetText(c.typed)
			b.keys.down(fyne.KeyS, ctrl)
			wantDiary(t, docs, "save")
			if got := commandsText(b.sent(t)); !strings.Contains(got, c.typed) {
				t.Errorf("sent %s, want %q in it", got, c.typed)
			}
			if b.canvas.Focused() != f || !f.Visible() || f.Text != c.typed {
				t.Fatalf("the keyboard is with %s; the text is %q, visible %v", typeName(b.canvas.Focused()), f.Text, f.Visible())
			}
			f.SetText(c.again)
			b.canvas.Unfocus()
			if got := commandsText(b.sent(t)); !strings.Contains(got, c.again) || f.Visible() {
				t.Errorf("left, it sent %s; visible %v", got, f.Visible())
			}
		})
	}
}
