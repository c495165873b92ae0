package media

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseRational(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Rational
	}{
		{"30", Rational{30, 1}}, {"30000/1001", Rational{30000, 1001}}, {"29.97", Rational{30000, 1001}},
		{"59.94", Rational{60000, 1001}}, {"23.976", Rational{24000, 1001}}, {"12.5", Rational{25, 2}}, {" 60/2 ", Rational{30, 1}},
	} {
		got, err := ParseRational(c.in)
		if err != nil || got != c.want {
			t.Errorf("%q: got %v, %v, want %v", c.in, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "0", "-1", "30/0", "x", "1/2/3", "0/5", "1e9"} {
		if got, err := ParseRational(bad); err == nil {
			t.Errorf("%q: got %v, want an error", bad, got)
		}
	}
}

func TestRationalJSON(t *testing.T) {
	var v struct{ A, B Rational }
	if err := json.Unmarshal([]byte(`{"A": "30000/1001", "B": 25}`), &v); err != nil || v.A != (Rational{30000, 1001}) || v.B != (Rational{25, 1}) {
		t.Errorf("got %v, %v", v, err)
	}
}

// TestSamplesPartition: the sound of consecutive ticks has no gap and no overlap, and
// keeps to the rate for days.
func TestSamplesPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fps := rapid.SampledFrom([]Rational{{24, 1}, {25, 1}, {30, 1}, {30000, 1001}, {60000, 1001}, {24000, 1001}, {60, 1}}).Draw(t, "fps")
		n := rapid.Int64Range(0, 60*60*24*30*60).Draw(t, "tick")
		a, b := SampleAt(n, fps, SampleRateHz), SampleAt(n+1, fps, SampleRateHz)
		exact := float64(SampleRateHz) * float64(fps.Den) / float64(fps.Num)
		if d := float64(b-a) - exact; d <= -1 || d >= 1 {
			t.Fatalf("tick %d at %v has %d samples, want about %.2f", n, fps, b-a, exact)
		}
		// A sample index is the tick's time to within one sample.
		if d := TickTime(n, fps) - TimeOf(a, Rational{1, SampleRateHz}); d < 0 || d > time.Second/SampleRateHz+time.Nanosecond {
			t.Fatalf("tick %d at %v: its first sample is %v before it", n, fps, d)
		}
	})
}

func TestTimeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tb := rapid.SampledFrom([]Rational{{1, 30}, {1001, 30000}, {1, 48000}, {1, 90000}, {1001, 60000}}).Draw(t, "time base")
		v := rapid.Int64Range(-1<<32, 1<<32).Draw(t, "v")
		if got := UnitsIn(TimeOf(v, tb), tb); got != v {
			t.Fatalf("%d units of %v became %d", v, tb, got)
		}
	})
}
