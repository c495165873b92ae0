package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	receiver "crosspoint.studio/crosspoint/app/rehearsal"
)

// rehearsing is the built-in receiver while a show uses it.
type rehearsing struct{ server *receiver.Receiver }

// startRehearsal opens the built-in receiver, recording to a folder when record names
// one; ports may be nil. The caller stops it.
func startRehearsal(ctx context.Context, c *console, record string, ports *receiver.Ports) (*rehearsing, error) {
	opt := receiver.Options{RecordDir: record, Log: c.log}
	if ports != nil {
		opt.Ports = *ports
	}
	r, err := receiver.Start(ctx, opt)
	if err != nil {
		return nil, err
	}
	return &rehearsing{r}, nil
}

// urls are where to send to, by kind of output.
func (r *rehearsing) urls() map[string]string { return r.server.URLs() }

// reports describe what arrives.
func (r *rehearsing) reports() []receiver.Report { return r.server.Reports() }

// stop ends every stream and waits.
func (r *rehearsing) stop() { r.server.Close() }

// keepEnded is how long the table shows a stream that is over.
const keepEnded = 30 * time.Second

type rehearseOptions struct {
	record string
	ports  receiver.Ports
	json   bool
}

func newRehearse(c *console) *cobra.Command {
	var o rehearseOptions
	cmd := &cobra.Command{
		Use:   "rehearse",
		Short: "Receive streams on this machine and report what arrives",
		Long: `Opens RTMP, SRT and WHIP servers on this machine's own loopback address that take
what a platform takes and refuse what it refuses, and reports once a second what
arrives: codecs, size, frame rate, keyframe interval, offset of sound and picture,
gaps, bitrate and jitter. Stop it with Ctrl-C.`,
		Args: func(cmd *cobra.Command, args []string) error {
			for name, port := range map[string]int{"--rtmp-port": o.ports.RTMP, "--srt-port": o.ports.SRT, "--whip-port": o.ports.WHIP} {
				if port < 0 || port > 65535 {
					return fmt.Errorf("%s %d: a port is a number from 0 to 65535", name, port)
				}
			}
			return nothing(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return rehearse(cmd.Context(), c, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.record, "record", "", "write each stream to a Matroska file in this folder")
	f.IntVar(&o.ports.RTMP, "rtmp-port", 0, "port of the RTMP server; 0 is any that is free")
	f.IntVar(&o.ports.SRT, "srt-port", 0, "port of the SRT server; 0 is any that is free")
	f.IntVar(&o.ports.WHIP, "whip-port", 0, "port of the WHIP server; 0 is any that is free")
	f.BoolVar(&o.json, "json", false, "write one line of JSON a second, the addresses in the first")
	return cmd
}

// rehearse receives until ctx ends.
func rehearse(ctx context.Context, c *console, o rehearseOptions) error {
	r, err := startRehearsal(ctx, c, o.record, &o.ports)
	if err != nil {
		return err
	}
	defer r.stop()
	show := showPlain(c.out)
	switch {
	case o.json:
		show = showJSON(c.out, r.urls())
	case isTerminal(c.out):
		show = showTable(c.out)
	}
	if o.json {
		err = show(time.Now(), r.reports())
	} else {
		u := r.urls()
		_, err = fmt.Fprintf(c.out, "Send to\n  RTMP  %s  with the stream key %s\n  SRT   %s\n  WHIP  %s\n", u["rtmp"], receiver.DefaultSecret, u["srt"], u["whip"])
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for err == nil {
		select {
		case now := <-second.C:
			err = show(now, r.reports())
		case <-ctx.Done():
			r.stop()
			return show(time.Now(), r.reports())
		}
	}
	return fmt.Errorf("the report cannot be written: %w", err)
}

// showJSON writes one object a line: first the addresses, then the streams.
func showJSON(w io.Writer, urls map[string]string) func(time.Time, []receiver.Report) error {
	lines := json.NewEncoder(w)
	first := true
	return func(now time.Time, reports []receiver.Report) error {
		line := struct {
			Time    time.Time         `json:"time"`
			URLs    map[string]string `json:"urls,omitempty"`
			Streams []receiver.Report `json:"streams"`
		}{Time: now, Streams: reports}
		if first {
			line.URLs, first = urls, false
		}
		return lines.Encode(line)
	}
}

// showTable draws over what it drew before.
func showTable(w io.Writer) func(time.Time, []receiver.Report) error {
	drawn := 0
	return func(now time.Time, reports []receiver.Report) error {
		var recent []receiver.Report
		for _, r := range reports {
			ended := r.Began.Add(time.Duration(r.Seconds * float64(time.Second)))
			if r.State == receiver.Receiving || now.Sub(ended) < keepEnded {
				recent = append(recent, r)
			}
		}
		text := receiver.Table(recent)
		up := ""
		if drawn > 0 {
			up = fmt.Sprintf("\x1b[%dF\x1b[J", drawn)
		}
		drawn = strings.Count(text, "\n")
		// Lines longer than the screen is wide are cut, so that each is one.
		_, err := io.WriteString(w, up+"\x1b[?7l"+text+"\x1b[?7h")
		return err
	}
}

// showPlain writes a line for each stream being received, and one more when it is over.
func showPlain(w io.Writer) func(time.Time, []receiver.Report) error {
	over := int64(0) // streams up to this id may be over
	told := map[int64]bool{}
	return func(_ time.Time, reports []receiver.Report) error {
		for i := range reports {
			r := &reports[i]
			if told[r.ID] || r.ID <= over {
				continue
			}
			told[r.ID] = r.State != receiver.Receiving
			if _, err := fmt.Fprintln(w, r.Line()); err != nil {
				return err
			}
		}
		for told[over+1] { // so that told stays small
			over++
			delete(told, over)
		}
		return nil
	}
}

// isTerminal reports whether w is a screen.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
