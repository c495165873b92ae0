package engine

import (
	"runtime"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// tickAllocs are the objects that a steady tick of the engine allocates, sources and
// encoders included: what the fakes themselves allocate (a picture and its planes) is
// known and taken off by the caller.
func tickAllocs(t *testing.T, doc string, commands ...Timed) float64 {
	t.Helper()
	const from, to = 60, 260
	var before, after runtime.MemStats
	s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
		o.Ticks, o.Commands = to+1, commands
		o.Tap = func(tick int64, _ *media.Frame, _ []float32) {
			switch tick {
			case from:
				runtime.ReadMemStats(&before)
			case to:
				runtime.ReadMemStats(&after)
			}
		}
	})
	s.run(t, t.Context(), time.Minute)
	return float64(after.Mallocs-before.Mallocs) / (to - from)
}

// TestSteadyTickAllocates holds the line on what a tick allocates when nothing
// happens but the show.
func TestSteadyTickAllocates(t *testing.T) {
	const still = `{"format": 1, "canvas": {"width": 128, "height": 72, "fps": "30"},
	 "sources": [{"id": "a", "kind": "still", "settings": {"y": 60}}, {"id": "b", "kind": "still", "settings": {"alpha": true}}],
	 "scenes": [{"id": "one", "layers": [{"source": "a"}, {"source": "b", "x": 8, "y": 8, "width": 32, "height": 18}]}],
	 "renditions": [{"id": "main", "video": {"width": 128, "height": 72}}],
	 "recordings": [{"id": "rec", "settings": {"to": "rec"}}]}`
	idle := tickAllocs(t, still)
	recording := tickAllocs(t, still, Timed{0, &StartRecording{}})
	mixing := tickAllocs(t, still, Timed{50, &TBar{Position: 0.5}})
	t.Logf("objects a tick: %.1f idle, %.1f recording, %.1f in a halted mix", idle, recording, mixing)
	if idle > 2 {
		t.Errorf("an idle tick allocates %.1f objects, want at most 2", idle)
	}
	if mixing > 4 {
		t.Errorf("a mixing tick allocates %.1f objects, want at most 4", mixing)
	}
}
