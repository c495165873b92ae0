package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// stacked is a part of a column: it says how high it is at a width; 0 leaves it out.
type stacked interface {
	fyne.CanvasObject
	heightFor(width float32) float32
}

// wheeled is a part that takes the mouse wheel; within tells it whose the wheel is when it
// is not its own.
type wheeled interface {
	within(scrolled func(*fyne.ScrollEvent))
}

// column stacks parts from top to bottom in a scroller.
type column struct {
	box
	scroll *container.Scroll
	inner  *box
	parts  []stacked
}

func newColumn(parts ...stacked) *column {
	c := &column{inner: &box{}}
	c.inner.arrange = func(s fyne.Size) { stack(c.parts, s.Width-scrollRoom) }
	c.inner.ExtendBaseWidget(c.inner)
	c.scroll = container.NewVScroll(c.inner)
	c.add(c.scroll)
	c.min = fyne.NewSize(200, 60)
	c.arrange = func(s fyne.Size) {
		place(c.scroll, 0, 0, s.Width, s.Height)
		c.refit()
	}
	c.ExtendBaseWidget(c)
	c.set(parts...)
	return c
}

// set changes the parts.
func (c *column) set(parts ...stacked) {
	c.parts = parts
	c.inner.objects = c.inner.objects[:0]
	for _, p := range parts {
		c.inner.objects = append(c.inner.objects, p)
		if w, ok := p.(wheeled); ok {
			w.within(c.scroll.Scrolled)
		}
	}
	c.inner.Refresh()
	c.refit()
}

// refit follows a part whose height changed.
func (c *column) refit() {
	width := c.scroll.Size().Width
	if width <= 0 {
		return
	}
	h := stack(c.parts, width-scrollRoom)
	if c.inner.min.Height != h {
		c.inner.min = fyne.NewSize(100, h)
		c.scroll.Refresh()
	}
}

// stack places parts under each other and returns their height.
func stack(parts []stacked, width float32) float32 {
	y := float32(0)
	for _, p := range parts {
		h := p.heightFor(width)
		show(p, h > 0)
		if h > 0 {
			place(p, 0, y, width, h)
			y += h + gap
		}
	}
	return y
}

// flow places controls beside each other and begins a new line where they no longer fit.
type flow struct {
	box
	items []fyne.CanvasObject
	gone  bool
}

func newFlow(items ...fyne.CanvasObject) *flow {
	f := &flow{items: items}
	f.add(items...)
	f.min = fyne.NewSize(60, rowHeight)
	f.arrange = func(s fyne.Size) { f.lay(s.Width) }
	f.ExtendBaseWidget(f)
	return f
}

func (f *flow) lay(width float32) float32 {
	x, y, high := float32(0), float32(0), float32(0)
	for _, o := range f.items {
		if !o.Visible() {
			continue
		}
		m := o.MinSize()
		w := min(m.Width, width)
		if x > 0 && x+w > width {
			x, y = 0, y+high+3
		}
		place(o, x, y, w, m.Height)
		x, high = x+w+3, max(high, m.Height)
	}
	return y + high
}

func (f *flow) heightFor(width float32) float32 {
	if f.gone {
		return 0
	}
	return f.lay(width)
}

// paragraph is wrapped text that cannot be edited.
type paragraph struct {
	box
	size  float32
	color color.Color
	text  string
	most  int // lines; more are cut
	lines []*label
	width float32
}

func newParagraph(text string, size float32, col color.Color, most int) *paragraph {
	p := &paragraph{size: size, most: most}
	p.min = fyne.NewSize(40, size)
	p.arrange = func(s fyne.Size) { p.heightFor(s.Width) }
	p.ExtendBaseWidget(p)
	p.set(text, col)
	return p
}

func (p *paragraph) set(text string, col color.Color) {
	if p.text == text && p.color == col {
		return
	}
	p.text, p.color = text, col
	width := p.width
	p.width = 0
	if width > 0 {
		p.heightFor(width)
	}
}

func (p *paragraph) lineHeight() float32 { return p.size + 4 }

// heightFor implements stacked.
func (p *paragraph) heightFor(width float32) float32 {
	if p.width != width {
		p.width = width
		p.wrap()
	}
	n := float32(0)
	for _, l := range p.lines {
		if l.full != "" {
			n++
		}
	}
	return n * p.lineHeight()
}

func (p *paragraph) wrap() {
	rest := p.text
	changed := false
	for i := 0; i < p.most; i++ {
		if i == len(p.lines) {
			if rest == "" {
				break
			}
			l := newLabel("", p.size, p.color)
			p.lines = append(p.lines, l)
			p.add(l)
			changed = true
		}
		l := p.lines[i]
		l.width = p.width
		line := rest
		if i < p.most-1 {
			line, rest = wrap(l, rest)
		} else {
			rest = ""
		}
		l.set(line, p.color)
		l.place(0, float32(i)*p.lineHeight(), p.width, p.lineHeight())
	}
	if changed {
		p.Refresh()
	}
}
