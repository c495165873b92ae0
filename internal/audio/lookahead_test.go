package audio

import (
	"math"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

const (
	humHz = 100
	// humStep is more than the step of the hum and of a crossfade of two, which may be against
	// each other: (2π·100/48000 + π/240)·0.5 = 0.013.
	humStep = 0.014
)

// hum is a strip with a tone of amplitude 0.5, and a mixer with a second bus.
type hum struct {
	t       testing.TB
	m       *Mixer
	s       *Strip
	aux     *Bus
	written int64
	mixed   int64
	last    [2]float32
	heard   bool
}

const humFrames = 1600

func newHum(t testing.TB) *hum {
	h := &hum{t: t, m: NewMixer(), s: NewStrip(Paced, media.NewVirtualClock(), StripOptions{}), aux: NewBus("aux")}
	h.m.SetBuses([]*Bus{h.aux})
	h.s.SetRoutes([]Route{{Bus: h.m.Programme()}, {Bus: h.aux}})
	h.m.Add(h.s)
	t.Cleanup(h.m.Close)
	return h
}

func humAt(frame int64) float32 {
	return float32(0.5 * math.Sin(2*math.Pi*humHz*float64(frame)/sampleRateHz))
}

// mix mixes some blocks and looks for steps and holes; it returns the last block of each bus.
func (h *hum) mix(what string, blocks int) (last [2][]float32) {
	h.t.Helper()
	for range blocks {
		for h.written < h.mixed+8*humFrames {
			b := make([]float32, 2*humFrames)
			for i := range humFrames {
				b[2*i] = humAt(h.written + int64(i))
				b[2*i+1] = b[2*i]
			}
			h.s.Write(media.AudioBlock{Samples: b, PTS: media.TimeOf(h.written, perFrame)})
			h.written += humFrames
		}
		h.m.MixTick(make([]float32, 2*humFrames), h.mixed)
		for k, bus := range []*Bus{h.m.Programme(), h.aux} {
			last[k] = bus.Samples()
			quiet := 0
			for i := 0; i < len(last[k]); i += 2 {
				v := last[k][i]
				if d := abs(v - h.last[k]); h.heard && d > humStep {
					h.t.Fatalf("%s: a step of %.3f on bus %s, %d frames into its block", what, d, bus.ID(), i/2)
				}
				if quiet++; abs(v) > 0.01 {
					quiet = 0
				}
				if quiet > 480 { // its period; a crossfade with itself turned over takes 240
					h.t.Fatalf("%s: a hole on bus %s, %d frames into its block", what, bus.ID(), i/2)
				}
				h.last[k] = v
			}
		}
		h.heard = true
		h.mixed += humFrames
	}
	return last
}

// inStep mixes on and wants the tone where it belongs in the studio's time.
func (h *hum) inStep(what string) {
	h.t.Helper()
	for k, b := range h.mix(what, 12) {
		for i := 0; i < len(b); i += 2 {
			if want := humAt(h.mixed - humFrames + int64(i/2)); abs(b[i]-want) > 1e-6 {
				h.t.Fatalf("%s: bus %d, frame %d: got %v, want %v", what, k, i/2, b[i], want)
			}
		}
	}
}

var perFrame = media.Rational{Num: 1, Den: sampleRateHz}

// TestInsertsThatLookAheadComeAndGo: an insert that delays, in a strip, in a bus, as a limiter,
// bypassed or not, comes and goes without a step or a hole, and what is heard is in its
// place before and after.
func TestInsertsThatLookAheadComeAndGo(t *testing.T) {
	for _, late := range []int{1, 239, 245, 1800} {
		for _, bypassed := range []bool{false, true} {
			h := newHum(t)
			fresh := func() *Insert { return NewInsert(&gainer{gain: 1, late: late}, InsertOptions{Bypassed: bypassed}) }
			h.mix("at first", 3)
			h.s.SetInserts([]*Insert{fresh()})
			h.inStep("in a strip")
			h.m.Programme().SetLimiter(fresh())
			h.inStep("a limiter")
			h.aux.SetInserts([]*Insert{fresh(), fresh()})
			h.inStep("in a bus")
			h.aux.SetInserts(nil)
			h.inStep("out of the bus")
			h.m.Programme().SetLimiter(nil)
			h.inStep("without the limiter")
			h.s.SetInserts(nil)
			h.inStep("without any")
			if n := h.s.InsertLatency() + h.m.Programme().Latency(); n != 0 || len(h.s.inserts.list) != 0 {
				t.Errorf("%d frames late: the delay %d stayed", late, n)
			}
		}
	}
}

// TestInsertsThatLookAheadChangePlaces: the delays change places with them, unheard.
func TestInsertsThatLookAheadChangePlaces(t *testing.T) {
	h := newHum(t)
	a := NewInsert(&gainer{gain: 1, late: 239}, InsertOptions{})
	b := NewInsert(&gainer{gain: 1}, InsertOptions{})
	c := NewInsert(&gainer{gain: 1, late: 1800}, InsertOptions{})
	h.mix("at first", 3)
	h.s.SetInserts([]*Insert{a, b, c})
	h.s.SetInserts([]*Insert{a, c, b})
	h.inStep("changed at once")
	h.mix("settled", 3)
	h.s.SetInserts([]*Insert{c, b, a})
	h.inStep("the other way round")
	if h.s.inserts.list[0] != c || h.s.inserts.want != nil {
		t.Error("the order is not the one asked for")
	}
	h.s.SetInserts([]*Insert{a, c})
	h.inStep("one out, two changed")
}

// TestLatencyThatGoesLeavesLiveStripsPlaying: they do not gather anew for it.
func TestLatencyThatGoesLeavesLiveStripsPlaying(t *testing.T) {
	clock := media.NewVirtualClock()
	m := NewMixer()
	defer m.Close()
	s := NewStrip(Live, clock, StripOptions{Target: 100 * time.Millisecond})
	m.Add(s)
	const frames = 1600
	at := int64(0)
	mix := func(what string, blocks int, whole bool) {
		t.Helper()
		for range blocks {
			b := make([]float32, 2*frames)
			for i := range b {
				b[i] = 0.5
			}
			s.Write(media.AudioBlock{Samples: b, PTS: media.TimeOf(at, perFrame)})
			m.MixTick(b, at)
			at += frames
			if err := clock.WaitUntil(t.Context(), media.TimeOf(at, perFrame)); err != nil {
				t.Fatal(err)
			}
			for i, v := range b {
				if whole && (v < 0.49 || v > 0.51) {
					t.Fatalf("%s: sample %d of block %d is %v, want 0.5", what, i, at/frames, v)
				}
			}
		}
	}
	mix("at first", 60, false)
	for _, late := range []int{239, 245, 1800} {
		m.Programme().SetInserts([]*Insert{NewInsert(&gainer{gain: 1, late: late}, InsertOptions{})})
		mix("in", 60, true)
		m.Programme().SetInserts(nil)
		mix("out", 60, true)
	}
	if n := s.Stats().Resets; n != 0 {
		t.Errorf("%d resets of the queue", n)
	}
}
