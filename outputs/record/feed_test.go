package record

import (
	"os"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/outputs"
)

// The rate and length of testkit's clips.
const (
	clipFPS     = testkit.FeedFPS
	clipSeconds = testkit.FeedSeconds
)

func inState(s outputs.State) func(outputs.Report) bool {
	return func(r outputs.Report) bool { return r.State == s }
}

// contents is what a demuxer finds in a file.
type contents struct {
	video, audio, keyframes int
	first, last             time.Duration // of the pictures
	biggestGap              time.Duration // between pictures, in decoding order
}

func demux(t *testing.T, path string) contents {
	t.Helper()
	in, err := av.OpenInput(t.Context(), path, av.InputOptions{})
	if err != nil {
		info, _ := os.Stat(path) // for the message alone
		t.Fatalf("%v (%+v)", err, info)
	}
	defer in.Close()
	if in.Video() == nil || in.Audio() == nil {
		t.Fatalf("video %v, audio %v", in.Video(), in.Audio())
	}
	p := av.NewInputPacket()
	defer p.Free()
	var c contents
	last := time.Duration(-1)
	for in.ReadPacket(p) == nil {
		if p.Stream != in.Video().Index {
			c.audio++
			continue
		}
		if c.video == 0 {
			c.first = p.DTS
		}
		c.video++
		c.last = p.DTS
		if p.Keyframe {
			c.keyframes++
		}
		if last >= 0 {
			c.biggestGap = max(c.biggestGap, p.DTS-last)
		}
		last = p.DTS
	}
	return c
}
