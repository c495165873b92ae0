package sources

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// block is where the opaque block of a picture begins, in fours of columns; -1 where the picture is
// not transparent beside it.
func block(f *media.Frame) int {
	if f.Format != media.RGBA {
		return -1
	}
	row := f.Planes[0].Data[f.Planes[0].Stride*(f.Height/2):]
	alpha := func(x int) byte { return row[4*x+3] }
	x := 0
	for x < f.Width-28 && alpha(x) < 128 {
		x++
	}
	if alpha(x+8) < 224 || alpha(x+27) > 31 {
		return -1
	}
	return (x + 2) / 4
}

func blocks(frames []*media.Frame) []int {
	var out []int
	for _, f := range frames {
		out = append(out, block(f))
	}
	return out
}

func wantBlocks(t *testing.T, what string, frames []*media.Frame, want []int) {
	t.Helper()
	got := blocks(frames)
	if len(got) != len(want) {
		t.Fatalf("%s: %d pictures, want %d: %v", what, len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: picture %d is number %d, want %d: %v", what, i, got[i], want[i], got)
		}
	}
}

// Graphics as WebM files (VP8, VP9) keep their transparency, from pass to pass of a loop and from
// a place that is sought.
func TestFileTransparency(t *testing.T) {
	const pictures = 25
	for _, encoder := range []string{"libvpx", "libvpx-vp9"} {
		t.Run(encoder, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "title.webm")
			runFFmpeg(t, "-f", "lavfi", "-i", "color=s=160x90:r=25,format=yuva420p,geq=lum=81:cb=90:cr=240:a='255*between(X,4*N,4*N+15)'",
				"-frames:v", "25", "-c:v", encoder, "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-b:v", "4M", "-g", "10", "-deadline", "realtime", "-cpu-used", "6", path)
			sink := playFile(t, settingsOf("path", path, "loop", true), virtual(fps25), 2*pictures+5)
			wantBlocks(t, "looped", sink.frames, append(append(upTo(0, pictures), upTo(0, pictures)...), upTo(0, 5)...))
			if !strings.Contains(sink.text, "transparency") {
				t.Errorf("it is described as %q", sink.text)
			}

			src, err := File().New(json.RawMessage(settingsOf("path", path, "paused", true, "hardware", "off")), virtual(fps25))
			if err != nil {
				t.Fatal(err)
			}
			sought := newRecorder(Paced, 1000, 1000)
			work := start(t, src, sought)
			sought.until(t, "the first picture", func() bool { return sought.holds == 1 })
			src.(Clip).Seek(0.6)
			sought.until(t, "the picture sought", func() bool { return sought.holds == 2 })
			src.(Clip).SetPaused(false)
			sought.until(t, "the end", func() bool { return sought.holds == 3 })
			_ = work.stop() // ended by us
			wantBlocks(t, "sought", sought.frames, append([]int{0, 15}, upTo(15, pictures)...))
			sought.release()
		})
	}
}
