// Package app is the composition root: the command line, which kinds of source and
// output there are, logging, paths, secrets, and the engine behind either a
// window or a status line.
//
// Threads: Main owns everything it starts and has ended it when it returns.
// What this package does not do: any work of a studio; that is app/engine.
package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"crosspoint.studio/crosspoint/app/credentials"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/logtail"
	"crosspoint.studio/crosspoint/internal/priority"
	"crosspoint.studio/crosspoint/internal/sysmon"
	"crosspoint.studio/crosspoint/outputs"
)

// Version is the program's; the build sets it with -ldflags -X.
var Version = "0.1.0"

// errSilent ends the program with status 1 after everything has been said.
var errSilent = errors.New("")

// Main runs the program with its arguments (without its name) and returns the exit
// status: 0 in order, 1 failed, 2 wrong usage.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := untilSignal()
	defer stop()
	av.BoundAllocator()
	_ = sysmon.Calm() // only more wake-ups without
	priority.Spare()
	var usage bool
	root := newRoot(stdout, stderr, &usage)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSilent):
		return 1
	}
	fmt.Fprintf(stderr, "crosspoint: %s\n", err)
	if !usage {
		return 2
	}
	return 1
}

// console is where a command writes and logs.
type console struct {
	out, err io.Writer
	level    *slog.LevelVar
	log      *slog.Logger
	tail     *logtail.Tail  // of log, for the window
	kept     *slog.LevelVar // the least level of tail
	keys     func() (*credentials.Store, error)
}

// secret looks up what a destination needs, and keeps it out of the log.
func (c *console) secret(name string, to []outputs.Recipient) (string, error) {
	store, err := c.keys()
	if err != nil {
		return "", err
	}
	v, err := store.Get(name, to...)
	if err == nil {
		c.tail.Hide(v)
	}
	return v, err
}

func openCredentials() (*credentials.Store, error) {
	dir, err := credentials.Dir()
	if err != nil {
		return nil, err
	}
	return credentials.New(dir), nil
}

func newConsole(stdout, stderr io.Writer) *console {
	c := &console{out: stdout, err: stderr, level: new(slog.LevelVar), kept: new(slog.LevelVar), keys: sync.OnceValues(openCredentials)}
	c.tail = logtail.New(c.kept)
	c.level.Set(slog.LevelError) // what the operator has to know is said in sentences besides
	c.log = slog.New(c.tail.Handler(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: c.level})))
	return c
}

func newRoot(stdout, stderr io.Writer, started *bool) *cobra.Command {
	c := newConsole(stdout, stderr)
	var verbose bool
	root := &cobra.Command{
		Use:   "crosspoint [SHOW.json]",
		Short: "Live video production studio",
		Long: `Crosspoint switches cameras, titles and sound live and sends one programme to
RTMP, SRT, WebRTC (WHIP) and disk at the same time.

Without arguments it opens the window with the show of last time, or with the
built-in demo show. "demo" in place of SHOW.json means that show everywhere; for
the window there are also "empty" and "camera".

The exit status is 0 when all went well, 1 when something failed, 2 for a wrong
command line.`,
		Args:          atMostOneShow,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRun: func(*cobra.Command, []string) {
			*started = true // from here on an error is not one of usage
			if verbose {
				c.level.Set(slog.LevelDebug)
			}
			av.RouteLogs(c.log)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runWindow(cmd.Context(), c, first(args, ""), runOptions{})
		},
	}
	root.PersistentFlags().BoolVarP(&verbose, "verbose", "v", false, "log what developers want to know")
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(newRun(c), newRender(c), newCutList(c), newRecut(c), newRehearse(c), newProbe(c), newPreflight(c), newKey(c), newValidate(c), newCommands(c), newSchema(c),
		&cobra.Command{
			Use: "version", Short: "Print the version", Args: nothing,
			RunE: func(*cobra.Command, []string) error {
				_, err := fmt.Fprintf(c.out, "crosspoint %s (FFmpeg %s)\n", Version, strings.TrimSpace(av.Probe().Version))
				return err
			},
		})
	return root
}

func first(args []string, otherwise string) string {
	if len(args) > 0 {
		return args[0]
	}
	return otherwise
}
