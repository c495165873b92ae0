package engine

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// TestPreviewShowsComingKeys: preview is what the next transition brings, keys and all.
func TestPreviewShowsComingKeys(t *testing.T) {
	on := true
	layer := scenes.NewLayer("c")
	layer.Width, layer.Height = 16, 16
	bug := &PutOverlay{scenes.Overlay{ID: "bug", On: true, Layers: []scenes.Layer{layer}}}
	comes := &SetNext{Overlays: &[]string{"lower"}}
	alone := &SetNext{Background: ptr(false), Overlays: &[]string{"lower"}}
	for _, c := range []struct {
		what     string
		commands []Command
		want     string // layers on preview; scene two has two, one has one
	}{
		{"no key is tied", nil, "b a"},
		{"a key comes", []Command{comes}, "b a title"},
		{"a key is on and stays", []Command{&SetOverlay{ID: "lower", On: &on}}, "b a"},
		{"a key goes", []Command{&SetOverlay{ID: "lower", On: &on}, comes}, "b a"},
		{"a key comes alone", []Command{alone}, "a title"},
		{"a key goes alone", []Command{&SetOverlay{ID: "lower", On: &on}, alone}, "a"},
		{"a key comes alone, another stays", []Command{bug, alone}, "a title c"},
		{"a key goes alone, another stays", []Command{bug, &SetOverlay{ID: "lower", On: &on}, alone}, "a c"},
		{"a key is under way alone", []Command{bug, alone, &TBar{Position: 0.5}}, "a title c"},
	} {
		t.Run(c.what, func(t *testing.T) {
			var timed []Timed
			for _, cmd := range c.commands {
				timed = append(timed, Timed{5, cmd})
			}
			var s *studio
			got := ""
			s = newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
				o.Ticks, o.Commands = 12, timed
				o.Tap = func(tick int64, _ *media.Frame, _ []float32) {
					if tick != 10 {
						return
					}
					p := s.viewPlan(&View{spec: ViewSpec{Bus: ViewPreview}})
					got = slots(p.Base)
					(&paint{plan: p}).release()
				}
			})
			s.run(t, t.Context(), time.Minute)
			if got != c.want {
				t.Errorf("on preview are %q, want %q", got, c.want)
			}
			s.noFrames(t)
		})
	}
}
