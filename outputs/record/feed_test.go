package record

import "crosspoint.studio/crosspoint/internal/testkit"

// The rate and length of testkit's clips.
const (
	clipFPS     = testkit.FeedFPS
	clipSeconds = testkit.FeedSeconds
)
