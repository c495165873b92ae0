package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"crosspoint.studio/crosspoint/scenes"
)

// The quick gate: short runs on the virtual clock, where nothing is dropped and the
// work is the same whatever else the machine does, beside ffmpeg doing the least of it.
// x264 is set to its fastest preset, so that what is not encoding weighs more.
const (
	quickSeconds = 10
	quickCamera  = 12 * time.Second
	quickPreset  = "ultrafast"
	// quickRuns is how often both are run in turn. The least CPU time of each counts: what
	// disturbs a run makes it dearer, never cheaper.
	quickRuns = 2
	// quickWorse is how much worse than recorded a ratio may be.
	quickWorse = 1.15
	// quickTries is how often a case may be tried: on a machine that others keep busy the
	// first may well be worse.
	quickTries = 3
)

// quickFile is where the recorded ratios are, from the repository's root.
const quickFile = "internal/bench/quick.json"

// quickRecord is quickFile.
type quickRecord struct {
	// Note says where and when the ratios were measured, and their noise.
	Note   string             `json:"note"`
	Ratios map[string]float64 `json:"ratios"`
}

// quickCases are passthrough, rectangles, and whole pictures mixed and composed.
func quickCases() []benchCase {
	half := func(frames int) []string { // a mix that is always under way
		return []string{`{"at": 1, "do": "tbar", "position": 0.5}`}
	}
	list := []benchCase{
		{Name: "P", cameras: 1, show: showP},
		{Name: "A", cameras: 1, show: showA},
		{Name: "X", cameras: 2, show: showX, commands: half},
	}
	for i := range list {
		c := &list[i]
		show := c.show
		c.show = func(m material) *scenes.Show {
			s := show(m)
			s.Renditions[0].Video.Preset = quickPreset
			return s
		}
		c.lens, c.offline, c.beside = hd30, true, leastWork
	}
	return list
}

// quick runs the gate: it fails when a ratio is worse than allowed in every try. With record it
// writes the ratios down instead.
func (b *bench) quick(ctx context.Context, record bool) error {
	b.seconds, b.pairs, b.length = quickSeconds, quickRuns, quickCamera
	var kept quickRecord
	if raw, err := os.ReadFile(quickFile); err == nil {
		if err := json.Unmarshal(raw, &kept); err != nil {
			return fmt.Errorf("%s: %w", quickFile, err)
		}
	} else if !record {
		return fmt.Errorf("the recorded ratios: %w", err)
	}
	if kept.Ratios == nil {
		kept.Ratios = make(map[string]float64)
	}
	var failed []error
	for _, c := range quickCases() {
		before, known := kept.Ratios[c.Name]
		if !known && !record {
			failed = append(failed, fmt.Errorf("%s: no ratio is recorded for it", c.Name))
			continue
		}
		var m minima
		for try := range quickTries {
			if err := b.quickRuns(ctx, c, &m, try*quickRuns); err != nil {
				return fmt.Errorf("case %s: %w", c.Name, err)
			}
			if record || m.ratio() <= before*quickWorse {
				break
			}
		}
		got := m.ratio()
		if record {
			kept.Ratios[c.Name] = float64(int(got*1000+0.5)) / 1000
			fmt.Printf("%s: %.3f of the floor (%.2f and %.2f CPU s), was %.3f\n", c.Name, got, m.ours, m.floor, before)
			continue
		}
		fmt.Printf("%s: %.3f of the floor (%.2f and %.2f CPU s), recorded %.3f, allowed %.3f\n", c.Name, got, m.ours, m.floor, before, before*quickWorse)
		if got > before*quickWorse {
			failed = append(failed, fmt.Errorf("%s costs %.3f of the floor, %.0f %% more than the recorded %.3f, after %d tries", c.Name, got, 100*(got/before-1), before, quickTries))
		}
	}
	if !record {
		return errors.Join(failed...)
	}
	raw, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(quickFile, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("record the ratios: %w", err)
	}
	return nil
}

// minima are the least CPU seconds that either took.
type minima struct{ ours, floor float64 }

func (m *minima) add(ours, floor float64) {
	if m.ours == 0 {
		m.ours, m.floor = ours, floor
	}
	m.ours, m.floor = min(m.ours, ours), min(m.floor, floor)
}

func (m *minima) ratio() float64 { return m.ours / m.floor }

// quickRuns adds some runs of both; from numbers them.
func (b *bench) quickRuns(ctx context.Context, c benchCase, m *minima, from int) error {
	files, err := b.cameras(ctx, c)
	if err != nil {
		return err
	}
	for n := range quickRuns {
		at := from + n + 1
		own, err := b.material(c, &around{}, files, at, "crosspoint")
		if err != nil {
			return err
		}
		show := c.show(own)
		ours, err := b.crosspoint(ctx, c, &around{}, show, own, at)
		if err != nil {
			return err
		}
		least, file, err := b.other(ctx, c, &around{}, show, files, at)
		if err != nil {
			return err
		}
		if at == 1 {
			if err := b.tools.sameSettings(ctx, programme(own), file); err != nil {
				return err
			}
		}
		m.add(ours.CPUSeconds, least.CPUSeconds)
	}
	return nil
}
