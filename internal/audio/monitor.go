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
	// monitorTarget is the queue in front of the device unless told otherwise, on top of the
	// device's block.
	monitorTarget = 60 * time.Millisecond
	// monitorCap is the most it may ever be.
	monitorCap = 200 * time.Millisecond
	// monitorRing holds 341 ms, the cap and any tick's block.
	monitorRing = 1 << 15
	// reopening a device that is gone is tried this often, slowing down.
	reopenFirst, reopenLast = time.Second, 10 * time.Second
)

// MonitorOptions choose where the operator listens.
type MonitorOptions struct {
	Backend Backend
	Device  string        // ID or name; "" is the default device
	Target  time.Duration // least queue to start with, 20..120 ms; 0 is 60 ms
	Clock   media.Clock   // required; the studio's
	Log     *slog.Logger  // required

	running func(*session) // of tests: the device that runs
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
	m := &Monitor{opt: opt, target: clamp(opt.Target.Seconds(), 0.020, 0.120)}
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
	v.write(samples, m.opt.Clock.Now().Seconds())
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
		if err := media.Wait(ctx, wait); err != nil {
			return err
		}
		wait = min(wait*3/2, reopenLast)
	}
}

// play opens the device and waits for its end.
func (m *Monitor) play(ctx context.Context) error {
	v := newVoice(m.target, &m.gain, &m.totals)
	clock := m.opt.Clock
	dev, err := open(m.opt.Backend, malgo.Playback, m.opt.Device, func(out, _ []byte, frames uint32) {
		v.block.came(frames)
		v.play(floats(out), clock.Now().Seconds())
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
	if m.opt.running != nil {
		m.opt.running(dev)
	}

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
	Queued    time.Duration // what the loop holds steady: the distance of two lines, which a stall of the machine throws about
	Latency   time.Duration // how long sound has waited in the queue, lately, and the device's block; what the system queues behind it is not known
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
		st.Queued = seconds(math.Float64frombits(v.depth.Load()))
		st.Latency = seconds(math.Float64frombits(v.waits.Load())) + v.block.latency()
		st.PPM = math.Float64frombits(v.ppm.Load())
	}
	return st
}
