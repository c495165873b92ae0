package engine

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// What cannot be played is seen to be so: a slate stands in its place, not black.
func TestRefusedSourceShowsTheSlate(t *testing.T) {
	for _, c := range []struct{ name, source string }{
		{"a kind of a newer version", `{"id": "a", "kind": "hologram"}`},
		{"wrong settings", `{"id": "a", "kind": "paced", "settings": {"refuse": true}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			show := parse(t, `{"format": 1, "canvas": {"width": 128, "height": 72, "fps": "30"},
			 "sources": [`+c.source+`], "start": {"program": "a"}}`)
			low, high := byte(255), byte(0)
			s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
				o.Ticks = 5
				o.Tap = func(_ int64, f *media.Frame, _ []float32) {
					for y := range f.Height {
						for _, v := range f.Planes[0].Data[y*f.Planes[0].Stride:][:f.Width] {
							low, high = min(low, v), max(high, v)
						}
					}
				}
			})
			s.run(t, t.Context(), time.Minute)
			if v := s.State().Sources[0]; v.Status != SourceFailed || v.Problem == "" {
				t.Errorf("it is %v, %q", v.Status, v.Problem)
			}
			// Two dark greys (newSlate); black is 16.
			if low < 30 || high <= low || high > 80 {
				t.Errorf("luma goes from %d to %d, want the stripes of the slate", low, high)
			}
		})
	}
}
