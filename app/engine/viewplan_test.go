package engine

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestPreviewShowsComingKeys: preview is what the next transition brings, keys and all.
func TestPreviewShowsComingKeys(t *testing.T) {
	on := true
	for _, c := range []struct {
		what     string
		commands []Command
		want     int // layers on preview; scene two has two
	}{
		{"no key is tied", nil, 2},
		{"a key comes", []Command{&SetNext{Overlays: &[]string{"lower"}}}, 3},
		{"a key is on and stays", []Command{&SetOverlay{ID: "lower", On: &on}}, 2},
		{"a key goes", []Command{&SetOverlay{ID: "lower", On: &on}, &SetNext{Overlays: &[]string{"lower"}}}, 2},
	} {
		t.Run(c.what, func(t *testing.T) {
			var timed []Timed
			for _, cmd := range c.commands {
				timed = append(timed, Timed{5, cmd})
			}
			var s *studio
			got, top := 0, ""
			s = newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
				o.Ticks, o.Commands = 12, timed
				o.Tap = func(tick int64, _ *media.Frame, _ []float32) {
					if tick != 10 {
						return
					}
					p := s.viewPlan(&View{spec: ViewSpec{Bus: ViewPreview}})
					got, top = len(p.Base), p.Base[len(p.Base)-1].Slot
					(&paint{plan: p}).release()
				}
			})
			s.run(t, t.Context(), time.Minute)
			if got != c.want || (c.want == 3) != (top == "title") {
				t.Errorf("%d layers with %q on top, want %d", got, top, c.want)
			}
			s.noFrames(t)
		})
	}
}
