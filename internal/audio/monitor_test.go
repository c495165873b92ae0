package audio

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"crosspoint.studio/crosspoint/internal/media"
)

// device plays a monitor's voice at its own pace beside a writer of ticks.
type device struct {
	m      *Monitor
	v      *voice
	ppm    float64
	frames int
	out    []float32
	played int64
	tick   int64
	in     []float32
	fill   func(dst []float32, start int64)
	clock  *media.VirtualClock
}

func newDevice(ppm float64, frames int) *device {
	clock := media.NewVirtualClock()
	m := NewMonitor(MonitorOptions{Log: discardLog(), Clock: clock})
	d := &device{
		m: m, v: newVoice(m.target, &m.gain, &m.totals), ppm: ppm, frames: frames,
		out: make([]float32, 2*frames), in: make([]float32, 3200), clock: clock,
		fill: Tone{LeftHz: 1000, RightHz: 1000, LevelDB: -6}.Fill,
	}
	m.voice.Store(d.v)
	return d
}

// at makes it that time; a virtual clock fails only with its context.
func (d *device) at(s float64) { _ = d.clock.WaitUntil(context.Background(), seconds(s)) }

// callback is the device's next, after the ticks that were due before it.
func (d *device) callback() []float32 {
	now := float64(d.played) / sampleRateHz / (1 + d.ppm*1e-6)
	for float64(d.tick)/30 <= now {
		d.fill(d.in, d.tick*1600)
		d.at(float64(d.tick) / 30)
		d.m.Write(d.in)
		d.tick++
	}
	d.at(now)
	d.v.play(d.out, d.clock.Now().Seconds())
	d.played += int64(d.frames)
	return d.out
}

func TestMonitorFollowsTheDevice(t *testing.T) {
	for _, c := range []struct {
		name   string
		ppm    float64
		frames int
		learnt bool
	}{
		{"fast device", 300, 480, false}, {"slow device", -300, 480, true}, {"large blocks", 100, 1764, true}, {"small blocks", -50, 64, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDevice(c.ppm, c.frames)
			listen := int64(4)
			if c.learnt {
				// Where a minute of running would put the lines and the loop; one case runs it.
				d.v.written = arrivals{step: voiceStep, locked: true, period: nominalPeriod, time: -1600 * nominalPeriod, age: settleTo}
				d.v.asked = arrivals{step: voiceStep, locked: true, period: nominalPeriod / (1 + c.ppm*1e-6), age: settleTo}
				d.v.asked.time = -float64(c.frames) * d.v.asked.period
				d.v.governor.integral = -c.ppm * 1e-6
			} else {
				listen = 90
			}
			var window []float32
			worst := math.Inf(-1)
			for d.played < (listen+1)*sampleRateHz {
				b := d.callback()
				if d.played < listen*sampleRateHz {
					continue
				}
				if window = append(window, b...); len(window) >= 2*4800 {
					db, _, _ := thdn(window, 0, 1000)
					worst = max(worst, db)
					window = window[:0]
				}
				if st := d.m.Stats(); st.Queued > 160*time.Millisecond || st.Queued < 50*time.Millisecond {
					t.Fatalf("queue: got %v, want 50..160 ms", st.Queued)
				}
			}
			st := d.m.Stats()
			if st.Underruns != 0 || st.Skips != 0 || st.Dropped != 0 {
				t.Errorf("not smooth: %+v", st)
			}
			if math.Abs(st.PPM+c.ppm) > 20 {
				t.Errorf("correction: got %.0f ppm, want about %v", st.PPM, -c.ppm)
			}
			if worst > -80 {
				t.Errorf("THD+N in windows of 100 ms: got up to %.1f dB, want below -80", worst)
			}
			t.Logf("THD+N %.1f dB, %+v", worst, st)
		})
	}
}

// Whatever the device does, the queue in front of it is never more than the cap and a
// tick, and what it plays never steps more than a fade does.
func TestMonitorCapAndFades(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDevice(0, 480)
		d.v.rs = newLinear()
		d.fill = func(dst []float32, _ int64) { // lost blocks do not show, silence does
			for i := range dst {
				dst[i] = 0.5
			}
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var last float32
		for n := range 100 {
			if rng.IntN(30) == 0 {
				d.played += int64(rng.IntN(24000)) // the device slept
			}
			if rng.IntN(30) == 0 {
				d.tick += int64(rng.IntN(6)) // the studio lost ticks
			}
			b := d.callback()
			if q := float64(d.v.queued()) / sampleRateHz; q > monitorCap.Seconds()+0.04 {
				t.Fatalf("callback %d: queue of %.0f ms", n, q*1e3)
			}
			if w := math.Float64frombits(d.v.waits.Load()); w < 0 || w > monitorCap.Seconds()+0.04 {
				t.Fatalf("callback %d: sound is said to wait %.0f ms", n, w*1e3)
			}
			step, end := largestStep(last, b)
			if last = end; step > 0.008 { // two overlapping fades of 0.5 in 240 frames
				t.Fatalf("callback %d: step of %v", n, step)
			}
			for _, v := range b {
				if v != v || abs(v) > 1 {
					t.Fatalf("callback %d: sample %v", n, v)
				}
			}
		}
	})
}

// TestMonitorShedsWhatABusyMomentLeft: a device that took nothing for a while leaves sound
// waiting; that goes again, slowly and unheard.
func TestMonitorShedsWhatABusyMomentLeft(t *testing.T) {
	d := newDevice(0, 480)
	d.v.rs = newLinear()
	until := func(s int64) MonitorStats {
		for d.played < s*sampleRateHz {
			d.callback()
		}
		return d.m.Stats()
	}
	before := until(10)
	d.played += 4800 // the device slept for 100 ms
	busy := until(15)
	if busy.Latency < before.Latency+60*time.Millisecond {
		t.Fatalf("sound waits %v, before %v: nothing to shed", busy.Latency, before.Latency)
	}
	after := until(300)
	if after.Latency > monitorTarget+70*time.Millisecond || after.Latency < monitorTarget {
		t.Errorf("five minutes later sound waits %v, before %v, after the busy moment %v", after.Latency, before.Latency, busy.Latency)
	}
	if after.Underruns+after.Skips != busy.Underruns+busy.Skips || after.Dropped != 0 {
		t.Errorf("it was heard: %+v, then %+v", busy, after)
	}
	t.Logf("%v, %v, %v", before.Latency, busy.Latency, after.Latency)
}

func TestMonitorAllocatesNothing(t *testing.T) {
	d := newDevice(10, 480)
	for range 100 {
		d.callback()
	}
	if got := testing.AllocsPerRun(500, func() { d.callback() }); got != 0 {
		t.Errorf("allocations per callback: got %v, want 0", got)
	}
}

func TestMonitorGain(t *testing.T) {
	d := newDevice(0, 480)
	for range 400 {
		d.callback()
	}
	peak := func() (p float32) {
		for range 10 {
			for _, v := range d.callback() {
				p = max(p, abs(v))
			}
		}
		return p
	}
	if got := dbOf(float64(peak())); math.Abs(got+6) > 0.05 {
		t.Errorf("peak at 0 dB: got %.2f dBFS, want -6", got)
	}
	d.m.SetGain(-20)
	d.callback() // the ramp
	if got := dbOf(float64(peak())); math.Abs(got+26) > 0.05 {
		t.Errorf("peak at -20 dB: got %.2f dBFS, want -26", got)
	}
	d.m.SetGain(OffDB)
	d.callback()
	if got := peak(); got != 0 {
		t.Errorf("peak when off: got %v, want 0", got)
	}
}

func TestMonitorWithoutADeviceDropsQuietly(t *testing.T) {
	m := NewMonitor(MonitorOptions{Log: discardLog(), Clock: media.NewVirtualClock()})
	m.Write(make([]float32, 3200))
	if st := m.Stats(); st.Queued != 0 || st.Dropped != 0 || st.Device != "" {
		t.Errorf("stats: %+v, want nothing", st)
	}
}
