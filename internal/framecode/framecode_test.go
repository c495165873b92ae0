package framecode

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

func picture(format media.PixelFormat, w, h int, seed uint64) *media.Frame {
	f := media.NewFramePool(format, w, h, 0).Get()
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range f.Planes {
		for j := range f.Planes[i].Data {
			f.Planes[i].Data[j] = byte(rng.Uint32())
		}
	}
	return f
}

func wantCode(t *testing.T, what string, gotID uint8, gotN uint32, ok bool, id uint8, n uint32) {
	t.Helper()
	if !ok || gotID != id || gotN != n {
		t.Errorf("%s: read %d, %d, %v; want %d, %d", what, gotID, gotN, ok, id, n)
	}
}

func TestDrawThenRead(t *testing.T) {
	for _, size := range [][2]int{{1920, 1080}, {1280, 720}, {640, 360}, {1921, 1079}, {3840, 2160}} {
		for _, format := range []media.PixelFormat{media.I420, media.NV12} {
			f := picture(format, size[0], size[1], 7)
			for i, n := range []uint32{0, 1, 255, 256, 65535, 1<<24 - 1, 0xabcdef} {
				Draw(f, uint8(i*37), n)
				id, got, ok := Read(f)
				wantCode(t, fmt.Sprintf("%v %v", format, size), id, got, ok, uint8(i*37), n)
			}
			f.Release()
		}
	}
}

func TestChromaUnderTheCodeIsNeutral(t *testing.T) {
	for _, format := range []media.PixelFormat{media.I420, media.NV12} {
		f := picture(format, 1280, 720, 3)
		Draw(f, 1, 2)
		c := Cell(720)
		p := f.Planes[1]
		i := (2*c/2)*p.Stride + 2*c/2
		if got := p.Data[i]; got != 128 {
			t.Errorf("%v: chroma under the code is %d, want 128", format, got)
		}
		f.Release()
	}
}

// scaled resamples luma by box filter to w x h, as an area scaler does.
func scaled(src *media.Frame, w, h int) *media.Frame {
	dst := media.NewFramePool(media.I420, w, h, 0).Get()
	dst.Fill(0, 128, 128)
	const sub = 4
	for y := range h {
		for x := range w {
			sum := 0
			for sy := range sub {
				for sx := range sub {
					xx := (x*sub + sx) * src.Width / (w * sub)
					yy := (y*sub + sy) * src.Height / (h * sub)
					sum += int(src.Planes[0].Data[yy*src.Planes[0].Stride+xx])
				}
			}
			dst.Planes[0].Data[y*dst.Planes[0].Stride+x] = byte(sum / (sub * sub))
		}
	}
	return dst
}

// blurred is a 5x5 box blur of luma.
func blurred(src *media.Frame) *media.Frame {
	dst := media.NewFramePool(media.I420, src.Width, src.Height, 0).Get()
	for y := range src.Height {
		for x := range src.Width {
			sum := 0
			for dy := -2; dy <= 2; dy++ {
				for dx := -2; dx <= 2; dx++ {
					yy, xx := min(max(y+dy, 0), src.Height-1), min(max(x+dx, 0), src.Width-1)
					sum += int(src.Planes[0].Data[yy*src.Planes[0].Stride+xx])
				}
			}
			dst.Planes[0].Data[y*dst.Planes[0].Stride+x] = byte(sum / 25)
		}
	}
	return dst
}

func addNoise(f *media.Frame, amplitude int) {
	rng := rand.New(rand.NewPCG(9, 9))
	for i, v := range f.Planes[0].Data {
		f.Planes[0].Data[i] = byte(min(max(int(v)+rng.IntN(2*amplitude+1)-amplitude, 0), 255))
	}
}

func TestReadsDamagedPictures(t *testing.T) {
	src := picture(media.I420, 1280, 720, 5)
	Draw(src, 3, 123456)
	noisy := scaled(src, 1280, 720)
	addNoise(noisy, 60)
	faded := scaled(src, 1280, 720)
	for i, v := range faded.Planes[0].Data {
		faded.Planes[0].Data[i] = byte(16 + (int(v)-16)*3/10)
	}
	soft := blurred(src)
	addNoise(soft, 30)
	for name, f := range map[string]*media.Frame{"noise": noisy, "faded to 30 %": faded, "blur and noise": soft} {
		id, n, ok := Read(f)
		wantCode(t, name, id, n, ok, 3, 123456)
	}
	for _, size := range [][2]int{{640, 360}, {960, 540}, {854, 480}, {1920, 1080}} {
		f := scaled(src, size[0], size[1])
		addNoise(f, 20)
		id, n, ok := ReadIn(f, 0, 0, f.Width, f.Height, 1280, 720)
		wantCode(t, fmt.Sprint("scaled to ", size), id, n, ok, 3, 123456)
	}
}

func TestReadInQuadAndPictureInPicture(t *testing.T) {
	quad := picture(media.I420, 1280, 720, 11)
	for i := range 4 {
		src := picture(media.I420, 1920, 1080, uint64(i))
		Draw(src, uint8(i), uint32(1000+i))
		small := scaled(src, 640, 360)
		paste(quad, small, i%2*640, i/2*360)
	}
	for i := range 4 {
		id, n, ok := ReadIn(quad, i%2*640, i/2*360, 640, 360, 1920, 1080)
		wantCode(t, fmt.Sprint("quarter ", i), id, n, ok, uint8(i), uint32(1000+i))
	}
	src := picture(media.I420, 1280, 720, 12)
	Draw(src, 9, 77)
	paste(quad, scaled(src, 501, 283), 733, 391)
	id, n, ok := ReadIn(quad, 733, 391, 501, 283, 1280, 720)
	wantCode(t, "picture in picture", id, n, ok, 9, 77)
}

func paste(dst, src *media.Frame, x, y int) {
	for row := range src.Height {
		copy(dst.Planes[0].Data[(y+row)*dst.Planes[0].Stride+x:], src.Planes[0].Data[row*src.Planes[0].Stride:][:src.Width])
	}
}

func TestReadRGBA(t *testing.T) {
	src := picture(media.I420, 1280, 720, 5)
	Draw(src, 200, 31)
	f := media.NewFramePool(media.RGBA, 1280, 720, 0).Get()
	for y := range 720 {
		for x := range 1280 {
			v := int(src.Planes[0].Data[y*src.Planes[0].Stride+x])
			f.Planes[0].Data[y*f.Planes[0].Stride+x*4+1] = byte(min(max((v-16)*255/219, 0), 255))
		}
	}
	id, n, ok := Read(f)
	wantCode(t, "RGBA", id, n, ok, 200, 31)
}

func TestRefusesWhatIsNoCode(t *testing.T) {
	for seed := range uint64(300) {
		f := picture(media.I420, 640, 360, seed)
		if id, n, ok := Read(f); ok {
			t.Errorf("noise %d read as camera %d frame %d", seed, id, n)
		}
	}
	flat := media.NewFramePool(media.I420, 640, 360, 0).Get()
	for _, v := range []byte{0, 16, 128, 235} {
		flat.Fill(v, 128, 128)
		if _, _, ok := Read(flat); ok {
			t.Errorf("a picture of luma %d read as a code", v)
		}
	}
	a, b := flat, media.NewFramePool(media.I420, 640, 360, 0).Get()
	b.Fill(16, 128, 128)
	Draw(a, 1, 5)
	Draw(b, 2, 6)
	for i := range a.Planes[0].Data {
		a.Planes[0].Data[i] = byte((int(a.Planes[0].Data[i]) + int(b.Planes[0].Data[i])) / 2)
	}
	if id, n, ok := Read(a); ok {
		t.Errorf("a mix of two codes read as camera %d frame %d", id, n)
	}
	tiny := media.NewFramePool(media.I420, 32, 32, 0).Get()
	tiny.Fill(128, 128, 128)
	Draw(tiny, 1, 1)
	if _, _, ok := Read(tiny); ok {
		t.Error("a picture too small for the code was read")
	}
}

func TestSmallErrorsAreFound(t *testing.T) {
	for _, payload := range []struct {
		id uint8
		n  uint32
	}{{0, 0}, {1, 2}, {255, 1<<24 - 1}, {17, 0x123456}} {
		bits := encode(payload.id, payload.n)
		for i := range 40 {
			for j := range i + 1 {
				for k := range j + 1 {
					broken := bits ^ (1<<i | 1<<j | 1<<k)
					if broken == bits {
						continue
					}
					if _, _, ok := decode(broken); ok {
						t.Fatalf("%v with bits %d, %d, %d flipped was accepted", payload, i, j, k)
					}
				}
			}
		}
	}
}

func TestDrawAllocatesNothing(t *testing.T) {
	f := picture(media.NV12, 1280, 720, 1)
	if n := testing.AllocsPerRun(20, func() { Draw(f, 1, 2); Read(f) }); n != 0 {
		t.Errorf("%v allocations a picture, want 0", n)
	}
}
