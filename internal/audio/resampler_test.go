package audio

import (
	"fmt"
	"math"
	"testing"
)

// thdn is everything in one channel of b but the fundamental near hz, in dB below
// it, together with the fundamental's frequency and amplitude. The fundamental
// and DC are fitted by least squares; the frequency by Newton steps on the phase of the two
// halves.
func thdn(b []float32, channel int, hz float64) (db, foundHz, amplitude float64) {
	n := len(b) / 2
	fit := func(from, to int, hz float64) (s, c, dc float64) {
		// Normal equations of y = s sin + c cos + dc.
		var m [3][4]float64
		for i := from; i < to; i++ {
			w := 2 * math.Pi * hz * float64(i) / sampleRateHz
			v := [4]float64{math.Sin(w), math.Cos(w), 1, float64(b[2*i+channel])}
			for r := range 3 {
				for k := range 4 {
					m[r][k] += v[r] * v[k]
				}
			}
		}
		for p := range 3 {
			for r := range 3 {
				if r != p {
					f := m[r][p] / m[p][p]
					for k := range 4 {
						m[r][k] -= f * m[p][k]
					}
				}
			}
		}
		return m[0][3] / m[0][0], m[1][3] / m[1][1], m[2][3] / m[2][2]
	}
	for range 6 {
		s1, c1, _ := fit(0, n/2, hz)
		s2, c2, _ := fit(n/2, n, hz)
		d := math.Atan2(c2, s2) - math.Atan2(c1, s1)
		d -= 2 * math.Pi * math.Round(d/(2*math.Pi))
		hz += d / (2 * math.Pi) / (float64(n) / 2 / sampleRateHz)
	}
	s, c, dc := fit(0, n, hz)
	var rest float64
	for i := range n {
		w := 2 * math.Pi * hz * float64(i) / sampleRateHz
		e := float64(b[2*i+channel]) - s*math.Sin(w) - c*math.Cos(w) - dc
		rest += e * e
	}
	amplitude = math.Hypot(s, c)
	return 10 * math.Log10(rest/float64(n)/(amplitude*amplitude/2)), hz, amplitude
}

// resampled is n output frames of the tone through r, after its start-up.
func resampled(r Resampler, tone Tone, ppm float64, n int) []float32 {
	r.SetPPM(ppm)
	out, in, pos := make([]float32, 2*n+400), make([]float32, 512), int64(0)
	for made := 0; made < len(out)/2; {
		tone.Fill(in, pos)
		taken, m := r.Process(in, out[2*made:])
		pos += int64(taken)
		made += m
	}
	return out[400:]
}

func TestSincDistortion(t *testing.T) {
	for _, c := range []struct{ hz, ppm, limitDB, toleranceDB float64 }{
		{1000, 0, -100, 0.001}, {1000, 300, -100, 0.001}, {1000, -300, -100, 0.001}, {997, 3500, -100, 0.001},
		{10000, 137, -100, 0.001}, {18000, -211, -95, 0.01},
	} {
		t.Run(fmt.Sprintf("%vHz%+vppm", c.hz, c.ppm), func(t *testing.T) {
			b := resampled(NewSinc(), Tone{LeftHz: c.hz, RightHz: c.hz / 2, LevelDB: -1}, c.ppm, 24000)
			want := c.hz * (1 + c.ppm*1e-6)
			db, hz, amp := thdn(b, 0, want)
			if db > c.limitDB {
				t.Errorf("THD+N: got %.1f dB, want below %.0f", db, c.limitDB)
			}
			if math.Abs(hz-want) > 1e-3 {
				t.Errorf("frequency: got %.5f Hz, want %.5f", hz, want)
			}
			if level := dbOf(amp); math.Abs(level+1) > c.toleranceDB {
				t.Errorf("level: got %.4f dB, want -1", level)
			}
			t.Logf("THD+N %.1f dB", db)
		})
	}
}

func TestSincDoesNotDependOnBlockSizes(t *testing.T) {
	src := noise(3, 4000)
	whole := make([]float32, 2*3500)
	a := NewSinc()
	a.SetPPM(250)
	a.Process(src, whole)
	b, out := NewSinc(), make([]float32, 0, len(whole))
	b.SetPPM(250)
	var part [2 * 97]float32
	for pos, n := 0, 1; len(out) < len(whole); n = n%61 + 1 {
		end := min(pos+2*n, len(src))
		taken, made := b.Process(src[pos:end], part[:min(2*(n%13+1), len(whole)-len(out))])
		pos += 2 * taken
		out = append(out, part[:2*made]...)
	}
	for i := range whole {
		if out[i] != whole[i] {
			t.Fatalf("sample %d: got %v in parts, want %v", i, out[i], whole[i])
		}
	}
}

func TestSincUsesWhatItSays(t *testing.T) {
	s := NewSinc()
	s.SetPPM(300)
	in, out := make([]float32, 2*480000), make([]float32, 2*400000)
	taken, made := s.Process(in, out)
	if made != 400000 {
		t.Fatalf("made: got %d, want 400000", made)
	}
	if want := 400000 + 120; taken < want-1 || taken > want+1 {
		t.Errorf("taken for %d frames at 300 ppm: got %d, want %d", made, taken, want)
	}
}

func TestSincAllocatesNothing(t *testing.T) {
	s, in, out := NewSinc(), make([]float32, 1600), make([]float32, 1600)
	if got := testing.AllocsPerRun(50, func() { s.Process(in, out) }); got != 0 {
		t.Errorf("allocations: got %v, want 0", got)
	}
}

func BenchmarkSinc(b *testing.B) {
	s, in, out := NewSinc(), noise(1, 1000), make([]float32, 1600)
	s.SetPPM(100)
	for range b.N {
		s.Process(in, out)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/800*48000/1e6, "ms/s")
}
