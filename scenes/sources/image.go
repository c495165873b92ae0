package sources

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // registers the format with image.Decode
	_ "image/png"  // likewise
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/image/riff"
	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
	_ "golang.org/x/image/webp" // likewise

	"crosspoint.studio/crosspoint/internal/media"
)

const (
	// maxImagePixels bounds the memory a picture may take: 8K, at 4 bytes a pixel
	// 133 MB. maxImageBytes bounds what is read to find that out.
	maxImagePixels = 8192 * 4320
	maxImageBytes  = 256 << 20

	imagePoll = time.Second // how often the file is looked at
)

const imageSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["path"],
  "properties": {
    "path": {"type": "string", "minLength": 1, "title": "File", "x-order": 1, "x-picker": "file", "x-files": "image", "format": "path",
      "description": "A PNG, JPEG or WebP picture, absolute or relative to the show file; it is read again when it changes"}
  }
}`

type imageSettings struct {
	Path string `json:"path"`
}

// Image is the kind of a picture file with or without alpha.
func Image() Kind {
	return Kind{
		Name: "image", Title: "Image", Pacing: Still, HasVideo: true,
		Schema: json.RawMessage(imageSchema),
		New: func(raw json.RawMessage, opt Options) (Source, error) {
			var s imageSettings
			if err := decodeSettings("image", raw, &s); err != nil {
				return nil, err
			}
			if s.Path == "" {
				return nil, errors.New("image: no picture has been chosen yet")
			}
			return &imageFile{resolvePath(opt.BaseDir, s.Path), canvasOr(opt), imagePoll}, nil
		},
	}
}

// resolvePath makes a path of a show file one of the system.
func resolvePath(baseDir, path string) string {
	if filepath.IsAbs(path) || baseDir == "" {
		return filepath.Clean(path)
	}
	return filepath.Join(baseDir, path)
}

type imageFile struct {
	path string
	opt  Options
	poll time.Duration
}

// Run implements Source. A file that becomes unreadable leaves the last good
// picture in place and says so.
func (s *imageFile) Run(ctx context.Context, sink Sink) error {
	opened := s.opt.Clock.Now()
	shown, err := s.show(ctx, sink, 0)
	if err != nil {
		return err
	}
	if s.opt.Clock.Virtual() {
		// A render must not depend on when a file happened to change.
		<-ctx.Done()
		return ctx.Err()
	}
	tick := time.NewTicker(s.poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now := stamp(s.path)
		if now == shown || now == (fileStamp{}) {
			continue
		}
		if _, err := s.show(ctx, sink, s.opt.Clock.Now()-opened); err != nil {
			sink.Describe("showing the last good version: " + err.Error())
		}
		// Shown or not: this version is not tried again.
		shown = now
	}
}

// show reads the file, hands over its picture for the time at since the source was
// opened, and returns the version read.
func (s *imageFile) show(ctx context.Context, sink Sink, at time.Duration) (fileStamp, error) {
	version := stamp(s.path)
	f, err := readImage(s.path)
	if err != nil {
		return version, err
	}
	sink.Describe(fmt.Sprintf("%dx%d image", f.Width, f.Height))
	f.PTS = at
	if err := sink.Video(ctx, f); err != nil {
		return version, err
	}
	sink.Hold()
	return version, nil
}

// fileStamp tells versions of a file apart; zero when there is none.
type fileStamp struct {
	modified time.Time
	size     int64
}

func stamp(path string) fileStamp {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{info.ModTime(), info.Size()}
}

// readImage decodes a file into an RGBA frame, upright, alpha not premultiplied.
func readImage(path string) (*media.Frame, error) {
	name := filepath.Base(path)
	data, err := readBounded(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("image: %s does not exist", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("image: %s may not be read: permission denied", path)
	case err != nil:
		return nil, fmt.Errorf("image: reading %s: %w", name, err)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("image: %s is not a PNG, JPEG or WebP picture, or is damaged: %w", name, err)
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxImagePixels/config.Height {
		return nil, fmt.Errorf("image: %s is %dx%d; at most %d megapixels are taken", name, config.Width, config.Height, maxImagePixels/1000000)
	}
	if max(config.Width, config.Height) > media.MaxSide {
		return nil, fmt.Errorf("image: %s is %dx%d; at most %d pixels are taken on a side", name, config.Width, config.Height, media.MaxSide)
	}
	if format == "webp" {
		err = checkWebP(data, config)
	}
	if err != nil {
		return nil, fmt.Errorf("image: %s is damaged: %w", name, err)
	}
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("image: %s is damaged: %w", name, err)
	}
	upright := orientation(1)
	if format == "jpeg" {
		upright = exifOrientation(data)
	}
	return imageFrame(picture, upright, toRGB(format)), nil
}

// checkWebP makes sure that the picture in a WebP file has the size of its canvas (RFC 9649, 2.7.1),
// which is all that DecodeConfig looks at where there is one; Decode takes the picture's.
func checkWebP(data []byte, canvas image.Config) error {
	_, chunks, err := riff.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	for {
		id, length, chunk, err := chunks.Next()
		if err != nil {
			return err
		}
		var width, height int
		switch id {
		case riff.FourCC{'V', 'P', '8', ' '}:
			d := vp8.NewDecoder()
			d.Init(chunk, int(length))
			head, err := d.DecodeFrameHeader()
			if err != nil {
				return err
			}
			width, height = head.Width, head.Height
		case riff.FourCC{'V', 'P', '8', 'L'}:
			config, err := vp8l.DecodeConfig(chunk)
			if err != nil {
				return err
			}
			width, height = config.Width, config.Height
		default:
			continue
		}
		if width != canvas.Width || height != canvas.Height {
			return fmt.Errorf("it says %dx%d and has a picture of %dx%d", canvas.Width, canvas.Height, width, height)
		}
		return nil
	}
}

func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() // only read from
	if info, err := file.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		// A FIFO would block, a directory gives a riddle for an error.
		return nil, errors.New("it is not a file")
	}
	data, err := io.ReadAll(io.LimitReader(file, maxImageBytes+1))
	if err == nil && len(data) > maxImageBytes {
		err = fmt.Errorf("larger than %d MB", maxImageBytes>>20)
	}
	return data, err
}

// toRGB is how a format's Y'CbCr becomes R'G'B'. That of JPEG is full range (JFIF 1.02),
// that of WebP limited: "Recommendation 601" (RFC 9649, 2.5), which golang.org/x/image/webp
// leaves out of its pictures.
func toRGB(format string) func(y, cb, cr uint8) (r, g, b uint8) {
	if format == "webp" {
		return limitedToRGB
	}
	return color.YCbCrToRGB
}

// limitedToRGB is BT.601 limited range with libwebp's numbers (src/dsp/yuv.h), 14 bits
// after the point, so that a picture has the colours that browsers give it.
func limitedToRGB(y, cb, cr uint8) (r, g, b uint8) {
	scaled := func(v uint8, by int) int { return int(v) * by >> 8 }
	clip := func(v int) uint8 { return uint8(min(max(v>>6, 0), 255)) }
	luma := scaled(y, 19077)
	return clip(luma + scaled(cr, 26149) - 14234),
		clip(luma - scaled(cb, 6419) - scaled(cr, 13320) + 8708),
		clip(luma + scaled(cb, 33050) - 17685)
}

// imageFrame turns a decoded picture into an RGBA frame.
func imageFrame(src image.Image, o orientation, toRGB func(y, cb, cr uint8) (r, g, b uint8)) *media.Frame {
	b := src.Bounds()
	w, h := o.size(b.Dx(), b.Dy())
	f := media.NewFramePool(media.RGBA, w, h, 0).Get()
	at := pixelReader(src, toRGB)
	p := f.Planes[0]
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := at(b.Min.X+x, b.Min.Y+y)
			dx, dy := o.place(x, y, b.Dx(), b.Dy())
			i := dy*p.Stride + dx*4
			p.Data[i], p.Data[i+1], p.Data[i+2], p.Data[i+3] = c.R, c.G, c.B, c.A
		}
	}
	return f
}

// pixelReader avoids a colour on the heap per pixel for the common formats.
func pixelReader(src image.Image, toRGB func(y, cb, cr uint8) (r, g, b uint8)) func(x, y int) color.NRGBA {
	switch m := src.(type) {
	case *image.NRGBA:
		return m.NRGBAAt
	case *image.YCbCr:
		return func(x, y int) color.NRGBA {
			c := m.YCbCrAt(x, y)
			r, g, b := toRGB(c.Y, c.Cb, c.Cr)
			return color.NRGBA{r, g, b, 255}
		}
	case *image.NYCbCrA:
		return func(x, y int) color.NRGBA {
			c := m.NYCbCrAAt(x, y)
			r, g, b := toRGB(c.Y, c.Cb, c.Cr)
			return color.NRGBA{r, g, b, c.A}
		}
	case *image.Gray:
		return func(x, y int) color.NRGBA {
			v := m.GrayAt(x, y).Y
			return color.NRGBA{v, v, v, 255}
		}
	}
	return func(x, y int) color.NRGBA { return color.NRGBAModel.Convert(src.At(x, y)).(color.NRGBA) }
}
