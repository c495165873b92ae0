package av

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// quarters makes a picture with a bright quarter at top left, tagged with a rotation.
func quarters(t *testing.T, w, h, rotation int) string {
	t.Helper()
	dir := t.TempDir()
	plain, out := filepath.Join(dir, "plain.mp4"), filepath.Join(dir, "turned.mp4")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i",
		fmt.Sprintf("color=black:s=%dx%d:r=10:d=0.3,drawbox=0:0:iw/2:ih/2:white:fill", w, h), "-c:v", "libx264", "-crf", "10", "-pix_fmt", "yuv420p", plain)
	run(t, "ffmpeg", "-v", "error", "-display_rotation", fmt.Sprint(rotation), "-i", plain, "-c", "copy", out)
	return out
}

func TestRotation(t *testing.T) {
	for _, c := range []struct {
		counterclockwise int // ffmpeg's option
		bright           [4]bool
	}{
		{0, [4]bool{true, false, false, false}},
		{90, [4]bool{false, false, true, false}},
		{180, [4]bool{false, false, false, true}},
		{270, [4]bool{false, true, false, false}},
	} {
		t.Run(fmt.Sprint(c.counterclockwise), func(t *testing.T) {
			in := open(t, t.Context(), quarters(t, 160, 96, c.counterclockwise), InputOptions{})
			if want := (360 - c.counterclockwise) % 360; in.Video().Rotation != want {
				t.Errorf("got rotation %d clockwise, want %d", in.Video().Rotation, want)
			}
			n := 0
			decoded(t, in, VideoDecoderOptions{}, func(f *media.Frame) {
				n++
				w, h := 160, 96
				if c.counterclockwise%180 != 0 {
					w, h = h, w
				}
				if f.Width != w || f.Height != h {
					t.Fatalf("got %dx%d, want %dx%d", f.Width, f.Height, w, h)
				}
				var got [4]bool
				for i := range got {
					x, y := w/4+i%2*w/2, h/4+i/2*h/2
					got[i] = f.Planes[0].Data[y*f.Planes[0].Stride+x] > 125
				}
				if got != c.bright {
					t.Errorf("got bright quarters %v, want %v", got, c.bright)
				}
			}, nil)
			if n != 3 {
				t.Errorf("got %d pictures, want 3", n)
			}
		})
	}
	noLeaks(t)
}

func TestOddSizesAndShapes(t *testing.T) {
	for _, c := range []struct {
		name, filter, pix string
		format            media.PixelFormat
	}{
		{"odd 4:2:0", "testsrc2=s=161x91", "yuv420p", media.I420},
		{"odd 4:4:4", "testsrc2=s=161x91", "yuv444p", media.I420},
		{"alpha", "color=red@0.5:s=80x60,format=yuva420p", "yuva420p", media.RGBA},
		{"rgba", "color=red@0.5:s=81x61,format=bgra", "bgra", media.RGBA},
		{"grey", "testsrc2=s=80x60", "gray", media.I420},
		{"odd 10 bit", "testsrc2=s=33x35", "yuv420p10le", media.I420},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.mkv")
			run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", c.filter, "-frames:v", "2", "-c:v", "ffv1", "-pix_fmt", c.pix, "-vf", "setsar=4/3", path)
			in := open(t, t.Context(), path, InputOptions{})
			n := 0
			decoded(t, in, VideoDecoderOptions{}, func(f *media.Frame) {
				n++
				if f.Format != c.format || f.Width != in.Video().Width || f.Height != in.Video().Height {
					t.Errorf("got %v %dx%d, want %v %dx%d", f.Format, f.Width, f.Height, c.format, in.Video().Width, in.Video().Height)
				}
				if f.SAR != (media.Rational{Num: 4, Den: 3}) {
					t.Errorf("got sample aspect ratio %v, want 4/3", f.SAR)
				}
				if f.Format == media.RGBA {
					px := f.Planes[0].Data[f.Planes[0].Stride*10+40:][:4]
					for i, want := range []float64{255, 0, 0, 127} {
						if math.Abs(float64(px[i])-want) > 4 {
							t.Errorf("got %v, want half transparent red, not premultiplied", px)
							break
						}
					}
				}
			}, nil)
			if n != 2 {
				t.Errorf("got %d pictures, want 2", n)
			}
		})
	}
	noLeaks(t)
}

func TestTruncatedFile(t *testing.T) {
	ve := x264(t, VideoEncoderOptions{BFrames: -1})
	var buf bytes.Buffer
	m, err := NewMuxer(MuxerOptions{Format: "matroska", Write: func(b []byte) error { buf.Write(b); return nil }, Tracks: []media.Track{ve.Track()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range encoded(t, ve, 0, 120) {
		if err := m.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	for _, part := range []int{1, 2, 5, 8} {
		path := filepath.Join(t.TempDir(), "cut.mkv")
		if err := os.WriteFile(path, buf.Bytes()[:buf.Len()*part/9], 0o600); err != nil {
			t.Fatal(err)
		}
		in := open(t, t.Context(), path, InputOptions{})
		n := 0
		if err := decodeAll(in, VideoDecoderOptions{}, func(*media.Frame) { n++ }, nil); err != nil {
			t.Errorf("%d/9 of a file: %v", part, err)
		}
		if want := 120 * part / 9; n < want-16 || n > want+16 {
			t.Errorf("%d/9 of a file: got %d pictures, want about %d", part, n, want)
		}
	}
	for _, junk := range [][]byte{nil, []byte("not a film at all"), bytes.Repeat([]byte{0x1a, 0x45, 0xdf, 0xa3}, 100)} {
		path := filepath.Join(t.TempDir(), "junk.bin")
		if err := os.WriteFile(path, junk, 0o600); err != nil {
			t.Fatal(err)
		}
		if in, err := OpenInput(t.Context(), path, InputOptions{}); err == nil {
			in.Close()
			t.Errorf("%q opened", junk)
		}
	}
	noLeaks(t)
}

// TestInterrupt: a server that accepts and says nothing holds nobody.
func TestInterrupt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, scheme := range []string{"rtmp", "http", "rtsp", "tcp"} {
		t.Run(scheme, func(t *testing.T) {
			url := fmt.Sprintf("%s://user:hunter2@%s/live/topsecretkey", scheme, l.Addr())
			if scheme == "tcp" {
				url = fmt.Sprintf("tcp://%s", l.Addr())
			}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			start := time.Now()
			in, err := OpenInput(ctx, url, InputOptions{})
			took := time.Since(start)
			if err == nil {
				in.Close()
				t.Fatal("it opened")
			}
			if !errors.Is(err, context.DeadlineExceeded) || took > 20*time.Second { // else never
				t.Errorf("got %v after %v, want the context's error soon after its end", err, took)
			}
			for _, secret := range []string{"hunter2", "topsecretkey"} {
				if bytes.Contains([]byte(err.Error()), []byte(secret)) {
					t.Errorf("the error tells a secret: %v", err)
				}
			}
			start = time.Now()
			if in, err = OpenInput(t.Context(), url, InputOptions{Timeout: 200 * time.Millisecond}); err == nil {
				in.Close()
				t.Fatal("it opened")
			}
			if took := time.Since(start); !errors.Is(err, ErrTimeout) || took > 20*time.Second { // else never
				t.Errorf("got %v after %v, want ErrTimeout soon", err, took)
			}
		})
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for _, c := range []struct {
		url  string
		opt  InputOptions
		want string
	}{
		{"/nowhere/secretdir/film.mkv", InputOptions{}, "av: open film.mkv: no such file or directory"},
		{"x", InputOptions{Format: "nonsense"}, `av: open x: format "nonsense" is not supported`},
		{"testsrc2", InputOptions{Format: "lavfi", Options: map[string]string{"colour": "1"}}, `av: open testsrc2: option "colour" is not known to this kind of input`},
		{"nonsense://host/key", InputOptions{}, "av: open nonsense://host: the protocol is not supported"},
	} {
		in, err := OpenInput(t.Context(), c.url, c.opt)
		if err == nil {
			in.Close()
			t.Errorf("%s opened", c.url)
			continue
		}
		if err.Error() != c.want {
			t.Errorf("got %q, want %q", err, c.want)
		}
	}
}

// TestReadFromAndSeek reads a stream through an io.Reader, and seeks in a file.
func TestReadFromAndSeek(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.ts")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=4", "-c:v", "libx264", "-g", "25", "-bf", "0", path)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	in := open(t, t.Context(), "srt", InputOptions{Format: "mpegts", ReadFrom: io.MultiReader(bytes.NewReader(data[:1000]), bytes.NewReader(data[1000:]))})
	n := 0
	decoded(t, in, VideoDecoderOptions{}, func(*media.Frame) { n++ }, nil)
	if n != 100 {
		t.Errorf("got %d pictures through a reader, want 100", n)
	}
	failing := errors.New("the line was cut")
	_, err = OpenInput(t.Context(), "srt", InputOptions{Format: "mpegts", ReadFrom: io.MultiReader(bytes.NewReader(data[:200]), failingReader{failing})})
	if !errors.Is(err, failing) {
		t.Errorf("got %v, want the reader's error", err)
	}
	mp4 := filepath.Join(t.TempDir(), "a.mp4")
	run(t, "ffmpeg", "-v", "error", "-i", path, "-c", "copy", mp4)
	f := open(t, t.Context(), mp4, InputOptions{})
	if err := f.Seek(2500 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	var first *time.Duration
	decoded(t, f, VideoDecoderOptions{}, func(f *media.Frame) {
		if first == nil {
			pts := f.PTS
			first = &pts
		}
	}, nil)
	if first == nil || (*first-f.Start()).Round(time.Millisecond) != 2*time.Second {
		t.Errorf("got %v after seeking to 2.5 s, want the keyframe at 2 s", first)
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// TestSound: any rate and layout, changing midway too, comes out as studio sound: one
// channel on both sides at its own level, the centre of several 3 dB lower on each.
func TestSound(t *testing.T) {
	const sine = 0.125 // lavfi's, which ffmpeg gives both sides of a stereo file 3 dB lower
	for _, c := range []struct {
		name, rate, layout, codec string
		peak                      float32
	}{
		{"48 k stereo", "48000", "stereo", "pcm_s16le", sine * math.Sqrt2 / 2}, {"44.1 k mono", "44100", "mono", "pcm_s24le", sine},
		{"96 k 5.1", "96000", "5.1", "pcm_f32le", sine * math.Sqrt2 / 2}, {"8 k mono", "8000", "mono", "pcm_mulaw", sine},
		{"48 k left", "48000", "FL", "pcm_f32le", sine},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.mkv")
			run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=f=1000:r="+c.rate+":d=2", "-af", "aformat=channel_layouts="+c.layout, "-c:a", c.codec, path)
			in := open(t, t.Context(), path, InputOptions{})
			frames, next := 0, time.Duration(-1)
			var peak [2]float32
			decoded(t, in, VideoDecoderOptions{}, nil, func(b media.AudioBlock) {
				if d := b.PTS - next; next >= 0 && (d < -2*time.Millisecond || d > 2*time.Millisecond) {
					t.Errorf("got a block at %v, want it at %v", b.PTS, next)
				}
				next = b.PTS + b.Duration()
				frames += b.Frames()
				for i, v := range b.Samples {
					peak[i%2] = max(peak[i%2], v)
				}
			})
			if frames < 95900 || frames > 96100 {
				t.Errorf("got %d audio frames of 2 s, want 96000", frames)
			}
			for side, got := range peak {
				if got < c.peak*0.97 || got > c.peak*1.03 {
					t.Errorf("got a peak of %.4f on side %d, want %.4f", got, side, c.peak)
				}
			}
		})
	}
	// Two transport streams in a row: the rate and the layout change in mid-stream.
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.ts"), filepath.Join(dir, "b.ts")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=r=44100:d=1", "-c:a", "aac", "-ac", "1", a)
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=r=48000:d=1", "-c:a", "aac", "-ac", "2", b)
	da, _ := os.ReadFile(a)
	db, _ := os.ReadFile(b)
	in := open(t, t.Context(), "joined", InputOptions{Format: "mpegts", ReadFrom: bytes.NewReader(append(da, db...))})
	frames := 0
	decoded(t, in, VideoDecoderOptions{}, nil, func(b media.AudioBlock) { frames += b.Frames() })
	if frames < 94000 || frames > 100000 {
		t.Errorf("got %d audio frames through a change of rate, want about 97000", frames)
	}
}

// TestThousandFrames holds references as a studio does, and lets them all go.
func TestThousandFrames(t *testing.T) {
	in := open(t, t.Context(), "testsrc2=s=160x90:r=50:d=20", InputOptions{Format: "lavfi"})
	ve := x264(t, VideoEncoderOptions{Width: 160, Height: 90, FPS: media.Rational{Num: 50, Den: 1}, BFrames: -1, Preset: "ultrafast"})
	var held []*media.Frame
	n, packets := int64(0), 0
	decoded(t, in, VideoDecoderOptions{}, func(f *media.Frame) {
		p, err := ve.Encode(f, n, n%77 == 5)
		if err != nil {
			t.Fatal(err)
		}
		packets += len(p)
		n++
		held = append(held, f.Retain())
		if len(held) > 6 {
			held[0].Release()
			held = held[1:]
		}
	}, nil)
	p, err := ve.Flush()
	if err != nil {
		t.Fatal(err)
	}
	if packets += len(p); n != 1000 || packets != 1000 {
		t.Errorf("got %d frames and %d packets, want 1000", n, packets)
	}
	for _, f := range held { // after the decoder's end
		_ = readNumber(f) // the memory must still be there; the race detector and a crash are the test
		f.Release()
	}
	noLeaks(t)
}
