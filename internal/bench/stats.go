package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// statsLine is what the bench reads of a line of crosspoint run --stats.
type statsLine struct {
	Counters struct {
		Ticks, Repeated, Late    int64
		Passthrough, Rects, Full int64
		TickMS, TickMaxMS        float64
		ComposeMS, MixMS         float64
	}
	Renditions []struct {
		Frames, Dropped int64
		EncodeMS        float64
	}
	Destinations []struct {
		ID         string
		Report     struct{ State string }
		Problem    string
		Dropped    int64
		Reconnects int64
	}
	Warnings []struct{ Text string }
}

// engineStats is what a run's statistics come to. Tick times are what a line a second
// can tell: the mean and the longest tick of each second.
type engineStats struct {
	Ticks    int64 `json:"ticks"`
	Late     int64 `json:"late_ticks"`
	Repeated int64 `json:"repeated_ticks"`
	Dropped  int64 `json:"dropped_before_encoding"`
	// TickP50MS is the median over the seconds of their mean, TickP99MS the 99th
	// percentile over the seconds of their longest tick: an upper bound of the tick's own.
	TickP50MS float64 `json:"tick_p50_ms"`
	TickP99MS float64 `json:"tick_p99_ms"`
	ComposeMS float64 `json:"compose_ms"` // median of the seconds' means
	MixMS     float64 `json:"mix_ms"`
	EncodeMS  float64 `json:"encode_ms"`
	// Path counts ticks by how they were composed: untouched, by rectangles, in full.
	Path [3]int64 `json:"passthrough_rectangles_full"`
	// Problems are warnings, and destinations that were not live to the end.
	Problems []string `json:"problems,omitempty"`
}

func readStats(path string, destinations int) (engineStats, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return engineStats{}, fmt.Errorf("the statistics: %w", err)
	}
	return parseStats(b, destinations)
}

// parseStats reads a file of statistics of a run that had so many destinations.
func parseStats(data []byte, destinations int) (engineStats, error) {
	var out engineStats
	var mean, longest, compose, mix []float64
	live := make(map[string]bool)
	problem := func(format string, args ...any) {
		if s := fmt.Sprintf(format, args...); !slices.Contains(out.Problems, s) {
			out.Problems = append(out.Problems, s)
		}
	}
	lines := 0
	for raw := range bytes.Lines(data) {
		var s statsLine
		if err := json.Unmarshal(raw, &s); err != nil {
			return out, fmt.Errorf("the statistics, line %d: %w", lines+1, err)
		}
		lines++
		k := s.Counters
		out.Ticks, out.Late, out.Repeated = k.Ticks, k.Late, k.Repeated
		if k.TickMS > 0 {
			mean, longest = append(mean, k.TickMS), append(longest, k.TickMaxMS)
			compose, mix = append(compose, k.ComposeMS), append(mix, k.MixMS)
		}
		out.Path = [3]int64{k.Passthrough, k.Rects, k.Full}
		for _, r := range s.Renditions {
			out.Dropped, out.EncodeMS = r.Dropped, r.EncodeMS
		}
		for _, w := range s.Warnings {
			problem("%s", w.Text)
		}
		for _, d := range s.Destinations {
			if d.Report.State == "live" {
				live[d.ID] = true
			}
			if d.Dropped > 0 {
				problem("%s dropped %d packets", d.ID, d.Dropped)
			}
			if d.Reconnects > 0 {
				problem("%s reconnected: %s", d.ID, d.Problem)
			}
		}
	}
	if lines == 0 {
		return out, fmt.Errorf("the statistics are empty")
	}
	if len(live) != destinations {
		problem("%d of %d destinations were live", len(live), destinations)
	}
	out.TickP50MS, out.TickP99MS = percentile(mean, 50), percentile(longest, 99)
	out.ComposeMS, out.MixMS = percentile(compose, 50), percentile(mix, 50)
	return out, nil
}

// percentile is the smallest value that p per cent of the values do not exceed
// (nearest rank); 0 of none.
func percentile(values []float64, p int) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	rank := (len(s)*p + 99) / 100
	return s[max(rank, 1)-1]
}

// median is the middle value, or the mean of the two; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
