package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// soak is a long run of case A: what leaks shows.
type soak struct {
	Seconds    int         `json:"seconds"`
	FirstMB    float64     `json:"first_minute_rss_mb"` // medians of the seconds
	LastMB     float64     `json:"last_minute_rss_mb"`
	Growth     float64     `json:"growth"` // 0.05 is 5 %
	CPUPerMin  float64     `json:"cpu_s_per_min"`
	Engine     engineStats `json:"engine"`
	Verdict    string      `json:"verdict"`
	OtherCPU   float64     `json:"other_cpu_s_per_min"`
	PeakRSSMB  float64     `json:"peak_rss_mb"`
	FirstFrame float64     `json:"first_frame_ms"`
}

// soakGrowth is what memory may grow by from the first minute to the last.
const soakGrowth = 0.05

// warmUp is left out of the first minute: pools are still filling.
const warmUp = 10 * time.Second

// runSoak runs case A for length; the camera loops, so its counters say nothing and the
// engine's own are taken.
func (b *bench) runSoak(ctx context.Context, length time.Duration) (soak, error) {
	list, err := chosen("A")
	if err != nil {
		return soak{}, err
	}
	long := *b
	long.seconds = int(length / time.Second)
	c := list[0]
	c.Name = "soak"
	files, err := b.cameras(ctx, c)
	if err != nil {
		return soak{}, err
	}
	m, err := b.material(c, &around{}, files, 1, "crosspoint")
	if err != nil {
		return soak{}, err
	}
	show := c.show(m)
	u, err := long.crosspoint(ctx, c, &around{}, show, m, 1)
	if err != nil {
		return soak{}, fmt.Errorf("soak: %w", err)
	}
	k, err := readStats(filepath.Join(m.dir, "stats.jsonl"), 0)
	if err != nil {
		return soak{}, err
	}
	s := soak{
		Seconds: long.seconds, Engine: k, CPUPerMin: u.CPUSeconds * 60 / float64(long.seconds), PeakRSSMB: u.PeakRSSMB,
		OtherCPU: u.OtherCPUSeconds * 60 / u.WallSecond, FirstFrame: k.firstFrame(u.began),
	}
	s.compare(u.rss)
	return s, nil
}

// compare takes the memory of each second.
func (s *soak) compare(rss []float64) {
	const minute = 60
	from := min(int(warmUp/time.Second), len(rss)/2)
	s.FirstMB = median(rss[from:min(minute, max(len(rss)/2, from))])
	s.LastMB = median(rss[max(len(rss)-minute, len(rss)/2):])
	s.Verdict = missed
	if s.FirstMB > 0 {
		if s.Growth = s.LastMB/s.FirstMB - 1; s.Growth <= soakGrowth {
			s.Verdict = reached
		}
	}
}

func (s soak) String() string {
	return fmt.Sprintf("soak: %d s of A: %.0f MB in the first minute, %.0f in the last (%+.1f %%, at most %+.0f): %s; %d ticks, %d late, %d repeated, %d dropped, %.1f collections in 10 s, %.1f CPU s/min, others %.1f",
		s.Seconds, s.FirstMB, s.LastMB, 100*s.Growth, 100*soakGrowth, s.Verdict, s.Engine.Ticks, s.Engine.Late, s.Engine.Repeated, s.Engine.Dropped, s.Engine.GCPer10s, s.CPUPerMin, s.OtherCPU)
}
