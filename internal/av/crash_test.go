package av

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// muxForever is the child of TestKilled: it records in real time until it is killed,
// and prints the number of each picture whose packet the muxer has taken.
func muxForever(path string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	ve, err := NewVideoEncoder(VideoEncoderOptions{Encoder: "libx264", Width: 320, Height: 180, FPS: fps30, BitrateBPS: 800_000, GOP: 60, BFrames: -1})
	fail(err)
	ae, err := NewAudioEncoder(AudioEncoderOptions{})
	fail(err)
	format := map[string]string{".mp4": "mp4", ".mkv": "matroska"}[filepath.Ext(path)]
	m, err := NewMuxer(MuxerOptions{Format: format, Path: path, Tracks: []media.Track{ve.Track(), ae.Track()}, StartAtZero: true})
	fail(err)
	pool := media.NewFramePool(media.I420, 320, 180, 2)
	tick := time.NewTicker(time.Second / 120) // four times real time
	for i := int64(0); ; i++ {
		<-tick.C
		f := pool.Get()
		drawNumber(f, i)
		video, err := ve.Encode(f, i, false)
		fail(err)
		f.Release()
		audio, err := ae.Encode(tone(i*1600, 1600), i*1600)
		fail(err)
		for _, p := range interleave(video, audio, ve.Track().TimeBase, ae.Track().TimeBase) {
			fail(m.WritePacket(p))
			if !p.Audio {
				fmt.Println(p.PTS)
			}
		}
	}
}

// TestKilled kills a recording process and plays what it left.
func TestKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{".mp4", ".mkv"} {
		for _, after := range []int64{100, 137, 205} {
			t.Run(fmt.Sprintf("%s/%d", ext, after), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "killed"+ext)
				cmd := exec.CommandContext(t.Context(), self)
				cmd.Env = append(os.Environ(), "AV_TEST_CHILD="+path)
				cmd.Stderr = os.Stderr
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				newest := int64(0)
				for newest < after {
					var n int64
					if _, err := fmt.Fscan(out, &n); err != nil {
						t.Fatalf("after picture %d: %v", newest, err)
					}
					newest = max(newest, n)
				}
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait() // it was killed: an error by design
				in := open(t, t.Context(), path, InputOptions{})
				got := int64(0)
				if err := decodeAll(in, VideoDecoderOptions{}, func(f *media.Frame) {
					// At the cut a picture may lack the B pictures before it.
					if n := readNumber(f); n != got && (n < got || n < newest-40) {
						t.Errorf("got picture %d, want %d", n, got)
					}
					got++
				}, func(media.AudioBlock) {}); err != nil {
					t.Error(err)
				}
				// One fragment of a second, and what the flush at each 100 ms and the
				// reordering of B pictures hold back.
				if lost := newest + 1 - got; lost > 36 {
					t.Errorf("lost %d of %d pictures, want at most 36", lost, newest+1)
				} else {
					t.Logf("lost %d of %d pictures", lost, newest+1)
				}
			})
		}
	}
}
