package e2e

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// writeBeeps writes raw stereo floats with a beep of 30 ms every second.
func writeBeeps(t testing.TB, path string, seconds int) {
	t.Helper()
	second := make([]byte, 0, 8*media.SampleRateHz)
	for i := range media.SampleRateHz {
		v := float32(0)
		if i < media.SampleRateHz*30/1000 {
			v = float32(0.5 * math.Sin(2*math.Pi*1000*float64(i)/media.SampleRateHz))
		}
		bits := math.Float32bits(v)
		second = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(second, bits), bits)
	}
	if err := os.WriteFile(path, slices.Repeat(second, seconds), 0o600); err != nil {
		t.Fatal(err)
	}
}

// within is v modulo a second, in -500..500 ms.
func within(v time.Duration) time.Duration {
	v %= time.Second
	if v > time.Second/2 {
		return v - time.Second
	}
	if v < -time.Second/2 {
		return v + time.Second
	}
	return v
}

// ear is a microphone of the test's own: when beeps came to this machine, in studio time.
type ear struct {
	clock media.Clock

	mu     sync.Mutex
	finder testkit.BeepFinder // guarded by mu; on the device's clock
	ends   [][2]time.Duration // guarded by mu; of blocks: on the device's clock, and when they came
}

func (e *ear) take(_ context.Context, b media.AudioBlock) error {
	now := e.clock.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.finder.Take(b.Samples, b.PTS)
	e.ends = append(e.ends, [2]time.Duration{b.PTS + b.Duration(), now})
	return nil
}

// beeps are the times at which each beep's first sample can have come: as blocks came that
// nothing held up, within a second.
func (e *ear) beeps() (out []time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, b := range e.finder.Beeps {
		least := time.Duration(math.MaxInt64)
		for _, v := range e.ends {
			if (v[0] - b).Abs() < time.Second {
				least = min(least, v[1]-v[0])
			}
		}
		out = append(out, b+least)
	}
	return out
}

// TestSyncOfMicrophone: a sound server's monitor is the microphone, into which a player
// beeps every second. In the recording each beep has to be later than it came to this
// machine by what the studio says that it is, the same all the time, and by the delay
// more. The synthetic camera's flashes, every second of the studio's, are the ruler: where
// the recording has them is studio time.
func TestSyncOfMicrophone(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { syncOfMicrophone(a) })
}

func syncOfMicrophone(t testing.TB) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "native")
	t.Setenv("PULSE_SERVER", "unix:"+socket)
	t.Setenv("PULSE_RUNTIME_PATH", dir)
	t.Setenv("XDG_RUNTIME_DIR", dir)
	testkit.Start(t, nil, "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
		"-L", "module-null-sink sink_name=studio format=float32le rate=48000 channels=2",
		"-L", "module-native-protocol-unix auth-anonymous=1 socket="+socket)
	testkit.Eventually(t, 15*time.Second, "the sound server does not start", func() bool {
		_, err := os.Stat(socket)
		return err == nil
	})
	beeps := filepath.Join(dir, "beeps.f32")
	writeBeeps(t, beeps, 60)
	testkit.Start(t, nil, "pacat", "--playback", "--format=float32le", "--rate=48000", "--channels=2", "--latency-msec=100", beeps)

	clock := media.NewRealClock()
	truth := &ear{clock: clock}
	ctx, cancel := context.WithCancel(t.Context())
	listening := make(chan error, 1)
	go func() {
		listening <- audio.NewCapture(audio.CaptureOptions{Backend: audio.PulseBackend}).Run(ctx, truth.take)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-listening; err != nil {
			t.Errorf("the test's own microphone: %v", err)
		}
	})

	path := filepath.Join(dir, "show.mkv")
	doc := document(t, 320, 180, fps, object{
		"sources": []object{
			{"id": "cam", "kind": "synthetic", "settings": object{"camera": 1}, "audio": object{"muted": true}},
			{"id": "mic", "kind": "microphone", "settings": object{"system": "pulse"}},
		},
		"scenes":     []object{{"id": "s", "layers": []object{{"source": "cam"}}}},
		"recordings": []object{{"id": "rec", "settings": object{"path": path}}},
		"start":      object{"program": "s"},
	})
	s := openStudio(t, doc, engine.Options{Clock: clock, Commands: []engine.Timed{{Command: engine.StartRecording{}}}}, nil)
	s.begin()
	testkit.Eventually(t, 15*time.Second, "the microphone is not heard", func() bool {
		v := s.source("mic")
		return v.Status == engine.SourceRunning && v.Meter.HoldDB[0] > -20
	})
	type phase struct {
		delay    int
		from, to int64
		state    engine.SourceState
	}
	var phases []phase
	// On a machine that stops for longer than what is queued, sound is missing, and after some
	// such the studio queues more: it says so, and the measuring begins anew.
	for try := 1; try <= 4; try++ {
		zero := 0
		s.do(engine.SetStrip{Source: "mic", DelayMS: &zero})
		s.awaitTick(s.tapped.Load() + 7*fps/2) // how uneven it arrives is learned by then
		// What is said of trouble goes after ten seconds, and the queue is at its target when
		// a second does not change it.
		said, before := "", 0.0
		for deadline := time.Now().Add(25 * time.Second); time.Now().Before(deadline); s.awaitTick(s.tapped.Load() + fps) {
			v := s.source("mic")
			if v.SoundProblem == "" && math.Abs(v.LatencyMS-before) < 1 && math.Abs(v.DriftPPM) < 200 {
				break
			}
			if before = v.LatencyMS; v.SoundProblem != said {
				said = v.SoundProblem
				t.Logf("%.0f ms queued, %.0f ms late, %.0f ppm: %s", v.QueueMS, v.LatencyMS, v.DriftPPM, said)
			}
		}
		problem := ""
		phases = nil
		for _, delay := range []int{0, 500, -500, 0} {
			s.do(engine.SetStrip{Source: "mic", DelayMS: &delay})
			ph := phase{delay: delay, from: s.tapped.Load() + fps*4/5} // until then it settles
			ph.to = ph.from + fps*6/5
			s.awaitTick(ph.to)
			ph.state = s.source("mic")
			phases = append(phases, ph)
			// Player and studio are of one clock: a correction is of a queue that was shaken.
			if problem = ph.state.SoundProblem; problem == "" && math.Abs(ph.state.DriftPPM) > 400 {
				problem = fmt.Sprintf("its queue is off its target, %.0f ppm", ph.state.DriftPPM)
			}
			if problem != "" {
				phases = nil
				break
			}
		}
		if problem == "" {
			break
		}
		t.Logf("try %d: %s", try, problem)
	}
	s.stop()
	came := truth.beeps()
	r := testkit.Read(t, "microphone", path)
	flashes := 0
	for i, p := range r.Pictures {
		if i == 0 || !p.Code.Flash || r.Pictures[i-1].Code.Flash {
			continue
		}
		if flashes++; within(p.PTS).Abs() > syncLimit {
			t.Errorf("a flash at %v of the recording, want whole seconds", p.PTS)
		}
	}
	if flashes < 3 {
		t.Fatalf("%d flashes in the recording", flashes)
	}
	if len(phases) < 4 {
		t.Fatal("the machine was too busy for this test: sound was missing at every try")
	}
	base, known := time.Duration(0), false
	for _, ph := range phases {
		want := time.Duration(ph.state.DelayMS * float64(time.Millisecond))
		// A microphone has no pictures that could wait for it: earlier than at once cannot be,
		// and the studio says what it makes of it.
		if asked := time.Duration(ph.delay) * time.Millisecond; ph.delay < 0 && (want > 0 || want < asked) || ph.delay >= 0 && want != asked {
			t.Errorf("delay %v: %v is said to be in force", asked, want)
		}
		n := 0
		for _, b := range r.Beeps {
			if b < media.TickTime(ph.from, s.truth.FPS) || b > media.TickTime(ph.to, s.truth.FPS) {
				continue
			}
			late := time.Hour
			for _, at := range came {
				if d := b - want - at; d > -200*time.Millisecond && d < late {
					late = d
				}
			}
			if n++; !known {
				base, known = late, true
			}
			said := time.Duration((ph.state.LatencyMS - ph.state.DeviceMS) * float64(time.Millisecond))
			t.Logf("delay %d ms: %v after the beep came and the delay; the studio says %v, and %v ms for the device; %s", ph.delay, late, said, ph.state.DeviceMS, ph.state.SoundProblem)
			if (late - base).Abs() > syncLimit {
				t.Errorf("delay %d ms: a beep is %v off, want at most %v", ph.delay, late-base, syncLimit)
			}
			// What the studio says begins at its own look at the device, every 5 ms.
			if (late - said).Abs() > 3*syncLimit {
				t.Errorf("delay %d ms: recorded %v after it came, but the studio says %v", ph.delay, late, said)
			}
		}
		if n == 0 {
			t.Errorf("delay %d ms: no beep", ph.delay)
		}
		if ph.state.DeviceMS < 5 || ph.state.DeviceMS > 100 {
			t.Errorf("the device is said to take %v ms", ph.state.DeviceMS)
		}
	}
}
