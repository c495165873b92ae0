package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/app/engine"
)

// listRow is the height of one row of a list.
const listRow float32 = 26

// listItem is one row's content.
type listItem struct {
	id, name, detail string
	tally            engine.Tally
	dim              bool // hidden, or not known to this version
}

// showList is a list that can be put in order: by dragging a row, or with Alt and the
// arrow keys. A row is chosen by a press or the arrow keys, renamed in place by a double
// click, Enter or F2, and removed with Delete. Other keys are the desk's.
type showList struct {
	box
	desk     *desk
	items    []listItem
	rows     []*showRow
	byID     map[string]*showRow
	selected string
	line     *canvas.Rectangle // where the dragged row would go
	dragged  string
	dropAt   int

	rename   *field
	renaming string

	// What rows ask for; fixed is a list that cannot be renamed.
	onSelect func(id string)
	onMove   func(id string, to int)
	onRename func(id, name string)
	onRemove func(id string)
}

func newShowList(d *desk) *showList {
	l := &showList{desk: d, byID: map[string]*showRow{}, dropAt: -1}
	l.onSelect, l.onRemove = func(string) {}, func(string) {}
	l.onMove, l.onRename = func(string, int) {}, nil
	l.line = canvas.NewRectangle(colFocus)
	l.rename = newField(d, 1)
	l.rename.given = l.renamed
	l.rename.done = l.closeRename
	l.rename.undone = l.closeRename
	l.min = fyne.NewSize(100, listRow)
	l.arrange = func(fyne.Size) { l.arrangeRows() }
	l.ExtendBaseWidget(l)
	return l
}

// heightFor implements stacked.
func (l *showList) heightFor(float32) float32 { return float32(len(l.items)) * (listRow + 2) }

// set brings the list to its items.
func (l *showList) set(items []listItem, selected string) {
	same := len(items) == len(l.items) && selected == l.selected
	for i := 0; same && i < len(items); i++ {
		same = items[i] == l.items[i]
	}
	if same {
		return
	}
	l.items, l.selected = append(l.items[:0:0], items...), selected
	rows, byID := make([]*showRow, len(items)), make(map[string]*showRow, len(items))
	objects := make([]fyne.CanvasObject, 0, len(items)+2)
	for i, it := range items {
		r := l.byID[it.id]
		if r == nil {
			r = newShowRow(l)
		}
		r.assign(it, it.id == selected)
		rows[i], byID[it.id] = r, r
		objects = append(objects, r)
	}
	l.rows, l.byID = rows, byID
	if byID[l.renaming] == nil {
		l.renaming = ""
	}
	l.objects = append(objects, l.line, l.rename)
	l.arrangeRows()
	l.Refresh()
}

func (l *showList) arrangeRows() {
	w := l.Size().Width
	show(l.rename, l.renaming != "")
	for i, r := range l.rows {
		y := float32(i) * (listRow + 2)
		place(r, 0, y, w, listRow)
		if r.item.id == l.renaming {
			place(l.rename, 18, y-1, w-20, listRow+2)
		}
	}
	show(l.line, l.dropAt >= 0)
	if l.dropAt >= 0 {
		place(l.line, 0, float32(l.dropAt)*(listRow+2)-2, w, 2)
	}
}

func (l *showList) index(id string) int {
	for i := range l.items {
		if l.items[i].id == id {
			return i
		}
	}
	return -1
}

// startRename lets the name be typed in its place.
func (l *showList) startRename(id string) {
	i := l.index(id)
	c := fyne.CurrentApp().Driver().CanvasForObject(l)
	if l.onRename == nil || i < 0 || c == nil {
		return
	}
	l.renaming = id
	l.rename.setText(l.items[i].name)
	l.arrangeRows()
	c.Focus(l.rename)
	l.rename.TypedShortcut(&fyne.ShortcutSelectAll{})
}

func (l *showList) renamed() {
	id, name := l.renaming, l.rename.Text
	if i := l.index(id); i >= 0 && name != "" && name != l.items[i].name {
		l.onRename(id, name)
	}
}

func (l *showList) closeRename() {
	l.renaming = ""
	l.arrangeRows()
}

// step moves the choice, or the chosen row, by one.
func (l *showList) step(id string, by int, carry bool) {
	i := l.index(id)
	to := i + by
	if i < 0 || to < 0 || to >= len(l.items) {
		return
	}
	if carry {
		l.onMove(id, to)
		return
	}
	l.onSelect(l.items[to].id)
	if c := fyne.CurrentApp().Driver().CanvasForObject(l); c != nil && to < len(l.rows) {
		c.Focus(l.rows[to])
	}
}

// drag marks the gap at a height of the list.
func (l *showList) drag(id string, y float32) {
	l.dragged = id
	l.dropAt = min(max(int(y/(listRow+2)+0.5), 0), len(l.items))
	l.arrangeRows()
}

// drop moves the dragged row into the gap.
func (l *showList) drop() {
	from, gapAt := l.index(l.dragged), l.dropAt
	l.dropAt = -1
	l.arrangeRows()
	if from < 0 || gapAt < 0 {
		return
	}
	to := gapAt
	if gapAt > from {
		to--
	}
	if to != from {
		l.onMove(l.dragged, to)
	}
}

// showRow is one row of a showList.
type showRow struct {
	box
	list         *showList
	item         listItem
	back, tally  *canvas.Rectangle
	grip         *label
	name, detail *label
	chosen       bool
	focused      bool
	hovered      bool
	last         pressTime
}

var (
	_ desktop.Mouseable = (*showRow)(nil)
	_ desktop.Hoverable = (*showRow)(nil)
	_ desktop.Keyable   = (*showRow)(nil)
	_ fyne.Draggable    = (*showRow)(nil)
)

func newShowRow(l *showList) *showRow {
	r := &showRow{list: l, back: newSurface(colBackground), tally: newSurface(colNone)}
	r.grip = newLabel("⠿", textSmall, colDim)
	r.name = newLabel("", textNormal, colText)
	r.detail = newLabel("", textSmall, colDim)
	r.detail.Alignment = fyne.TextAlignTrailing
	r.add(r.back, r.tally, r.grip, r.name, r.detail)
	r.min = fyne.NewSize(80, listRow)
	r.arrange = func(s fyne.Size) {
		place(r.back, 0, 0, s.Width, s.Height)
		place(r.tally, 0, 0, 4, s.Height)
		r.grip.place(7, 0, 10, s.Height)
		detail := min(r.detail.measure(r.detail.full)+2, s.Width*0.45)
		r.name.place(20, 0, s.Width-20-detail-inset-4, s.Height)
		r.detail.place(s.Width-detail-inset, 0, detail, s.Height)
	}
	r.ExtendBaseWidget(r)
	return r
}

func (r *showRow) assign(it listItem, chosen bool) {
	ink := colText
	if it.dim {
		ink = colDim
	}
	r.name.set(it.name, ink)
	relay := r.item.detail != it.detail || r.item.tally != it.tally
	r.detail.setText(tallyWord(it.tally) + it.detail)
	r.item, r.chosen = it, chosen
	if relay {
		r.arrange(r.Size())
	}
	r.paint()
}

// tallyWord says a tally before what else there is to say.
func tallyWord(t engine.Tally) string {
	switch t {
	case engine.OnProgram:
		return "PGM  ·  "
	case engine.OnPreview:
		return "PVW  ·  "
	}
	return ""
}

func (r *showRow) paint() {
	ground := color.Color(colBackground)
	switch {
	case r.chosen:
		ground = colHover
	case r.hovered:
		ground = colControl
	}
	if r.focused {
		fill(r.back, ground, colFocus, 2)
	} else {
		fill(r.back, ground, colNone, 0)
	}
	switch r.item.tally {
	case engine.OnProgram:
		fill(r.tally, colProgram, colNone, 0)
	case engine.OnPreview:
		fill(r.tally, colPreview, colNone, 0)
	default:
		fill(r.tally, colNone, colNone, 0)
	}
}

// MouseDown implements desktop.Mouseable.
func (r *showRow) MouseDown(e *desktop.MouseEvent) {
	if e.Button != desktop.MouseButtonPrimary {
		return
	}
	d := r.list.desk
	d.stopTyping()
	if r.last.double(d) {
		r.list.startRename(r.item.id)
		return
	}
	r.list.onSelect(r.item.id)
	if c := fyne.CurrentApp().Driver().CanvasForObject(r); c != nil {
		c.Focus(r)
	}
}

// MouseUp implements desktop.Mouseable.
func (r *showRow) MouseUp(*desktop.MouseEvent) {}

// Dragged implements fyne.Draggable.
func (r *showRow) Dragged(e *fyne.DragEvent) {
	r.last.forget()
	r.list.drag(r.item.id, r.Position().Y+e.Position.Y)
}

// DragEnd implements fyne.Draggable.
func (r *showRow) DragEnd() { r.list.drop() }

// MouseIn implements desktop.Hoverable.
func (r *showRow) MouseIn(*desktop.MouseEvent) { r.hovered = true; r.paint() }

// MouseMoved implements desktop.Hoverable.
func (r *showRow) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (r *showRow) MouseOut() { r.hovered = false; r.paint() }

// FocusGained implements fyne.Focusable.
func (r *showRow) FocusGained() { r.focused = true; r.paint() }

// FocusLost implements fyne.Focusable.
func (r *showRow) FocusLost() { r.focused = false; r.paint() }

// TypedRune implements fyne.Focusable.
func (r *showRow) TypedRune(rune) {}

// TypedKey implements fyne.Focusable; KeyDown does the work.
func (r *showRow) TypedKey(*fyne.KeyEvent) {}

// KeyDown implements desktop.Keyable.
func (r *showRow) KeyDown(e *fyne.KeyEvent) { r.key(e, currentModifiers()) }

func (r *showRow) key(e *fyne.KeyEvent, mod fyne.KeyModifier) {
	carry := mod == fyne.KeyModifierAlt
	switch {
	case mod != 0 && !carry:
		r.list.desk.keyDown(e)
	case e.Name == fyne.KeyUp:
		r.list.step(r.item.id, -1, carry)
	case e.Name == fyne.KeyDown:
		r.list.step(r.item.id, +1, carry)
	case e.Name == fyne.KeyF2 && !carry:
		r.list.startRename(r.item.id)
	case (e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter) && !carry: // of which the text would get the rest
		r.list.desk.post(func() { r.list.startRename(r.item.id) })
	case e.Name == fyne.KeySpace && !carry:
		r.list.onSelect(r.item.id)
	case e.Name == fyne.KeyDelete && !carry:
		r.list.onRemove(r.item.id)
	default:
		r.list.desk.pass(e)
	}
}

// KeyUp implements desktop.Keyable.
func (r *showRow) KeyUp(*fyne.KeyEvent) {}
