package audio

import (
	"fmt"
	"hash/fnv"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"crosspoint.studio/crosspoint/internal/media"
)

// sound is n frames of a tone from sample start on.
func sound(t Tone, start int64, n int) []float32 {
	b := make([]float32, 2*n)
	t.Fill(b, start)
	return b
}

// pacedStrip is a strip with n frames of tone written at PTS 0, offset 0.
func pacedStrip(t *testing.T, tone Tone, n int) *Strip {
	t.Helper()
	s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	s.Write(media.AudioBlock{Samples: sound(tone, 0, n)})
	s.Hold()
	return s
}

// noise is n frames of white noise at -6 dBFS, the same on every machine.
func noise(seed uint32, n int) []float32 {
	b := make([]float32, 2*n)
	for i := range b {
		seed = seed*1664525 + 1013904223
		b[i] = float32(int32(seed)) / (1 << 32)
	}
	return b
}

func digest(b []float32) string {
	h := fnv.New64a()
	for _, v := range b {
		u := math.Float32bits(v)
		_, _ = h.Write([]byte{byte(u), byte(u >> 8), byte(u >> 16), byte(u >> 24)}) // never fails
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

func TestMixIsTheSumOfItsStrips(t *testing.T) {
	a, b := Tone{LeftHz: 440, RightHz: 550, LevelDB: -12}, Tone{LeftHz: 1000, RightHz: 1000, LevelDB: -20}
	m := NewMixer()
	m.Add(pacedStrip(t, a, 4800))
	m.Add(pacedStrip(t, b, 4800))
	sa, sb := sound(a, 0, 4800), sound(b, 0, 4800)
	dst := make([]float32, 1602)
	for start := int64(0); start+801 <= 4800; start += 801 {
		m.MixTick(dst, start)
		for i := range dst {
			if want := sa[int(start)*2+i] + sb[int(start)*2+i]; dst[i] != want {
				t.Fatalf("sample %d: got %v, want %v", int(start)*2+i, dst[i], want)
			}
		}
	}
	if got := m.Programme().ClippedSamples(); got != 0 {
		t.Errorf("clipped samples: got %d, want 0", got)
	}
}

// The digest stands for the exact bits of a mix with every control in use.
func TestMixGolden(t *testing.T) {
	m := NewMixer()
	x := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	y := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	x.Write(media.AudioBlock{Samples: noise(1, 9600)})
	y.Write(media.AudioBlock{Samples: noise(2, 9600)})
	m.Add(x)
	m.Add(y)
	h := make([]float32, 0, 19200)
	dst := make([]float32, 1600)
	for i := range 12 {
		switch i {
		case 2:
			x.Set(Controls{GainDB: -6, Pan: 0.5})
		case 4:
			y.Set(Controls{GainDB: 3, Delay: 25 * time.Millisecond})
		case 6:
			x.Set(Controls{Mute: true})
			m.Programme().Set(BusControls{GainDB: -3})
		case 8:
			x.Set(Controls{Delay: -40 * time.Millisecond})
			y.SetCrosspoint(0.25)
		}
		m.MixTick(dst, int64(i)*800)
		h = append(h, dst...)
	}
	const want = "7df1609282960b5f"
	if got := digest(h); got != want {
		t.Errorf("digest of the mix: got %s, want %s", got, want)
	}
}

func TestClippedSamplesPassAndAreCounted(t *testing.T) {
	m := NewMixer()
	s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	m.Add(s)
	b := make([]float32, 1600)
	b[10], b[11], b[12] = 1.5, -1.25, 1
	s.Write(media.AudioBlock{Samples: b})
	dst := make([]float32, 1600)
	m.MixTick(dst, 0)
	if dst[10] != 1.5 || dst[11] != -1.25 {
		t.Errorf("samples beyond full scale: got %v %v, want 1.5 -1.25", dst[10], dst[11])
	}
	if got := m.Programme().ClippedSamples(); got != 2 {
		t.Errorf("clipped samples: got %d, want 2", got)
	}
	if !m.Programme().Meter().Clipped || !s.Meter().Clipped {
		t.Errorf("clip latches: programme %v strip %v, want both", m.Programme().Meter().Clipped, s.Meter().Clipped)
	}
	m.Programme().ClearClip()
	if m.Programme().Meter().Clipped {
		t.Error("clip latch set after ClearClip")
	}
}

// Whatever is done to the faders, two neighbouring samples of a constant source
// differ by no more than the block's ramps of strip and bus, from where they stood to where
// they arrive, allow at that side.
func TestFaderNeverSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frames := rapid.SampledFrom([]int{480, 800, 801, 1600, 2002}).Draw(t, "frames")
		m := NewMixer()
		s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
		m.Add(s)
		ones := make([]float32, 2*frames)
		for i := range ones {
			ones[i] = 0.5
		}
		dst := make([]float32, 2*frames)
		last := [2]float32{0.5, 0.5}
		s.Write(media.AudioBlock{Samples: ones})
		m.MixTick(dst, 0) // it begins where it stands, from here on it moves
		for n := int64(1); n < 7; n++ {
			s.Write(media.AudioBlock{Samples: ones, PTS: media.TimeOf(n*int64(frames), media.Rational{Num: 1, Den: 48000})})
			s.Set(Controls{
				GainDB: rapid.Float64Range(-100, 6).Draw(t, "gain"),
				Mute:   rapid.Bool().Draw(t, "mute"),
				Pan:    rapid.Float64Range(-1, 1).Draw(t, "pan"),
			})
			s.SetCrosspoint(rapid.Float64Range(0, 1).Draw(t, "crosspoint"))
			m.Programme().Set(BusControls{GainDB: rapid.Float64Range(-100, 6).Draw(t, "master")})
			m.Programme().SetFade(rapid.Float64Range(0, 1).Draw(t, "fade"))
			from, busFrom := s.ramp, m.Programme().ramp
			m.MixTick(dst, n*int64(frames))
			to, busTo := s.ramp, m.Programme().ramp
			// The step of a product of two straight lines: each one's, times the most that
			// the other is meanwhile; and what a float32 rounds of a value up to 2.
			steepest := func(a0, a1, b0, b1 float32) float32 {
				return 0.5*(abs(a1-a0)*max(b0, b1)+abs(b1-b0)*max(a0, a1))/float32(frames) + 4e-6
			}
			limits := [2]float32{steepest(from.left, to.left, busFrom.left, busTo.left), steepest(from.right, to.right, busFrom.right, busTo.right)}
			for i, v := range dst {
				if d := abs(v - last[i%2]); !(d <= limits[i%2]) {
					t.Fatalf("block %d sample %d: step %v, limit %v", n, i, d, limits[i%2])
				}
				last[i%2] = v
			}
			if got, want := dst[2*frames-2], 0.5*to.left*busTo.left; abs(got-want) > 4e-6 {
				t.Fatalf("block %d ends at %v, want %v", n, got, want)
			}
		}
	})
}

func TestRampIsLinearAndArrives(t *testing.T) {
	r := ramp{1, 1}
	src := make([]float32, 2000)
	for i := range src {
		src[i] = 1
	}
	dst := make([]float32, 2000)
	r.addTo(dst, src, 0.5, 0)
	for i := range 1000 {
		f := float64(i+1) / 1000
		if l := float64(dst[2*i]); math.Abs(l-(1-0.5*f)) > 1e-6 {
			t.Fatalf("frame %d left: got %v, want %v", i, l, 1-0.5*f)
		}
		if rr := float64(dst[2*i+1]); math.Abs(rr-(1-f)) > 1e-6 {
			t.Fatalf("frame %d right: got %v, want %v", i, rr, 1-f)
		}
	}
	if dst[1998] != 0.5 || dst[1999] != 0 {
		t.Errorf("end of ramp: got %v %v, want 0.5 0", dst[1998], dst[1999])
	}
}

func TestRemovedStripFadesOutOverOneBlock(t *testing.T) {
	m := NewMixer()
	s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	ones := make([]float32, 4800)
	for i := range ones {
		ones[i] = 0.5
	}
	s.Write(media.AudioBlock{Samples: ones})
	m.Add(s)
	dst := make([]float32, 1600)
	m.MixTick(dst, 0)
	m.Remove(s)
	m.MixTick(dst, 800)
	if dst[0] < 0.499 || dst[1598] != 0 {
		t.Errorf("block after Remove: first %v last %v, want a ramp from 0.5 to 0", dst[0], dst[1598])
	}
	m.MixTick(dst, 1600)
	for i, v := range dst {
		if v != 0 {
			t.Fatalf("sample %d after the fade: got %v, want 0", i, v)
		}
	}
}

func TestBalanceLaw(t *testing.T) {
	for _, c := range []struct{ pan, left, right float32 }{
		{-1, 1, 0}, {-0.5, 1, 0.5}, {0, 1, 1}, {0.25, 0.75, 1}, {1, 0, 1},
	} {
		if l, r := balance(float64(c.pan)); l != c.left || r != c.right {
			t.Errorf("balance(%v): got %v %v, want %v %v", c.pan, l, r, c.left, c.right)
		}
	}
}

func TestMeterBallistics(t *testing.T) {
	var m peakMeter
	m.update(0.5, 0.1, 0.02)
	for range 50 {
		m.update(0, 0, 0.02) // one second
	}
	got := m.read()
	if want := dbOf(0.5) - 23.5; math.Abs(got.PeakDB[0]-want) > 0.01 {
		t.Errorf("level after 1 s: got %.2f dB, want %.2f", got.PeakDB[0], want)
	}
	if want := dbOf(0.5); got.HoldDB[0] != want {
		t.Errorf("hold after 1 s: got %.2f dB, want %.2f", got.HoldDB[0], want)
	}
	for range 50 * 20 {
		m.update(0, 0, 0.02)
	}
	if got := m.read(); got.HoldDB[0] > -60 {
		t.Errorf("hold after 21 s: got %.2f dB, want it gone", got.HoldDB[0])
	}
}

func TestMixTickAllocatesNothing(t *testing.T) {
	clock := media.NewVirtualClock()
	m := NewMixer()
	paced, live := NewStrip(Paced, clock, StripOptions{}), NewStrip(Live, clock, StripOptions{})
	paced.Set(Controls{Delay: 30 * time.Millisecond})
	m.Add(paced)
	m.Add(live)
	dst, src := make([]float32, 1600), sound(Tone{LeftHz: 1000, RightHz: 500, LevelDB: -20}, 0, 800)
	n := int64(0)
	tick := func() {
		at := media.TimeOf(n*800, media.Rational{Num: 1, Den: sampleRateHz})
		_ = clock.WaitUntil(t.Context(), at) // a virtual clock only fails when the test has ended
		paced.Write(media.AudioBlock{Samples: src, PTS: at})
		live.Write(media.AudioBlock{Samples: src, PTS: at})
		m.MixTick(dst, n*800)
		_, _, _ = m.Programme().Meter(), paced.Stats(), live.Stats()
		n++
	}
	for range 20 {
		tick()
	}
	if got := testing.AllocsPerRun(200, tick); got != 0 {
		t.Errorf("allocations per tick: got %v, want 0", got)
	}
	if st := live.Stats(); st.Underruns != 0 || st.Resets != 0 || st.Queued == 0 {
		t.Errorf("live strip was not running smoothly: %+v", st)
	}
}

// TestSoloOfAStripThatCameBack: a strip that was taken out and put in again between two ticks
// is heard once.
func TestSoloOfAStripThatCameBack(t *testing.T) {
	f := newSteady(t, 0.25)
	f.s.SetSolo(BeforeFader)
	f.mix(2)
	f.m.Remove(f.s)
	f.m.Add(f.s)
	f.mix(1)
	for i, v := range f.m.Monitor() {
		if v != 0.25 {
			t.Fatalf("sample %d of the monitor is %v, want 0.25", i, v)
		}
	}
}
