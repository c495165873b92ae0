package audio

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// drift is a live queue's control loop on the times of blocks alone, without their samples:
// a day of it takes a second.
type drift struct {
	ppm    float64 // how fast the source's clock runs
	block  int     // frames
	jitter float64 // seconds; each block comes up to this late
	tick   int     // frames

	rng      *rand.Rand
	arrivals arrivals
	stamps   stamps
	loop     loop
	sent     int64
	due      float64
	running  bool
	start    int64 // studio frame of the next tick

	depth, correction float64
	short, full       int64 // ticks that found less than they need, or more than the queue holds
	skipped           int64 // ticks that did not take the input on from where the last one ended
}

func newDrift(ppm float64, block int, jitter float64, tick int) *drift {
	d := &drift{ppm: ppm, block: block, jitter: jitter, tick: tick, rng: rand.New(rand.NewPCG(1, 2)),
		arrivals: arrivals{step: liveStep}, loop: newLoop()}
	d.schedule()
	return d
}

// schedule decides when the next block comes: blocks do not overtake each other.
func (d *drift) schedule() {
	at := float64(d.sent+int64(d.block))*nominalPeriod/(1+d.ppm*1e-6) + d.jitter*d.rng.Float64()
	d.due = max(at, d.due)
}

// next is a tick, as liveQueue.write and read have it.
func (d *drift) next(target float64) {
	now := float64(d.start) * nominalPeriod
	for ; d.due <= now; d.schedule() {
		d.arrivals.burst(d.block, d.due)
		d.sent += int64(d.block)
		// Stamps are rounded to the millisecond, as in FLV.
		end := time.Duration(d.sent) * time.Second / sampleRateHz
		d.stamps.came(d.block, end.Round(time.Millisecond), d.sent == int64(d.block))
	}
	d.arrivals.book(now)
	d.start += int64(d.tick)
	arrived := d.arrivals.at(now)
	if !d.running {
		if float64(d.sent-int64(d.tick))*nominalPeriod < target {
			return
		}
		d.loop.used.frames = int64((arrived - float64(d.tick)) - target*sampleRateHz)
		d.loop.used.settle()
		d.loop.governor.restart()
		d.running = true
	}
	d.depth = d.loop.depth(arrived, d.tick)
	d.correction = d.loop.governor.update(d.depth-target, float64(d.tick)*nominalPeriod)
	before := d.loop.used
	exact := d.loop.used.exact + float64(d.tick)*(1+d.correction*1e-6)
	d.loop.used.frames = int64(math.Ceil(exact))
	d.loop.used.made(d.tick, d.correction)
	if d.loop.used.frames > d.sent {
		d.short++
	}
	if d.sent-before.frames > liveFrames {
		d.full++
	}
	// The queue is set right with a jump when it strays, and usage is held to the frames taken:
	// either would drop sound or repeat it.
	if math.Abs(d.depth-target) > strayLimit || d.loop.used.exact != exact {
		d.skipped++
	}
}

// apart is how much later the sound is heard than a picture of the same PTS shown where
// presented says, in seconds: the stamps' line against what is true of a source that
// loses nothing.
func (d *drift) apart() (float64, bool) {
	at := d.loop.used.exact
	pts, ok := d.stamps.at(at)
	return pts - at*nominalPeriod, ok
}

// Twenty-four hours (less under the race detector) of sources whose clocks are off and whose blocks come up to 10 ms late,
// on the virtual clock.
func TestDayOfDrift(t *testing.T) {
	const target = 0.060
	for _, c := range []struct {
		ppm   float64
		block int
		tick  int
	}{{-300, 1024, 1600}, {-50, 480, 1600}, {0, 1024, 1920}, {50, 960, 1920}, {300, 1024, 1600}} {
		t.Run(fmt.Sprintf("%+v ppm, blocks of %d", c.ppm, c.block), func(t *testing.T) {
			t.Parallel()
			d := newDrift(c.ppm, c.block, 0.010, c.tick)
			ticks := simulatedHours * 3600 * sampleRateHz / int64(c.tick)
			settle := 60 * sampleRateHz / int64(c.tick)
			var worst, apart, sum, square, steepest, last float64
			n := 0.0
			for tick := range ticks {
				d.next(target)
				if tick == settle {
					d.short, d.full, d.skipped = 0, 0, 0
				}
				if tick < settle {
					continue
				}
				worst = max(worst, math.Abs(d.depth-target))
				a, ok := d.apart()
				if !ok {
					t.Fatal("no line through the time stamps")
				}
				apart = max(apart, math.Abs(a))
				if n > 0 {
					steepest = max(steepest, math.Abs(d.correction-last))
				}
				last = d.correction
				sum += d.correction
				square += d.correction * d.correction
				n++
			}
			mean := sum / n
			if worst > 0.010 {
				t.Errorf("queue: up to %.2f ms off its target, want at most 10", worst*1e3)
			}
			if apart > 0.005 {
				t.Errorf("picture and sound: up to %.2f ms apart, want at most 5", apart*1e3)
			}
			if d.short != 0 {
				t.Errorf("%d ticks found the queue short", d.short)
			}
			if d.full != 0 || d.skipped != 0 {
				t.Errorf("%d ticks found the queue full, %d did not go on where the last one ended", d.full, d.skipped)
			}
			if math.Abs(mean-c.ppm) > 2 {
				t.Errorf("mean correction: got %.3f ppm, want %v", mean, c.ppm)
			}
			t.Logf("queue within %.3f ms, picture and sound within %.3f ms, correction %.3f +-%.2f ppm, steps of it at most %.3f ppm",
				worst*1e3, apart*1e3, mean, math.Sqrt(max(square/n-mean*mean, 0)), steepest)
		})
	}
}
