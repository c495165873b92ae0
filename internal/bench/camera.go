package main

import (
	"math/rand/v2"

	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
)

// lens is a camera's size and rate. All are 16:9.
type lens struct{ width, height, rate int }

// The cameras of all cases but S, and the camera of S.
var (
	hd30 = lens{1920, 1080, 30}
	hd60 = lens{1280, 720, 60}
)

// Where the counters are in a picture of 1080 lines; in others in proportion. Two slots lie one below the other, and a camera writes in
// one and leaves the other grey, so that a mix of an odd and an even camera shows both
// counters, faded over grey, and not one over the other.
const (
	codeCell   = 24 // 8 pixels in a quarter of a 720-line picture
	codeX      = 24
	codeY      = 24
	codeWidth  = 22 * codeCell
	codeHeight = 4 * codeCell
)

// slotY is the top of the slot that camera n (from 1) writes in.
func slotY(camera int) int { return codeY + (camera-1)%2*codeHeight }

// scaled is a measure of a picture of 1080 lines in one of lines lines.
func scaled(v, lines int) int { return v * lines / 1080 }

// camera makes the pictures of one synthetic camera: a detailed texture that pans,
// under sensor noise that is new in every frame, because x264's and a decoder's cost
// depend on content and a still or smooth picture would flatter everybody.
type camera struct {
	lens
	number  int
	wide    int // of the texture
	luma    []byte
	chroma  [2][]byte // at half the texture's size
	noise   []int8
	dice    *rand.Rand
	ramp    [256 + 2*maxNoise]byte // clips luma plus noise
	dx, dy  int                    // pan in half pixels a frame
	marginX int
	marginY int
}

const (
	maxNoise  = 24
	noiseLen  = 1 << 22
	panMargin = 384
)

// newCamera makes camera number n, from 1; the same n and lens give the same pictures.
func newCamera(n int, l lens) *camera {
	c := &camera{lens: l, number: n, marginX: panMargin, marginY: panMargin / 2, dice: rand.New(rand.NewPCG(uint64(n), 20))}
	c.wide = l.width + c.marginX
	high := l.height + c.marginY
	c.luma = texture(c.dice, c.wide, high, []int{160, 48, 12, 3}, []float64{70, 45, 30, 22})
	for i := range c.chroma {
		c.chroma[i] = texture(c.dice, c.wide/2, high/2, []int{120, 30}, []float64{60, 20})
	}
	c.noise = make([]int8, noiseLen)
	for i := range c.noise {
		c.noise[i] = int8(max(-maxNoise, min(maxNoise, c.dice.NormFloat64()*5)))
	}
	for i := range c.ramp {
		c.ramp[i] = byte(max(16, min(235, i-maxNoise)))
	}
	c.dx, c.dy = 2+n%3, 1+n%2
	return c
}

// draw makes frame number n in f, which is I420 of the camera's size.
func (c *camera) draw(f *media.Frame, n int) {
	// Even steps keep luma and chroma together.
	x := bounce(n*c.dx/2, c.marginX/2) * 2
	y := bounce(n*c.dy/2, c.marginY/2) * 2
	for row := range c.height {
		dst := f.Planes[0].Data[row*f.Planes[0].Stride:][:c.width]
		src := c.luma[(y+row)*c.wide+x:][:c.width]
		at := c.dice.IntN(noiseLen - c.width)
		noise := c.noise[at:][:c.width]
		for i := range dst {
			dst[i] = c.ramp[int(src[i])+int(noise[i])+maxNoise]
		}
	}
	for i, plane := range c.chroma {
		for row := range c.height / 2 {
			dst := f.Planes[i+1].Data[row*f.Planes[i+1].Stride:]
			copy(dst[:c.width/2], plane[(y/2+row)*(c.wide/2)+x/2:])
		}
	}
	at := func(v int) int { return scaled(v, c.height) }
	grey(f, at(codeX), at(codeY), at(codeWidth), at(2*codeHeight))
	framecode.DrawAt(f, at(codeX), at(slotY(c.number)), at(codeCell), uint8(c.number), uint32(n))
}

// grey makes an even rectangle neutral grey.
func grey(f *media.Frame, x, y, w, h int) {
	for i := range f.Planes {
		half := min(i, 1)
		for row := y >> half; row < (y+h)>>half; row++ {
			line := f.Planes[i].Data[row*f.Planes[i].Stride:]
			for at := x >> half; at < (x+w)>>half; at++ {
				line[at] = 128
			}
		}
	}
}

// bounce runs 0..limit-1 and back.
func bounce(n, limit int) int {
	n %= 2 * limit
	if n >= limit {
		return 2*limit - 1 - n
	}
	return n
}

// texture is value noise: for each size a grid of random values, joined smoothly, with
// the given swing about mid grey.
func texture(dice *rand.Rand, w, h int, sizes []int, swings []float64) []byte {
	sum := make([]float32, w*h)
	for k, size := range sizes {
		columns := w/size + 2
		grid := make([]float32, columns*(h/size+2))
		for i := range grid {
			grid[i] = float32((dice.Float64()*2 - 1) * swings[k])
		}
		for y := range h {
			top := grid[y/size*columns:]
			bottom := top[columns:]
			v := smooth(float32(y%size) / float32(size))
			for x := range w {
				i := x / size
				u := smooth(float32(x%size) / float32(size))
				a := top[i] + (top[i+1]-top[i])*u
				b := bottom[i] + (bottom[i+1]-bottom[i])*u
				sum[y*w+x] += a + (b-a)*v
			}
		}
	}
	out := make([]byte, w*h)
	for i, s := range sum {
		out[i] = byte(max(16, min(235, 126+s)))
	}
	return out
}

func smooth(t float32) float32 { return t * t * (3 - 2*t) }
