package av

import (
	"path/filepath"
	"testing"
	"time"
)

// A cover is no video, whatever the file: what has one is sound alone, and can be sought in.
func TestCoverIsNoVideo(t *testing.T) {
	dir := t.TempDir()
	cover := filepath.Join(dir, "cover.png")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", cover)
	for _, c := range [][2]string{{"a.m4a", "aac"}, {"a.mp3", "libmp3lame"}, {"a.flac", "flac"}} {
		t.Run(c[0], func(t *testing.T) {
			path := filepath.Join(dir, c[0])
			run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=4", "-i", cover, "-map", "0", "-map", "1",
				"-c:v", "copy", "-disposition:v", "attached_pic", "-c:a", c[1], path)
			in := open(t, t.Context(), path, InputOptions{})
			if in.Video() != nil || in.Audio() == nil {
				t.Fatalf("video %+v, audio %+v; want sound alone", in.Video(), in.Audio())
			}
			if err := in.Seek(2 * time.Second); err != nil {
				t.Error(err)
			}
			all := open(t, t.Context(), path, InputOptions{AllStreams: true})
			for _, s := range all.Streams() {
				if s.FPS.Float() > maxFPS {
					t.Errorf("stream %d, %s, has %v pictures a second", s.Index, s.Codec, s.FPS)
				}
			}
		})
	}
	noLeaks(t)
}
