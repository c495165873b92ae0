package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/scenes"
)

// bench is what all cases share.
type bench struct {
	tools   tools
	program string // bin/crosspoint
	media   string // folder of the cameras
	work    string // folder of one run's files
	seconds int
	pairs   int
	length  time.Duration // of the cameras
	keep    bool
	quiet   time.Duration // how long to wait for a quiet machine before each run
	profile string        // folder for CPU profiles, or ""
	log     io.Writer
}

// pair is one run of Crosspoint and one of what it is measured beside.
type pair struct {
	Crosspoint   usage       `json:"crosspoint"`
	Beside       usage       `json:"beside"`
	Ratio        float64     `json:"ratio"`                 // of CPU seconds, Crosspoint's to the other's
	SecondHalf   float64     `json:"second_half,omitempty"` // Ratio of the CPU seconds of the run's second half
	Speed        float64     `json:"speed"`                 // of wall time, the other's to Crosspoint's
	Frames       frameCount  `json:"frames"`
	BesideFrames *frameCount `json:"beside_frames,omitempty"` // where the row asks for as many
	Engine       engineStats `json:"engine"`
	Arrivals     []arrival   `json:"arrivals,omitempty"`
}

// outcome is one row.
type outcome struct {
	Case     string   `json:"case"`
	Title    string   `json:"title"`
	Rival    string   `json:"beside"`
	Seconds  int      `json:"seconds"`
	Expected int      `json:"expected_frames"`
	Limits   limits   `json:"limits"`
	Offline  bool     `json:"offline,omitempty"` // no ticks, no real time
	Settings string   `json:"x264_settings"`
	Verdict  string   `json:"verdict"` // "reached", "missed" or "no limit"
	Missed   []string `json:"missed,omitempty"`
	Pairs    []pair   `json:"pairs"`
}

// around is what a case's runs need besides files.
type around struct {
	far     *receivers
	screen  *display
	streams int // that the receivers have told of
}

func (a *around) env(dir string) (env []string) {
	if a.screen != nil {
		env = a.screen.env(dir)
	}
	if a.far != nil {
		env = append(env, a.far.env...)
	}
	return env
}

func (b *bench) around(ctx context.Context, c benchCase) (*around, func(), error) {
	a := &around{}
	stop := func() {
		if a.far != nil {
			a.far.Close()
		}
		if a.screen != nil {
			a.screen.Close()
		}
	}
	var err error
	if c.live {
		if a.far, err = startReceivers(ctx, filepath.Join(b.work, "config")); err != nil {
			return nil, nil, err
		}
	}
	if c.window {
		if a.screen, err = startDisplay(ctx); err != nil {
			stop()
			return nil, nil, err
		}
	}
	return a, stop, nil
}

// runCase measures a case: Crosspoint and the other in turn, pairs times.
func (b *bench) runCase(ctx context.Context, c benchCase) (outcome, error) {
	out := outcome{
		Case: c.Name, Title: c.Title, Rival: c.beside.String(), Seconds: b.seconds, Expected: b.seconds * c.lens.rate,
		Limits: c.limits, Offline: c.offline,
	}
	files, err := b.cameras(ctx, c)
	if err != nil {
		return out, err
	}
	a, stop, err := b.around(ctx, c)
	if err != nil {
		return out, err
	}
	defer stop()
	for n := range b.pairs {
		p, settings, err := b.runPair(ctx, c, a, files, n+1)
		if err != nil {
			return out, err
		}
		out.Settings = settings
		out.Pairs = append(out.Pairs, p)
	}
	out.judge()
	return out, nil
}

func (b *bench) cameras(ctx context.Context, c benchCase) ([]string, error) {
	var files []string
	for n := range c.cameras {
		file, err := b.tools.cameraFile(ctx, b.media, n+1, c.lens, b.length, b.log)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// runPair runs Crosspoint, then the other, and counts the frames.
func (b *bench) runPair(ctx context.Context, c benchCase, a *around, files []string, n int) (p pair, settings string, err error) {
	m, err := b.material(c, a, files, n, "crosspoint")
	if err != nil {
		return p, "", err
	}
	show := c.show(m)
	record := programme(m)
	if p.Crosspoint, err = b.crosspoint(ctx, c, a, show, m, n); err != nil {
		return p, "", err
	}
	if !c.offline {
		if p.Engine, err = readStats(filepath.Join(m.dir, "stats.jsonl"), len(show.Destinations)); err != nil {
			return p, "", err
		}
		p.Crosspoint.FirstFrameMS = p.Engine.firstFrame(p.Crosspoint.began)
	}
	if a.far != nil {
		p.Arrivals, a.streams = a.far.arrivals(a.streams)
	}
	var beside string
	if p.Beside, beside, err = b.other(ctx, c, a, show, files, n); err != nil {
		return p, "", err
	}
	if a.far != nil {
		_, a.streams = a.far.arrivals(a.streams)
	}
	p.Ratio = p.Crosspoint.CPUSeconds / p.Beside.CPUSeconds
	if ours, other := p.Crosspoint.later(b.seconds/2), p.Beside.later(b.seconds/2); !c.offline && ours > 0 && other > 0 {
		p.SecondHalf = ours / other
	}
	p.Speed = p.Beside.WallSecond / p.Crosspoint.WallSecond
	if !c.loose {
		if err := b.tools.sameSettings(ctx, record, beside); err != nil {
			return p, "", err
		}
	}
	if settings, err = b.tools.settingsOf(ctx, record); err != nil {
		return p, "", err
	}
	if p.Frames, err = countFile(ctx, record, c.places, c.need); err != nil {
		return p, "", fmt.Errorf("read the recording's counters: %w", err)
	}
	if c.limits.AsMany {
		k, err := countFile(ctx, beside, c.places, c.need)
		if err != nil {
			return p, "", fmt.Errorf("read the counters beside: %w", err)
		}
		p.BesideFrames = &k
	}
	if !b.keep {
		_, _ = os.RemoveAll(m.dir), os.RemoveAll(filepath.Dir(beside)) // the folder goes at the end
	}
	return p, settings, nil
}

// material is a new folder of one run, and what its show refers to.
func (b *bench) material(c benchCase, a *around, files []string, n int, what string) (material, error) {
	m := material{files: files, dir: filepath.Join(b.work, fmt.Sprintf("%s-%d-%s", c.Name, n, what))}
	if a.far != nil {
		m.urls = a.far.URLs()
	}
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return m, fmt.Errorf("the run's folder: %w", err)
	}
	return m, nil
}

// programme is the recording of a run of Crosspoint.
func programme(m material) string { return filepath.Join(m.dir, "programme.mkv") }

// crosspoint runs a show into m.dir.
func (b *bench) crosspoint(ctx context.Context, c benchCase, a *around, show *scenes.Show, m material, n int) (usage, error) {
	what := filepath.Base(m.dir)
	if err := b.announce(ctx, c, n, strings.TrimPrefix(what, fmt.Sprintf("%s-%d-", c.Name, n))); err != nil {
		return usage{}, err
	}
	args, err := b.writeShow(c, show, m.dir)
	if err != nil {
		return usage{}, err
	}
	if b.profile != "" {
		args = append(args, "--cpuprofile", filepath.Join(b.profile, what+".pprof"), "--memprofile", filepath.Join(b.profile, what+".heap.pprof"))
	}
	return run(ctx, job{
		program: b.program, args: args, env: a.env(filepath.Join(b.work, "config")),
		output: programme(m), display: a.screen,
	})
}

// other runs what the case is measured beside; the file is its recording.
func (b *bench) other(ctx context.Context, c benchCase, a *around, show *scenes.Show, files []string, n int) (usage, string, error) {
	m, err := b.material(c, a, files, n, strings.ReplaceAll(c.beside.String(), " ", "-"))
	if err != nil {
		return usage{}, "", err
	}
	if c.beside == smallerShow {
		u, err := b.crosspoint(ctx, c, a, c.less(m), m, n)
		return u, programme(m), err
	}
	if err := b.announce(ctx, c, n, c.beside.String()); err != nil {
		return usage{}, "", err
	}
	j := job{program: b.tools.ffmpeg, output: filepath.Join(m.dir, "beside.mkv")}
	if c.limits.AsMany {
		j.stopAfter = time.Duration(b.seconds) * time.Second // what it has not done by then it has not done
	}
	if j.args, err = ffmpegArgs(c, show, m, b.seconds, j.output); err != nil {
		return usage{}, "", err
	}
	u, err := run(ctx, j)
	return u, j.output, err
}

// announce waits for a quiet machine, if that was asked for, and says what is run.
func (b *bench) announce(ctx context.Context, c benchCase, pair int, what string) error {
	if err := waitQuiet(ctx, b.quiet); err != nil {
		return err
	}
	fmt.Fprintf(b.log, "bench: case %s, pair %d of %d: %s, %d s\n", c.Name, pair, b.pairs, what, b.seconds)
	return nil
}

// writeShow writes a show and its command list to dir and returns crosspoint's arguments.
func (b *bench) writeShow(c benchCase, show *scenes.Show, dir string) ([]string, error) {
	raw, err := json.MarshalIndent(show, "", "  ")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "show.json")
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		return nil, fmt.Errorf("write the show: %w", err)
	}
	length, record := fmt.Sprintf("%ds", b.seconds), programme(material{dir: dir})
	args := []string{"run", path, "--for", length, "--record", record, "--stats", filepath.Join(dir, "stats.jsonl")}
	switch {
	case c.offline:
		args = []string{"render", path, "--duration", length, "--output", record}
	case !c.window:
		args = append(args, "--headless")
	}
	if c.live {
		args = append(args, "--live")
	}
	var commands []string
	for _, r := range show.Recordings {
		commands = append(commands, fmt.Sprintf(`{"at": 0, "do": "start_recording", "recordings": [%q]}`, r.ID))
	}
	if c.commands != nil {
		commands = append(commands, c.commands(b.seconds*c.lens.rate)...)
	}
	if len(commands) > 0 {
		list := filepath.Join(dir, "commands.jsonl")
		if err := os.WriteFile(list, []byte(strings.Join(commands, "\n")+"\n"), 0o644); err != nil {
			return nil, fmt.Errorf("write the command list: %w", err)
		}
		args = append(args, "--commands", list)
	}
	return args, nil
}
