package engine

import (
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestVirtualClockDoesNotWaitForEver: a source that never delivers is said and left,
// and the others are still complete.
func TestVirtualClockDoesNotWaitForEver(t *testing.T) {
	s := newStudio(t, parse(t, `{"format": 1, "canvas": {"width": 320, "height": 180, "fps": "25"},
	 "sources": [{"id": "a", "kind": "paced", "settings": {"y": 60}}, {"id": "b", "name": "Tape", "kind": "paced", "settings": {"y": 90, "start_ms": 600000}}]}`),
		media.NewVirtualClock(), func(o *Options) { o.Ticks = 20 })
	s.stallLimit = 3 * time.Second
	s.run(t, t.Context(), time.Minute)
	st := s.State()
	if len(st.Warnings) != 1 || !strings.HasPrefix(st.Warnings[0].Text, "Tape delivered nothing for 3s at frame 0") {
		t.Errorf("warnings: %+v", st.Warnings)
	}
	if st.Sources[0].Repeated != 0 || st.Counters.New != 20 {
		t.Errorf("the other source repeated %d pictures, %d of 20 ticks were new", st.Sources[0].Repeated, st.Counters.New)
	}
}
