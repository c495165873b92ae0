package ui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	"go.uber.org/goleak"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

func TestArrangementIsRemembered(t *testing.T) {
	a := test.NewTempApp(t)
	a.Settings().SetTheme(newTheme())
	f := &fakeStudio{}
	open := func() *window {
		w := newWindow(anyStudio[*fakePicture]{f}, Services{}, a.Preferences())
		w.looks.load()
		w.content.Resize(fyne.NewSize(1366, 728))
		return w
	}
	w := open()
	before := w.place.side.Size().Width
	w.place.sideEdge.Dragged(&fyne.DragEvent{Dragged: fyne.NewDelta(-60, 0)})
	if got := w.place.side.Size().Width; got < before+59 || got > before+61 {
		t.Errorf("dragged by 60 the side column is %v wide, was %v", got, before)
	}
	w.place.show(regionAudio, false)
	w.side.choose(1)
	tab, wide := w.side.tabs[1].id, w.place.side.Size().Width

	w = open()
	if got := w.place.side.Size().Width; got < wide-1 || got > wide+1 {
		t.Errorf("opened again the side column is %v wide, was %v", got, wide)
	}
	if w.place.audio.Visible() || w.side.tabs[w.side.open].id != tab {
		t.Errorf("opened again: mixer visible %v, tab %q", w.place.audio.Visible(), w.side.tabs[w.side.open].id)
	}
	w.place.reset()
	if !w.place.audio.Visible() || w.place.side.Size().Width != before {
		t.Errorf("after a reset: mixer visible %v, side column %v wide, want %v", w.place.audio.Visible(), w.place.side.Size().Width, before)
	}
	a.Preferences().SetString(prefArrangement, `{"side": 17, "top": -3, "hidden": {"nonsense": true}}`)
	if w = open(); !w.place.side.Visible() || w.place.Top != usualArrangement().Top {
		t.Error("preferences that make no sense make a window that makes none")
	}
}

func TestEveryRegionCanBeHiddenAndComesBack(t *testing.T) {
	b := newBench(t, aState())
	parts := map[region]fyne.CanvasObject{
		regionPreview: b.place.preview, regionTransition: b.place.transition, regionProgram: b.place.program,
		regionBank: b.place.bank, regionAudio: b.place.audio, regionSide: b.place.side, regionStatus: b.place.status,
	}
	for _, r := range regions {
		b.place.show(r.id, false)
		if parts[r.id].Visible() {
			t.Errorf("%s is hidden and shows", r.title)
		}
		b.show(aState())
		b.place.show(r.id, true)
		if !parts[r.id].Visible() {
			t.Errorf("%s does not come back", r.title)
		}
	}
	for _, r := range regions {
		b.place.show(r.id, false)
	}
	b.show(aState())
}

// A window too low for the status bar does not say that it shows.
func TestStatusBarNeedsHeight(t *testing.T) {
	b := newBench(t, aState())
	b.content.Resize(fyne.NewSize(900, 341))
	i := slices.IndexFunc(b.keys.actions, func(a *action) bool { return a.menu == "View" && a.name == "Status bar" })
	bar := b.keys.actions[i]
	if bar.checked() || b.place.status.Visible() {
		t.Errorf("in a low window it shows (%v), the menu says %v", b.place.status.Visible(), bar.checked())
	}
	b.takeNotice()
	bar.do()
	if text, _ := b.takeNotice(); !strings.Contains(text, "too low") || !b.place.visible(regionStatus) {
		t.Errorf("asked for, it says %q", text)
	}
	b.content.Resize(fyne.NewSize(1366, 728))
	if !bar.checked() || !b.place.status.Visible() {
		t.Error("it does not come back with the height")
	}
}

func TestDividersMoveWithTheKeyboardAndReset(t *testing.T) {
	b := newBench(t, aState())
	before := b.place.side.Size().Width
	b.canvas.Focus(b.place.sideEdge)
	b.place.sideEdge.TypedKey(&fyne.KeyEvent{Name: fyne.KeyLeft})
	if got := b.place.side.Size().Width; got <= before {
		t.Errorf("the arrow left the side column %v wide", got)
	}
	press(b.place.sideEdge)
	press(b.place.sideEdge)
	if got := b.place.side.Size().Width; got != before {
		t.Errorf("after a double click it is %v wide, want %v", got, before)
	}
	top := b.place.topEdge.Position().Y
	b.place.topEdge.Dragged(&fyne.DragEvent{Dragged: fyne.NewDelta(0, -50)})
	if got := b.place.topEdge.Position().Y; got >= top {
		t.Errorf("dragged up, the monitors' edge is at %v, was at %v", got, top)
	}
}

func TestNarrowWindowHasADrawer(t *testing.T) {
	b := newBench(t, aState())
	b.content.Resize(fyne.NewSize(683, 360))
	if b.place.side.Visible() {
		t.Error("the side column covers the desk of a narrow window")
	}
	b.desk.openTab("outputs")
	if !b.place.side.Visible() {
		t.Error("the drawer does not open")
	}
	ground, at := b.place.under, b.place.under.Position()
	if s := ground.Size(); !ground.Visible() || at.X > b.place.sideEdge.Position().X || at.X+s.Width < 683 || at.Y+s.Height < 360 {
		t.Errorf("what is under the drawer shows beside %v, %v", at, s)
	}
	b.keys.down(fyne.KeyEscape, 0)
	if b.place.side.Visible() {
		t.Error("Escape left the drawer open")
	}
	b.content.Resize(fyne.NewSize(1366, 728))
	if !b.place.side.Visible() {
		t.Error("in a wide window the side column does not come back")
	}
	if ground.Visible() {
		t.Error("in a wide window the side column hides what is beside it")
	}
}

// A question in a low window takes the room of the bank, not that of CUT and AUTO.
func TestQuestionInALowWindow(t *testing.T) {
	s := aState()
	s.Live, s.Recording = true, true
	b := newBenchWith(t, s, Services{Documents: &fakeDocuments{info: DocumentInfo{Name: "Sunday", Path: "/a", Dirty: true}}})
	b.content.Resize(fyne.NewSize(683, 341))
	b.askClose()
	edges := []fyne.CanvasObject{b.place.bar, b.place.transition, b.place.banner}
	for i, o := range edges[1:] {
		if end := edges[i].Position().Y + edges[i].Size().Height; end > o.Position().Y+0.5 {
			t.Errorf("%s ends at %v, %s begins at %v", typeName(edges[i]), end, typeName(o), o.Position().Y)
		}
	}
	k := b.keys.transition
	if end := k.auto.Position().Y + k.auto.Size().Height; k.auto.Size().Height < 24 || end > k.ftb.Position().Y {
		t.Errorf("AUTO is %v high and ends at %v, FTB begins at %v", k.auto.Size().Height, end, k.ftb.Position().Y)
	}
	if b.place.bank.Visible() {
		t.Error("the bank has no room and shows")
	}
	b.keys.down(fyne.KeyEscape, 0)
	if !b.place.bank.Visible() {
		t.Error("after the answer the bank does not come back")
	}
}

// What 1366x768 leaves at 150, 175 and 200 %: CUT, AUTO and every name are whole.
func TestLargeScaleKeepsWhatMatters(t *testing.T) {
	for _, size := range []fyne.Size{fyne.NewSize(910, 461), fyne.NewSize(780, 393), fyne.NewSize(683, 341)} {
		s := aState()
		show := *s.Show
		for i := range show.Scenes {
			show.Scenes[i].Name = "Camera 1"
		}
		for i := len(show.Scenes); i < 6; i++ {
			show.Scenes = append(show.Scenes, scenes.Scene{ID: fmt.Sprint("more", i), Name: "Camera 1"})
		}
		s.Show = &show
		s.Live, s.Destinations = true, []engine.DestinationState{{ID: "a", Kind: "rtmp", Started: true, Report: outputs.Report{State: outputs.Confirmed}}}
		b := newBench(t, s)
		b.content.Resize(size)
		b.show(s)
		if b.monitors[1].badgeText.full != "ON AIR" {
			t.Errorf("%v: the badge says %q", size, b.monitors[1].badgeText.full)
		}
		for _, v := range []*button{b.keys.transition.cut, b.keys.transition.auto, b.keys.transition.ftb} {
			if h := v.Size().Height; h < 24 {
				t.Errorf("%v: %s is %v high", size, v.caption.full, h)
			}
		}
		if h := b.place.transition.Position().Y + b.place.transition.Size().Height; h > b.place.banner.Position().Y {
			t.Errorf("%v: the transition block ends at %v, the banner begins at %v", size, h, b.place.banner.Position().Y)
		}
		for _, m := range b.monitors {
			if m.name.Text.Text != m.name.full || m.Size().Width < 150 {
				t.Errorf("%v: a monitor %v wide says %q for %q", size, m.Size().Width, m.name.Text.Text, m.name.full)
			}
		}
		bank := b.place.bank
		for i, c := range bank.cells {
			if c.name.Text.Text != c.name.full {
				t.Errorf("%v: cell %d, %v wide, says %q for %q (%s)", size, i, c.Size().Width, c.name.Text.Text, c.name.full, c.mark.full)
			}
			if foot := c.Position().Y + c.Size().Height; foot > bank.scroll.Size().Height {
				t.Errorf("%v: cell %d ends at %v of %v", size, i, foot, bank.scroll.Size().Height)
			}
		}
	}
}

func TestTipsComeLateAndGo(t *testing.T) {
	b := newBench(t, aState())
	var due func()
	b.desk.tips.after = func(_ time.Duration, f func()) func() { due = f; return func() { due = nil } }
	cut := b.keys.transition.cut
	cut.MouseIn(&desktop.MouseEvent{})
	if b.desk.tips.shown() != "" || due == nil {
		t.Fatal("the tip does not wait")
	}
	due()
	if got := b.desk.tips.shown(); got != cut.tip || got == "" {
		t.Errorf("the tip says %q, want %q", got, cut.tip)
	}
	press(cut)
	if got := b.desk.tips.shown(); got != "" {
		t.Errorf("after a press the tip still says %q", got)
	}
}

// Whatever can be pressed says what it does.
func TestEveryButtonHasATip(t *testing.T) {
	b := newBenchWith(t, aState(), Services{Documents: &fakeDocuments{}})
	var walk func(o fyne.CanvasObject)
	walk = func(o fyne.CanvasObject) {
		switch v := o.(type) {
		case *button:
			if v.tip == "" && v.caption.full != "" {
				t.Errorf("the button %q has no tip", v.caption.full)
			}
		case *tabButton:
			if v.tip == "" {
				t.Errorf("the tab %q has no tip", v.caption.full)
			}
		case *fyne.Container:
			for _, c := range v.Objects {
				walk(c)
			}
		case *container.Scroll:
			walk(v.Content)
		}
		if v, ok := o.(interface{ children() []fyne.CanvasObject }); ok {
			for _, c := range v.children() {
				walk(c)
			}
		}
	}
	walk(b.content)
}

func TestMinimisedWindowRests(t *testing.T) {
	b := newBench(t, aState())
	defer leaks.VerifyNone(t, goleak.IgnoreCurrent())
	b.desk.sets.take(time.Now())
	b.setHidden(true)
	ctx, stop := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer stop()
	before, applied := b.studio.states.Load(), 0
	b.poll(ctx, func(f func()) { applied++; f() })
	if applied > 0 {
		t.Errorf("a minimised window was brought up to date %d times", applied)
	}
	if n := b.studio.states.Load() - before; n > 6 {
		t.Errorf("a minimised window looked at the state %d times in 0.7 s", n)
	}
	hidden := 0
	for _, v := range b.desk.views.list {
		if v.hidden {
			hidden++
		}
	}
	if hidden == 0 {
		t.Error("no view was told to rest")
	}
	b.setHidden(false)
	b.desk.sets.take(time.Now())
	for _, v := range b.desk.views.list {
		if v.hidden && !v.asleep.Load() {
			t.Error("a view rests although the window is back")
		}
	}
}

// TestThePartWithoutRoomIsAskedFor: where bank and mixer do not both fit, the entry of the
// one that does not show brings it, and does not take it away for all sizes.
func TestThePartWithoutRoomIsAskedFor(t *testing.T) {
	b := newBench(t, aState())
	b.place.root.Resize(fyne.NewSize(683, 341))
	if !b.menuItem(t, "View/Scenes and sources").Checked || b.menuItem(t, "View/Audio mixer").Checked {
		t.Fatal("the menu does not say which of the two shows")
	}
	b.menuItem(t, "View/Audio mixer").Action()
	if !b.place.audio.Visible() || b.place.bank.Visible() || b.menuItem(t, "View/Scenes and sources").Checked {
		t.Errorf("asked for: mixer %t, bank %t", b.place.audio.Visible(), b.place.bank.Visible())
	}
	b.menuItem(t, "View/Scenes and sources").Action()
	if b.place.audio.Visible() || !b.place.bank.Visible() {
		t.Errorf("asked for again: mixer %t, bank %t", b.place.audio.Visible(), b.place.bank.Visible())
	}
	b.place.root.Resize(fyne.NewSize(1366, 728))
	if !b.place.audio.Visible() || !b.place.bank.Visible() {
		t.Errorf("with room for both: mixer %t, bank %t", b.place.audio.Visible(), b.place.bank.Visible())
	}
}

// TestTabsAreFoundByName: every tab of the side column and every form in it has an entry.
func TestTabsAreFoundByName(t *testing.T) {
	b := newBench(t, aState())
	for _, name := range []string{"Show", "Sound", "Log", "Stats", "Rehearsal", "Outputs"} {
		b.menuItem(t, "View/Tab/"+name).Action()
		if got := b.side.tabs[b.side.open].title; got != name || !b.menuItem(t, "View/Tab/"+name).Checked {
			t.Errorf("View/Tab/%s opens %s", name, got)
		}
	}
	f := b.keys.outputs.form
	b.side.openID("log")
	b.menuItem(t, "Output/Add a destination…").Action()
	if !f.Visible() || f.recording || b.side.tabs[b.side.open].id != "outputs" {
		t.Error("the form of a new destination did not open")
	}
	f.cancel.press()
	b.menuItem(t, "Output/Plan and check…").Action()
	if f.Visible() || !b.keys.outputs.preflight.Visible() {
		t.Error("the plan did not open")
	}
	b.menuItem(t, "Output/Add a recording…").Action()
	if !f.Visible() || !f.recording || b.keys.outputs.preflight.Visible() {
		t.Error("the form of a new recording did not open")
	}
}
