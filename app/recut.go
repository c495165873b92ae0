package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes/sources"
)

func newCutList(c *console) *cobra.Command {
	var o engine.CutListOptions
	cmd := &cobra.Command{
		Use:   "cutlist RECORDING.session",
		Short: "Write the cut lists of a recording (OpenTimelineIO, EDL, FCPXML)",
		Long: `Cutlist writes the cut lists of a recorded show anew from the journal that lies
beside its recording: after the program was killed, or when files have been moved. They
are written beside the journal: .otio, .edl and .fcpxml.`,
		Args: oneFile("a recording's .session"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := engine.WriteCutLists(args[0], o); err != nil {
				return err
			}
			stem := strings.TrimSuffix(args[0], filepath.Ext(args[0]))
			for _, ext := range engine.CutListExtensions {
				fmt.Fprintln(c.out, stem+ext)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&o.Kdenlive, "kdenlive", false, "write the .otio as Kdenlive 26.08 reads it: dissolves as cuts, times from each file's beginning")
	return cmd
}

type recutOptions struct {
	output, preset string
	bitrateKbps    int
}

func newRecut(c *console) *cobra.Command {
	var o recutOptions
	cmd := &cobra.Command{
		Use:   "recut RECORDING.session --output OUT.mkv",
		Short: "Cut a recorded show again from the recordings of its sources",
		Long: `Recut runs a recorded show again on a virtual clock: its sources are played from
their own recordings, and the commands of the show are applied at their ticks. The
programme is that of the show, frame for frame, in whatever quality is asked for.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := oneFile("a recording's .session")(cmd, args); err != nil {
				return err
			}
			return required(cmd, "output")
		},
		RunE: func(cmd *cobra.Command, args []string) error { return recut(cmd.Context(), c, args[0], o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.output, "output", "", "the file to make (.mkv, .mp4, .mov, .ts)")
	f.IntVar(&o.bitrateKbps, "bitrate", 0, "kb/s of the pictures; 0 is the show's first rendition's")
	f.StringVar(&o.preset, "preset", "", "the encoder's preset; empty is the show's first rendition's")
	return cmd
}

func recut(ctx context.Context, c *console, journal string, o recutOptions) error {
	s, err := engine.ReadSession(journal)
	if err != nil {
		return err
	}
	r, err := s.Recut()
	if err != nil {
		return err
	}
	newCollector()
	for _, id := range r.Live {
		fmt.Fprintf(c.err, "crosspoint: source %q was not recorded on its own; it runs as the show says\n", id)
	}
	if len(r.Show.Renditions) == 0 {
		return fmt.Errorf("the show has no rendition to encode with")
	}
	rendition := r.Show.Renditions[0]
	if o.bitrateKbps > 0 {
		rendition.Video.BitrateKbps = o.bitrateKbps
	}
	if o.preset != "" {
		rendition.Video.Preset = o.preset
	}
	show, err := r.Show.SetRendition(rendition)
	if err != nil {
		return err
	}
	show, id, err := recordingTo(show, o.output)
	if err != nil {
		return err
	}
	kinds := sourceKinds()
	recorded := sources.Recorded()
	kinds[recorded.Name] = recorded
	opt := engine.Options{
		Show: show, Clock: media.NewVirtualClock(), SourceKinds: kinds, Ticks: r.Ticks,
		Switcher: r.Switcher, Commands: r.WithRecording(engine.StartRecording{Recordings: []string{id}}),
	}
	took, refused, err := runOffline(ctx, c, or(s.BaseDir, "."), opt, id, o.output)
	var failed *recordingError
	if errors.As(err, &failed) {
		_ = os.Remove(o.output) // half of a file would pass for a whole one
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "cut %d frames again in %.1f s\n", r.Frames(), took.Seconds())
	return refusedError(o.output, refused)
}
