package engine

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestIdleSourceWaits: a source that waits while it is not on programme makes no
// pictures, is there at the tick of its cut, goes on where it was, with its sound, and
// skips nothing.
func TestIdleSourceWaits(t *testing.T) {
	var pictures []int64
	var luma []byte
	var peaks []float32
	s := newStudio(t, parse(t, `{"format": 2, "canvas": {"width": 128, "height": 72, "fps": "25"}, "start": {"program": "a"},
	 "sources": [{"id": "a", "kind": "paced", "settings": {"y": 60}}, {"id": "b", "kind": "paced", "when_idle": "wait", "settings": {"y": 120, "tone": 440}}]}`),
		media.NewVirtualClock(), func(o *Options) {
			o.Ticks = 150
			o.Commands = []Timed{{50, &Cut{Scene: "b"}}, {80, &Cut{Scene: "a"}}, {120, &Cut{Scene: "b"}}}
			o.Tap = func(_ int64, f *media.Frame, samples []float32) {
				pictures, luma = append(pictures, number(f)), append(luma, f.Planes[0].Data[40*f.Planes[0].Stride+64])
				var peak float32
				for _, v := range samples {
					peak = max(peak, v)
				}
				peaks = append(peaks, peak)
			}
		})
	s.run(t, t.Context(), time.Minute)
	if len(pictures) != 150 {
		t.Fatalf("%d pictures", len(pictures))
	}
	next := int64(0)
	for n, got := range pictures {
		onB := n >= 50 && n < 80 || n >= 120
		if (luma[n] == 120) != onB {
			t.Fatalf("tick %d has luma %d", n, luma[n])
		}
		switch {
		case !onB && got != int64(n):
			t.Errorf("tick %d shows picture %d of the source that plays on", n, got)
		case onB && got != next && got != next-1: // the tick of the cut shows the picture it waited with
			t.Errorf("tick %d shows picture %d of the one that waits, want %d", n, got, next)
		}
		if onB {
			next = got + 1
		}
		if n > 52 && n < 80 || n > 122 {
			if peaks[n] < 0.2 {
				t.Errorf("tick %d: its sound has a peak of %v", n, peaks[n])
			}
		} else if n > 2 && n < 50 || n > 84 && n < 120 {
			if peaks[n] != 0 {
				t.Errorf("tick %d: it is heard (%v) while it waits", n, peaks[n])
			}
		}
	}
	if got := s.State().Sources[1].Frames; got > 100 {
		t.Errorf("it made %d pictures for 60 ticks on programme", got)
	}
	if n := s.State().Sources[1].Underruns; n != 0 {
		t.Errorf("waiting counted %d frames of silence", n)
	}
}
