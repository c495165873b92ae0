package av

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// peak is the most memory in bytes that this process has had since reset.
func peak(t *testing.T, reset bool) int {
	t.Helper()
	if reset {
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200); err != nil { // proc(5)
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(text), "VmHWM:")
	kB, err := strconv.Atoi(strings.Fields(line)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kB << 10
}

// TestPicturesBeyondTheBound: nothing is decoded of pictures that are larger than any canvas, not even
// to find out what the stream is.
func TestPicturesBeyondTheBound(t *testing.T) {
	const width, height = 8208, 8192
	dir := t.TempDir()
	make := func(name, size string, frames int) string {
		path := filepath.Join(dir, name)
		run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=s="+size+":r=5", "-frames:v", strconv.Itoa(frames),
			"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", path)
		return path
	}
	path := make("large.ts", fmt.Sprintf("%dx%d", width, height), 2)
	before := peak(t, true)
	in := open(t, t.Context(), path, InputOptions{})
	if grown := peak(t, false) - before; grown > width*height {
		t.Errorf("opening it took %d MB", grown>>20)
	}
	if _, err := NewVideoDecoder(in.Video(), VideoDecoderOptions{}); err == nil || !strings.Contains(err.Error(), "8208x8192 are too large: at most 67 megapixels") {
		t.Errorf("a decoder opened, or the wrong reason: %v", err)
	}
	grows := filepath.Join(dir, "grows.ts")
	var joined []byte
	for _, from := range []string{make("small.ts", "320x180", 10), path} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		joined = append(joined, data...)
	}
	if err := os.WriteFile(grows, joined, 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := decodeAll(open(t, t.Context(), grows, InputOptions{}), VideoDecoderOptions{}, func(f *media.Frame) {
		if n++; f.Width != 320 {
			t.Errorf("a picture of %dx%d was decoded", f.Width, f.Height)
		}
	}, nil)
	if n < 9 {
		t.Errorf("%d pictures before the large ones", n)
	}
	t.Log(err)
}

// TestPicturesTooLong: a side that no GPU takes is refused, however little the other is.
func TestPicturesTooLong(t *testing.T) {
	for _, s := range []Stream{{Width: media.MaxSide + 2, Height: 16}, {Width: 16, Height: media.MaxSide + 2}} {
		want := fmt.Sprintf("its pictures of %dx%d are too large: at most 16384 pixels are taken on a side", s.Width, s.Height)
		if _, err := NewVideoDecoder(&s, VideoDecoderOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestSoundBeyondTheBound: a few kB that claim to be hours of sound are none.
func TestSoundBeyondTheBound(t *testing.T) {
	dir := t.TempDir()
	raw, path := filepath.Join(dir, "raw.u8"), filepath.Join(dir, "slow.flac")
	if err := os.WriteFile(raw, make([]byte, 600), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "ffmpeg", "-v", "error", "-f", "u8", "-ar", "1", "-ac", "1", "-i", raw, "-af", "asetnsamples=n=100", "-frame_size", "100", "-strict", "-2", path)
	frames := 0
	decoded(t, open(t, t.Context(), path, InputOptions{}), VideoDecoderOptions{}, nil, func(b media.AudioBlock) { frames += len(b.Samples) / media.Channels })
	if frames != 0 {
		t.Errorf("%v of sound came of 600 bytes", time.Duration(frames)*time.Second/media.SampleRateHz)
	}
}
