package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramBucketsAreNarrow(t *testing.T) {
	for d := time.Microsecond; d < 15*time.Second; d += d/7 + time.Microsecond {
		var h histogram
		h.add(d)
		want := float64(d) / 1e6
		p50, p99 := quantiles(&h)
		if p50 != p99 || p50 < want*0.98-0.001 || p50 > want*1.02+0.001 {
			t.Errorf("%v is counted as %.4f and %.4f ms", d, p50, p99)
		}
	}
}

func TestHistogramTakesEveryDuration(t *testing.T) {
	for d, want := range map[time.Duration]float64{-time.Second: 0.0005, 0: 0.0005, time.Hour: bucketMS(bucketCount - 1)} {
		var h histogram
		h.add(d)
		if p50, _ := quantiles(&h); p50 != want {
			t.Errorf("%v is counted as %v ms, want %v", d, p50, want)
		}
	}
	if p50, p99 := quantiles(&histogram{}); p50 != 0 || p99 != 0 {
		t.Errorf("nothing has the quantiles %v and %v", p50, p99)
	}
}

func TestQuantilesAreThoseOfTheValues(t *testing.T) {
	dice := rand.New(rand.NewPCG(7, 4))
	var h histogram
	var all []time.Duration
	for range 5000 {
		d := time.Duration(dice.ExpFloat64() * float64(6*time.Millisecond))
		all = append(all, d)
		h.add(d)
	}
	slices.Sort(all)
	p50, p99 := quantiles(&h)
	for _, c := range []struct{ got, want float64 }{{p50, float64(all[2499]) / 1e6}, {p99, float64(all[4949]) / 1e6}} {
		if c.got < c.want*0.98 || c.got > c.want*1.02 {
			t.Errorf("got %.3f ms, want %.3f", c.got, c.want)
		}
	}
}

func TestRecentlyForgets(t *testing.T) {
	var r recently
	r.add(time.Second)
	for range 9 {
		r.turn()
		r.add(time.Millisecond)
	}
	if _, p99 := r.quantiles(); p99 < 900 {
		t.Errorf("what was nine seconds ago is forgotten: p99 %v ms", p99)
	}
	r.turn()
	if _, p99 := r.quantiles(); p99 > 2 {
		t.Errorf("what was ten seconds ago is still there: p99 %v ms", p99)
	}
	if n := testing.AllocsPerRun(100, func() { r.add(time.Millisecond); r.turn(); r.quantiles() }); n > 0 {
		t.Errorf("counting a second allocates %v times", n)
	}
}
