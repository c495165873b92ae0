package av

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
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

// An aspect ratio of the stream's own changes with it, also without a change of size.
func TestAspectRatioChanges(t *testing.T) {
	dir := t.TempDir()
	var joined []byte
	for _, sar := range []string{"16/15", "64/45"} {
		path := filepath.Join(dir, "part.ts")
		run(t, "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=720x576:r=25:d=0.4,setsar="+sar, "-c:v", "mpeg2video", "-q:v", "4", path)
		part, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		joined = append(joined, part...)
	}
	path := filepath.Join(dir, "joined.ts")
	if err := os.WriteFile(path, joined, 0o600); err != nil {
		t.Fatal(err)
	}
	var seen []media.Rational
	decoded(t, open(t, t.Context(), path, InputOptions{}), VideoDecoderOptions{}, func(f *media.Frame) { seen = append(seen, f.SAR) }, nil)
	// The decoder begins anew at the change, and gives up the picture that it held.
	if len(seen) < 19 {
		t.Fatalf("got %d pictures, want 19 or 20", len(seen))
	}
	if first, last := seen[0], seen[len(seen)-1]; first != (media.Rational{Num: 16, Den: 15}) || last != (media.Rational{Num: 64, Den: 45}) {
		t.Errorf("got sample aspect ratios from %v to %v, want 16/15 to 64/45", first, last)
	}
	noLeaks(t)
}

// Sound that is packed for long is found however many bits lie between its packets.
func TestSoundInAFeedOfManyBits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.ts")
	// Noise, 40 to 80 Mb/s of it: the first packet of sound ends behind some two megabytes.
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=1.5,noise=alls=80:allf=t", "-f", "lavfi", "-i", "sine=d=1.5",
		"-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", "-c:a", "aac", "-b:a", "64k", "-pes_payload_size", "3200", path)
	if info, err := os.Stat(path); err != nil || info.Size() < 6_000_000 {
		t.Fatalf("%v, %v: not many bits", info, err)
	}
	in := open(t, t.Context(), path, InputOptions{Format: "mpegts", LowDelay: true})
	if in.Video() == nil || in.Audio() == nil {
		t.Errorf("video %+v, audio %+v; want both", in.Video(), in.Audio())
	}
	noLeaks(t)
}
