package audio

import (
	"math"
	"testing"
)

// levelled runs a controller over the signal that fill makes and returns what meters say of
// the last seconds of the output, and the highest true peak of all of it.
func levelled(l *Leveller, seconds, last int, fill func(b []float32, start int64)) (end LoudnessReading, peakDB float64) {
	whole, tail := NewLoudness(), NewLoudness()
	b := make([]float32, 3200)
	for n := range int64(seconds * 30) {
		fill(b, n*1600)
		_ = l.Process(b, nil) // never fails
		whole.Write(b)
		if n >= int64(seconds-last)*30 {
			tail.Write(b)
		}
	}
	return tail.Read(), whole.Read().MaxTruePeakDB
}

// hiss fills with noise whose level in dB relative to full scale at says.
func hiss(at func(second float64) float64) func([]float32, int64) {
	seed := uint32(1)
	return func(b []float32, start int64) {
		g := float32(math.Pow(10, at(float64(start)/sampleRateHz)/20))
		for i := range b {
			seed = seed*1664525 + 1013904223
			b[i] = g * float32(int32(seed)) / (1 << 31)
		}
	}
}

func atLevel(db float64) func(float64) float64 { return func(float64) float64 { return db } }

func TestLevellerReachesItsTarget(t *testing.T) {
	// Speech: three seconds in four, at 6 dB up and down by turns, with noise in the pauses.
	speech := func(s float64) float64 {
		switch {
		case math.Mod(s, 4) > 3:
			return -70
		case math.Mod(s, 8) > 4:
			return -34
		}
		return -28
	}
	type levelCase struct {
		name         string
		target       float64
		signal       func(float64) float64
		tolerance    float64
		limitsAtMost float64 // the output's peak, dBTP
	}
	cases := []levelCase{
		{"speech, to -23", -23, speech, 1, -1},
		{"quiet, to -14", -14, atLevel(-30), 0.5, -1},
		{"loud, to -23", -23, atLevel(-6), 0.5, -1},
	}
	if underRace {
		cases = cases[:1]
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := NewLeveller(LevellerOptions{TargetLUFS: c.target, CeilingDBTP: -1, MaxGainDB: 20})
			end, peak := levelled(l, 50, 16, hiss(c.signal))
			if math.Abs(end.IntegratedLUFS-c.target) > c.tolerance {
				t.Errorf("loudness: got %.2f LUFS, want %v within %v", end.IntegratedLUFS, c.target, c.tolerance)
			}
			if peak > c.limitsAtMost {
				t.Errorf("true peak: got %.2f dBTP, want at most %v", peak, c.limitsAtMost)
			}
			t.Logf("%.2f LUFS, %.2f dBTP, gain %.1f dB, range %.1f LU", end.IntegratedLUFS, peak, l.GainDB(), end.RangeLU)
		})
	}
}

// True peaks stay under the ceiling whatever comes: tones whose peaks lie between samples,
// bursts from silence, clicks.
func TestLevellerHoldsTheCeiling(t *testing.T) {
	for _, c := range []struct {
		name string
		fill func(b []float32, start int64)
	}{
		{"a quarter of the rate at +9 dB", func(b []float32, start int64) {
			for i := 0; i < len(b); i += 2 {
				b[i] = float32(2.8 * math.Sin(math.Pi/2*float64(start+int64(i/2))+math.Pi/4))
				b[i+1] = 0
			}
		}},
		{"bursts at +12 dB", hiss(func(s float64) float64 {
			if math.Mod(s, 0.5) < 0.1 {
				return 12
			}
			return -40
		})},
		{"clicks", func(b []float32, start int64) {
			clear(b)
			b[int(start/1600)*37%len(b)] = 4
		}},
		{"100 Hz at +6 dB", func(b []float32, start int64) {
			Tone{LeftHz: 100, RightHz: 130, LevelDB: 6}.Fill(b, start)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := NewLeveller(LevellerOptions{TargetLUFS: -6, CeilingDBTP: -1})
			_, peak := levelled(l, 4, 1, c.fill)
			if !(peak <= -1) || peak < -4 {
				t.Errorf("true peak: got %.2f dBTP, want just under -1", peak)
			}
			t.Logf("%.2f dBTP", peak)
		})
	}
}

// What is at no time too loud comes out Latency later, bit for bit, until the slow gain
// moves; and that moves no faster than it says.
func TestLevellerLatencyAndSlew(t *testing.T) {
	l := NewLeveller(LevellerOptions{TargetLUFS: -14, CeilingDBTP: -1, MaxGainDB: 20})
	in := noise(4, 4000)
	for i := range in {
		in[i] /= 2 // between samples noise passes its samples' peak
	}
	out := append([]float32(nil), in...)
	_ = l.Process(out, nil)
	for i := range out {
		want := float32(0)
		if i >= 2*l.Latency() {
			want = in[i-2*l.Latency()]
		}
		if out[i] != want {
			t.Fatalf("sample %d: got %v, want %v", i, out[i], want)
		}
	}
	quiet := hiss(atLevel(-40))
	b := make([]float32, 9600)
	for n := range int64(100) {
		before := l.GainDB()
		quiet(b, n*4800)
		_ = l.Process(b, nil)
		if step := l.GainDB() - before; math.Abs(step) > 0.11 {
			t.Fatalf("the gain moved by %.3f dB in 100 ms, want at most 0.1", step)
		}
	}
}

// A pause, a faint hum in it and what is no number leave the gain alone.
func TestLevellerRestsInPauses(t *testing.T) {
	l := NewLeveller(LevellerOptions{TargetLUFS: -23, CeilingDBTP: -1, MaxGainDB: 30})
	levelled(l, 30, 1, hiss(atLevel(-30)))
	before := l.GainDB()
	levelled(l, 20, 1, hiss(atLevel(-56)))
	if d := l.GainDB() - before; math.Abs(d) > 0.5 {
		t.Errorf("a pause moved the gain by %.2f dB", d)
	}
	levelled(l, 1, 1, func(b []float32, _ int64) {
		for i := range b {
			b[i] = float32(math.NaN())
		}
	})
	end, _ := levelled(l, 10, 3, hiss(atLevel(-30)))
	if math.Abs(end.ShortTermLUFS+23) > 0.5 {
		t.Errorf("after NaNs: got %.2f LUFS, want -23", end.ShortTermLUFS)
	}
}

func TestLevellerAllocatesNothing(t *testing.T) {
	l, b := NewLeveller(LevellerOptions{TargetLUFS: -14, CeilingDBTP: -1, MaxGainDB: 20}), noise(2, 1600)
	if got := testing.AllocsPerRun(100, func() { _ = l.Process(b, nil) }); got != 0 {
		t.Errorf("allocations: got %v, want 0", got)
	}
}

func BenchmarkLeveller(b *testing.B) {
	l, block := NewLeveller(LevellerOptions{TargetLUFS: -14, CeilingDBTP: -1, MaxGainDB: 20}), noise(1, 1600)
	for range b.N {
		_ = l.Process(block, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)*30/1e6, "ms/s")
}

// TestLevellerGoesOnWhenItIsSet: new settings do not throw away the gain that was found: it
// goes on from there at its own pace, also when they come one after the other, and while the
// controller is bypassed.
func TestLevellerGoesOnWhenItIsSet(t *testing.T) {
	opt := LevellerOptions{TargetLUFS: -20, CeilingDBTP: -1, MaxGainDB: 20}
	in := NewInsert(NewLeveller(opt), InsertOptions{})
	t.Cleanup(in.Close)
	fill, b := hiss(atLevel(-30)), make([]float32, 3200)
	level := func() float64 {
		fill(b, 0)
		in.process(b)
		return 10 * math.Log10(energy(b)/float64(len(b)))
	}
	last := 0.0
	for range 30 * 30 {
		last = level()
	}
	gain := in.proc.(*Leveller).GainDB()
	if gain < 5 {
		t.Fatalf("after 30 s the gain is %.1f dB: nothing to keep", gain)
	}
	for i := range 30 {
		if i%3 == 0 { // a hand on a slider
			opt.CeilingDBTP -= 0.1
			opt.MaxGainDB += 0.1
			in.Replace(NewLeveller(opt))
		}
		if got := level(); math.Abs(got-last) > 0.5 {
			t.Fatalf("block %d after the first change: %.2f dB, before it %.2f", i, got, last)
		}
	}
	opt.TargetLUFS = -30
	in.Replace(NewLeveller(opt))
	if got := level(); math.Abs(got-last) > 0.5 {
		t.Fatalf("a new target is at once %.2f dB away", got-last)
	}
	for range 30 * 20 {
		level()
	}
	if got := in.proc.(*Leveller).GainDB(); math.Abs(got-(gain-10)) > 0.3 {
		t.Errorf("target 10 LU lower: gain %.2f dB, was %.2f", got, gain)
	}
	in.SetBypassed(true)
	level()
	gain = in.proc.(*Leveller).GainDB()
	in.Replace(NewLeveller(opt))
	if got := in.proc.(*Leveller).GainDB(); got != gain {
		t.Errorf("set while bypassed: gain %.2f dB, was %.2f", got, gain)
	}
}
