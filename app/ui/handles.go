package ui

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

const (
	handleSize  float32 = 8
	handleReach float32 = 8 // how near the pointer has to come, in Fyne's units
	snapReach   float32 = 6
	noteHeight  float32 = 18
)

// airedNote stands where layers are changed that are on air.
const airedNote = "ON AIR: changes are seen"

// handles lie over the preview: a press chooses a layer of the scene in it, or of the
// overlay that is being edited and comes with the next transition; dragging
// moves it, its corners and sides scale it, with Alt or Ctrl they crop it. It snaps to the
// canvas and to other layers, and the lines it snapped to are drawn. Arrow keys
// move it by a pixel, with Shift by ten.
type handles struct {
	box
	desk    *desk
	frame   *container.Clip // keeps shapes off other panels: layers may go beyond the canvas
	shapes  *box            // sides, squares and guide
	sides   [4]*canvas.Line
	squares [8]*canvas.Rectangle
	guide   [2]*canvas.Line
	ring    *outline          // says that the keyboard is here
	plate   *canvas.Rectangle // behind note
	note    *label            // that changes are seen, where a dragged layer is, or how a text is given
	text    *field            // of a title that is edited in place
	textID  string

	state   *engine.State
	focused bool
	last    pressTime
	// The drag that goes on: what is held, of which layers, since where.
	hold  handlePart
	from  []scenes.Layer
	begun point
	now   scenes.Layer // as dragged
	lines guides
	// nudged is the layer that arrow keys moved last; until nudgedUntil it is where they
	// put it, whatever the state says.
	nudged      layerChoice
	nudgedUntil time.Time
}

var (
	_ desktop.Mouseable  = (*handles)(nil)
	_ desktop.Keyable    = (*handles)(nil)
	_ desktop.Cursorable = (*handles)(nil)
	_ fyne.Draggable     = (*handles)(nil)
)

func newHandles(d *desk) *handles {
	h := &handles{desk: d, lines: noGuides, shapes: &box{}}
	for i := range h.guide {
		h.guide[i] = canvas.NewLine(colAmber)
		h.guide[i].StrokeWidth = 1
		h.shapes.add(h.guide[i])
	}
	for i := range h.sides {
		h.sides[i] = canvas.NewLine(colFocus)
		h.shapes.add(h.sides[i])
	}
	for i := range h.squares {
		h.squares[i] = canvas.NewRectangle(colWhite)
		h.squares[i].StrokeColor, h.squares[i].StrokeWidth = colFocus, 2
		h.shapes.add(h.squares[i])
	}
	h.shapes.arrange = func(fyne.Size) {}
	h.shapes.ExtendBaseWidget(h.shapes)
	h.frame = container.NewClip(h.shapes)
	h.add(h.frame)
	h.ring = newOutline(colFocus)
	h.ring.show(false)
	h.ring.addTo(&h.box)
	h.plate = canvas.NewRectangle(colShade)
	h.note = newBold("", textSmall, colWhite)
	h.add(h.plate, h.note)
	h.text = newField(d, 3)
	h.text.given = h.giveText
	h.text.done = h.closeText
	h.text.undone = h.closeText
	h.add(h.text)
	h.min = fyne.NewSize(32, 18)
	h.arrange = func(s fyne.Size) {
		h.ring.place(0, 0, s.Width, s.Height, 2)
		const over = handleSize / 2 // of a handle at the canvas's edge
		place(h.frame, -over, -over, s.Width+2*over, s.Height+2*over)
		h.shapes.Move(fyne.NewPos(over, over))
		h.draw()
	}
	h.ExtendBaseWidget(h)
	return h
}

// area is where the canvas lies in the widget, and how many of its pixels a unit is.
func (h *handles) area() (x, y, perUnit float32) {
	s := h.Size()
	if h.state == nil || s.Width <= 0 || s.Height <= 0 {
		return 0, 0, 1
	}
	c := h.state.Show.Canvas
	k := min(s.Width/float32(c.Width), s.Height/float32(c.Height))
	return (s.Width - k*float32(c.Width)) / 2, (s.Height - k*float32(c.Height)) / 2, 1 / k
}

func (h *handles) toCanvas(p fyne.Position) point {
	x, y, k := h.area()
	return point{float64((p.X - x) * k), float64((p.Y - y) * k)}
}

func (h *handles) toScreen(p point) fyne.Position {
	x, y, k := h.area()
	return fyne.NewPos(x+float32(p.x)/k, y+float32(p.y)/k)
}

// owner is whose layers are edited here: the overlay that was chosen, where it is seen
// because it comes with the next transition, or the scene on preview. While the next transition
// moves keys alone that is the programme's, whose layers are not dragged: it is on air.
func (h *handles) owner() string {
	if o, ok := h.state.Show.Overlay(h.desk.layer.owner); ok && !o.On && slices.Contains(h.state.Next.Overlays, o.ID) {
		return o.ID
	}
	if h.state.Next.KeysOnly() {
		return ""
	}
	return h.state.Preview
}

// layers are those of owner.
func (h *handles) layers() []scenes.Layer {
	if h.state == nil {
		return nil
	}
	list, _ := layersOf(h.state.Show, h.owner())
	return list
}

// chosen is the layer that is edited; ok is false when there is none here.
func (h *handles) chosen() (l scenes.Layer, i int, ok bool) {
	c := h.desk.layer
	list := h.layers()
	if h.state == nil || c.owner != h.owner() || c.layer < 0 || c.layer >= len(list) {
		return l, 0, false
	}
	return list[c.layer], c.layer, true
}

func (h *handles) update(s *engine.State) {
	h.state = s
	if _, ok := s.Show.Source(h.textID); h.textID != "" && !ok {
		h.textID = ""
	}
	h.draw()
}

// draw shows the outline of the chosen layer; moving objects that stand already costs
// nothing.
func (h *handles) draw() {
	l, _, ok := h.chosen()
	if h.hold != 0 {
		l = h.now
	}
	for i := range h.sides {
		show(h.sides[i], ok)
	}
	for i := range h.squares {
		show(h.squares[i], ok && !l.Hidden)
	}
	seen := ok && aired(h.state, h.owner())
	noted := ok && (h.hold != 0 || h.textID != "" || seen)
	show(h.note.Text, noted)
	show(h.plate, noted)
	show(h.text, h.textID != "")
	h.ring.show(h.focused)
	h.drawGuides(ok)
	if !ok {
		return
	}
	width, ink := float32(1), color.Color(colFocus)
	if h.focused {
		width = 2
	}
	text := ""
	if seen {
		ink, text = colProgram, airedNote
	}
	h.tint(ink)
	for i := range h.sides {
		a, b := h.toScreen(cornerOf(l, handleParts[2*i])), h.toScreen(cornerOf(l, handleParts[(2*i+2)%8]))
		setLine(h.sides[i], a, b, width)
	}
	for i, part := range handleParts {
		p := h.toScreen(cornerOf(l, part))
		place(h.squares[i], p.X-handleSize/2, p.Y-handleSize/2, handleSize, handleSize)
	}
	if h.hold != 0 {
		text = strings.TrimSpace(fmt.Sprintf("%s   %.0f, %.0f   %.0f × %.0f", text, l.X, l.Y, l.Width, l.Height))
	}
	if text != "" {
		h.say(text, 4, 4)
	}
	if h.textID != "" {
		a := h.toScreen(point{l.X, l.Y})
		s := h.Size()
		w, high := min(max(float32(l.Width)*s.Width/float32(h.state.Show.Canvas.Width), 220), s.Width), float32(84)
		x, y := min(max(a.X, 0), s.Width-w), min(max(a.Y, 0), s.Height-high)
		place(h.text, x, y, w, high)
		if under := y + high; under+noteHeight <= s.Height {
			h.say(givenBy, x, under)
		} else {
			h.say(givenBy, x, max(y-noteHeight, 0))
		}
	}
}

// tint gives the handles a colour.
func (h *handles) tint(ink color.Color) {
	if h.sides[0].StrokeColor == ink {
		return
	}
	for _, l := range h.sides {
		l.StrokeColor = ink
		l.Refresh()
	}
	for _, r := range h.squares {
		r.StrokeColor = ink
		r.Refresh()
	}
}

// say puts the note to a place.
func (h *handles) say(text string, x, y float32) {
	h.note.setText(text)
	h.note.place(x+4, y, h.Size().Width-x-12, noteHeight)
	place(h.plate, x, y, h.note.measure(h.note.Text.Text)+8, noteHeight)
}

func (h *handles) drawGuides(ok bool) {
	s := h.Size()
	on := [2]bool{ok && h.hold != 0 && !math.IsNaN(h.lines.x), ok && h.hold != 0 && !math.IsNaN(h.lines.y)}
	for i := range h.guide {
		show(h.guide[i], on[i])
	}
	if on[0] {
		x := h.toScreen(point{h.lines.x, 0}).X
		setLine(h.guide[0], fyne.NewPos(x, 0), fyne.NewPos(x, s.Height), 1)
	}
	if on[1] {
		y := h.toScreen(point{0, h.lines.y}).Y
		setLine(h.guide[1], fyne.NewPos(0, y), fyne.NewPos(s.Width, y), 1)
	}
}

func setLine(l *canvas.Line, a, b fyne.Position, width float32) {
	if l.Position1 == a && l.Position2 == b && l.StrokeWidth == width {
		return
	}
	l.Position1, l.Position2, l.StrokeWidth = a, b, width
	l.Refresh()
}

// MouseDown implements desktop.Mouseable.
func (h *handles) MouseDown(e *desktop.MouseEvent) {
	if e.Button != desktop.MouseButtonPrimary {
		return
	}
	h.desk.stopTyping()
	p := h.toCanvas(e.Position)
	_, _, k := h.area()
	reach := float64(handleReach * k)
	i, hold := h.at(p, reach)
	if i < 0 && h.state != nil && h.owner() != h.state.Preview && !h.state.Next.KeysOnly() { // beside the overlay: the scene under it
		h.desk.layer = layerChoice{h.state.Preview, -1}
		i, hold = h.at(p, reach)
	}
	h.choose(i)
	if c := fyne.CurrentApp().Driver().CanvasForObject(h); c != nil {
		c.Focus(h)
	}
	if i < 0 {
		return
	}
	if h.last.double(h.desk) && h.editText() {
		return
	}
	h.hold, h.begun = hold, p
	h.from = h.desk.draftLayers(h.owner(), h.layers())
	h.now, h.lines = h.from[i], noGuides
	h.draw()
}

// at is the layer at a point, -1 for none: the chosen one's handles come first, then
// what lies on top.
func (h *handles) at(p point, reach float64) (int, handlePart) {
	list := h.layers()
	if l, i, ok := h.chosen(); ok && !l.Hidden {
		if part := holdOf(l, p, reach, true); part != 0 && part != partInside {
			return i, part
		}
	}
	for i := len(list) - 1; i >= 0; i-- {
		if l := list[i]; !l.Hidden && holdOf(l, p, reach, false) != 0 {
			return i, partInside
		}
	}
	return -1, 0
}

// choose makes a layer of the scene on preview the one that is edited.
func (h *handles) choose(i int) {
	if h.state == nil {
		return
	}
	if i < 0 && h.desk.layer.owner != h.owner() {
		return
	}
	h.desk.layer = layerChoice{h.owner(), i}
	if i >= 0 {
		h.desk.layerPicked(h.desk.layer)
	}
	h.draw()
}

// Dragged implements fyne.Draggable.
func (h *handles) Dragged(e *fyne.DragEvent) { h.drag(e.Position, currentModifiers()) }

func (h *handles) drag(at fyne.Position, mod fyne.KeyModifier) {
	_, i, ok := h.chosen()
	if h.hold == 0 || !ok || i >= len(h.from) {
		return
	}
	h.last.forget()
	p := h.toCanvas(at)
	d := point{p.x - h.begun.x, p.y - h.begun.y}
	_, _, k := h.area()
	reach := float64(snapReach * k)
	xs, ys := h.snapTo(i)
	l := h.from[i]
	free := mod&fyne.KeyModifierShift != 0
	switch {
	case h.hold == partInside:
		l, h.lines = snapMove(shifted(l, d), xs, ys, reach)
	case mod&(fyne.KeyModifierAlt|fyne.KeyModifierControl) != 0:
		picture, aspect := h.pictureOf(l.Source)
		l, h.lines = cropped(l, h.hold, d, picture, aspect), noGuides
	default:
		l, h.lines = snapScale(scaled(l, h.hold, d, free), h.hold, xs, ys, reach, free)
	}
	h.now = tidy(l)
	h.send(i, h.now)
	h.draw()
}

// snapTo are the lines that layer i snaps to.
func (h *handles) snapTo(i int) (xs, ys []float64) {
	var across, down [][2]float64
	for k, l := range h.from {
		if k == i || l.Hidden {
			continue
		}
		w, high := extent(l)
		c := centreOf(l)
		across = append(across, [2]float64{c.x - w/2, c.x + w/2})
		down = append(down, [2]float64{c.y - high/2, c.y + high/2})
	}
	c := h.state.Show.Canvas
	return snapLines(float64(c.Width), across), snapLines(float64(c.Height), down)
}

// pictureOf is the size of a source's picture in its own pixels, what it says of itself, and
// the width of one by its height; else the canvas's.
func (h *handles) pictureOf(id string) (size point, aspect float64) {
	c := h.state.Show.Canvas
	for i := range h.state.Sources {
		s := &h.state.Sources[i]
		var w, high int
		if s.ID == id {
			if n, err := fmt.Sscanf(s.Detail, "%dx%d", &w, &high); err == nil && n == 2 && w > 0 && high > 0 {
				if s.PixelAspect > 0 {
					return point{float64(w), float64(high)}, s.PixelAspect
				}
				return point{float64(w), float64(high)}, 1
			}
		}
	}
	return point{float64(c.Width), float64(c.Height)}, 1
}

// send gives the layers with layer i as it is now. What waits is replaced by the
// newest, so that one a tick goes out; in undo one drag is one edit.
func (h *handles) send(i int, l scenes.Layer) {
	layers := slices.Clone(h.from)
	layers[i] = l
	id := h.desk.layer.owner
	h.desk.move("layers "+id, &engine.SetLayers{ID: id, Layers: layers, Merge: true})
}

// DragEnd implements fyne.Draggable.
func (h *handles) DragEnd() { h.letGo() }

// MouseUp implements desktop.Mouseable.
func (h *handles) MouseUp(*desktop.MouseEvent) { h.letGo() }

func (h *handles) letGo() {
	h.hold, h.lines = 0, noGuides
	h.draw()
}

// Cursor implements desktop.Cursorable.
func (h *handles) Cursor() desktop.Cursor {
	if _, _, ok := h.chosen(); ok {
		return desktop.CrosshairCursor
	}
	return desktop.DefaultCursor
}

// FocusGained implements fyne.Focusable.
func (h *handles) FocusGained() { h.focused = true; h.draw() }

// FocusLost implements fyne.Focusable.
func (h *handles) FocusLost() { h.focused = false; h.draw() }

// TypedRune implements fyne.Focusable.
func (h *handles) TypedRune(rune) {}

// TypedKey implements fyne.Focusable: arrows repeat while held.
func (h *handles) TypedKey(e *fyne.KeyEvent) { h.nudge(e.Name, currentModifiers()) }

// nudge moves the chosen layer by an arrow key.
func (h *handles) nudge(key fyne.KeyName, mod fyne.KeyModifier) {
	step := map[fyne.KeyName]point{fyne.KeyLeft: {x: -1}, fyne.KeyRight: {x: 1}, fyne.KeyUp: {y: -1}, fyne.KeyDown: {y: 1}}
	d, arrow := step[key]
	_, i, ok := h.chosen()
	if !arrow || !ok {
		return
	}
	if mod&fyne.KeyModifierShift != 0 {
		d.x, d.y = d.x*10, d.y*10
	}
	// Presses that have not come back yet add up.
	if now := h.desk.now(); h.from == nil || now.After(h.nudgedUntil) || h.nudged != h.desk.layer {
		h.from = h.desk.draftLayers(h.owner(), h.layers())
		h.now = h.from[i]
	}
	h.nudged, h.nudgedUntil = h.desk.layer, h.desk.now().Add(settle)
	h.now = shifted(h.now, d)
	h.send(i, h.now)
}

// KeyDown implements desktop.Keyable.
func (h *handles) KeyDown(e *fyne.KeyEvent) {
	_, i, ok := h.chosen()
	switch e.Name {
	case fyne.KeyLeft, fyne.KeyRight, fyne.KeyUp, fyne.KeyDown:
	case fyne.KeyDelete:
		if ok {
			h.desk.removeLayer(h.owner(), h.desk.draftLayers(h.owner(), h.layers()), i)
		}
	case fyne.KeyEscape:
		h.choose(-1)
		h.desk.keyDown(e)
	default:
		h.desk.pass(e)
	}
}

// KeyUp implements desktop.Keyable.
func (h *handles) KeyUp(*fyne.KeyEvent) {}
