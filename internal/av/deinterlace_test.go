package av

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// interlaced is a file of a bright bar that is 4 pixels further right in each field, 50 fields
// a second for one second; top is which field comes first.
func interlaced(t testing.TB, name string, top bool, codec ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	weave, order := "interleave_top", "tff"
	if !top {
		weave, order = "interleave_bottom", "bff"
	}
	args := []string{"-v", "error", "-f", "lavfi", "-i", "nullsrc=s=320x192:r=50:d=1,format=yuv420p,geq=lum='if(between(X,4*N,4*N+15),235,16)':cb=128:cr=128",
		"-vf", "tinterlace=" + weave + ",setfield=" + order, "-g", "10", "-b:v", "4M"}
	if codec == nil {
		codec = []string{"-c:v", "libx264", "-preset", "veryfast", "-flags", "+ilme+ildct", "-x264-params", order + "=1"}
	}
	run(t, "ffmpeg", append(append(args, codec...), path)...)
	return path
}

// bar is where the bar is in the upper and the lower rows of pairs, and how far these differ.
func bar(f *media.Frame) (at, apart float64) {
	var centre [2]float64
	for parity := range centre {
		var sum, weight float64
		for y := 32 + parity; y < 160; y += 2 {
			row := f.Planes[0].Data[y*f.Planes[0].Stride:]
			for x := range f.Width {
				v := math.Max(float64(row[x])-60, 0)
				sum, weight = sum+v*float64(x), weight+v
			}
		}
		centre[parity] = sum / weight
	}
	return (centre[0] + centre[1]) / 2, math.Abs(centre[0] - centre[1])
}

// TestDeinterlace: of interlaced H.264 and MPEG-2, by the flag's own field order, each field is a
// picture in its place and at its time where the canvas is fast enough, else each frame.
func TestDeinterlace(t *testing.T) {
	mpeg2 := []string{"-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-bf", "0"}
	fifty := media.Rational{Num: 50, Den: 1}
	for _, c := range []struct {
		file  string
		top   bool
		codec []string
		opt   VideoDecoderOptions
		want  int
	}{
		{"a.mp4", true, nil, VideoDecoderOptions{Deinterlace: true, Rate: fifty}, 50},
		{"a.mkv", false, nil, VideoDecoderOptions{Deinterlace: true, Rate: media.Rational{Num: 60000, Den: 1001}}, 50},
		{"a.ts", true, nil, VideoDecoderOptions{Deinterlace: true, Rate: fifty, LowDelay: true}, 50},
		{"b.ts", true, mpeg2, VideoDecoderOptions{Deinterlace: true, Rate: fifty}, 50},
		{"b.mkv", false, mpeg2, VideoDecoderOptions{Deinterlace: true, Rate: fifty}, 50},
		{"a.mp4", true, nil, VideoDecoderOptions{Deinterlace: true, Rate: fps30}, 25},
		{"a.ts", false, nil, VideoDecoderOptions{Deinterlace: true}, 25},
	} {
		t.Run(fmt.Sprintf("%s, %d of 25", c.file, c.want), func(t *testing.T) {
			in := open(t, t.Context(), interlaced(t, c.file, c.top, c.codec...), InputOptions{})
			field := 50 / c.want
			n := 0
			var first time.Duration
			decoded(t, in, c.opt, func(f *media.Frame) {
				if n == 0 {
					first = f.PTS
				}
				at, apart := bar(f)
				alone := n == 0 || n == c.want-1 // without a neighbour on one side: woven
				if want := float64(4*n*field) + 7.5; !alone && (math.Abs(at-want) > 1 || apart > 1) {
					t.Errorf("picture %d: the bar is at %.1f, its rows %.1f apart, want %.1f and 0", n, at, apart, want)
				}
				if want := first + time.Duration(n*field)*20*time.Millisecond; (f.PTS - want).Abs() > time.Millisecond {
					t.Errorf("picture %d is at %v, want %v", n, f.PTS-first, want-first)
				}
				n++
			}, nil)
			if n != c.want {
				t.Errorf("got %d pictures, want %d", n, c.want)
			}
			noLeaks(t)
		})
	}
}

// TestDeinterlaceOnlyWhatIs: what is not interlaced, and what is not to be deinterlaced, goes
// by without a graph.
func TestDeinterlaceOnlyWhatIs(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "p.mp4")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x192:r=25:d=1", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", plain)
	for _, c := range []struct {
		name, path string
		on         bool
		note       string
	}{
		{"progressive", plain, true, ""},
		{"off", interlaced(t, "a.mp4", true), false, "interlaced"},
	} {
		in := open(t, t.Context(), c.path, InputOptions{})
		d, err := NewVideoDecoder(in.Video(), VideoDecoderOptions{Deinterlace: c.on, Rate: media.Rational{Num: 50, Den: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if d.Note() != c.note || d.FieldStep() != 0 {
			t.Errorf("%s: said %q, a field lasts %v", c.name, d.Note(), d.FieldStep())
		}
		p := NewInputPacket()
		n := 0
		for done := false; !done; {
			pkt := p
			if err := in.ReadPacket(p); err != nil {
				done, pkt = true, nil
			}
			if err := d.Send(pkt); err != nil {
				t.Fatal(err)
			}
			for {
				f, err := d.Receive()
				if err != nil {
					break
				}
				f.Release()
				n++
			}
			if d.deint.graph != nil {
				t.Fatalf("%s: there is a filter", c.name)
			}
		}
		if n != 25 {
			t.Errorf("%s: %d pictures, want 25", c.name, n)
		}
		p.Free()
		d.Close()
	}
	noLeaks(t)
}

// TestDeinterlaceTakesWhatCardsGive: NV12 of hardware, YUYV and UYVY of capture cards, 10 bits.
func TestDeinterlaceTakesWhatCardsGive(t *testing.T) {
	for _, format := range []string{"nv12", "yuyv422", "uyvy422", "yuv422p10le", "yuva420p"} {
		in := open(t, t.Context(), "testsrc2=s=320x192:r=25:d=0.4,format="+format+",setfield=tff", InputOptions{Format: "lavfi"})
		n := 0
		decoded(t, in, VideoDecoderOptions{Deinterlace: true, Rate: media.Rational{Num: 50, Den: 1}}, func(f *media.Frame) {
			n++
			if f.Width != 320 || f.Height != 192 {
				t.Errorf("%s: %dx%d", format, f.Width, f.Height)
			}
		}, nil)
		if n != 20 {
			t.Errorf("%s: %d pictures, want 20", format, n)
		}
	}
	noLeaks(t)
}

// BenchmarkDeinterlace1080i is what one picture of 1080i costs.
func BenchmarkDeinterlace1080i(b *testing.B) {
	in := open(b, b.Context(), "testsrc2=s=1920x1080:r=25:d=0.2,format=yuv420p,setfield=tff", InputOptions{Format: "lavfi"})
	d, err := NewVideoDecoder(in.Video(), VideoDecoderOptions{Deinterlace: true, Rate: media.Rational{Num: 50, Den: 1}})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	var list []*native
	p := NewInputPacket()
	defer p.Free()
	for in.ReadPacket(p) == nil {
		if err := d.Send(p); err != nil {
			b.Fatal(err)
		}
		for {
			n, _, err := d.decoded()
			if err != nil {
				break
			}
			list = append(list, n)
		}
	}
	out, pictures := d.frames.get(), 0
	b.ResetTimer()
	for i := range b.N {
		n := d.frames.get()
		if err := n.frame.Ref(list[i%len(list)].frame); err != nil {
			b.Fatal(err)
		}
		if !d.deint.wants(n, true) {
			b.Fatal("no filter")
		}
		if err := d.deint.push(n, time.Duration(i)*40*time.Millisecond); err != nil {
			b.Fatal(err)
		}
		d.frames.put(n)
		for {
			if _, err := d.deint.pull(out); err != nil {
				break
			}
			out.frame.Unref()
			pictures++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(pictures), "µs/picture")
}
