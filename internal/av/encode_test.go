package av

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/asticode/go-astiav"
	"golang.org/x/sys/cpu"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestSameAsCommandLine: the ffmpeg program with CLIArgs encodes with the settings
// that we do, as x264 itself writes them into the stream.
func TestSameAsCommandLine(t *testing.T) {
	for _, o := range []VideoEncoderOptions{
		{GOP: 60, BFrames: -1}, {GOP: 50, BFrames: 0, Threads: 2, FPS: media.Rational{Num: 25, Den: 1}},
		{GOP: 120, BFrames: 2, Preset: "medium", FPS: media.Rational{Num: 60000, Den: 1001}},
	} {
		e := x264(t, o)
		ours := SettingsSEI(encoded(t, e, 0, 3)[0].Data)
		args, err := e.opt.CLIArgs()
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "x.h264")
		run(t, "ffmpeg", slices.Concat([]string{"-v", "error", "-f", "lavfi", "-i",
			fmt.Sprintf("testsrc2=s=%dx%d:r=%v", e.opt.Width, e.opt.Height, e.opt.FPS), "-frames:v", "3", "-pix_fmt", "yuv420p"}, args, []string{"-f", "h264", out})...)
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		theirs := SettingsSEI(data)
		if ours == "" || ours != theirs {
			t.Errorf("got settings\n%s\nthe command line's are\n%s", ours, theirs)
		}
		if strings.Contains(ours, "open_gop=1") {
			t.Errorf("the GOP is open: %s", ours)
		}
		for _, want := range []string{"scenecut=0", fmt.Sprintf("keyint=%d ", e.opt.GOP), "vbv_maxrate=800", "vbv_bufsize=800", "nal_hrd=none"} {
			if !strings.Contains(ours+" ", want) {
				t.Errorf("%s is missing in %s", want, ours)
			}
		}
	}
}

// TestKeyframes: on the grid of frame numbers whatever was dropped or forced.
func TestKeyframes(t *testing.T) {
	e := x264(t, VideoEncoderOptions{GOP: 30, BFrames: -1})
	want := []int64{10, 30, 47, 60, 92, 120}
	pool := media.NewFramePool(media.I420, 320, 180, 2)
	var got []int64
	take := func(ps []*media.Packet) {
		for _, p := range ps {
			if p.Time != media.TickTime(p.PTS, fps30) {
				t.Errorf("got time %v of frame %d", p.Time, p.PTS)
			}
			sets := parameterSets(media.H264, p.Data)
			if p.Keyframe {
				got = append(got, p.PTS)
				if !bytes.Equal(sets, e.Track().Extradata) {
					t.Errorf("frame %d: got parameter sets %x, want those of the track, %x", p.PTS, sets, e.Track().Extradata)
				}
			} else if sets != nil {
				t.Errorf("frame %d carries parameter sets but is no keyframe", p.PTS)
			}
			nals(p.Data, func(nal []byte) bool {
				if nalType(media.H264, nal) == h264SEI && p.PTS != want[0] {
					t.Errorf("frame %d carries an SEI", p.PTS)
				}
				return true
			})
		}
	}
	if len(e.Track().Extradata) == 0 {
		t.Fatal("no parameter sets before the first frame")
	}
	for n := int64(10); n < 130; n++ {
		if n >= 88 && n < 92 {
			continue // dropped before encoding, over the grid's 90
		}
		f := pool.Get()
		drawNumber(f, n)
		p, err := e.Encode(f, n, n == 47)
		f.Release()
		if err != nil {
			t.Fatal(err)
		}
		take(p)
	}
	p, err := e.Flush()
	if err != nil {
		t.Fatal(err)
	}
	take(p)
	if !slices.Equal(got, want) {
		t.Errorf("got keyframes at %v, want %v", got, want)
	}
	if f := pool.Get(); true {
		if _, err := e.Encode(f, 5, false); err == nil {
			t.Error("a frame number that goes back was taken")
		}
		f.Release()
	}
}

// TestDiscardable: pictures that are marked so can be left out without harm.
func TestDiscardable(t *testing.T) {
	e := x264(t, VideoEncoderOptions{GOP: 60, BFrames: 2})
	var buf bytes.Buffer
	m, err := NewMuxer(MuxerOptions{Format: "mpegts", Write: func(b []byte) error { buf.Write(b); return nil }, Tracks: []media.Track{e.Track()}})
	if err != nil {
		t.Fatal(err)
	}
	kept, dropped := 0, 0
	for _, p := range encoded(t, e, 0, 90) {
		if p.Discardable {
			dropped++
			continue
		}
		kept++
		if err := m.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if dropped < 20 {
		t.Errorf("got %d discardable pictures of 90 with two B pictures", dropped)
	}
	in := open(t, t.Context(), "mem", InputOptions{Format: "mpegts", ReadFrom: &buf})
	n, start := 0, time.Duration(0)
	decoded(t, in, VideoDecoderOptions{}, func(f *media.Frame) {
		if n == 0 {
			start = f.PTS
		}
		want := (f.PTS - start).Seconds() * 30
		if got := readNumber(f); float64(got) < want-0.5 || float64(got) > want+0.5 {
			t.Errorf("got picture %d at %v", got, f.PTS)
		}
		n++
	}, nil)
	if n != kept {
		t.Errorf("got %d pictures, want %d", n, kept)
	}
}

// TestFormatsIn: every format and size is taken, and shows the right picture.
func TestFormatsIn(t *testing.T) {
	for _, c := range []struct {
		in, native media.PixelFormat
		w, h       int
	}{
		{media.I420, media.I420, 320, 180}, {media.NV12, media.I420, 320, 180}, {media.NV12, media.NV12, 320, 180},
		{media.I420, media.NV12, 320, 180}, {media.RGBA, media.I420, 320, 180}, {media.I420, media.I420, 640, 360}, {media.NV12, media.I420, 161, 91},
	} {
		t.Run(fmt.Sprintf("%v %dx%d to %v", c.in, c.w, c.h, c.native), func(t *testing.T) {
			e := x264(t, VideoEncoderOptions{Format: c.native})
			src := media.NewFramePool(c.in, c.w, c.h, 1).Get()
			if c.in == media.RGBA {
				for i := range src.Planes[0].Data {
					src.Planes[0].Data[i] = [4]byte{191, 0, 0, 255}[i%4]
				}
			} else {
				y, cb, cr := media.Rec709.FromRGB(.75, 0, 0)
				src.Fill(byte(y+.5), byte(cb+.5), byte(cr+.5))
			}
			var buf bytes.Buffer
			for i := range int64(10) {
				p, err := e.Encode(src, i, false)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range p {
					buf.Write(p.Data)
				}
			}
			src.Release()
			p, err := e.Flush()
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range p {
				buf.Write(p.Data)
			}
			in := open(t, t.Context(), "mem", InputOptions{Format: "h264", ReadFrom: &buf})
			if in.Video().Color != media.Rec709 {
				t.Errorf("got colour %v in the stream, want BT.709 limited", in.Video().Color)
			}
			n := 0
			decoded(t, in, VideoDecoderOptions{}, func(f *media.Frame) {
				n++
				y, cb, cr := media.Rec709.FromRGB(.75, 0, 0)
				compare(t, "red", f, 160, 90, [3]float64{y, cb, cr}, 2)
			}, nil)
			if n != 10 {
				t.Errorf("got %d pictures, want 10", n)
			}
		})
	}
	noLeaks(t)
}

func TestFallBack(t *testing.T) {
	for _, name := range []string{"auto", "h264_vaapi", "h264_nvenc"} {
		e := x264(t, VideoEncoderOptions{Encoder: name, BFrames: 0})
		if e.row.Hardware {
			if e.Note() != "" {
				t.Errorf("%s works and yet says %q", name, e.Note())
			}
			continue
		}
		if e.Name() != "libx264" || e.Note() == "" {
			t.Errorf("%s: got %s with note %q, want libx264 with a reason", name, e.Name(), e.Note())
		}
	}
	for _, bad := range []VideoEncoderOptions{
		{Encoder: "nonsense", Width: 320, Height: 180, FPS: fps30, BitrateBPS: 1e6},
		{Encoder: "libx264", Width: 321, Height: 180, FPS: fps30, BitrateBPS: 1e6},
		{Encoder: "libx264", Width: 320, Height: 180, BitrateBPS: 1e6},
		{Encoder: "libx264", Width: 320, Height: 180, FPS: fps30},
		{Encoder: "libx264", Preset: "warp", Width: 320, Height: 180, FPS: fps30, BitrateBPS: 1e6},
	} {
		if e, err := NewVideoEncoder(bad); err == nil {
			e.Close()
			t.Errorf("%+v opened", bad)
		}
	}
}

func TestProbe(t *testing.T) {
	if l := Probe(); !strings.HasPrefix(l.Version, "7.") && !strings.HasPrefix(l.Version, "n7.") || l.License == "" {
		t.Errorf("got %+v", l)
	}
	rows := ProbeEncoders(t.Context())
	if len(rows) != len(Encoders()) {
		t.Fatalf("got %d rows, want %d", len(rows), len(Encoders()))
	}
	for _, r := range rows {
		if r.Works != (r.Reason == "") {
			t.Errorf("%s: works %v, reason %q", r.Name, r.Works, r.Reason)
		}
		if !r.Hardware && !r.Works {
			t.Errorf("%s does not work: %s", r.Name, r.Reason)
		}
		t.Logf("%-18s %v %s", r.Name, r.Works, r.Reason)
	}
}

// TestDiskFull: a full disk is said within the fragment, by name, and for good.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", dir).CombinedOutput(); err == nil {
			t.Cleanup(func() {
				if err := syscall.Unmount(dir, 0); err != nil {
					t.Error(err)
				}
			})
		} else {
			t.Logf("no tmpfs (%s): a failing writer stands in", bytes.TrimSpace(out))
			dir = ""
		}
	} else {
		dir = ""
	}
	for _, format := range []string{"matroska", "mp4", "mpegts", "flv"} {
		t.Run(format, func(t *testing.T) {
			e := x264(t, VideoEncoderOptions{BFrames: 0, BitrateBPS: 2_000_000})
			opt := MuxerOptions{Format: format, Tracks: []media.Track{e.Track()}}
			if dir != "" {
				opt.Path = filepath.Join(dir, "full."+format)
				defer os.Remove(opt.Path)
			} else {
				room := 300 << 10
				opt.Write = func(b []byte) error {
					if room -= len(b); room < 0 {
						return syscall.ENOSPC
					}
					return nil
				}
			}
			m, err := NewMuxer(opt)
			if err != nil {
				t.Fatal(err)
			}
			pool := media.NewFramePool(media.I420, 320, 180, 2)
			var failed error
			written, at := 0, 0
			for i := int64(0); i < 600 && failed == nil; i++ {
				f := pool.Get()
				noise := uint32(i + 1)
				for k := range f.Planes[0].Data {
					noise = noise*1664525 + 1013904223
					f.Planes[0].Data[k] = byte(noise >> 24)
				}
				ps, err := e.Encode(f, i, false)
				f.Release()
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range ps {
					written += len(p.Data)
					if written > 300<<10 && at == 0 {
						at = int(i)
					}
					if failed = m.WritePacket(p); failed != nil {
						if at > 0 && int(i)-at > 36 {
							t.Errorf("got the error %d pictures after the disk was full", int(i)-at)
						}
						break
					}
				}
			}
			if !errors.Is(failed, syscall.ENOSPC) {
				t.Errorf("got %v after %d bytes, want no space left", failed, written)
			}
			if err := m.Close(); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("close: got %v, want no space left", err)
			}
		})
	}
}

// TestByReference: a decoded picture in the canvas's colour goes to the encoder as it is.
func TestByReference(t *testing.T) {
	first, second := x264(t, VideoEncoderOptions{BFrames: -1}), x264(t, VideoEncoderOptions{BFrames: -1})
	var a, b bytes.Buffer
	for _, p := range encoded(t, first, 0, 40) {
		a.Write(p.Data)
	}
	n := int64(0)
	put := func(ps []*media.Packet, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range ps {
			b.Write(p.Data)
		}
	}
	decoded(t, open(t, t.Context(), "mem", InputOptions{Format: "h264", ReadFrom: &a}), VideoDecoderOptions{}, func(f *media.Frame) {
		if f.Native == nil || f.Format != media.I420 {
			t.Fatalf("frame %d is a copy", n)
		}
		put(second.Encode(f, n, false))
		n++
	}, nil)
	put(second.Flush())
	if len(second.memory) != 0 {
		t.Errorf("the encoder copied %d pictures", len(second.memory))
	}
	n = 0
	decoded(t, open(t, t.Context(), "mem", InputOptions{Format: "h264", ReadFrom: &b}), VideoDecoderOptions{}, func(f *media.Frame) {
		if got := readNumber(f); got != n {
			t.Errorf("got picture %d, want %d", got, n)
		}
		n++
	}, nil)
	if n != 40 {
		t.Errorf("got %d pictures, want 40", n)
	}
	noLeaks(t)
}

// TestRepeatable: the same pictures give the same packets every time, with several threads
// and whatever memory was used for before: x264 with AVX-512 failed one encode in four here.
func TestRepeatable(t *testing.T) {
	opt := VideoEncoderOptions{BFrames: -1, Repeatable: true}
	var want []*media.Packet
	for range 24 {
		// A subtest closes its encoders, and what they used is used again.
		t.Run("run", func(t *testing.T) {
			one, two := x264(t, opt), x264(t, opt)
			got, other := encoded(t, one, 0, 40), encoded(t, two, 0, 40)
			if want == nil {
				want = got
				if text := SettingsSEI(got[0].Data); !strings.Contains(text, " threads=4 ") {
					t.Errorf("x264 was set to %q", text)
				}
			}
			for _, packets := range [][]*media.Packet{got, other} {
				if len(packets) != len(want) {
					t.Fatalf("%d packets, want %d", len(packets), len(want))
				}
				for i := range packets {
					if !bytes.Equal(packets[i].Data, want[i].Data) {
						t.Fatalf("packet %d differs", i)
					}
				}
			}
			runtime.GC()
		})
	}
}

// TestRepeatableOnEveryProcessor: with the settings of what is repeatable x264 makes the same of its
// plain C as of the code that it has for this processor; of its own choice it does not.
func TestRepeatableOnEveryProcessor(t *testing.T) {
	opt := VideoEncoderOptions{Encoder: "libx264", Width: 640, Height: 360, FPS: fps30, BitrateBPS: 800_000, BFrames: -1, Repeatable: true}
	args, err := opt.CLIArgs()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "x.h264")
	encode := func(params string) []byte {
		run(t, "ffmpeg", slices.Concat([]string{"-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30,noise=alls=12:allf=t", "-frames:v", "90",
			"-pix_fmt", "yuv420p"}, args, []string{"-x264-params", params, "-f", "h264", out})...)
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	plain := encode(x264Params(opt) + ":asm=0")
	if !bytes.Equal(encode(x264Params(opt)), plain) {
		t.Error("it is not what plain C makes")
	}
	opt.Repeatable = false
	if cpu.X86.HasAVX2 && bytes.Equal(encode(x264Params(opt)), plain) {
		t.Error("x264's own choice makes the same: this test cannot fail")
	}
}

// TestFrameMemoryIsNotCopied: pictures in FrameMemory reach the encoder by reference, give
// the packets that copies give, and are not handed out while libav refers to them.
func TestFrameMemoryIsNotCopied(t *testing.T) {
	opt := VideoEncoderOptions{BFrames: -1, Repeatable: true}
	copied, direct := x264(t, opt), x264(t, opt)
	want := encoded(t, copied, 0, 40)
	pool := media.NewFramePoolIn(FrameMemory{}, media.I420, 320, 180, 4)
	defer pool.Close()
	var got []*media.Packet
	for n := range int64(40) {
		f := pool.Get()
		f.Color = direct.opt.Color
		drawNumber(f, n)
		ps, err := direct.Encode(f, n, false)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ps...)
		f.Release()
	}
	rest, err := direct.Flush()
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, rest...)
	if len(direct.memory) != 0 || len(copied.memory) == 0 {
		t.Errorf("%d pictures were copied, and %d of plain memory", len(direct.memory), len(copied.memory))
	}
	if len(got) != len(want) {
		t.Fatalf("got %d packets, want %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i].Data, want[i].Data) {
			t.Fatalf("packet %d differs from that of a copied picture", i)
		}
	}
	f := pool.Get()
	other := astiav.AllocFrame()
	defer other.Free()
	if err := other.Ref(f.Native.(*native).frame); err != nil {
		t.Fatal(err)
	}
	f.Release()
	if g := pool.Get(); g == f {
		t.Error("a picture that libav refers to was handed out again")
	} else {
		g.Release()
	}
	noLeaks(t)
}

func BenchmarkConvert1080p(b *testing.B) {
	for _, c := range []struct {
		name     string
		src, dst media.PixelFormat
		color    media.ColorInfo
		quality  Quality
		w, h     int
	}{
		{"recolor", media.I420, media.I420, media.ColorInfo{Matrix: media.BT601, Range: media.Full}, Bicubic, 1920, 1080},
		{"nv12 to i420", media.NV12, media.I420, media.Rec709, Bicubic, 1920, 1080},
		{"view fast", media.I420, media.RGBA, media.Rec709, Fast, 640, 360},
		{"view area", media.I420, media.RGBA, media.Rec709, Area, 640, 360},
	} {
		b.Run(c.name, func(b *testing.B) {
			src, dst := media.NewFramePool(c.src, 1920, 1080, 1).Get(), media.NewFramePool(c.dst, c.w, c.h, 1).Get()
			src.Color = c.color
			s := NewScaler(c.quality)
			defer s.Close()
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Scale(dst, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
