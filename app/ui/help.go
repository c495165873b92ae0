package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
)

// shortcuts is the F1 sheet: what keyboard.down does, in the same order.
var shortcuts = [][2]string{
	{"1 … 9, 0", "put scene or source 1 … 10 on preview"},
	{"Ctrl + 1 … 0", "cut to it"},
	{"Enter", "CUT: swap preview and programme"},
	{"Space", "AUTO: run, halt or continue the transition"},
	{"T", "next kind of transition"},
	{"[   ]", "transition one frame shorter, longer"},
	{"B", "fade to black and back"},
	{"Alt + 1 … 0", "overlay 1 … 10 on or off"},
	{"M", "mute the master"},
	{"Ctrl + L", "go live; twice: stop"},
	{"R", "record; twice: stop"},
	{"Ctrl + Tab", "scenes or sources in the bank"},
	{"S", "safe areas on preview"},
	{"F11", "full screen"},
	{"Tab", "walk through all controls: Space and Enter press the one in blue, arrows move it"},
	{"Esc", "leave the control in blue"},
	{"F1", "this sheet"},
}

// helpPanel is the sheet over the whole window; a click or any key closes it.
type helpPanel struct {
	box
	shade, sheet *canvas.Rectangle
	title        *label
	keys, what   []*label
}

var _ desktop.Mouseable = (*helpPanel)(nil)

func newHelpPanel() *helpPanel {
	p := &helpPanel{shade: canvas.NewRectangle(colShade), sheet: newSurface(colPanel)}
	p.sheet.StrokeColor, p.sheet.StrokeWidth = colLine, 1
	p.title = newBold("Keys", textHuge, colText)
	p.add(p.shade, p.sheet, p.title)
	for _, row := range shortcuts {
		k, w := newBold(row[0], textNormal, colText), newLabel(row[1], textNormal, colDim)
		p.keys, p.what = append(p.keys, k), append(p.what, w)
		p.add(k, w)
	}
	p.arrange = func(s fyne.Size) {
		const row, w = 26, 700
		h := float32(len(shortcuts)*row + 70)
		x, y := (s.Width-w)/2, max((s.Height-h)/2, 0)
		place(p.shade, 0, 0, s.Width, s.Height)
		place(p.sheet, x, y, w, h)
		p.title.place(x+24, y+12, 300, 32)
		for i := range p.keys {
			top := y + 54 + float32(i*row)
			p.keys[i].place(x+24, top, 120, row)
			p.what[i].place(x+160, top, w-184, row)
		}
	}
	p.ExtendBaseWidget(p)
	p.Hide()
	return p
}

func (p *helpPanel) toggle() { show(p, !p.Visible()) }

// MouseDown implements desktop.Mouseable.
func (p *helpPanel) MouseDown(*desktop.MouseEvent) { p.Hide() }

// MouseUp implements desktop.Mouseable.
func (p *helpPanel) MouseUp(*desktop.MouseEvent) {}
