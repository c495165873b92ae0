package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"crosspoint.studio/crosspoint/app/preflight"
	"crosspoint.studio/crosspoint/app/ui"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// errNoGo ends the command with a failure when something is not ready.
var errNoGo = errors.New("no-go: not everything is ready; what to do is said above")

func newPreflight(c *console) *cobra.Command {
	var asJSON bool
	var uplink int
	var encode, measure time.Duration
	var loadOwn bool
	cmd := &cobra.Command{
		Use:   "preflight SHOW.json",
		Short: "A dry run: is everything ready to go live?",
		Long: `Plans the encodes of a show, encodes test pictures at its rate, writes to its disks and
knocks at every enabled destination, up to where media would begin; nothing is
published. Says go, caution or no-go for each, and ends with 1 for a no-go.

With --measure the uplink is measured with colour bars at rising rates: to Twitch as a
stream that nobody is shown; to own servers (RTMP, SRT) only with --load-own, because
whoever watches them sees the bars; other services have no way to test. The plan is then
judged by what arrived.`,
		Args: atMostOneShow,
		RunE: func(cmd *cobra.Command, args []string) error {
			path := first(args, demoName)
			opt, release, err := prepare(cmd.Context(), c, path, runOptions{})
			if err != nil {
				return err
			}
			defer release()
			kinds := opt.OutputKinds
			if kinds == nil {
				kinds = outputKinds()
			}
			o := preflightOptions(c, opt.Show, kinds, uplink, encode)
			o.BaseDir, o.Measure, o.LoadOwn = baseDir(path), measure, loadOwn
			if loadOwn && measure == 0 {
				o.Measure = measureTime
			}
			var failed error
			worst, err := preflight.Run(cmd.Context(), o, func(f preflight.Finding) {
				failed = errors.Join(failed, printFinding(c, f, asJSON))
			})
			switch {
			case err != nil || failed != nil:
				return errors.Join(err, failed)
			case worst == preflight.NoGo:
				return errNoGo
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "a line of JSON for each check")
	f.IntVar(&uplink, "uplink", 0, "what the network carries away, in kb/s; 0 is not known")
	f.DurationVar(&measure, "measure", 0, "how long to measure the uplink to each destination that can be tested; 0 is not at all")
	f.BoolVar(&loadOwn, "load-own", false, "measure towards own servers too: their viewers see colour bars")
	f.DurationVar(&encode, "encode", 30*time.Second, "how long to encode test pictures")
	return cmd
}

// measureTime is how long the uplink is measured where nothing else is said.
const measureTime = 10 * time.Second

func preflightOptions(c *console, show *scenes.Show, kinds map[string]outputs.Kind, uplinkKbps int, encode time.Duration) preflight.Options {
	return preflight.Options{
		Show: show, Kinds: kinds, SourceKinds: sourceKinds(), Secret: c.secret, RecordDir: recordDir(), UserAgent: "Crosspoint/" + Version,
		UplinkKbps: uplinkKbps, Cores: runtime.NumCPU(), Encode: encode,
	}
}

func printFinding(c *console, f preflight.Finding, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(c.out).Encode(f)
	}
	_, err := fmt.Fprintf(c.out, "%-7s  %s: %s\n", f.Verdict, f.Subject, f.Text)
	for _, change := range f.Changes {
		_, cerr := fmt.Fprintf(c.out, "         it would fit: %s\n", change)
		err = errors.Join(err, cerr)
	}
	return err
}

// dryRun is ui.Preflight.
type dryRun struct {
	c     *console
	kinds map[string]outputs.Kind
	dir   func() string // of the show that is open
}

// Check implements ui.Preflight.
func (d dryRun) Check(ctx context.Context, show *scenes.Show, opt ui.PreflightOptions, found func(ui.PreflightFinding)) error {
	o := preflightOptions(d.c, show, d.kinds, opt.UplinkKbps, opt.Encode)
	o.BaseDir, o.LoadOwn = d.dir(), opt.LoadOwn
	if opt.Measure {
		o.Measure = measureTime
	}
	_, err := preflight.Run(ctx, o, func(f preflight.Finding) {
		v := ui.PreflightFinding{Subject: f.Subject, Verdict: f.Verdict.String(), Text: f.Text, Changes: f.Changes}
		if f.Check == "plan" && !f.AtLeast {
			v.UplinkKbps = f.UplinkKbps
		}
		found(v)
	})
	return err
}
