package sources

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
)

// material is what makeFile makes: so many pictures of a synthetic camera with their
// sound.
type material struct {
	width, height int
	fps           media.Rational
	frames        int
	silent        bool // no sound stream
	blind         bool // no pictures
}

// ffmpegProgram is the ffmpeg beside the library in use, else the system's.
func ffmpegProgram() string {
	if dir := os.Getenv("PKG_CONFIG_PATH"); dir != "" {
		if p := filepath.Join(dir, "..", "..", "bin", "ffmpeg"); executable(p) {
			return p
		}
	}
	return "ffmpeg"
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}

// makeFile encodes material with the ffmpeg program and the given output options.
func makeFile(t testing.TB, path string, m material, options ...string) string {
	t.Helper()
	args := []string{"-v", "error", "-nostdin", "-y"}
	dir := t.TempDir()
	if !m.blind {
		raw := filepath.Join(dir, "video.yuv")
		writeFile(t, raw, func(w io.Writer) { writePictures(w, m) })
		args = append(args, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", fmt.Sprintf("%dx%d", m.width, m.height),
			"-r", m.fps.String(), "-color_range", "tv", "-colorspace", "bt709", "-i", raw)
	}
	if !m.silent {
		raw := filepath.Join(dir, "audio.f32")
		writeFile(t, raw, func(w io.Writer) { writeSound(w, m) })
		args = append(args, "-f", "f32le", "-ar", "48000", "-ac", "2", "-i", raw)
	}
	if !m.blind {
		args = append(args, "-color_range", "tv", "-colorspace", "bt709")
	}
	args = append(append(args, options...), path)
	if out, err := exec.Command(ffmpegProgram(), args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return path
}

func writeFile(t testing.TB, path string, write func(io.Writer)) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(file, 1<<20)
	write(w)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func writePictures(w io.Writer, m material) {
	p, err := newPainter(syntheticSettings{Camera: 1}, canvasOr(hd(m.width, m.height, m.fps)))
	if err != nil {
		panic(err)
	}
	for n := range m.frames {
		f := p.pool.Get()
		p.paint(f, int64(n))
		framecode.Draw(f, 1, uint32(n))
		for i := range f.Planes {
			rowBytes, rows := media.PlaneSize(f.Format, f.Width, f.Height, i)
			for y := range rows {
				_, _ = w.Write(f.Planes[i].Data[y*f.Planes[i].Stride:][:rowBytes]) // kept by the bufio.Writer
			}
		}
		f.Release()
	}
}

func writeSound(w io.Writer, m material) {
	loop := newSoundLoop(m.fps, nominalFPS(m.fps), cameraSound(syntheticSettings{Camera: 1}, m.fps))
	for n := range m.frames {
		buf := make([]byte, 0, 8192)
		for _, v := range loop.of(int64(n)) {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		_, _ = w.Write(buf) // kept by the bufio.Writer
	}
}

// x264 are quick options for test material.
var x264 = []string{"-c:v", "libx264", "-preset", "ultrafast", "-crf", "18", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "160k"}

// numbers reads the frame counters of what a recorder kept; -1 where there is none.
func numbers(frames []*media.Frame) []int {
	out := make([]int, len(frames))
	for i, f := range frames {
		out[i] = -1
		if _, n, ok := framecode.Read(f); ok {
			out[i] = int(n)
		}
	}
	return out
}

// beeps are the audio frames at which beeps start: where it is loud after a tenth of a
// second that was not.
func beeps(samples []float32) []int {
	var out []int
	quiet := 0
	for i := range len(samples) / 2 {
		if v := samples[i*2]; v > 0.2 || v < -0.2 {
			if quiet >= media.SampleRateHz/10 || len(out) == 0 && i == quiet {
				out = append(out, i)
			}
			quiet = 0
		} else {
			quiet++
		}
	}
	return out
}

func runFFmpeg(t *testing.T, args ...string) {
	t.Helper()
	args = append([]string{"-v", "error", "-nostdin", "-y"}, args...)
	if out, err := exec.Command(ffmpegProgram(), args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
