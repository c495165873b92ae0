package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/compositor"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// slots names the layers, bottom to top.
func slots(layers []compositor.Layer) string {
	var names []string
	for i := range layers {
		names = append(names, layers[i].Slot)
	}
	return strings.Join(names, " ")
}

// TestLostKeyIsLeftOut: a key whose source cannot be used covers nothing of the programme, and
// that it is on without it is said for as long as it is on. A look at the source shows the slate.
func TestLostKeyIsLeftOut(t *testing.T) {
	const on, off = 5, 15
	show := parse(t, `{"format": 2, "canvas": {"width": 128, "height": 72, "fps": "30"},
	 "sources": [{"id": "a", "kind": "paced", "settings": {"y": 60}}, {"id": "t", "name": "Title", "kind": "paced", "settings": {"refuse": true}}],
	 "overlays": [{"id": "lower", "name": "Lower third", "layers": [{"source": "t"}]}], "start": {"program": "a", "preview": "a"}}`)
	var s *studio
	s = newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks, o.Commands = 20, []Timed{{on, &SetOverlay{ID: "lower", On: ptr(true)}}, {off, &SetOverlay{ID: "lower", On: ptr(false)}}}
		o.Tap = func(tick int64, f *media.Frame, _ []float32) {
			if got := f.Planes[0].Data[40*f.Planes[0].Stride+64]; got != 60 {
				t.Errorf("tick %d: the programme has luma %d, want 60", tick, got)
			}
			s.publish()
			want := "Title cannot be used: the fake refuses its settings. The rest of the show goes on; change its settings."
			tally := Tally(0)
			if tick >= on && tick < off {
				want = "Title cannot be used: the fake refuses its settings. The key Lower third is on air without it, and the rest of the show goes on; change its settings, or take the key off."
				tally = OnProgram
			}
			st := s.state.Load()
			if w := st.Warnings; len(w) != 1 || w[0].Text != want {
				t.Errorf("tick %d: said is %+v, want %q", tick, w, want)
			}
			if got := st.Tally["t"]; got != tally {
				t.Errorf("tick %d: its lamp is %d, want %d", tick, got, tally)
			}
			p := s.viewPlan(&View{spec: ViewSpec{Bus: ViewSource, ID: "t"}})
			if len(p.Base) != 1 || p.Base[0].Frame != s.slate {
				t.Errorf("tick %d: a look at it shows %d layers, want the slate", tick, len(p.Base))
			}
			(&paint{plan: p}).release()
		}
	})
	s.run(t, t.Context(), time.Minute)
}

// TestWhatOfAKeyIsLeftOut: what is lost is, the rest of the key stays, and so does whatever
// stands in for it; scenes show the slate.
func TestWhatOfAKeyIsLeftOut(t *testing.T) {
	const now = 10 * time.Second
	const doc = `{"format": 2, "canvas": {"width": 128, "height": 72, "fps": "30"},
	 "sources": [{"id": "a", "kind": "live"}, {"id": "bar", "kind": "live"}, {"id": "t", "kind": "live", "backup": "%s"}, {"id": "b", "kind": "live"}],
	 "overlays": [{"id": "lower", "name": "Lower third", "on": true, "layers": [{"source": "bar", "y": 36}, {"source": "t"}]}]}`
	for _, c := range []struct {
		name    string
		age     time.Duration // of its newest picture
		backup  string
		program string
		over    string // layers of the key
		lit     string // red lamps
		leftOut bool
	}{
		{"it runs", 0, "", "a", "bar t", "a lower t", false}, // the title covers the bar
		{"its last picture stands", 4 * time.Second, "", "a", "bar t", "a lower t", false},
		{"it is lost", lostAfter, "", "a", "bar", "a bar lower t", true},
		{"it is lost and stood in for", lostAfter, "b", "a", "bar b", "a b lower t", false},
		{"it is lost, and on programme too", lostAfter, "", "t", "bar", "bar lower t", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newStudio(t, parse(t, fmt.Sprintf(doc, c.backup)), media.NewVirtualClock(), nil).Engine
			t.Cleanup(e.comp.Close)
			picture := newSlate(128, 72, e.color)
			defer picture.Release()
			for _, def := range e.show.Sources {
				in := e.newInput(def)
				in.taken, in.lastFresh, in.status.State = picture, now, sources.Running
				if def.ID == "t" {
					in.lastFresh -= c.age
				}
				in.choose(now)
				e.inputs[def.ID], e.order = in, append(e.order, in)
			}
			e.tick, e.switcher.Program = media.UnitsIn(now, e.fps.Inv()), c.program
			e.standIns(now)
			for range 2 { // what the tick before left out does not add up
				e.planProgram()
			}
			if got := slots(e.plan.Over); got != c.over {
				t.Errorf("the key shows %q, want %q", got, c.over)
			}
			if got := slots(e.plan.Base); got != c.program {
				t.Errorf("the scene under it shows %q, want %q", got, c.program)
			}
			in := e.inputs["t"]
			var names []string
			if c.leftOut {
				names = []string{"Lower third"}
				if in.shownAt != e.tick {
					t.Error("it may rest, as if the key were off")
				}
			}
			if got := in.state(now).LeftOutOf; !slices.Equal(got, names) {
				t.Errorf("left out of %q, want %q", got, names)
			}
			var lit []string
			for id, v := range e.tally() {
				if v == OnProgram {
					lit = append(lit, id)
				}
			}
			slices.Sort(lit)
			if got := strings.Join(lit, " "); got != c.lit {
				t.Errorf("lit are %q, want %q", got, c.lit)
			}
		})
	}
}
