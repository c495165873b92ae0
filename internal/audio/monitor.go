package audio

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gen2brain/malgo"

	"crosspoint.studio/crosspoint/internal/media"
)

const (
	// monitorTarget is the mean queue in front of the device unless told otherwise; a tick's
	// block of 33..42 ms goes through it.
	monitorTarget = 60 * time.Millisecond
	// monitorCap is the most it may ever be.
	monitorCap = 200 * time.Millisecond
	// monitorRing holds 341 ms, the cap and any tick's block.
	monitorRing = 1 << 15
	// monitorSmoothing averages the sawtooth of ticks against callbacks.
	monitorSmoothing = 1.0 // s
	// reopening a device that is gone is tried this often, slowing down.
	reopenFirst, reopenLast = time.Second, 10 * time.Second
)

// MonitorOptions choose where the operator listens.
type MonitorOptions struct {
	Backend Backend
	Device  string        // ID or name; "" is the default device
	Target  time.Duration // mean queue before the device, 20..150 ms; 0 is 60 ms
	Log     *slog.Logger  // required
}

// Monitor plays the studio's sound to a device, following the device's clock by
// resampling. It never holds anything up: without a device, sound is dropped.
type Monitor struct {
	opt    MonitorOptions
	target float64
	voice  atomic.Pointer[voice] // nil while no device runs
	gain   atomic.Uint32         // bits of a float32
	totals voiceCounts           // of devices that ran before

	mu     sync.Mutex
	device string // guarded by mu
	err    error  // guarded by mu; why there is no device
	opened int64  // guarded by mu
}

// voiceCounts are written by the callback, read by anyone.
type voiceCounts struct {
	underruns, skips, dropped atomic.Int64
}

// NewMonitor opens nothing yet; Run does.
func NewMonitor(opt MonitorOptions) *Monitor {
	if opt.Target == 0 {
		opt.Target = monitorTarget
	}
	m := &Monitor{opt: opt, target: clamp(opt.Target.Seconds(), 0.020, 0.150)}
	m.SetGain(0)
	return m
}

// SetGain sets the listening level in dB, OffDB (silence) .. +24; it leaves the
// programme alone.
func (m *Monitor) SetGain(db float64) { m.gain.Store(math.Float32bits(gainOf(clamp(db, OffDB, 24)))) }

// Write plays samples (interleaved stereo) next. It never blocks or allocates; one
// goroutine, the engine's tick, calls it.
func (m *Monitor) Write(samples []float32) {
	v := m.voice.Load()
	if v == nil {
		return
	}
	if room := monitorRing - v.ring.Len(); len(samples) > room {
		m.totals.dropped.Add(int64(len(samples) / 2))
		return
	}
	v.ring.Write(samples)
}

// Run keeps the device open until ctx ends, and opens it again when it comes
// back. It returns ctx's error.
func (m *Monitor) Run(ctx context.Context) error {
	wait := reopenFirst
	for {
		began := time.Now()
		err := m.play(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(began) > 3*stallTimeout {
			wait = reopenFirst
		}
		m.mu.Lock()
		changed := m.err == nil || m.err.Error() != err.Error()
		m.err, m.device = err, ""
		m.mu.Unlock()
		if changed {
			m.opt.Log.Warn("monitor has no sound device; trying again", "error", err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		wait = min(wait*3/2, reopenLast)
	}
}

// play opens the device and waits for its end.
func (m *Monitor) play(ctx context.Context) error {
	v := newVoice(m.target, &m.gain, &m.totals)
	dev, err := open(m.opt.Backend, malgo.Playback, m.opt.Device, func(out, _ []byte, _ uint32) {
		v.play(floats(out))
	})
	if err != nil {
		return err
	}
	defer dev.close()
	m.voice.Store(v)
	defer m.voice.Store(nil)
	m.mu.Lock()
	m.device, m.err = dev.name, nil
	m.opened++
	m.mu.Unlock()
	m.opt.Log.Info("monitor plays", "device", dev.name)

	watch := time.NewTicker(stallTimeout)
	defer watch.Stop()
	for calls := int64(-1); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-dev.stopped:
			return errStopped
		case <-watch.C:
			now := v.calls.Load()
			if now == calls {
				return errSilent
			}
			calls = now
		}
	}
}

// MonitorStats describe a monitor at one moment.
type MonitorStats struct {
	Device    string        // "" while there is none
	Err       error         // why there is none; nil before the first attempt
	Opened    int64         // times a device was opened
	Queued    time.Duration // mean, before the device's own buffer
	PPM       float64       // how much slower than the studio the device's clock runs
	Underruns int64         // times the queue was empty
	Skips     int64         // times it passed 200 ms and was cut to the target
	Dropped   int64         // frames that found it full, the device having stopped
}

// Stats is safe to call at any time.
func (m *Monitor) Stats() MonitorStats {
	m.mu.Lock()
	st := MonitorStats{Device: m.device, Err: m.err, Opened: m.opened}
	m.mu.Unlock()
	st.Underruns, st.Skips, st.Dropped = m.totals.underruns.Load(), m.totals.skips.Load(), m.totals.dropped.Load()
	if v := m.voice.Load(); v != nil {
		st.Queued = seconds(math.Float64frombits(v.mean.Load()))
		st.PPM = math.Float64frombits(v.ppm.Load())
	}
	return st
}

// voice is one run of the device. All but ring, calls, mean and ppm belongs to the
// device's callback.
type voice struct {
	ring   *media.SampleRing
	counts *voiceCounts
	gain   *atomic.Uint32
	calls  atomic.Int64
	mean   atomic.Uint64 // bits of a float64: seconds queued
	ppm    atomic.Uint64 // bits of a float64

	target   float64
	rs       *Sinc
	governor governor
	splice   splice
	ramp     ramp
	pending  [liveChunk * 2]float32
	from, to int
	running  bool
	average  float64
}

func newVoice(target float64, gain *atomic.Uint32, counts *voiceCounts) *voice {
	g := math.Float32frombits(gain.Load())
	return &voice{
		ring: media.NewSampleRing(monitorRing), counts: counts, gain: gain,
		target: target, rs: NewSinc(), governor: governor{fast: 0.05, slow: 0.05}, splice: newSplice(true), ramp: ramp{g, g},
	}
}

// play fills out (interleaved stereo); it runs on the device's thread.
func (v *voice) play(out []float32) {
	v.calls.Add(1)
	n := len(out) / 2
	period := float64(n) * nominalPeriod
	depth := float64(v.queued())*nominalPeriod - period
	if !v.running && depth >= v.target {
		v.running, v.average = true, v.target
		v.governor.restart()
	}
	made := 0
	if v.running {
		if depth > monitorCap.Seconds() {
			v.discard(int((depth - v.target) * sampleRateHz))
			v.splice.cut()
			v.counts.skips.Add(1)
			depth, v.average = v.target, v.target
		}
		v.average += (depth - v.average) * (1 - math.Exp(-period/monitorSmoothing))
		ppm := v.governor.update(v.average-v.target, period)
		v.rs.SetPPM(ppm)
		v.ppm.Store(math.Float64bits(ppm))
		if made = v.resample(out); made < n {
			v.running = false
			v.counts.underruns.Add(1)
		}
	}
	v.mean.Store(math.Float64bits(v.average))
	for i := range out[made*2:] {
		out[made*2+i] = missing
	}
	v.splice.process(out)
	g := math.Float32frombits(v.gain.Load())
	v.ramp.scale(out, g, g)
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
		made += m
	}
	return made
}

func (v *voice) discard(frames int) {
	n := min(frames*2, v.to-v.from)
	v.from += n
	v.ring.Discard(frames*2 - n)
}
