package engine

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// soundShowText: two cameras, each with a tone of its own, and a microphone without picture.
const soundShowText = `{"format":2,"canvas":{"width":64,"height":48,"fps":"30"},
	"sources":[
		{"id":"a","kind":"paced","settings":{"tone":1000},"audio":{"on_air":"afv"}},
		{"id":"b","kind":"paced","settings":{"tone":3000},"audio":{"on_air":"afv"}},
		{"id":"mic","kind":"paced","settings":{"tone":500,"audio_only":true}}],
	"scenes":[{"id":"one","layers":[{"source":"a"}]},{"id":"two","layers":[{"source":"b"}]},{"id":"both","layers":[{"source":"a"},{"source":"b","width":32}]}],
	"buses":[{"id":"n-1","mix_minus":["mic"]},{"id":"aux"}],
	"transition":{"frames":10},"start":{"program":"one","preview":"two"}}`

// levels are the amplitudes of the show's tones in a block, by projection on whole periods.
func levels(b []float32, first int64) (a, bb, mic float64) {
	at := func(hz float64) float64 {
		var re, im float64
		n := len(b) / 2 / 96 * 96 // whole periods of all three
		for i := range n {
			phase := 2 * math.Pi * hz * float64(first+int64(i)) / 48000
			re += float64(b[2*i]) * math.Cos(phase)
			im += float64(b[2*i]) * math.Sin(phase)
		}
		return 2 * math.Hypot(re, im) / float64(n)
	}
	return at(1000), at(3000), at(500)
}

// heard runs the show and returns each tick's levels on a bus.
func heard(t *testing.T, show, bus string, ticks int64, list ...Timed) (out [][3]float64, s *studio) {
	t.Helper()
	s = newStudio(t, parse(t, show), media.NewVirtualClock(), func(o *Options) {
		o.Ticks, o.Commands = ticks, list
		o.Tap = func(tick int64, _ *media.Frame, _ []float32) {
			samples := s.desk.mixer.Monitor()
			if bus != "monitor" {
				samples = s.desk.buses[bus].bus.Samples()
			}
			a, b, mic := levels(samples, media.SampleAt(tick, s.fps, media.SampleRateHz))
			out = append(out, [3]float64{a, b, mic})
		}
	})
	s.run(t, t.Context(), time.Minute)
	return out, s
}

func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance }

// atGain reports whether a level is what a gain makes of another: silence is below -100 dB, and a
// gain is right within 0.02 dB.
func atGain(got, full, gain float64) bool {
	if gain < 1e-9 {
		return got < 1e-5*full
	}
	return near(got/full, gain, 0.002*gain)
}

// TestAudioFollowsVideo: along AUTO the two sounds cross with equal power, by hand the
// T-bar holds them, a cut changes over within a tick, and what has no picture stays.
func TestAudioFollowsVideo(t *testing.T) {
	out, _ := heard(t, soundShowText, "pgm", 60,
		Timed{10, &AutoTake{}}, Timed{30, &TBar{Position: 0.75}}, Timed{40, &TBar{Position: 0}}, Timed{45, &Cut{}}, Timed{50, &Cut{Scene: "both"}})
	full := out[5][0]
	if full < 0.05 || !atGain(out[5][1], full, 0) {
		t.Fatalf("before: %v", out[5])
	}
	for i := 10; i < 20; i++ {
		// The gains at the end of tick i are those of progress (i-9)/10; a block goes
		// there in a straight line, so its level is that of the middle of the 1536 frames, of
		// 1600, that levels looks at.
		const middle = 1537. / 2 / 1600
		from, to := equalPower(float64(i-10) / 10)
		f2, t2 := equalPower(float64(i-9) / 10)
		if a, b := from+(f2-from)*middle, to+(t2-to)*middle; !near(out[i][0]/full, a, 0.001) || !near(out[i][1]/full, b, 0.001) {
			t.Errorf("tick %d: %.3f and %.3f, want %.3f and %.3f", i, out[i][0]/full, out[i][1]/full, a, b)
		}
	}
	// The lever rests at 1 after the mix: 0.75 is a quarter of the way back.
	for tick, want := range map[int][2]float64{22: {0, 1}, 35: {math.Sin(math.Pi / 8), math.Cos(math.Pi / 8)}, 43: {1, 0}, 48: {0, 1}, 58: {1, 1}} {
		if got := out[tick]; !atGain(got[0], full, want[0]) || !atGain(got[1], full, want[1]) {
			t.Errorf("tick %d: %.5f and %.3f, want %.3f", tick, got[0]/full, got[1]/full, want)
		}
	}
	for tick := 2; tick < 60; tick++ {
		if !near(out[tick][2], full, 0.01*full) { // where another tone jumps, some of it is measured
			t.Errorf("tick %d: the microphone is at %.3f of what it is, want all", tick, out[tick][2]/full)
		}
	}
}

// TestAudioFollowsVideoThrough: a source that both scenes show is heard as it is all through a
// mix between them.
func TestAudioFollowsVideoThrough(t *testing.T) {
	out, _ := heard(t, soundShowText, "pgm", 30, Timed{3, &Preview{Scene: "both"}}, Timed{5, &AutoTake{}})
	full := out[4][0]
	for tick := 4; tick < 30; tick++ {
		if got := out[tick][0]; full < 0.05 || !near(got, full, 0.002*full) {
			t.Errorf("tick %d: %.5f of %.5f", tick, got, full)
		}
	}
	if !atGain(out[28][1], full, 1) {
		t.Errorf("the source that came is at %.5f, want %.5f", out[28][1], full)
	}
}

func TestEqualPower(t *testing.T) {
	for i := range 101 {
		from, to := equalPower(float64(i) / 100)
		if p := from*from + to*to; !near(p, 1, 1e-12) {
			t.Errorf("power %v at %d %%", p, i)
		}
	}
}

// TestBusesCarryWhatTheyShould: a mix-minus is the programme without its guest, an aux what
// is sent to it, before or after the fader.
func TestBusesCarryWhatTheyShould(t *testing.T) {
	down, on, pre, off := -20.0, true, true, false
	commands := []Timed{
		{0, &SetStrip{Source: "a", GainDB: &down}},
		{0, &SetSend{Source: "a", Bus: "aux", Pre: &pre}},
		{0, &SetSend{Source: "mic", Bus: "aux", GainDB: &down}},
		{20, &SetSend{Source: "mic", Bus: "pgm", On: &off}},
		{20, &SetSend{Source: "mic", Bus: "n-1", On: &on}},
	}
	full := 0.0
	for _, c := range []struct {
		bus           string
		before, after [2]float64 // a, mic; of the full level
	}{
		{"pgm", [2]float64{0.1, 1}, [2]float64{0.1, 0}},
		{"n-1", [2]float64{0.1, 0}, [2]float64{0.1, 1}},
		{"aux", [2]float64{1, 0.1}, [2]float64{1, 0.1}},
	} {
		out, s := heard(t, soundShowText, c.bus, 30, commands...)
		if full == 0 {
			full = out[15][2]
		}
		for tick, want := range map[int][2]float64{15: c.before, 28: c.after} {
			if got := out[tick]; !atGain(got[0], full, want[0]) || !atGain(got[2], full, want[1]) {
				t.Errorf("%s at tick %d: %.3f and %.3f, want %.3f", c.bus, tick, got[0]/full, got[2]/full, want)
			}
		}
		if st := s.State(); len(st.Buses) != 3 || st.Buses[0].ID != "pgm" || st.Buses[0].Meter.PeakDB[0] < -60 {
			t.Errorf("buses in the state: %+v", st.Buses)
		}
	}
}

// TestSoloReachesTheMonitorOnly: the programme has the same bits with and without it.
func TestSoloReachesTheMonitorOnly(t *testing.T) {
	mute := true
	list := []Timed{{0, &SetStrip{Source: "mic", Muted: &mute}}}
	plain, _ := heard(t, soundShowText, "pgm", 30, list...)
	solo := append(slices.Clone(list), Timed{5, &SoloSource{Source: "mic", Mode: "pfl"}}, Timed{15, &SoloSource{Source: "mic", Mode: "afl"}}, Timed{25, &SoloSource{}})
	same, s := heard(t, soundShowText, "pgm", 30, solo...)
	if !slices.Equal(plain, same) {
		t.Error("solo has changed the programme")
	}
	if v := s.State().Sources[2]; v.Solo != "" {
		t.Errorf("solo %q after it was ended", v.Solo)
	}
	ear, _ := heard(t, soundShowText, "monitor", 30, solo...)
	full := ear[3][0]
	for tick, want := range map[int][2]float64{3: {1, 0}, 12: {0, 1}, 22: {0, 0}, 28: {1, 0}} {
		if got := ear[tick]; !atGain(got[0], full, want[0]) || !atGain(got[2], full, want[1]) {
			t.Errorf("monitor at tick %d: %.3f and %.3f, want %.1f", tick, got[0]/full, got[2]/full, want)
		}
	}
	if ear, s = heard(t, soundShowText, "monitor", 30, Timed{0, &MonitorBus{Bus: "n-1"}}); !atGain(ear[20][2], full, 0) || !s.State().Buses[1].Listening {
		t.Errorf("the monitor on the mix-minus: %v, %+v", ear[20], s.State().Buses[1])
	}
}

// TestFadeToBlackTakesTheSoundIfSet.
func TestFadeToBlackTakesTheSoundIfSet(t *testing.T) {
	follow, black := true, true
	for _, set := range []bool{false, true} {
		list := []Timed{{5, &FadeToBlack{On: &black}}}
		if set {
			list = append([]Timed{{0, &SetBus{ID: "pgm", FollowBlack: &follow}}}, list...)
		}
		out, _ := heard(t, soundShowText, "pgm", 45, list...)
		if quiet := out[42][2] < 1e-6; quiet != set {
			t.Errorf("following %v: level %v at full black", set, out[42][2])
		}
	}
}

// TestInsertsOfTheShow: they sound, they can be changed, ducked, bypassed and taken out, and
// undo takes all of it back.
func TestInsertsOfTheShow(t *testing.T) {
	bypass := true
	depth := 12.0
	out, s := heard(t, soundShowText, "pgm", 150,
		Timed{5, &AddInsert{Source: "mic", Insert: scenes.Insert{Kind: "eq", Settings: json.RawMessage(`{"lowmid_hz":500,"lowmid_db":-12}`)}}},
		Timed{20, &SetInsert{Source: "mic", ID: "eq", Settings: json.RawMessage(`{"lowmid_db":6}`)}},
		Timed{35, &SetInsert{Source: "mic", ID: "eq", Bypassed: &bypass}},
		Timed{50, &Duck{Source: "a", Key: "mic", DepthDB: &depth}},
		Timed{90, &SetBus{ID: "pgm", Limiter: &scenes.Limiter{On: true, CeilingDB: -24, ReleaseMS: 60}}},
		Timed{120, &Undo{}}, Timed{121, &Undo{}}, Timed{122, &Undo{}}, Timed{123, &Undo{}}, Timed{124, &Undo{}},
	)
	full := out[3][2]
	db := func(tick, tone int) float64 { return 20 * math.Log10(out[tick][tone]/full) }
	for _, c := range []struct {
		tick, tone int
		want, tol  float64
	}{
		{15, 2, -12, 0.1}, {30, 2, 6, 0.1}, {45, 2, 0, 0.01}, {45, 0, 0, 0.01}, {85, 0, -12, 0.1}, {85, 2, 0, 0.01}, {145, 0, 0, 0.01}, {145, 2, 0, 0.01},
	} {
		if got := db(c.tick, c.tone); !near(got, c.want, c.tol) {
			t.Errorf("tick %d tone %d: %.2f dB, want %.2f", c.tick, c.tone, got, c.want)
		}
	}
	if db(115, 2) > -1 {
		t.Errorf("under the limiter the level is %.2f dB", db(115, 2))
	}
	if mic, _ := s.show.Source("mic"); len(mic.Audio.Inserts) != 0 {
		t.Errorf("after undo there is %+v", mic.Audio.Inserts)
	}
}

// TestReductionInTheState: what dynamics do is shown per insert.
func TestReductionInTheState(t *testing.T) {
	_, s := heard(t, soundShowText, "pgm", 40,
		Timed{0, &AddInsert{Source: "mic", Insert: scenes.Insert{Kind: "compressor", Settings: json.RawMessage(`{"threshold_db":-40,"makeup_db":10}`)}}},
		Timed{0, &AddInsert{Bus: "pgm", Insert: scenes.Insert{Kind: "gate"}}})
	st := s.State()
	mic := st.Sources[2]
	if mic.ReductionDB < 6 || mic.ReductionDB > 40 || len(mic.Inserts) != 1 || mic.Inserts[0].ReductionDB != mic.ReductionDB || mic.Inserts[0].Problem != "" {
		t.Errorf("the microphone: %+v", mic)
	}
	if b := st.Buses[0]; len(b.Inserts) != 1 || b.Inserts[0].ID != "gate" {
		t.Errorf("the programme: %+v", b)
	}
}

// TestSoundSurvivesSaving: what commands made of the desk is in the show file.
func TestSoundSurvivesSaving(t *testing.T) {
	gain := -6.0
	_, s := heard(t, soundShowText, "pgm", 4, Timed{0, &SetMaster{GainDB: &gain}}, Timed{0, &PutBus{scenes.Bus{ID: "x", MixMinus: []string{"a"}}}},
		Timed{1, &AddInsert{Bus: "x", Insert: scenes.Insert{Kind: "limiter"}}}, Timed{1, &SetSend{Source: "b", Bus: "x"}})
	raw, err := s.show.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again := parse(t, string(raw))
	if b, ok := again.Bus("x"); !ok || len(b.Inserts) != 1 || b.MixMinus[0] != "a" {
		t.Errorf("bus x: %+v", b)
	}
	if b, _ := again.Bus("pgm"); b.GainDB != -6 || s.State().Master.GainDB != -6 {
		t.Errorf("the programme's gain: %v", b.GainDB)
	}
}

// TestInsertInTroubleIsSaid.
func TestInsertInTroubleIsSaid(t *testing.T) {
	st := &State{Sources: []SourceState{{ID: "mic", Name: "Mic", Inserts: []InsertState{{ID: "eq"}, {ID: "gate", Problem: "no memory"}}}}, Buses: []BusState{{ID: "pgm", Name: "Programme"}}}
	got := troubles(st)
	if len(got) != 1 || got[0].Text != `The insert "gate" of Mic does not work: no memory. The sound goes on without it; change its settings, or take it out.` {
		t.Errorf("warnings: %+v", got)
	}
}

// telling is a live source that says what becomes of its sound, then waits.
type telling struct{}

func (telling) Run(ctx context.Context, sink sources.Sink) error {
	_ = sink.Audio(ctx, media.AudioBlock{Samples: make([]float32, 960)})
	sink.(sources.SoundListener).SoundChanged("It changed.")
	sink.(sources.LatencyListener).DeviceLatency(15 * time.Millisecond)
	<-ctx.Done()
	return ctx.Err()
}

// TestWhatSourcesSayOfTheirSound: through the supervisor, a change is the strip's sentence
// for ten seconds, and a device's share of the latency is in the state.
func TestWhatSourcesSayOfTheirSound(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := &Engine{clock: media.NewVirtualClock(), color: media.Rec709, fps: media.Rational{Num: 30, Den: 1}, desk: newDesk(), copiers: map[string]*copier{},
		show: parse(t, `{"format": 1, "canvas": {"width": 32, "height": 18, "fps": "30"}}`)}
	e.frameTime = media.TickTime(1, e.fps)
	e.slate = newSlate(32, 18, e.color)
	e.opt.SourceKinds = map[string]sources.Kind{"telling": {Name: "telling", Pacing: sources.Live, HasAudio: true,
		New: func(json.RawMessage, sources.Options) (sources.Source, error) { return telling{}, nil }}}
	in := e.newInput(scenes.Source{ID: "a", Kind: "telling"})
	in.start(ctx, slog.New(slog.DiscardHandler), nil)
	defer in.stop()
	defer cancel()
	var s SourceState
	at := time.Second
	for deadline := time.Now().Add(5 * time.Second); s.DeviceMS == 0 && time.Now().Before(deadline); runtime.Gosched() {
		s = in.state(at)
		e.desk.sound(in, &s)
	}
	if s.DeviceMS != 15 || s.LatencyMS < 48 {
		t.Errorf("%v ms late, %v of them the device", s.LatencyMS, s.DeviceMS)
	}
	in.state(at)
	if s = in.state(at + 9*time.Second); s.SoundProblem != "It changed." {
		t.Errorf("after 9 s it says %q", s.SoundProblem)
	}
	in.strip.Flush()
	if s = in.state(at + 11*time.Second); s.SoundProblem == "It changed." {
		t.Errorf("after 11 s it still says %q", s.SoundProblem)
	}
}

// TestMonitorIsInTheState: what the device did to what the operator hears can be read.
func TestMonitorIsInTheState(t *testing.T) {
	s := newStudio(t, parse(t, soundShowText), media.NewVirtualClock(), func(o *Options) {
		o.Ticks = 3
		o.MonitorStats = func() audio.MonitorStats {
			return audio.MonitorStats{Device: "Speakers", Latency: 80 * time.Millisecond, PPM: -12, Underruns: 3, Skips: 2, Dropped: 1600}
		}
	})
	s.run(t, t.Context(), time.Minute)
	want := MonitorState{Device: "Speakers", LatencyMS: 80, DriftPPM: -12, Underruns: 3, Skips: 2, Dropped: 1600}
	if got := s.State().Monitor; got != want {
		t.Errorf("the state says %+v, want %+v", got, want)
	}
}
