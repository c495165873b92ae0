package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// What is edited or restarted on air stays in the picture until what replaces it has one: a
// title whose text changes does not blink.
func TestEditedOnAirWithoutAGap(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"still", "paced", "live"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			const before, after = 200, 120
			settings := func(y int) json.RawMessage {
				return json.RawMessage(fmt.Sprintf(`{"y":%d,"start_ms":200}`, y))
			}
			show := parse(t, fmt.Sprintf(`{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},
				"sources":[{"id":"a","kind":%q,"settings":%s}],"scenes":[{"id":"s","layers":[{"source":"a"}]}],"start":{"program":"s"}}`, kind, settings(before)))
			var newest atomic.Int64
			var seen []byte // of the tick goroutine until it has ended
			s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
				o.Tap = func(_ int64, f *media.Frame, _ []float32) {
					y := f.Planes[0].Data[45*f.Planes[0].Stride+80]
					if y >= 100 { // not what was before the source had opened
						seen = append(seen, y)
					} else if len(seen) > 0 {
						seen = append(seen, 0)
					}
					newest.Store(int64(y))
				}
			})
			stop := s.live(t)
			shows := func(y int64) { s.until(t, fmt.Sprint("luma ", y), func(*State) bool { return newest.Load() == y }) }
			shows(before)
			s.must(t, &UpdateSource{Source: scenes.Source{ID: "a", Kind: kind, Settings: settings(after)}})
			shows(after)
			s.must(t, &RestartSource{Source: "a"})
			from := s.State().Tick
			s.until(t, "the restarted source runs", func(st *State) bool { return st.Tick > from+10 && st.Sources[0].Status != SourceOpening })
			stop()
			if i := slices.IndexFunc(seen, func(y byte) bool { return y != before && y != after }); i >= 0 {
				t.Errorf("of %d pictures number %d is without the source", len(seen), i)
			}
		})
	}
}

// A source that waits for the programme does so with a picture of its own: one that it was
// given by what it replaces would be what is cut to.
func TestInheritedPictureIsNotWaitedWith(t *testing.T) {
	t.Parallel()
	show := parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},
		"sources":[{"id":"a","kind":"paced","when_idle":"wait","settings":{"y":200,"no_audio":true}},{"id":"b","kind":"still","settings":{"y":60}}],
		"scenes":[{"id":"s","layers":[{"source":"b"}]},{"id":"n","layers":[{"source":"a"}]}],"start":{"program":"s","preview":"n"}}`)
	var newest atomic.Int64
	var old atomic.Bool
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		o.Tap = func(_ int64, f *media.Frame, _ []float32) {
			y := int64(f.Planes[0].Data[45*f.Planes[0].Stride+80])
			newest.Store(y)
			if y == 200 {
				old.Store(true)
			}
		}
	})
	stop := s.live(t)
	from := int64(0)
	waits := func(st *State) bool {
		return st.Tick > from && len(st.Sources) == 2 && st.Sources[0].Frames > 0 && st.Sources[0].Clip.Parked
	}
	s.until(t, "the clip waits", waits)
	s.must(t, &UpdateSource{Source: scenes.Source{ID: "a", Kind: "paced", WhenIdle: scenes.IdleWait, Settings: json.RawMessage(`{"y":120,"no_audio":true,"start_ms":100}`)}})
	from = s.State().Tick + 1
	s.until(t, "the new clip waits", waits)
	s.must(t, &Cut{})
	s.until(t, "the new clip is on air", func(*State) bool { return newest.Load() == 120 })
	stop()
	if old.Load() {
		t.Error("the clip that was replaced was cut to")
	}
}
