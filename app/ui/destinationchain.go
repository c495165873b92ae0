package ui

import (
	"strings"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
)

// fullQueue is where the queue's bar is as long as it gets: from here on pictures are
// dropped (docs/DESTINATIONS.md).
const fullQueue = 900 * time.Millisecond

func queueFull(queued time.Duration) float64 { return float64(queued) / float64(fullQueue) }

// chainText is a destination's ingests in one line, the one that carries it marked.
func chainText(d engine.DestinationState) string {
	if d.Chain == nil || !d.Started {
		return ""
	}
	var parts []string
	for i, in := range d.Chain.Ingests {
		word := ingestWord(in.State)
		if i == d.Chain.Active {
			word = "▸ " + in.Name + " " + strings.ToUpper(word)
		} else {
			word = in.Name + " " + word
		}
		parts = append(parts, word)
	}
	return strings.Join(parts, "   ")
}

func ingestWord(s outputs.State) string {
	switch s {
	case 0, outputs.Idle:
		return "ready"
	case outputs.Waiting:
		return "retrying"
	}
	return s.String()
}

// changeText is the last change between a destination's ingests.
func changeText(d engine.DestinationState) string {
	if d.Chain == nil || !d.Started || len(d.Chain.Switches) == 0 {
		return ""
	}
	last := d.Chain.Switches[len(d.Chain.Switches)-1]
	return last.At.Local().Format("15:04:05") + " to " + last.To + ": " + last.Cause
}
