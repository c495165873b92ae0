package engine

import (
	"testing"

	"crosspoint.studio/crosspoint/scenes"
)

func ptr[T any](v T) *T { return &v }

// step is what a tick does with the switcher.
func step(e *Engine, n int) {
	for range n {
		e.advance()
		e.tick++
	}
}

func on(e *Engine, id string) bool { o, _ := e.show.Overlay(id); return o.On }

func TestTiedKeysMoveWithTheTransition(t *testing.T) {
	e := atRest(t)
	must(t, e, AddScene{scenes.Scene{ID: "s1"}}, PutOverlay{scenes.Overlay{ID: "title"}}, PutOverlay{scenes.Overlay{ID: "bug", On: true}},
		Cut{Scene: "s0"}, Preview{Scene: "s1"}, SetTransition{Frames: 4},
		SetNext{Overlays: &[]string{"title", "bug"}}, AutoTake{})
	step(e, 1)
	if a, b := e.keyLevel("title", on(e, "title")), e.keyLevel("bug", on(e, "bug")); a != 0.25 || b != 0.75 {
		t.Errorf("after a quarter the title shows %v and the bug %v", a, b)
	}
	if err := e.apply(SetNext{Background: ptr(false)}); err == nil {
		t.Error("what is being moved was changed on the way")
	}
	step(e, 3)
	if !on(e, "title") || on(e, "bug") || e.switcher.Program != "s1" {
		t.Errorf("at the end: title %v, bug %v, programme %q", on(e, "title"), on(e, "bug"), e.switcher.Program)
	}

	// Keys only: the background stays, and a cut switches at once.
	must(t, e, SetNext{Background: ptr(false), Overlays: &[]string{"title"}}, Cut{})
	step(e, 1)
	if on(e, "title") || e.switcher.Program != "s1" {
		t.Errorf("a cut of a key alone: title %v, programme %q", on(e, "title"), e.switcher.Program)
	}
	// Abandoned with the T-bar, nothing changes.
	must(t, e, TBar{Position: 0.5})
	if e.switcher.Crossing() || e.keyLevel("title", false) != 0.5 {
		t.Error("half way the key is not half there, or the background moves")
	}
	must(t, e, TBar{Position: e.switcher.RestsAt})
	step(e, 1)
	if on(e, "title") {
		t.Error("an abandoned transition switched the key")
	}
	// A cut to a scene by name is of the background, whatever is tied.
	must(t, e, Cut{Scene: "s0"})
	step(e, 1)
	if e.switcher.Program != "s0" || on(e, "title") {
		t.Error("a cut by name moved the key or not the background")
	}
	// A tied key that goes from the show is not tied any more.
	must(t, e, RemoveOverlay{ID: "title"})
	if !e.next.Background || len(e.next.Overlays) != 0 || e.switcher.KeysOnly {
		t.Errorf("after removing it: %+v", e.next)
	}
	if err := e.apply(SetNext{Background: ptr(false)}); err == nil {
		t.Error("a transition of nothing was accepted")
	}
}

// TestTiedKeysOfTwoCommandsOfATick: a cut moves the keys that are tied to it, not those that
// a later command of the same tick ties to the next one.
func TestTiedKeysOfTwoCommandsOfATick(t *testing.T) {
	for _, c := range []struct {
		name string
		list []Command
		want string // the keys that are on afterwards
	}{
		{"a cut and what comes next", []Command{Cut{}, SetNext{Overlays: &[]string{"b"}}}, "a"},
		{"two cuts, each with its key", []Command{Cut{}, SetNext{Overlays: &[]string{"b"}}, Cut{}}, "ab"},
		{"two cuts of one key", []Command{Cut{}, Cut{}}, ""},
		{"a throw of the T-bar and what comes next", []Command{TBar{Position: 1}, SetNext{Overlays: &[]string{"b"}}}, "a"},
		{"a cut and its key by hand", []Command{Cut{}, SetOverlay{ID: "a", On: ptr(true)}}, "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := atRest(t)
			must(t, e, PutOverlay{scenes.Overlay{ID: "a"}}, PutOverlay{scenes.Overlay{ID: "b"}}, SetNext{Overlays: &[]string{"a"}})
			must(t, e, c.list...)
			step(e, 1)
			got := ""
			for _, id := range []string{"a", "b"} {
				if on(e, id) {
					got += id
				}
			}
			if got != c.want {
				t.Errorf("on are %q, want %q", got, c.want)
			}
		})
	}
}

// TestKeysAloneWithoutAKey: a transition of keys alone whose key is removed on the way ends;
// the background does not take its place.
func TestKeysAloneWithoutAKey(t *testing.T) {
	for _, c := range []struct {
		name   string
		begin  Command
		steps  int
		remove Command
	}{
		{"the T-bar halfway", TBar{Position: 0.5}, 0, RemoveOverlay{ID: "title"}},
		{"AUTO under way", AutoTake{}, 2, RemoveOverlay{ID: "title"}},
		{"AUTO before its first step, and undo", AutoTake{}, 0, Undo{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := atRest(t)
			must(t, e, AddScene{scenes.Scene{ID: "s1"}}, Cut{Scene: "s0"}, Preview{Scene: "s1"}, SetTransition{Frames: 8},
				PutOverlay{scenes.Overlay{ID: "title"}}, SetNext{Background: ptr(false), Overlays: &[]string{"title"}}, c.begin)
			step(e, c.steps)
			must(t, e, c.remove)
			for range 10 {
				if e.switcher.Crossing() || e.switcher.Program != "s0" || e.switcher.Mode != AtRest {
					t.Fatalf("the background moves: programme %q, %v at %v", e.switcher.Program, e.switcher.Mode, e.switcher.Progress())
				}
				step(e, 1)
			}
			if !e.next.Background {
				t.Error("the next transition is of nothing")
			}
		})
	}
}
