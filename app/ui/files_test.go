package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// fakeDocuments keeps a diary of what it was asked for.
type fakeDocuments struct {
	info    DocumentInfo
	recent  []RecentShow
	work    RecoveredShow
	has     bool
	diary   []string
	refuses error
	looked  func()      // not nil: Recent calls it
	dirtied atomic.Bool // by another goroutine
}

func (f *fakeDocuments) setDirty() { f.dirtied.Store(true) }

func (f *fakeDocuments) note(what string) error {
	f.diary = append(f.diary, what)
	return f.refuses
}
func (f *fakeDocuments) Info() DocumentInfo {
	info := f.info
	info.Dirty = info.Dirty || f.dirtied.Load()
	return info
}
func (f *fakeDocuments) New(template string, c scenes.Canvas) error {
	if c != scenes.Default().Canvas {
		template += fmt.Sprintf(" %dx%d at %v", c.Width, c.Height, c.FPS)
	}
	return f.note("new " + template)
}
func (f *fakeDocuments) Open(path string) error   { return f.note("open " + path) }
func (f *fakeDocuments) Save() error              { return f.note("save") }
func (f *fakeDocuments) SaveAs(path string) error { return f.note("save as " + path) }
func (f *fakeDocuments) Recent() []RecentShow {
	if f.looked != nil {
		f.looked()
	}
	return f.recent
}
func (f *fakeDocuments) Recovery() (RecoveredShow, bool) { return f.work, f.has }
func (f *fakeDocuments) Recover() error                  { return f.note("recover") }
func (f *fakeDocuments) DropRecovery() error             { return f.note("drop") }
func (f *fakeDocuments) Discard() error                  { return f.note("discard") }

func wantDiary(t *testing.T, f *fakeDocuments, want ...string) {
	t.Helper()
	if got := strings.Join(f.diary, "; "); got != strings.Join(want, "; ") {
		t.Errorf("asked for %q, want %q", got, strings.Join(want, "; "))
	}
}

// answer presses a button of the question.
func (b *bench) answer(t *testing.T, caption string) {
	t.Helper()
	for _, a := range b.place.bar.buttons {
		if a.caption.full == caption {
			press(a)
			return
		}
	}
	t.Fatalf("the bar asks %q and has no %q", b.place.bar.text.full, caption)
}

func benchWithDocuments(t *testing.T, info DocumentInfo) (*bench, *fakeDocuments) {
	t.Helper()
	f := &fakeDocuments{info: info}
	b := newBenchWith(t, aState(), Services{Documents: f})
	b.files.choose = func(_ bool, _ string, done func(string)) { done("/shows/chosen") }
	return b, f
}

func TestSaving(t *testing.T) {
	b, f := benchWithDocuments(t, DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json", Dirty: true})
	b.keys.down(fyne.KeyS, ctrl)
	wantDiary(t, f, "save")
	f.diary, f.info.Path = nil, ""
	b.keys.down(fyne.KeyS, ctrl)
	wantDiary(t, f, "save as /shows/chosen.json")
	f.diary = nil
	b.keys.down(fyne.KeyS, shiftCtrl)
	wantDiary(t, f, "save as /shows/chosen.json")
	f.diary, f.info.ReadOnly = nil, "another window has it"
	b.keys.down(fyne.KeyS, ctrl)
	wantDiary(t, f)
	f.info.ReadOnly, f.refuses, f.info.Path = "", errors.New("the disk is full"), "/shows/sunday.json"
	b.keys.down(fyne.KeyS, ctrl)
	if got, _ := b.takeNotice(); got != "The disk is full." {
		t.Errorf("a save that failed says %q", got)
	}
}

func TestOpeningAsksAboutWhatWouldBeLost(t *testing.T) {
	b, f := benchWithDocuments(t, DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json"})
	b.keys.down(fyne.KeyO, ctrl)
	wantDiary(t, f, "open /shows/chosen")
	f.diary, f.info.Dirty = nil, true
	b.keys.down(fyne.KeyO, ctrl)
	wantDiary(t, f)
	b.answer(t, "Stay")
	wantDiary(t, f)
	b.keys.down(fyne.KeyN, ctrl)
	b.answer(t, "Don't save")
	wantDiary(t, f, "new empty")
	f.diary = nil
	b.keys.down(fyne.KeyO, ctrl)
	b.answer(t, "Save first")
	wantDiary(t, f, "save", "open /shows/chosen")

	f.diary, f.info.Dirty = nil, false
	f.info.Dirty = true
	b.keys.down(fyne.KeyN, ctrl)
	b.keys.down(fyne.KeyEscape, 0)
	if b.place.bar.asking() {
		t.Error("Escape left the question standing")
	}
	wantDiary(t, f)
}

// The document refuses another show while something is delivered: nothing is asked that
// would come to that.
func TestNoOtherShowWhileSomethingIsDelivered(t *testing.T) {
	for name, busy := range map[string]func(*engine.State){
		"live":             func(s *engine.State) { s.Live = true },
		"recording":        func(s *engine.State) { s.Recording = true },
		"an own recording": func(s *engine.State) { s.ISOs = []engine.DestinationState{{ID: "cam1", Started: true}} },
	} {
		for _, dirty := range []bool{false, true} {
			b, f := benchWithDocuments(t, DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json", Dirty: dirty})
			s := aState()
			busy(s)
			b.show(s)
			b.desk.openTab("show")
			b.lists.list.startRename("cam1")
			typed := b.canvas.Focused()
			for key, act := range map[string]func(){"Ctrl+O": func() { b.keys.down(fyne.KeyO, ctrl) }, "Ctrl+N": func() { b.keys.down(fyne.KeyN, ctrl) }, "a recent file": func() { b.files.open("/shows/other.json") }} {
				act()
				got, _ := b.takeNotice()
				if !strings.Contains(got, "stop it first") || b.place.bar.asking() || len(f.diary) != 0 {
					t.Errorf("%s, dirty %v, %s: says %q, asks %v, asked for %q", name, dirty, key, got, b.place.bar.asking(), f.diary)
				}
				if typed == nil || b.canvas.Focused() != typed {
					t.Errorf("%s: what is typed on would be hotkeys", key)
				}
			}
		}
	}
}

// One of the recent files may be on a share that hangs: the form of the show before is put
// away first, for it would be saved into the next.
func TestTheShowBeforeIsForgottenBeforeFilesAreLookedUp(t *testing.T) {
	b, f := benchWithDocuments(t, DocumentInfo{Name: "Sunday"})
	b.side.openID("outputs")
	b.keys.outputs.edit("a", false)
	form := b.keys.outputs.form
	if !form.Visible() {
		t.Fatal("the form is not open")
	}
	looks := 0
	f.looked = func() {
		looks++
		if form.Visible() {
			t.Error("the form of the show before is still open")
		}
		if looks == 1 { // another one is wanted meanwhile
			f.recent = []RecentShow{{Path: "/shows/a.json"}}
			b.files.readRecent()
		}
	}
	b.keys.down(fyne.KeyN, ctrl)
	wantDiary(t, f, "new empty")
	if looks != 2 || len(b.files.recent) != 1 {
		t.Errorf("%d looks found %v", looks, b.files.recent)
	}
}

func TestRecentFiles(t *testing.T) {
	b, f := benchWithDocuments(t, DocumentInfo{Name: "Sunday"})
	if !b.menuItem(t, "File/Open recent").Disabled {
		t.Error("there are no recent files, and their menu can be opened")
	}
	f.recent = []RecentShow{{Path: "/shows/a.json"}, {Path: "/shows/gone.json", Missing: true}}
	b.files.readRecent()
	if !b.menuItem(t, "File/Open recent//shows/gone.json").Disabled {
		t.Error("a file that is gone can be chosen")
	}
	b.menuItem(t, "File/Open recent//shows/a.json").Action()
	wantDiary(t, f, "open /shows/a.json")
}

func TestTitleMarksWhatIsNotSaved(t *testing.T) {
	b, f := benchWithDocuments(t, DocumentInfo{Name: "Sunday"})
	got := ""
	b.setTitle = func(title string) { got = title }
	f.info.Dirty = true
	b.show(aState())
	if got != "Sunday * - Crosspoint" {
		t.Errorf("the title is %q", got)
	}
	s := aState()
	s.Show.Name = "Service"
	f.info.Path, f.info.Name = "/shows/sunday.json", "sunday.json"
	b.show(s)
	if got != "sunday.json (Service) * - Crosspoint" {
		t.Errorf("the title of a file is %q", got)
	}
	s.Show.Name = scenes.Untitled
	b.show(s)
	if got != "sunday.json * - Crosspoint" {
		t.Errorf("the title of a file whose show has no name is %q", got)
	}
	f.info = DocumentInfo{Name: "Sunday"}
	f.info.Dirty, f.info.ReadOnly = false, "another window has it"
	b.show(aState())
	if got != "Sunday (read only) - Crosspoint" {
		t.Errorf("the title is %q", got)
	}
}

func TestFirstPage(t *testing.T) {
	first := DocumentInfo{Name: "Demo", FirstRun: true}
	t.Run("shows on a first run, demo stays", func(t *testing.T) {
		b, f := benchWithDocuments(t, first)
		if !b.first.Visible() {
			t.Fatal("the page does not show")
		}
		press(b.first.cards[0])
		if b.first.Visible() {
			t.Error("the page is still there")
		}
		wantDiary(t, f)
	})
	t.Run("camera", func(t *testing.T) {
		b, f := benchWithDocuments(t, first)
		press(b.first.cards[1])
		wantDiary(t, f, "new camera")
		if b.first.Visible() {
			t.Error("the page is still there")
		}
	})
	t.Run("empty show refused", func(t *testing.T) {
		b, f := benchWithDocuments(t, first)
		f.refuses = errors.New("the canvas of a running show cannot change")
		press(b.first.cards[2])
		if !b.first.Visible() {
			t.Error("the page went although there is no new show")
		}
	})
	t.Run("Escape", func(t *testing.T) {
		b, _ := benchWithDocuments(t, first)
		b.keys.down(fyne.KeyEscape, 0)
		if b.first.Visible() {
			t.Error("the page is still there")
		}
	})
	t.Run("recovery on the page", func(t *testing.T) {
		f := &fakeDocuments{info: first, has: true, work: RecoveredShow{Name: "Sunday", Time: time.Unix(1e9, 0)}}
		b := newBenchWith(t, aState(), Services{Documents: f})
		if !b.first.recover.Visible() || !strings.Contains(b.first.recoveryText.full, "“Sunday”") {
			t.Fatalf("the page offers %q, visible %v", b.first.recoveryText.full, b.first.recover.Visible())
		}
		press(b.first.recover)
		wantDiary(t, f, "recover")
		if b.first.Visible() {
			t.Error("the page is still there")
		}
	})
	t.Run("recovery does not lose what is not saved now", func(t *testing.T) {
		f := &fakeDocuments{info: DocumentInfo{Name: "Monday", Path: "/a", Dirty: true}, has: true, work: RecoveredShow{Name: "Sunday"}}
		b := newBenchWith(t, aState(), Services{Documents: f})
		b.answer(t, "Recover")
		wantDiary(t, f)
		b.answer(t, "Stay")
		b.first.ask()
		press(b.first.recover)
		wantDiary(t, f)
		b.answer(t, "Save first")
		wantDiary(t, f, "save", "recover")
	})
	t.Run("the desk under it is out of reach", func(t *testing.T) {
		b, _ := benchWithDocuments(t, first)
		for range 20 {
			b.canvas.(interface{ FocusNext() }).FocusNext()
			switch f := b.canvas.Focused(); f {
			case b.first.cards[0], b.first.cards[1], b.first.cards[2], b.first.shape.size.list, b.first.shape.rate.list, b.first.open, b.first.close:
			default:
				t.Fatalf("Tab went to %s, which is not on the page", typeName(f))
			}
		}
		for _, key := range []fyne.KeyName{fyne.KeyReturn, fyne.KeySpace, fyne.Key2, fyne.KeyR} {
			b.keys.down(key, 0)
		}
		b.keys.down(fyne.Key2, fyne.KeyModifierControl)
		wantSent(t, b)
		b.keys.down(fyne.KeyEscape, 0)
		if b.canvas.Focused() != nil || !b.place.root.Visible() {
			t.Error("the desk is not as it was")
		}
		b.keys.down(fyne.KeyReturn, 0)
		wantSent(t, b, &engine.Cut{})
	})
	t.Run("what is asked is seen", func(t *testing.T) {
		b, _ := benchWithDocuments(t, DocumentInfo{Name: "Sunday", Path: "/a", Dirty: true})
		b.first.ask()
		press(b.first.cards[2])
		if b.first.Visible() || !b.place.root.Visible() || !b.place.bar.Visible() {
			t.Fatal("the question is under the page")
		}
		b.canvas.(interface{ FocusNext() }).FocusNext()
		if b.canvas.Focused() != b.place.bar.buttons[0] {
			t.Errorf("Tab went to %s, not to the first answer", typeName(b.canvas.Focused()))
		}
	})
	t.Run("recent shows that fit", func(t *testing.T) {
		f := &fakeDocuments{info: first, recent: []RecentShow{{Path: "/a.json"}, {Path: "/b.json"}, {Path: "/c.json"}}}
		b := newBenchWith(t, aState(), Services{Documents: f})
		for height, want := range map[float32]int{728: 3, 365: 1, 341: 0} { // at 200 % on 1366x768, and a little more
			b.first.Resize(fyne.NewSize(683, height))
			got := 0
			for _, r := range b.first.recent {
				if r.Visible() {
					got++
					if end := r.Position().Y + r.Size().Height; end > height {
						t.Errorf("%v high: a recent show ends at %v", height, end)
					}
				}
			}
			if got != want {
				t.Errorf("%v high: %d recent shows, want %d", height, got, want)
			}
		}
	})
	t.Run("recovery in the bar", func(t *testing.T) {
		f := &fakeDocuments{info: DocumentInfo{Name: "Sunday", Path: "/a"}, has: true, work: RecoveredShow{Name: "Sunday"}}
		b := newBenchWith(t, aState(), Services{Documents: f})
		if b.first.Visible() {
			t.Error("it is no first run, and the page shows")
		}
		b.answer(t, "Discard")
		wantDiary(t, f, "drop")
	})
}

// Saving, closing and opening another show take what is being typed: the command goes out
// first, and they wait for the state that has it.
func TestWhatIsTypedIsTakenAlong(t *testing.T) {
	for _, c := range []struct {
		name  string
		act   func(*bench)
		diary []string
		asks  bool
		stays bool // the text keeps the keyboard
	}{
		{name: "Save", act: func(b *bench) { b.files.save(nil) }, diary: []string{"save"}, stays: true},
		{name: "Save as", act: func(b *bench) { b.files.saveAs(nil) }, diary: []string{"save as /shows/chosen.json"}, stays: true},
		{name: "the window is closed", act: func(b *bench) { b.files.closeWindow() }, asks: true},
		{name: "Open", act: func(b *bench) { b.files.openChosen() }, asks: true},
		{name: "New", act: func(b *bench) { b.files.fresh("empty", usualCanvas()) }, asks: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			docs := &fakeDocuments{info: DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json"}}
			services := buildServices()
			services.Documents = docs
			b := newBenchWith(t, quad(), services)
			b.side.openID("show")
			b.lists.choose("title")
			b.show(quad())
			b.files.choose = func(_ bool, _ string, done func(string)) { done("/shows/chosen") }
			closed := false
			b.quit = func() { closed = true }
			// The engine has applied a command some time before its state says so.
			b.studio.carried = func() {
				go func() {
					time.Sleep(30 * time.Millisecond) // what a tick takes
					docs.setDirty()
					b.studio.state.Store(quad())
				}()
			}
			ctx, end := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { b.desk.sender.run(ctx); close(ended) }()
			defer func() { end(); <-ended }()

			rows := b.lists.source.form.rows
			text := rows[slices.IndexFunc(rows, func(r *formRow) bool { return r.spec.key == textKey })].entry
			b.canvas.Focus(text)
			text.SetText("Good evening")
			c.act(b)

			if got := b.studio.done(); len(got) != 1 || !strings.Contains(commandsText(got), "Good evening") {
				t.Errorf("the studio was told %s", commandsText(got))
			}
			wantDiary(t, docs, c.diary...)
			if !docs.Info().Dirty {
				t.Error("it was done before the state had the text")
			}
			if closed || b.place.bar.asking() != c.asks {
				t.Errorf("closed %v, asks %v; want a question: %v", closed, b.place.bar.asking(), c.asks)
			}
			if stays := b.canvas.Focused() == text; stays != c.stays {
				t.Errorf("the text has the keyboard: %v, want %v", stays, c.stays)
			}
		})
	}
}

// The first page never covers a desk that is live or records: not when it is asked for, not at
// the first run, and not when the desk goes live behind it.
func TestFirstPageLeavesALiveDeskAlone(t *testing.T) {
	live, records := aState(), aState()
	live.Live, records.Recording = true, true
	for name, s := range map[string]*engine.State{"live": live, "recording": records} {
		b, _ := benchWithDocuments(t, DocumentInfo{Name: "Sunday"})
		b.first.ask()
		if !b.first.Visible() || !b.keys.covered {
			t.Fatal("the page does not show on a desk at rest")
		}
		b.show(s)
		if b.first.Visible() || b.keys.covered || !b.place.root.Visible() {
			t.Errorf("%s: the page stays over the desk", name)
		}
		b.takeNotice()
		b.first.ask()
		text, _ := b.takeNotice()
		b.files.another()
		if b.first.Visible() || text == "" {
			t.Errorf("%s: the page was asked for and covers the desk: %v; told %q", name, b.first.Visible(), text)
		}
		first := newBenchWith(t, s, Services{Documents: &fakeDocuments{info: DocumentInfo{FirstRun: true}}})
		if first.first.Visible() {
			t.Errorf("%s: at the first run the page covers the desk", name)
		}
	}
}
