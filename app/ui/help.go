package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
)

// otherKeys are the keys that are no actions of a menu.
var otherKeys = [][2]string{
	{"1 … 9, 0", "put scene or source 1 … 10 on preview"},
	{shortcutName + "+1 … 0", "cut to it"},
	{"Alt+1 … 0", "overlay 1 … 10 on or off"},
}

// lastKeys come at the end of the sheet.
var lastKeys = [][2]string{
	{"Tab", "walk the controls; Space and arrows use them"},
	{"Esc", "leave a control, close what lies over the rest"},
	{"Alt", "open the menus"},
}

const (
	sheetRow   float32 = 24
	sheetWidth float32 = 860
	sheetKey   float32 = 106 // of the column of keys
)

// helpPanel is the key sheet over the whole window; a click or any key closes it.
type helpPanel struct {
	box
	veil       *veil
	sheet      *canvas.Rectangle
	title      *label
	list       *box
	scroll     *container.Scroll
	keys, what []*label
	widest     float32 // of what
}

func newHelpPanel() *helpPanel {
	p := &helpPanel{sheet: newSurface(colPanel), list: &box{}}
	p.veil = newVeil(canvas.NewRectangle(colShade), func(fyne.Position) { p.Hide() })
	p.sheet.StrokeColor, p.sheet.StrokeWidth = colLine, 1
	p.title = newBold("Keys", textHuge, colText)
	p.list.ExtendBaseWidget(p.list)
	p.scroll = container.NewVScroll(p.list)
	p.add(p.veil, p.sheet, p.title, p.scroll)
	p.arrange = func(s fyne.Size) {
		w := min(sheetWidth, s.Width-2*gap)
		columns := 1
		if (w-48)/2-sheetKey-12 >= p.widest {
			columns = 2
		}
		rows := (len(p.keys) + columns - 1) / columns
		h := min(float32(rows)*sheetRow+70, s.Height-2*gap)
		x, y := (s.Width-w)/2, max((s.Height-h)/2, gap)
		place(p.veil, 0, 0, s.Width, s.Height)
		place(p.sheet, x, y, w, h)
		p.title.place(x+24, y+10, 300, 32)
		p.list.min = fyne.NewSize(100, float32(rows)*sheetRow)
		place(p.scroll, x+24, y+50, w-36, h-60)
		p.scroll.Refresh()
		column := (w - 48) / float32(columns)
		for i := range p.keys {
			left, top := float32(i/rows)*column, float32(i%rows)*sheetRow
			p.keys[i].place(left, top, 100, sheetRow)
			p.what[i].place(left+sheetKey, top, column-sheetKey-12, sheetRow)
		}
	}
	p.ExtendBaseWidget(p)
	p.Hide()
	return p
}

// fill lists the keys of actions.
func (p *helpPanel) fill(actions []*action) {
	p.keys, p.what, p.list.objects, p.widest = nil, nil, nil, 0
	row := func(key, what string) {
		k, w := newBold(key, textNormal, colText), newLabel(what, textNormal, colDim)
		p.keys, p.what = append(p.keys, k), append(p.what, w)
		p.widest = max(p.widest, w.MinSize().Width)
		p.list.add(k, w)
	}
	for _, r := range otherKeys {
		row(r[0], r[1])
	}
	for _, a := range actions {
		if a.key != "" && a.hint != "" {
			row(keyText(a.key, a.mod), a.hint)
		}
	}
	for _, r := range lastKeys {
		row(r[0], r[1])
	}
	p.arrange(p.Size())
	p.list.Refresh()
}

func (p *helpPanel) toggle() { show(p, !p.Visible()) }
