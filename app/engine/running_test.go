package engine

import (
	"encoding/json"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// TestTransitionUnderWayStays: what a transition looks like is settled when it begins, by AUTO
// or by the T-bar, and in a show that goes on within one; what is chosen meanwhile is for the next.
func TestTransitionUnderWayStays(t *testing.T) {
	wipe := SetTransition{Kind: "wipe", Direction: "up", Softness: ptr(0.5), Color: "#102030", Frames: 8}
	dip := SetTransition{Kind: "dip", Direction: "left", Softness: ptr(0.0), Color: "#ffffff", Frames: 2}
	for _, c := range []struct {
		name   string
		begin  []Command
		steps  int
		change []Command
		end    Command // of the rest of the transition; nil: AUTO runs
	}{
		{"in AUTO", []Command{wipe, AutoTake{}}, 2, []Command{dip}, nil},
		{"in the tick of AUTO", []Command{wipe, AutoTake{}, dip}, 1, nil, nil},
		{"by the T-bar", []Command{wipe, TBar{Position: 0.25}}, 1, []Command{dip, TBar{Position: 0.5}}, TBar{Position: 1}},
		{"by the T-bar, from its far end", []Command{TBar{Position: 1}, wipe, TBar{Position: 0.75}}, 1, []Command{dip}, TBar{Position: 0}},
		{"in an AUTO that was halted", []Command{wipe, AutoTake{}}, 2, []Command{AutoTake{}, dip}, Cut{}},
		{"in an AUTO that goes on", []Command{wipe, AutoTake{}}, 2, []Command{AutoTake{}, dip, AutoTake{}}, Cut{}},
		{"by undo", []Command{dip, RenameShow{"Evening"}, wipe, AutoTake{}}, 2, []Command{Undo{}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := atRest(t)
			must(t, e, AddScene{scenes.Scene{ID: "s1"}}, Cut{Scene: "s0"}, Preview{Scene: "s1"})
			must(t, e, c.begin...)
			step(e, c.steps)
			must(t, e, c.change...)
			e.planProgram()
			if got := e.plan.Change; got == nil || got.Kind != "wipe" || got.DirectionY != -1 || got.Softness != 0.5 {
				t.Fatalf("it is %+v, not as it began", got)
			}
			if e.show.Transition.Kind != "dip" {
				t.Fatal("what was chosen is not in the show")
			}

			// As a journal has it, and a show that is cut again from there.
			raw, err := json.Marshal(e.switcherState())
			if err != nil {
				t.Fatal(err)
			}
			var stood SwitcherState
			if err := json.Unmarshal(raw, &stood); err != nil {
				t.Fatal(err)
			}
			again := newStudio(t, e.show, media.NewVirtualClock(), func(o *Options) { o.Thread, o.Switcher = e.opt.Thread, &stood }).Engine
			t.Cleanup(again.comp.Close)
			again.planProgram()
			if got := again.plan.Change; got == nil || *got != *e.plan.Change {
				t.Errorf("cut again it is %+v, it was %+v", got, e.plan.Change)
			}

			if c.end != nil {
				must(t, e, c.end)
			}
			step(e, 10)
			if e.switcher.Mode != AtRest {
				t.Fatalf("it has not ended: %v at %v", e.switcher.Mode, e.switcher.Lever)
			}
			if s := e.switcherState(); s.Transition != nil {
				t.Errorf("at rest there is a transition of %+v", s.Transition)
			}
			must(t, e, AutoTake{})
			step(e, 1)
			e.planProgram()
			if got := e.plan.Change; got == nil || got.Kind != "dip" {
				t.Errorf("the next one is %+v", got)
			}
		})
	}
}
