package ui

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"crosspoint.studio/crosspoint/internal/audio/inserts"
	"crosspoint.studio/crosspoint/scenes"
)

// withSettings is an insert's complete settings with some of its own.
func withSettings(t *testing.T, kind, settings string) json.RawMessage {
	t.Helper()
	all, some := map[string]any{}, map[string]any{}
	if err := json.Unmarshal(scenes.NewInsert(kind).Settings, &all); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(settings), &some); err != nil {
		t.Fatal(err)
	}
	for k, v := range some {
		all[k] = v
	}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// processed is what the real insert makes of a signal, given block by block.
func processed(t *testing.T, kind string, settings json.RawMessage, signal, key func(n int) float32, frames int) []float32 {
	t.Helper()
	p, err := inserts.Open(kind, settings)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var out []float32
	const size = 1600
	for at := 0; at < frames; at += size {
		block, side := make([]float32, 2*size), []float32(nil)
		if key != nil {
			side = make([]float32, 2*size)
		}
		for i := range size {
			block[2*i], block[2*i+1] = signal(at+i), signal(at+i)
			if key != nil {
				side[2*i], side[2*i+1] = key(at+i), key(at+i)
			}
		}
		if err := p.Process(block, side); err != nil {
			t.Fatal(err)
		}
		for i := range size {
			out = append(out, block[2*i])
		}
	}
	return out
}

// The drawn spectrum is that of the filters' impulse response.
func TestSpectrumCurvesAreTheFilters(t *testing.T) {
	for _, c := range []struct{ kind, settings string }{
		{"highpass", `{"frequency_hz":80,"slope_db":24}`},
		{"highpass", `{"frequency_hz":200,"slope_db":12}`},
		{"eq", `{"low_hz":120,"low_db":9,"lowmid_hz":500,"lowmid_db":-6,"lowmid_q":2,"highmid_hz":3000,"highmid_db":4,"highmid_q":0.7,"high_hz":9000,"high_db":-12}`},
	} {
		settings := withSettings(t, c.kind, c.settings)
		impulse := func(n int) float32 {
			if n == 0 {
				return 1
			}
			return 0
		}
		out := processed(t, c.kind, settings, impulse, nil, 48000)
		curve := responseOf(c.kind, settings)
		for _, hz := range []float64{50, 80, 120, 300, 500, 1000, 3000, 6000, 9000, 15000} {
			var re, im float64
			for n, v := range out {
				sin, cos := math.Sincos(2 * math.Pi * hz * float64(n) / 48000)
				re, im = re+float64(v)*cos, im-float64(v)*sin
			}
			if got, want := curve.at(hz), 20*math.Log10(math.Hypot(re, im)); math.Abs(got-want) > 0.1 {
				t.Errorf("%s %s at %v Hz: drawn %.2f dB, the filter gives %.2f", c.kind, c.settings, hz, got, want)
			}
		}
	}
}

// The drawn levels are those that the processors settle at.
func TestLevelCurvesAreTheProcessors(t *testing.T) {
	for _, c := range []struct{ kind, settings string }{
		{"compressor", `{"threshold_db":-18,"ratio":10,"knee_db":6}`},
		{"compressor", `{"threshold_db":-30,"ratio":2,"knee_db":18,"makeup_db":6}`},
		{"compressor", `{"threshold_db":-20,"ratio":4,"knee_db":0}`},
		{"expander", `{"threshold_db":-40,"ratio":2,"range_db":-30}`},
		{"gate", `{"threshold_db":-26,"range_db":-40}`},
		{"limiter", `{"ceiling_db":-6}`},
		{"ducker", `{"key":"x","threshold_db":-40,"ratio":4,"depth_db":18}`},
		{"ducker", `{"key":"x","threshold_db":-30,"ratio":20,"depth_db":3}`},
	} {
		settings := withSettings(t, c.kind, c.settings)
		curve := responseOf(c.kind, settings)
		for _, db := range []float64{-55, -48, -42, -38, -34, -30, -27, -22, -19, -14, -8, -3} {
			t.Run(fmt.Sprintf("%s at %v", c.kind, db), func(t *testing.T) {
				level := float32(decibels(db))
				steady := func(int) float32 { return level }
				signal, key, base := steady, (func(int) float32)(nil), 1.0
				if c.kind == "ducker" {
					signal, key, base = func(int) float32 { return 0.1 }, steady, 0.1
				}
				out := processed(t, c.kind, settings, signal, key, 2*48000)
				want := 20 * math.Log10(float64(out[len(out)-1])/base)
				if got := curve.at(db); math.Abs(got-want) > 0.35 {
					t.Errorf("%s: drawn %.2f dB, the processor gives %.2f", c.settings, got, want)
				}
			})
		}
	}
}

// The gate's second line is where it settles on the way down.
func TestGateHasTwoCurves(t *testing.T) {
	settings := withSettings(t, "gate", `{"threshold_db":-26,"hysteresis_db":6,"range_db":-40}`)
	curve := responseOf("gate", settings)
	for _, db := range []float64{-45, -33, -31, -27, -20} {
		signal := func(n int) float32 {
			if n < 48000/2 {
				return 0.5
			}
			return float32(decibels(db))
		}
		out := processed(t, "gate", settings, signal, nil, 2*48000)
		if got, want := curve.back(db), 20*math.Log10(float64(out[len(out)-1])); math.Abs(got-want) > 0.01 {
			t.Errorf("from above at %v dBFS: drawn %.2f dB, the processor gives %.2f", db, got, want)
		}
	}
}

func TestKindsWithoutACurveHaveNone(t *testing.T) {
	for _, kind := range []string{"deesser", "denoise", "unknown"} {
		if responseOf(kind, json.RawMessage(`{}`)) != nil {
			t.Errorf("%s has a curve", kind)
		}
	}
}
