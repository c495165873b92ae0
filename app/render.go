package app

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
)

type renderOptions struct {
	commands, output       string
	loudnessLog            string
	length                 time.Duration
	hash                   bool
	cpuProfile, memProfile string
}

func newRender(c *console) *cobra.Command {
	var o renderOptions
	cmd := &cobra.Command{
		Use:   "render SHOW.json --duration 10s --output OUT.mkv",
		Short: "Replay a show offline on a virtual clock",
		Long: `Render runs a show on a virtual clock, as fast as it goes, and records it. The
same show and commands give the same pictures and sound, bit for bit.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := oneFile("a show")(cmd, args); err != nil {
				return err
			}
			if err := required(cmd, "duration", "output"); err != nil {
				return err
			}
			if o.length <= 0 {
				return fmt.Errorf("--duration %v: it has to be more than nothing", o.length)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			stop, err := profile(o.cpuProfile, o.memProfile)
			if err != nil {
				return err
			}
			defer stop()
			return render(cmd.Context(), c, args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.commands, "commands", "", "the command list (one JSON object a line)")
	f.StringVar(&o.output, "output", "", "the file to make (.mkv, .mp4, .mov, .ts)")
	f.DurationVar(&o.length, "duration", 0, "how much of the show, for example 10s")
	f.BoolVar(&o.hash, "hash", false, "print a hash of all programme pictures and sound before encoding")
	f.StringVar(&o.loudnessLog, "loudness-log", "", "write every bus's loudness (EBU R 128) once a second to this file, as CSV")
	f.StringVar(&o.cpuProfile, "cpuprofile", "", "write a CPU profile (pprof) to this file")
	f.StringVar(&o.memProfile, "memprofile", "", "write a heap profile (pprof) to this file at the end")
	return cmd
}

func render(ctx context.Context, c *console, path string, o renderOptions) error {
	show, err := loadShow(c, path)
	if err != nil {
		return err
	}
	newCollector()
	commands, err := readCommands(o.commands, show.Canvas.FPS)
	if err != nil {
		return err
	}
	show, id, err := recordingTo(show, o.output)
	if err != nil {
		return err
	}
	commands = append([]engine.Timed{{Command: engine.StartRecording{Recordings: []string{id}}}}, commands...)
	opt := engine.Options{
		Show: show, Clock: media.NewVirtualClock(), Commands: commands,
		Ticks: max(media.UnitsIn(o.length, show.Canvas.FPS.Inv()), 1),
	}
	if o.loudnessLog != "" {
		f, err := os.Create(o.loudnessLog)
		if err != nil {
			return fmt.Errorf("the loudness log cannot be written: %w", err)
		}
		defer f.Close()
		opt.LoudnessLog = f
	}
	pictures, sound := fnv.New64a(), fnv.New64a()
	if o.hash {
		opt.Tap = func(_ int64, f *media.Frame, samples []float32) {
			hashFrame(pictures, f)
			hashSamples(sound, samples)
		}
	}
	took, refused, err := runOffline(ctx, c, baseDir(path), opt, id, o.output)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "rendered %d frames in %.1f s (%.2f x real time)\n", opt.Ticks, took.Seconds(), o.length.Seconds()/took.Seconds())
	if o.hash {
		fmt.Fprintf(c.out, "pictures fnv64a %016x\nsound    fnv64a %016x\n", pictures.Sum64(), sound.Sum64())
	}
	return refusedError(o.output, refused)
}

// refusedError says that commands of the list were refused; nil if none was. A script has to
// notice that the file is not the show that was asked for.
func refusedError(output string, refused int64) error {
	if refused == 0 {
		return nil
	}
	return fmt.Errorf("%s is complete, but commands of the list were refused: %d", output, refused)
}

// recordingError is why the file of an offline run is not what it was to be.
type recordingError struct{ output, problem string }

func (e *recordingError) Error() string { return e.output + ": " + e.problem }

// runOffline runs a show whose paths are relative to dir to its end; recording id makes
// output. The operator reads what the engine warned of; a recording that failed is a
// recordingError. refused is how many commands of the list were.
func runOffline(ctx context.Context, c *console, dir string, opt engine.Options, id, output string) (took time.Duration, refused int64, err error) {
	e, closeGPU, err := newEngine(c, dir, opt)
	if err != nil {
		return 0, 0, err
	}
	defer closeGPU()
	start := time.Now()
	if err := e.Run(ctx); err != nil {
		return 0, 0, err
	}
	if ctx.Err() != nil {
		return 0, 0, fmt.Errorf("stopped before the end; %s holds what was made until then", output)
	}
	problem := ""
	for _, d := range e.State().Recordings {
		if d.ID == id {
			problem = d.Problem
		}
	}
	for _, w := range e.State().Warnings {
		if problem == "" || !strings.Contains(w.Text, problem) { // that is the error
			fmt.Fprintf(c.err, "crosspoint: %s\n", w.Text)
		}
	}
	if problem != "" {
		return 0, 0, &recordingError{output, problem}
	}
	return time.Since(start), e.State().RefusedCommands, nil
}
