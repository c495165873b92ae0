package inserts

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// chainFrames is a tick's block of these tests: its length divides no filter's.
const chainFrames = 801

// everyKind is an insert of each kind of the show, in its order, with its default settings.
func everyKind(t testing.TB, opt audio.InsertOptions) (list []*audio.Insert, latency int) {
	t.Helper()
	for _, k := range scenes.InsertKinds() {
		p, err := Open(k.Name, scenes.NewInsert(k.Name).Settings)
		if err != nil {
			t.Fatal(err)
		}
		latency += p.Latency()
		o := opt
		o.ID, o.Reduces = k.Name, Reduces(k.Name)
		list = append(list, audio.NewInsert(p, o))
	}
	return list, latency
}

// TestBypassedStripOfEveryKindIsItsInput is the null test with what a show has: every kind
// of insert in the strip and in the bus, and the bus's limiter, all bypassed. What comes out
// is what the source sent, bit for bit and in its place.
func TestBypassedStripOfEveryKindIsItsInput(t *testing.T) {
	const ticks = 60
	in := make([]float32, 2*chainFrames*(ticks+12))
	hiss(-12)(in, 0)
	s := audio.NewStrip(audio.Paced, media.NewVirtualClock(), audio.StripOptions{})
	s.Write(media.AudioBlock{Samples: in})
	s.Hold()
	m := audio.NewMixer()
	defer m.Close()
	m.Add(s)
	off := audio.InsertOptions{Bypassed: true}
	list, late := everyKind(t, off)
	s.SetInserts(list)
	ofBus, busLate := everyKind(t, off)
	m.Programme().SetInserts(ofBus)
	p, err := OpenLimiter(-6, 60)
	if err != nil {
		t.Fatal(err)
	}
	m.Programme().SetLimiter(audio.NewInsert(p, off))
	// What the chain delays, less than nothing, is taken off by reading earlier: as far as
	// 200 ms, which is less than two chains of every kind.
	shift := max(late+busLate+p.Latency()-media.SampleRateHz/5, 0)
	out := make([]float32, 2*chainFrames)
	heard := false
	for n := range int64(ticks) {
		m.MixTick(out, n*chainFrames)
		if n < 20 { // it settles where it belongs
			continue
		}
		for i, v := range out {
			at := 2*(n*chainFrames-int64(shift)) + int64(i)
			if at < 0 {
				continue
			}
			heard = true
			if math.Float32bits(v) != math.Float32bits(in[at]) {
				t.Fatalf("tick %d, sample %d: %v, want %v", n, i, v, in[at])
			}
		}
	}
	if !heard {
		t.Fatal("nothing was compared")
	}
}

// drawn are settings of a kind with every number, choice and switch drawn from its range.
func drawn(t testing.TB, r *rand.Rand, kind string, schema json.RawMessage) json.RawMessage {
	t.Helper()
	var s struct {
		Properties map[string]struct {
			Type             string
			Minimum, Maximum *float64
			Enum             []any
		}
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		t.Fatal(err)
	}
	set := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) { // in an order, that the seed decides alone
		p := s.Properties[name]
		switch {
		case len(p.Enum) > 0:
			set[name] = p.Enum[r.IntN(len(p.Enum))]
		case p.Type == "boolean":
			set[name] = r.IntN(2) == 0
		case p.Minimum != nil && p.Maximum != nil && p.Type == "integer":
			set[name] = int(*p.Minimum) + r.IntN(int(*p.Maximum-*p.Minimum)+1)
		case p.Minimum != nil && p.Maximum != nil:
			set[name] = *p.Minimum + r.Float64()*(*p.Maximum-*p.Minimum)
		}
	}
	in := scenes.NewInsert(kind)
	all := map[string]any{}
	if err := json.Unmarshal(in.Settings, &all); err != nil {
		t.Fatal(err)
	}
	for k, v := range set {
		all[k] = v
	}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestSettingsChangeWithoutAClick: while a tone plays, every setting of every kind goes to
// a value drawn from its range, again and again. A click is a step from one sample to the
// next that neither the tone at the level it has, nor a fade of 20 ms between the two levels,
// makes; the same sound with each of the settings alone is what is allowed.
func TestSettingsChangeWithoutAClick(t *testing.T) {
	const hz, frames, changes = 220, 1600, 6
	for _, k := range scenes.InsertKinds() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(7, 11))
			wave := tone(hz, -12)
			p, err := Open(k.Name, scenes.NewInsert(k.Name).Settings)
			if err != nil {
				t.Fatal(err)
			}
			in := audio.NewInsert(p, audio.InsertOptions{ID: k.Name})
			s := audio.NewStrip(audio.Paced, media.NewVirtualClock(), audio.StripOptions{})
			m := audio.NewMixer()
			defer m.Close()
			m.Add(s)
			s.SetInserts([]*audio.Insert{in})
			block, out := make([]float32, 2*frames), make([]float32, 2*frames)
			written := int64(0)
			var last float32
			var step, loudest float32
			tick := func(n int64) {
				for ; written < n+12; written++ {
					wave(block, written*frames)
					s.Write(media.AudioBlock{Samples: block, PTS: media.TimeOf(written*frames, media.Rational{Num: 1, Den: media.SampleRateHz})})
				}
				m.MixTick(out, n*frames)
				for i := 0; i < len(out); i += 2 {
					step = max(step, float32(math.Abs(float64(out[i]-last))))
					loudest = max(loudest, float32(math.Abs(float64(out[i]))))
					last = out[i]
				}
			}
			n := int64(0)
			for ; n < 30; n++ { // it comes in
				tick(n)
			}
			for change := range changes {
				step, loudest = 0, 0
				for range 3 { // before
					tick(n)
					n++
				}
				next, err := Open(k.Name, drawn(t, r, k.Name, k.Schema))
				if err != nil {
					t.Fatal(err)
				}
				in.Replace(next)
				for range 12 { // over to it, and on
					tick(n)
					n++
				}
				// The steepest of a tone of that level, with what its harmonics from the dynamics
				// add, and the fade.
				allowed := loudest*(2*math.Pi*hz/media.SampleRateHz)*1.5 + loudest/(0.020*media.SampleRateHz)*2
				if step > allowed {
					t.Errorf("change %d: a step of %.5f, allowed %.5f at a level of %.3f", change, step, allowed, loudest)
				}
			}
			if err := in.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}
