package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

type runOptions struct {
	headless, live         bool
	length                 time.Duration
	stats, record          string
	commands, commandLog   string
	loudnessLog            string
	cpuProfile, memProfile string
	windowMap              string
	monitor                string
}

func newRun(c *console) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [--headless] SHOW.json",
		Short: "Run a show, with or without a window, as the flags say",
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("for") && o.length <= 0 {
				return fmt.Errorf("--for %v: it has to be more than nothing; without it the show runs until it is stopped", o.length)
			}
			return atMostOneShow(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			stop, err := profile(o.cpuProfile, o.memProfile)
			if err != nil {
				return err
			}
			defer stop()
			if !o.headless {
				return runWindow(cmd.Context(), c, first(args, ""), o)
			}
			return runHeadless(cmd.Context(), c, first(args, demoName), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.headless, "headless", false, "no window: a server, a cloud machine, a test")
	f.DurationVar(&o.length, "for", 0, "stop after this long, for example 60s")
	f.StringVar(&o.stats, "stats", "", "append a line of statistics a second to this file, as JSON")
	f.BoolVar(&o.live, "live", false, "go live to every enabled destination at once")
	f.StringVar(&o.record, "record", "", "record the first rendition to this file (.mkv, .mp4, .mov, .ts) from the first frame")
	f.StringVar(&o.commands, "commands", "", "apply this command list (one JSON object a line)")
	f.StringVar(&o.commandLog, "command-log", "", "write every applied command with its tick to this file, as a command list")
	f.StringVar(&o.loudnessLog, "loudness-log", "", "write every bus's loudness (EBU R 128) once a second to this file, as CSV")
	f.StringVar(&o.cpuProfile, "cpuprofile", "", "write a CPU profile (pprof) to this file")
	f.StringVar(&o.memProfile, "memprofile", "", "write a heap profile (pprof) to this file at the end")
	f.StringVar(&o.monitor, "monitor", "", "play the monitor to this sound device, \"default\" or \"null\" (a device that nobody hears); without it the default device with a window, none without")
	f.StringVar(&o.windowMap, "window-map", "", "list the window's controls and their places in this file, as JSON, for tests")
	return cmd
}

// runHeadless runs a show without a window.
func runHeadless(ctx context.Context, c *console, path string, o runOptions) error {
	outliveReaders()
	opt, release, err := prepare(ctx, c, path, o)
	if err != nil {
		return err
	}
	defer release()
	if o.monitor != "" {
		m := newMonitor(c, opt.Clock, o.monitor)
		opt.Monitor, opt.MonitorStats = m.Write, m.Stats
		defer listen(ctx, c, m)()
	}
	e, closeGPU, err := newEngine(c, baseDir(path), opt)
	if err != nil {
		return err
	}
	defer closeGPU()
	told, err := startReport(c, e, o)
	if err != nil {
		return err
	}
	defer told()
	return e.Run(ctx)
}

// prepare makes the options of an engine, on the real clock, that runs the show at path
// as o says; release gives back what they hold after Run has returned.
func prepare(ctx context.Context, c *console, path string, o runOptions) (opt engine.Options, release func(), err error) {
	show, err := loadShow(c, path)
	if err != nil {
		return opt, nil, err
	}
	opt, closeLog, err := o.options(show)
	if err != nil {
		return opt, nil, err
	}
	opt, stopRehearsal, err := addRehearsal(ctx, c, opt.Show, opt)
	if err != nil {
		closeLog()
		return opt, nil, err
	}
	return opt, func() {
		closeLog()
		stopRehearsal()
	}, nil
}

// options are those of an engine, on the real clock, that runs show as the flags say;
// release closes their files after Run has returned.
func (o runOptions) options(show *scenes.Show) (opt engine.Options, release func(), err error) {
	start, err := readCommands(o.commands, show.Canvas.FPS)
	if err != nil {
		return opt, nil, err
	}
	if o.record != "" {
		var id string
		if show, id, err = recordingTo(show, o.record); err != nil {
			return opt, nil, err
		}
		start = append([]engine.Timed{{Command: engine.StartRecording{Recordings: []string{id}}}}, start...)
	}
	if o.live {
		start = append([]engine.Timed{{Command: engine.GoLive{}}}, start...)
	}
	opt = engine.Options{Show: show, Clock: media.NewRealClock(), Commands: start, CutLists: true, ProgramsByHand: !o.headless}
	if o.length > 0 {
		opt.Ticks = max(media.UnitsIn(o.length, show.Canvas.FPS.Inv()), 1)
	}
	var files []*os.File
	closeAll := func() {
		for _, f := range files {
			_ = f.Close() // every line was written as it came
		}
	}
	for _, log := range []struct {
		path, what string
		mode       os.FileMode // of a new file
		to         *io.Writer
	}{
		{o.commandLog, "command log", 0o600, &opt.CommandLog}, // addresses in it may have passwords
		{o.loudnessLog, "loudness log", 0o644, &opt.LoudnessLog},
	} {
		if log.path == "" {
			continue
		}
		f, err := os.OpenFile(log.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, log.mode)
		if err != nil {
			closeAll()
			return opt, nil, fmt.Errorf("the %s cannot be written: %w", log.what, err)
		}
		files = append(files, f)
		*log.to = f
	}
	return opt, closeAll, nil
}

// reported is an engine, or what stands for one.
type reported interface{ State() *engine.State }

// startReport tells the terminal and the file of statistics how e is doing until stop,
// which waits for the last line.
func startReport(c *console, e reported, o runOptions) (stop func(), err error) {
	var stats *os.File
	if o.stats != "" {
		if stats, err = os.OpenFile(o.stats, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
			return nil, fmt.Errorf("the statistics cannot be written: %w", err)
		}
	}
	ended, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		report(c, e, stats, o.headless, ended)
	}()
	return func() {
		close(ended)
		<-told
		if stats != nil {
			_ = stats.Close() // a full disk ends the statistics, not the show
		}
	}, nil
}

// stateAge is how long after being asked for a state is there: it is made at the next tick,
// and the slowest shows have one a second, the usual ones 25 or more.
const stateAge = 100 * time.Millisecond

// report writes statistics, and sees to the heap, once a second and, with lines, writes a
// status line every ten until ended.
func report(c *console, e reported, stats *os.File, lines bool, ended <-chan struct{}) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	n := 0
	shown := map[string]string{}
	heap := newCollector()
	one := func() {
		heap.look(time.Now())
		s := e.State()
		if stats != nil {
			writeStats(stats, s)
		}
		maps.DeleteFunc(shown, func(key, _ string) bool { // a fault that comes again is said again
			return !slices.ContainsFunc(s.Warnings, func(w engine.Warning) bool { return w.Key == key })
		})
		for _, w := range s.Warnings {
			if shown[w.Key] != w.Text {
				shown[w.Key] = w.Text
				fmt.Fprintf(c.err, "crosspoint: %s\n", w.Text)
			}
		}
	}
	var fresh <-chan time.Time
	for {
		select {
		case <-second.C:
			e.State() // asks for a new one; this one was made for the last line, a second ago
			fresh = time.After(stateAge)
		case <-fresh:
			one()
			if n++; lines && n%10 == 0 {
				fmt.Fprintln(c.err, statusLine(e.State()))
			}
		case <-ended:
			one()
			if lines {
				fmt.Fprintln(c.err, statusLine(e.State()))
			}
			return
		}
	}
}

// statusLine is the state in one line.
func statusLine(s *engine.State) string {
	k := s.Counters
	line := fmt.Sprintf("%v  programme %s  preview %s  frames %d new %d repeated %d late  tick %.1f ms (99 %% within %.1f, max %.1f of %.1f)",
		s.Time.Round(time.Second), or(s.Program, "black"), or(s.Preview, "black"), k.New, k.Repeated, k.Late, k.TickP50MS, k.TickP99MS, k.TickMaxMS, k.BudgetMS)
	for _, list := range [2][]engine.DestinationState{s.Destinations, s.Recordings} {
		for _, d := range list {
			if d.Started {
				line += fmt.Sprintf("  %s: %s %.1f Mb/s", d.ID, d.Report.State, float64(d.BitrateBPS)/1e6)
			}
		}
	}
	return line
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// statsLine is one line of --stats.
type statsLine struct {
	Tick         int64
	Seconds      float64
	Program      string
	Preview      string
	Transition   engine.TransitionState
	Live         bool
	Recording    bool
	Revision     int64
	Undo, Redo   string
	Show         showStats
	Counters     engine.Counters
	Sources      []sourceStats
	Monitor      engine.MonitorState
	Renditions   []engine.RenditionState
	Destinations []engine.DestinationState
	Recordings   []engine.DestinationState
	Warnings     []engine.Warning
}

// showStats is what the show has, by name.
type showStats struct {
	Name                      string
	Sources, Scenes, Overlays []string
}

// sourceStats leaves out what JSON cannot say (levels of silence are -Inf).
type sourceStats struct {
	ID                                            string
	Status                                        engine.SourceStatus
	Detail, Problem, Remark, SoundProblem         string
	Frames, Dropped, Skipped, Repeated, Underruns int64
	QueueMS, LatencyMS, DeviceMS, DelayMS         float64
	BehindMS, DriftPPM                            float64
	Restarts                                      int64
	Clip                                          *engine.ClipState `json:",omitempty"` // of media files
}

func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func writeStats(w io.Writer, s *engine.State) {
	// Lists of nothing are [], not null: what reads the lines goes through them.
	line := statsLine{Tick: s.Tick, Seconds: s.Time.Seconds(), Program: s.Program, Preview: s.Preview, Transition: s.Transition,
		Live: s.Live, Recording: s.Recording, Revision: s.Revision, Undo: s.Undo, Redo: s.Redo, Counters: s.Counters,
		Show:    showStats{Name: s.Show.Name, Sources: []string{}, Scenes: []string{}, Overlays: []string{}},
		Sources: []sourceStats{}, Monitor: s.Monitor, Renditions: listed(s.Renditions), Destinations: listed(s.Destinations), Recordings: listed(s.Recordings), Warnings: listed(s.Warnings)}
	for _, v := range s.Show.Scenes {
		line.Show.Scenes = append(line.Show.Scenes, v.Name)
	}
	for _, v := range s.Show.Overlays {
		line.Show.Overlays = append(line.Show.Overlays, v.Name)
	}
	for _, v := range s.Sources {
		line.Show.Sources = append(line.Show.Sources, v.Name)
		line.Sources = append(line.Sources, sourceStats{
			v.ID, v.Status, v.Detail, v.Problem, v.Remark, v.SoundProblem, v.Frames, v.Dropped, v.Skipped, v.Repeated, v.Underruns,
			v.QueueMS, v.LatencyMS, v.DeviceMS, v.DelayMS, v.BehindMS, v.DriftPPM, v.Restarts, nil,
		})
		if clip := v.Clip; clip.Seekable {
			line.Sources[len(line.Sources)-1].Clip = &clip
		}
	}
	b, err := json.Marshal(line)
	if err != nil {
		b = []byte(fmt.Sprintf(`{"Tick":%d,"error":%q}`, s.Tick, err.Error()))
	}
	// A full disk ends the statistics, not the show.
	_, _ = fmt.Fprintf(w, "%s\n", b)
}

// addRehearsal starts the built-in receiver when the show points at it.
func addRehearsal(ctx context.Context, c *console, show *scenes.Show, opt engine.Options) (engine.Options, func(), error) {
	if !wantsRehearsal(show) {
		return opt, func() {}, nil
	}
	r, err := startRehearsal(ctx, c, "", nil)
	if err != nil {
		return opt, nil, err
	}
	opt.OutputKinds = withRehearsal(outputKinds(), r.urls())
	return opt, r.stop, nil
}
