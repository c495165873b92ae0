package ui

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"

	"crosspoint.studio/crosspoint/app/engine"
)

func TestProjector(t *testing.T) {
	b := newBench(t, aState())
	for _, p := range projections {
		b.menuItem(t, "View/Projector/"+p.title).Action()
		if !b.projector.showing(p.kind) || !b.projector.win.FullScreen() {
			t.Fatalf("%s: the projector does not show it full screen", p.title)
		}
		b.projector.own.views.take(time.Now())
		b.show(aState())
		b.desk.sets.take(time.Now())
	}
	if n := len(b.studio.opened()); n == 0 {
		t.Error("the projector opened no views")
	}
	cell := b.projector.panel.(*multiview).cells[1]
	press(cell)
	b.projector.keyDown(&fyne.KeyEvent{Name: fyne.KeyReturn})
	wantSent(t, b, &engine.Preview{Scene: "two"}, &engine.Cut{})
	own := b.projector.own.views
	b.projector.keyDown(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if b.projector.win != nil {
		t.Error("Escape left the projector open")
	}
	b.desk.sets.take(time.Now())
	for _, v := range own.list {
		if v.picture != nil {
			t.Error("a view of the closed projector is still open")
		}
	}
	b.show(aState())
}

// The strips of clips take nothing from the shape of the multiview's pictures.
func TestMultiviewKeepsItsShapeWithClips(t *testing.T) {
	for _, s := range []*engine.State{aState(), aClip()} {
		b := newBench(t, s)
		b.projector.toggle(projectMultiview)
		b.projector.win.Resize(fyne.NewSize(1366, 768))
		b.show(s)
		m := b.projector.panel.(*multiview)
		for _, p := range []*monitorPanel{m.preview, m.program} {
			if size := p.view.img.Size(); size.Width < 16*size.Height/9-1 || size.Width > 16*size.Height/9+1 {
				t.Errorf("a picture is %v", size)
			}
		}
		last := m.cells[len(m.cells)-1]
		if foot := last.Position().Y + last.Size().Height; foot > m.Size().Height {
			t.Errorf("the last row ends at %v of %v", foot, m.Size().Height)
		}
	}
}

// The number on a cell is the one whose key switches to it, whatever the bank shows.
func TestMultiviewHasTheNumbersOfTheBank(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	b.projector.toggle(projectMultiview)
	m := b.projector.panel.(*multiview)
	for tab, want := range map[int][4]string{tabScenes: {"1", "2", "", ""}, tabSources: {"", "", "1", "2"}, tabAll: {"1", "2", "3", "4"}} {
		b.keys.bank.choose(tab)
		b.show(s)
		for i, id := range []string{"one", "two", "cam1", "cam2"} {
			c := m.cells[i]
			if c.item.id != id || c.number.full != want[i] {
				t.Errorf("tab %d: cell %d is %s with the number %q, want %s and %q", tab, i, c.item.id, c.number.full, id, want[i])
			}
			b.projector.keyDown(&fyne.KeyEvent{Name: fyne.KeyName(cmp.Or(want[i], "9"))})
			if want[i] == "" {
				wantSent(t, b)
			} else {
				wantSent(t, b, &engine.Preview{Scene: id})
			}
		}
	}
}

// fakeScreens are displays of the test's own; the main window is on the first.
type fakeScreens struct {
	all      []display
	moved    []string
	keyboard fyne.Window // that has it
	restored []fyne.Window
}

func (f *fakeScreens) list(fyne.Window) []display { return f.all }

func (f *fakeScreens) middle(fyne.Window) (x, y int) { return 600, 400 }

func (f *fakeScreens) move(_ fyne.Window, to display) { f.moved = append(f.moved, to.name) }

func (f *fakeScreens) fill(_ fyne.Window, to display) {}

func (f *fakeScreens) hasKeyboard(win fyne.Window) bool { return f.keyboard == win }

func (f *fakeScreens) restore(win fyne.Window) { f.restored = append(f.restored, win) }

func (f *fakeScreens) last() string { return f.moved[len(f.moved)-1] }

func TestProjectorFindsItsDisplay(t *testing.T) {
	b := newBench(t, aState())
	three := []display{{"eDP-1", 0, 0, 1366, 768}, {"HDMI-1", 1366, 0, 1920, 1080}, {"HDMI-2", 3286, 0, 1280, 720}}
	f := &fakeScreens{all: three[:1]}
	p := b.projector
	p.screens = f
	p.displaysChanged()
	if n := len(p.actions()); n != 0 {
		t.Errorf("one display is %d entries of the menu", n)
	}
	p.toggle(projectProgram)
	if len(f.moved) != 0 || !p.win.FullScreen() {
		t.Errorf("with one display it was moved to %v", f.moved)
	}
	p.toggle(projectProgram)
	f.all = three
	p.displaysChanged()
	p.toggle(projectMultiview)
	if f.last() != "HDMI-1" {
		t.Errorf("it went to %s, want the first without the window", f.last())
	}
	b.clock = b.clock.Add(2 * menuPace)
	b.show(aState())
	b.menuItem(t, "View/Projector/On HDMI-2 (1280 x 720)").Action()
	if f.last() != "HDMI-2" || !p.showing(projectMultiview) {
		t.Errorf("chosen while it shows, it is on %s", f.last())
	}
	if !p.choices[3].checked() || p.choices[0].checked() {
		t.Error("the menu does not say which display was chosen")
	}
	p.leave()

	again := &projector{desk: b.desk, keys: b.keys, newWindow: p.newWindow, screens: f, prefs: p.prefs, covered: p.covered}
	again.toggle(projectProgram)
	if f.last() != "HDMI-2" {
		t.Errorf("at the next start it went to %s", f.last())
	}
	f.all = three[:2]
	again.displaysChanged()
	if again.win != nil {
		t.Error("it stays although its display is gone")
	}
	if text, _ := b.takeNotice(); text != "The display HDMI-2 is gone, and with it the programme full screen; it comes back with the display." {
		t.Errorf("the window says %q", text)
	}
	f.all = three
	again.displaysChanged()
	if !again.showing(projectProgram) || f.last() != "HDMI-2" {
		t.Error("it does not come back with its display")
	}
	f.all = three[:2]
	again.displaysChanged()
	again.toggle(projectProgram) // the operator takes another display meanwhile
	again.leave()
	f.all = three
	again.displaysChanged()
	if again.win != nil {
		t.Error("closed by hand, it comes back with a display")
	}
}

// focused counts how often a window is given the keyboard.
type focused struct {
	fyne.Window
	times int
}

func (w *focused) RequestFocus() { w.times++ }

// A projector that opens by itself leaves the keyboard to the main window, unless it covers it.
func TestProjectorLeavesTheKeyboard(t *testing.T) {
	b := newBench(t, aState())
	two := []display{{"eDP-1", 0, 0, 1366, 768}, {"HDMI-1", 1366, 0, 1920, 1080}}
	p, f, win := b.projector, &fakeScreens{all: two}, &focused{}
	p.screens, p.main = f, win
	p.toggle(projectProgram)
	if win.times != 0 {
		t.Error("a projector that was asked for does not get the keyboard")
	}
	f.all = two[:1]
	p.displaysChanged()
	f.all = two
	p.displaysChanged()
	if !p.showing(projectProgram) || win.times != 1 {
		t.Errorf("it came back with its display (%v), and the window got the keyboard %d times", p.showing(projectProgram), win.times)
	}
	p.want("eDP-1")
	if f.last() != "eDP-1" || win.times != 1 {
		t.Errorf("over the window, on %s, the window was put before it", f.last())
	}
	p.want("HDMI-1")
	if f.last() != "HDMI-1" || win.times != 2 {
		t.Errorf("moved to %s, the window got the keyboard %d times", f.last(), win.times)
	}
	p.leave()
}

// Typed over the projector, what the palette or a dialog of the main window asks for cuts
// nothing: it takes the keyboard there.
func TestProjectorsKeysAreNotForTheDeskUnderAQuestion(t *testing.T) {
	b := newBench(t, aState())
	p, f, win := b.projector, &fakeScreens{}, &focused{}
	over := windowOf(b.content) // before: the test driver takes the newest window for that of all
	p.screens, p.main = f, win
	p.toggle(projectMultiview)
	typed := func(names ...fyne.KeyName) {
		for _, name := range names {
			p.keyDown(&fyne.KeyEvent{Name: name})
		}
	}
	wantKeyboard := func(what string) {
		t.Helper()
		if win.times == 0 || len(f.restored) == 0 {
			t.Errorf("%s: the main window did not get the keyboard", what)
		}
		win.times, f.restored = 0, nil
	}
	typed(fyne.KeyB)
	wantSent(t, b, &engine.FadeToBlack{})
	if win.times != 0 {
		t.Error("a key of the desk took the keyboard from the projector")
	}

	b.palette.open()
	typed(fyne.KeyB, fyne.KeyReturn, fyne.KeySpace, fyne.Key1)
	wantSent(t, b)
	wantKeyboard("palette")
	typed(fyne.KeyEscape)
	if b.palette.Visible() || p.win == nil {
		t.Errorf("Escape closed the projector (%v) before the palette (%v)", p.win == nil, !b.palette.Visible())
	}

	f.keyboard = p.win
	dialog.ShowConfirm("Overwrite?", "", func(bool) {}, over)
	b.show(aState()) // the dialog came some time after the key
	wantKeyboard("dialog")
	typed(fyne.KeyR, fyne.KeyReturn, fyne.KeyM)
	wantSent(t, b)
	b.canvas.Overlays().Top().Hide()
	b.show(aState())
	win.times = 0
	f.keyboard = nil
	b.palette.open()
	b.show(aState())
	if win.times != 0 {
		t.Error("the keyboard was taken from another program's window")
	}
	b.palette.close()
	typed(fyne.KeyEscape)
	if p.win != nil {
		t.Error("Escape does not leave the projector any more")
	}
}

// Of two equal displays the one that is left has another name; the projector on it stays.
func TestProjectorKnowsItsDisplayByItsPlace(t *testing.T) {
	b := newBench(t, aState())
	f := &fakeScreens{all: []display{{"Panel", 0, 0, 1366, 768}, {"Beamer", 1366, 0, 1920, 1080}, {"Beamer 2", 3286, 0, 1920, 1080}}}
	p := b.projector
	p.screens = f
	p.prefs.SetString(prefProjector, "Beamer 2")
	p.toggle(projectProgram)
	win := p.win
	f.all = []display{f.all[0], {"Beamer", 3286, 0, 1920, 1080}}
	p.displaysChanged()
	if p.win != win || p.on.name != "Beamer" {
		t.Errorf("it was closed or is on %+v", p.on)
	}
	f.all = f.all[:1]
	p.displaysChanged()
	if p.win != nil || p.lostOn != "Beamer" {
		t.Errorf("its display is gone, and it stays; lost on %q", p.lostOn)
	}
}

// openMultiview returns the handles of its preview.
func (b *bench) openMultiview() *handles {
	b.projector.toggle(projectMultiview)
	b.projector.win.Resize(fyne.NewSize(1366, 768))
	b.show(b.desk.state)
	return b.projector.panel.(*multiview).preview.handles
}

// A hall sees the programme on a projector: neither another show nor the end comes unasked.
func TestProjectorIsAskedAbout(t *testing.T) {
	for _, c := range []struct {
		kind projection
		asks string
	}{{projectProgram, "The projector shows the programme."}, {projectPreview, ""}} {
		b, f := benchWithDocuments(t, DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json"})
		b.projector.toggle(c.kind)
		closed := 0
		b.quit = func() { closed++ }
		asked := func(what, answer string) {
			t.Helper()
			if got := b.place.bar.text.full; b.place.bar.asking() != (c.asks != "") || got != c.asks {
				t.Errorf("%s asks %q, want %q", what, got, c.asks)
			}
			if c.asks != "" {
				b.answer(t, answer)
			}
		}
		b.keys.down(fyne.KeyN, ctrl)
		asked("another show", "Stay")
		b.keys.down(fyne.KeyQ, ctrl)
		asked("the end", "Stay")
		if c.asks != "" && (closed != 0 || len(f.diary) != 0) {
			t.Fatalf("closed %d times, asked for %q, and the answer was to stay", closed, f.diary)
		}
		if c.asks == "" {
			continue
		}
		b.keys.down(fyne.KeyN, ctrl)
		b.answer(t, "Go on")
		b.keys.down(fyne.KeyQ, ctrl)
		b.answer(t, "Close all the same")
		if closed != 1 {
			t.Errorf("closed %d times after the answer", closed)
		}
		wantDiary(t, f, "new empty")
	}
}

// An edit in the multiview is over for it, too, when the state has it: what is changed in the
// main window since then stays.
func TestMultiviewEditsTheNewestShow(t *testing.T) {
	s := builtState(t)
	b := newBenchWith(t, s, buildServices())
	h := b.openMultiview()
	drag := func(from, to point) {
		h.mouse(from, 0)
		h.drag(h.toScreen(to), fyne.KeyModifierShift)
		h.DragEnd()
		b.clock = b.clock.Add(time.Second)
	}
	drag(point{300, 200}, point{500, 400})
	list := b.unsent()
	if len(list) != 1 {
		t.Fatalf("%d commands were sent, want one", len(list))
	}
	list[0].answer(nil)
	next := *s
	next.Tick += 5
	var err error
	if next.Show, err = s.Show.SetLayers("two", list[0].cmd.(*engine.SetLayers).Layers); err != nil {
		t.Fatal(err)
	}
	b.studio.state.Store(&next)
	b.show(&next)
	if n := len(b.projector.own.edits); n != 0 {
		t.Errorf("%d edits are kept that the state has", n)
	}
	layers := slices.Clone(s.Show.Scenes[0].Layers)
	layers[0].X, layers[0].Opacity = 300, 0.5 // in the main window, with the drag taken back
	b.desk.send(&engine.SetLayers{ID: "two", Layers: layers})
	h.mouse(point{300, 200}, 0)
	h.nudge(fyne.KeyRight, 0)
	if got := lastOf[*engine.SetLayers](t, b, 2).Layers; got[0].X != 300 || got[0].Opacity != 0.5 {
		t.Errorf("an edit in the multiview sends %+v", got)
	}
}

// A press in the multiview gives the keyboard back from what has it there, and leaves the
// main window's text alone.
func TestMultiviewHasAKeyboardOfItsOwn(t *testing.T) {
	b, p := showBench(t, quad())
	p.list.startRename("cam1") // before: the test driver takes the newest window for that of all
	typed := p.list.rename
	if b.canvas.Focused() != typed {
		t.Fatal("no name is typed in the main window")
	}
	h := b.openMultiview()
	own := b.projector.win.Canvas()
	h.mouse(point{700, 400}, 0)
	h.mouse(point{700, 400}, 0)
	if own.Focused() != h.text {
		t.Fatalf("a double click on a title gives the keyboard to %s", typeName(own.Focused()))
	}
	h.text.SetText("Good evening")
	press(b.projector.panel.(*multiview).cells[1])
	if own.Focused() != nil || h.text.Visible() {
		t.Errorf("after a press elsewhere the keyboard is with %s, the text visible: %v", typeName(own.Focused()), h.text.Visible())
	}
	if got := commandsText(b.sent(t)); !strings.Contains(got, "Good evening") {
		t.Errorf("sent %s", got)
	}
	if b.canvas.Focused() != typed {
		t.Error("the main window's text lost the keyboard")
	}
}
