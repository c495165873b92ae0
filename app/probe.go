package app

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// probed is what this machine can do.
type probed struct {
	Version  string
	OpenGL   gpu.Info
	NoOpenGL string `json:",omitempty"` // why there is no context
	FFmpeg   av.Library
	Encoders []av.EncoderStatus
	Cameras  []sources.Device
	Capture  []audio.Device
	Playback []audio.Device
	NoAudio  string   `json:",omitempty"`
	Fonts    []string // families that text can use
	NoFonts  string   `json:",omitempty"` // why the system's are missing
	Sources  []string
	Outputs  []string
}

func newProbe(c *console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "probe", Short: "Say what this machine can do: renderer, encoders, devices", Args: nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p := probed{Version: Version, FFmpeg: av.Probe(), Encoders: av.ProbeEncoders(cmd.Context()),
				Sources: sorted(sourceKinds()), Outputs: sorted(outputKinds())}
			if t, err := gpu.Open(); err != nil {
				p.NoOpenGL = err.Error()
			} else {
				p.OpenGL = t.Info()
				t.Close()
			}
			var err error
			if p.Capture, p.Playback, err = audio.Devices(""); err != nil {
				p.NoAudio = err.Error()
			}
			p.Cameras = sources.Cameras()
			if p.Fonts, err = sources.Fonts(); err != nil {
				p.NoFonts = err.Error()
			}
			if asJSON {
				b, err := json.MarshalIndent(p, "", "  ")
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.out, "%s\n", b)
				return err
			}
			p.print(c)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (p probed) print(c *console) {
	say := func(format string, args ...any) { fmt.Fprintf(c.out, format+"\n", args...) }
	say("Crosspoint  %s", p.Version)
	if p.NoOpenGL != "" {
		say("OpenGL      none: %s", engine.Plain(p.NoOpenGL))
	} else {
		say("OpenGL      %s, %s", p.OpenGL.Renderer, p.OpenGL.Version)
	}
	say("FFmpeg      %s (%s)", p.FFmpeg.Version, p.FFmpeg.License)
	for _, e := range p.Encoders {
		state := "opens"
		if !e.Works {
			state = "no: " + e.Reason
		}
		say("encoder     %-18s %-6s %s", e.Name, e.Codec, state)
	}
	if len(p.Cameras) == 0 {
		say("camera      none")
	}
	for _, d := range p.Cameras {
		say("camera      %s  %s", d.Path, d.Name)
	}
	if p.NoAudio != "" {
		say("sound       none: %s", engine.Plain(p.NoAudio))
	}
	for _, d := range p.Capture {
		say("input       %s", d.Name)
	}
	for _, d := range p.Playback {
		say("output      %s", d.Name)
	}
	say("fonts       %d families", len(p.Fonts))
	if p.NoFonts != "" {
		say("            without the system's: %s", engine.Plain(p.NoFonts))
	}
	say("sources     %s", strings.Join(p.Sources, ", "))
	say("outputs     %s", strings.Join(p.Outputs, ", "))
}
