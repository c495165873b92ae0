package av

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

var bars75 = [8][3]float64{{.75, .75, .75}, {.75, .75, 0}, {0, .75, .75}, {0, .75, 0}, {.75, 0, .75}, {.75, 0, 0}, {0, 0, .75}, {0, 0, 0}}

func TestAffineIsExact(t *testing.T) {
	colors := []media.ColorInfo{}
	for _, m := range []media.Matrix{media.BT601, media.BT709, media.BT2020} {
		colors = append(colors, media.ColorInfo{Matrix: m, Range: media.Limited}, media.ColorInfo{Matrix: m, Range: media.Full})
	}
	pool := media.NewFramePool(media.I420, 64, 34, 4)
	for _, from := range colors {
		for _, to := range colors {
			for i, bar := range bars75 {
				src, dst := pool.Get(), pool.Get()
				src.Color, dst.Color = from, to
				y, cb, cr := from.FromRGB(bar[0], bar[1], bar[2])
				y, cb, cr = math.Round(y), math.Round(cb), math.Round(cr)
				src.Fill(byte(y), byte(cb), byte(cr))
				if err := NewScaler(0).Scale(dst, src); err != nil {
					t.Fatal(err)
				}
				r, g, b := from.ToRGB(y, cb, cr)
				wy, wcb, wcr := to.FromRGB(r, g, b)
				compare(t, fmt.Sprintf("%v to %v bar %d", from, to, i), dst, 32, 16, [3]float64{wy, wcb, wcr}, 0.5001)
				src.Release()
				dst.Release()
			}
		}
	}
}

// compare checks one pixel of an I420 or NV12 frame.
func compare(t *testing.T, what string, f *media.Frame, x, y int, want [3]float64, tolerance float64) {
	t.Helper()
	got := [3]float64{float64(f.Planes[0].Data[y*f.Planes[0].Stride+x])}
	if f.Format == media.NV12 {
		at := y/2*f.Planes[1].Stride + x/2*2
		got[1], got[2] = float64(f.Planes[1].Data[at]), float64(f.Planes[1].Data[at+1])
	} else {
		got[1] = float64(f.Planes[1].Data[y/2*f.Planes[1].Stride+x/2])
		got[2] = float64(f.Planes[2].Data[y/2*f.Planes[2].Stride+x/2])
	}
	for i := range got {
		if math.Abs(got[i]-min(max(want[i], 0), 255)) > tolerance {
			t.Errorf("%s: got Y'CbCr %v, want %.2f", what, got, want)
			return
		}
	}
}

// barsFile makes a raw video file of 75 % bars, 16 columns each, in an exact format.
func barsFile(t *testing.T, format string, c media.ColorInfo, h int) string {
	t.Helper()
	const w = 128
	ten := format == "yuv420p10le" || format == "yuv422p10le"
	cw, ch := w, h
	switch format {
	case "yuv420p", "nv12", "yuv420p10le":
		cw, ch = w/2, h/2
	case "yuv422p", "yuyv422", "yuv422p10le":
		cw = w / 2
	}
	var data []byte
	put := func(v float64) {
		if ten {
			n := int(math.Round(v * 4))
			data = append(data, byte(n), byte(n>>8))
			return
		}
		data = append(data, byte(math.Round(v)))
	}
	at := func(x, width, channel int) float64 {
		bar := bars75[x*8/width]
		y, cb, cr := c.FromRGB(bar[0], bar[1], bar[2])
		return [3]float64{y, cb, cr}[channel]
	}
	switch format {
	case "rgb24":
		for range h {
			for x := range w {
				for i := range 3 {
					put(bars75[x*8/w][i] * 255)
				}
			}
		}
	case "yuyv422":
		for range h {
			for x := range w / 2 {
				put(at(2*x, w, 0))
				put(at(x, cw, 1))
				put(at(2*x+1, w, 0))
				put(at(x, cw, 2))
			}
		}
	default:
		for range h {
			for x := range w {
				put(at(x, w, 0))
			}
		}
		if format == "nv12" {
			for range ch {
				for x := range cw {
					put(at(x, cw, 1))
					put(at(x, cw, 2))
				}
			}
			break
		}
		for i := 1; i < 3; i++ {
			for range ch {
				for x := range cw {
					put(at(x, cw, i))
				}
			}
		}
	}
	raw := filepath.Join(t.TempDir(), "bars.raw")
	if err := os.WriteFile(raw, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "bars.mkv")
	codec := []string{"libx264", "-qp", "0"} // lossless, and takes both ranges
	switch format {
	case "yuyv422":
		codec = []string{"rawvideo"}
	case "rgb24":
		codec = []string{"png"}
	}
	tags := fmt.Sprintf("setparams=colorspace=%s:range=%s",
		map[media.Matrix]string{media.BT601: "smpte170m", media.BT709: "bt709", media.BT2020: "bt2020nc"}[c.Matrix],
		map[media.Range]string{media.Limited: "tv", media.Full: "pc"}[c.Range])
	if format == "rgb24" {
		tags = "null"
	}
	args := []string{"-v", "error", "-f", "rawvideo", "-pixel_format", format, "-video_size", fmt.Sprintf("%dx%d", w, h), "-i", raw,
		"-vf", tags, "-allow_raw_vfw", "1", "-frames:v", "1", "-c:v"}
	args = append(append(args, codec...), out)
	run(t, "ffmpeg", args...)
	return out
}

// TestDecodedColor: bars in any format, matrix and range arrive on the canvas within
// one code value of the exact ones.
func TestDecodedColor(t *testing.T) {
	for _, format := range []string{"yuv420p", "nv12", "yuv422p", "yuyv422", "yuv444p", "yuv420p10le", "yuv422p10le", "rgb24"} {
		for _, m := range []media.Matrix{media.BT601, media.BT709, media.BT2020} {
			for _, r := range []media.Range{media.Limited, media.Full} {
				c := media.ColorInfo{Matrix: m, Range: r}
				if format == "rgb24" && c != media.Rec709 {
					continue
				}
				t.Run(fmt.Sprintf("%s/%d/%d", format, m, r), func(t *testing.T) {
					n := 0
					in := open(t, t.Context(), barsFile(t, format, c, 64), InputOptions{})
					if format != "rgb24" && in.Video().Color != c {
						t.Fatalf("got %v, want %v", in.Video().Color, c)
					}
					decoded(t, in, VideoDecoderOptions{}, func(f *media.Frame) {
						n++
						if f.Color != media.Rec709 || f.Format == media.RGBA {
							t.Errorf("got %v %v", f.Format, f.Color)
						}
						for i, bar := range bars75 {
							wy, wcb, wcr := media.Rec709.FromRGB(bar[0], bar[1], bar[2])
							compare(t, fmt.Sprintf("bar %d", i), f, i*16+8, 30, [3]float64{wy, wcb, wcr}, 1.5)
						}
					}, nil)
					if n != 1 {
						t.Errorf("got %d pictures, want 1", n)
					}
				})
			}
		}
	}
	noLeaks(t)
}

func TestUnspecifiedMatrix(t *testing.T) {
	for _, c := range []struct {
		height int
		want   media.Matrix
	}{{480, media.BT601}, {576, media.BT601}, {719, media.BT601}, {720, media.BT709}, {2160, media.BT709}} {
		if got := colorOf(2, -1, c.height); got.Matrix != c.want || got.Range != media.Limited {
			t.Errorf("%d lines: got %v, want matrix %v", c.height, got, c.want)
		}
	}
}

// TestRGBARoundTrip: views get the right colours, with tight rows and odd sizes too.
func TestRGBARoundTrip(t *testing.T) {
	for _, size := range [][2]int{{64, 32}, {65, 33}, {31, 17}} {
		for _, format := range []media.PixelFormat{media.I420, media.NV12} {
			for _, c := range []media.ColorInfo{media.Rec709, {Matrix: media.BT601, Range: media.Full}} {
				src := media.NewFramePool(format, size[0], size[1], 1).Get()
				src.Color = c
				y, cb, cr := c.FromRGB(0.75, 0.25, 0.5)
				src.Fill(byte(math.Round(y)), byte(math.Round(cb)), byte(math.Round(cr)))
				view := media.NewFrame(media.RGBA, size[0], size[1], [3]media.Plane{{Data: make([]byte, size[0]*4*size[1]), Stride: size[0] * 4}}, nil)
				for _, q := range []Quality{Bicubic, Area} {
					s := NewScaler(q)
					if err := s.Scale(view, src); err != nil {
						t.Fatal(err)
					}
					for _, at := range []int{0, len(view.Planes[0].Data) - 4} {
						px := view.Planes[0].Data[at : at+4]
						for i, want := range []float64{191, 64, 128, 255} {
							if math.Abs(float64(px[i])-want) > 2.5 {
								t.Errorf("%v %v quality %d at byte %d: got %v, want 191 64 128 255", size, format, q, at, px)
								break
							}
						}
					}
					s.Close()
				}
				src.Release()
				view.Release()
			}
		}
	}
	noLeaks(t)
}
