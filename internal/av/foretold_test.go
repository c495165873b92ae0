package av

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestForetold: what is known of a stream by its header is what a reader that decodes finds, and its
// pictures all come.
func TestForetold(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		file string
		args []string
	}{
		"plain":           {"x.mp4", nil},
		"no B-frames":     {"x.mp4", []string{"-bf", "0"}},
		"pyramid":         {"x.mov", []string{"-bf", "8", "-preset", "medium", "-x264-params", "b-pyramid=normal:ref=6"}},
		"full range":      {"x.mp4", []string{"-pix_fmt", "yuvj420p"}},
		"BT.601":          {"x.mp4", []string{"-colorspace", "smpte170m", "-color_range", "tv"}},
		"SAR of the SPS":  {"x.mp4", []string{"-bsf:v", "h264_metadata=sample_aspect_ratio=16/11"}},
		"SAR of the file": {"x.mov", []string{"-vf", "setsar=4/3"}},
		"HRD":             {"x.mp4", []string{"-b:v", "1M", "-maxrate", "1M", "-bufsize", "1M", "-x264-params", "nal-hrd=vbr"}},
		"interlaced":      {"x.mp4", []string{"-vf", "scale=320:180", "-flags", "+ildct+ilme"}},
		"4:2:2":           {"x.mp4", []string{"-pix_fmt", "yuv422p"}},
		"10 bit":          {"x.mp4", []string{"-pix_fmt", "yuv420p10le"}},
		"fragments":       {"x.mp4", []string{"-movflags", "frag_keyframe+empty_moov"}},
		"Matroska":        {"x.mkv", nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "")+c.file)
			run(t, "ffmpeg", slices.Concat([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=322x182:r=25", "-frames:v", "50",
				"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"}, c.args, []string{path})...)
			var found struct {
				Streams []struct {
					Width, Height int
					PixelFormat   string `json:"pix_fmt"`
					Range         string `json:"color_range"`
					Space         string `json:"color_space"`
					SAR           string `json:"sample_aspect_ratio"`
					Rate          string `json:"avg_frame_rate"`
				}
			}
			if err := json.Unmarshal([]byte(run(t, "ffprobe", "-v", "error", "-show_streams", "-of", "json", path)), &found); err != nil {
				t.Fatal(err)
			}
			want := found.Streams[0]
			in := open(t, t.Context(), path, InputOptions{})
			s := in.Video()
			p := s.params
			if s.Width != want.Width || s.Height != want.Height || s.PixelFormat != want.PixelFormat || s.FPS.String()+"/1" != want.Rate {
				t.Errorf("%dx%d %s %v, want %+v", s.Width, s.Height, s.PixelFormat, s.FPS, want)
			}
			if full := p.ColorRange().String() == "pc"; full != (want.Range == "pc") {
				t.Errorf("full range %v, want %s", full, want.Range)
			}
			if got := p.ColorSpace().String(); got != want.Space && want.Space != "" {
				t.Errorf("colour space %s, want %s", got, want.Space)
			}
			if got := strings.ReplaceAll(s.SAR.String(), "/", ":"); got != strings.TrimSuffix(want.SAR, ":1") {
				t.Errorf("sample aspect ratio %s, want %s", got, want.SAR)
			}
			n := 0
			decoded(t, in, VideoDecoderOptions{Threads: 1}, func(*media.Frame) { n++ }, nil)
			if n != 50 {
				t.Errorf("%d pictures, want 50", n)
			}
		})
	}
}

// TestNothingIsDecodedToOpen: a file's header alone says what its pictures are.
func TestNothingIsDecodedToOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.mp4")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-frames:v", "50", "-pix_fmt", "yuv420p", "-c:v", "libx264", path)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	from, to := bytes.Index(data, []byte("mdat")), bytes.Index(data, []byte("moov"))
	if from < 0 || to < from {
		t.Fatalf("mdat at %d, moov at %d", from, to)
	}
	clear(data[from+4 : to-4])
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := open(t, t.Context(), path, InputOptions{}).Video().PixelFormat; got != "yuv420p" {
		t.Errorf("pixel format %q, want yuv420p", got)
	}
}
