package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"
)

// statsLine is what the bench reads of a line of crosspoint run --stats.
type statsLine struct {
	Seconds  float64
	Counters struct {
		Ticks, Repeated, Late      int64
		Passthrough, Rects, Full   int64
		TickMS                     float64
		RunTickP50MS, RunTickP99MS float64
		CaptureP50MS, CaptureP99MS float64
		ComposeMS, MixMS           float64
		GCRuns                     int64
		Started, FirstPicture      time.Time
	}
	Renditions []struct {
		Frames, Dropped, Held            int64
		EncodeMS, DelayP50MS, DelayP99MS float64
		ThroughP50MS, ThroughP99MS       float64
		BeforeP50MS, BeforeP99MS         float64
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

// engineStats is what a run's statistics come to.
type engineStats struct {
	Ticks    int64 `json:"ticks"`
	Late     int64 `json:"late_ticks"`
	Repeated int64 `json:"repeated_ticks"`
	Dropped  int64 `json:"dropped_before_encoding"` // of all renditions
	// TickP50MS and TickP99MS are of every tick of the run, to 2 %.
	TickP50MS float64 `json:"tick_p50_ms"`
	TickP99MS float64 `json:"tick_p99_ms"`
	ComposeMS float64 `json:"compose_ms"` // median of the seconds' means
	MixMS     float64 `json:"mix_ms"`
	EncodeMS  float64 `json:"encode_ms"` // of the first rendition
	// CaptureP50MS is from a live source's time stamp to its tick, DelayP50MS from the
	// tick to the packet; Held is how many pictures the encoder keeps back, at the median.
	CaptureP50MS float64 `json:"capture_p50_ms,omitempty"`
	CaptureP99MS float64 `json:"capture_p99_ms,omitempty"`
	DelayP50MS   float64 `json:"delay_p50_ms"`
	DelayP99MS   float64 `json:"delay_p99_ms"`
	// ThroughP50MS is from a live source's time stamp to the packet, picture by picture.
	ThroughP50MS float64 `json:"through_p50_ms,omitempty"`
	ThroughP99MS float64 `json:"through_p99_ms,omitempty"`
	// BeforeP50MS is the part of it until the encoder takes the picture.
	BeforeP50MS float64 `json:"before_p50_ms,omitempty"`
	BeforeP99MS float64 `json:"before_p99_ms,omitempty"`
	Held        float64 `json:"held_by_encoder"`
	// GCPer10s is how often the collector ran, after the first five seconds.
	GCPer10s float64 `json:"gc_per_10s"`
	// Path counts ticks by how they were composed: untouched, by rectangles, in full.
	Path [3]int64 `json:"passthrough_rectangles_full"`
	// Problems are warnings, and destinations that were not live to the end.
	Problems []string `json:"problems,omitempty"`

	started, firstPicture time.Time // by the wall clock
}

// firstFrame is from began to the first programme picture in milliseconds; 0 unknown.
func (e engineStats) firstFrame(began time.Time) float64 {
	if e.firstPicture.IsZero() {
		return 0
	}
	return float64(e.firstPicture.Sub(began)) / 1e6
}

func readStats(path string, destinations int) (engineStats, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return engineStats{}, fmt.Errorf("the statistics: %w", err)
	}
	return parseStats(b, destinations)
}

// startUp is what the collector's runs are not counted of: what a start leaves
// behind is collected once.
const startUp = 5

// parseStats reads a file of statistics of a run that had so many destinations.
func parseStats(data []byte, destinations int) (engineStats, error) {
	var out engineStats
	var compose, mix, encode, held []float64
	var gcAt, gcRuns float64 // when counting began, and what the count was
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
		out.TickP50MS, out.TickP99MS = k.RunTickP50MS, k.RunTickP99MS
		out.CaptureP50MS, out.CaptureP99MS = k.CaptureP50MS, k.CaptureP99MS
		out.started, out.firstPicture = k.Started, k.FirstPicture
		if k.TickMS > 0 {
			compose, mix = append(compose, k.ComposeMS), append(mix, k.MixMS)
		}
		switch since := s.Seconds - gcAt; {
		case s.Seconds < startUp:
		case gcAt == 0:
			gcAt, gcRuns = s.Seconds, float64(k.GCRuns)
		case since > 0:
			out.GCPer10s = (float64(k.GCRuns) - gcRuns) / since * 10
		}
		out.Path = [3]int64{k.Passthrough, k.Rects, k.Full}
		// The last line is written when the encoders have ended.
		if len(s.Renditions) > 0 {
			r := s.Renditions[0]
			if r.EncodeMS > 0 {
				encode = append(encode, r.EncodeMS)
			}
			out.DelayP50MS, out.DelayP99MS = r.DelayP50MS, r.DelayP99MS
			out.ThroughP50MS, out.ThroughP99MS = r.ThroughP50MS, r.ThroughP99MS
			out.BeforeP50MS, out.BeforeP99MS = r.BeforeP50MS, r.BeforeP99MS
			held = append(held, float64(r.Held))
			out.Dropped = 0
		}
		for _, r := range s.Renditions {
			out.Dropped += r.Dropped
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
	out.ComposeMS, out.MixMS, out.EncodeMS, out.Held = median(compose), median(mix), median(encode), median(held)
	return out, nil
}

// median is the middle value, or the mean of the two; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
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
