package engine

import (
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// atRest is an engine that does not run, with a scene and no source.
func atRest(t *testing.T) *Engine {
	s := newStudio(t, parse(t, `{"format": 1, "scenes": [{"id": "s0", "layers": []}]}`), media.NewVirtualClock(), nil)
	t.Cleanup(s.comp.Close)
	return s.Engine
}

// must applies commands on the test's goroutine.
func must(t *testing.T, e *Engine, list ...Command) {
	t.Helper()
	for _, c := range list {
		if err := e.apply(c); err != nil {
			t.Fatalf("%s: %v", nameOf(c), err)
		}
	}
}

func TestUndoTakesBackEditsOnly(t *testing.T) {
	e := atRest(t)
	first := e.show
	must(t, e, AddScene{scenes.Scene{ID: "s1", Name: "One"}}, Preview{Scene: "s1"}, PutOverlay{scenes.Overlay{ID: "o1", Name: "Title"}}, SetOverlay{ID: "o1"})
	must(t, e, RenameShow{"Evening"})
	e.publish()
	if s := e.state.Load(); s.Undo != "rename show" || s.Redo != "" || s.Revision != 4 {
		t.Fatalf("undo %q, redo %q, revision %d", s.Undo, s.Redo, s.Revision)
	}
	must(t, e, Undo{})
	if e.show.Name == "Evening" {
		t.Error("the name was not taken back")
	}
	if o, _ := e.show.Overlay("o1"); !o.On {
		t.Error("undo switched a key off that is on air")
	}
	must(t, e, Redo{})
	if e.show.Name != "Evening" {
		t.Error("the name did not come back")
	}
	must(t, e, Undo{}, SetOverlay{ID: "o1"}, Undo{}, Undo{})
	if len(e.show.Scenes) != len(first.Scenes) || e.switcher.Preview != "" {
		t.Errorf("after three: %d scenes, preview %q", len(e.show.Scenes), e.switcher.Preview)
	}
	if err := e.apply(Undo{}); err == nil || !strings.Contains(err.Error(), "nothing to undo") {
		t.Errorf("a fourth undo: %v", err)
	}
	must(t, e, Redo{}, AddScene{scenes.Scene{ID: "s2", Name: "Two"}})
	if err := e.apply(Redo{}); err == nil {
		t.Error("a new edit left something to redo")
	}
}

// TestUndoLeavesTheAirAlone: neither Undo nor Redo takes a scene or a key off the air, or
// puts a key on.
func TestUndoLeavesTheAirAlone(t *testing.T) {
	title := func(on bool) PutOverlay { return PutOverlay{scenes.Overlay{ID: "title", Name: "Title", On: on}} }
	for _, c := range []struct {
		name   string
		before []Command
		travel Command
		says   string // of the refusal; empty: it is not refused
		after  []Command
	}{
		{"an added scene that was cut to", []Command{AddScene{scenes.Scene{ID: "s1", Name: "Interview"}}, Cut{Scene: "s1"}}, Undo{}, "Interview is on air", []Command{Cut{Scene: "s0"}}},
		{"a scene removed again", []Command{AddScene{scenes.Scene{ID: "s1", Name: "Interview"}}, RemoveScene{ID: "s1"}, Undo{}, Cut{Scene: "s1"}}, Redo{}, "Interview is on air", []Command{Cut{Scene: "s0"}}},
		{"a scene that is being mixed in", []Command{AddScene{scenes.Scene{ID: "s1", Name: "Interview"}}, Preview{Scene: "s1"}, TBar{Position: 0.5}}, Undo{}, "Interview is on air", []Command{TBar{}}},
		{"a scene on preview", []Command{AddScene{scenes.Scene{ID: "s1", Name: "Interview"}}, Preview{Scene: "s1"}}, Undo{}, "", nil},
		{"an added key that is on", []Command{title(false), SetOverlay{ID: "title"}}, Undo{}, "the key Title is on air", []Command{SetOverlay{ID: "title"}}},
		{"an added key that is coming on", []Command{title(false), SetNext{Overlays: &[]string{"title"}}, TBar{Position: 0.5}}, Undo{}, "the key Title is on air", []Command{TBar{}}},
		{"a key that was on when it was removed", []Command{title(true), RemoveOverlay{ID: "title"}}, Undo{}, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := atRest(t)
			must(t, e, Cut{Scene: "s0"})
			must(t, e, c.before...)
			show, program := e.show, e.switcher.Program
			err := e.apply(c.travel)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) || e.show != show {
					t.Fatalf("%v, want a refusal with %q", err, c.says)
				}
				must(t, e, c.after...)
				err = e.apply(c.travel)
			} else if e.switcher.Program != program {
				t.Errorf("programme is %q, was %q", e.switcher.Program, program)
			}
			if err != nil {
				t.Fatal(err)
			}
			if o, _ := e.show.Overlay("title"); o.On {
				t.Error("it put a key on")
			}
		})
	}
}

// TestDraggingIsOneUndo: moves of one control within a second are one edit.
func TestDraggingIsOneUndo(t *testing.T) {
	e := atRest(t)
	must(t, e, AddScene{scenes.Scene{ID: "s1", Name: "One"}})
	for x := range 50 {
		l := scenes.NewLayer("s0")
		l.X, l.Y, l.Width, l.Height = float64(x), 0, 320, 180
		must(t, e, SetLayers{ID: "s1", Layers: []scenes.Layer{l}, Merge: true})
		e.tick++
	}
	e.tick += 60
	must(t, e, SetLayers{ID: "s1", Layers: nil, Merge: true})
	must(t, e, Undo{})
	if s, _ := e.show.Scene("s1"); len(s.Layers) != 1 || s.Layers[0].X != 49 {
		t.Fatalf("one undo: %+v", s.Layers)
	}
	must(t, e, Undo{})
	if s, _ := e.show.Scene("s1"); len(s.Layers) != 0 {
		t.Fatalf("a second undo left %+v", s.Layers)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	e := atRest(t)
	for range maxHistory + 20 {
		must(t, e, RenameShow{"a"}, RenameShow{"b"})
	}
	if n := len(e.history.undo); n != maxHistory {
		t.Errorf("%d entries, want %d", n, maxHistory)
	}
}

func TestRefusedEditChangesNothing(t *testing.T) {
	e := atRest(t)
	before := e.show
	src := "s0"
	must(t, e, AddScene{scenes.Scene{ID: "s1", Layers: []scenes.Layer{scenes.NewLayer(src)}}})
	after, revision := e.show, e.history.revision
	for _, c := range []Command{RemoveScene{ID: src}, AddScene{scenes.Scene{ID: "s1"}}, SetLayers{ID: "none"}, Reorder{ID: "none"}, SetFadeRate{Frames: 9999}, RemoveOverlay{ID: "x"}, ReplaceShow{}} {
		if err := e.apply(c); err == nil {
			t.Errorf("%s was not refused", nameOf(c))
		}
	}
	if e.show != after || e.history.revision != revision || after == before {
		t.Error("a refused edit changed the show")
	}
}
