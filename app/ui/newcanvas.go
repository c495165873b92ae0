package ui

import (
	"encoding/json"
	"fmt"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// What the canvas of a new show can be, as it is said and as show files say it; a file may
// have any other.
var (
	canvasSizes = []canvasSize{{1920, 1080}, {1280, 720}, {2560, 1440}, {3840, 2160}, {1080, 1920}, {1080, 1080}}
	canvasRates = []string{"24", "25", "29.97", "30", "50", "59.94", "60"}
)

// canvasSize is in pixels.
type canvasSize struct{ width, height int }

func (s canvasSize) String() string { return fmt.Sprintf("%dx%d", s.width, s.height) }

// canvasChoice chooses the canvas of a new show, which it keeps for life.
type canvasChoice struct {
	box
	caption *label
	size    *selector
	rate    *selector
}

const (
	canvasSizeWidth float32 = 104
	canvasRateWidth float32 = 88
)

func newCanvasChoice(d *desk) *canvasChoice {
	c := &canvasChoice{caption: newLabel("Canvas", textNormal, colDim)}
	var sizes, rates []json.RawMessage
	var perSecond []string
	for _, v := range canvasSizes {
		sizes = append(sizes, quoted(v.String()))
	}
	for _, v := range canvasRates {
		rates, perSecond = append(rates, quoted(v)), append(perSecond, v+" fps")
	}
	c.size = newSelector(d, sizes, func(json.RawMessage) {})
	c.rate = newSelector(d, rates, func(json.RawMessage) {})
	c.rate.rename(perSecond...)
	for _, part := range []struct {
		of  *selector
		tip string
	}{
		{c.size, "Size of the new show's picture; it stays as long as the show"},
		{c.rate, "Pictures a second of the new show; they stay as long as the show"},
	} {
		for _, b := range append(part.of.buttons, part.of.list) {
			b.hint(part.tip)
		}
	}
	c.reset()
	c.add(c.caption, c.size, c.rate)
	c.min = fyne.NewSize(c.caption.measure(c.caption.full)+canvasSizeWidth+canvasRateWidth+2*gap, rowHeight)
	c.arrange = func(s fyne.Size) {
		x := s.Width - canvasRateWidth
		place(c.rate, x, 0, canvasRateWidth, s.Height)
		x -= gap + canvasSizeWidth
		place(c.size, x, 0, canvasSizeWidth, s.Height)
		c.caption.place(0, 0, max(x-gap, 1), s.Height)
	}
	c.ExtendBaseWidget(c)
	return c
}

// reset chooses the usual one.
func (c *canvasChoice) reset() {
	usual := usualCanvas()
	c.size.choose(quoted(canvasSize{usual.Width, usual.Height}.String()))
	c.rate.choose(quoted(usual.FPS.String()))
}

// chosen is the canvas as it is chosen.
func (c *canvasChoice) chosen() scenes.Canvas {
	v, size := usualCanvas(), canvasSizes[c.size.chosen]
	v.Width, v.Height = size.width, size.height
	fps, err := media.ParseRational(canvasRates[c.rate.chosen])
	if err != nil { // it is ours
		panic(err)
	}
	v.FPS = fps
	return v
}

// usualCanvas is that of a show of which nobody has said otherwise.
func usualCanvas() scenes.Canvas { return scenes.Default().Canvas }
