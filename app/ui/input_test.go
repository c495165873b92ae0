package ui

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/app/engine"
)

func ptr[T any](v T) *T { return &v }

func wantSent(t *testing.T, b *bench, want ...engine.Command) {
	t.Helper()
	got := b.sent(t)
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("sent %s, want %s", commandsText(got), commandsText(want))
	}
}

func TestKeys(t *testing.T) {
	live := func(s *engine.State) { s.Live = true }
	recording := func(s *engine.State) { s.Recording = true }
	wipe := func(s *engine.State) { s.Show.Transition.Kind = "wipe" }
	for _, c := range []struct {
		name string
		keys []fyne.KeyName
		mod  fyne.KeyModifier
		with func(*engine.State)
		want []engine.Command
	}{
		{name: "1 previews the first", keys: []fyne.KeyName{fyne.Key1}, want: []engine.Command{&engine.Preview{Scene: "one"}}},
		{name: "2 previews the second", keys: []fyne.KeyName{fyne.Key2}, want: []engine.Command{&engine.Preview{Scene: "two"}}},
		{name: "0 is the tenth, which is not there", keys: []fyne.KeyName{fyne.Key0}},
		{name: "Ctrl+2 cuts", keys: []fyne.KeyName{fyne.Key2}, mod: fyne.KeyModifierShortcutDefault, want: []engine.Command{&engine.Cut{Scene: "two"}}},
		{name: "Alt+1 is an overlay", keys: []fyne.KeyName{fyne.Key1}, mod: fyne.KeyModifierAlt, want: []engine.Command{&engine.SetOverlay{ID: "lower"}}},
		{name: "Alt+2 is no overlay", keys: []fyne.KeyName{fyne.Key2}, mod: fyne.KeyModifierAlt},
		{name: "Space is AUTO", keys: []fyne.KeyName{fyne.KeySpace}, want: []engine.Command{&engine.AutoTake{}}},
		{name: "Enter is CUT", keys: []fyne.KeyName{fyne.KeyReturn}, want: []engine.Command{&engine.Cut{}}},
		{name: "Enter of the number block is CUT", keys: []fyne.KeyName{fyne.KeyEnter}, want: []engine.Command{&engine.Cut{}}},
		{name: "B fades to black", keys: []fyne.KeyName{fyne.KeyB}, want: []engine.Command{&engine.FadeToBlack{}}},
		{name: "T is the next kind", keys: []fyne.KeyName{fyne.KeyT}, want: []engine.Command{&engine.SetTransition{Kind: "dip"}}},
		{name: "T goes round", keys: []fyne.KeyName{fyne.KeyT}, with: wipe, want: []engine.Command{&engine.SetTransition{Kind: "mix"}}},
		{name: "] is longer; presses add up and merge", keys: []fyne.KeyName{fyne.KeyRightBracket, fyne.KeyRightBracket}, want: []engine.Command{&engine.SetTransition{Frames: 11}}},
		{name: "[ is shorter", keys: []fyne.KeyName{fyne.KeyLeftBracket}, want: []engine.Command{&engine.SetTransition{Frames: 8}}},
		{name: "M mutes the master", keys: []fyne.KeyName{fyne.KeyM}, want: []engine.Command{&engine.SetMaster{Muted: ptr(true)}}},
		{name: "R records", keys: []fyne.KeyName{fyne.KeyR}, want: []engine.Command{&engine.StartRecording{}}},
		{name: "R once does not stop", keys: []fyne.KeyName{fyne.KeyR}, with: recording},
		{name: "R twice stops", keys: []fyne.KeyName{fyne.KeyR, fyne.KeyR}, with: recording, want: []engine.Command{&engine.StopRecording{}}},
		{name: "Ctrl+L goes live", keys: []fyne.KeyName{fyne.KeyL}, mod: fyne.KeyModifierShortcutDefault, want: []engine.Command{&engine.GoLive{}}},
		{name: "Ctrl+L once does not stop", keys: []fyne.KeyName{fyne.KeyL}, mod: fyne.KeyModifierShortcutDefault, with: live},
		{name: "Ctrl+L twice stops", keys: []fyne.KeyName{fyne.KeyL, fyne.KeyL}, mod: fyne.KeyModifierShortcutDefault, with: live, want: []engine.Command{&engine.StopLive{}}},
		{name: "L alone is nothing", keys: []fyne.KeyName{fyne.KeyL}},
		{name: "Alt+Space is not AUTO", keys: []fyne.KeyName{fyne.KeySpace}, mod: fyne.KeyModifierAlt},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := aState()
			if c.with != nil {
				c.with(s)
			}
			b := newBench(t, s)
			for _, k := range c.keys {
				b.keys.down(k, c.mod)
			}
			wantSent(t, b, c.want...)
		})
	}
}

func TestHelpSheetClosesOnAnyKeyAndKeyStillActs(t *testing.T) {
	b := newBench(t, aState())
	b.keys.down(fyne.KeyF1, 0)
	if !b.help.Visible() {
		t.Fatal("F1 did not open the sheet")
	}
	b.keys.down(fyne.KeyF1, 0)
	if b.help.Visible() {
		t.Fatal("the second F1 did not close the sheet")
	}
	b.keys.down(fyne.KeyF1, 0)
	b.keys.down(fyne.KeySpace, 0)
	if b.help.Visible() {
		t.Error("Space left the sheet open")
	}
	wantSent(t, b, &engine.AutoTake{})
}

// A dialog over the window keeps the keys from the desk; Escape closes the topmost.
func TestDialogsKeepKeysFromTheDesk(t *testing.T) {
	b := newBench(t, aState())
	win := windowOf(b.content)
	dialog.ShowConfirm("Overwrite?", "", func(bool) {}, win)
	dialog.ShowConfirm("Really?", "", func(bool) {}, win)
	keys := []fyne.KeyName{fyne.KeyReturn, fyne.KeySpace, fyne.KeyR, fyne.KeyB, fyne.Key2, fyne.KeyM, fyne.KeyF1}
	for want := 2; want > 0; want-- {
		for _, name := range keys {
			b.desk.keyDown(&fyne.KeyEvent{Name: name})
		}
		wantSent(t, b)
		if got := len(b.canvas.Overlays().List()); got != want || b.help.Visible() {
			t.Errorf("%d dialogs stand, want %d; the key sheet shows: %v", got, want, b.help.Visible())
		}
		b.desk.keyDown(&fyne.KeyEvent{Name: fyne.KeyEscape})
	}
	if b.canvas.Overlays().Top() != nil {
		t.Error("Escape left a dialog standing")
	}
	b.desk.keyDown(&fyne.KeyEvent{Name: fyne.KeyReturn})
	wantSent(t, b, &engine.Cut{})
}

// A press on the free part of the palette takes the keyboard from its text: the next key
// gives it back and is the text's.
func TestKeysStayWithTheOpenPalette(t *testing.T) {
	b := newBench(t, aState())
	b.palette.focus = func(o fyne.Focusable) { b.canvas.Focus(o) }
	b.palette.open()
	b.canvas.Unfocus()
	b.desk.keyDown(&fyne.KeyEvent{Name: fyne.KeyR})
	wantSent(t, b)
	if b.canvas.Focused() != b.palette.entry {
		t.Errorf("the keyboard is with %T", b.canvas.Focused())
	}
	b.canvas.Unfocus()
	b.desk.keyDown(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if b.palette.Visible() {
		t.Error("Escape left the palette open")
	}
}

// At any scale the key sheet has its texts whole.
func TestHelpSheetCutsNoText(t *testing.T) {
	b := newBench(t, aState())
	b.help.toggle()
	for _, width := range []float32{683, 760, 860, 1366} {
		b.help.Resize(fyne.NewSize(width, 341))
		for _, l := range b.help.what {
			if l.Text.Text != l.full {
				t.Errorf("%v wide: %q is cut to %q", width, l.full, l.Text.Text)
			}
		}
	}
}

// Enter that ends a text does not cut when it is pressed twice; a moment later it does.
func TestEnterPressedTwiceAfterATextCutsNothing(t *testing.T) {
	b := newBench(t, aState())
	k := b.keys
	enter := &fyne.KeyEvent{Name: fyne.KeyReturn}
	b.palette.focus = func(o fyne.Focusable) {
		if o == nil {
			b.canvas.Unfocus()
		} else {
			b.canvas.Focus(o)
		}
	}
	for name, ends := range map[string]func(){
		"a field": func() {
			k.audio.strips[0].gain.edit()
			k.audio.strips[0].gain.entry.TypedKey(enter)
		},
		"a length": func() {
			b.canvas.Focus(k.transition.rate)
			k.transition.rate.KeyDown(enter)
		},
		"the palette": func() {
			b.palette.open()
			b.palette.entry.SetText("xyzzy=")
			b.palette.entry.TypedKey(enter)
			b.palette.close()
		},
	} {
		ends()
		if o := b.canvas.Focused(); o != nil {
			t.Fatalf("%s: the keyboard is still with %T", name, o)
		}
		b.clock = b.clock.Add(doubleClick / 2)
		for _, key := range []fyne.KeyName{fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace} {
			b.desk.keyDown(&fyne.KeyEvent{Name: key})
			if got := b.sent(t); len(got) != 0 {
				t.Errorf("%s: %s at once sent %s", name, key, commandsText(got))
			}
		}
		b.desk.keyDown(&fyne.KeyEvent{Name: fyne.KeyB})
		wantSent(t, b, &engine.FadeToBlack{})
		b.clock = b.clock.Add(doubleClick)
		b.desk.keyDown(enter)
		wantSent(t, b, &engine.Cut{})
	}
}

func TestFocusedControlTakesSpaceAndPassesOtherKeysOn(t *testing.T) {
	b := newBench(t, aState())
	cut := b.keys.transition.cut
	b.canvas.Focus(cut)
	cut.KeyDown(&fyne.KeyEvent{Name: fyne.KeySpace})
	cut.KeyDown(&fyne.KeyEvent{Name: fyne.Key2})
	wantSent(t, b, &engine.Cut{}, &engine.Preview{Scene: "two"})
	cut.KeyDown(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if b.canvas.Focused() != nil {
		t.Error("Escape left the focus where it was")
	}
}

// Space and Enter are those of whatever has the blue frame, until Escape: no control hands
// them on to AUTO and CUT.
func TestSpaceAndEnterStayWithWhatHasTheKeyboard(t *testing.T) {
	b := newBench(t, aClip())
	k := b.keys
	for name, c := range map[string]desktop.Keyable{
		"a fader": k.audio.strips[0].fader, "the T-bar": k.transition.tbar, "the rate": k.transition.rate, "the scrub bar": b.monitors[0].transport.scrub,
		"a list": newLineList(b.desk, 0, false, nil), "the preview": b.monitors[0].handles, "a divider": b.place.sideEdge,
	} {
		b.canvas.Focus(c)
		for _, key := range []fyne.KeyName{fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter} {
			c.KeyDown(&fyne.KeyEvent{Name: key})
			if got := b.sent(t); len(got) != 0 {
				t.Errorf("%s: %s sent %s", name, key, commandsText(got))
			}
		}
		if said, _ := b.takeNotice(); !strings.Contains(said, "Esc") {
			t.Errorf("%s: nothing says where Space has gone: %q", name, said)
		}
		c.KeyDown(&fyne.KeyEvent{Name: fyne.KeyB})
		wantSent(t, b, &engine.FadeToBlack{})
	}
}

func TestEveryControlIsReachedByTab(t *testing.T) {
	b := newBench(t, aState())
	seen := map[fyne.Focusable]bool{}
	for range 100 {
		b.canvas.(interface{ FocusNext() }).FocusNext()
		f := b.canvas.Focused()
		if f == nil || seen[f] {
			break
		}
		seen[f] = true
	}
	k := b.keys
	for name, c := range map[string]fyne.Focusable{
		"safe areas": k.preview.safeButton, "kind": k.transition.kind[2], "rate": k.transition.faster, "cut": k.transition.cut,
		"auto": k.transition.auto, "ftb": k.transition.ftb, "t-bar": k.transition.tbar, "tab": k.bank.tabs[1], "cell": k.bank.cells[1],
		"overlay": k.bank.overlays.buttons[0], "go live": k.outputs.live.main, "rec": k.outputs.rec.main, "fader": k.audio.strips[0].fader,
		"pan": k.audio.strips[1].pan, "mute": k.audio.strips[0].mute, "master": k.audio.master.fader,
	} {
		if !seen[c] {
			t.Errorf("Tab never came to %s", name)
		}
	}
}

func TestBankClicks(t *testing.T) {
	b := newBench(t, aState())
	cell := b.keys.bank.cells[1]
	press(cell)
	wantSent(t, b, &engine.Preview{Scene: "two"})
	b.clock = b.clock.Add(doubleClick / 2)
	press(cell)
	wantSent(t, b, &engine.Cut{Scene: "two"})
	b.clock = b.clock.Add(doubleClick / 2)
	press(cell)
	wantSent(t, b, &engine.Preview{Scene: "two"}) // the third click begins anew
	b.clock = b.clock.Add(2 * doubleClick)
	press(cell)
	wantSent(t, b, &engine.Preview{Scene: "two"})
	cell.MouseDown(&desktop.MouseEvent{Button: desktop.MouseButtonSecondary})
	wantSent(t, b)
}

func TestSourcesTabChangesWhatNumbersMean(t *testing.T) {
	b := newBench(t, aState())
	press(b.keys.bank.tabs[1])
	b.keys.down(fyne.Key1, 0)
	wantSent(t, b, &engine.Preview{Scene: "cam1"})
	press(b.keys.bank.tabs[0])
	b.keys.down(fyne.Key1, 0)
	wantSent(t, b, &engine.Preview{Scene: "one"})
}

func TestFaderMovesRelativeToTheHandAndFollowsTheStateWhenLetGo(t *testing.T) {
	b := newBench(t, aState())
	bar := b.keys.transition.tbar
	drag := func(y, dy float32) {
		bar.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(5, y)}, Dragged: fyne.NewDelta(0, dy)})
	}
	pressAt(bar, fyne.NewPos(5, 10)) // far from the knob: nothing may jump
	wantSent(t, b)
	half := bar.travel() / 2
	bar.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(5, 200)}, Button: desktop.MouseButtonPrimary})
	drag(200-half/2, -half/2)
	drag(200-half, -half/2)
	got := b.sent(t)
	if len(got) != 1 {
		t.Fatalf("%d commands wait, want the newest position alone", len(got))
	}
	if v := got[0].(*engine.TBar).Position; v < 0.499 || v > 0.501 {
		t.Errorf("dragged by half the travel: %v, want 0.5", v)
	}
	s := aState()
	s.Transition.Lever = 0.2
	b.show(s)
	if bar.value == 0.2 {
		t.Error("the lever left the hand for the state")
	}
	bar.DragEnd()
	b.clock = b.clock.Add(2 * settle)
	b.show(s)
	if bar.value != 0.2 {
		t.Errorf("lever at %v after letting go, want the state's 0.2", bar.value)
	}
}

func TestFaderKeysWheelAndReset(t *testing.T) {
	s := aState()
	s.Sources[0].Strip.GainDB = -6
	b := newBench(t, s)
	f := b.keys.audio.strips[0].fader
	f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyUp})
	b.canvas.Focus(f)
	f.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, -1)})
	got := b.sent(t)
	if len(got) != 1 || *got[0].(*engine.SetStrip).GainDB != -6 {
		t.Errorf("one step up, one down: %v, want -6 dB", got)
	}
	press(f)
	press(f)
	got = b.sent(t)
	if len(got) != 1 || *got[0].(*engine.SetStrip).GainDB != 0 {
		t.Errorf("double click: %v, want 0 dB", got)
	}
}

// The wheel moves nothing that has not got the keyboard, and the T-bar and a clip's place
// never: it scrolls what is below.
func TestWheelMovesNothingInPassing(t *testing.T) {
	s := aClip()
	for i := range 20 {
		id := "more" + layerID(i)
		s.Sources = append(s.Sources, engine.SourceState{ID: id, Name: id, Status: engine.SourceRunning, HasAudio: true})
	}
	b := newBench(t, s)
	k, down := b.keys, &fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, -20)}
	strip := k.audio.strips[0]
	for name, o := range map[string]fyne.Scrollable{
		"the master": k.audio.master.fader, "its value": k.audio.master.gain, "the T-bar": k.transition.tbar,
		"the rate": k.transition.rate, "the rate of FTB": k.transition.fadeRate,
	} {
		o.Scrolled(down)
		if got := b.sent(t); len(got) != 0 {
			t.Errorf("the wheel over %s sent %s", name, commandsText(got))
		}
	}
	before := float32(0)
	for name, o := range map[string]fyne.Scrollable{"a fader": strip.fader, "a balance": strip.pan, "a gain": strip.gain, "a trim": strip.trim} {
		o.Scrolled(down)
		if got := b.sent(t); len(got) != 0 {
			t.Errorf("the wheel over %s sent %s", name, commandsText(got))
		}
		if x := k.audio.scroll.Offset.X; x <= before {
			t.Errorf("over %s the strips stay at %v", name, x)
		}
		before = k.audio.scroll.Offset.X
	}
	b.canvas.Focus(k.transition.tbar)
	k.transition.tbar.Scrolled(down)
	wantSent(t, b)
	if _, turned := any(b.monitors[0].transport.scrub).(fyne.Scrollable); turned {
		t.Error("a clip's bar takes the wheel")
	}
}

func TestAudioControls(t *testing.T) {
	s := aState()
	s.Sources[1].Strip.Muted = true
	b := newBench(t, s)
	a := b.keys.audio
	press(a.strips[0].mute)
	press(a.strips[1].mute)
	press(a.strips[0].meter)
	a.strips[0].pan.set(0)
	wantSent(t, b,
		&engine.SetStrip{Source: "cam1", Muted: ptr(true)},
		&engine.SetStrip{Source: "cam2", Muted: ptr(false)},
		&engine.ResetClip{},
		&engine.SetStrip{Source: "cam1", Pan: ptr(-1.0)})
}

func commandsText(c []engine.Command) string {
	b, err := json.Marshal(c)
	if err != nil {
		return err.Error()
	}
	text := string(b)
	for _, v := range c {
		text += fmt.Sprintf(" %T", v)
	}
	return text
}

func typeName(v any) string { return fmt.Sprintf("%T", v) }
