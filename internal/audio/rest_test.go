package audio

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"crosspoint.studio/crosspoint/internal/media"
)

// A strip that rests gives the same bits as one that does all its work, whatever happens
// to it before, meanwhile and afterwards. A tap keeps a strip from resting.
func TestRestIsTheSameBits(t *testing.T) {
	rested := 0
	rapid.Check(t, func(t *rapid.T) {
		var mixers [2]*Mixer
		var strips [2]*Strip
		aux := [2]*Bus{NewBus("aux"), NewBus("aux")}
		for i := range strips {
			mixers[i], strips[i] = NewMixer(), NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
			mixers[i].SetBuses([]*Bus{aux[i]})
			mixers[i].Add(strips[i])
			strips[i].SetRoutes([]Route{{Bus: mixers[i].Programme()}, {Bus: aux[i], Pre: true}})
		}
		strips[1].SetTap(true)
		both := func(f func(s *Strip)) {
			for _, s := range strips {
				f(s)
			}
		}
		n := rapid.SampledFrom([]int{800, 1600, 1920}).Draw(t, "block")
		var now, written int64
		paused := int64(0)
		parked, begun := false, false
		for range rapid.IntRange(4, 60).Draw(t, "ticks") {
			switch rapid.IntRange(0, 7).Draw(t, "action") {
			case 0:
				c := Controls{GainDB: rapid.SampledFrom([]float64{-90, -6, 0}).Draw(t, "gain"), Pan: rapid.Float64Range(-1, 1).Draw(t, "pan"), Mute: rapid.Bool().Draw(t, "mute"), Delay: rapid.SampledFrom([]time.Duration{0, 0, 0, 20 * time.Millisecond, -50 * time.Millisecond}).Draw(t, "delay")}
				both(func(s *Strip) { s.Set(c) })
			case 1:
				solo := Solo(rapid.IntRange(0, 2).Draw(t, "solo"))
				both(func(s *Strip) { s.SetSolo(solo) })
			case 2:
				for i, s := range strips {
					s.SetRoutes([]Route{{Bus: mixers[i].Programme(), GainDB: -3}})
				}
			case 3, 4:
				parked = !parked
				both(func(s *Strip) { s.Park(parked) })
			}
			for written < now-paused+int64(2*n) {
				b := media.AudioBlock{Samples: noise(uint32(written), 4800), PTS: at(written)}
				both(func(s *Strip) { s.Write(b) })
				written += 4800
				begun = true
			}
			if parked {
				paused += int64(n)
			}
			if begun {
				both(func(s *Strip) { _ = s.SetOffset(at(paused)) })
			}
			var out [2][]float32
			for repeat := range rapid.SampledFrom([]int{1, 1, 1, 8}).Draw(t, "repeat") {
				if repeat > 0 && !parked {
					break
				}
				for i, m := range mixers {
					out[i] = make([]float32, 2*n)
					m.MixTick(out[i], now)
				}
				if repeat > 0 {
					paused += int64(n)
				}
				now += int64(n)
				if strips[1].rests {
					t.Fatal("a strip with a tap rests")
				}
				if strips[0].rests {
					rested++
				}
				if !slices.Equal(out[0], out[1]) || !slices.Equal(mixers[0].Monitor(), mixers[1].Monitor()) || !slices.Equal(aux[0].block, aux[1].block) {
					t.Fatal("resting changes what is heard")
				}
				if strips[0].Meter() != strips[1].Meter() || strips[0].Stats() != strips[1].Stats() {
					t.Fatalf("resting changes what is shown: %+v and %+v", strips[0].Stats(), strips[1].Stats())
				}
			}
		}
	})
	if rested < 100 {
		t.Errorf("the strip rested %d times, which proves little", rested)
	}
}
