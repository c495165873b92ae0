package rtmp

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
)

// ffmpeg7 is the folder of FFmpeg 7's programs: those that are shipped with this
// program's libraries, or the system's.
func ffmpeg7(t *testing.T) string {
	t.Helper()
	pkgconfig := os.Getenv("PKG_CONFIG_PATH")
	if pkgconfig == "" {
		out, err := exec.Command("../../packaging/ffmpeg/build.sh").Output()
		if err != nil {
			t.Fatalf("FFmpeg 7 is needed for this test: %v", err)
		}
		pkgconfig = strings.TrimSpace(string(out))
	}
	bin := filepath.Join(pkgconfig, "..", "..", "bin")
	if _, err := os.Stat(filepath.Join(bin, "ffprobe")); err == nil && pkgconfig != "" {
		return bin
	}
	path, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(path)
}

// FFmpeg 7 as the server takes what we send in every codec.
func TestFFmpegListens(t *testing.T) {
	t.Parallel()
	bin := ffmpeg7(t)
	for _, codec := range []media.Codec{media.H264, media.HEVC, media.AV1} {
		t.Run(string(codec), func(t *testing.T) {
			c := makeClip(t, filepath.Join(bin, "ffmpeg"), codec, 4) // sent at once
			port := ports.Free(t)
			url := fmt.Sprintf("rtmp://127.0.0.1:%d/live", port)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			var out bytes.Buffer
			dump := filepath.Join(t.TempDir(), "got.mkv")
			cmd := exec.CommandContext(ctx, filepath.Join(bin, "ffmpeg"), "-v", "error", "-listen", "1", "-i", url+"/x", "-c", "copy", "-t", "3", dump)
			cmd.Stderr = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// Its one connection must be ours: no probing whether it listens yet.
			var err error
			for range 100 {
				feed := newTestFeed(c.tracks, media.QueueLimits{MaxBytes: 64 << 20})
				for _, p := range c.packets {
					feed.q.Put(p)
				}
				feed.q.Close()
				if err = newPublisher(t, url, "x").Run(ctx, feed); err == nil || !strings.Contains(err.Error(), "refuses connections") {
					break
				}
				timer := time.NewTimer(50 * time.Millisecond)
				<-timer.C
			}
			_ = cmd.Wait() // what it wrote is judged below
			if err != nil && !strings.Contains(err.Error(), "closed the connection") {
				t.Errorf("Run = %v\n%s", err, out.String())
			}
			got, err := exec.CommandContext(ctx, filepath.Join(bin, "ffprobe"), "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,width,nb_read_frames", "-of", "compact=p=0", dump).CombinedOutput()
			want := fmt.Sprintf("codec_name=%s|width=320|nb_read_frames=", codec)
			if err != nil || !strings.Contains(string(got), want+"9") || !strings.Contains(string(got), "codec_name=aac") {
				t.Errorf("ffprobe: %v\n%s\nffmpeg: %s; want %s9x", err, got, out.String(), want)
			}
			t.Logf("%s", bytes.ReplaceAll(got, []byte("\n"), []byte(" ")))
		})
	}
}

// The configuration records are byte for byte what FFmpeg's muxer makes of the same
// streams.
func TestConfigurationRecords(t *testing.T) {
	bin := ffmpeg7(t)
	for codec, box := range map[media.Codec]string{media.H264: "avcC", media.HEVC: "hvcC", media.AV1: "av1C"} {
		c := makeClip(t, filepath.Join(bin, "ffmpeg"), codec, 1)
		dir := t.TempDir()
		raw, mp4 := filepath.Join(dir, "raw"), filepath.Join(dir, "out.mp4")
		var stream []byte
		for _, p := range c.packets {
			if !p.Audio {
				data := p.Data
				if codec != media.AV1 {
					// FFmpeg takes a four-byte start code's first zero for a part of
					// the parameter set before it.
					data = bytes.ReplaceAll(data, []byte{0, 0, 0, 1}, []byte{0, 0, 1})
				}
				stream = append(stream, data...)
			}
		}
		if err := os.WriteFile(raw, stream, 0o600); err != nil {
			t.Fatal(err)
		}
		demuxer := map[media.Codec]string{media.H264: "h264", media.HEVC: "hevc", media.AV1: "obu"}[codec]
		if out, err := exec.Command(filepath.Join(bin, "ffmpeg"), "-v", "error", "-f", demuxer, "-i", raw, "-c", "copy", "-tag:v", map[media.Codec]string{media.H264: "avc1", media.HEVC: "hvc1", media.AV1: "av01"}[codec], mp4).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", codec, err, out)
		}
		file, err := os.ReadFile(mp4)
		if err != nil {
			t.Fatal(err)
		}
		i := bytes.Index(file, []byte(box))
		size := int(file[i-4])<<24 | int(file[i-3])<<16 | int(file[i-2])<<8 | int(file[i-1])
		want := file[i+4 : i-4+size]
		p, err := newPlan(c.tracks)
		if err != nil {
			t.Fatalf("%s: %v", codec, err)
		}
		// What a keyframe says of its encoder is the same, so it is not said again and again.
		if config, err := configOf(codec, c.packets[slices.IndexFunc(c.packets, func(p *media.Packet) bool { return p.Keyframe && !p.Audio })].Data); err != nil || !bytes.Equal(config, want) {
			t.Errorf("the first keyframe's %s is\n%s, %v, want\n%s", box, hex.EncodeToString(config), err, hex.EncodeToString(want))
		}
		if !bytes.Equal(p.config, want) {
			t.Errorf("%s is\n%s, want\n%s", box, hex.EncodeToString(p.config), hex.EncodeToString(want))
		}
	}
}
