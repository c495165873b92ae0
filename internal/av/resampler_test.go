package av

import (
	"math"
	"testing"
)

// TestResampler: the ratio is what was asked for, a tone stays clean while the ratio
// moves, and nothing is allocated.
func TestResampler(t *testing.T) {
	for _, ppm := range []float64{0, 100, -100, 37.5, 5000, -5000} {
		r, err := NewResampler()
		if err != nil {
			t.Fatal(err)
		}
		r.SetPPM(ppm)
		in, out := tone(0, 480), make([]float32, 4000)
		n := 0
		const blocks = 6000 // a minute
		for range blocks {
			k, err := r.Process(in, out)
			if err != nil {
				t.Fatal(err)
			}
			n += k / 2
		}
		got := (float64(n)+r.Delay())/(blocks*480)*1e6 - 1e6
		if math.Abs(got-ppm) > 1 {
			t.Errorf("got %.2f ppm, want %.2f", got, ppm)
		}
		r.Close()
	}
}

func TestResamplerIsClean(t *testing.T) {
	r, err := NewResampler()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	in, out := make([]float32, 960), make([]float32, 4000)
	var heard []float64
	phase := 0.0
	for b := range 1000 {
		for i := range 480 {
			v := float32(0.5 * math.Sin(phase))
			in[2*i], in[2*i+1] = v, v
			phase += 2 * math.Pi * 997 / 48000
		}
		r.SetPPM(300 * math.Sin(float64(b)/50))
		n, err := r.Process(in, out)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < n; i += 2 {
			heard = append(heard, float64(out[i]))
		}
	}
	// A sine obeys x[n-1] + x[n+1] = 2 cos(w) x[n]; what does not is noise or a click.
	// At 300 ppm w varies by 4e-5, which bounds what the identity itself may miss.
	c, worst := 2*math.Cos(2*math.Pi*997/48000), 0.0
	for i := 2000; i < len(heard)-1; i++ {
		worst = max(worst, math.Abs(heard[i-1]+heard[i+1]-c*heard[i]))
	}
	if db := 20 * math.Log10(worst); db > -80 {
		t.Errorf("got a residue of %.1f dB, want less than -80", db)
	} else {
		t.Logf("residue %.1f dB", db)
	}
	if n := testing.AllocsPerRun(200, func() {
		r.SetPPM(12)
		if _, err := r.Process(in, out); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("got %v allocations a block, want none", n)
	}
}
