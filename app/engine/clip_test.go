package engine

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// A clip's position is that of the picture that the tick shows, through loops and seeks.
func TestClipPosition(t *testing.T) {
	show := parse(t, `{"format": 1, "canvas": {"width": 128, "height": 72, "fps": "30"},
	 "sources": [{"id": "a", "kind": "paced", "settings": {"length_ms": 1500, "loop": true}},
	             {"id": "b", "kind": "paced", "settings": {"audio_only": true, "tone": 440, "length_ms": 1000}}],
	 "start": {"program": "a"}}`)
	var s *studio
	type moment struct{ picture, sound, shown time.Duration }
	at := map[int64]moment{}
	var shown int64
	s = newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks = 100
		o.Commands = []Timed{{70, &Seek{Source: "a", Position: 0.5}}}
		o.Tap = func(tick int64, f *media.Frame, _ []float32) {
			// The state is that of the tick before, whose picture is the one before.
			st := s.State()
			if len(st.Sources) < 2 {
				return // before the first tick
			}
			if st.Tick == tick-1 {
				at[st.Tick] = moment{st.Sources[0].Clip.Position, st.Sources[1].Clip.Position, media.TickTime(shown, media.Rational{Num: 30, Den: 1})}
			}
			shown = number(f)
		}
	})
	s.run(t, t.Context(), time.Minute)
	frame := time.Second / 30
	for tick, m := range at {
		want := m.shown % (1500 * time.Millisecond)
		if tick >= 70 {
			want = (500*time.Millisecond + m.shown) % (1500 * time.Millisecond)
		}
		if d := m.picture - want; d > time.Millisecond || d < -time.Millisecond {
			t.Errorf("tick %d: position %v, picture %v", tick, m.picture, want)
		}
		heard := min(time.Duration(tick)*frame, time.Second)
		if d := m.sound - heard; d > 2*frame || d < -2*frame {
			t.Errorf("tick %d: position of the sound %v, want about %v", tick, m.sound, heard)
		}
	}
	if len(at) < 90 {
		t.Errorf("%d states for 100 ticks", len(at))
	}
}

// Pausing and playing on are seen in the state.
func TestClipPausedFlag(t *testing.T) {
	show := parse(t, `{"format": 1, "canvas": {"width": 128, "height": 72, "fps": "30"},
	 "sources": [{"id": "a", "kind": "paced"}], "start": {"program": "a"}}`)
	var s *studio
	var seen [2]bool
	s = newStudio(t, show, media.NewRealClock(), func(o *Options) {
		o.Ticks = 40
		o.Commands = []Timed{{10, &Pause{Source: "a", Paused: true}}, {30, &Pause{Source: "a"}}}
		o.Tap = func(tick int64, _ *media.Frame, _ []float32) {
			st := s.State()
			switch tick {
			case 20:
				seen[0] = st.Sources[0].Clip.Paused && st.Sources[0].Clip.Seekable
			case 38:
				seen[1] = !st.Sources[0].Clip.Paused
			}
		}
	})
	s.run(t, t.Context(), time.Minute)
	if seen != [2]bool{true, true} {
		t.Errorf("paused and playing on were shown: %v", seen)
	}
}
