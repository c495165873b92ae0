package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/record"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// delay is how long something took, over many times.
type delay struct {
	Name     string  `json:"name"`
	Count    int     `json:"count"`
	P50Ticks float64 `json:"p50_ticks"`
	P99Ticks float64 `json:"p99_ticks"`
	P50MS    float64 `json:"p50_ms"`
	P95MS    float64 `json:"p95_ms,omitempty"`
	P99MS    float64 `json:"p99_ms"`
	LimitP50 float64 `json:"limit_p50_ticks"` // at most
	LimitP99 float64 `json:"limit_p99_ticks"`
	// LimitP95MS, where it is set, is what is judged in place of those in ticks.
	LimitP95MS float64 `json:"limit_p95_ms,omitempty"`
	Verdict    string  `json:"verdict"`
	Explained  string  `json:"explained,omitempty"`
}

// The limits of issue 4 for a command's way to the programme, in ticks.
const commandP50, commandP99 = 1, 2

// newDelay sums times in milliseconds up at a tick's length.
func newDelay(name string, ms []float64, tick time.Duration) delay {
	one := float64(tick) / 1e6
	d := delay{Name: name, Count: len(ms), P50MS: percentile(ms, 50), P99MS: percentile(ms, 99), LimitP50: commandP50, LimitP99: commandP99}
	d.P50Ticks, d.P99Ticks = d.P50MS/one, d.P99MS/one
	return d.judged()
}

func (d delay) judged() delay {
	d.Verdict = reached
	late := d.P50Ticks > d.LimitP50 || d.P99Ticks > d.LimitP99
	if d.LimitP95MS > 0 {
		late = d.P95MS > d.LimitP95MS
	}
	if d.Count == 0 || late {
		d.Verdict = missed
	}
	return d
}

func (d delay) String() string {
	if d.LimitP95MS > 0 {
		return fmt.Sprintf("%s: median %.0f ms, 95 %% within %.0f ms, 99 %% within %.0f ms, of %d; allowed %.0f ms for 95 %%: %s",
			d.Name, d.P50MS, d.P95MS, d.P99MS, d.Count, d.LimitP95MS, d.Verdict)
	}
	s := fmt.Sprintf("%s: median %.2f ticks (%.1f ms), 99 %% within %.2f (%.1f ms), of %d; allowed %.2f and %.2f: %s",
		d.Name, d.P50Ticks, d.P50MS, d.P99Ticks, d.P99MS, d.Count, d.LimitP50, d.LimitP99, d.Verdict)
	if d.Explained != "" {
		s += "; " + d.Explained
	}
	return s
}

// latencies measures how long commands and pictures take.
func (b *bench) latencies(ctx context.Context) ([]delay, error) {
	var out []delay
	for _, measure := range []func(context.Context) (delay, error){b.commandByAPI, b.commandByKey, b.cameraToPacket} {
		d, err := measure(ctx)
		if err != nil {
			return out, fmt.Errorf("latency: %w", err)
		}
		out = append(out, d)
	}
	return out, nil
}

// cutCase is two cameras, cut between by whoever measures.
func cutCase() benchCase {
	return benchCase{Name: "latency", cameras: 2, lens: hd30, beside: leastWork, window: true, show: showX}
}

// pause is how long to wait before the next command: its phase to the tick has to be
// any, and the cut before must be over.
func pause(ctx context.Context) bool {
	t := time.NewTimer(300*time.Millisecond + time.Duration(rand.Int64N(int64(200*time.Millisecond))))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// commandByAPI is from calling Engine.Do to the first programme picture, composed, that
// shows the cut. The engine runs in this process, recording, without a window.
func (b *bench) commandByAPI(ctx context.Context) (delay, error) {
	c := cutCase()
	files, err := b.cameras(ctx, c)
	if err != nil {
		return delay{}, err
	}
	m, err := b.material(c, &around{}, files, 1, "api")
	if err != nil {
		return delay{}, err
	}
	fmt.Fprintf(b.log, "bench: latency of commands through the engine's interface, %d s\n", b.seconds)
	show := recorded(c.show(m), "file", "main", programme(m))
	thread, err := gpu.Open()
	if err != nil {
		return delay{}, err
	}
	defer thread.Close()
	file, rec := sources.File(), record.Kind()
	type seen struct {
		camera int
		at     time.Time
	}
	shown := make(chan seen, 1<<12)
	last := 0
	e, err := engine.New(engine.Options{
		Show: show, Clock: media.NewRealClock(), Thread: thread, Log: slog.New(slog.DiscardHandler),
		SourceKinds: map[string]sources.Kind{file.Name: file}, OutputKinds: map[string]outputs.Kind{rec.Name: rec},
		Commands: []engine.Timed{{Command: &engine.StartRecording{}}},
		Tap: func(_ int64, f *media.Frame, _ []float32) {
			if n := cameraOf(f); n != 0 && n != last {
				last = n
				shown <- seen{n, time.Now()}
			}
		},
	})
	if err != nil {
		return delay{}, err
	}
	running, stop := context.WithTimeout(ctx, time.Duration(b.seconds)*time.Second)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- e.Run(running) }()
	var ms []float64
	<-firstOf(running.Done(), shown)
	for pause(running) {
		called := time.Now()
		if err := e.Do(&engine.Cut{}); err != nil {
			break // it has ended
		}
		select {
		case s := <-shown:
			ms = append(ms, float64(s.at.Sub(called))/1e6)
		case <-running.Done():
		}
	}
	stop()
	if err := <-ended; err != nil {
		return delay{}, err
	}
	return newDelay("command by the engine's interface to programme", ms, media.TickTime(1, show.Canvas.FPS)), ctx.Err()
}

// firstOf is closed when either has something; what shown has is taken.
func firstOf[T any](done <-chan struct{}, shown <-chan T) <-chan struct{} {
	out := make(chan struct{})
	go func() {
		defer close(out)
		select {
		case <-done:
		case <-shown:
		}
	}()
	return out
}

// cameraOf is which of two cameras fills a picture; 0 when neither can be read.
func cameraOf(f *media.Frame) int {
	for n := 1; n <= 2; n++ {
		if full(n).read(f) >= 0 {
			return n
		}
	}
	return 0
}

// commandByKey is from a key pressed in the window to the first programme picture that
// shows the cut. Its tick is what the command log says, and every frame of the
// recording is held against that; tick n is due n frames after studio time began, and
// composed the median tick later.
func (b *bench) commandByKey(ctx context.Context) (delay, error) {
	c := cutCase()
	files, err := b.cameras(ctx, c)
	if err != nil {
		return delay{}, err
	}
	a, stop, err := b.around(ctx, c)
	if err != nil {
		return delay{}, err
	}
	defer stop()
	m, err := b.material(c, a, files, 1, "window")
	if err != nil {
		return delay{}, err
	}
	fmt.Fprintf(b.log, "bench: latency of keys pressed in the window, %d s\n", b.seconds)
	show := c.show(m)
	args, err := b.writeShow(c, show, m.dir)
	if err != nil {
		return delay{}, err
	}
	log := filepath.Join(m.dir, "log.jsonl")
	args = append(args, "--command-log", log)
	stats, recording := filepath.Join(m.dir, "stats.jsonl"), programme(m)
	pressed := make(chan []time.Time, 1)
	pressing, stopPressing := context.WithCancel(ctx)
	defer stopPressing()
	_, err = run(ctx, job{
		program: b.program, args: args, env: a.env(filepath.Join(b.work, "config")), output: recording, display: a.screen,
		during: func(int) { pressed <- pressReturn(pressing, a.screen, stats, b.seconds) },
	})
	stopPressing()
	keys := <-pressed
	if err != nil {
		return delay{}, err
	}
	k, err := readStats(stats, 0)
	if err != nil {
		return delay{}, err
	}
	cuts, err := readCuts(log)
	if err != nil {
		return delay{}, err
	}
	if len(cuts) != len(keys) || len(keys) == 0 {
		return delay{}, fmt.Errorf("%d keys were pressed and %d cuts were made", len(keys), len(cuts))
	}
	if err := checkCuts(ctx, recording, cuts, show.Canvas.FPS); err != nil {
		return delay{}, err
	}
	var ms []float64
	for i, tick := range cuts {
		ms = append(ms, float64(k.started.Add(media.TickTime(tick, show.Canvas.FPS)).Sub(keys[i]))/1e6+k.TickP50MS)
	}
	return newDelay("key in the window to programme", ms, media.TickTime(1, show.Canvas.FPS)), nil
}

// pressReturn waits for the studio to run and presses Return (CUT) until two seconds
// before its end; when is taken before xdotool is told.
func pressReturn(ctx context.Context, screen *display, stats string, seconds int) (when []time.Time) {
	for {
		if !pause(ctx) {
			return nil
		}
		if s, err := os.Stat(stats); err == nil && s.Size() > 0 {
			break
		}
	}
	end := time.Now().Add(time.Duration(seconds-3) * time.Second)
	cmd := exec.CommandContext(ctx, "xdotool", "-")
	cmd.Env = append(os.Environ(), screen.env(os.TempDir())...)
	in, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return nil // no key was pressed, and that is said
	}
	for time.Now().Before(end) && pause(ctx) {
		now := time.Now()
		if _, err := io.WriteString(in, "key Return\n"); err != nil {
			break
		}
		when = append(when, now)
	}
	_ = in.Close() // xdotool ends with it
	_ = cmd.Wait()
	return when
}

// readCuts are the ticks of the cuts in a command log.
func readCuts(path string) ([]int64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the command log: %w", err)
	}
	var cuts []int64
	for raw := range bytes.Lines(b) {
		var c struct {
			At int64
			Do string
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, fmt.Errorf("the command log: %w", err)
		}
		if c.Do == "cut" {
			cuts = append(cuts, c.At)
		}
	}
	return cuts, nil
}

// checkCuts fails if some frame of a recording shows another camera than the one that
// is on programme at its tick after these cuts.
func checkCuts(ctx context.Context, path string, cuts []int64, fps media.Rational) error {
	var wrong []int64
	err := eachFrame(ctx, path, func(f *media.Frame) {
		tick := media.UnitsIn(f.PTS, fps.Inv())
		before, _ := slices.BinarySearch(cuts, tick+1) // cuts up to tick
		if n := cameraOf(f); n != 0 && n != 1+before%2 {
			wrong = append(wrong, tick)
		}
	})
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return fmt.Errorf("the cuts of the command log are at %d, but the recording shows the other camera at the ticks %d", cuts, wrong)
	}
	return nil
}

// cameraToPacket is from a live source's time stamp to its packet's leaving the encoder.
// The source is a screen, which is grabbed as a camera is: its pictures bear the time at
// which they were taken. Two ticks and the encoder's own delay are allowed, so what is judged
// is the time until the encoder takes the picture; the packet leaves it without another wait.
func (b *bench) cameraToPacket(ctx context.Context) (delay, error) {
	c := cutCase()
	a, stop, err := b.around(ctx, c)
	if err != nil {
		return delay{}, err
	}
	defer stop()
	m, err := b.material(c, a, nil, 1, "camera")
	if err != nil {
		return delay{}, err
	}
	fmt.Fprintf(b.log, "bench: latency of a live picture, %d s\n", b.seconds)
	show := baseShow(m, 1280, 720)
	show.Sources = []scenes.Source{source("screen", "screen", map[string]any{"width": 1280, "height": 720, "fps": "30"})}
	onAir(show, whole(show, "screen"))
	c.window = false
	args, err := b.writeShow(c, show, m.dir)
	if err != nil {
		return delay{}, err
	}
	env := a.env(filepath.Join(b.work, "config"))
	if _, err := run(ctx, job{program: b.program, args: args, env: env, output: programme(m), display: a.screen}); err != nil {
		return delay{}, err
	}
	k, err := readStats(filepath.Join(m.dir, "stats.jsonl"), 0)
	if err != nil {
		return delay{}, err
	}
	if k.ThroughP50MS == 0 {
		return delay{}, fmt.Errorf("no live picture was shown: %s", strings.Join(k.Problems, "; "))
	}
	tick := float64(media.TickTime(1, show.Canvas.FPS)) / 1e6
	d := delay{
		Name: "camera to packet, without the encoder's own delay", Count: int(k.Ticks), P50MS: k.BeforeP50MS, P99MS: k.BeforeP99MS, LimitP50: 2, LimitP99: 2,
		Explained: fmt.Sprintf("of it time stamp to tick %.1f and %.1f ms; with the encoder %.2f and %.2f ticks, which keeps %.0f pictures back and takes %.1f ms for one on average",
			k.CaptureP50MS, k.CaptureP99MS, k.ThroughP50MS/tick, k.ThroughP99MS/tick, k.Held, k.EncodeMS),
	}
	d.P50Ticks, d.P99Ticks = d.P50MS/tick, d.P99MS/tick
	return d.judged(), nil
}
