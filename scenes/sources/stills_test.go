package sources

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

func TestBarsConform(t *testing.T) {
	conforms(t, Bars(), `{}`, hd(641, 359, fps2997), 40, time.Second)
}

func lumaAt(f *media.Frame, x, y int) ycbcr {
	return ycbcr{
		f.Planes[0].Data[y*f.Planes[0].Stride+x],
		f.Planes[1].Data[y/2*f.Planes[1].Stride+x/2],
		f.Planes[2].Data[y/2*f.Planes[2].Stride+x/2],
	}
}

// The code values are those printed in SMPTE RP 219-1 (8 bit) and EBU Tech 3373's
// 8-bit equivalents, not computed here.
func TestBarsCodeValues(t *testing.T) {
	f := media.NewFramePool(media.I420, 1920, 1080, 0).Get()
	drawRP219(f, media.Rec709)
	for _, c := range []struct {
		what string
		x, y int
		want ycbcr
	}{
		{"40 % grey", 100, 100, ycbcr{104, 128, 128}},
		{"75 % white", 340, 100, ycbcr{180, 128, 128}},
		{"75 % yellow", 550, 100, ycbcr{168, 44, 136}},
		{"75 % cyan", 750, 100, ycbcr{145, 147, 44}},
		{"75 % green", 960, 100, ycbcr{133, 63, 52}},
		{"75 % magenta", 1160, 100, ycbcr{63, 193, 204}},
		{"75 % red", 1370, 100, ycbcr{51, 109, 212}},
		{"75 % blue", 1580, 100, ycbcr{28, 212, 120}},
		{"100 % cyan", 100, 660, ycbcr{188, 154, 16}},
		{"100 % blue", 1900, 660, ycbcr{32, 240, 118}},
		{"100 % yellow", 100, 750, ycbcr{219, 16, 138}},
		{"100 % red", 1900, 750, ycbcr{63, 102, 240}},
		{"15 % grey", 100, 1000, ycbcr{49, 128, 128}},
		{"100 % white", 760, 1000, ycbcr{235, 128, 128}},
		{"black", 400, 1000, ycbcr{16, 128, 128}},
		{"-2 %", 1160, 1000, ycbcr{12, 128, 128}},
		{"+2 %", 1300, 1000, ycbcr{20, 128, 128}},
		{"+4 %", 1440, 1000, ycbcr{25, 128, 128}},
	} {
		if got := lumaAt(f, c.x, c.y); got != c.want {
			t.Errorf("%s at %d,%d: %v, want %v", c.what, c.x, c.y, got, c.want)
		}
	}
	drawEBU(f, media.Rec709)
	for i, want := range []ycbcr{{235, 128, 128}, {168, 44, 136}, {145, 147, 44}, {133, 63, 52}, {63, 193, 204}, {51, 109, 212}, {28, 212, 120}, {16, 128, 128}} {
		if got := lumaAt(f, 120+240*i, 900); got != want {
			t.Errorf("EBU bar %d: %v, want %v", i, got, want)
		}
	}
}

func TestBarsToneLevelAndPhase(t *testing.T) {
	sink := capture(t, Bars(), `{}`, hd(64, 36, fps2997), 40, 1200*time.Millisecond)
	for i := range media.SampleRateHz {
		want := 0.1 * math.Sin(2*math.Pi*1000*float64(i)/media.SampleRateHz)
		if got := float64(sink.sound[i*2]); math.Abs(got-want) > 1e-5 {
			t.Fatalf("sample %d is %v, want %v", i, got, want)
		}
	}
}

func TestColourConforms(t *testing.T) {
	conforms(t, Colour(), `{"color":"#f80"}`, hd(640, 360, fps25), 1, 0)
	conforms(t, Colour(), `{"color":"#ff880080","width":101,"height":7}`, hd(640, 360, fps25), 1, 0)
}

// still runs a Still kind until it holds and returns the picture.
func still(t *testing.T, kind Kind, settings string, opt Options) *media.Frame {
	t.Helper()
	src, err := kind.New(json.RawMessage(settings), opt)
	if err != nil {
		t.Fatal(err)
	}
	sink := newRecorder(Still, 1, 1)
	work := start(t, src, sink)
	sink.until(t, "a held picture", func() bool { return sink.holds > 0 })
	_ = work.stop() // ended by us
	t.Cleanup(sink.release)
	return sink.frames[0]
}

func TestColourValues(t *testing.T) {
	f := still(t, Colour(), `{"color":"#bfbf00"}`, hd(640, 360, fps25))
	if got := lumaAt(f, 320, 180); f.Format != media.I420 || got != (ycbcr{168, 44, 136}) {
		t.Errorf("75 %% yellow is %v %v", f.Format, got)
	}
	f = still(t, Colour(), `{"color":"#01020304","width":10,"height":4}`, hd(640, 360, fps25))
	if f.Format != media.RGBA || f.Width != 10 || f.Height != 4 || !bytes.Equal(f.Planes[0].Data[:4], []byte{1, 2, 3, 4}) {
		t.Errorf("a colour with alpha is %v %dx%d %v", f.Format, f.Width, f.Height, f.Planes[0].Data[:4])
	}
}

func TestColoursAreRead(t *testing.T) {
	for s, want := range map[string]color.NRGBA{
		"#fff": {255, 255, 255, 255}, "#123456": {0x12, 0x34, 0x56, 255}, "#ABCDEF80": {0xab, 0xcd, 0xef, 0x80},
	} {
		if got, err := parseColor("x", s); err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "fff", "#ff", "#ffff", "#ggg", "#+12345", "#1234567", "#123456789", "red"} {
		if c, err := parseColor("x", s); err == nil {
			t.Errorf("%q was read as %v", s, c)
		}
	}
}

func gradient(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(x * 255 / w), uint8(y * 255 / h), 77, uint8(255 - x)})
		}
	}
	return m
}

func writePNG(t *testing.T, path string, m image.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func settingsOf(pairs ...any) string {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestImageConforms(t *testing.T) {
	dir := t.TempDir()
	writePNG(t, filepath.Join(dir, "a.png"), gradient(51, 33))
	opt := hd(640, 360, fps25)
	opt.BaseDir = dir
	conforms(t, Image(), `{"path":"a.png"}`, opt, 1, 0)
}

func TestImagePNGKeepsStraightAlpha(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	m := gradient(51, 33)
	writePNG(t, path, m)
	f := still(t, Image(), settingsOf("path", path), Options{})
	for y := range 33 {
		got := f.Planes[0].Data[y*f.Planes[0].Stride:][:51*4]
		if want := m.Pix[y*m.Stride:][:51*4]; !bytes.Equal(got, want) {
			t.Fatalf("row %d differs", y)
		}
	}
}

func TestImageWebP(t *testing.T) {
	dir := t.TempDir()
	writePNG(t, filepath.Join(dir, "a.png"), gradient(64, 48))
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", filepath.Join(dir, "a.png"), "-c:v", "libwebp", "-lossless", "1", "-pix_fmt", "bgra", filepath.Join(dir, "a.webp")).CombinedOutput()
	if err != nil {
		t.Fatalf("making a WebP: %v: %s", err, out)
	}
	f := still(t, Image(), settingsOf("path", filepath.Join(dir, "a.webp")), Options{})
	m := gradient(64, 48)
	for y := range 48 {
		for x := range 64 {
			got := f.Planes[0].Data[y*f.Planes[0].Stride+x*4:][:4]
			if want := m.Pix[y*m.Stride+x*4:][:4]; !bytes.Equal(got, want) {
				t.Fatalf("pixel %d,%d is %v, want %v", x, y, got, want)
			}
		}
	}
}

// TestImageWebPSaysAnotherSize: a file whose canvas is small and whose picture is not is refused
// before anything is decoded; one that keeps its word is shown.
func TestImageWebPSaysAnotherSize(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain.webp")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=red:s=64x48", "-frames:v", "1", "-c:v", "libwebp", plain).CombinedOutput()
	if err != nil {
		t.Fatalf("making a WebP: %v: %s", err, out)
	}
	data, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		width, height byte
		ok            bool
	}{{64, 48, true}, {16, 16, false}} {
		// RIFF's head, VP8X without any flag, then the picture (RFC 9649, 2.7).
		chunk := append([]byte("VP8X\x0a\x00\x00\x00\x00\x00\x00\x00"), c.width-1, 0, 0, c.height-1, 0, 0)
		extended := append(append(bytes.Clone(data[:12]), chunk...), data[12:]...)
		binary.LittleEndian.PutUint32(extended[4:], uint32(len(extended)-8))
		path := filepath.Join(dir, "extended.webp")
		if err := os.WriteFile(path, extended, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := readImage(path)
		switch {
		case c.ok && (err != nil || f.Width != 64):
			t.Errorf("a canvas of the picture's size: %v", err)
		case !c.ok && (err == nil || !strings.Contains(err.Error(), "it says 16x16 and has a picture of 64x48")):
			t.Errorf("a canvas of another size: %v", err)
		}
		f.Release()
	}
}

// White, red and black, 16x16 each, as libwebp codes them with loss (-q:v 90): its
// Y'CbCr is limited range, which golang.org/x/image/webp does not say.
func TestImageLossyWebPHasItsColours(t *testing.T) {
	raw, err := base64.StdEncoding.DecodeString("UklGRlYAAABXRUJQVlA4IEoAAACQAwCdASowABAAPi0QhkKhoQ1SAAwBYliAMjGgH4AfgABdPbAAAP7/fIJz/N6H/+zuVKFv9uH//kx38mO/kx3/ypD/zQ/zAdAAAA==")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lossy.webp")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	f := still(t, Image(), settingsOf("path", path), Options{})
	for _, c := range []struct {
		x    int
		want [3]int
	}{{6, [3]int{255, 255, 255}}, {24, [3]int{255, 0, 0}}, {42, [3]int{0, 0, 0}}} {
		p := f.Planes[0].Data[8*f.Planes[0].Stride+c.x*4:]
		for i, want := range c.want {
			if got := int(p[i]); got < want-2 || got > want+2 {
				t.Errorf("at %d, %d: %v, want %v", c.x, i, p[:3], c.want)
			}
		}
	}
}

// withOrientation puts an Exif segment behind the start marker of a JPEG file.
func withOrientation(jpegFile []byte, order binary.AppendByteOrder, o uint16) []byte {
	mark := "MM"
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		mark = "II"
	}
	tiff := order.AppendUint16([]byte(mark), 42)
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 1)
	tiff = order.AppendUint16(tiff, 274)
	tiff = order.AppendUint16(tiff, 3)
	tiff = order.AppendUint32(tiff, 1)
	tiff = order.AppendUint16(tiff, o)
	tiff = append(tiff, 0, 0, 0, 0, 0, 0)
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{}, jpegFile[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+2))
	return append(append(out, segment...), jpegFile[2:]...)
}

func TestImageJPEGIsTurnedUpright(t *testing.T) {
	dir := t.TempDir()
	// Stored so that the upright picture is red left, blue right, 96x64.
	for o := orientation(1); o <= 8; o++ {
		w, h := o.size(96, 64)
		m := image.NewNRGBA(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				ux, uy := o.place(x, y, w, h)
				c := color.NRGBA{255, 0, 0, 255}
				if ux >= 48 {
					c = color.NRGBA{0, 0, 255, 255}
				}
				if uy < 16 {
					c = color.NRGBA{0, 255, 0, 255}
				}
				m.SetNRGBA(x, y, c)
			}
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
			t.Fatal(err)
		}
		order := binary.AppendByteOrder(binary.BigEndian)
		if o%2 == 0 {
			order = binary.LittleEndian
		}
		path := filepath.Join(dir, fmt.Sprintf("%d.jpg", o))
		if err := os.WriteFile(path, withOrientation(b.Bytes(), order, uint16(o)), 0o600); err != nil {
			t.Fatal(err)
		}
		f := still(t, Image(), settingsOf("path", path), Options{})
		if f.Width != 96 || f.Height != 64 {
			t.Errorf("orientation %d: %dx%d, want 96x64", o, f.Width, f.Height)
			continue
		}
		for _, c := range []struct {
			x, y, channel int
		}{{10, 40, 0}, {80, 40, 2}, {40, 4, 1}} {
			if v := f.Planes[0].Data[c.y*f.Planes[0].Stride+c.x*4+c.channel]; v < 200 {
				t.Errorf("orientation %d: channel %d at %d,%d is %d", o, c.channel, c.x, c.y, v)
			}
		}
	}
}

// Exif 2.32 fixes two orientations beyond doubt: 6 is a camera held with its
// right side down (the first stored row is the picture's right side), 8 the opposite.
func TestOrientationsAreThoseOfTheStandard(t *testing.T) {
	for _, c := range []struct {
		o                  orientation
		x, y, wantX, wantY int
	}{{6, 0, 0, 63, 0}, {6, 95, 0, 63, 95}, {8, 0, 0, 0, 95}, {8, 95, 0, 0, 0}, {3, 0, 0, 95, 63}, {2, 0, 0, 95, 0}, {5, 3, 2, 2, 3}} {
		if x, y := c.o.place(c.x, c.y, 96, 64); x != c.wantX || y != c.wantY {
			t.Errorf("orientation %d: %d,%d goes to %d,%d, want %d,%d", c.o, c.x, c.y, x, y, c.wantX, c.wantY)
		}
	}
}

func TestImageFaultsAreOneClearSentence(t *testing.T) {
	dir := t.TempDir()
	var good bytes.Buffer
	if err := png.Encode(&good, gradient(200, 200)); err != nil {
		t.Fatal(err)
	}
	huge := append([]byte{}, good.Bytes()...)
	binary.BigEndian.PutUint32(huge[16:], 60000)
	binary.BigEndian.PutUint32(huge[20:], 60000)
	// Without its right checksum the header would be refused for that alone.
	binary.BigEndian.PutUint32(huge[29:], pngCRC(huge[12:29]))
	var long bytes.Buffer
	if err := png.Encode(&long, image.NewGray(image.Rect(0, 0, media.MaxSide+1, 2))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"missing.png": {nil, "does not exist"},
		"long.png":    {long.Bytes(), "16385x2; at most 16384 pixels are taken on a side"},
		"text.png":    {[]byte("this is no picture"), "not a PNG"},
		"empty.png":   {[]byte{}, "not a PNG"},
		"cut.png":     {good.Bytes()[:good.Len()/2], "damaged"},
		"huge.png":    {huge, "60000x60000"},
	} {
		path := filepath.Join(dir, name)
		if c.data != nil {
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := readImage(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want %q in it", name, err, c.want)
		}
	}
	if _, err := readImage(dir); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a folder: %v", err)
	}
}

func pngCRC(b []byte) uint32 {
	crc := ^uint32(0)
	for _, v := range b {
		crc ^= uint32(v)
		for range 8 {
			crc = crc>>1 ^ 0xedb88320&-(crc&1)
		}
	}
	return ^crc
}

func TestImageIsReadAgainWhenItChanges(t *testing.T) {
	checkLeaks(t)
	path := filepath.Join(t.TempDir(), "a.png")
	writePNG(t, path, gradient(20, 10))
	src, err := Image().New(json.RawMessage(settingsOf("path", path)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	src.(*imageFile).poll = 10 * time.Millisecond
	sink := newRecorder(Still, 1, 3)
	work := start(t, src, sink)
	sink.until(t, "the first version", func() bool { return sink.numVideo == 1 })
	if err := os.WriteFile(path, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for {
		sink.mu.Lock()
		said := strings.Contains(sink.text, "last good version")
		sink.mu.Unlock()
		if said {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the unreadable version was not reported")
		}
		time.Sleep(5 * time.Millisecond)
	}
	writePNG(t, path, gradient(40, 30))
	sink.until(t, "the second version", func() bool { return sink.numVideo == 2 })
	_ = work.stop() // ended by us
	if f := sink.frames[1]; f.Width != 40 || f.PTS <= sink.frames[0].PTS {
		t.Errorf("the second version is %d wide at %v, the first at %v", f.Width, f.PTS, sink.frames[0].PTS)
	}
	sink.release()
}

func FuzzExifOrientation(f *testing.F) {
	f.Add(withOrientation([]byte{0xff, 0xd8, 0xff, 0xd9}, binary.BigEndian, 6))
	f.Add([]byte{0xff, 0xd8, 0xff, 0xe1, 0, 10})
	f.Fuzz(func(t *testing.T, b []byte) {
		if o := exifOrientation(b); o < 1 || o > 8 {
			t.Errorf("orientation %d", o)
		}
	})
}
