package audio

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// linear is a Resampler that interpolates linearly: of a triangle wave it makes a triangle
// wave, whose slope then shows every frame dropped or repeated.
type linear struct {
	a, b       [2]float32
	frac, step float64
	want       int
}

func (r *linear) SetPPM(ppm float64) { r.step = 1 + ppm*1e-6 }
func (r *linear) Reset()             { *r = linear{step: 1, want: 2} }

func (r *linear) Process(in, out []float32) (taken, made int) {
	for made < len(out)/2 {
		for ; r.want > 0; r.want-- {
			if taken == len(in)/2 {
				return taken, made
			}
			r.a, r.b = r.b, [2]float32{in[2*taken], in[2*taken+1]}
			taken++
		}
		f := float32(r.frac)
		for c := range 2 {
			out[2*made+c] = r.a[c] + f*(r.b[c]-r.a[c])
		}
		made++
		r.frac += r.step
		r.want = int(r.frac)
		r.frac -= float64(r.want)
	}
	return taken, made
}

// newLinear is a linear that is ready.
func newLinear() *linear {
	r := new(linear)
	r.Reset()
	return r
}

// foreign plays a live source with a clock of its own on a virtual clock.
type foreign struct {
	strip    *Strip
	clock    *media.VirtualClock
	rng      *rand.Rand
	ppm      float64       // how fast its clock runs
	block    int           // frames
	mixer    *Mixer        // the strip is in it; nil: it is alone
	jitter   time.Duration // each block arrives up to this late
	fill     func(dst []float32, start int64)
	sent     int64
	pending  time.Duration // arrival of the next block
	buf      []float32
	tick     int64
	frames   int64 // per tick
	out      []float32
	stallTo  time.Duration // nothing arrives before this
	deadTill time.Duration // what is sent before this is lost
	epoch    time.Duration // PTS of the start
	rounded  time.Duration // to whole ones of these the PTS are rounded; 0: they are exact

	loses func(block int64) bool          // which blocks do not come; nil: all come
	skew  func(block int64) time.Duration // what is wrong with a block's PTS; nil: nothing
}

func newForeign(rs Resampler, ppm float64, block int, jitter time.Duration, fill func([]float32, int64)) *foreign {
	clock := media.NewVirtualClock()
	f := &foreign{
		strip: NewStrip(Live, clock, StripOptions{Resampler: rs}), clock: clock, rng: rand.New(rand.NewPCG(1, 2)),
		ppm: ppm, block: block, jitter: jitter, fill: fill, buf: make([]float32, 2*block), frames: 1600,
		out: make([]float32, 3200), epoch: time.Hour,
	}
	f.schedule()
	return f
}

// settle puts the loop where ten minutes of the same source bring it: they are run on the
// times of its blocks alone, as in TestDayOfDrift, and what the loop has learned by then is
// this source's from its first block on.
func (f *foreign) settle() {
	d := newDrift(f.ppm, f.block, f.jitter.Seconds(), int(f.frames))
	for d.start < 600*sampleRateHz {
		d.next(DefaultTarget.Seconds())
	}
	d.arrivals.book(math.Inf(1))
	q := f.strip.live
	q.arrivals = d.arrivals
	q.arrivals.time -= float64(d.arrivals.count) * nominalPeriod / (1 + f.ppm*1e-6)
	q.arrivals.count = 0
	q.loop.governor = d.loop.governor
	q.loop.governor.fast = governorSlow // it is not to begin anew with the queue
}

func (f *foreign) schedule() {
	due := time.Duration(float64(f.sent+int64(f.block)) / sampleRateHz / (1 + f.ppm*1e-6) * 1e9)
	if f.jitter > 0 {
		due += time.Duration(f.rng.Int64N(int64(f.jitter)))
	}
	f.pending = max(due, f.pending) // blocks do not overtake each other
}

// next lets the blocks up to the tick arrive and mixes it.
func (f *foreign) next(t *testing.T) []float32 {
	t.Helper()
	at := media.TimeOf(f.tick*f.frames, media.Rational{Num: 1, Den: sampleRateHz})
	for max(f.pending, f.stallTo) <= at {
		if err := f.clock.WaitUntil(t.Context(), max(f.pending, f.stallTo)); err != nil {
			t.Fatal(err)
		}
		f.fill(f.buf, f.sent)
		n := f.sent / int64(f.block)
		pts := f.epoch + media.TimeOf(f.sent, media.Rational{Num: 1, Den: sampleRateHz}).Round(f.rounded)
		if f.skew != nil {
			pts += f.skew(n)
		}
		if f.pending >= f.deadTill && (f.loses == nil || !f.loses(n)) {
			f.strip.Write(media.AudioBlock{Samples: f.buf, PTS: pts})
		}
		f.sent += int64(f.block)
		f.schedule()
	}
	if err := f.clock.WaitUntil(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	clear(f.out)
	if f.mixer != nil {
		f.mixer.MixTick(f.out, f.tick*f.frames)
	} else {
		f.strip.Mix(f.out, f.tick*f.frames)
	}
	f.tick++
	return f.out
}

// triangle rises and falls by 1/1024 a frame.
func triangle(dst []float32, start int64) {
	for i := 0; i < len(dst); i += 2 {
		p := (start + int64(i/2)) % 4096
		if p > 2048 {
			p = 4096 - p
		}
		dst[i] = float32(p-1024) / 1024
		dst[i+1] = -dst[i]
	}
}

// Every frame is used once, in its place, from the first second on; how the loop fares
// over a day is TestDayOfDrift.
func TestNoFrameIsLostOrRepeated(t *testing.T) {
	for _, c := range []struct {
		name  string
		ppm   float64
		block int
	}{
		{"fast source, AAC blocks", 300, 1024},
		{"slow source, device blocks", -300, 480},
		{"a little fast, Opus blocks", 50, 960},
		{"a little slow, device blocks", -50, 480},
		{"in step, AAC blocks", 0, 1024},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newForeign(newLinear(), c.ppm, c.block, 10*time.Millisecond, triangle)
			const settle = 15 * 30
			var worst, queued float64
			last := float32(0)
			slope := float32(1) / 1024
			for n := range simulatedSeconds * 30 {
				b := f.next(t)
				if n < settle {
					last = b[len(b)-2]
					continue
				}
				for i := 0; i < len(b); i += 2 {
					d := abs(b[i] - last)
					last = b[i]
					// At the corners the step is shorter, everywhere else the slope times the
					// rate: a frame lost or doubled would be 2 or 0 slopes.
					if d > slope*1.005 || d < slope*0.995 && abs(b[i]) < 1-2*slope {
						t.Fatalf("tick %d frame %d: step of %v slopes", n, i/2, d/slope)
					}
				}
				st := f.strip.Stats()
				worst = max(worst, math.Abs((st.Latency - DefaultTarget).Seconds()))
				queued += st.Queued.Seconds()
			}
			st := f.strip.Stats()
			if st.Underruns != 0 || st.Resets != 0 || st.Steps != 0 || st.Dropped != 0 || st.Gaps != 0 || st.Jumps != 0 {
				t.Errorf("not smooth: %+v", st)
			}
			if worst > 0.010 {
				t.Errorf("queue's distance from the target: got up to %.1f ms, want at most 10", worst*1e3)
			}
			// Between blocks the real queue is on average half a block lower than the line
			// through the arrivals.
			mean := queued/(simulatedSeconds*30-settle) + float64(c.block)/2/sampleRateHz
			if math.Abs(mean-DefaultTarget.Seconds()) > 0.010 {
				t.Errorf("mean of the real queue: got %.1f ms, want 60 +-10", mean*1e3)
			}
			t.Logf("worst %.2f ms, mean real queue %.1f ms", worst*1e3, mean*1e3)
		})
	}
}

// A tone through the loop and the real resampler, once settled.
func TestLiveDistortion(t *testing.T) {
	tone := Tone{LeftHz: 1000, RightHz: 1000, LevelDB: -6}
	for _, c := range []struct {
		ppm    float64
		jitter time.Duration
	}{
		{300, 0}, {-300, 10 * time.Millisecond}, {-50, 10 * time.Millisecond}, {0, 10 * time.Millisecond},
		{50, 10 * time.Millisecond}, {300, 10 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%+v ppm, jitter %v", c.ppm, c.jitter), func(t *testing.T) {
			t.Parallel()
			f := newForeign(NewSinc(), c.ppm, 480, c.jitter, tone.Fill)
			f.settle()
			var window []float32
			worst := math.Inf(-1)
			for n := range 4 * 30 {
				b := f.next(t)
				if n < 3*30 {
					continue
				}
				if window = append(window, b...); len(window) < 2*4800 {
					continue
				}
				db, _, _ := thdn(window, 0, 1000*(1+c.ppm*1e-6))
				worst = max(worst, db)
				window = window[:0]
			}
			if !(worst < -90) {
				t.Errorf("THD+N in windows of 100 ms: got up to %.1f dB, want below -90", worst)
			}
			t.Logf("worst THD+N %.1f dB", worst)
		})
	}
}

// largestStep is the greatest difference between neighbours of the left channel.
func largestStep(last float32, b []float32) (step, end float32) {
	for i := 0; i < len(b); i += 2 {
		step = max(step, abs(b[i]-last))
		last = b[i]
	}
	return step, last
}

func TestLiveStallIsFadedAndComesBackAtTheTarget(t *testing.T) {
	tone := Tone{LeftHz: 440, RightHz: 440, LevelDB: -6}
	natural := float32(0.5012 * 2 * math.Pi * 440 / sampleRateHz)
	for _, c := range []struct {
		name string
		hurt func(f *foreign)
		gaps int64
	}{
		{"stall of 400 ms, then all at once", func(f *foreign) { f.stallTo = f.pending + 400*time.Millisecond }, 0},
		{"400 ms lost", func(f *foreign) { f.deadTill = f.pending + 400*time.Millisecond }, 1},
		{"3 s lost", func(f *foreign) { f.deadTill = f.pending + 3*time.Second }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForeign(newLinear(), 100, 1024, 5*time.Millisecond, tone.Fill)
			f.settle()
			var last, step, worst float32
			silent := 0
			for n := range 12 * 30 {
				if n == 4*30 {
					c.hurt(f)
				}
				b := f.next(t)
				if n > 0 {
					step, last = largestStep(last, b)
					worst = max(worst, step)
				}
				if b[0] == 0 && b[len(b)-2] == 0 && n > 30 {
					silent++
				}
			}
			// A mirrored tail under a 5 ms fade adds the fade's slope to the wave's.
			if limit := natural + 0.5012*math.Pi/2/fadeFrames*1.5; worst > limit {
				t.Errorf("largest step: got %v, want at most %v (the tone alone: %v)", worst, limit, natural)
			}
			st := f.strip.Stats()
			if st.Underruns != 1 || st.MissedFrames == 0 {
				t.Errorf("underruns %d, missed %d frames: want 1 and some", st.Underruns, st.MissedFrames)
			}
			if silent == 0 {
				t.Error("no silent tick while nothing came")
			}
			if st.Gaps != c.gaps {
				t.Errorf("gaps: got %d, want %d", st.Gaps, c.gaps)
			}
			if d := (st.Latency - DefaultTarget).Abs(); d > 10*time.Millisecond {
				t.Errorf("queue afterwards: got %v, want %v +-10 ms", st.Latency, DefaultTarget)
			}
		})
	}
}

func TestLiveBurstIsSkippedNotKept(t *testing.T) {
	f := newForeign(newLinear(), 0, 480, 0, Tone{LeftHz: 440, RightHz: 440, LevelDB: -6}.Fill)
	f.settle()
	for range 120 {
		f.next(t)
	}
	extra := make([]float32, 2*24000)
	f.strip.Write(media.AudioBlock{Samples: extra, PTS: 2 * time.Hour})
	for range 120 {
		f.next(t)
	}
	st := f.strip.Stats()
	if d := (st.Latency - DefaultTarget).Abs(); d > 10*time.Millisecond {
		t.Errorf("queue after half a second too much: got %v, want %v", st.Latency, DefaultTarget)
	}
	if st.Resets != 1 {
		t.Errorf("resets: got %d, want 1", st.Resets)
	}
}

func TestLiveTargetAndNegativeDelay(t *testing.T) {
	f := newForeign(newLinear(), 0, 480, 0, Tone{LeftHz: 440, RightHz: 440, LevelDB: -6}.Fill)
	f.settle()
	check := func(want, wantDelay time.Duration) {
		t.Helper()
		for range 90 {
			f.next(t)
		}
		st := f.strip.Stats()
		if (st.Latency - want).Abs() > 2*time.Millisecond {
			t.Errorf("queue: got %v, want %v", st.Latency, want)
		}
		if st.Delay != wantDelay {
			t.Errorf("delay in force: got %v, want %v", st.Delay, wantDelay)
		}
	}
	check(60*time.Millisecond, 0)
	if err := f.strip.SetTarget(200*time.Millisecond, 0); err != nil {
		t.Fatal(err)
	}
	check(200*time.Millisecond, 0)
	f.strip.Set(Controls{Delay: -50 * time.Millisecond})
	check(150*time.Millisecond, -50*time.Millisecond)
	f.strip.Set(Controls{Delay: -900 * time.Millisecond})
	check(20*time.Millisecond, -180*time.Millisecond)
	if err := f.strip.SetOffset(0); !errors.Is(err, ErrMode) {
		t.Errorf("SetOffset on a live strip: got %v, want %v", err, ErrMode)
	}
}
