package testkit

import (
	"os"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/outputs"
)

// InState is for Await: the output reports that state.
func InState(s outputs.State) func(outputs.Report) bool {
	return func(r outputs.Report) bool { return r.State == s }
}

// Demuxed is what a demuxer finds in a file of pictures and sound.
type Demuxed struct {
	Video, Audio, Keyframes int           // packets; Keyframes are of Video
	First, Last             time.Duration // of the pictures, in decoding time
	BiggestGap              time.Duration // between pictures, in decoding order
}

// Demux reads a file to its end, or to where it breaks off, without decoding. It fails the
// test where the file does not open or has not both pictures and sound.
func Demux(t testing.TB, path string) Demuxed {
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
	var c Demuxed
	last := time.Duration(-1)
	for in.ReadPacket(p) == nil {
		if p.Stream != in.Video().Index {
			c.Audio++
			continue
		}
		if c.Video == 0 {
			c.First = p.DTS
		}
		c.Video++
		c.Last = p.DTS
		if p.Keyframe {
			c.Keyframes++
		}
		if last >= 0 {
			c.BiggestGap = max(c.BiggestGap, p.DTS-last)
		}
		last = p.DTS
	}
	return c
}
