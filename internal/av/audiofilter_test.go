package av

import (
	"math"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

func openFilter(t testing.TB, opt AudioFilterOptions) *AudioFilter {
	t.Helper()
	f, err := NewAudioFilter(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// TestFilterGivesAsManyAsItTakes: whatever the length of the blocks, and with the latency
// that it says, found as the place where an impulse comes out.
func TestFilterGivesAsManyAsItTakes(t *testing.T) {
	for _, c := range []struct {
		name string
		opt  AudioFilterOptions
	}{
		{"nothing", AudioFilterOptions{Graph: "anull"}},
		{"planar", AudioFilterOptions{Graph: "equalizer=f=1000:t=q:w=1:g=0", Planar: true}},
		{"look-ahead", AudioFilterOptions{Graph: "alimiter=attack=5:level=disabled", Delay: 239}},
		{"blocks", AudioFilterOptions{Graph: "afftdn=nr=0.01", Planar: true, Delay: 1200, Pad: 600}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := openFilter(t, c.opt)
			var out []float32
			for _, n := range []int{1600, 1601, 1, 800, 4000, 1602, 1600} {
				b := make([]float32, n*media.Channels)
				if len(out) == 0 {
					b[2*100], b[2*100+1] = 0.5, -0.5
				}
				if err := f.Process(b, nil); err != nil {
					t.Fatal(err)
				}
				out = append(out, b...)
			}
			at, peak := 0, 0.0
			for i := 0; i < len(out); i += 2 {
				if v := math.Abs(float64(out[i])); v > peak {
					at, peak = i/2, v
				}
			}
			if peak < 0.45 || peak > 0.55 || out[2*at] != -out[2*at+1] {
				t.Errorf("the impulse came out as %v, %v", out[2*at], out[2*at+1])
			}
			if at-100 != f.Latency() {
				t.Errorf("it came %d frames late, want %d as the filter says", at-100, f.Latency())
			}
		})
	}
}

// TestFilterKeepsSamples: sound that the graph leaves alone comes out bit for bit.
func TestFilterKeepsSamples(t *testing.T) {
	for _, planar := range []bool{false, true} {
		f := openFilter(t, AudioFilterOptions{Graph: "anull", Planar: planar})
		in := make([]float32, 3200)
		for i := range in {
			in[i] = float32(math.Sin(float64(i)*0.37)) * 0.9
		}
		b := append([]float32(nil), in...)
		if err := f.Process(b, nil); err != nil {
			t.Fatal(err)
		}
		for i := range b {
			if b[i] != in[i] {
				t.Fatalf("planar %v: sample %d is %v, want %v", planar, i, b[i], in[i])
			}
		}
	}
}

// TestFilterListensToItsKey: with sidechaincompress the key turns the sound down.
func TestFilterListensToItsKey(t *testing.T) {
	f := openFilter(t, AudioFilterOptions{Graph: "[in][key]sidechaincompress=threshold=0.05:ratio=10:attack=1:release=50:detection=peak", Keyed: true})
	level := func(key []float32) float32 {
		var b []float32
		for range 6 {
			b = make([]float32, 3200)
			for i := range b {
				b[i] = 0.5
			}
			if err := f.Process(b, key); err != nil {
				t.Fatal(err)
			}
		}
		return b[len(b)-1]
	}
	if got := level(nil); got != 0.5 {
		t.Errorf("with silence for key: %v, want 0.5", got)
	}
	loud := make([]float32, 3200)
	for i := range loud {
		loud[i] = 0.5
	}
	// 20 dB over the threshold at 10:1 are 18 dB less.
	if got := level(loud); math.Abs(20*math.Log10(float64(got)/0.5)+18) > 0.2 {
		t.Errorf("with the key at -6 dBFS: %v, want 18 dB below 0.5", got)
	}
}

func TestFilterRefuses(t *testing.T) {
	for _, graph := range []string{"nosuchfilter", "equalizer=f=banana", ""} {
		if f, err := NewAudioFilter(AudioFilterOptions{Graph: graph}); err == nil {
			f.Close()
			t.Errorf("graph %q was taken", graph)
		}
	}
	f := openFilter(t, AudioFilterOptions{Graph: "anull"})
	f.Close()
	if err := f.Process(make([]float32, 8), nil); err == nil {
		t.Error("a closed filter processed")
	}
}

func TestFilterAllocatesNothing(t *testing.T) {
	f := openFilter(t, AudioFilterOptions{Graph: "acompressor"})
	b := make([]float32, 3200)
	if n := testing.AllocsPerRun(100, func() {
		if err := f.Process(b, nil); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a block, want 0", n)
	}
}

// BenchmarkFilterOpen is what a change of an insert's settings costs before its sound is
// heard.
func BenchmarkFilterOpen(b *testing.B) {
	for b.Loop() {
		f, err := NewAudioFilter(AudioFilterOptions{Graph: "acompressor"})
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

func BenchmarkFilterProcess(b *testing.B) {
	for _, c := range []AudioFilterOptions{
		{Graph: "anull"}, {Graph: "acompressor=detection=peak:link=maximum"}, {Graph: "agate=detection=peak:link=maximum"},
		{Graph: "equalizer=f=1000:t=q:w=1:g=6", Planar: true}, {Graph: "lowshelf=f=100:g=3,equalizer=f=500:t=q:w=1:g=6,equalizer=f=2000:t=q:w=1:g=6,highshelf=f=8000:g=3", Planar: true},
		{Graph: "alimiter=attack=5:level=disabled:limit=0.5"}, {Graph: "afftdn", Planar: true, Pad: 600, Delay: 1200}, {Graph: "deesser=i=0.5", Planar: true},
	} {
		b.Run(c.Graph, func(b *testing.B) {
			f := openFilter(b, c)
			in := make([]float32, 3200)
			for i := range in {
				in[i] = float32(math.Sin(float64(i)*0.37)) * 0.9
			}
			buf := make([]float32, 3200)
			for b.Loop() {
				copy(buf, in)
				if err := f.Process(buf, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
