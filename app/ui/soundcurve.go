package ui

import (
	"encoding/json"
	"math"
	"math/cmplx"
)

// The studio's sample rate, which filters' transfer functions depend on.
const curveRateHz = 48000.0

// biquad is a filter section's transfer function, z to the power of -n times b[n] over
// the same of a.
type biquad struct{ b, a [3]float64 }

// gainDB is the magnitude at a frequency.
func (q biquad) gainDB(hz float64) float64 {
	z := cmplx.Exp(complex(0, -2*math.Pi*hz/curveRateHz))
	at := func(c [3]float64) complex128 {
		return complex(c[0], 0) + complex(c[1], 0)*z + complex(c[2], 0)*z*z
	}
	return 20 * math.Log10(cmplx.Abs(at(q.b)/at(q.a)))
}

// The sections that inserts are made of, by R. Bristow-Johnson's "Cookbook formulae for
// audio EQ biquad filter coefficients", which libavfilter's af_biquads.c follows too.

func highPass(hz, q float64) biquad {
	sin, cos := math.Sincos(2 * math.Pi * hz / curveRateHz)
	alpha := sin / (2 * q)
	return biquad{[3]float64{(1 + cos) / 2, -(1 + cos), (1 + cos) / 2}, [3]float64{1 + alpha, -2 * cos, 1 - alpha}}
}

func bell(hz, q, db float64) biquad {
	sin, cos := math.Sincos(2 * math.Pi * hz / curveRateHz)
	alpha, a := sin/(2*q), math.Pow(10, db/40)
	return biquad{[3]float64{1 + alpha*a, -2 * cos, 1 - alpha*a}, [3]float64{1 + alpha/a, -2 * cos, 1 - alpha/a}}
}

// shelf is the high shelf, or with low the low one, which is its mirror image.
func shelf(hz, q, db float64, low bool) biquad {
	sin, cos := math.Sincos(2 * math.Pi * hz / curveRateHz)
	alpha, a := sin/(2*q), math.Pow(10, db/40)
	side := 1.0
	if low {
		side = -1
	}
	slope := 2 * math.Sqrt(a) * alpha
	return biquad{
		[3]float64{a * (a + 1 + side*(a-1)*cos + slope), -2 * side * a * (a - 1 + side*(a+1)*cos), a * (a + 1 + side*(a-1)*cos - slope)},
		[3]float64{a + 1 - side*(a-1)*cos + slope, 2 * side * (a - 1 - side*(a+1)*cos), a + 1 - side*(a-1)*cos - slope},
	}
}

// numbers are an insert's settings that are numbers, by name.
type numbers map[string]float64

func readNumbers(settings json.RawMessage) numbers {
	var all map[string]any
	n := numbers{}
	if json.Unmarshal(settings, &all) != nil {
		return n
	}
	for k, v := range all {
		if x, ok := v.(float64); ok {
			n[k] = x
		}
	}
	return n
}

// response is the curve of an insert: what an input (Hz or dBFS) becomes (dB or dBFS).
// For kinds that have none it is nil.
type response struct {
	// spectrum: the input is a frequency and the output a gain; else both are levels.
	spectrum bool
	at       func(x float64) float64
	back     func(x float64) float64 // the way down, of what has two thresholds; else nil
	axis     string                  // what x is, for the operator
}

// responseOf is the curve of a kind of insert with settings.
func responseOf(kind string, settings json.RawMessage) *response {
	n := readNumbers(settings)
	levels := func(at func(float64) float64) *response { return &response{at: at, axis: "in and out, dBFS"} }
	switch kind {
	case "highpass", "eq":
		sections := sectionsOf(kind, n)
		return &response{spectrum: true, axis: "Hz and dB", at: func(hz float64) float64 {
			sum := 0.0
			for _, q := range sections {
				sum += q.gainDB(hz)
			}
			return sum
		}}
	case "compressor":
		knee := math.Min(decibels(n["knee_db"]), 8)
		return levels(func(db float64) float64 {
			return db + compressed(db, n["threshold_db"], n["ratio"], knee) + n["makeup_db"]
		})
	case "expander":
		return levels(func(db float64) float64 {
			return db + expanded(db, n["threshold_db"], n["ratio"], 2.828427125, n["range_db"])
		})
	case "gate":
		shut := func(least float64) func(float64) float64 {
			return func(db float64) float64 {
				if db >= least {
					return db
				}
				return db + n["range_db"]
			}
		}
		r := levels(shut(n["threshold_db"]))
		r.back = shut(n["threshold_db"] - n["hysteresis_db"])
		return r
	case "limiter":
		return levels(func(db float64) float64 { return math.Min(db, n["ceiling_db"]) })
	case "ducker":
		return &response{axis: "level of the key, dBFS, and what it leaves, dB", at: func(db float64) float64 {
			return math.Max(compressed(db, n["threshold_db"], n["ratio"], 1), -n["depth_db"])
		}}
	}
	return nil
}

// decibels is a gain as a factor.
func decibels(db float64) float64 { return math.Pow(10, db/20) }

func sectionsOf(kind string, n numbers) []biquad {
	if kind == "highpass" {
		if n["slope_db"] < 24 {
			return []biquad{highPass(n["frequency_hz"], 0.707)}
		}
		// A Butterworth filter of the fourth order.
		return []biquad{highPass(n["frequency_hz"], 0.5/math.Cos(math.Pi/8)), highPass(n["frequency_hz"], 0.5/math.Sin(math.Pi/8))}
	}
	return []biquad{
		shelf(n["low_hz"], 0.707, n["low_db"], true),
		bell(n["lowmid_hz"], n["lowmid_q"], n["lowmid_db"]),
		bell(n["highmid_hz"], n["highmid_q"], n["highmid_db"]),
		shelf(n["high_hz"], 0.707, n["high_db"], false),
	}
}

// compressed is the gain in dB that a compressor gives a steady level: with a knee of so
// many times, half of it to each side of the threshold, bent by a Hermite spline.
func compressed(db, threshold, ratio, knee float64) float64 {
	half := 10 * math.Log10(math.Max(knee, 1))
	switch {
	case db <= threshold-half:
		return 0
	case knee > 1 && db < threshold+half:
		return hermite(db, threshold-half, threshold+half, threshold-half, threshold+half/ratio, 1, 1/ratio) - db
	}
	return (threshold - db) * (1 - 1/ratio)
}

// expanded is the gain in dB of an expander, never below least.
func expanded(db, threshold, ratio, knee, least float64) float64 {
	half := 10 * math.Log10(knee)
	out := (db-threshold)*ratio + threshold
	switch {
	case db >= threshold+half:
		return 0
	case db > threshold-half:
		out = hermite(db, threshold-half, threshold+half, threshold-half*ratio, threshold+half, ratio, 1)
	}
	return math.Max(out-db, least)
}

// hermite is the cubic from (x0, y0) to (x1, y1) with slopes m0 and m1.
func hermite(x, x0, x1, y0, y1, m0, m1 float64) float64 {
	w := x1 - x0
	t := (x - x0) / w
	m0, m1 = m0*w, m1*w
	return y0 + t*(m0+t*(-3*y0-2*m0+3*y1-m1+t*(2*y0+m0-2*y1+m1)))
}
