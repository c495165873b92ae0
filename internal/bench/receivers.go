package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"crosspoint.studio/crosspoint/app/rehearsal"
)

// receivers are the far ends of case C. They run in this process, so that what they
// cost is not counted as Crosspoint's.
type receivers struct {
	*rehearsal.Receiver
	env []string // with which crosspoint finds the stream key
}

// startReceivers opens RTMP, SRT and WHIP servers on loopback; dir gets the file with
// the stream key.
func startReceivers(ctx context.Context, dir string) (*receivers, error) {
	keys, err := json.Marshal(map[string]string{credential: rehearsal.DefaultSecret})
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "crosspoint"), 0o700); err != nil {
		return nil, fmt.Errorf("the stream key: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "crosspoint", "credentials.json"), keys, 0o600); err != nil {
		return nil, fmt.Errorf("the stream key: %w", err)
	}
	r, err := rehearsal.Start(ctx, rehearsal.Options{NoDecode: true})
	if err != nil {
		return nil, err
	}
	return &receivers{r, []string{"XDG_CONFIG_HOME=" + dir}}, nil
}

// arrival is what one receiver got.
type arrival struct {
	Protocol string   `json:"protocol"`
	Pictures int64    `json:"pictures"`
	Gaps     int64    `json:"gaps"`
	KBPS     int64    `json:"kbps"`
	Problem  string   `json:"problem,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// arrivals are the streams since the last since streams, and how many there are now.
func (r *receivers) arrivals(since int) ([]arrival, int) {
	all := r.Reports()
	var out []arrival
	for _, v := range all[since:] {
		a := arrival{Protocol: v.Protocol, KBPS: v.MeanBPS / 1000, Problem: v.Problem, Warnings: v.Warnings}
		if v.Video != nil {
			a.Pictures, a.Gaps = v.Video.Pictures, v.Video.Gaps.Count
		}
		out = append(out, a)
	}
	return out, len(all)
}
