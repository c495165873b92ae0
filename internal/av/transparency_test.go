package av

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// webm is a file of red pictures (of BT.601, as it says), 25 a second, with a keyframe every ten, transparent but for a block
// of 16 columns that begins at 4 times the picture's number.
func webm(t *testing.T, encoder string, width, height, pictures int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.webm")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi",
		"-i", fmt.Sprintf("color=s=%dx%d:r=25,format=yuva420p,geq=lum=81:cb=90:cr=240:a='255*between(X,4*N,4*N+15)',setparams=colorspace=smpte170m:range=tv", width, height),
		"-frames:v", fmt.Sprint(pictures), "-c:v", encoder, "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-b:v", "4M", "-deadline", "realtime", "-cpu-used", "6",
		"-g", "999", "-force_key_frames", "expr:eq(mod(n,10),0)", path)
	return path
}

// TestTransparencyOfWebM: what VP8 and VP9 keep beside their pictures is decoded, whatever decodes
// others, and the colours are what the file says.
func TestTransparencyOfWebM(t *testing.T) {
	for _, c := range []struct {
		encoder                 string
		width, height, pictures int
	}{
		{"libvpx", 160, 90, 30}, {"libvpx-vp9", 160, 90, 30},
		{"libvpx", 1280, 720, 2}, {"libvpx-vp9", 1280, 720, 2}, // a matrix that is not said is BT.709 here
	} {
		t.Run(fmt.Sprintf("%s/%d", c.encoder, c.height), func(t *testing.T) {
			in := open(t, t.Context(), webm(t, c.encoder, c.width, c.height, c.pictures), InputOptions{})
			for _, threads := range []int{1, 4} {
				n := 0
				if threads > 1 {
					if err := in.Seek(0); err != nil {
						t.Fatal(err)
					}
				}
				decoded(t, in, VideoDecoderOptions{Hardware: "auto", Threads: threads}, func(f *media.Frame) {
					if f.Format != media.RGBA || f.Width != c.width || f.Height != c.height {
						t.Fatalf("picture %d is %v %dx%d", n, f.Format, f.Width, f.Height)
					}
					at := func(x int) []byte { return f.Planes[0].Data[f.Planes[0].Stride*(c.height/2)+4*x:][:4] }
					if px := at(4*n + 8); px[0] < 240 || px[1] > 14 || px[2] > 14 || px[3] < 224 {
						t.Errorf("picture %d: %v in the block, want red", n, px)
					}
					if px := at(4*n + 28); px[3] > 31 {
						t.Errorf("picture %d: %v beside the block, want it transparent", n, px)
					}
					n++
				}, nil)
				if n != c.pictures {
					t.Errorf("%d pictures with %d threads, want %d", n, threads, c.pictures)
				}
			}
			d, err := NewVideoDecoder(in.Video(), VideoDecoderOptions{Hardware: "auto"})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if got := d.Note(); got != "decoding in software: no device knows its transparency" {
				t.Errorf("note %q", got)
			}
		})
	}
	noLeaks(t)
}

// TestTransparencyInMOV: what has its alpha in the pictures.
func TestTransparencyInMOV(t *testing.T) {
	for _, args := range [][]string{
		{"-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"}, {"-c:v", "qtrle", "-pix_fmt", "argb"}, {"-c:v", "png", "-pix_fmt", "rgba"},
	} {
		path := filepath.Join(t.TempDir(), "x.mov")
		run(t, "ffmpeg", slices.Concat([]string{"-v", "error", "-f", "lavfi", "-i", "color=red@0.5:s=80x60:r=25,format=rgba", "-frames:v", "2"}, args, []string{path})...)
		n := 0
		decoded(t, open(t, t.Context(), path, InputOptions{}), VideoDecoderOptions{}, func(f *media.Frame) {
			n++
			if f.Format != media.RGBA {
				t.Fatalf("%s: pictures of %v", args[1], f.Format)
			}
			if px := f.Planes[0].Data[f.Planes[0].Stride*30+160:][:4]; px[0] < 247 || px[1] > 8 || px[2] > 8 || px[3] < 121 || px[3] > 133 {
				t.Errorf("%s: got %v, want half transparent red, not premultiplied", args[1], px)
			}
		}, nil)
		if n != 2 {
			t.Errorf("%s: %d pictures, want 2", args[1], n)
		}
	}
}

// TestTransparent: another decoder is taken only where it is needed and there.
func TestTransparent(t *testing.T) {
	own := astiav.FindDecoder(astiav.CodecIDVp8)
	for _, c := range []struct {
		name, tag, value string
		id               astiav.CodecID
		built            bool
		want             string
		apart            apart
	}{
		{"VP8", "alpha_mode", "1", astiav.CodecIDVp8, true, "libvpx", apartKept},
		{"VP9, as FFmpeg writes the tag", "ALPHA_MODE", "1", astiav.CodecIDVp9, true, "libvpx-vp9", apartKept},
		{"opaque", "alpha_mode", "0", astiav.CodecIDVp8, true, "vp8", 0},
		{"not said", "title", "1", astiav.CodecIDVp9, true, "vp8", 0},
		{"another codec", "alpha_mode", "1", astiav.CodecIDH264, true, "vp8", 0},
		{"not built in", "alpha_mode", "1", astiav.CodecIDVp8, false, "vp8", apartLost},
	} {
		t.Run(c.name, func(t *testing.T) {
			tags := astiav.NewDictionary()
			defer tags.Free()
			if err := tags.Set(c.tag, c.value, 0); err != nil {
				t.Fatal(err)
			}
			got, apart := transparent(tags, c.id, own, func(name string) *astiav.Codec {
				if !c.built {
					return nil
				}
				return astiav.FindDecoderByName(name)
			})
			if got.Name() != c.want || apart != c.apart {
				t.Errorf("got %s, %d, want %s, %d", got.Name(), apart, c.want, c.apart)
			}
		})
	}
	if got, apart := transparent(nil, astiav.CodecIDVp8, own, nil); got != own || apart != 0 {
		t.Errorf("without tags: %v, %d", got, apart)
	}
}

// TestTransparencyIsMissed: without libvpx the pictures come, and it is said what they lack.
func TestTransparencyIsMissed(t *testing.T) {
	in := open(t, t.Context(), webm(t, "libvpx", 160, 90, 3), InputOptions{})
	in.Video().codec, in.Video().apart = astiav.FindDecoder(astiav.CodecIDVp8), apartLost
	d, err := NewVideoDecoder(in.Video(), VideoDecoderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := d.Note(); !strings.Contains(got, "transparency is missing") {
		t.Errorf("note %q", got)
	}
	n := 0
	decoded(t, in, VideoDecoderOptions{}, func(f *media.Frame) {
		if n++; f.Format != media.I420 {
			t.Errorf("picture of %v", f.Format)
		}
	}, nil)
	if n != 3 {
		t.Errorf("%d pictures, want 3", n)
	}
}

// TestSeekToTransparency: a seek goes back to where transparency begins anew too, and to the
// beginning where it never does.
func TestSeekToTransparency(t *testing.T) {
	for _, c := range []struct {
		encoder   string
		startCode []byte // of a keyframe
		first     int    // bytes from a frame's first to that
		inter     byte   // makes the first one of another frame
	}{
		{"libvpx", []byte{0x9d, 0x01, 0x2a}, 3, 0x01},     // RFC 6386 9.1
		{"libvpx-vp9", []byte{0x49, 0x83, 0x42}, 1, 0x04}, // VP9 bitstream specification 6.2
	} {
		t.Run(c.encoder, func(t *testing.T) {
			path := webm(t, c.encoder, 160, 90, 30)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var keys []int // of pictures and transparency in turn
			for at := 0; ; {
				i := bytes.Index(data[at:], c.startCode)
				if i < 0 {
					break
				}
				keys, at = append(keys, at+i-c.first), at+i+1
			}
			if len(keys) != 6 {
				t.Fatalf("%d keyframes, want three of pictures and three of transparency", len(keys))
			}
			for _, s := range []struct {
				name string
				lost []int // keyframes of transparency that become others
				want time.Duration
			}{
				{"together", nil, 800 * time.Millisecond},
				{"the one before", []int{5}, 400 * time.Millisecond},
				{"the first", []int{3, 5}, 0},
				{"none", []int{1, 3, 5}, 0},
			} {
				t.Run(s.name, func(t *testing.T) {
					b := bytes.Clone(data)
					for _, k := range s.lost {
						b[keys[k]] |= c.inter
					}
					path := filepath.Join(t.TempDir(), "x.webm")
					if err := os.WriteFile(path, b, 0o600); err != nil {
						t.Fatal(err)
					}
					in := open(t, t.Context(), path, InputOptions{})
					if err := in.Seek(time.Second); err != nil {
						t.Fatal(err)
					}
					p := NewInputPacket()
					defer p.Free()
					if err := in.ReadPacket(p); err != nil || p.PTS != s.want || !p.Keyframe {
						t.Errorf("read on from %v (keyframe %v), %v, want %v", p.PTS, p.Keyframe, err, s.want)
					}
				})
			}
		})
	}
}
