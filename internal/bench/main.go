// Command bench measures Crosspoint beside its floor: the ffmpeg command line of the
// same FFmpeg build, decoding the same inputs and encoding one of them with the same
// x264 settings, composing nothing. It makes its own cameras with readable frame
// counters, runs each case in real time, and prints a table: CPU seconds, the ratio
// to the floor, how many distinct camera pictures the recording holds, late ticks,
// tick times, memory. docs/PERFORMANCE.md has the method and the figures.
//
// Threads: one process runs at a time; a goroutine looks at its memory and its output
// meanwhile, and case C's receivers run here. Ownership: files lie in a folder of the
// run, which goes at the end; the cameras stay in the cache. What it does not do:
// judge; a row over its limit is said so and the exit status stays 0. Status 1
// means that something could not be measured.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	av.RouteLogs(slog.New(slog.DiscardHandler))
	if err := bencher(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(os.Stderr, "bench: %s\n", err)
		}
		os.Exit(1)
	}
}

func bencher(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	var (
		list    = flags.String("case", "A,C", `rows of the table, separated by commas, or "all" of them; besides them "latency", "reaction" and "soak"; -case ? says which there are`)
		soakFor = flags.Duration("soak", 10*time.Minute, "length of the case soak")
		seconds = flags.Int("seconds", 60, "length of each run")
		pairs   = flags.Int("pairs", 1, "how often Crosspoint and the floor are run in turn; medians are shown")
		keep    = flags.Bool("keep", false, "keep recordings, statistics and show files")
		asJSON  = flags.Bool("json", false, "print JSON instead of a table")
		program = flags.String("bin", filepath.Join("bin", "crosspoint"), "the program to measure")
		quick   = flags.Bool("quick", false, "run the gate: short runs on the virtual clock, held against "+quickFile)
		record  = flags.Bool("record", false, "run the gate's cases and write their ratios to "+quickFile)
		quiet   = flags.Duration("quiet", 0, "wait up to this long before each run until other programs are idle")
		profile = flags.String("profile", "", "folder for a CPU and a heap profile of each run of Crosspoint")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if longest := int(cameraTime/time.Second) - 5; *seconds < 1 || *seconds > longest {
		return fmt.Errorf("-seconds has to be 1 to %d, as the cameras are %v long", longest, cameraTime)
	}
	if *pairs < 1 {
		return errors.New("-pairs has to be at least 1")
	}
	withLatency, withReaction, withSoak := take(list, "latency"), take(list, "reaction"), take(list, "soak")
	var run []benchCase
	var err error
	if *list != "" {
		if run, err = chosen(*list); err != nil {
			return err
		}
	}
	b := &bench{program: *program, seconds: *seconds, pairs: *pairs, keep: *keep, quiet: *quiet, profile: *profile, length: cameraTime, log: os.Stderr}
	if b.tools, err = findTools(); err != nil {
		return err
	}
	if _, err := os.Stat(b.program); err != nil {
		return fmt.Errorf("make build comes first: %w", err)
	}
	if b.media, err = cacheDir(); err != nil {
		return err
	}
	if b.profile != "" {
		if err := os.MkdirAll(b.profile, 0o755); err != nil {
			return err
		}
	}
	if b.work, err = os.MkdirTemp("", "crosspoint-bench-"); err != nil {
		return err
	}
	if *keep {
		fmt.Fprintf(b.log, "bench: files are kept in %s\n", b.work)
	} else {
		defer func() { _ = os.RemoveAll(b.work) }() // what is left is in the system's temporary folder
	}
	what := wanted{rows: run, latency: withLatency, reaction: withReaction}
	if withSoak {
		what.soak = *soakFor
	}
	if *quick || *record {
		return b.quick(ctx, *record)
	}
	return b.runAll(ctx, what, *asJSON)
}

// wanted is what to measure.
type wanted struct {
	rows     []benchCase
	latency  bool
	reaction bool
	soak     time.Duration // 0: none
}

// runAll measures and prints what was measured, also when something later fails.
func (b *bench) runAll(ctx context.Context, what wanted, asJSON bool) error {
	var rows []outcome
	var failed []error
	var delays []delay
	var long *soak
	for _, c := range what.rows {
		o, err := b.runCase(ctx, c)
		if err != nil {
			failed = append(failed, fmt.Errorf("case %s: %w", c.Name, err))
		}
		if len(o.Pairs) > 0 {
			rows = append(rows, o)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if what.latency && ctx.Err() == nil {
		var err error
		delays, err = b.latencies(ctx)
		failed = append(failed, err)
	}
	if what.reaction && ctx.Err() == nil {
		d, err := b.keyToWindow(ctx)
		if failed = append(failed, err); err == nil {
			delays = append(delays, d)
		}
	}
	if what.soak > 0 && ctx.Err() == nil {
		s, err := b.runSoak(ctx, what.soak)
		if failed = append(failed, err); err == nil {
			long = &s
		}
	}
	if asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		failed = append(failed, enc.Encode(map[string]any{"when": time.Now().UTC().Format(time.RFC3339), "rows": rows, "latency": delays, "soak": long}))
	} else if len(rows) > 0 {
		failed = append(failed, printTable(os.Stdout, rows))
	}
	if !asJSON {
		for _, d := range delays {
			fmt.Println(d)
		}
		if long != nil {
			fmt.Println(long)
		}
	}
	return errors.Join(failed...)
}
