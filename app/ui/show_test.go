package ui

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// showBench is a bench with the Show panel open.
func showBench(t *testing.T, s *engine.State) (*bench, *showPanel) {
	t.Helper()
	b := newBenchWith(t, s, buildServices())
	b.desk.openTab("show")
	for _, tab := range b.side.tabs {
		if p, ok := tab.panel.(*showPanel); ok {
			b.show(s)
			return b, p
		}
	}
	t.Fatal("there is no Show panel")
	return nil, nil
}

func names(l *showList) string {
	var out []string
	for _, r := range l.rows {
		out = append(out, r.name.full+"/"+r.detail.full)
	}
	return strings.Join(out, ", ")
}

func TestShowPanelLists(t *testing.T) {
	s := quad()
	s.Show.Sources = append(s.Show.Sources, scenes.Source{ID: "x", Name: "Hologram", Kind: "hologram", Settings: json.RawMessage(`{"z":1}`)})
	s.Show.Overlays[0].On = true
	b, p := showBench(t, s)
	if got, want := names(p.list), "Camera 1/PGM  ·  Synthetic camera, Camera 2/PVW  ·  Synthetic camera, Title/Text, Hologram/unknown: hologram"; got != want {
		t.Errorf("sources: %s\nwant     %s", got, want)
	}
	press(p.list.rows[3])
	if p.source.form != nil || !strings.Contains(p.source.note.text, "does not know the kind “hologram”; the source is kept") {
		t.Errorf("an unknown kind has a form or no word: %q", p.source.note.text)
	}
	lost := *s
	lost.Sources = append(slices.Clone(s.Sources), engine.SourceState{ID: "x", Status: engine.SourceFailed, Problem: "this version has no \"hologram\""})
	b.show(&lost)
	if p.source.status.text != "" {
		t.Errorf("it is said twice: %q", p.source.status.text)
	}
	press(p.tabs[partScenes])
	if got, want := names(p.list), "Wide/PGM  ·  1 layer, Close/PVW  ·  2 layers"; got != want {
		t.Errorf("scenes: %s, want %s", got, want)
	}
	press(p.tabs[partOverlays])
	if got, want := names(p.list), "Lower third/PGM  ·  0 layers, on"; got != want {
		t.Errorf("overlays: %s, want %s", got, want)
	}
	wantSent(t, b)
}

func TestShowPanelAddsAtOnePress(t *testing.T) {
	b, p := showBench(t, quad())
	buttons := p.adds[partSources].items
	press(buttons[2].(*button)) // text
	press(buttons[5].(*button)) // colour
	wantSent(t, b,
		&engine.AddSource{Source: scenes.Source{ID: "text", Name: "Text", Kind: "text"}},
		&engine.AddSource{Source: scenes.Source{ID: "colour", Name: "Colour", Kind: "color"}})
	press(p.tabs[partScenes])
	press(p.adds[partScenes].items[0].(*button))
	wantSent(t, b, &engine.AddScene{Scene: scenes.Scene{ID: "scene", Name: "Scene", Layers: []scenes.Layer{}}}, &engine.Preview{Scene: "scene"})
	press(p.tabs[partOverlays])
	press(p.adds[partOverlays].items[0].(*button))
	wantSent(t, b, &engine.PutOverlay{Overlay: scenes.Overlay{ID: "overlay", Name: "Overlay", Layers: []scenes.Layer{}}})
	// A title added to an overlay lies in its lower third.
	press(p.layers.adds.items[3].(*button))
	got := b.sent(t)
	if len(got) != 2 {
		t.Fatalf("sent %s", commandsText(got))
	}
	l := got[1].(*engine.SetLayers)
	if l.ID != "lower" || len(l.Layers) != 1 || l.Layers[0].Source != "text" || l.Layers[0].Fit != scenes.None || l.Layers[0].Y < 700 {
		t.Errorf("the title's layer: %s", commandsText(got))
	}
}

func TestShowPanelRenamesInPlace(t *testing.T) {
	b, p := showBench(t, quad())
	press(p.list.rows[0])
	press(p.list.rows[0]) // the second half of a double click
	if p.list.renaming != "cam1" || b.canvas.Focused() != p.list.rename {
		t.Fatalf("renaming %q", p.list.renaming)
	}
	p.list.rename.SetText("Stage left")
	b.canvas.Unfocus()
	got := b.sent(t)
	if len(got) != 1 || got[0].(*engine.UpdateSource).Source.Name != "Stage left" || got[0].(*engine.UpdateSource).Source.ID != "cam1" {
		t.Errorf("sent %s", commandsText(got))
	}
	p.list.rows[1].key(&fyne.KeyEvent{Name: fyne.KeyF2}, 0)
	p.list.rename.SetText("   ")
	b.canvas.Unfocus()
	p.list.rows[1].key(&fyne.KeyEvent{Name: fyne.KeyF2}, 0)
	p.list.rename.SetText("Other")
	p.list.rename.KeyDown(&fyne.KeyEvent{Name: fyne.KeyEscape})
	wantSent(t, b)
	p.list.rows[1].key(&fyne.KeyEvent{Name: fyne.KeyReturn}, 0)
	if p.list.renaming == "" || b.canvas.Focused() != p.list.rename {
		t.Errorf("Enter renames %q, the keyboard is with %T", p.list.renaming, b.canvas.Focused())
	}
	wantSent(t, b)
}

func TestShowPanelReorders(t *testing.T) {
	b, p := showBench(t, quad())
	r := p.list.rows[0]
	r.key(&fyne.KeyEvent{Name: fyne.KeyDown}, fyne.KeyModifierAlt)
	r.key(&fyne.KeyEvent{Name: fyne.KeyUp}, fyne.KeyModifierAlt) // it is the first already
	wantSent(t, b, &engine.Reorder{ID: "cam1", To: 1})
	drag := func(r *showRow, y float32) {
		r.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(5, y)}})
	}
	drag(r, 2*(listRow+2)+20) // behind the third
	if !p.list.line.Visible() {
		t.Error("the gap is not shown")
	}
	r.DragEnd()
	wantSent(t, b, &engine.Reorder{ID: "cam1", To: 2})
	drag(r, 8)
	r.DragEnd() // back where it was
	wantSent(t, b)
	r.key(&fyne.KeyEvent{Name: fyne.KeyDown}, 0)
	if p.selected[partSources] != "cam2" || b.canvas.Focused() != p.list.rows[1] {
		t.Errorf("Down chose %q", p.selected[partSources])
	}
	p.list.rows[0].key(&fyne.KeyEvent{Name: fyne.KeySpace}, 0)
	if p.selected[partSources] != "cam1" {
		t.Errorf("Space chose %q", p.selected[partSources])
	}
	p.list.rows[0].key(&fyne.KeyEvent{Name: fyne.Key1}, 0)
	wantSent(t, b, &engine.Preview{Scene: "one"})
}

func TestShowPanelDuplicatesAndRemoves(t *testing.T) {
	s := quad()
	b, p := showBench(t, s)
	p.choose("title")
	p.duplicate()
	got := b.sent(t)
	if v := got[0].(*engine.AddSource).Source; v.ID != "title-2" || v.Name != "Title copy" || string(v.Settings) != `{"text":"Hello","size":40}` {
		t.Errorf("the copy is %+v", v)
	}
	p.remove("title")
	wantSent(t, b)
	if p.ask.deed == nil || !strings.Contains(p.ask.text.text, `It is used by scene "two", and would go there too.`) {
		t.Errorf("asked %q", p.ask.text.text)
	}
	press(p.ask.no)
	p.remove("title")
	press(p.ask.yes)
	wantSent(t, b, &engine.RemoveSource{ID: "title", Cascade: true})
	p.remove("cam1")
	if !strings.Contains(p.ask.text.text, "It is on air now.") {
		t.Errorf("asked %q", p.ask.text.text)
	}
	press(p.tabs[partOverlays])
	p.remove("lower") // off, and used by nothing
	wantSent(t, b, &engine.RemoveOverlay{ID: "lower"})
}

// TestShowPanelAsksBeforeWhatRunsGoes: a source that nothing uses may be heard, or recorded on
// its own, and a programme that is faded to black has no tally.
func TestShowPanelAsksBeforeWhatRunsGoes(t *testing.T) {
	for _, c := range []struct {
		name, id string
		part     showPart
		change   func(*engine.State)
		asks     string // empty: it goes at once
	}{
		{"a microphone that is heard", "mic", partSources, func(s *engine.State) { s.Sources[2].Heard = true }, "Remove “Mic”? It is heard now."},
		{"one that is not", "mic", partSources, func(*engine.State) {}, ""},
		{"a camera that is on air, and heard", "cam2", partSources, func(s *engine.State) {
			s.Sources[1].Heard, s.Tally = true, map[string]engine.Tally{"cam2": engine.OnProgram}
		}, "Remove “Camera 2”? It is on air now."},
		{"one that is recorded on its own", "mic", partSources, func(s *engine.State) {
			s.ISOs = []engine.DestinationState{{ID: "mic", Started: true}}
		}, "Remove “Mic”? It is recorded on its own now, which would end."},
		{"one whose recording was stopped", "mic", partSources, func(s *engine.State) { s.ISOs = []engine.DestinationState{{ID: "mic"}} }, ""},
		{"a scene under black", "one", partScenes, func(s *engine.State) { s.Black, s.FadedOut, s.Tally = 1, true, nil }, "Remove “Wide”? It is on programme now."},
		{"a scene that is neither", "two", partScenes, func(*engine.State) {}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := quad()
			s.Show.Sources[2] = scenes.Source{ID: "mic", Name: "Mic", Kind: "synthetic"}
			s.Show.Scenes[1].Layers = nil
			s.Sources = append(s.Sources, engine.SourceState{ID: "mic", Name: "Mic", Status: engine.SourceRunning, HasAudio: true})
			c.change(s)
			b, p := showBench(t, s)
			press(p.tabs[c.part])
			p.remove(c.id)
			if got := p.ask.text.text; got != c.asks {
				t.Fatalf("asked %q, want %q", got, c.asks)
			}
			if c.asks != "" {
				wantSent(t, b)
				press(p.ask.yes)
			}
			if got := b.sent(t); len(got) != 1 {
				t.Errorf("sent %s", commandsText(got))
			}
		})
	}
}

func TestSourceFormSendsTheWholeSource(t *testing.T) {
	s := quad()
	s.Show.Sources[0].Settings = json.RawMessage(`{"camera":1,"later":true}`)
	s.Show.Sources[0].Audio.GainDB = -6
	b, p := showBench(t, s)
	f := p.source.form
	b.enter(f.row("camera").entry, "9")
	wantSent(t, b)
	if got := f.row("camera").problem.text; got != "Camera has to be from 1 to 8." {
		t.Errorf("said %q", got)
	}
	s2 := quad()
	b.show(s2)
	f = p.source.form
	b.enter(f.row("camera").entry, "3")
	got := b.sent(t)
	if len(got) != 1 || string(got[0].(*engine.UpdateSource).Source.Settings) != `{"camera":3}` {
		t.Errorf("sent %s", commandsText(got))
	}
}

func TestLayerEditor(t *testing.T) {
	b, p := showBench(t, quad())
	press(p.tabs[partScenes])
	p.choose("two")
	e := p.layers
	if got, want := names(e.list), "Title/480 × 270, Camera 1/1920 × 1080"; got != want {
		t.Fatalf("layers: %s, want %s", got, want)
	}
	press(e.list.rows[0])
	b.enter(e.form.row("opacity").entry, "50")
	got := b.sent(t)
	if len(got) != 1 || got[0].(*engine.SetLayers).Layers[1].Opacity != 0.5 {
		t.Errorf("sent %s", commandsText(got))
	}
	b.enter(e.form.row("opacity").entry, "150")
	b.enter(e.form.row("width").entry, "0")
	b.enter(e.form.row("left").entry, "1.5")
	wantSent(t, b)
	for key, want := range map[string]string{
		"opacity": "Opacity has to be from 0 to 100.", "width": "Width has to be more than 0.", "left": "Crop left has to be a whole number, as in 0.",
	} {
		if said := e.form.row(key).problem.text; said != want {
			t.Errorf("%s: said %q, want %q", key, said, want)
		}
	}
	press(e.hide)
	if got := b.sent(t); len(got) != 1 || !got[0].(*engine.SetLayers).Layers[1].Hidden {
		t.Errorf("sent %s", commandsText(got))
	}
	e.list.rows[0].key(&fyne.KeyEvent{Name: fyne.KeyDown}, fyne.KeyModifierAlt)
	got = b.sent(t)
	if l := got[0].(*engine.SetLayers).Layers; l[0].Source != "title" || l[1].Source != "cam1" {
		t.Errorf("sent %s", commandsText(got))
	}
	e.list.rows[1].key(&fyne.KeyEvent{Name: fyne.KeyDelete}, 0)
	if l := b.sent(t)[0].(*engine.SetLayers).Layers; len(l) != 1 || l[0].Source != "title" {
		t.Errorf("Delete left %v", l)
	}
}

// Another scene on preview does not turn what is typed about a layer into that scene's: it is
// opened when the typing is done.
func TestTypingAboutALayerGoesOn(t *testing.T) {
	s := quad()
	b, p := showBench(t, s)
	press(p.tabs[partScenes])
	p.choose("two")
	press(p.layers.list.rows[0])
	width := p.layers.form.row("width").entry
	b.canvas.Focus(width)
	width.SetText("640")
	next := *s
	next.Preview = "one"
	b.show(&next)
	if b.canvas.Focused() != width || p.selected[partScenes] != "two" {
		t.Fatalf("focused %v, scene %q", b.canvas.Focused(), p.selected[partScenes])
	}
	b.canvas.Unfocus()
	got := b.sent(t)
	if c, ok := got[0].(*engine.SetLayers); len(got) != 1 || !ok || c.ID != "two" || c.Layers[1].Width != 640 {
		t.Errorf("sent %s", commandsText(got))
	}
	b.show(&next)
	if p.selected[partScenes] != "one" {
		t.Errorf("after it, %q is open", p.selected[partScenes])
	}
}

func TestChoosingALayerOnThePreviewOpensItsNumbers(t *testing.T) {
	b, p := showBench(t, quad())
	h := b.monitors[0].handles
	h.mouse(point{100, 100}, 0)
	if p.part != partScenes || p.selected[partScenes] != "two" || b.desk.layer != (layerChoice{"two", 0}) {
		t.Errorf("part %d, scene %q, layer %v", p.part, p.selected[partScenes], b.desk.layer)
	}
	if got := p.layers.form.row("width").entry.Text; got != "1920" {
		t.Errorf("the numbers say %q", got)
	}
}
