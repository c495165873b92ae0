package engine

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestFrameDivisor: one rendition at the canvas's 60 frames a second and one at half of it,
// in the same recorder's hands: every second picture, at its tick's time, with keyframes at
// the same moments.
func TestFrameDivisor(t *testing.T) {
	show := parse(t, `{"format": 2, "canvas": {"width": 128, "height": 72, "fps": "60"},
	 "sources": [{"id": "a", "kind": "paced", "settings": {"y": 60}}],
	 "renditions": [{"id": "full", "video": {"bitrate_kbps": 300, "keyframe_seconds": 1}},
	  {"id": "half", "video": {"bitrate_kbps": 300, "keyframe_seconds": 1, "frame_divisor": 2}}],
	 "recordings": [{"id": "r60", "rendition": "full", "settings": {"to": "r60"}}, {"id": "r30", "rendition": "half", "settings": {"to": "r30"}}]}`)
	s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks = 150
		o.Commands = []Timed{{0, &StartRecording{}}}
	})
	s.run(t, t.Context(), time.Minute)
	for _, c := range []struct {
		name    string
		divisor int64
	}{{"r60", 1}, {"r30", 2}} {
		r := s.outs.of(c.name)
		if fps := r.tracks[0].FPS; fps != media.NewRational(60, c.divisor) {
			t.Errorf("%s: the track says %v frames a second", c.name, fps)
		}
		times := map[time.Duration]bool{}
		keys := 0
		for _, p := range r.packets {
			if p.Track != 0 {
				continue
			}
			times[p.Time] = true
			if p.Keyframe {
				keys++
				if p.Time%time.Second != 0 {
					t.Errorf("%s: a keyframe at %v", c.name, p.Time)
				}
			}
		}
		if want := 150 / int(c.divisor); len(times) != want || keys != 3 {
			t.Errorf("%s: %d pictures and %d keyframes, want %d and 3", c.name, len(times), keys, want)
		}
		for tick := int64(0); tick < 150; tick += c.divisor {
			if !times[media.TickTime(tick, show.Canvas.FPS)] {
				t.Errorf("%s: no picture at tick %d", c.name, tick)
			}
		}
	}
}
