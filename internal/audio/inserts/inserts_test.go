package inserts

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// with is a processor of a kind with the show's default settings but for those given.
func with(t testing.TB, kind string, change map[string]any) audio.Processor {
	t.Helper()
	all := map[string]any{}
	if err := json.Unmarshal(scenes.NewInsert(kind).Settings, &all); err != nil {
		t.Fatal(err)
	}
	for k, v := range change {
		if _, ok := all[k]; !ok {
			t.Fatalf("%s has no setting %q", kind, k)
		}
		all[k] = v
	}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(kind, raw)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// run sends seconds of sound through p, in ticks of 30 a second, and returns the RMS and
// the peak of the second half, in dBFS.
func run(t testing.TB, p audio.Processor, seconds float64, fill func(b []float32, start int64), key []float32) (rmsDB, peakDB float64) {
	t.Helper()
	const frames = 1600
	ticks := int(seconds * 30)
	sum, peak, n := 0.0, 0.0, 0
	b := make([]float32, 2*frames)
	for i := range ticks {
		fill(b, int64(i)*frames)
		if err := p.Process(b, key); err != nil {
			t.Fatal(err)
		}
		if i < ticks/2 {
			continue
		}
		for _, v := range b {
			sum += float64(v) * float64(v)
			peak = max(peak, math.Abs(float64(v)))
			n++
		}
	}
	return 10 * math.Log10(sum/float64(n)+1e-20), 20 * math.Log10(peak+1e-10)
}

func tone(hz, peakDB float64) func([]float32, int64) {
	return audio.Tone{LeftHz: hz, RightHz: hz, LevelDB: peakDB}.Fill
}

// hiss is white noise of a level, always the same.
func hiss(rmsDB float64) func([]float32, int64) {
	level := math.Pow(10, rmsDB/20)
	return func(b []float32, start int64) {
		r := rand.New(rand.NewPCG(uint64(start), 1))
		for i := range b {
			b[i] = float32(r.NormFloat64() * level)
		}
	}
}

// TestGainOfEachKind: what a tone of peak level dBFS becomes, in dB.
func TestGainOfEachKind(t *testing.T) {
	type set = map[string]any
	for _, c := range []struct {
		name      string
		kind      string
		settings  set
		hz, level float64
		want, tol float64
	}{
		{"at the corner", HighPass, nil, 80, -10, -3.01, 0.1},
		{"an octave below", HighPass, nil, 40, -10, -24.1, 0.3},
		{"an octave below, 12 dB", HighPass, set{"slope_db": 12}, 40, -10, -12.3, 0.3},
		{"above", HighPass, nil, 2000, -10, 0, 0.05},
		{"flat", EQ, nil, 1000, -10, 0, 0.001},
		{"low shelf", EQ, set{"low_db": 6}, 20, -20, 6, 0.3},
		{"low shelf, far away", EQ, set{"low_db": 6}, 5000, -20, 0, 0.05},
		{"low bell", EQ, set{"lowmid_db": 6}, 400, -20, 6, 0.05},
		{"high bell", EQ, set{"highmid_db": -9, "highmid_q": 4}, 2500, -20, -9, 0.05},
		{"high shelf", EQ, set{"high_db": 4}, 18000, -20, 4, 0.4},
		{"under the threshold", Compressor, nil, 1000, -30, 0, 0.05},
		// Its envelope reads a sine about 1 dB low.
		{"18 dB over at 10:1", Compressor, set{"knee_db": 0}, 1000, 0, -15.3, 0.5},
		{"make-up", Compressor, set{"makeup_db": 6}, 1000, -30, 6, 0.05},
		{"open", Gate, nil, 1000, -25.9, 0, 0.01},
		{"closed", Gate, nil, 1000, -26.1, -60, 0.01},
		{"shut", Gate, set{"range_db": -90}, 1000, -30, -166.99, 0.01}, // nothing: as low as run measures
		{"over the threshold", Expander, nil, 1000, -30, 0, 0.3},
		{"10 dB under at 2:1", Expander, nil, 1000, -50, -11.2, 0.8},
		{"under the ceiling", Limiter, nil, 1000, -10, 0, 0.01},
		{"6 dB over", Limiter, nil, 1000, 0, -6, 0.1},
		{"speech", DeEsser, nil, 200, -20, 0, 0.2},
		{"loud tone", Denoise, nil, 1000, -20, 0, 0.5},
		{"no key", Ducker, nil, 1000, -20, 0, 0.001},
	} {
		t.Run(c.kind+" "+c.name, func(t *testing.T) {
			rms, peak := run(t, with(t, c.kind, c.settings), 1, tone(c.hz, c.level), nil)
			if got := rms - (c.level - 3.01); math.Abs(got-c.want) > c.tol {
				t.Errorf("gain %.2f dB, want %.2f", got, c.want)
			}
			if c.kind == Limiter && peak > -6+1e-4 && c.level > -6 {
				t.Errorf("peak %.4f dBFS is over the ceiling", peak)
			}
		})
	}
}

// The ducker does what the ratio says up to its depth, and no more. Its envelope reads a tone up
// to 1 dB low.
func TestDuckerTurnsDownByItsKey(t *testing.T) {
	for _, c := range []struct {
		keyDB, depthDB, ratio, want, tol float64
	}{
		{-10, 18, 4, -18, 0.1}, {-26, 12, 4, -10.5, 0.9}, {-20, 12, 4, -12, 0.1}, {-10, 60, 4, -22.5, 0.9}, {-10, 3, 20, -3, 0.1}, {-30, 18, 1, 0, 0.01}, {-10, 0, 4, 0, 0.1},
	} {
		key := make([]float32, 3200)
		tone(1000, c.keyDB)(key, 0)
		level, _ := run(t, with(t, Ducker, map[string]any{"depth_db": c.depthDB, "ratio": c.ratio}), 2, tone(300, -20), key)
		if got := level + 23.01; math.Abs(got-c.want) > c.tol {
			t.Errorf("key %v dBFS, depth %v dB, %v:1: gain %.2f dB, want %.2f +-%v", c.keyDB, c.depthDB, c.ratio, got, c.want, c.tol)
		}
	}
}

func TestNoiseGoes(t *testing.T) {
	if level, _ := run(t, with(t, Denoise, map[string]any{"reduction_db": 20}), 4, hiss(-50), nil); level > -60 {
		t.Errorf("hiss of -50 dBFS came out at %.1f, want 10 dB less at least", level)
	}
	in, _ := run(t, with(t, EQ, nil), 1, hiss(-12), nil)
	if out, _ := run(t, with(t, DeEsser, map[string]any{"intensity": 0.9, "frequency": 0.2, "amount": 1}), 1, hiss(-12), nil); out > in-3 {
		t.Errorf("sharp noise of %.1f dBFS came out at %.1f, want 3 dB less at least", in, out)
	}
}

// TestEveryKindOfTheShow: the show's default settings make a processor of every kind, and
// one that is not there is refused.
func TestEveryKindOfTheShow(t *testing.T) {
	for _, k := range scenes.InsertKinds() {
		with(t, k.Name, nil)
		if p, err := Open(k.Name, json.RawMessage(`{}`)); err == nil {
			p.Close()
			t.Errorf("%s without settings was taken", k.Name)
		}
	}
	if _, err := Open("reverb", json.RawMessage(`{}`)); err == nil {
		t.Error("an unknown kind was taken")
	}
	if _, err := Open(Gate, json.RawMessage(`[`)); err == nil {
		t.Error("settings that are no JSON were taken")
	}
	p, err := OpenLimiter(-1, 60)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
}

// TestLoudnessComesToItsTarget: quiet noise is raised by what its setting allows, loud
// noise is brought down, by less than a decibel beside the target after half a minute.
func TestLoudnessComesToItsTarget(t *testing.T) {
	for _, c := range []struct{ in, target, most, want float64 }{
		{-30, -23, 12, -23}, {-8, -23, 12, -23}, {-40, -14, 6, -14},
	} {
		p := with(t, Loudness, map[string]any{"target_lufs": c.target, "max_gain_db": c.most})
		noise := make([]float32, 2*2*media.SampleRateHz) // two seconds, again and again
		hiss(c.in)(noise, 0)
		before, after := audio.NewLoudness(), audio.NewLoudness()
		before.Write(noise)
		c.want = min(c.want, before.Read().IntegratedLUFS+c.most)
		b := make([]float32, 3200)
		for i := range 30 * 40 {
			copy(b, noise[i%60*3200:])
			if err := p.Process(b, nil); err != nil {
				t.Fatal(err)
			}
			if i >= 30*30 {
				after.Write(b)
			}
		}
		if got := after.Read().IntegratedLUFS; math.Abs(got-c.want) > 1 {
			t.Errorf("noise of %v dB comes out at %.1f LUFS, want %.1f", c.in, got, c.want)
		}
	}
}
