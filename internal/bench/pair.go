package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// bench is what all cases share.
type bench struct {
	tools   tools
	program string // bin/crosspoint
	media   string // folder of the cameras
	work    string // folder of one run's files
	seconds int
	pairs   int
	keep    bool
	quiet   time.Duration // how long to wait for a quiet machine before each run
	profile string        // folder for CPU profiles, or ""
	log     io.Writer
}

// pair is one run of Crosspoint and one of the floor.
type pair struct {
	Crosspoint usage       `json:"crosspoint"`
	Floor      usage       `json:"floor"`
	Ratio      float64     `json:"ratio"` // of CPU seconds
	Frames     frameCount  `json:"frames"`
	Engine     engineStats `json:"engine"`
	Arrivals   []arrival   `json:"arrivals,omitempty"`
}

// outcome is one row.
type outcome struct {
	Case     string  `json:"case"`
	Title    string  `json:"title"`
	Seconds  int     `json:"seconds"`
	Expected int     `json:"expected_frames"`
	Limit    float64 `json:"limit,omitempty"`
	Offline  bool    `json:"offline,omitempty"` // no ticks, no real time
	Settings string  `json:"x264_settings"`
	Pairs    []pair  `json:"pairs"`
}

// runCase measures a case: Crosspoint and the floor in turn, pairs times.
func (b *bench) runCase(ctx context.Context, c benchCase) (outcome, error) {
	out := outcome{Case: c.Name, Title: c.Title, Seconds: b.seconds, Expected: b.seconds * cameraRate, Limit: c.limit, Offline: c.offline}
	var files []string
	for n := range c.cameras {
		file, err := b.tools.cameraFile(ctx, b.media, n+1, b.log)
		if err != nil {
			return out, err
		}
		files = append(files, file)
	}
	var far *receivers
	urls := map[string]string{}
	if c.live {
		var err error
		if far, err = startReceivers(ctx, filepath.Join(b.work, "config")); err != nil {
			return out, err
		}
		defer far.Close()
		urls = far.URLs()
	}
	show := c.show(files, urls)
	args, err := b.writeShow(c, show)
	if err != nil {
		return out, err
	}
	streams := 0
	for n := range b.pairs {
		p := pair{}
		name := func(what string) string {
			return filepath.Join(b.work, fmt.Sprintf("%s-%d-%s", c.Name, n+1, what))
		}
		record, stats, floor := name("crosspoint.mkv"), name("stats.jsonl"), name("floor.mkv")
		if err := b.announce(ctx, c, n, "crosspoint"); err != nil {
			return out, err
		}
		own := append(slices.Clone(args), "--output", record)
		if !c.offline {
			own = append(slices.Clone(args), "--record", record, "--stats", stats)
		}
		if b.profile != "" && !c.offline {
			own = append(own, "--cpuprofile", filepath.Join(b.profile, fmt.Sprintf("%s-%d.pprof", c.Name, n+1)))
		}
		var env []string
		if far != nil {
			env = far.env
		}
		if p.Crosspoint, err = run(ctx, record, b.program, own, env); err != nil {
			return out, err
		}
		if err := b.announce(ctx, c, n, "floor"); err != nil {
			return out, err
		}
		least, err := floorArgs(show, files, b.seconds, c.offline, floor)
		if err != nil {
			return out, err
		}
		if p.Floor, err = run(ctx, floor, b.tools.ffmpeg, least, nil); err != nil {
			return out, err
		}
		p.Ratio = p.Crosspoint.CPUSeconds / p.Floor.CPUSeconds
		if !c.offline {
			if p.Engine, err = readStats(stats, len(show.Destinations)); err != nil {
				return out, err
			}
		}
		if far != nil {
			p.Arrivals, streams = far.arrivals(streams)
		}
		if err := b.tools.sameSettings(ctx, record, floor); err != nil {
			return out, err
		}
		if out.Settings, err = b.tools.settingsOf(ctx, record); err != nil {
			return out, err
		}
		if p.Frames, err = countFile(ctx, record, c.places, c.need); err != nil {
			return out, fmt.Errorf("read the recording's counters: %w", err)
		}
		out.Pairs = append(out.Pairs, p)
		if !b.keep {
			_, _ = os.Remove(record), os.Remove(floor) // the folder goes at the end
		}
	}
	return out, nil
}

// announce waits for a quiet machine, if that was asked for, and says what is run.
func (b *bench) announce(ctx context.Context, c benchCase, pair int, what string) error {
	if err := waitQuiet(ctx, b.quiet); err != nil {
		return err
	}
	fmt.Fprintf(b.log, "bench: case %s, pair %d of %d: %s, %d s\n", c.Name, pair+1, b.pairs, what, b.seconds)
	return nil
}

// writeShow writes the case's show and command list and returns crosspoint's arguments.
func (b *bench) writeShow(c benchCase, show any) ([]string, error) {
	raw, err := json.MarshalIndent(show, "", "  ")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(b.work, c.Name+".json")
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		return nil, fmt.Errorf("write the show: %w", err)
	}
	length := fmt.Sprintf("%ds", b.seconds)
	args := []string{"run", "--headless", path, "--for", length}
	if c.offline {
		args = []string{"render", path, "--duration", length}
	}
	if c.live {
		args = append(args, "--live")
	}
	if c.commands != nil {
		list := filepath.Join(b.work, c.Name+"-commands.jsonl")
		if err := os.WriteFile(list, []byte(strings.Join(c.commands(b.seconds*cameraRate), "\n")+"\n"), 0o644); err != nil {
			return nil, fmt.Errorf("write the command list: %w", err)
		}
		args = append(args, "--commands", list)
	}
	return args, nil
}
