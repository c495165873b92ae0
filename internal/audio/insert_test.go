package audio

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"crosspoint.studio/crosspoint/internal/media"
)

// gainer multiplies, after a delay.
type gainer struct {
	gain    float32
	late    int
	past    []float32
	err     error
	calls   int
	blocks  []int
	closed  int
	useKey  bool
	lastKey float32
	heard   int // samples of the last key that were not silent
}

func (g *gainer) Process(block, key []float32) error {
	g.calls++
	g.blocks = append(g.blocks, len(block))
	if g.err != nil {
		return g.err
	}
	if g.useKey {
		g.lastKey, g.heard = 0, 0
		for _, v := range key {
			if v != 0 {
				g.heard++
			}
		}
		if len(key) > 0 {
			g.lastKey = key[len(key)-1]
		}
	}
	if g.late > 0 {
		if g.past == nil {
			g.past = make([]float32, 2*g.late)
		}
		all := append(g.past, block...)
		copy(block, all[:len(block)])
		g.past = append([]float32(nil), all[len(block):]...)
	}
	for i := range block {
		block[i] *= g.gain
	}
	return nil
}

func (g *gainer) Latency() int { return g.late }
func (g *gainer) Close()       { g.closed++ }

// steady is a mixer with one strip that has endless sound: value everywhere.
type steady struct {
	t     testing.TB
	m     *Mixer
	s     *Strip
	block []float32
	out   []float32
	tick  int64
}

const steadyFrames = 480

func newSteady(t testing.TB, value float32) *steady {
	f := &steady{t: t, m: NewMixer(), s: NewStrip(Paced, media.NewVirtualClock(), StripOptions{})}
	f.block, f.out = make([]float32, 2*steadyFrames), make([]float32, 2*steadyFrames)
	for i := range f.block {
		f.block[i] = value
	}
	f.m.Add(f.s)
	f.write()
	t.Cleanup(f.m.Close)
	return f
}

// write keeps the strip ahead by some blocks, so that it may be heard early.
func (f *steady) write() {
	for range 8 {
		f.s.Write(media.AudioBlock{Samples: f.block, PTS: media.TimeOf(f.tick*steadyFrames, media.Rational{Num: 1, Den: sampleRateHz})})
		f.tick++
	}
}

func (f *steady) mix(ticks int) []float32 {
	var all []float32
	for range ticks {
		n := f.m.turn
		if n+4 > f.tick {
			f.s.Write(media.AudioBlock{Samples: f.block, PTS: media.TimeOf(f.tick*steadyFrames, media.Rational{Num: 1, Den: sampleRateHz})})
			f.tick++
		}
		f.m.MixTick(f.out, n*steadyFrames)
		all = append(all, f.out...)
	}
	return all
}

// largest is the largest step from one frame to the next on a side.
func largest(b []float32) (step float32) {
	for i := 2; i < len(b); i++ {
		step = max(step, abs(b[i]-b[i-2]))
	}
	return step
}

// fadeStep is more than the step of a change by 1 within the time that inserts take.
const fadeStep = 1.01 / insertFade

func TestInsertsComeGoAndMoveWithoutAStep(t *testing.T) {
	f := newSteady(t, 0.5)
	a, b := &gainer{gain: 0.5}, &gainer{gain: 0.25}
	one, two := NewInsert(a, InsertOptions{ID: "a"}), NewInsert(b, InsertOptions{ID: "b"})
	all := f.mix(2)
	expect := func(what string, want float32) {
		t.Helper()
		all = append(all, f.mix(8)...)
		if got := all[len(all)-1]; got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	f.s.SetInserts([]*Insert{one})
	expect("one", 0.25)
	f.s.SetInserts([]*Insert{one, two})
	expect("two", 0.0625)
	f.s.SetInserts([]*Insert{two, one})
	expect("the other way round", 0.0625)
	if f.s.inserts.list[0] != two || f.s.inserts.want != nil {
		t.Error("the order is not the one asked for")
	}
	one.SetBypassed(true)
	expect("one bypassed", 0.125)
	two.Replace(&gainer{gain: 0.75})
	expect("another gain", 0.375)
	one.SetBypassed(false)
	expect("not bypassed", 0.1875)
	f.s.SetInserts(nil)
	expect("none", 0.5)
	if step := largest(all); step > 0.5*2*fadeStep { // two at once when they change places
		t.Errorf("largest step %v, want at most %v", step, 0.5*2*fadeStep)
	}
	if a.closed != 1 || b.closed != 1 {
		t.Errorf("closed %d and %d times, want once each", a.closed, b.closed)
	}
}

// TestBypassedStripIsItsInput is the null test: bit for bit, with inserts of which some
// would delay the sound, and in time.
func TestBypassedStripIsItsInput(t *testing.T) {
	s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	in := noise(7, 24000)
	s.Write(media.AudioBlock{Samples: in})
	s.Hold()
	m := NewMixer()
	m.Add(s)
	a, b := &gainer{gain: 0.1}, &gainer{gain: 2, late: 240}
	s.SetInserts([]*Insert{NewInsert(a, InsertOptions{Bypassed: true}), NewInsert(b, InsertOptions{Bypassed: true})})
	m.Programme().SetInserts([]*Insert{NewInsert(&gainer{gain: 3, late: 100}, InsertOptions{Bypassed: true})})
	out := make([]float32, 1602)
	for start := int64(0); start < 22*801; start += 801 {
		m.MixTick(out, start)
		if start < 3*801 { // its lines fill, then it settles where it belongs
			continue
		}
		for i, v := range out {
			if v != in[2*start+int64(i)] {
				t.Fatalf("sample %d: got %v, want %v", 2*start+int64(i), v, in[2*start+int64(i)])
			}
		}
	}
	if a.calls+b.calls != 0 {
		t.Errorf("%d calls of processors that are bypassed", a.calls+b.calls)
	}
	m.Close()
}

// TestLatencyIsTakenOff: strips of different latency, on a bus with a limiter's, stay in
// step with each other and with the studio.
func TestLatencyIsTakenOff(t *testing.T) {
	m := NewMixer()
	other := NewBus("aux")
	m.SetBuses([]*Bus{other})
	m.Programme().SetLimiter(NewInsert(&gainer{gain: 1, late: 239}, InsertOptions{}))
	in := noise(3, 48000)
	var strips [2]*Strip
	for i := range strips {
		strips[i] = NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
		strips[i].Write(media.AudioBlock{Samples: in})
		strips[i].Hold()
		strips[i].SetRoutes([]Route{{Bus: m.Programme()}, {Bus: other}})
		m.Add(strips[i])
	}
	strips[0].SetInserts([]*Insert{NewInsert(&gainer{gain: 1, late: 1800}, InsertOptions{})})
	strips[1].SetInserts([]*Insert{NewInsert(&gainer{gain: -1, late: 7}, InsertOptions{})})
	out := make([]float32, 1600)
	for start := int64(0); start < 25*800; start += 800 {
		m.MixTick(out, start)
		if start < 10*800 {
			continue
		}
		for i, v := range out {
			if v != 0 {
				t.Fatalf("sample %d: the two strips differ by %v", 2*start+int64(i), v)
			}
		}
		if start == 12*800 {
			break
		}
	}
	strips[1].Set(Controls{Mute: true})
	for start := int64(13 * 800); start < 24*800; start += 800 {
		m.MixTick(out, start)
		for _, b := range []*Bus{m.Programme(), other} {
			for i, v := range b.Samples() {
				if start > 14*800 && v != in[2*start+int64(i)] {
					t.Fatalf("%s: sample %d: got %v, want %v", b.ID(), 2*start+int64(i), v, in[2*start+int64(i)])
				}
			}
		}
	}
	if d := strips[0].Stats().Delay; d != 0 {
		t.Errorf("delay in force %v, want 0", d)
	}
	m.Close()
}

// TestBrokenInsertIsPassedBy: with its error or with its NaN it is out, and says so.
func TestBrokenInsertIsPassedBy(t *testing.T) {
	for name, broken := range map[string]*gainer{"error": {gain: 1, err: errors.New("no")}, "NaN": {gain: float32(math.NaN())}, "loud": {gain: 1e6}} {
		f := newSteady(t, 0.5)
		in := NewInsert(broken, InsertOptions{ID: "x"})
		f.s.SetInserts([]*Insert{in})
		all := f.mix(6)
		for i, v := range all {
			if v != 0.5 {
				t.Fatalf("%s: sample %d is %v, want 0.5", name, i, v)
			}
		}
		if in.Err() == nil || broken.closed != 1 {
			t.Errorf("%s: error %v, closed %d times", name, in.Err(), broken.closed)
		}
		in.Replace(&gainer{gain: 0.5})
		f.mix(8)
		if got := f.out[0]; got != 0.25 || in.Err() != nil {
			t.Errorf("%s: mended it gives %v, %v", name, got, in.Err())
		}
	}
}

// TestTakeOverHearsThePast: a processor that takes over was fed what went before.
func TestTakeOverHearsThePast(t *testing.T) {
	f := newSteady(t, 0.5)
	in := NewInsert(&gainer{gain: 1}, InsertOptions{})
	f.s.SetInserts([]*Insert{in})
	f.mix(30)
	next := &gainer{gain: 1, late: 100}
	in.Replace(next)
	frames := 0
	for _, n := range next.blocks {
		frames += n / 2
	}
	if frames != insertHistory {
		t.Errorf("it heard %d frames, want %d", frames, insertHistory)
	}
	f.mix(1)
	if f.out[len(f.out)-1] != 0.5 {
		t.Errorf("its first block ends with %v, want 0.5: it had been fed", f.out[len(f.out)-1])
	}
	unused := &gainer{gain: 1}
	in.Replace(unused)
	in.Replace(&gainer{gain: 1})
	if unused.closed != 1 {
		t.Error("the one that never came was not closed")
	}
}

func TestKeyIsThisTicksSound(t *testing.T) {
	m := NewMixer()
	defer m.Close()
	var strips [2]*Strip
	for i := range strips {
		strips[i] = NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
		m.Add(strips[i])
	}
	// The strip that listens was added first.
	g := &gainer{gain: 1, useKey: true}
	strips[0].SetInserts([]*Insert{NewInsert(g, InsertOptions{Key: strips[1]})})
	for n := range int64(5) {
		b := make([]float32, 1600)
		for i := range b {
			b[i] = float32(n+1) / 16
		}
		for _, s := range strips {
			s.Write(media.AudioBlock{Samples: b, PTS: media.TimeOf(n*800, media.Rational{Num: 1, Den: sampleRateHz})})
		}
		m.MixTick(b, n*800)
		if want := float32(n+1) / 16; g.lastKey != want {
			t.Errorf("tick %d: key %v, want %v", n, g.lastKey, want)
		}
	}
	strips[1].SetInserts([]*Insert{NewInsert(&gainer{gain: 1, useKey: true}, InsertOptions{Key: strips[0]})})
	m.MixTick(make([]float32, 1600), 4000) // a circle has an end
}

func TestReductionIsTold(t *testing.T) {
	f := newSteady(t, 0.5)
	f.s.SetInserts([]*Insert{NewInsert(&gainer{gain: 0.5}, InsertOptions{Reduces: true}), NewInsert(&gainer{gain: 2}, InsertOptions{})})
	f.mix(5)
	if got := f.s.ReductionDB(); math.Abs(got-6.02) > 0.01 {
		t.Errorf("reduction %.2f dB, want 6.02", got)
	}
}

// TestNoOrderOfChangesSteps: whatever is done to the chain, the fader and the routes while
// it runs, no frame differs from the one before by more than ramps allow.
func TestNoOrderOfChangesSteps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newSteady(t, 0.5)
		aux := NewBus("aux")
		f.m.SetBuses([]*Bus{aux})
		pool := make([]*Insert, 0, 8)
		var list []*Insert
		last := [2][2]float32{{0.5, 0.5}, {0, 0}}
		f.mix(1) // it begins at its fader, from here on it moves
		for n := range 12 {
			switch rapid.IntRange(0, 8).Draw(rt, "what") {
			case 0:
				if len(pool) < 6 {
					in := NewInsert(&gainer{gain: rapid.Float32Range(0, 1).Draw(rt, "gain"), late: rapid.SampledFrom([]int{0, 0, 3, 239, 480, 700}).Draw(rt, "late")}, InsertOptions{})
					pool = append(pool, in)
					list = append(list, in)
					f.s.SetInserts(list)
				}
			case 1:
				if len(list) > 0 {
					list = append([]*Insert(nil), list[1:]...)
					f.s.SetInserts(list)
				}
			case 2:
				if len(list) > 1 {
					list = append([]*Insert{list[len(list)-1]}, list[:len(list)-1]...)
					f.s.SetInserts(list)
				}
			case 3:
				if len(list) > 0 {
					list[rapid.IntRange(0, len(list)-1).Draw(rt, "which")].SetBypassed(rapid.Bool().Draw(rt, "bypassed"))
				}
			case 4:
				if len(list) > 0 {
					list[rapid.IntRange(0, len(list)-1).Draw(rt, "which")].Replace(&gainer{gain: rapid.Float32Range(0, 1).Draw(rt, "gain")})
				}
			case 5:
				f.s.Set(Controls{GainDB: rapid.Float64Range(-100, 0).Draw(rt, "fader"), Pan: rapid.Float64Range(-1, 1).Draw(rt, "pan"),
					Channels: Channels(rapid.IntRange(0, 5).Draw(rt, "channels")), Polarity: Polarity(rapid.IntRange(0, 4).Draw(rt, "polarity"))})
			case 6:
				f.s.SetCrosspoint(rapid.Float64Range(0, 1).Draw(rt, "crosspoint"))
			case 7:
				routes := []Route{{Bus: f.m.Programme()}}
				if rapid.Bool().Draw(rt, "send") {
					routes = append(routes, Route{Bus: aux, GainDB: rapid.Float64Range(-60, 0).Draw(rt, "send gain"), Pre: rapid.Bool().Draw(rt, "pre")})
				}
				f.s.SetRoutes(routes)
			case 8:
				aux.Set(BusControls{Mono: rapid.Bool().Draw(rt, "mono"), Mute: rapid.Bool().Draw(rt, "mute")})
			}
			f.mix(1)
			// Five things may move by 2 at most (polarity turns over) in one block, inserts in
			// insertFade, which is longer.
			limit := float32(0.5*2*6*1.05) / steadyFrames
			for k, b := range [2]*Bus{f.m.Programme(), aux} {
				for i, v := range b.Samples() {
					if d := abs(v - last[k][i%2]); !(d <= limit) {
						rt.Fatalf("block %d, bus %s, sample %d: step %v, limit %v", n, b.ID(), i, d, limit)
					}
					last[k][i%2] = v
				}
			}
		}
	})
}

// TestKeysOfEachOther: of two strips that listen to each other, the one that is made first
// hears the other's last block, whatever that block's length was.
func TestKeysOfEachOther(t *testing.T) {
	m := NewMixer()
	defer m.Close()
	var strips [2]*Strip
	var keys [2]*gainer
	for i := range strips {
		strips[i] = NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
		b := make([]float32, 2*9600)
		for k := range b {
			b[k] = 0.5
		}
		strips[i].Write(media.AudioBlock{Samples: b})
		m.Add(strips[i])
	}
	for i := range strips {
		keys[i] = &gainer{gain: 1, useKey: true}
		strips[i].SetInserts([]*Insert{NewInsert(keys[i], InsertOptions{Key: strips[1-i]})})
	}
	start := int64(0)
	for n, frames := range []int64{1602, 1601, 1602, 1601} {
		m.MixTick(make([]float32, 2*frames), start)
		start += frames
		for i, k := range keys {
			// A block that was one shorter ends with one frame of silence.
			if n > 0 && k.lastKey != 0.5 && !(k.lastKey == 0 && k.heard == 2*int(frames)-2) {
				t.Errorf("tick %d: strip %d hears %v", n, i, k.lastKey)
			}
		}
	}
}
