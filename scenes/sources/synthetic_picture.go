package sources

import (
	"image"
	"math"
	"math/rand/v2"

	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
)

// FlashArea is where a synthetic camera's white box flashes in a picture of the given
// size: dark (code 16) at all other times, so its mean says whether it is lit.
func FlashArea(width, height int) image.Rectangle {
	c := framecode.Cell(height)
	x, y := (width-10*c)&^1, 2*c
	return image.Rect(x, y, x+8*c, y+8*c)
}

var (
	inkDark  = ycbcr{16, 128, 128}
	inkWhite = ycbcr{235, 128, 128}
)

// look is how one camera differs from the others.
type look struct {
	from, to [3]float64 // R'G'B' of the pattern's two ends
	ball     [3]float64
	dx, dy   int // drift in pixels a picture, even for the sake of chroma
	// at is the pattern, 0..1, periodic in u and v with period 1.
	at func(u, v float64) float64
}

func wave(x float64) float64 { return 0.5 + 0.5*math.Sin(2*math.Pi*x) }

var looks = [8]look{
	{[3]float64{0.05, 0.10, 0.35}, [3]float64{0.15, 0.55, 0.85}, [3]float64{1, 0.75, 0.1}, 2, 0,
		func(u, _ float64) float64 { return wave(u) }},
	{[3]float64{0.30, 0.05, 0.10}, [3]float64{0.85, 0.40, 0.15}, [3]float64{0.2, 0.8, 1}, 0, 2,
		func(_, v float64) float64 { return wave(v) }},
	{[3]float64{0.04, 0.22, 0.08}, [3]float64{0.35, 0.75, 0.25}, [3]float64{1, 0.3, 0.6}, 2, 2,
		func(u, v float64) float64 { return wave(u + v) }},
	{[3]float64{0.20, 0.05, 0.30}, [3]float64{0.65, 0.35, 0.80}, [3]float64{0.6, 1, 0.2}, -2, 2,
		func(u, v float64) float64 { return 0.5 + 0.5*math.Sin(2*math.Pi*u)*math.Sin(2*math.Pi*v) }},
	{[3]float64{0.02, 0.22, 0.25}, [3]float64{0.20, 0.70, 0.65}, [3]float64{1, 0.5, 0.2}, -2, 0,
		func(u, v float64) float64 { return wave(2 * math.Hypot(u-0.5, v-0.5)) }},
	{[3]float64{0.28, 0.20, 0.02}, [3]float64{0.85, 0.75, 0.25}, [3]float64{0.3, 0.4, 1}, 0, -2,
		func(u, v float64) float64 { return wave(math.Abs(u-0.5) + math.Abs(v-0.5)) }},
	{[3]float64{0.15, 0.15, 0.17}, [3]float64{0.60, 0.60, 0.62}, [3]float64{1, 0.2, 0.2}, 2, -2,
		func(u, v float64) float64 { return math.Mod(u-v+2, 1) }},
	{[3]float64{0.30, 0.04, 0.22}, [3]float64{0.90, 0.40, 0.65}, [3]float64{0.2, 1, 0.7}, -2, -2,
		func(u, v float64) float64 { return max(0, 1-3*math.Hypot(u-0.5, v-0.5)) }},
}

// painter makes the pictures of one camera. The background is drawn once, larger
// than the picture by one period of its pattern, so that a picture of the drifting
// pattern is a copy of its rows from an offset; everything else is small.
type painter struct {
	width, height int
	look          look
	pool          *media.FramePool
	period        int
	luma          [][]byte // one variant, or several that differ by their noise
	lumaStride    int
	chroma        [2][]byte
	chromaStride  int
	ball          ycbcr
	name          tile
	digits        [11]tile // 0..9 and the colon
	rate          int64    // nominal
}

func newPainter(set syntheticSettings, opt Options) (*painter, error) {
	p := &painter{
		width: opt.Width, height: opt.Height, look: looks[set.Camera-1],
		pool:   media.NewFramePool(media.I420, opt.Width, opt.Height, 8),
		period: max(16, opt.Height*2/9&^1),
		rate:   nominalFPS(opt.FPS),
	}
	b := p.look.ball
	p.ball = toYCbCr(b[0], b[1], b[2], media.Rec709)
	p.drawBackground(set.Noise)
	text, err := newTileFace(float64(max(12, opt.Height/9)))
	if err != nil {
		return nil, err
	}
	for i, r := range "0123456789:" {
		p.digits[i] = text.draw(string(r), opt.Width)
	}
	label, err := newTileFace(float64(max(10, opt.Height/13)))
	if err != nil {
		return nil, err
	}
	name := opt.Name
	if name == "" {
		name = "CAM " + string(rune('0'+set.Camera))
	}
	p.name = label.draw(name, opt.Width*9/10)
	return p, nil
}

func (p *painter) drawBackground(noise bool) {
	w, h := (p.width+p.period+1)&^1, (p.height+p.period+1)&^1
	// One period of the pattern in Y'CbCr; the rest repeats it.
	cell := make([]ycbcr, p.period*p.period)
	for v := range p.period {
		for u := range p.period {
			t := p.look.at(float64(u)/float64(p.period), float64(v)/float64(p.period))
			var c [3]float64
			for i := range c {
				c[i] = p.look.from[i] + t*(p.look.to[i]-p.look.from[i])
			}
			cell[v*p.period+u] = toYCbCr(c[0], c[1], c[2], media.Rec709)
		}
	}
	p.lumaStride, p.chromaStride = w, w/2
	variants := 1
	if noise {
		variants = 4
	}
	for variant := range variants {
		rng := rand.New(rand.NewPCG(uint64(variant), 2))
		plane := make([]byte, w*h)
		for y := range h {
			for x := range w {
				v := cell[y%p.period*p.period+x%p.period].y
				if noise {
					v += byte(rng.IntN(25)) - 12 // the palettes leave room for it
				}
				plane[y*w+x] = v
			}
		}
		p.luma = append(p.luma, plane)
	}
	for i := range p.chroma {
		p.chroma[i] = make([]byte, w/2*h/2)
	}
	for y := range h / 2 {
		for x := range w / 2 {
			c := cell[y*2%p.period*p.period+x*2%p.period]
			p.chroma[0][y*w/2+x], p.chroma[1][y*w/2+x] = c.cb, c.cr
		}
	}
}

// paint draws picture n into f, all but the frame counter.
func (p *painter) paint(f *media.Frame, n int64) {
	p.paintBackground(f, n)
	p.paintBall(f, n)

	// The sweep crosses the picture once a second.
	barHeight := max(4, p.height/45&^1)
	top := (p.height - barHeight) &^ 1
	fillBox(f, 0, top, p.width, barHeight, inkDark)
	fillBox(f, 0, top, int(int64(p.width)*(n%p.rate+1)/p.rate)&^1, barHeight, p.ball)

	p.name.put(f, (p.width-p.name.width)/2, p.height*27/100)
	p.paintTimecode(f, n)

	c := framecode.Cell(p.height)
	area := FlashArea(p.width, p.height)
	fillBox(f, area.Min.X-c/2&^1, area.Min.Y-c/2&^1, area.Dx()+c/2&^1*2, area.Dy()+c/2&^1*2, inkDark)
	if n%p.rate == 0 {
		fillBox(f, area.Min.X, area.Min.Y, area.Dx(), area.Dy(), inkWhite)
	}
}

func (p *painter) paintBackground(f *media.Frame, n int64) {
	wrap := func(step int) int {
		return int(((int64(-step)*n)%int64(p.period) + int64(p.period)) % int64(p.period))
	}
	ox, oy := wrap(p.look.dx), wrap(p.look.dy)
	luma := p.luma[n%int64(len(p.luma))]
	copyRows(f.Planes[0], luma, p.lumaStride, ox, oy, p.width, p.height)
	for i := range p.chroma {
		copyRows(f.Planes[1+i], p.chroma[i], p.chromaStride, ox/2, oy/2, (p.width+1)/2, (p.height+1)/2)
	}
}

func copyRows(dst media.Plane, src []byte, stride, x, y, w, h int) {
	for row := range h {
		from := (y+row)*stride + x
		copy(dst.Data[row*dst.Stride:row*dst.Stride+w], src[from:from+w])
	}
}

// paintBall draws a disc that bounces between the edges, once across in 2.7 s and once
// down in 1.9 s at any rate.
func (p *painter) paintBall(f *media.Frame, n int64) {
	r := max(4, p.height/14&^1)
	x := bounce(n*10, p.rate*27, p.width-2*r)
	y := bounce(n*10, p.rate*19, p.height-2*r)
	for dy := 0; dy < 2*r; dy += 2 {
		half := math.Sqrt(float64(r*r) - float64((dy+1-r)*(dy+1-r)))
		from := (x + r - int(half)) &^ 1
		fillBox(f, from, y+dy, int(2*half)&^1, 2, p.ball)
	}
}

// bounce is an even position in 0..length that goes to and fro, one way in period.
func bounce(t, period int64, length int) int {
	t %= 2 * period
	if t > period {
		t = 2*period - t
	}
	return int(int64(length)*t/period) &^ 1
}

// paintTimecode draws hh:mm:ss:ff, counted in pictures (non-drop, SMPTE ST 12-1).
func (p *painter) paintTimecode(f *media.Frame, n int64) {
	s := n / p.rate
	fields := [4]int64{s / 3600 % 24, s / 60 % 60, s % 60, n % p.rate % 100}
	w := p.digits[0].width
	x, y := (p.width-11*w)/2&^1, p.height*42/100
	for i, v := range fields {
		if i > 0 {
			p.digits[10].put(f, x, y)
			x += w
		}
		p.digits[v/10].put(f, x, y)
		p.digits[v%10].put(f, x+w, y)
		x += 2 * w
	}
}
