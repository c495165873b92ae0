package audio

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// conventional is the gate as shows have it by default.
var conventional = GateOptions{OpenDB: -26, HysteresisDB: 6, RangeDB: -60, Attack: 25 * time.Millisecond, Hold: 200 * time.Millisecond, Release: 150 * time.Millisecond}

// gated is what g makes of frames whose sides are left and right times level in dBFS.
func gated(t testing.TB, g *Gate, frames int, db float64, left, right float32) []float32 {
	t.Helper()
	b := make([]float32, 2*frames)
	for i := range frames {
		b[2*i], b[2*i+1] = left*amplitudeOf(db), right*amplitudeOf(db)
	}
	if err := g.Process(b, nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGateByItsDefinition: opens at -26, closes under -32 dBFS, 25/200/150 ms, to the frame.
func TestGateByItsDefinition(t *testing.T) {
	const ms = sampleRateHz / 1000
	g := NewGate(conventional)
	gain := func(b []float32, i int, db float64) float64 { return float64(b[2*i]) / float64(amplitudeOf(db)) }
	floor := math.Pow(10, -60.0/20)
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: gain %.7f, want %.7f", what, got, want)
		}
	}
	b := gated(t, g, 300*ms, -26.01, 1, 1)
	near("never opened", gain(b, 300*ms-1, -26.01), floor)
	b = gated(t, g, 100*ms, -26, 0.1, -1) // one side is enough, both are opened
	for i := range 100 * ms {
		want := floor + (1-floor)*math.Min(float64(i+1)/(25*ms), 1)
		near("attack", float64(b[2*i+1])/-float64(amplitudeOf(-26)), want)
		near("attack, other side", float64(b[2*i])/float64(0.1*amplitudeOf(-26)), want)
	}
	b = gated(t, g, 2000*ms, -31.99, 1, 1)
	near("between the levels", gain(b, 2000*ms-1, -31.99), 1)
	b = gated(t, g, 600*ms, -32.01, 1, 1)
	for i := range 600 * ms {
		// The frame that ends the hold is the first that closes.
		closed := math.Min(float64(max(i+2-200*ms, 0))/(150*ms), 1)
		near("hold and release", gain(b, i, -32.01), 1-(1-floor)*closed)
	}
	b = gated(t, g, 300*ms, -31.99, 1, 1)
	near("between the levels, from below", gain(b, 300*ms-1, -31.99), floor)
	gated(t, g, 26*ms, -20, 1, 1)
	for range 10 {
		b = gated(t, g, 199*ms, -90, 1, 1)
		near("a pause shorter than the hold", gain(b, 199*ms-1, -90), 1)
		gated(t, g, 1, -31, 1, 1)
	}
}

// TestGateIsOpenByTheRule: at every frame, of any sound, the gate stands where the
// definition has it, worked out anew for each frame.
func TestGateIsOpenByTheRule(t *testing.T) {
	opt := conventional
	opt.Hold = minHold
	const hold = sampleRateHz / 100
	rapid.Check(t, func(rt *rapid.T) {
		var db []float64
		for range rapid.IntRange(1, 8).Draw(rt, "stretches") {
			level := rapid.SampledFrom([]float64{-20, -26, -27, -31.9, -33, -60}).Draw(rt, "level")
			for range rapid.SampledFrom([]int{1, 2, hold - 1, hold, hold + 1, 700}).Draw(rt, "frames") {
				db = append(db, level)
			}
		}
		g := NewGate(opt)
		opened, kept := -1, -1 // frame that opened it last, and that kept it so
		for n, level := range db {
			gated(t, g, 1, level, 1, 0)
			if level >= -26 {
				opened = n
			}
			if level >= -32 {
				kept = n
			}
			// Open: since it was opened, no hold has gone by without a peak.
			want := opened >= 0
			for k, last := opened, opened; want && k <= n; k++ {
				if db[k] >= -32 {
					last = k
				}
				want = k-last < hold
			}
			if g.isOpen != want {
				rt.Fatalf("frame %d at %v dBFS, opened at %d, kept at %d: open %v, want %v", n, level, opened, kept, g.isOpen, want)
			}
		}
	})
}

// TestOpenGatePassesBits, and a low tone does not make it chatter.
func TestOpenGatePassesBits(t *testing.T) {
	g := NewGate(conventional)
	gated(t, g, sampleRateHz/10, -10, 1, 1)
	tone := Tone{LeftHz: 30, RightHz: 40, LevelDB: -31}
	in, out := make([]float32, 2*sampleRateHz), make([]float32, 2*sampleRateHz)
	tone.Fill(in, 0)
	copy(out, in)
	if err := g.Process(out, nil); err != nil {
		t.Fatal(err)
	}
	for i := range in {
		if math.Float32bits(in[i]) != math.Float32bits(out[i]) {
			t.Fatalf("sample %d is %v, was %v", i, out[i], in[i])
		}
	}
}

// TestGateStaysOpenWhenItIsSet: settings that change while the sound is between the two
// levels, long after it opened the gate, do not shut it.
func TestGateStaysOpenWhenItIsSet(t *testing.T) {
	in := NewInsert(NewGate(conventional), InsertOptions{Reduces: true})
	t.Cleanup(in.Close)
	block := func(db float64) []float32 {
		b := make([]float32, 2*1600)
		for i := range b {
			b[i] = amplitudeOf(db)
		}
		in.process(b)
		return b
	}
	for range 5 {
		block(-20)
	}
	for range 30 {
		block(-29)
	}
	changed := conventional
	changed.RangeDB = -40
	in.Replace(NewGate(changed))
	changed.RangeDB = -30
	for n := range 30 {
		if n == 1 { // while the first is taking over or has done so
			in.Replace(NewGate(changed))
		}
		for i, v := range block(-29) {
			if abs(v-amplitudeOf(-29)) > 1e-7 {
				t.Fatalf("block %d, sample %d: %v, want %v", n, i, v, amplitudeOf(-29))
			}
		}
	}
}

// TestGateKeepsItsTimeWhenItIsSet: what is left of the hold, and of the way up, is the same
// whether settings change meanwhile or not.
func TestGateKeepsItsTimeWhenItIsSet(t *testing.T) {
	const block = 480
	opt := GateOptions{OpenDB: -26, HysteresisDB: 6, RangeDB: -60, Attack: 400 * time.Millisecond, Hold: 2 * time.Second, Release: time.Second}
	run := func(changes bool) (out []float32) {
		in := NewInsert(NewGate(opt), InsertOptions{Reduces: true})
		t.Cleanup(in.Close)
		for n := range 600 {
			level := amplitudeOf(-60)
			if n >= 50 && n < 120 {
				level = amplitudeOf(-10)
			}
			b := make([]float32, 2*block)
			for i := range b {
				b[i] = level
			}
			if changes && n%10 == 5 {
				in.Replace(NewGate(opt))
			}
			in.process(b)
			out = append(out, b[len(b)-1])
		}
		return out
	}
	want, got := run(false), run(true)
	for n := range want {
		if d := abs(want[n] - got[n]); d > 1e-6 {
			t.Fatalf("after %d ms: %v with changes, %v without", n*10, got[n], want[n])
		}
	}
}

func TestGateAllocatesNothing(t *testing.T) {
	g := NewGate(conventional)
	b := make([]float32, 3200)
	if n := testing.AllocsPerRun(20, func() { _ = g.Process(b, nil) }); n != 0 { // it never fails
		t.Errorf("%v allocations, want 0", n)
	}
}

// BenchmarkGate is one tick's block through a gate that is half open.
func BenchmarkGate(b *testing.B) {
	g := NewGate(conventional)
	block := make([]float32, 3200)
	for b.Loop() {
		g.isOpen, g.place = true, 0
		if err := g.Process(block, nil); err != nil {
			b.Fatal(err)
		}
	}
}
