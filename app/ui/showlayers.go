package ui

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// layerSchema is the form of one layer: scenes.Layer with the crop beside the rest and
// the opacity in per cent.
const layerSchema = `{
  "type": "object",
  "properties": {
    "fit": {"enum": ["contain", "cover", "stretch", "none"], "default": "contain", "title": "Fit",
      "description": "contain: the whole picture, as large as fits; cover: the whole rectangle, what is over is cut; stretch: all of both; none: pixel for pixel"},
    "x": {"type": "number", "minimum": -32768, "maximum": 32768, "title": "Left", "x-unit": "px", "description": "Left edge on the canvas"},
    "y": {"type": "number", "minimum": -32768, "maximum": 32768, "title": "Top", "x-unit": "px", "description": "Top edge on the canvas"},
    "width": {"type": "number", "exclusiveMinimum": 0, "maximum": 32768, "title": "Width", "x-unit": "px", "description": "Width on the canvas"},
    "height": {"type": "number", "exclusiveMinimum": 0, "maximum": 32768, "title": "Height", "x-unit": "px", "description": "Height on the canvas"},
    "opacity": {"type": "number", "minimum": 0, "maximum": 100, "title": "Opacity", "x-unit": "%", "description": "0 is invisible, 100 opaque"},
    "rotation": {"type": "number", "minimum": -360, "maximum": 360, "default": 0, "title": "Rotation", "x-unit": "°", "description": "Degrees clockwise about the centre; a layer that shows a scene cannot be rotated"},
    "left": {"type": "integer", "minimum": 0, "maximum": 16384, "default": 0, "title": "Crop left", "x-unit": "px", "description": "Cut off the picture before it is fitted"},
    "right": {"type": "integer", "minimum": 0, "maximum": 16384, "default": 0, "title": "Crop right", "x-unit": "px", "description": "Cut off the picture before it is fitted"},
    "top": {"type": "integer", "minimum": 0, "maximum": 16384, "default": 0, "title": "Crop top", "x-unit": "px", "description": "Cut off the picture before it is fitted"},
    "bottom": {"type": "integer", "minimum": 0, "maximum": 16384, "default": 0, "title": "Crop bottom", "x-unit": "px", "description": "Cut off the picture before it is fitted"}
  }
}`

// layerValues is a layer as layerSchema has it.
type layerValues struct {
	Fit      scenes.Fit `json:"fit"`
	X        float64    `json:"x"`
	Y        float64    `json:"y"`
	Width    float64    `json:"width"`
	Height   float64    `json:"height"`
	Opacity  float64    `json:"opacity"`
	Rotation float64    `json:"rotation"`
	Left     int        `json:"left"`
	Right    int        `json:"right"`
	Top      int        `json:"top"`
	Bottom   int        `json:"bottom"`
}

// formOf is a layer for the form.
func formOf(l scenes.Layer) json.RawMessage {
	raw, err := json.Marshal(layerValues{
		l.Fit, roundTo(l.X, 0.01), roundTo(l.Y, 0.01), roundTo(l.Width, 0.01), roundTo(l.Height, 0.01),
		roundTo(l.Opacity*100, 0.01), l.Rotation, l.Crop.Left, l.Crop.Right, l.Crop.Top, l.Crop.Bottom,
	})
	if err != nil {
		return nil // a layer of a show has no number that JSON lacks
	}
	return raw
}

// layerOf puts the form's values into l.
func layerOf(l scenes.Layer, raw json.RawMessage) (scenes.Layer, error) {
	v := layerValues{Width: l.Width, Height: l.Height, Fit: l.Fit, Opacity: 100}
	if err := json.Unmarshal(raw, &v); err != nil {
		return l, fmt.Errorf("ui: a layer's numbers: %w", err)
	}
	l.Fit, l.X, l.Y, l.Width, l.Height, l.Opacity, l.Rotation = v.Fit, v.X, v.Y, v.Width, v.Height, v.Opacity/100, v.Rotation
	l.Crop = scenes.Crop{Left: v.Left, Right: v.Right, Top: v.Top, Bottom: v.Bottom}
	return l, nil
}

// layersOf are the layers of a scene or an overlay.
func layersOf(s *scenes.Show, id string) ([]scenes.Layer, bool) {
	if v, ok := s.Scene(id); ok {
		return v.Layers, true
	}
	v, ok := s.Overlay(id)
	return v.Layers, ok
}

// layerChoice is the layer that is edited: by the numbers and by the handles on the
// preview alike.
type layerChoice struct {
	owner string // of a scene or an overlay
	layer int    // counted from the bottom; -1: none
}

// layerEditor is the layers of the chosen scene or overlay, the topmost first, and the
// numbers of the chosen one.
type layerEditor struct {
	box
	desk    *desk
	title   *label
	adds    *flow
	addFrom *button
	list    *showList
	actions *flow
	hide    *button
	form    *form
	hint    *paragraph
	owner   string
	shown   *scenes.Show
	choice  layerChoice
	items   []listItem
	// openSource shows the settings of a layer's source, or the layers of its scene.
	openSource func(id string)
	resized    func()
}

// newLayerEditor makes one; addKind adds a new source of a kind to an owner.
func newLayerEditor(d *desk, addKind func(owner, kind string)) *layerEditor {
	e := &layerEditor{desk: d, resized: func() {}, openSource: func(string) {}}
	e.title = newBold("LAYERS", textSmall, colDim)
	e.addFrom = newButton(d, "+ Layer ▾", textSmall, e.openAdd)
	e.addFrom.hint("Adds a source or another scene as a layer")
	e.adds = newFlow(e.addFrom)
	for _, q := range quickKinds {
		e.adds.append(newButton(d, "+ "+q.name, textSmall, func() { addKind(e.owner, q.kind) }).hint("Adds a new source and a layer that shows it: " + q.tip))
	}
	e.list = newShowList(d)
	e.list.onSelect = func(id string) { e.pick(layerIndex(id)) }
	e.list.onMove = e.moveRow
	e.list.onRemove = func(id string) { e.remove(layerIndex(id)) }
	e.hide = newButton(d, "Hide", textSmall, e.toggleHidden).hint("Keeps the layer but does not show it")
	e.actions = newFlow(
		newButton(d, "Edit source", textSmall, e.editSource).hint("Opens the settings of what this layer shows: its text, its address, its file"),
		e.hide,
		newButton(d, "↑", textSmall, func() { e.list.step(e.list.selected, -1, true) }).hint("Brings the layer forward (Alt+Up)"),
		newButton(d, "↓", textSmall, func() { e.list.step(e.list.selected, +1, true) }).hint("Sends the layer back (Alt+Down)"),
		newButton(d, "Duplicate", textSmall, e.duplicate).hint("Adds the same layer again above it"),
		newButton(d, "Fill", textSmall, e.fill).hint("Makes the layer as large as the canvas, without crop and rotation"),
		newButton(d, "Remove", textSmall, func() { e.remove(e.choice.layer) }).hint("Takes the layer away; the source stays (Delete)"),
	)
	f, err := newForm(d, json.RawMessage(layerSchema), e.give)
	if err != nil {
		panic("ui: the schema of layers: " + err.Error())
	}
	e.form = f
	f.resized = func() { e.resized() }
	e.hint = newParagraph("", textSmall, colDim, 4)
	e.add(e.title, e.adds, e.list, e.actions, e.form, e.hint)
	e.min = fyne.NewSize(120, 20)
	e.arrange = func(s fyne.Size) { e.lay(s.Width) }
	e.ExtendBaseWidget(e)
	return e
}

// heightFor implements stacked.
func (e *layerEditor) heightFor(width float32) float32 { return e.lay(width) }

func (e *layerEditor) lay(width float32) float32 {
	if e.owner == "" {
		return 0
	}
	e.title.place(0, gap, width, formTitle)
	y := gap + formTitle
	some := e.choice.layer >= 0
	for _, p := range []struct {
		stacked
		on bool
	}{{e.adds, true}, {e.hint, true}, {e.list, true}, {e.actions, some}, {e.form, some}} {
		h := float32(0)
		if p.on {
			h = p.heightFor(width)
		}
		show(p.stacked, h > 0)
		if h > 0 {
			place(p.stacked, 0, y, width, h)
			y += h + gap
		}
	}
	return y
}

// Layers are listed topmost first under the number of their place from the bottom.
func layerID(i int) string { return strconv.Itoa(i) }
func layerIndex(id string) int {
	i, err := strconv.Atoi(id)
	if err != nil {
		return -1
	}
	return i
}

// update shows the layers of a scene or an overlay; owner "" shows nothing.
func (e *layerEditor) update(s *engine.State, owner string) {
	layers, ok := layersOf(s.Show, owner)
	if !ok {
		owner = ""
	}
	if aired(s, owner) {
		e.title.set("LAYERS, "+airedNote, colBad)
	} else {
		e.title.set("LAYERS", colDim)
	}
	if s.Show == e.shown && owner == e.owner && e.choice == e.desk.layer && e.form.given.IsZero() {
		return
	}
	if owner != e.owner || e.desk.layer.owner != owner {
		// Another scene: its top layer is the first to be edited.
		if e.owner = owner; e.desk.layer.owner != owner {
			e.desk.layer = layerChoice{owner, len(layers) - 1}
		}
	}
	if e.desk.layer.layer >= len(layers) {
		e.desk.layer.layer = len(layers) - 1
	}
	if e.choice != e.desk.layer {
		e.form.forget() // what was given was another layer's
	}
	e.shown, e.choice = s.Show, e.desk.layer
	if owner == "" {
		e.resized()
		return
	}
	e.items = e.items[:0]
	for i := len(layers) - 1; i >= 0; i-- {
		l := layers[i]
		it := listItem{id: layerID(i), name: nameOf(s, l.Source), dim: l.Hidden}
		it.detail = fmt.Sprintf("%.0f × %.0f", l.Width, l.Height)
		if l.Hidden {
			it.detail = "hidden"
		}
		e.items = append(e.items, it)
	}
	e.list.set(e.items, layerID(e.choice.layer))
	text := ""
	switch {
	case len(layers) == 0:
		text = "Nothing is on it yet: add a layer."
	case owner != s.Preview:
		if _, scene := s.Show.Scene(owner); scene {
			text = "Put this scene on preview to move its layers with the mouse."
		}
	}
	e.hint.set(text, colDim)
	if i := e.choice.layer; i >= 0 {
		e.form.set(formOf(layers[i]))
		caption := "Hide"
		if layers[i].Hidden {
			caption = "Show"
		}
		e.hide.caption.setText(caption)
	}
	e.resized()
}

// current is the owner's layers, to be changed, and the chosen one's place.
func (e *layerEditor) current() (layers []scenes.Layer, i int, ok bool) {
	if e.desk.state == nil {
		return nil, 0, false
	}
	list, ok := layersOf(e.desk.state.Show, e.owner)
	return e.desk.draftLayers(e.owner, list), e.choice.layer, ok && e.choice.layer >= 0 && e.choice.layer < len(list)
}

func (e *layerEditor) send(layers []scenes.Layer) {
	e.desk.send(&engine.SetLayers{ID: e.owner, Layers: layers})
}

// pick chooses a layer.
func (e *layerEditor) pick(i int) {
	e.desk.layer, e.desk.layerWanted = layerChoice{e.owner, i}, layerChoice{}
	if e.desk.state != nil {
		e.update(e.desk.state, e.owner)
	}
}

func (e *layerEditor) give(raw json.RawMessage) {
	layers, i, ok := e.current()
	if !ok {
		return
	}
	l, err := layerOf(layers[i], raw)
	if err != nil {
		e.desk.tell(said(err))
		return
	}
	layers[i] = l
	e.send(layers)
}

// moveRow puts a row of the list (topmost first) at another place of it.
func (e *layerEditor) moveRow(id string, to int) {
	layers, _, ok := e.current()
	from := layerIndex(id)
	if !ok || from < 0 || from >= len(layers) {
		return
	}
	target := len(layers) - 1 - to
	l := layers[from]
	layers = slices.Insert(slices.Delete(layers, from, from+1), target, l)
	e.send(layers)
	e.desk.layer.layer = target
	if c := fyne.CurrentApp().Driver().CanvasForObject(e.list); c != nil {
		if r := e.list.byID[layerID(target)]; r != nil && c.Focused() != nil {
			c.Focus(r)
		}
	}
}

func (e *layerEditor) remove(i int) {
	layers, _, ok := e.current()
	if ok && i >= 0 && i < len(layers) {
		e.desk.removeLayer(e.owner, layers, i)
	}
}

func (e *layerEditor) duplicate() {
	layers, i, ok := e.current()
	if ok {
		e.send(slices.Insert(layers, i+1, layers[i]))
		e.desk.layerWanted = layerChoice{e.owner, i + 1}
	}
}

func (e *layerEditor) editSource() {
	if layers, i, ok := e.current(); ok {
		e.openSource(layers[i].Source)
	}
}

func (e *layerEditor) toggleHidden() {
	layers, i, ok := e.current()
	if ok {
		layers[i].Hidden = !layers[i].Hidden
		e.send(layers)
	}
}

func (e *layerEditor) fill() {
	layers, i, ok := e.current()
	if ok {
		c := e.desk.state.Show.Canvas
		l := &layers[i]
		l.X, l.Y, l.Width, l.Height, l.Rotation, l.Crop = 0, 0, float64(c.Width), float64(c.Height), 0, scenes.Crop{}
		e.send(layers)
	}
}

// openAdd lists what can be a layer: sources with a picture, and the other scenes.
func (e *layerEditor) openAdd() {
	s := e.desk.state
	if s == nil || e.owner == "" {
		return
	}
	var items []*fyne.MenuItem
	for _, v := range s.Show.Sources {
		if k, known := e.desk.services.SourceKinds[v.Kind]; known && !k.HasVideo {
			continue
		}
		items = append(items, fyne.NewMenuItem(v.Name, func() { e.addLayer(v.ID) }))
	}
	for _, v := range s.Show.Scenes {
		if v.ID != e.owner {
			items = append(items, fyne.NewMenuItem("Scene: "+v.Name, func() { e.addLayer(v.ID) }))
		}
	}
	if len(items) == 0 {
		e.desk.tell("There is no source yet; add one here with its own button.")
		return
	}
	dropDown(e.addFrom, items)
}

// addLayer puts a source or a scene on top.
func (e *layerEditor) addLayer(source string) {
	s := e.desk.draft()
	layers, ok := layersOf(s, e.owner)
	if !ok {
		return
	}
	kind := ""
	if v, ok := s.Source(source); ok {
		kind = v.Kind
	}
	e.send(append(slices.Clone(layers), newLayerOf(s.Canvas, source, kind)))
	e.desk.layerWanted = layerChoice{e.owner, len(layers)}
}
