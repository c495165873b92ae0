package ui

import (
	"cmp"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// quickKinds are the sources that have a button of their own.
var quickKinds = []struct{ kind, name, tip string }{
	{"file", "Media", "a video or sound file"},
	{"image", "Image", "a picture file, with or without alpha"},
	{"text", "Text", "a title"},
	{"camera", "Camera", "a camera or capture card"},
	{"network", "Network", "a stream pulled by RTMP, SRT, RTSP or HLS"},
	{"color", "Colour", "a plain area"},
}

// append puts controls behind those that a flow has.
func (f *flow) append(items ...fyne.CanvasObject) {
	f.items = append(f.items, items...)
	f.add(items...)
}

func (p *showPanel) newAddSources() *flow {
	f := newFlow()
	for _, q := range quickKinds {
		f.append(newButton(p.desk, "+ "+q.name, textSmall, func() { p.addKind("", q.kind) }).hint("Adds " + q.tip))
	}
	var more *button
	more = newButton(p.desk, "More ▾", textSmall, func() { p.openMore(more) }).hint("Adds a source of any other kind")
	f.append(more)
	return f
}

// openMore lists every kind of source.
func (p *showPanel) openMore(under *button) {
	kinds := slices.Collect(maps.Values(p.desk.services.SourceKinds))
	slices.SortFunc(kinds, func(a, b sources.Kind) int { return cmp.Compare(a.Title, b.Title) })
	var items []*fyne.MenuItem
	for _, k := range kinds {
		items = append(items, fyne.NewMenuItem(k.Title, func() { p.addKind("", k.Name) }))
	}
	dropDown(under, items)
}

// addToLayers adds a source and a layer of owner that shows it.
func (p *showPanel) addToLayers(owner, kind string) { p.addKind(owner, kind) }

// addKind adds a source of a kind; what it cannot be without is asked first. owner is
// the scene or overlay that shows it, or "".
func (p *showPanel) addKind(owner, kind string) {
	d := p.desk
	if d.state == nil {
		return
	}
	switch kind {
	case "file", "image":
		files := "media"
		if kind == "image" {
			files = "image"
		}
		d.chooseFile(p, extensionsOf(files), "", func(path string) { p.addSource(owner, kind, plainName(path), settingsOf("path", path)) })
	case "camera":
		p.addCamera(owner)
	default:
		p.addSource(owner, kind, p.titleOf(kind), nil)
	}
}

// addCamera adds the camera that there is, or asks which of several.
func (p *showPanel) addCamera(owner string) {
	d := p.desk
	add := func(c Choice) { p.addSource(owner, "camera", c.Label, settingsOf("device", c.Value)) }
	if d.services.Inventory == nil {
		p.addSource(owner, "camera", p.titleOf("camera"), nil)
		return
	}
	d.background(func() {
		list, _ := d.services.Inventory.Choices("camera")
		d.post(func() {
			switch len(list) {
			case 0:
				d.tell("No camera is connected; the source is added and waits for one.")
				p.addSource(owner, "camera", p.titleOf("camera"), nil)
			case 1:
				add(list[0])
			default:
				items := make([]*fyne.MenuItem, len(list))
				for i, c := range list {
					items[i] = fyne.NewMenuItem(c.Label, func() { add(c) })
				}
				dropDown(p.column, items)
			}
		})
	})
}

func (p *showPanel) titleOf(kind string) string {
	if k, ok := p.desk.services.SourceKinds[kind]; ok {
		return k.Title
	}
	return kind
}

// settingsOf is a settings object with one text.
func settingsOf(key, value string) json.RawMessage {
	raw, err := json.Marshal(map[string]string{key: value})
	if err != nil {
		return nil // texts always go into JSON
	}
	return raw
}

// plainName is a path's name for the operator.
func plainName(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// addSource sends the commands for a source and, with an owner, its layer.
func (p *showPanel) addSource(owner, kind, name string, settings json.RawMessage) {
	id := p.desk.addSource(owner, kind, name, settings)
	if p.part == partSources {
		p.want = id
		if kind != "file" && kind != "image" && kind != "camera" { // those were chosen from what is there
			p.typeInto = id
		}
	}
}

// chooseNew opens the list of sources and chooses one there when the state brings it.
func (p *showPanel) chooseNew(id string) {
	if p.part != partSources {
		p.open(partSources)
	}
	p.want = id
}

// addSource adds one source and, with an owner, a layer of it on top; it returns the
// source's id.
func (d *desk) addSource(owner, kind, name string, settings json.RawMessage) string {
	a := newAdder(d, owner)
	id := a.source(kind, name, settings)
	a.send()
	return id
}

// adder collects sources that are added together, so that each gets an id of its own
// before the studio has seen any.
type adder struct {
	desk    *desk
	show    *scenes.Show // with what was added so far
	owner   string       // of a scene or overlay that shows them, or ""
	sources []scenes.Source
	layers  []scenes.Layer
	layered bool
}

func newAdder(d *desk, owner string) *adder {
	a := &adder{desk: d, show: d.draft(), owner: owner}
	layers, ok := layersOf(a.show, owner)
	a.layers, a.layered = slices.Clone(layers), ok
	return a
}

// source adds one more.
func (a *adder) source(kind, name string, settings json.RawMessage) string {
	v := scenes.Source{ID: a.show.FreshID(name), Name: freshName(a.show, name), Kind: kind, Settings: settings}
	a.desk.cueNew(&v)
	next := *a.show // for its names and ids alone; the studio makes the real one
	next.Sources = append(slices.Clone(next.Sources), v)
	a.show = &next
	a.sources = append(a.sources, v)
	a.layers = append(a.layers, newLayerOf(a.show.Canvas, v.ID, kind))
	return v.ID
}

// cueNew makes a new source with pictures and sound one that can be added during a
// show: it is heard with its picture, not at once, and a file waits at its start for its
// cut. Sound alone is heard as it always was: it has no picture to follow.
func (d *desk) cueNew(v *scenes.Source) {
	k := d.services.SourceKinds[v.Kind]
	if !k.HasVideo || !k.HasAudio {
		return
	}
	if v.Kind == "file" {
		var set struct{ Path string }
		if json.Unmarshal(v.Settings, &set) == nil && slices.Contains(soundFiles, strings.ToLower(filepath.Ext(set.Path))) {
			return
		}
		v.WhenIdle = scenes.IdleWait
	}
	v.Audio.OnAir = scenes.OnAirAFV
}

// send gives the commands.
func (a *adder) send() {
	if len(a.sources) == 0 {
		return
	}
	for _, v := range a.sources {
		a.desk.send(&engine.AddSource{Source: v})
	}
	if a.layered {
		a.desk.sendAfter(len(a.sources), &engine.SetLayers{ID: a.owner, Layers: a.layers})
		a.desk.layerWanted = layerChoice{a.owner, len(a.layers) - 1}
	}
}

// freshName is name with a number where a source is called so already.
func freshName(s *scenes.Show, name string) string {
	taken := func(n string) bool {
		return slices.ContainsFunc(s.Sources, func(v scenes.Source) bool { return v.Name == n })
	}
	return numbered(name, taken)
}

func numbered(name string, taken func(string) bool) string {
	out := scenes.FitName(name, "")
	for n := 2; taken(out); n++ {
		out = scenes.FitName(name, " "+layerID(n))
	}
	return out
}

// newLayerOf is a layer as it is wanted most: cameras and files over the whole canvas,
// graphics in their own size, titles in the lower third.
func newLayerOf(c scenes.Canvas, source, kind string) scenes.Layer {
	l := scenes.NewLayer(source)
	w, h := float64(c.Width), float64(c.Height)
	l.Width, l.Height = w, h
	switch kind {
	case "text":
		l.Fit = scenes.None
		l.X, l.Y, l.Width, l.Height = roundTo(w*0.05, 2), roundTo(h*0.72, 2), roundTo(w*0.9, 2), roundTo(h*0.22, 2)
	case "clock":
		l.Fit = scenes.None
		l.X, l.Y, l.Width, l.Height = roundTo(w*0.75, 2), roundTo(h*0.05, 2), roundTo(w*0.2, 2), roundTo(h*0.1, 2)
	}
	return l
}

func (p *showPanel) addScene() {
	s := p.desk.state
	if s == nil {
		return
	}
	show := p.desk.draft()
	name := numbered("Scene", func(n string) bool {
		return slices.ContainsFunc(show.Scenes, func(v scenes.Scene) bool { return v.Name == n })
	})
	id := show.FreshID(name)
	p.want = id
	p.desk.send(&engine.AddScene{Scene: scenes.Scene{ID: id, Name: name, Layers: []scenes.Layer{}}})
	p.desk.send(&engine.Preview{Scene: id})
}

func (p *showPanel) addOverlay() {
	s := p.desk.state
	if s == nil {
		return
	}
	show := p.desk.draft()
	name := numbered("Overlay", func(n string) bool {
		return slices.ContainsFunc(show.Overlays, func(v scenes.Overlay) bool { return v.Name == n })
	})
	id := show.FreshID(name)
	p.want = id
	p.desk.send(&engine.PutOverlay{Overlay: scenes.Overlay{ID: id, Name: name, Layers: []scenes.Layer{}}})
}
