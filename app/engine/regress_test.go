package engine

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/scenes"
)

// TestSignalStopsInOrder: a stop by the context (Ctrl+C, the window's close) lets
// recordings have every picture up to the last tick.
func TestSignalStopsInOrder(t *testing.T) {
	// On a machine that stands still for half a second pictures are dropped before the
	// encoder, which is another matter: it is tried again.
	for try := 1; ; try++ {
		problem, late := signalStops(t)
		if problem == "" {
			return
		}
		if late == 0 || try == 5 {
			t.Fatalf("%s (%d ticks were late)", problem, late)
		}
	}
}

// signalStops ends a recording as a signal does, and says what is wrong with what it got.
func signalStops(t *testing.T) (problem string, late int64) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last int64
	s := newStudio(t, parse(t, smallShow), media.NewRealClock(), func(o *Options) {
		o.Commands = []Timed{{0, &StartRecording{}}}
		o.Tap = func(tick int64, _ *media.Frame, _ []float32) {
			if last = tick; tick == 45 {
				cancel()
			}
		}
	})
	s.run(t, ctx, time.Minute)
	r := s.outs.of("rec")
	ticks, _ := r.video()
	switch {
	case !r.eof:
		problem = "the recording was cut short: its feed did not end in order"
	case len(ticks) == 0 || slices.Max(ticks) != last:
		problem = fmt.Sprintf("the recording has %d pictures, want all up to tick %d", len(ticks), last)
	}
	return problem, s.State().Counters.Late
}

// TestStopWithinFiveSeconds: an output that heeds neither the end of its feed nor its
// context.
func TestStopWithinFiveSeconds(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { stopWithinFiveSeconds(a) })
}

func stopWithinFiveSeconds(t testing.TB) {
	show := parse(t, strings.Replace(smallShow, `{"to": "d1"}`, `{"to": "d1", "mode": "hang"}`, 1))
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		o.Ticks = 60
		o.Commands = []Timed{{0, &GoLive{}}}
	})
	defer close(s.outs.block)
	var ended time.Time
	s.opt.Ticks = 60
	done := s.start(t, t.Context())
	s.until(t, "tick 55", func(st *State) bool { return st.Tick >= 55 })
	began := time.Now()
	finish(t, done, time.Minute)
	ended = time.Now()
	if d := ended.Sub(began); d > 5500*time.Millisecond {
		t.Errorf("the stop took %v, want at most 5 s", d.Round(100*time.Millisecond))
	}
}

// TestGoLiveWhileStopping: live, stop, live again at once: the last command counts.
func TestGoLiveWhileStopping(t *testing.T) {
	show := parse(t, strings.Replace(smallShow, `{"to": "d1"}`, `{"to": "d1", "mode": "slow"}`, 1))
	s := newStudio(t, show, media.NewRealClock(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := s.start(t, ctx)
	s.must(t, GoLive{Destinations: []string{"d1"}})
	s.until(t, "d1 live", func(st *State) bool { return st.Destinations[0].Report.AckedBytes > 0 })
	s.must(t, StopLive{Destinations: []string{"d1"}})
	err := s.Do(GoLive{Destinations: []string{"d1"}})
	if err == nil {
		time.Sleep(4 * time.Second)
		if st := s.State(); !st.Destinations[0].Started {
			t.Errorf("go_live was accepted while d1 was stopping, and d1 is not live")
		}
	} else if !strings.Contains(err.Error(), "d1") {
		t.Errorf("refused, and it does not say what: %v", err)
	}
	cancel()
	finish(t, done, time.Minute)
}

// soundAt is the tick at which sound is first heard, by a Tap.
func soundAt(first *int64) func(int64, *media.Frame, []float32) {
	*first = -1
	return func(tick int64, _ *media.Frame, samples []float32) {
		for _, v := range samples {
			if *first < 0 && math.Abs(float64(v)) > 0.01 {
				*first = tick
			}
		}
	}
}

// TestLateSourceHasItsSound: a paced source that is added to a running show, and
// whose sound is ready 60 ms before its first picture.
func TestLateSourceHasItsSound(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { lateSourceHasItsSound(a) })
}

func lateSourceHasItsSound(t testing.TB) {
	show := parse(t, `{"format": 1, "canvas": {"width": 128, "height": 72, "fps": "30"},
	 "sources": [{"id": "a", "kind": "paced", "settings": {"y": 60}}]}`)
	silent := 0
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		o.Ticks = 120
		o.Commands = []Timed{{60, &AddSource{scenes.Source{ID: "late", Kind: "paced", Settings: []byte(`{"y": 99, "tone": 440, "picture_ms": 60}`)}}}}
		o.Tap = func(tick int64, _ *media.Frame, samples []float32) {
			var peak float32
			for _, v := range samples {
				peak = max(peak, v)
			}
			if tick > 60 && peak < 0.01 {
				silent++
			}
		}
	})
	s.run(t, t.Context(), time.Minute)
	if silent > 15 {
		t.Errorf("%d of 59 ticks after it was added are silent", silent)
	}
}

// TestFirstTickHasItsPicture: a paced source whose first sound is 300 ms later than its
// first picture is on programme from tick 0 on, and so is its sound.
func TestFirstTickHasItsPicture(t *testing.T) {
	show := parse(t, `{"format": 1, "canvas": {"width": 128, "height": 72, "fps": "30"},
	 "sources": [{"id": "a", "kind": "paced", "settings": {"y": 77, "tone": 440, "sound_ms": 300}}],
	 "scenes": [{"id": "s", "layers": [{"source": "a"}]}], "start": {"program": "s"}}`)
	var luma [2]byte
	var peak float32
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		o.Ticks = 2
		o.Tap = func(tick int64, f *media.Frame, samples []float32) {
			luma[tick] = f.Planes[0].Data[f.Planes[0].Stride*40+64]
			for _, v := range samples {
				peak = max(peak, v)
			}
		}
	})
	s.run(t, t.Context(), time.Minute)
	if luma != [2]byte{77, 77} {
		t.Errorf("luma at ticks 0 and 1 is %v, want the camera's 77", luma)
	}
	if peak < 0.1 {
		t.Errorf("the first two ticks are silent (peak %.3f)", peak)
	}
}

// TestSoundAfterSeek: a seek 2 s into a running source; the sound of the new
// timeline is there before the picture.
func TestSoundAfterSeek(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { soundAfterSeek(a) })
}

func soundAfterSeek(t testing.TB) {
	show := parse(t, `{"format": 1, "canvas": {"width": 128, "height": 72, "fps": "30"},
	 "sources": [{"id": "a", "kind": "paced", "settings": {"y": 60, "tone": 440, "picture_ms": 60}}]}`)
	silent := 0
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		o.Ticks = 110
		o.Commands = []Timed{{60, &Seek{Source: "a"}}}
		o.Tap = func(tick int64, _ *media.Frame, samples []float32) {
			var peak float32
			for _, v := range samples {
				peak = max(peak, v)
			}
			if tick > 60 && peak < 0.01 {
				silent++
			}
		}
	})
	s.run(t, t.Context(), time.Minute)
	if silent > 15 {
		t.Errorf("%d of 49 ticks after the seek are silent", silent)
	}
}

// TestSeekOnVirtualClock: pictures after a seek begin at the new timeline's first and
// none is passed over; and the same in every run.
func TestSeekOnVirtualClock(t *testing.T) {
	var runs [3]string
	for i := range runs {
		var got []int64
		s := newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
			o.Ticks = 120
			o.Commands = []Timed{{60, &Seek{Source: "a"}}}
			o.Tap = func(_ int64, f *media.Frame, _ []float32) { got = append(got, number(f)) }
		})
		s.run(t, t.Context(), time.Minute)
		for n := 61; n < len(got); n++ {
			if got[n] > got[n-1]+1 {
				t.Errorf("run %d: tick %d shows picture %d after %d", i, n, got[n], got[n-1])
			}
		}
		if got[119] > 60 || got[119] < 45 {
			t.Errorf("run %d: tick 119 shows picture %d, want about 57", i, got[119])
		}
		runs[i] = fmt.Sprint(got)
	}
	if runs[0] != runs[1] || runs[1] != runs[2] {
		t.Errorf("three runs differ:\n%s\n%s\n%s", runs[0], runs[1], runs[2])
	}
}

// TestAudioOnlyOnVirtualClock: a file without pictures, which says so only once it is
// open.
func TestAudioOnlyOnVirtualClock(t *testing.T) {
	show := parse(t, `{"format": 1, "canvas": {"width": 128, "height": 72, "fps": "30"},
	 "sources": [{"id": "a", "kind": "paced", "settings": {"tone": 440, "audio_only": true, "start_ms": 100}}]}`)
	var first int64
	s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks = 30
		o.Tap = soundAt(&first)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s.run(t, ctx, time.Minute)
	if ctx.Err() != nil || first != 0 {
		t.Errorf("hung: %v; first sound at tick %d, want 0", ctx.Err(), first)
	}
}

// TestRestartIsDeterministic: the sound of a source that is closed and opened again.
func TestRestartIsDeterministic(t *testing.T) {
	var runs [4]hashes
	for i := range runs {
		s := newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
			o.Ticks, o.Tap = 60, runs[i].tap
			for n := int64(5); n < 60; n += 5 {
				o.Commands = append(o.Commands, Timed{n, &RestartSource{Source: "a"}}, Timed{n, &RestartSource{Source: "b"}})
			}
		})
		s.run(t, t.Context(), time.Minute)
		if len(runs[i].sound) != 60 || len(runs[i].pictures) != 60 {
			t.Fatalf("run %d: sound of %d ticks and %d pictures, want 60", i, len(runs[i].sound), len(runs[i].pictures))
		}
		if n := firstDifference(runs[0].sound, runs[i].sound); n >= 0 {
			t.Errorf("run %d: sound of tick %d differs from run 0", i, n)
		}
		if n := firstDifference(runs[0].pictures, runs[i].pictures); n >= 0 {
			t.Errorf("run %d: picture %d differs from run 0", i, n)
		}
	}
}

// TestFailureAtTheEndIsTold: an output that fails while it finishes; the last State
// says so (render looks there).
func TestFailureAtTheEndIsTold(t *testing.T) {
	show := parse(t, strings.Replace(smallShow, `{"to": "rec"}`, `{"to": "rec", "mode": "eof error"}`, 1))
	s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks, o.Commands = 45, []Timed{{0, &StartRecording{}}}
	})
	s.run(t, t.Context(), time.Minute)
	if st := s.State(); st.Recordings[0].Problem == "" || st.Tick < 44 {
		t.Errorf("after Run the state is of tick %d with problem %q, want the end and the disk", st.Tick, st.Recordings[0].Problem)
	}
}

// TestWarningClearsOnRestart: a destination that has failed and is started again.
func TestWarningClearsOnRestart(t *testing.T) {
	show := parse(t, strings.Replace(smallShow, `{"to": "d1"}`, `{"to": "d1", "mode": "permanent once"}`, 1))
	s := newStudio(t, show, media.NewRealClock(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := s.start(t, ctx)
	s.must(t, GoLive{Destinations: []string{"d1"}})
	st := s.until(t, "d1 failed", func(st *State) bool { return len(st.Warnings) > 0 })
	if w := st.Warnings[0]; !strings.Contains(w.Text, "the key was refused") {
		t.Errorf("the warning is %q", w.Text)
	}
	s.must(t, GoLive{Destinations: []string{"d1"}})
	if st := s.until(t, "a state", func(st *State) bool { return st.Destinations[0].Started }); len(st.Warnings) > 0 {
		t.Errorf("d1 runs again and the warning stands: %q", st.Warnings[0].Text)
	}
	cancel()
	finish(t, done, time.Minute)
}

// TestNoBFramesForALateWHIP: a WebRTC destination that comes into the show while its
// rendition is being encoded for others.
func TestNoBFramesForALateWHIP(t *testing.T) {
	show := parse(t, smallShow)
	with, err := show.SetDestination(scenes.Destination{ID: "w", Kind: "webrtc", Rendition: "main", Settings: []byte(`{"to": "w"}`), Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
	s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks = 90
		o.Commands = []Timed{{0, &GoLive{}}, {10, &ReplaceShow{with}}, {20, &GoLive{Destinations: []string{"w"}}}}
	})
	s.run(t, t.Context(), time.Minute)
	ticks, _ := s.outs.of("w").video()
	if len(ticks) == 0 {
		t.Fatal("nothing was sent")
	}
	if !slices.IsSorted(ticks) {
		t.Errorf("pictures are out of display order: %v", ticks[:min(len(ticks), 12)])
	}
}

// TestReplaceShowIsChecked: a show that no file could hold must be refused, not
// crash the engine later.
func TestReplaceShowIsChecked(t *testing.T) {
	s := newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) { o.Ticks = 3 })
	c, err := ParseCommand([]byte(`{"do": "replace_show", "show": {"canvas": {"width": 128, "height": 72, "fps": "30", "color": "bt709"}}}`))
	if err != nil {
		return // refused when read: as good
	}
	s.ctx = t.Context()
	s.reconcile(nil)
	func() {
		defer func() {
			if v := recover(); v != nil {
				t.Errorf("panic: %v", v)
			}
		}()
		if err := s.apply(c); err == nil {
			t.Errorf("a show without programmes was taken")
			_ = s.apply(Cut{Program: "pgm"})
		}
	}()
	s.opt.Show = parse(t, smallShow)
	s.show = s.opt.Show
	s.run(t, t.Context(), time.Minute)
}

// TestPreviewOfARemovedScene: chosen during a transition, gone before its end.
func TestPreviewOfARemovedScene(t *testing.T) {
	show := parse(t, smallShow)
	without, err := show.RemoveScene("three", true)
	if err != nil {
		t.Fatal(err)
	}
	s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks = 30
		o.Commands = []Timed{{1, &AutoTake{}}, {2, &Preview{Scene: "three"}}, {3, &ReplaceShow{without}}}
	})
	s.run(t, t.Context(), time.Minute)
	if s.switcher.Preview == "three" {
		t.Errorf("preview is %q, which is not in the show", s.switcher.Preview)
	}
}

// TestTallyOfWhatIsCovered: a camera under one that fills the canvas is not on air.
func TestTallyOfWhatIsCovered(t *testing.T) {
	show := parse(t, `{"format": 1, "canvas": {"width": 128, "height": 72, "fps": "30"},
	 "sources": [{"id": "a", "kind": "paced", "settings": {"y": 60}}, {"id": "b", "kind": "paced", "settings": {"y": 90}}],
	 "scenes": [{"id": "one", "layers": [{"source": "a"}, {"source": "b"}]}, {"id": "two", "layers": [{"source": "one"}]}],
	 "start": {"program": "two", "preview": ""}}`)
	var got map[string]Tally
	var s *studio
	s = newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks = 10
		o.Tap = func(int64, *media.Frame, []float32) { got = s.tally() }
	})
	s.run(t, t.Context(), time.Minute)
	if got["a"] != 0 || got["b"] != OnProgram {
		t.Errorf("tally %v: a is wholly covered by b", got)
	}
	if got["one"] != OnProgram {
		t.Errorf("tally %v: the nested scene is on air too", got)
	}
}

// TestLiveLipSyncApart: halves that are far apart, and sound that comes in bursts.
func TestLiveLipSyncApart(t *testing.T) {
	lipSync(t, []lipCase{
		{"sound in large blocks", flashes{block: 4800}, 0},
		{"sound in bursts of 170 ms", flashes{block: 1024, burst: 8}, 0},
		{"sound 200 ms late", flashes{sound: 200 * time.Millisecond, block: 480}, 0},
	})
}

// TestPresetOfOneEncoderInAnother: a show's default preset is x264's name; the other
// encoders have to understand or ignore it.
func TestPresetOfOneEncoderInAnother(t *testing.T) {
	show := parse(t, strings.Replace(smallShow, `"id": "small", "video": {"width": 64, "height": 36,`, `"id": "small", "video": {"codec": "av1", "width": 128, "height": 72,`, 1))
	s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks, o.Commands = 30, []Timed{{0, &GoLive{Destinations: []string{"d3"}}}}
		k := o.OutputKinds["fake"]
		k.Video = append(k.Video, media.AV1)
		o.OutputKinds["fake"] = k
	})
	s.run(t, t.Context(), time.Minute)
	if ticks, _ := s.outs.of("d3").video(); len(ticks) != 30 {
		t.Errorf("%d pictures of AV1 arrived, want 30; warnings %v", len(ticks), s.warn.all())
	}
}
