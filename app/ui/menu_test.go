package ui

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
)

// menuTexts are the entries of menus as "File/Open recent/show.json", in order.
func menuTexts(m *fyne.MainMenu) []string {
	var out []string
	var walk func(prefix string, items []*fyne.MenuItem)
	walk = func(prefix string, items []*fyne.MenuItem) {
		for _, i := range items {
			if i.IsSeparator {
				continue
			}
			out = append(out, prefix+i.Label)
			if i.ChildMenu != nil {
				walk(prefix+i.Label+"/", i.ChildMenu.Items)
			}
		}
	}
	for _, menu := range m.Items {
		walk(menu.Label+"/", menu.Items)
	}
	return out
}

func (b *bench) menu(t *testing.T) *fyne.MainMenu {
	t.Helper()
	b.clock = b.clock.Add(2 * menuPace)
	b.menus.update(b.clock)
	return b.menus.main
}

func (b *bench) menuItem(t *testing.T, path string) *fyne.MenuItem {
	t.Helper()
	var found *fyne.MenuItem
	var walk func(prefix string, items []*fyne.MenuItem)
	walk = func(prefix string, items []*fyne.MenuItem) {
		for _, i := range items {
			if prefix+i.Label == path {
				found = i
			}
			if i.ChildMenu != nil {
				walk(prefix+i.Label+"/", i.ChildMenu.Items)
			}
		}
	}
	for _, menu := range b.menu(t).Items {
		walk(menu.Label+"/", menu.Items)
	}
	if found == nil {
		t.Fatalf("there is no %s in %s", path, strings.Join(menuTexts(b.menus.main), ", "))
	}
	return found
}

func TestMenusFollowTheState(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	if !b.menuItem(t, "Edit/Undo").Disabled {
		t.Error("there is nothing to undo, and Undo can be chosen")
	}
	next := *s
	next.Undo, next.Redo = "add source Camera 3", "rename show"
	b.show(&next)
	undo := b.menuItem(t, "Edit/Undo add source Camera 3")
	undo.Action()
	b.menuItem(t, "Edit/Redo rename show").Action()
	wantSent(t, b, &engine.Undo{}, &engine.Redo{})
	if !b.menuItem(t, "View/Audio mixer").Checked {
		t.Error("the mixer shows, and its entry is not checked")
	}
	b.menuItem(t, "View/Audio mixer").Action()
	if b.menuItem(t, "View/Audio mixer").Checked || b.place.audio.Visible() {
		t.Error("the mixer did not go")
	}
	next.Live = true
	b.show(&next)
	b.menuItem(t, "Output/Stop streaming…")
}

// Undo and Redo ask before they make something heard that is silent.
func TestUndoAsksBeforeSomethingIsHeard(t *testing.T) {
	for _, c := range []struct{ name, label, asks string }{
		{"Undo", "mute Guest", "Undo “mute Guest”? Guest will be heard."},
		{"Redo", "unmute Guest", "Redo “unmute Guest”? Guest will be heard."},
	} {
		s := aState()
		want := engine.Command(&engine.Undo{})
		if c.name == "Undo" {
			s.Undo, s.UndoHeard = c.label, []string{"Guest"}
		} else {
			s.Redo, s.RedoHeard, want = c.label, []string{"Guest"}, &engine.Redo{}
		}
		b := newBench(t, s)
		act := func() { b.menuItem(t, "Edit/"+c.name+" "+c.label).Action() }
		act()
		wantSent(t, b)
		if got := b.place.bar.text.full; !b.place.bar.asking() || got != c.asks {
			t.Fatalf("%s asks %q, want %q", c.name, got, c.asks)
		}
		b.answer(t, "Stay")
		wantSent(t, b)
		act()
		b.answer(t, c.name)
		wantSent(t, b, want)
		// What is asked about is what is done.
		act()
		next := *s
		next.Undo, next.Redo = "mute Host", "unmute Host"
		b.show(&next)
		b.answer(t, c.name)
		wantSent(t, b)
		if !b.place.bar.asking() {
			t.Errorf("%s of another edit was not asked about", c.name)
		}
	}
}

func TestMenuKeysActOnlyWhileATextIsTyped(t *testing.T) {
	b := newBenchWith(t, aState(), Services{Documents: &fakeDocuments{}})
	typing := false
	b.menus.typing = func() bool { return typing }
	save := b.menuItem(t, "File/Save").Shortcut
	auto := b.menuItem(t, "Switch/Auto").Shortcut
	want := fyneShortcut(fyne.KeyS, fyne.KeyModifierShortcutDefault)
	if save.ShortcutName() == want {
		t.Error("Fyne would carry out Ctrl+S, which the keyboard has carried out")
	}
	typing = true
	if got := save.ShortcutName(); got != want {
		t.Errorf("while typing Save is %q, want %q", got, want)
	}
	// A key that opens a text to type in is not carried out once more for that text.
	b.desk.post = func(func()) {}
	b.files.choose = func(bool, string, func(string)) {}
	b.keys.down(fyne.KeyS, ctrl)
	if got := save.ShortcutName(); got == want {
		t.Errorf("right after Ctrl+S was carried out Save is %q", got)
	}
	if got := auto.ShortcutName(); got != "shown only" {
		t.Errorf("while typing Space is %q", got)
	}
}

// Two actions on one key would leave one of them dead.
func TestNoKeyHasTwoActions(t *testing.T) {
	b := newBench(t, aState())
	seen := map[string]string{}
	for _, a := range b.keys.actions {
		if a.key == "" {
			continue
		}
		k := keyText(a.key, a.mod)
		if other, twice := seen[k]; twice {
			t.Errorf("%s is both %q and %q", k, other, a.name)
		}
		seen[k] = a.name
		if a.hint == "" {
			t.Errorf("%s (%s) is not on the key sheet", a.name, k)
		}
	}
}

func TestPaletteListsEveryCommandAndMenuEntry(t *testing.T) {
	b := newBenchWith(t, aState(), Services{Documents: &fakeDocuments{recent: []RecentShow{{Path: "/shows/a.json"}, {Path: "/shows/gone.json", Missing: true}}}})
	b.files.readRecent()
	b.palette.search("")
	var all []string
	for _, a := range b.palette.found {
		all = append(all, a.text())
	}
	text := "\n" + strings.Join(all, "\n") + "\n"
	for _, name := range engine.CommandNames() {
		if !strings.Contains(text, "\n"+name+" ") && !strings.Contains(text, "\n"+name+"\n") {
			t.Errorf("the palette does not list the command %s", name)
		}
	}
	for _, a := range b.keys.actions {
		if a.enabled() && !strings.Contains(text, "\n"+a.text()+"\n") {
			t.Errorf("the palette does not list %s", a.text())
		}
	}
	if !strings.Contains(text, "\n/shows/a.json\n") || strings.Contains(text, "/shows/gone.json") {
		t.Error("of the recent shows the palette lists not those that are there")
	}
}

func TestPaletteFindsAndDoes(t *testing.T) {
	for _, c := range []struct {
		query string
		want  []engine.Command
		first string
	}{
		{"cut clo", []engine.Command{&engine.Cut{Scene: "two"}}, "Cut to Close"},
		{"ftb", []engine.Command{&engine.FadeToBlack{}}, ""},
		{"fade_rate frames=25", []engine.Command{&engine.SetFadeRate{Frames: 25}}, "fade_rate frames=25"},
		{`rename_show name="Sunday morning"`, []engine.Command{&engine.RenameShow{Name: "Sunday morning"}}, ""},
		{"preview scene=two", []engine.Command{&engine.Preview{Scene: "two"}}, ""},
		{"preview overlay", []engine.Command{&engine.SetNext{Overlays: &[]string{"lower"}}}, "Preview overlay Lower third: with the next transition"},
		{"lower third on", []engine.Command{&engine.SetOverlay{ID: "lower"}}, "Overlay Lower third on"},
		{"mute camera 1", []engine.Command{&engine.SetStrip{Source: "cam1", Muted: ptr(true)}}, "Mute Camera 1"},
		{"close cut to", []engine.Command{&engine.Cut{Scene: "two"}}, "Cut to Close"},
		{"xyzzy", nil, ""},
		{"fade_rate frames=x", nil, ""},
	} {
		t.Run(c.query, func(t *testing.T) {
			b := newBench(t, aState())
			b.palette.open()
			b.palette.entry.SetText(c.query)
			if c.first != "" && (len(b.palette.found) == 0 || b.palette.found[0].text() != c.first) {
				var got []string
				for _, a := range b.palette.found[:min(len(b.palette.found), 4)] {
					got = append(got, a.text())
				}
				t.Errorf("found %q, want %q first", got, c.first)
			}
			b.palette.do()
			wantSent(t, b, c.want...)
		})
	}
}

// What stops something that runs is asked about, as its button does; what does not run is not.
func TestPaletteAsksBeforeItStops(t *testing.T) {
	for _, c := range []struct {
		query, asks string
		want        engine.Command
	}{
		{"stop streaming to stage", "Stop streaming to Stage: Stop?", &engine.StopLive{Destinations: []string{"a"}}},
		{"stop recording disk", "Stop recording Disk: Stop?", &engine.StopRecording{Recordings: []string{"r"}}},
		{`stop_live group="wide"`, `stop_live group="wide": Stop?`, &engine.StopLive{Group: "wide"}},
		{`stop_live destinations=["a"]`, `stop_live destinations=["a"]: Stop?`, &engine.StopLive{Destinations: []string{"a"}}},
		{`stop_recording recordings=["r"]`, `stop_recording recordings=["r"]: Stop?`, &engine.StopRecording{Recordings: []string{"r"}}},
		{`stop_iso sources=["cam1"]`, `stop_iso sources=["cam1"]: Stop?`, &engine.StopISO{Sources: []string{"cam1"}}},
		{"remove_destination id=a", "remove_destination id=a: Stop and remove?", &engine.RemoveDestination{ID: "a"}},
		{"remove_recording id=r", "remove_recording id=r: Stop and remove?", &engine.RemoveRecording{ID: "r"}},
		{"stop_live", "stop_live [destinations=] [group=]: Really stop?", &engine.StopLive{}},
		{"stop_recording", "stop_recording [recordings=]: Stop rec?", &engine.StopRecording{}},
		{"stop_replay", "stop_replay: Stop, and forget what is kept?", &engine.StopReplay{}},
	} {
		t.Run(c.query, func(t *testing.T) {
			s := aState()
			s.ISOs = []engine.DestinationState{{ID: "cam1"}}
			s.Destinations[0].Group = "wide"
			run := func(on bool) *bench {
				next := *s
				next.Live, next.Recording, next.Replay.Running = on, on, on
				for _, list := range []*[]engine.DestinationState{&next.Destinations, &next.Recordings, &next.ISOs} {
					*list = slices.Clone(*list)
					(*list)[0].Started = on
				}
				b := newBench(t, &next)
				b.palette.open()
				b.palette.entry.SetText(c.query)
				for i, a := range b.palette.found { // the menu's entry of that name asks at its button
					if strings.EqualFold(strings.TrimSuffix(c.asks[:strings.LastIndex(c.asks, ":")], " "), a.text()) {
						b.palette.chosen = i
					}
				}
				b.palette.do()
				return b
			}
			b := run(true)
			if got := b.place.bar.text.full; !b.place.bar.asking() || got != c.asks {
				t.Fatalf("it asks %q, want %q; sent %s", got, c.asks, commandsText(b.sent(t)))
			}
			wantSent(t, b)
			press(b.place.bar.buttons[1])
			wantSent(t, b)
			b = run(true)
			press(b.place.bar.buttons[0])
			wantSent(t, b, c.want)
			if strings.Contains(c.query, "_") {
				b = run(false)
				wantSent(t, b, c.want)
			}
		})
	}
}

func TestPaletteCompletesWhatWantsFields(t *testing.T) {
	b := newBench(t, aState())
	b.palette.open()
	b.palette.entry.SetText("set_start")
	b.palette.walk(0)
	b.palette.do()
	if !b.palette.Visible() || b.palette.entry.Text != "set_start " {
		t.Errorf("the palette shows %q, visible %v; want the command ready for its fields", b.palette.entry.Text, b.palette.Visible())
	}
	b.palette.entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if b.palette.Visible() {
		t.Error("Escape left the palette open")
	}
	wantSent(t, b)
}

func TestPaletteFitsALowWindow(t *testing.T) {
	b := newBench(t, aState())
	b.palette.open()
	b.palette.Resize(fyne.NewSize(683, 341))
	for range 40 {
		b.palette.walk(1)
		m, p := b.palette.marker, b.palette.sheet
		if end := m.Position().Y + m.Size().Height; end > p.Position().Y+p.Size().Height || p.Position().Y+p.Size().Height > 341 {
			t.Fatalf("the choice ends at %v, the palette at %v of 341", end, p.Position().Y+p.Size().Height)
		}
		row := b.palette.rows[b.palette.chosen-b.palette.top].name
		if !row.Visible() || row.full != b.palette.found[b.palette.chosen].text() {
			t.Fatalf("the choice is %q, its row says %q", b.palette.found[b.palette.chosen].text(), row.full)
		}
	}
	pressAt(b.palette.veil, b.palette.rows[2].name.Position().AddXY(5, 5))
	if b.palette.Visible() {
		t.Error("a press on a row did nothing")
	}
}

func TestFuzzy(t *testing.T) {
	if _, ok := fuzzy("gl", "Go live"); !ok {
		t.Error(`"gl" does not find "Go live"`)
	}
	if _, ok := fuzzy("lg", "Go live"); ok {
		t.Error(`"lg" finds "Go live"`)
	}
	near, _ := fuzzy("rec", "Record")
	far, _ := fuzzy("rec", "Restart source Camera")
	if near <= far {
		t.Errorf("rec: Record %d, Restart source Camera %d", near, far)
	}
}
