package sources

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// clip is two seconds at 25 fps, 640x360.
var clip = material{width: 640, height: 360, fps: fps25, frames: 50}

func TestFileConforms(t *testing.T) {
	path := makeFile(t, filepath.Join(t.TempDir(), "a.mp4"), clip, x264...)
	conforms(t, File(), settingsOf("path", path, "hardware", "off"), virtual(fps25), 30, 500*time.Millisecond)
}

// playFile plays until so many pictures have come, or the end is held.
func playFile(t *testing.T, settings string, opt Options, frames int) *recorder {
	t.Helper()
	checkLeaks(t)
	src, err := File().New(json.RawMessage(settings), opt)
	if err != nil {
		t.Fatal(err)
	}
	sink := newRecorder(Paced, frames, frames)
	work := start(t, src, sink)
	sink.until(t, "the end of the file", func() bool { return sink.holds > 0 || sink.numVideo >= frames })
	if err := work.stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("Run ended with %v", err)
	}
	t.Cleanup(sink.release)
	for _, f := range sink.faults {
		t.Error(f)
	}
	return sink
}

func wantNumbers(t testing.TB, what string, frames []*media.Frame, want []int) {
	t.Helper()
	got := numbers(frames)
	if len(got) != len(want) {
		t.Errorf("%s: %d pictures, want %d: %v", what, len(got), len(want), got)
		return
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: picture %d is number %d, want %d: %v", what, i, got[i], want[i], got)
			return
		}
	}
}

func upTo(from, to int) []int {
	var out []int
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

func TestFileContainersAndFormats(t *testing.T) {
	fps30 := media.Rational{Num: 30, Den: 1}
	for _, c := range []struct {
		name    string
		m       material
		options []string
	}{
		{"h264.mp4", clip, x264},
		{"h264.mkv", material{640, 360, fps30, 60, false, false}, x264},
		{"h264.ts", material{640, 360, fps2997, 60, false, false}, x264},
		{"bframes.mp4", clip, append([]string{"-bf", "3"}, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac")},
		{"odd.mkv", material{641, 361, fps25, 30, false, false}, []string{"-c:v", "ffv1", "-c:a", "pcm_s16le"}},
		{"422p10.mkv", clip, []string{"-c:v", "ffv1", "-pix_fmt", "yuv422p10le", "-c:a", "flac"}},
		{"444.mkv", clip, []string{"-c:v", "ffv1", "-pix_fmt", "yuv444p", "-c:a", "pcm_f32le"}},
		{"mjpeg.mov", clip, []string{"-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le", "-ar", "44100"}},
		{"mpeg2.mpg", material{640, 360, fps25, 50, false, false}, []string{"-c:v", "mpeg2video", "-q:v", "3", "-bf", "2", "-c:a", "mp2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := makeFile(t, filepath.Join(t.TempDir(), c.name), c.m, c.options...)
			sink := playFile(t, settingsOf("path", path, "hardware", "off"), virtual(c.m.fps), 1000)
			wantNumbers(t, c.name, sink.frames, upTo(0, c.m.frames))
			for i, f := range sink.frames {
				if f.Color != media.Rec709 || f.Width != c.m.width || f.Height != c.m.height {
					t.Fatalf("picture %d: %v %dx%d %+v", i, f.Format, f.Width, f.Height, f.Color)
				}
				if want := media.TickTime(int64(i), c.m.fps); sink.pts[i]-want > time.Microsecond || want-sink.pts[i] > time.Microsecond {
					t.Fatalf("picture %d is at %v, want %v", i, sink.pts[i], want)
				}
			}
			// The beeps start with the flashes, within what encoders' time stamps allow.
			got := beeps(sink.sound)
			rate := nominalFPS(c.m.fps)
			if len(got) != (c.m.frames+int(rate)-1)/int(rate) {
				t.Fatalf("%d beeps", len(got))
			}
			for k, at := range got {
				want := int(media.SampleAt(int64(k)*rate, c.m.fps, media.SampleRateHz))
				if d := at - want; d > 480 || d < -480 {
					t.Errorf("beep %d is at %d, want %d", k, at, want)
				}
			}
		})
	}
}

func TestFileLoopsWithoutAGap(t *testing.T) {
	for _, name := range []string{"loop.mp4", "loop.mkv", "loop.ts"} {
		path := makeFile(t, filepath.Join(t.TempDir(), name), clip, x264...)
		sink := playFile(t, settingsOf("path", path, "loop", true, "hardware", "off"), virtual(fps25), 130)
		wantNumbers(t, name, sink.frames, append(append(upTo(0, 50), upTo(0, 50)...), upTo(0, 30)...))
		for i, pts := range sink.pts {
			if want := media.TickTime(int64(i), fps25); pts-want > time.Microsecond || want-pts > time.Microsecond {
				t.Fatalf("%s: picture %d is at %v, want %v", name, i, pts, want)
			}
		}
		heard := beeps(sink.sound)
		if len(heard) < 5 {
			t.Errorf("%s: %d beeps in five seconds", name, len(heard))
		}
		for k, at := range heard {
			if d := at - k*media.SampleRateHz; d > 480 || d < -480 {
				t.Errorf("%s: beep %d is at %d", name, k, at)
			}
		}
	}
}

func TestFileInAndOutPoints(t *testing.T) {
	path := makeFile(t, filepath.Join(t.TempDir(), "a.mp4"), clip, x264...)
	sink := playFile(t, settingsOf("path", path, "in", 0.48, "out", 1.2, "hardware", "off"), virtual(fps25), 1000)
	wantNumbers(t, "in to out", sink.frames, upTo(12, 30))
	if sink.pts[0] != 0 {
		t.Errorf("the first picture is at %v", sink.pts[0])
	}
	if n := len(sink.sound) / 2; n != 34560 {
		t.Errorf("%d audio frames, want 0.72 s", n)
	}
	sink = playFile(t, settingsOf("path", path, "in", 0.48, "out", 1.2, "loop", true, "hardware", "off"), virtual(fps25), 40)
	wantNumbers(t, "looped in to out", sink.frames, append(append(upTo(12, 30), upTo(12, 30)...), upTo(12, 16)...))
}

func TestFileSeekAndPause(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { seekAndPause(a) })
}

func seekAndPause(t testing.TB) {
	checkLeaks(t)
	path := makeFile(t, filepath.Join(t.TempDir(), "a.mp4"), clip, x264...)
	src, err := File().New(json.RawMessage(settingsOf("path", path, "paused", true, "hardware", "off")), virtual(fps25))
	if err != nil {
		t.Fatal(err)
	}
	sink := newRecorder(Paced, 1000, 1000)
	work := start(t, src, sink)
	last := func() int { return numbers(sink.frames[len(sink.frames)-1:])[0] }
	sink.until(t, "the first picture", func() bool { return sink.numVideo == 1 && sink.holds == 1 && last() == 0 })
	seeker := src.(Clip)
	at := func(what string, from time.Duration, paused, over bool) {
		t.Helper()
		want := Timeline{From: from, Length: 2 * time.Second, Paused: paused, Over: over}
		if got := seeker.Timeline(); got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	at("paused at the start", 0, true, false)
	seeker.Seek(1.0)
	sink.until(t, "the picture sought", func() bool { return sink.numVideo == 2 && sink.holds == 2 && last() == 25 })
	if sink.hasSound {
		t.Error("sound while paused")
	}
	at("sought", time.Second, true, false)
	seeker.SetPaused(false)
	sink.until(t, "the end", func() bool { return sink.holds == 3 })
	sink.mu.Lock()
	frames := sink.frames[2:]
	sink.mu.Unlock()
	wantNumbers(t, "played on", frames, upTo(25, 50))
	if sink.pts[2] != 0 {
		t.Errorf("the new timeline starts at %v", sink.pts[2])
	}
	at("at the end", time.Second, false, true)
	seeker.Seek(1.8)
	sink.until(t, "the end again", func() bool { return sink.holds == 4 })
	wantNumbers(t, "sought at the end", sink.frames[27:], upTo(45, 50))
	seeker.Seek(99)
	sink.until(t, "the last picture for a place behind the end", func() bool { return sink.holds == 5 })
	wantNumbers(t, "sought behind the end", sink.frames[32:], upTo(49, 50))
	seeker.Seek(0)
	sink.until(t, "the end once more", func() bool { return sink.holds == 6 })
	seeker.SetPaused(true)
	seeker.Seek(2)
	sink.until(t, "the last picture, paused", func() bool { return sink.holds >= 7 && sink.numVideo == 84 && last() == 49 })
	_ = work.stopSoon() // ended by us
	sink.release()
	for _, f := range sink.faults {
		t.Error(f)
	}
}

// A place behind the end of a clip that loops is one in a later pass.
func TestFileSeekBehindALoop(t *testing.T) {
	checkLeaks(t)
	path := makeFile(t, filepath.Join(t.TempDir(), "a.mp4"), clip, x264...)
	src, err := File().New(json.RawMessage(settingsOf("path", path, "paused", true, "loop", true, "hardware", "off")), virtual(fps25))
	if err != nil {
		t.Fatal(err)
	}
	sink := newRecorder(Paced, 1000, 1000)
	work := start(t, src, sink)
	sink.until(t, "the first picture", func() bool { return sink.holds == 1 })
	src.(Clip).Seek(7)
	sink.until(t, "the picture of the fourth pass", func() bool { return sink.holds == 2 })
	wantNumbers(t, "sought behind the end", sink.frames[1:], upTo(25, 26))
	_ = work.stop() // ended by us
	sink.release()
}

func TestFileWithOneStream(t *testing.T) {
	silent, blind := clip, clip
	silent.silent, blind.blind = true, true
	path := makeFile(t, filepath.Join(t.TempDir(), "silent.mp4"), silent, x264...)
	sink := playFile(t, settingsOf("path", path, "hardware", "off"), virtual(fps25), 1000)
	if sink.numVideo != 50 || sink.streams != "video true, audio false" {
		t.Errorf("%d pictures, streams %s", sink.numVideo, sink.streams)
	}
	path = makeFile(t, filepath.Join(t.TempDir(), "blind.wav"), blind, "-c:a", "pcm_s16le")
	sink = playFile(t, settingsOf("path", path), virtual(fps25), 1000)
	if len(sink.sound)/2 != 2*media.SampleRateHz || sink.streams != "video false, audio true" {
		t.Errorf("%d audio frames, streams %s", len(sink.sound)/2, sink.streams)
	}
}

// Sound that ends long before the pictures, pictures that end before the sound, and a
// file whose packets are as badly interleaved as can be.
func TestFileUnevenStreams(t *testing.T) {
	dir := t.TempDir()
	long := makeFile(t, filepath.Join(dir, "long.mp4"), material{320, 180, fps25, 150, true, false}, x264...)
	beep := makeFile(t, filepath.Join(dir, "short.wav"), material{fps: fps25, frames: 25, blind: true}, "-c:a", "pcm_s16le")
	for name, args := range map[string][]string{
		"early.mkv": {"-i", long, "-i", beep, "-c", "copy"},
		"late.mkv":  {"-i", long, "-itsoffset", "4", "-i", beep, "-c", "copy"},
		"apart.mkv": {"-i", long, "-i", beep, "-c", "copy", "-max_interleave_delta", "1", "-fflags", "+nobuffer", "-avioflags", "direct"},
	} {
		path := filepath.Join(dir, name)
		runFFmpeg(t, append(args, path)...)
		sink := playFile(t, settingsOf("path", path, "hardware", "off"), virtual(fps25), 1000)
		wantNumbers(t, name, sink.frames, upTo(0, 150))
		if d := sink.soundEnd - 6*time.Second; d.Abs() > 200*time.Microsecond {
			t.Errorf("%s: its sound ends at %v, want 6 s", name, sink.soundEnd)
		}
	}
	short := makeFile(t, filepath.Join(dir, "short.mp4"), material{320, 180, fps25, 25, true, false}, x264...)
	tone := makeFile(t, filepath.Join(dir, "long.wav"), material{fps: fps25, frames: 75, blind: true}, "-c:a", "pcm_s16le")
	path := filepath.Join(dir, "tail.mkv")
	runFFmpeg(t, "-i", short, "-i", tone, "-c", "copy", path)
	sink := playFile(t, settingsOf("path", path, "hardware", "off"), virtual(fps25), 1000)
	if sink.numVideo != 75 || numbers(sink.frames[74:])[0] != 24 {
		t.Errorf("%d pictures for three seconds of sound", sink.numVideo)
	}
}

func TestFileRotationAndVariableRate(t *testing.T) {
	dir := t.TempDir()
	upright := makeFile(t, filepath.Join(dir, "a.mp4"), material{640, 360, fps25, 25, true, false}, x264...)
	turned := filepath.Join(dir, "turned.mp4")
	runFFmpeg(t, "-display_rotation", "90", "-i", upright, "-c", "copy", turned)
	sink := playFile(t, settingsOf("path", turned, "hardware", "off"), virtual(fps25), 1000)
	if f := sink.frames[0]; f.Width != 360 || f.Height != 640 {
		t.Errorf("a turned picture is %dx%d, want 360x640", f.Width, f.Height)
	}
	vfr := filepath.Join(dir, "vfr.mkv")
	// Every third picture is left out: 40 ms and 80 ms take turns.
	runFFmpeg(t, "-i", upright, "-vf", `select=not(eq(mod(n\,3)\,2))`, "-fps_mode", "vfr", "-c:v", "ffv1", vfr)
	sink = playFile(t, settingsOf("path", vfr, "hardware", "off"), virtual(fps25), 1000)
	varied := numbers(sink.frames)
	if len(varied) != 17 {
		t.Errorf("%d pictures are left of two of three of 25, want 17", len(varied))
	}
	for i, n := range varied {
		if want := i/2*3 + i%2; n != want {
			t.Fatalf("picture %d is number %d, want %d", i, n, want)
		}
		if d := sink.pts[i] - time.Duration(n)*40*time.Millisecond; d > 1200*time.Microsecond || d < -1200*time.Microsecond {
			t.Errorf("number %d is at %v", n, sink.pts[i])
		}
	}
}

// A picture every three seconds: between them the last one is handed on once a second.
func TestFileSlides(t *testing.T) {
	dir := t.TempDir()
	fast := makeFile(t, filepath.Join(dir, "fast.mkv"), material{320, 180, fps25, 3, true, false}, "-c:v", "ffv1")
	slow := filepath.Join(dir, "slow.mkv")
	runFFmpeg(t, "-i", fast, "-vf", "setpts=N*3/TB", "-fps_mode", "vfr", "-c:v", "ffv1", slow)
	sink := playFile(t, settingsOf("path", slow, "hardware", "off"), virtual(fps25), 1000)
	last := -1
	for i, n := range numbers(sink.frames) {
		if n < last || n > last+1 || n != int((sink.pts[i]+time.Millisecond)/(3*time.Second)) {
			t.Errorf("number %d at %v", n, sink.pts[i])
		}
		last = n
		if i > 0 && sink.pts[i]-sink.pts[i-1] > 1500*time.Millisecond {
			t.Errorf("nothing from %v to %v", sink.pts[i-1], sink.pts[i])
		}
	}
	if last != 2 {
		t.Errorf("the last picture is number %d", last)
	}
}

func TestFileBrokenAndMissing(t *testing.T) {
	dir := t.TempDir()
	whole := makeFile(t, filepath.Join(dir, "whole.mkv"), material{640, 360, fps25, 100, false, false}, x264...)
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.mkv")
	if err := os.WriteFile(cut, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	sink := playFile(t, settingsOf("path", cut, "hardware", "off"), virtual(fps25), 1000)
	if sink.numVideo < 25 || sink.numVideo > 90 || !strings.Contains(sink.text, "cut off") && !strings.Contains(sink.text, "damaged") {
		t.Errorf("%d pictures of a file cut in half: %q", sink.numVideo, sink.text)
	}
	scrambled := append([]byte{}, data...)
	for i := len(data) / 3; i < len(data)/3+20000 && i < len(data); i++ {
		scrambled[i] ^= 0x5a
	}
	bad := filepath.Join(dir, "scrambled.mkv")
	if err := os.WriteFile(bad, scrambled, 0o600); err != nil {
		t.Fatal(err)
	}
	sink = playFile(t, settingsOf("path", bad, "hardware", "off"), virtual(fps25), 1000)
	if sink.numVideo < 25 {
		t.Errorf("%d pictures of a scrambled file", sink.numVideo)
	}
	headless := filepath.Join(dir, "headless.mp4")
	if err := os.WriteFile(headless, []byte("no media at all, only words"), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, link := filepath.Join(dir, "pipe.ts"), filepath.Join(dir, "link.ts")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.mp4"): "does not exist",
		dir:                            "is a folder",
		pipe:                           "is a pipe or a device; only files can be played",
		link:                           "is a pipe or a device; only files can be played",
		headless:                       "cannot be played",
	} {
		src, err := File().New(json.RawMessage(settingsOf("path", path)), virtual(fps25))
		if err != nil {
			t.Fatal(err)
		}
		err = src.Run(t.Context(), newRecorder(Paced, 1, 0))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want %q in it", filepath.Base(path), err, want)
		} else {
			t.Log(err)
		}
	}
}

func TestFileRefusesWrongSettings(t *testing.T) {
	for _, raw := range []string{`{}`, `{"path":"a","in":5,"out":4}`, `{"path":"a","in":-1}`, `{"path":"a","hardware":"gpu"}`, `{"path":7}`} {
		if _, err := File().New(json.RawMessage(raw), Options{}); err == nil {
			t.Errorf("%s was accepted", raw)
		}
	}
}

// The frame counter survives what the programme does to it: x264 at 3 Mb/s in 720p,
// of a picture full of noise, also when it is shown at half size.
func TestFrameCounterSurvivesEncoding(t *testing.T) {
	m := material{width: 1280, height: 720, fps: fps25, frames: 50, silent: true}
	dir := t.TempDir()
	clean := makeFile(t, filepath.Join(dir, "clean.mkv"), m, "-c:v", "libx264", "-preset", "ultrafast", "-qp", "4")
	for name, filter := range map[string]string{"full.mp4": "noise=alls=24:allf=t", "half.mp4": "noise=alls=12:allf=t,scale=640:360"} {
		path := filepath.Join(dir, name)
		runFFmpeg(t, "-i", clean, "-vf", filter, "-c:v", "libx264", "-preset", "veryfast", "-b:v", "3M", "-maxrate", "3M", "-bufsize", "3M", path)
		sink := playFile(t, settingsOf("path", path, "hardware", "off"), virtual(fps25), 1000)
		if len(sink.frames) != m.frames {
			t.Errorf("%s: %d pictures of %d", name, len(sink.frames), m.frames)
		}
		for i, f := range sink.frames {
			if _, n, ok := framecode.ReadIn(f, 0, 0, f.Width, f.Height, 1280, 720); !ok || n != uint32(i) {
				t.Errorf("%s: picture %d reads %d, %v", name, i, n, ok)
			}
		}
	}
}

// Of interlaced files each field is a picture, at its place, through a loop and from a point in
// the middle too, where the canvas is as fast; else, and without deinterlacing, each two are.
func TestFileInterlaced(t *testing.T) {
	fps50 := media.Rational{Num: 50, Den: 1}
	path := filepath.Join(t.TempDir(), "i.mp4")
	// Each field has a bar 4 pixels further right. (A frame counter's lowest bit would be the same
	// in every upper field, and the other in every lower one: that is what a fine pattern is, too.)
	if out, err := exec.Command(ffmpegProgram(), append([]string{"-v", "error", "-nostdin", "-f", "lavfi", "-i",
		"nullsrc=s=320x192:r=50:d=1,format=yuv420p,geq=lum='if(between(X,4*N,4*N+15),235,16)':cb=128:cr=128",
		"-vf", "tinterlace=interleave_top,setfield=tff", "-flags", "+ilme+ildct", "-x264-params", "tff=1"}, append(slices.Clone(x264[:len(x264)-4]), path)...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The first and the last picture have no neighbour on one side to tell what moves.
	for _, c := range []struct {
		name     string
		settings string
		fps      media.Rational
		frames   int
		want     []int
		said     string
	}{
		{"50p", settingsOf("path", path), fps50, 1000, upTo(0, 50), "interlaced, each field a picture"},
		{"50p, looped", settingsOf("path", path, "loop", true), fps50, 100, append(upTo(0, 50), upTo(0, 50)...), "each field"},
		{"50p, from a field", settingsOf("path", path, "in", 0.42, "out", 0.62), fps50, 1000, upTo(21, 31), "each field"},
		{"25p", settingsOf("path", path), fps25, 1000, everySecond(0, 50), "interlaced, each two fields a picture"},
	} {
		sink := playFile(t, c.settings, virtual(c.fps), c.frames)
		got := barsIn(sink.frames)
		if len(got) != len(c.want) {
			t.Errorf("%s: %d pictures, want %d: %v", c.name, len(got), len(c.want), got)
			continue
		}
		for i, n := range got {
			if edge := c.want[i] == 0 || c.want[i] >= 48; n != c.want[i] && !edge {
				t.Errorf("%s: picture %d is %d, want %d", c.name, i, n, c.want[i])
			}
			if i > 0 {
				if d := sink.frames[i].PTS - sink.frames[i-1].PTS; (d - time.Second/time.Duration(c.fps.Num)).Abs() > time.Microsecond {
					t.Errorf("%s: picture %d comes %v after the one before", c.name, i, d)
				}
			}
		}
		if !strings.Contains(sink.text, c.said) {
			t.Errorf("%s: said %q, want it to contain %q", c.name, sink.text, c.said)
		}
	}
	sink := playFile(t, settingsOf("path", path, "deinterlace", "off"), virtual(fps50), 1000)
	if len(sink.frames) != 25 || strings.Contains(sink.text, "field") {
		t.Errorf("off: %d pictures, said %q", len(sink.frames), sink.text)
	}
}

// barsIn reads where the bar is in each picture, in steps of its fields.
func barsIn(frames []*media.Frame) []int {
	out := make([]int, len(frames))
	for i, f := range frames {
		sum, weight := 0, 0
		for y := 32; y < 160; y++ {
			for x, v := range f.Planes[0].Data[y*f.Planes[0].Stride:][:f.Width] {
				if v > 60 {
					sum, weight = sum+x*int(v), weight+int(v)
				}
			}
		}
		out[i] = int(math.Round((float64(sum)/float64(max(weight, 1)) - 7.5) / 4))
	}
	return out
}

func everySecond(from, to int) (out []int) {
	for i := from; i < to; i += 2 {
		out = append(out, i)
	}
	return out
}
