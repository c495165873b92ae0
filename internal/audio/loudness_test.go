package audio

import (
	"fmt"
	"math"
	"testing"
)

// segment is a part of a test signal: the same 1 kHz sine in both channels.
type segment struct {
	db      float64 // of the peak, dBFS; -Inf is silence
	seconds float64
}

var silence = math.Inf(-1)

// measured is a meter that has heard the segments, in ticks of 1/30 s. each, if set, sees
// it after every segment.
func measured(segments []segment, each func(i int, r LoudnessReading)) LoudnessReading {
	m := NewLoudness()
	hear(m, segments, func(i int) {
		if each != nil {
			each(i, m.Read())
		}
	})
	return m.Read()
}

func hear(m *Loudness, segments []segment, each func(i int)) { hearing(m, segments, each, nil) }

// hearing is hear that calls along, if set, after every tick, with the seconds so far.
func hearing(m *Loudness, segments []segment, each func(i int), along func(at float64)) {
	var cycle [48]float64 // 1 kHz fits exactly
	for i := range cycle {
		cycle[i] = math.Sin(2 * math.Pi * float64(i) / float64(len(cycle)))
	}
	buf := make([]float32, 3200)
	at := 0
	for i, s := range segments {
		g := math.Pow(10, s.db/20)
		for left := int(math.Round(s.seconds * sampleRateHz)); left > 0; {
			n := min(left, 1600)
			for j := range n {
				v := float32(g * cycle[at%len(cycle)])
				buf[2*j], buf[2*j+1] = v, v
				at++
			}
			m.Write(buf[:2*n])
			left -= n
			if along != nil {
				along(float64(at) / sampleRateHz)
			}
		}
		each(i)
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %.3f, want %.1f within %v", what, got, want, tolerance)
	}
}

// The minimum requirements of EBU Tech 3341 (2023), table 1, as far as they are
// synthetic and stereo; case 6 is of five channels, 7 and 8 are recordings.
func TestTech3341Loudness(t *testing.T) {
	repeat := func(n int, s ...segment) (all []segment) {
		for range n {
			all = append(all, s...)
		}
		return all
	}
	for _, c := range []struct {
		name     string
		segments []segment
		want     float64
		steady   bool // M and S as well
	}{
		{"1", []segment{{-23, 20}}, -23, true},
		{"2", []segment{{-33, 20}}, -33, true},
		{"3", []segment{{-36, 10}, {-23, 60}, {-36, 10}}, -23, false},
		{"4", []segment{{-72, 10}, {-36, 10}, {-23, 60}, {-36, 10}, {-72, 10}}, -23, false},
		{"5", []segment{{-26, 20}, {-20, 20.1}, {-26, 20}}, -23, false},
	} {
		t.Run("case "+c.name, func(t *testing.T) {
			r := measured(c.segments, nil)
			near(t, "integrated", r.IntegratedLUFS, c.want, 0.1)
			if c.steady {
				near(t, "momentary", r.MomentaryLUFS, c.want, 0.1)
				near(t, "short-term", r.ShortTermLUFS, c.want, 0.1)
			}
		})
	}
	// Cases 9 and 12: the reading stands still, at every tick, once a window is full.
	steady := func(name string, segments []segment, after float64, value func(LoudnessReading) float64) {
		t.Run(name, func(t *testing.T) {
			m := NewLoudness()
			least, most := math.Inf(1), math.Inf(-1)
			hearing(m, segments, func(int) {}, func(at float64) {
				if at >= after {
					v := value(m.Read())
					least, most = min(least, v), max(most, v)
				}
			})
			near(t, "lowest reading", least, -23, 0.1)
			near(t, "highest reading", most, -23, 0.1)
			t.Logf("%.3f to %.3f LUFS", least, most)
		})
	}
	steady("case 9", repeat(5, segment{-20, 1.34}, segment{-30, 1.66}), 3, func(r LoudnessReading) float64 { return r.ShortTermLUFS })
	steady("case 12", repeat(25, segment{-20, 0.18}, segment{-30, 0.22}), 1, func(r LoudnessReading) float64 { return r.MomentaryLUFS })
	for i := range 20 {
		f := float64(i)
		r := measured([]segment{{silence, 0.15 * f}, {-23, 3}, {silence, 1}}, nil)
		near(t, fmt.Sprintf("case 10, segment %d: highest short-term", i), r.MaxShortTermLUFS, -23, 0.1)
		r = measured([]segment{{silence, 0.02 * f}, {-23, 0.4}, {silence, 1}}, nil)
		near(t, fmt.Sprintf("case 13, segment %d: highest momentary", i), r.MaxMomentaryLUFS, -23, 0.1)
	}
	// Cases 11 and 14 are the same at rising levels in one go.
	var shorts, moments []segment
	for i := range 20 {
		f := float64(i)
		shorts = append(shorts, segment{silence, 0.15 * f}, segment{-38 + f, 3}, segment{silence, 3 - 0.15*f})
		moments = append(moments, segment{silence, 0.02 * f}, segment{-38 + f, 0.4}, segment{silence, 0.4 - 0.02*f})
	}
	measured(shorts, func(i int, r LoudnessReading) {
		if i%3 == 2 {
			near(t, fmt.Sprintf("case 11, segment %d: highest short-term", i/3), r.MaxShortTermLUFS, float64(-38+i/3), 0.1)
		}
	})
	measured(moments, func(i int, r LoudnessReading) {
		if i%3 == 2 {
			near(t, fmt.Sprintf("case 14, segment %d: highest momentary", i/3), r.MaxMomentaryLUFS, float64(-38+i/3), 0.1)
		}
	})
}

// sineBlock is a tone with its ends faded over 10 ms, as a true-peak signal must not begin
// with a step. shift is a delay in samples.
func sineBlock(cyclesPerSample, amplitude, degrees, shift float64) []float32 {
	const n, fade = 48000, 480
	b := make([]float32, 2*n)
	for i := range n {
		x := float64(i) - shift
		g := min(1, float64(i)/fade, float64(n-i)/fade)
		v := float32(g * amplitude * math.Sin(2*math.Pi*cyclesPerSample*x+degrees*math.Pi/180))
		b[2*i], b[2*i+1] = v, v
	}
	return b
}

// EBU Tech 3341, cases 15 to 23: within +0.2 and -0.4 dB. Cases 20 to 23 are one signal at
// 192 kHz of which every fourth sample is taken, beginning with each of four: the
// sine they are made of can be written down for any of them.
func TestTech3341TruePeak(t *testing.T) {
	for _, c := range []struct {
		name                              string
		cycles, amplitude, degrees, shift float64
		want                              float64
	}{
		{"15", 1. / 4, 0.50, 0, 0, -6},
		{"16", 1. / 4, 0.50, 45, 0, -6},
		{"17", 1. / 6, 0.50, 60, 0, -6},
		{"18", 1. / 8, 0.50, 67.5, 0, -6},
		{"19", 1. / 4, 1.41, 45, 0, 3},
		{"20", 1. / 6, 1, 0, 0, 0},
		{"21", 1. / 6, 1, 0, 0.25, 0},
		{"22", 1. / 6, 1, 0, 0.50, 0},
		{"23", 1. / 6, 1, 0, 0.75, 0},
	} {
		m := NewLoudness()
		b := sineBlock(c.cycles, c.amplitude, c.degrees, c.shift)
		for len(b) > 0 { // odd lengths: remainders of the vector loops
			n := min(len(b), 2*1601)
			m.Write(b[:n])
			b = b[n:]
		}
		r := m.Read()
		if e := r.MaxTruePeakDB - c.want; !(e <= 0.2 && e >= -0.4) {
			t.Errorf("case %s: got %.2f dBTP, want %.1f +0.2/-0.4", c.name, r.MaxTruePeakDB, c.want)
		}
		t.Logf("case %s: %.3f dBTP", c.name, r.MaxTruePeakDB)
	}
}

// EBU Tech 3342, table 1: the synthetic cases. The document allows 1 LU.
func TestTech3342Range(t *testing.T) {
	for _, c := range []struct {
		name   string
		levels []float64
		want   float64
	}{
		{"1", []float64{-20, -30}, 10},
		{"2", []float64{-20, -15}, 5},
		{"3", []float64{-40, -20}, 20},
		{"4", []float64{-50, -35, -20, -35, -50}, 15},
	} {
		var all []segment
		for _, db := range c.levels {
			all = append(all, segment{db, 20})
		}
		near(t, "case "+c.name+": range", measured(all, nil).RangeLU, c.want, 0.1)
	}
}

func TestCorrelation(t *testing.T) {
	noise := noise(5, 48000)
	side := func(f func(l, r float32) (float32, float32)) []float32 {
		b := make([]float32, len(noise))
		for i := 0; i < len(b); i += 2 {
			b[i], b[i+1] = f(noise[i], noise[i+1])
		}
		return b
	}
	for _, c := range []struct {
		name            string
		b               []float32
		want, tolerance float64
	}{
		{"mono", side(func(l, _ float32) (float32, float32) { return l, l }), 1, 1e-6},
		{"reversed", side(func(l, _ float32) (float32, float32) { return l, -l / 2 }), -1, 1e-6},
		{"unrelated", noise, 0, 0.05},
		{"left only", side(func(l, _ float32) (float32, float32) { return l, 0 }), 0, 0},
		{"silence", side(func(_, _ float32) (float32, float32) { return 0, 0 }), 0, 0},
	} {
		m := NewLoudness()
		m.Write(c.b)
		near(t, c.name, m.Read().Correlation, c.want, c.tolerance)
	}
}

// What is no number is silence, and does not stay.
func TestLoudnessOutlivesNaN(t *testing.T) {
	m := NewLoudness()
	bad := make([]float32, 3200)
	for i := range bad {
		bad[i] = [...]float32{float32(math.NaN()), float32(math.Inf(1)), 0.5}[i%3]
	}
	m.Write(bad)
	hear(m, []segment{{-23, 20}}, func(int) {})
	r := m.Read()
	near(t, "integrated", r.IntegratedLUFS, -23, 0.1)
	near(t, "true peak", r.MaxTruePeakDB, -23, 0.2)
}

// Far beyond the histogram's last bin, where gain on gain and broken files come, the gate
// is still a bin.
func TestLoudnessBeyondTheHistogram(t *testing.T) {
	m := NewLoudness()
	hear(m, []segment{{45, 5}}, func(int) {})
	r := m.Read()
	near(t, "integrated", r.IntegratedLUFS, 45, 0.1)
	near(t, "range", r.RangeLU, 0, 0.1)
	hear(m, []segment{{-23, 5}}, func(int) {})
	near(t, "integrated with what is far quieter", m.Read().IntegratedLUFS, 45, 0.5)
}

func TestLoudnessReset(t *testing.T) {
	m := NewLoudness()
	hear(m, []segment{{-10, 10}}, func(int) {})
	m.Reset()
	hear(m, []segment{{-30, 5}}, func(int) {})
	r := m.Read()
	near(t, "integrated", r.IntegratedLUFS, -30, 0.1)
	near(t, "highest momentary", r.MaxMomentaryLUFS, -30, 0.1)
	near(t, "true peak", r.MaxTruePeakDB, -30, 0.2)
	near(t, "seconds", r.Seconds, 5, 0.011)
	if r := NewLoudness().Read(); r != silentReading() {
		t.Errorf("a new meter reads %+v", r)
	}
}

// Blocks of any length measure the same.
func TestLoudnessDoesNotDependOnBlockSizes(t *testing.T) {
	b := noise(9, 5*sampleRateHz)
	whole, parts := NewLoudness(), NewLoudness()
	whole.Write(b)
	for n := 1; len(b) > 0; n = n%997 + 1 {
		k := min(2*n, len(b))
		parts.Write(b[:k])
		b = b[k:]
	}
	w, p := whole.Read(), parts.Read()
	near(t, "integrated", p.IntegratedLUFS, w.IntegratedLUFS, 1e-9)
	near(t, "true peak", p.MaxTruePeakDB, w.MaxTruePeakDB, 1e-4)
}

func TestLoudnessAllocatesNothing(t *testing.T) {
	m, b := NewLoudness(), noise(2, 1600)
	if got := testing.AllocsPerRun(100, func() { m.Write(b); m.Read() }); got != 0 {
		t.Errorf("allocations: got %v, want 0", got)
	}
}

// The demand is six buses in less than 1 % of a core: 10 ms of a second.
func BenchmarkLoudnessSixBuses(b *testing.B) {
	var meters [6]*Loudness
	for i := range meters {
		meters[i] = NewLoudness()
	}
	block := noise(1, 1600)
	for range b.N {
		for _, m := range meters {
			m.Write(block)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)*30/1e6, "ms/s")
}
