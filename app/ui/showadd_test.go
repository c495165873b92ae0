package ui

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// carried is s after the commands that b's panels sent: sources added, layers set.
func carried(t *testing.T, b *bench, s *engine.State) *engine.State {
	t.Helper()
	next, show := *s, *s.Show
	next.Show = &show
	show.Sources, show.Scenes, show.Overlays = slices.Clone(show.Sources), slices.Clone(show.Scenes), slices.Clone(show.Overlays)
	for _, c := range b.sent(t) {
		switch v := c.(type) {
		case *engine.AddSource:
			show.Sources = append(show.Sources, v.Source)
		case *engine.SetLayers:
			for i := range show.Scenes {
				if show.Scenes[i].ID == v.ID {
					show.Scenes[i].Layers = v.Layers
				}
			}
			for i := range show.Overlays {
				if show.Overlays[i].ID == v.ID {
					show.Overlays[i].Layers = v.Layers
				}
			}
		default:
			t.Fatalf("sent %T", c)
		}
	}
	return &next
}

// TestAddedSourceIsTyped: what is nothing before something is typed has the keyboard in
// its first field as soon as it is there, and not before; a file was chosen already.
func TestAddedSourceIsTyped(t *testing.T) {
	b, p := showBench(t, quad())
	press(p.adds[partSources].items[2].(*button)) // text
	b.show(quad())                                // the studio has not seen it yet
	if f := b.canvas.Focused(); f != nil {
		t.Errorf("before it is there, the keyboard is in %T", f)
	}
	s := carried(t, b, quad())
	b.show(s)
	f, ok := b.canvas.Focused().(*field)
	if !ok || p.selected[partSources] != "text" || f != p.source.form.rows[0].entry {
		t.Fatalf("the keyboard is in %T, %q is chosen", b.canvas.Focused(), p.selected[partSources])
	}
	b.canvas.Unfocus()
	b.show(s)
	if b.canvas.Focused() != nil {
		t.Error("the keyboard goes back to a field that was left")
	}
	b.desk.addSource("", "file", "clip", settingsOf("path", "/a.mp4"))
	p.addSource("", "file", "clip", settingsOf("path", "/a.mp4"))
	b.show(carried(t, b, s))
	if b.canvas.Focused() != nil {
		t.Errorf("after a file was chosen the keyboard is in %T", b.canvas.Focused())
	}
}

// TestAddedLayerIsChosen: a layer that was just added is the one to be edited when the
// state brings it, however many states come before, and its source is a press away.
func TestAddedLayerIsChosen(t *testing.T) {
	s := quad()
	b, p := showBench(t, s)
	press(p.tabs[partOverlays])
	for n := range 2 {
		press(p.layers.adds.items[3].(*button)) // text
		b.show(s)
		b.show(s)
		s = carried(t, b, s)
		b.show(s)
		if want := (layerChoice{"lower", n}); b.desk.layer != want || p.layers.choice != want {
			t.Fatalf("chosen %v and %v, want %v", b.desk.layer, p.layers.choice, want)
		}
	}
	press(p.layers.list.rows[1]) // the lower one
	b.show(s)
	if b.desk.layer.layer != 0 {
		t.Errorf("a press on another layer chose %v", b.desk.layer)
	}
	press(p.layers.actions.items[0].(*button)) // edit source
	if p.part != partSources || p.selected[partSources] != "text" || p.source.id != "text" {
		t.Errorf("its source: list %d, %q, settings of %q", p.part, p.selected[partSources], p.source.id)
	}
	// Of a scene within a scene it is that scene.
	s = quad()
	inner := scenes.NewLayer("one")
	inner.Width, inner.Height = 640, 360
	s.Show.Scenes[1].Layers = []scenes.Layer{inner}
	b.show(s)
	press(p.tabs[partScenes])
	p.choose("two")
	press(p.layers.actions.items[0].(*button))
	if p.part != partScenes || p.selected[partScenes] != "one" {
		t.Errorf("a scene's layer opened list %d, %q", p.part, p.selected[partScenes])
	}
}

// TestFormShowsWhatIsMeant: a form of an object with nothing in it shows the choices that
// this means.
func TestFormShowsWhatIsMeant(t *testing.T) {
	b := newBench(t, aState())
	f, err := newForm(b.desk, json.RawMessage(`{"type": "object", "properties": {
		"mode": {"enum": ["caller", "listener"], "default": "caller", "title": "Mode"},
		"insecure": {"type": "boolean", "default": false, "title": "Any certificate"}}}`), func(json.RawMessage) {})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // as made, and given an empty object
		if mode, insecure := f.rows[0].choice.chosen, f.rows[1].choice.chosen; mode != 0 || insecure != 1 {
			t.Errorf("chosen are %d and %d, want 0 and 1", mode, insecure)
		}
		f.set(nil)
	}
}

// TestSourcesAreAddedByName: the palette adds a source and leaves the keyboard in its form.
func TestSourcesAreAddedByName(t *testing.T) {
	b := newBenchWith(t, quad(), buildServices())
	for _, a := range b.stateActions() {
		if a.name == "Add a source: Text, a title" {
			a.run()
		}
	}
	b.show(carried(t, b, quad()))
	if f, ok := b.canvas.Focused().(*field); !ok || b.lists.source.id != "text" || f != b.lists.source.form.rows[0].entry {
		t.Errorf("the keyboard is in %T, the settings are of %q", b.canvas.Focused(), b.lists.source.id)
	}
}

// Who adds a title or a network source types at once, also out of another field.
func TestTypingGoesIntoWhatWasJustAdded(t *testing.T) {
	s := quad()
	b, p := showBench(t, s)
	b.canvas.Focus(p.source.form.rows[0].entry)
	press(p.adds[partSources].items[2].(*button)) // text
	next := carried(t, b, s)
	b.show(next)
	if e, ok := b.canvas.Focused().(*field); !ok || e != p.source.form.rows[0].entry || p.source.kind != "text" {
		t.Errorf("%T has the keyboard, of %q", b.canvas.Focused(), p.source.id)
	}
}

// A title's name is changed during the show more often than anything else of it.
func TestEditSourceOfATitleTypesIntoIt(t *testing.T) {
	b, p := showBench(t, quad())
	press(p.tabs[partScenes])
	p.openElement("title")
	if e, ok := b.canvas.Focused().(*field); !ok || p.source.form == nil || e != p.source.form.rows[0].entry {
		t.Errorf("%T has the keyboard", b.canvas.Focused())
	}
}

// What is added during a show is not heard before it is seen, and a clip has not run to its
// end by then.
func TestWhatIsAddedWaitsForItsCut(t *testing.T) {
	for _, c := range []struct {
		kind, path string
		idle       scenes.WhenIdle
		onAir      scenes.OnAir
	}{
		{"file", "/a.mp4", scenes.IdleWait, scenes.OnAirAFV},
		{"file", "/a.MP3", "", ""}, // no picture to follow
		{"network", "", "", scenes.OnAirAFV},
		{"microphone", "", "", ""},
		{"text", "", "", ""},
	} {
		services := buildServices()
		services.SourceKinds["network"] = sources.Kind{Name: "network", HasVideo: true, HasAudio: true}
		services.SourceKinds["microphone"] = sources.Kind{Name: "microphone", HasAudio: true}
		b := newBenchWith(t, quad(), services)
		b.desk.addSource("", c.kind, "new", settingsOf("path", c.path))
		got := b.sent(t)
		if v := got[0].(*engine.AddSource).Source; v.WhenIdle != c.idle || v.Audio.OnAir != c.onAir {
			t.Errorf("%s %s: off air it does %q, and is heard %q; want %q and %q", c.kind, c.path, v.WhenIdle, v.Audio.OnAir, c.idle, c.onAir)
		}
	}
}

// TestLongNamesAreCut: a show takes no longer ones than 200 characters; files have longer ones, and
// copies and numbers make names longer.
func TestLongNamesAreCut(t *testing.T) {
	b, p := showBench(t, quad())
	long := strings.Repeat("x", 210)
	takes := func(what, name, end string) {
		t.Helper()
		if n := utf8.RuneCountInString(name); n != 200 || !strings.HasSuffix(name, "…"+end) {
			t.Errorf("%s is called %q, %d characters, want 200 that end with %q", what, name, n, end)
		}
	}
	a := newAdder(b.desk, "two")
	for range 2 {
		a.source("file", long, settingsOf("path", "/"+long+".mp4"))
	}
	a.send()
	got := b.sent(t)
	if len(got) != 3 {
		t.Fatalf("sent %s", commandsText(got))
	}
	takes("a file", got[0].(*engine.AddSource).Source.Name, "")
	takes("another of that name", got[1].(*engine.AddSource).Source.Name, " 2")

	s := quad()
	s.Show.Sources[0].Name, s.Show.Scenes[0].Name, s.Show.Overlays[0].Name = long[:200], long[:200], long[:200]
	b.show(s)
	for part, id := range map[showPart]string{partSources: "cam1", partScenes: "one", partOverlays: "lower"} {
		press(p.tabs[part])
		p.choose(id)
		p.duplicate()
		switch c := sentOne(t, b).(type) {
		case *engine.AddSource:
			takes("a copy of a source", c.Source.Name, " copy")
		case *engine.AddScene:
			takes("a copy of a scene", c.Scene.Name, " copy")
		case *engine.PutOverlay:
			takes("a copy of an overlay", c.Overlay.Name, " copy")
		}
	}
}

// TestNoLayerOfARefusedSource: what is wrong is with the source, and stays to be read.
func TestNoLayerOfARefusedSource(t *testing.T) {
	b := newBenchWith(t, quad(), buildServices())
	b.studio.refuse = errors.New("there are 256 sources already")
	a := newAdder(b.desk, "two")
	a.source("image", "logo", settingsOf("path", "/logo.png"))
	a.send()
	ctx, stop := context.WithCancel(t.Context())
	answered, ended := make(chan struct{}), make(chan struct{})
	b.desk.sender.send("", &engine.Cut{}, func(error) { close(answered) })
	go func() { defer close(ended); b.desk.sender.run(ctx) }()
	<-answered
	stop()
	<-ended
	if got := b.studio.done(); len(got) != 2 {
		t.Errorf("sent %s, want the source and the cut", commandsText(got))
	}
	if edits := len(b.desk.edits); edits != 2 {
		t.Fatalf("%d edits were remembered, want the source and its layer", edits)
	}
	b.desk.catchUp(b.desk.state)
	if edits := len(b.desk.edits); edits != 0 {
		t.Errorf("%d edits are still waited for", edits)
	}
}
