package audio

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// eventually waits for ok with a deadline.
func eventually(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		case <-tick.C:
		}
	}
}

func discardLog() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// pulse is a PulseAudio server of this test's own with one null sink.
type pulse struct {
	dir, socket string
	cmd         *exec.Cmd
}

func newPulse(t testing.TB) *pulse {
	t.Helper()
	dir := t.TempDir()
	p := &pulse{dir: dir, socket: filepath.Join(dir, "native")}
	t.Setenv("PULSE_SERVER", "unix:"+p.socket)
	t.Setenv("PULSE_RUNTIME_PATH", dir)
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("HOME", dir)
	p.start(t)
	t.Cleanup(p.stop)
	return p
}

func (p *pulse) start(t testing.TB) {
	t.Helper()
	p.cmd = exec.Command("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disallow-exit=no",
		"-L", "module-null-sink sink_name=studio format=float32le rate=48000 channels=2",
		"-L", "module-native-protocol-unix auth-anonymous=1 socket="+p.socket)
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start pulseaudio (packaging/apt.sh test installs it): %v", err)
	}
	eventually(t, 30*time.Second, "pulseaudio answers", func() bool {
		return exec.Command("pactl", "info").Run() == nil
	})
}

func (p *pulse) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill() // may have ended
	_ = p.cmd.Wait()         // was killed
	p.cmd = nil
}

// collector keeps what a Capture delivers.
type collector struct {
	mu      sync.Mutex
	samples []float32 // guarded by mu
	next    int64     // guarded by mu; frame number that should come
	jumps   int       // guarded by mu
}

func (c *collector) take(_ context.Context, b media.AudioBlock) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sampleAt(b.PTS) != c.next {
		c.jumps++
	}
	c.next = sampleAt(b.PTS) + int64(b.Frames())
	c.samples = append(c.samples, b.Samples...)
	return nil
}

func (c *collector) frames() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.samples) / 2
}

// start runs f until the test is over and gives its error.
func start(t testing.TB, f func(ctx context.Context) error) <-chan error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		done <- f(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("a device did not stop within 10 s")
		}
	})
	return done
}

// ticks plays a tone through m as the engine would, 30 blocks a second.
func ticks(ctx context.Context, m *Monitor, tone Tone) error {
	clock, fps := media.NewRealClock(), media.Rational{Num: 30, Den: 1}
	b := make([]float32, 3200)
	for n := int64(0); ; n++ {
		if err := clock.WaitUntil(ctx, media.TickTime(n, fps)); err != nil {
			return err
		}
		tone.Fill(b, n*1600)
		m.Write(b)
	}
}

func TestNullCapture(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { nullCapture(a) })
}

func nullCapture(t testing.TB) {
	capture, playback, err := Devices(NullBackend)
	if err != nil {
		t.Fatal(err)
	}
	if len(capture) != 1 || len(playback) != 1 || capture[0].Name == "" || capture[0].ID == "" {
		t.Fatalf("null devices: got %+v and %+v, want one each", capture, playback)
	}
	for _, device := range []string{"", capture[0].Name, capture[0].ID} {
		var got collector
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		name := ""
		var latency time.Duration
		err := NewCapture(CaptureOptions{Backend: NullBackend, Device: device, Opened: func(n string) { name = n }, Latency: func(d time.Duration) { latency = d }}).
			Run(ctx, func(ctx context.Context, b media.AudioBlock) error {
				if got.frames() > sampleRateHz/4 {
					cancel()
				}
				return got.take(ctx, b)
			})
		cancel()
		if err != nil || got.frames() < sampleRateHz/4 || got.jumps != 0 || name == "" {
			t.Errorf("device %q: error %v, %d frames, %d jumps, name %q", device, err, got.frames(), got.jumps, name)
		}
		// The null device calls back with the 10 ms that it was asked for.
		if latency < 10*time.Millisecond || latency > 100*time.Millisecond {
			t.Errorf("device %q: latency %v", device, latency)
		}
	}
}

func TestMissingDeviceSaysSo(t *testing.T) {
	err := NewCapture(CaptureOptions{Backend: NullBackend, Device: "Stage left"}).Run(t.Context(), new(collector).take)
	if !errors.Is(err, ErrNoDevice) {
		t.Errorf("got %v, want %v", err, ErrNoDevice)
	}
	if _, _, err := Devices("nonsense"); err == nil {
		t.Error("unknown backend: got no error")
	}
}

// Two devices that are called the same can be told apart and chosen, by what the list calls
// them and by what the sound system does.
func TestDevicesOfOneName(t *testing.T) {
	newPulse(t)
	if out, err := exec.Command("pactl", "load-module", "module-null-sink", "sink_name=second").CombinedOutput(); err != nil {
		t.Fatalf("load-module: %v: %s", err, out)
	}
	capture, playback, err := Devices(PulseBackend)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range slices.Concat(capture, playback) {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	want := []string{"Monitor of Null Output (second.monitor)", "Monitor of Null Output (studio.monitor)", "Null Output (second)", "Null Output (studio)"}
	if !slices.Equal(names, want) {
		t.Errorf("devices %q, want %q", names, want)
	}
	for _, device := range []string{"second.monitor", "Monitor of Null Output (second.monitor)"} {
		opened := make(chan string, 1)
		ended := start(t, func(ctx context.Context) error {
			return NewCapture(CaptureOptions{Backend: PulseBackend, Device: device, Opened: func(name string) { opened <- name }}).Run(ctx, new(collector).take)
		})
		select {
		case name := <-opened:
			if name != "Monitor of Null Output (second.monitor)" {
				t.Errorf("%q opened %q", device, name)
			}
		case err := <-ended:
			t.Errorf("%q: %v", device, err)
		case <-time.After(10 * time.Second):
			t.Errorf("%q is not open after 10 s", device)
		}
	}
}

func TestCaptureSinkErrorEndsRun(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { sinkErrorEndsRun(a) })
}

func sinkErrorEndsRun(t testing.TB) {
	want := errors.New("enough")
	err := NewCapture(CaptureOptions{Backend: NullBackend}).Run(t.Context(), func(context.Context, media.AudioBlock) error { return want })
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// toneWindow is how many frames hearTone looks at.
const toneWindow = sampleRateHz / 4

// hearTone checks that what next gives, a quarter of a second at a time, is the tone that the
// test plays: 1000 Hz left and 400 Hz right at -20 dBFS. A busy machine may interrupt the
// sound, so it is the cleanest of each side that counts, within fifteen seconds of sound.
func hearTone(t testing.TB, who string, next func() []float32) {
	t.Helper()
	best := [2]float64{math.Inf(1), math.Inf(1)}
	var hz, level [2]float64
	want := [2]float64{1000, 400}
	for n := 0; n < 60 && (n < 4 || best[0] > -60 || best[1] > -60); n++ {
		b := next()
		for c := range want {
			if db, f, a := thdn(b, c, want[c]); db < best[c] {
				best[c], hz[c], level[c] = db, f, dbOf(a)
			}
		}
	}
	for c := range want {
		if !(best[c] < -60) {
			t.Errorf("%s, channel %d: THD+N %.1f dB, want below -60", who, c, best[c])
		}
		if math.Abs(hz[c]-want[c]) > 0.005*want[c] {
			t.Errorf("%s, channel %d: got %.2f Hz, want %v", who, c, hz[c], want[c])
		}
		if math.Abs(level[c]+20) > 0.2 {
			t.Errorf("%s, channel %d: got %.2f dBFS, want -20", who, c, level[c])
		}
		t.Logf("%s, channel %d: %.3f Hz, %.3f dBFS, THD+N %.1f dB", who, c, hz[c], level[c], best[c])
	}
}

func TestMonitorToneComesOutOfTheNullSink(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { toneComesOutOfTheNullSink(a) })
}

func toneComesOutOfTheNullSink(t testing.TB) {
	newPulse(t)
	m := NewMonitor(MonitorOptions{Backend: PulseBackend, Log: discardLog(), Clock: media.NewRealClock()})
	start(t, m.Run)
	start(t, func(ctx context.Context) error { return ticks(ctx, m, Tone{LeftHz: 1000, RightHz: 400, LevelDB: -20}) })
	eventually(t, 30*time.Second, "monitor plays", func() bool { return m.Stats().Queued > 0 })

	// The reference is PulseAudio's own recorder; Capture records the same beside it.
	var got collector
	start(t, func(ctx context.Context) error {
		return NewCapture(CaptureOptions{Backend: PulseBackend, Device: "Monitor of Null Output"}).Run(ctx, got.take)
	})
	// A null sink asks for nothing for two seconds at first.
	eventually(t, 30*time.Second, "the sink asks for sound", func() bool { return got.frames() > sampleRateHz/2 })
	before := m.Stats()
	rec := exec.CommandContext(t.Context(), "parec", "--device=studio.monitor", "--raw", "--format=float32le", "--rate=48000", "--channels=2", "--latency-msec=50")
	out, err := rec.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = rec.Process.Kill() // it records until then
		_ = rec.Wait()         // was killed
	})
	raw := make([]byte, 8*toneWindow)
	hearTone(t, "parec", func() []float32 {
		if _, err := io.ReadFull(out, raw); err != nil {
			t.Fatalf("record: %v", err)
		}
		return unsafe.Slice((*float32)(unsafe.Pointer(&raw[0])), len(raw)/4)
	})
	at := 0
	hearTone(t, "capture", func() []float32 {
		eventually(t, 30*time.Second, "capture goes on", func() bool { return got.frames() >= at+toneWindow })
		got.mu.Lock()
		defer got.mu.Unlock()
		at += toneWindow
		return got.samples[2*(at-toneWindow) : 2*at]
	})
	got.mu.Lock()
	jumps := got.jumps
	got.mu.Unlock()
	if jumps != 0 {
		t.Errorf("PTS jumps in the capture: got %d, want 0", jumps)
	}
	st := m.Stats()
	if st.Queued > monitorCap+40*time.Millisecond {
		t.Errorf("monitor's queue: got %v, want at most the cap and a tick", st.Queued)
	}
	t.Logf("monitor: before %+v, after %+v", before, st)
}

// again runs a Capture anew whenever its device goes away, as the supervisor of a source
// does, and counts; told gets each end's error.
func again(ctx context.Context, opt CaptureOptions, sink func(context.Context, media.AudioBlock) error, told func(error)) error {
	for {
		if err := NewCapture(opt).Run(ctx, sink); err != nil {
			told(err)
		}
		timer := time.NewTimer(20 * time.Millisecond)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// The null device has no plug: it is stopped below this package, with ma_device_stop, and
// what miniaudio says of that is what it says of a device that is pulled out of any backend.
// Microphone and monitor say that it is gone, open it anew and go on.
func TestUnplugOfTheNullDevice(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { unplugOfTheNullDevice(a) })
}

func unplugOfTheNullDevice(t testing.TB) {
	pull := func(s *session) {
		s.closing.Lock() // miniaudio tells of the stop before ma_device_stop has returned
		defer s.closing.Unlock()
		if err := s.dev.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	sessions := make(chan *session, 8)
	m := NewMonitor(MonitorOptions{Backend: NullBackend, Log: discardLog(), Clock: media.NewRealClock(), running: func(s *session) { sessions <- s }})
	start(t, m.Run)
	start(t, func(ctx context.Context) error { return ticks(ctx, m, Tone{LeftHz: 1000, LevelDB: -20}) })

	mics, ends := make(chan *session, 8), make(chan error, 8)
	var mu sync.Mutex
	got := new(collector) // guarded by mu; of the device that runs
	heard := func() int {
		mu.Lock()
		defer mu.Unlock()
		return got.frames()
	}
	start(t, func(ctx context.Context) error {
		opt := CaptureOptions{Backend: NullBackend, running: func(s *session) {
			mu.Lock()
			got = new(collector) // its PTS begin anew
			mu.Unlock()
			mics <- s
		}}
		return again(ctx, opt, func(ctx context.Context, b media.AudioBlock) error {
			mu.Lock()
			c := got
			mu.Unlock()
			return c.take(ctx, b)
		}, func(err error) { ends <- err })
	})
	for round := range 2 {
		mic, speaker := <-mics, <-sessions
		eventually(t, 30*time.Second, "the microphone is heard", func() bool { return heard() > 4800 })
		eventually(t, 30*time.Second, "the monitor plays", func() bool { st := m.Stats(); return st.Device != "" && st.Queued > 0 })
		pull(mic)
		select {
		case err := <-ends:
			if !errors.Is(err, errStopped) {
				t.Errorf("round %d: capture: got %v, want that the device went away", round, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("capture did not notice that its device is gone")
		}
		pull(speaker)
		eventually(t, 30*time.Second, "the monitor says that it is gone", func() bool {
			st := m.Stats()
			return st.Opened > int64(round+1) || st.Device == "" && errors.Is(st.Err, errStopped)
		})
	}
	<-mics
	eventually(t, 30*time.Second, "the microphone is heard again", func() bool { return heard() > 4800 })
	eventually(t, 30*time.Second, "the monitor plays again", func() bool { st := m.Stats(); return st.Opened == 3 && st.Device != "" && st.Queued > 0 })
	if mu.Lock(); got.jumps != 0 {
		t.Errorf("%d jumps in what the microphone sends", got.jumps)
	}
	mu.Unlock()
}

func TestUnplugEndsCaptureAndMonitorComesBack(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { unplug(a) })
}

func unplug(t testing.TB) {
	p := newPulse(t)
	m := NewMonitor(MonitorOptions{Backend: PulseBackend, Log: discardLog(), Clock: media.NewRealClock()})
	start(t, m.Run)
	start(t, func(ctx context.Context) error { return ticks(ctx, m, Tone{LeftHz: 1000, LevelDB: -20}) })
	var got collector
	ended := make(chan error, 64)
	start(t, func(ctx context.Context) error {
		return again(ctx, CaptureOptions{Backend: PulseBackend}, got.take, func(err error) {
			select {
			case ended <- err:
			default: // the first is looked at
			}
		})
	})
	eventually(t, 30*time.Second, "both run", func() bool { return m.Stats().Queued > 0 && got.frames() > 4800 })

	p.stop()
	select {
	case err := <-ended:
		if !errors.Is(err, errStopped) && !errors.Is(err, errSilent) {
			t.Errorf("capture: got %v, want that the device went away", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("capture did not notice within 10 s that its device is gone")
	}
	eventually(t, 30*time.Second, "monitor notices", func() bool { st := m.Stats(); return st.Device == "" && st.Err != nil })

	gone := got.frames()
	p.start(t)
	eventually(t, 30*time.Second, "capture hears again", func() bool { return got.frames() > gone+4800 })
	eventually(t, 30*time.Second, "monitor plays again", func() bool { st := m.Stats(); return st.Opened == 2 && st.Queued > 0 })
}

// Reopening over and over leaves no goroutine behind (TestMain looks).
func TestReopenManyTimes(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { reopenManyTimes(a) })
}

func reopenManyTimes(t testing.TB) {
	for range 30 {
		ctx, cancel := context.WithCancel(t.Context())
		err := NewCapture(CaptureOptions{Backend: NullBackend}).Run(ctx, func(context.Context, media.AudioBlock) error {
			cancel()
			return nil
		})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
	}
}
