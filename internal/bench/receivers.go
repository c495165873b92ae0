package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"crosspoint.studio/crosspoint/app/rehearsal"
)

// maxDestinations is how many RTMP streams the receivers can tell apart.
const maxDestinations = 10

// credential is the name of stream key n, from 1, in the file of credentials.
func credential(n int) string { return fmt.Sprintf("bench%d", n) }

// receivers are the far ends of case C. They run in this process, so that what they
// cost is not counted as Crosspoint's.
type receivers struct {
	*rehearsal.Receiver
	env []string // with which crosspoint finds the stream key
}

// startReceivers opens RTMP, SRT and WHIP servers on loopback; dir gets the file with
// the stream keys.
func startReceivers(ctx context.Context, dir string) (*receivers, error) {
	secrets := map[string]string{}
	for n := range maxDestinations {
		secrets[credential(n+1)] = fmt.Sprintf("%s?name=%d", rehearsal.DefaultSecret, n+1)
	}
	keys, err := json.Marshal(secrets)
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
