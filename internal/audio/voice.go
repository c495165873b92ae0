package audio

import (
	"math"
	"sync/atomic"

	"crosspoint.studio/crosspoint/internal/media"
)

// Both ends of a monitor's queue come in blocks: 33..42 ms from ticks, 1..40 ms (with
// PulseAudio more) to the device. What is held constant is therefore not
// the queue itself, a sawtooth of both, but the distance of two lines: arrivals of what
// is written, and of the device's calls.

const (
	// voiceStep is how far a block may be off its line, in seconds.
	voiceStep = 0.150
	// measureSeconds is how long the distance is measured after a start before it is held: it
	// is kept as it came out, for pulling it to some exact value would be
	// heard as a change of pitch.
	measureSeconds = 2.0
	// voiceStray is how far the distance may be from what is held, in seconds, before it is
	// measured anew: more is the system having been busy, not drift.
	voiceStray = 0.040
	// voiceMaxPPM bounds the correction: less than 2 cents.
	voiceMaxPPM = 1000
	// heldOver is over how long, in seconds, the real queue is averaged for the operator: the
	// lines are for the loop, and after a stall of the machine they are anywhere for a while.
	heldOver = 0.5
	// spare is by how much, in seconds, sound may wait for longer than the target and a block
	// before the distance is brought down again, and shedPPM how fast: less than a cent, 100 ms in
	// over three minutes. It is what a busy moment leaves behind, when the device took nothing.
	spare, shedPPM = 0.040, 500
)

// voice is one run of a monitor's device. write is for the studio's tick, play for
// the device's callback.
type voice struct {
	ring   *media.SampleRing
	counts *voiceCounts
	gain   *atomic.Uint32

	calls atomic.Int64
	depth atomic.Uint64 // bits of a float64: seconds between the lines
	ppm   atomic.Uint64 // bits of a float64
	waits atomic.Uint64 // bits of a float64: seconds that sound really waits, over heldOver
	block deviceBlock

	// Of the writing goroutine.
	written arrivals

	// What written was, for the callback: it takes no lock, so it reads again when
	// version was odd or has changed meanwhile.
	version     atomic.Uint64
	time, slope atomic.Uint64 // bits of float64
	count       atomic.Int64

	// Of the callback.
	seen     arrivals // the last consistent copy of written
	asked    arrivals
	target   float64
	rs       Resampler
	governor governor
	splice   splice
	ramp     ramp
	pending  [liveChunk * 2]float32
	primer   [primeFrames * 2]float32
	from, to int
	used     usage
	running  bool
	age      float64 // seconds since it started running
	goal     float64 // seconds
}

func newVoice(target float64, gain *atomic.Uint32, counts *voiceCounts) *voice {
	g := math.Float32frombits(gain.Load())
	return &voice{
		ring: media.NewSampleRing(monitorRing), counts: counts, gain: gain,
		written: arrivals{step: voiceStep}, asked: arrivals{step: voiceStep},
		target: target, rs: NewSinc(), governor: governor{fast: 0.05, slow: 0.05},
		splice: newSplice(true), ramp: ramp{g, g},
	}
}

// write queues samples, for which there must be room.
func (v *voice) write(samples []float32, now float64) {
	v.ring.Write(samples)
	v.written.came(len(samples)/2, now)
	v.version.Add(1)
	v.time.Store(math.Float64bits(v.written.time))
	v.slope.Store(math.Float64bits(v.written.period))
	v.count.Store(v.written.count)
	v.version.Add(1)
}

// line is written as it was last published.
func (v *voice) line() *arrivals {
	for range 4 {
		version := v.version.Load()
		a := arrivals{
			locked: version > 0, count: v.count.Load(),
			time: math.Float64frombits(v.time.Load()), period: math.Float64frombits(v.slope.Load()),
		}
		if version%2 == 0 && v.version.Load() == version {
			v.seen = a
			break
		}
	}
	return &v.seen
}

// play fills out (interleaved stereo) at studio time now, in seconds.
func (v *voice) play(out []float32, now float64) {
	v.calls.Add(1)
	n := len(out) / 2
	period := float64(n) * nominalPeriod
	if v.asked.came(n, now) {
		v.age = 0
	}
	depth := (v.line().at(v.asked.time) - v.used.exact) * nominalPeriod
	queue := float64(v.queued())*nominalPeriod - period
	begin := !v.running && queue >= v.target
	if begin {
		v.running, v.age = true, 0
	}
	made := 0
	if v.running {
		if queue > monitorCap.Seconds() {
			cut := int((queue - v.target) * sampleRateHz)
			v.discard(cut)
			queue -= float64(cut) * nominalPeriod
			v.age, begin = 0, true
			v.splice.cut()
			v.counts.skips.Add(1)
		}
		if begin {
			v.resample(v.primer[:])
			v.used.settle()
			depth = (v.line().at(v.asked.time) - v.used.exact) * nominalPeriod
		}
		waits := math.Float64frombits(v.waits.Load())
		if now := queue + period; begin {
			waits = now
		} else {
			waits += (now - waits) * min(period/heldOver, 1)
		}
		v.waits.Store(math.Float64bits(waits))
		ppm := v.follow(depth, period, math.Float64frombits(v.waits.Load()) > v.target+period+spare)
		v.rs.SetPPM(ppm)
		v.ppm.Store(math.Float64bits(ppm))
		made = v.resample(out)
		v.used.made(made, ppm)
		if made < n {
			v.running = false
			v.counts.underruns.Add(1)
		}
		v.depth.Store(math.Float64bits(depth))
	}
	for i := range out[made*2:] {
		out[made*2+i] = missing
	}
	v.splice.process(out)
	g := math.Float32frombits(v.gain.Load())
	v.ramp.scale(out, g, g)
}

// follow returns the correction for the next seconds; late, that sound waits for longer than
// it has to.
func (v *voice) follow(depth, seconds float64, late bool) (ppm float64) {
	if math.Abs(depth-v.goal) > voiceStray {
		v.age = 0
	}
	v.age += seconds
	if v.age < measureSeconds {
		v.goal = depth
		ppm = v.governor.integral * 1e6
	} else {
		shed := 0.0
		if late {
			shed = shedPPM
			v.goal -= shed * 1e-6 * seconds
		}
		ppm = v.governor.update(depth-v.goal, seconds) + shed
	}
	return clamp(ppm, -voiceMaxPPM, voiceMaxPPM)
}

func (v *voice) queued() int { return (v.ring.Len() + v.to - v.from) / 2 }

// resample fills out as far as the queue goes.
func (v *voice) resample(out []float32) (made int) {
	for made*2 < len(out) {
		if v.from == v.to {
			n := min(v.ring.Len(), len(v.pending))
			if n == 0 {
				break
			}
			v.from, v.to = 0, v.ring.Read(v.pending[:n])
		}
		taken, m := v.rs.Process(v.pending[v.from:v.to], out[made*2:])
		v.from += taken * 2
		v.used.frames += int64(taken)
		made += m
	}
	return made
}

func (v *voice) discard(frames int) {
	n := min(frames*2, v.to-v.from)
	v.from += n
	n += v.ring.Discard(frames*2 - n)
	v.used.frames += int64(n / 2)
}
