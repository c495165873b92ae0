package audio

import (
	"math"
	"time"
)

// Two second-order loops bring a foreign clock to ours. arrivals is a
// delay-locked loop that turns the jittery times at which blocks come in into
// a straight line (F. Adriaensen, "Using a DLL to filter time", Linux Audio
// Conference 2005). governor sets the resampling rate so that the distance between
// that line and what has been used up stays at the target, as zita-ajbridge
// (Adriaensen, "Controlling adaptive resampling", 2012) and the Nageru mixer do.
// Both begin fast, to lock within seconds, and end slow, so that jitter does
// not become pitch: at the end 10 ms of jitter in 20 ms blocks is about 25 ppm.

// arrivals filters the times at which input comes. Its time line is that of
// seconds of studio time.
type arrivals struct {
	step   float64 // a block this many seconds off the line is a stall or a burst, not jitter
	astray float64 // seconds of input in a row that were
	locked bool
	time   float64 // filtered time at which frame count was reached
	period float64 // seconds per frame
	count  int64   // frames that came in all
	age    float64 // seconds of input since it locked

	pending   int     // frames that came at pendingAt and are not booked yet
	pendingAt float64 // seconds
}

const (
	nominalPeriod = 1.0 / sampleRateHz
	// Bandwidths in Hz, at first and when settled.
	arrivalFast, arrivalSlow = 0.5, 0.008
	// patience is how long, in seconds of input, everything may be off the line before it is
	// the line that is wrong.
	patience = 1.0
	// coast is how long, in seconds, the line of arrivals rises without any: FFmpeg's MPEG-TS
	// muxer packs near-silent sound so tightly that bursts are 0.4 s apart.
	coast = 0.6
	// burstGain is the most of its loop gain that one arrival has: at 0.5 Hz, bursts of a
	// third of a second would throw the line about.
	burstGain = 0.15
	// governorSlow is the settled governor's natural frequency in rad/s.
	governorSlow = 0.01
	// The loops stay fast until settleFrom and are slow from settleTo on, in seconds.
	settleFrom, settleTo = 5, 60
)

// burstWithin, in seconds: what comes so soon after something else came with it.
const burstWithin = 0.004

// burst says that frames have come at time now, and books what came before. Blocks that
// come within burstWithin of each other are one arrival: containers pack up to 200 ms of
// sound into a packet (MPEG-TS does), and eight blocks at once are no eight measurements of
// the source's clock.
func (a *arrivals) burst(frames int, now float64) (stepped bool) {
	stepped = a.book(now)
	if frames > 0 {
		if a.pending == 0 {
			a.pendingAt = now
		}
		a.pending += frames
	}
	return stepped
}

// book tells the line of a burst that is over by now.
func (a *arrivals) book(now float64) (stepped bool) {
	if a.pending == 0 || now-a.pendingAt < burstWithin {
		return false
	}
	stepped = a.came(a.pending, a.pendingAt)
	a.pending = 0
	return stepped
}

// settled goes from fast to slow exponentially.
func settled(fast, slow, age float64) float64 {
	if age >= settleTo {
		return slow
	}
	return fast * math.Pow(slow/fast, clamp((age-settleFrom)/(settleTo-settleFrom), 0, 1))
}

// came says that frames more had arrived at time now; it reports whether
// the line had to start again.
func (a *arrivals) came(frames int, now float64) (stepped bool) {
	n := float64(frames)
	a.count += int64(frames)
	if !a.locked {
		a.locked, a.time, a.period, a.age = true, now, nominalPeriod, 0
		return false
	}
	predicted := a.time + n*a.period
	e := now - predicted
	if math.Abs(e) > a.step {
		// A stall is made up for by a burst, and the line was right all the time: only what
		// lasts, or is longer than any stall, begins it again there, at the rate known so far.
		a.time = predicted
		if a.astray += n * nominalPeriod; a.astray < patience && math.Abs(e) < liveMaxGap.Seconds() {
			return false
		}
		a.time, a.astray = now, 0
		return true
	}
	a.astray = 0
	w := min(2*math.Pi*settled(arrivalFast, arrivalSlow, a.age)*n*nominalPeriod, burstGain)
	a.time = predicted + math.Sqrt2*w*e
	a.period = clamp(a.period+w*w*e/n, nominalPeriod*(1-maxPPM*1e-6), nominalPeriod*(1+maxPPM*1e-6))
	a.age += n * nominalPeriod
	return false
}

// at is how many frames have come by time now, by the line: between blocks it
// rises evenly. When nothing comes any more it stops after coast, which is longer than
// bursts are apart.
func (a *arrivals) at(now float64) float64 {
	if !a.locked {
		return float64(a.count)
	}
	return float64(a.count) + min(now-a.time, coast)/a.period
}

// maxPPM bounds the correction: 0.35 % is 6 cents, and crystals are within 0.03 %.
const maxPPM = 3500

// governor turns the error of a queue, in seconds above its target, into a
// correction of the resampling rate. It is critically damped: with
// natural frequency w, d2e/dt2 = -2w de/dt - w^2 e.
type governor struct {
	fast, slow float64 // natural frequencies in rad/s, at first and when settled
	integral   float64 // learned drift, as a fraction
	age        float64 // seconds
}

// update returns the correction in ppm for the next seconds of output.
func (g *governor) update(e, seconds float64) (ppm float64) {
	w := settled(g.fast, g.slow, g.age)
	g.age += seconds
	g.integral = clamp(g.integral+w*w*e*seconds, -maxPPM*1e-6, maxPPM*1e-6)
	return clamp((g.integral+2*w*e)*1e6, -maxPPM, maxPPM)
}

// restart keeps what was learned of the drift and is quick again.
func (g *governor) restart() { g.age = 0 }

// usage is how much of the input has been used up. A resampler takes whole frames; the
// point it stands at lies between two, and counting frames alone would feed steps
// of 21 microseconds to the loop, heard as noise at -90 dB.
type usage struct {
	frames int64   // taken or discarded
	exact  float64 // with the fraction
}

// made says that frames of output were made at ppm.
func (u *usage) made(frames int, ppm float64) {
	u.exact += float64(frames) * (1 + ppm*1e-6)
	u.exact = clamp(u.exact, float64(u.frames)-2, float64(u.frames)+2)
}

// loop is what holds a live queue at its target: the distance of the line of arrivals from
// what has been used up, and the rate that corrects it.
type loop struct {
	governor governor
	used     usage
}

func newLoop() loop { return loop{governor: governor{fast: 0.1, slow: governorSlow}} }

// depth is what will be queued, in seconds, when a block of frames has been taken.
func (l *loop) depth(arrived float64, frames int) float64 {
	return (arrived - l.used.exact - float64(frames)) * nominalPeriod
}

// stamps is the line through a live source's time stamps: the PTS of any frame that came.
// Stamps are rounded, to the millisecond where they come through FLV or Matroska, and what
// is exact is how many frames there are.
type stamps struct {
	count int64   // frames that came in all
	from  int64   // first frame of this timeline
	end   float64 // PTS of frame count, smoothed, in seconds
}

// stampsFollow is how much of a stamp's distance from the line the line takes over.
const stampsFollow = 0.02

// came says that frames more have come, which end at PTS end; fresh, that they begin a new
// timeline.
func (l *stamps) came(frames int, end time.Duration, fresh bool) {
	e := end.Seconds()
	if fresh {
		l.from, l.end = l.count, e
	} else {
		l.end += float64(frames) * nominalPeriod
		l.end += stampsFollow * (e - l.end)
	}
	l.count += int64(frames)
}

// at is the PTS of frame n, in seconds; ok is false for those of an earlier timeline.
func (l *stamps) at(n float64) (pts float64, ok bool) {
	return l.end - (float64(l.count)-n)*nominalPeriod, l.count > l.from && n >= float64(l.from)
}

// settle forgets the fraction: after discarding.
func (u *usage) settle() { u.exact = float64(u.frames) }
