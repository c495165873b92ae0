package av

import (
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestThreads: one plays what is light, whatever the container says of its bit rate.
func TestThreads(t *testing.T) {
	many := min(4, runtime.NumCPU())
	half := max(runtime.NumCPU()/2, 1)
	dir := t.TempDir()
	for _, c := range []struct {
		name, source, file         string
		args                       []string
		playing, sought, rendering int
	}{
		{"light", "testsrc2=s=320x180:r=25", "light.mp4", nil, 1, many, half},
		{"Matroska, which says no bit rate", "testsrc2=s=320x180:r=25", "light.mkv", nil, 1, many, half},
		{"many bits", "testsrc2=s=640x360:r=25,noise=alls=90:allf=t", "bits.mp4", []string{"-qp", "1"}, many, many, 0},
		{"another codec", "testsrc2=s=320x180:r=25", "other.mp4", []string{"-c:v", "mpeg4"}, many, many, 0},
		{"1080p60", "color=s=1920x1080:r=60", "fast.mp4", nil, many, many, 0},
		{"2160p60", "color=s=3840x2160:r=60", "large.mp4", nil, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, c.file)
			run(t, "ffmpeg", slices.Concat([]string{"-v", "error", "-f", "lavfi", "-i", c.source, "-frames:v", "12",
				"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast"}, c.args, []string{path})...)
			in := open(t, t.Context(), path, InputOptions{})
			if playing, sought := PlayingThreads(in); playing != c.playing || sought != c.sought {
				t.Errorf("%d and %d threads play it, want %d and %d", playing, sought, c.playing, c.sought)
			}
			if n := RenderingThreads(in); n != c.rendering {
				t.Errorf("%d threads render it, want %d", n, c.rendering)
			}
		})
	}
}

// TestRestart: from a seek on other threads decode the same pictures.
func TestRestart(t *testing.T) {
	const pictures, group = 60, 20
	path := filepath.Join(t.TempDir(), "x.mp4")
	m, err := NewMuxer(MuxerOptions{Format: "mp4", Path: path, Tracks: []media.Track{x264(t, VideoEncoderOptions{GOP: group, BFrames: 2}).Track()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range encoded(t, x264(t, VideoEncoderOptions{GOP: group, BFrames: 2}), 0, pictures) {
		if err := m.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	in := open(t, t.Context(), path, InputOptions{})
	d, err := NewVideoDecoder(in.Video(), VideoDecoderOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	pkt := NewInputPacket()
	defer pkt.Free()
	// read decodes until want pictures have come.
	read := func(want int) (numbers []int64) {
		for len(numbers) < want {
			if err := in.ReadPacket(pkt); err != nil {
				t.Fatal(err)
			}
			if err := d.Send(pkt); err != nil {
				t.Fatal(err)
			}
			for {
				f, err := d.Receive()
				if err != nil {
					break
				}
				numbers = append(numbers, readNumber(f))
				f.Release()
			}
		}
		return numbers
	}
	for _, threads := range []int{1, 2, 2, 1} {
		if err := in.Seek(time.Second); err != nil { // to picture 20
			t.Fatal(err)
		}
		if err := d.Restart(threads); err != nil {
			t.Fatal(err)
		}
		for i, n := range read(group) {
			if n != group+int64(i) {
				t.Fatalf("%d threads: picture %d is number %d, want %d", threads, i, n, group+i)
			}
		}
	}
}
