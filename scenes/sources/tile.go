package sources

import (
	"image"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"crosspoint.studio/crosspoint/internal/media"
)

// tile is a piece of burnt-in writing: white on black, luma only, opaque, so that
// putting it into a picture is a copy of its rows. Its sides are even.
type tile struct {
	width, height int
	luma          []byte
}

// tileFace draws tiles in a fixed-width face.
type tileFace struct {
	face     font.Face
	advance  int // even
	height   int // even
	baseline int
}

func newTileFace(pixels float64) (*tileFace, error) {
	parsed, err := opentype.Parse(gomonobold.TTF)
	if err != nil {
		return nil, err
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: pixels, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, err
	}
	m := face.Metrics()
	advance, _ := face.GlyphAdvance('0')
	return &tileFace{
		face: face, advance: (advance.Ceil() + 1) &^ 1,
		height: ((m.Ascent + m.Descent).Ceil() + 1) &^ 1, baseline: m.Ascent.Ceil(),
	}, nil
}

// draw writes text, cut to what fits into maxWidth pixels.
func (t *tileFace) draw(text string, maxWidth int) tile {
	runes := []rune(text)
	runes = runes[:min(len(runes), max(1, maxWidth/t.advance))]
	w := len(runes) * t.advance
	mask := image.NewGray(image.Rect(0, 0, w, t.height))
	d := font.Drawer{Dst: mask, Src: image.White, Face: t.face}
	for i, r := range runes {
		d.Dot = fixed.P(i*t.advance, t.baseline)
		d.DrawString(string(r))
	}
	out := tile{w, t.height, mask.Pix}
	for i, v := range out.luma {
		out.luma[i] = byte(16 + int(v)*219/255)
	}
	return out
}

// put copies the tile into an I420 picture at x, y (rounded down to even), clipped.
func (t tile) put(f *media.Frame, x, y int) {
	x, y = x&^1, y&^1
	if x < 0 || y < 0 || x >= f.Width {
		return
	}
	w := min(t.width, f.Width-x)
	for row := range min(t.height, f.Height-y) {
		p := f.Planes[0]
		copy(p.Data[(y+row)*p.Stride+x:][:w], t.luma[row*t.width:])
	}
	x1, y1 := (x+w+1)/2, min((y+t.height)/2, (f.Height+1)/2)
	fillRows(f.Planes[1], x/2, y/2, x1, y1, 128)
	fillRows(f.Planes[2], x/2, y/2, x1, y1, 128)
}
