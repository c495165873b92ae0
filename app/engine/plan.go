package engine

import (
	"slices"

	"crosspoint.studio/crosspoint/compositor"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// looks keeps what each scene, source and overlay of the current show resolves
// to, so that planning a tick allocates nothing. Of the tick goroutine.
type looks struct {
	show   *scenes.Show
	placed map[string][]scenes.Placed
}

func (l *looks) of(show *scenes.Show, id string) []scenes.Placed {
	if l.show != show {
		l.show, l.placed = show, make(map[string][]scenes.Placed)
	}
	p, ok := l.placed[id]
	if !ok && id != "" {
		// An id that resolves to nothing is black: commands and show edits have
		// refused it already with a sentence.
		p, _ = show.Resolve(id)
		l.placed[id] = p
	}
	return p
}

// appendLayers adds what id shows at this tick, bottom to top.
func (e *Engine) appendLayers(dst []compositor.Layer, id string) []compositor.Layer {
	for _, p := range e.looks.of(e.show, id) {
		in := e.shown(p.Source)
		if in == nil || in.current == nil {
			continue
		}
		if l, ok := layerOf(p, in.current); ok {
			l.Slot = in.def.ID
			dst = append(dst, l)
		}
	}
	return dst
}

// dropSlates takes out what shows the slate of the layers from a place on, which are a key's:
// over the programme a slate would hide the picture, which is good without the key.
func (e *Engine) dropSlates(layers []compositor.Layer, from int) []compositor.Layer {
	kept := slices.DeleteFunc(layers[from:], func(l compositor.Layer) bool { return l.Frame == e.slate })
	return layers[:from+len(kept)]
}

// layerOf fits a frame into its place.
func layerOf(p scenes.Placed, f *media.Frame) (compositor.Layer, bool) {
	d, ok := p.Draw(float64(f.Width), float64(f.Height), aspectOf(f))
	if !ok {
		return compositor.Layer{}, false
	}
	return compositor.Layer{
		Frame:    f,
		Crop:     compositor.Box{X: d.Src.X, Y: d.Src.Y, W: d.Src.Width, H: d.Src.Height},
		Place:    compositor.Box{X: d.Dst.X, Y: d.Dst.Y, W: d.Dst.Width, H: d.Dst.Height},
		Clip:     compositor.Box{X: d.Clip.X, Y: d.Clip.Y, W: d.Clip.Width, H: d.Clip.Height},
		Rotation: d.Rotation,
		Opacity:  p.Opacity,
	}, true
}

// aspectOf is the width of f's pixels by their height.
func aspectOf(f *media.Frame) float64 {
	if f.SAR.IsSet() {
		return f.SAR.Float()
	}
	return 1
}

// planProgram fills e.plan for this tick from the switcher, the show and the
// frames that are due.
func (e *Engine) planProgram() {
	p := &e.plan
	p.Base = e.appendLayers(p.Base[:0], e.switcher.Program)
	p.To, p.Change = p.To[:0], nil
	if e.switcher.Crossing() {
		p.To = e.appendLayers(p.To, e.switcher.Preview)
		e.change = change(e.running, e.switcher.Progress(), e.color)
		p.Change = &e.change
	}
	for _, in := range e.order {
		in.leftOutOf = in.leftOutOf[:0]
	}
	p.Over = p.Over[:0]
	for i := range e.show.Overlays {
		o := &e.show.Overlays[i]
		level := e.keyLevel(o.ID, o.On)
		if level == 0 {
			continue
		}
		from := len(p.Over)
		p.Over = e.appendLayers(p.Over, o.ID)
		for j := from; j < len(p.Over); j++ {
			if p.Over[j].Frame == e.slate {
				e.leaveOut(e.inputs[p.Over[j].Slot], o.Name)
			}
		}
		p.Over = e.dropSlates(p.Over, from)
		for j := from; j < len(p.Over); j++ {
			p.Over[j].Opacity *= level
		}
	}
	p.Black = e.switcher.Black
	e.planned = e.tick
	for _, layers := range [...][]compositor.Layer{p.Base, p.To, p.Over} {
		for i := range layers {
			e.inputs[layers[i].Slot].shownAt = e.tick
		}
	}
}

// leaveOut notes that a key is on without in. It counts as on programme all the same: one that
// waits while it is not (park) would show its last picture again, for as long as until it is lost.
func (e *Engine) leaveOut(in *input, key string) {
	in.shownAt = e.tick
	if n := len(in.leftOutOf); n == 0 || in.leftOutOf[n-1] != key {
		in.leftOutOf = append(in.leftOutOf, key)
	}
}

func change(t scenes.Transition, progress float64, color media.ColorInfo) compositor.Change {
	c := compositor.Change{Kind: string(t.Kind), Progress: progress, Softness: t.Softness}
	switch t.Direction {
	case scenes.Left:
		c.DirectionX = -1
	case scenes.Up:
		c.DirectionY = -1
	case scenes.Down:
		c.DirectionY = 1
	default:
		c.DirectionX = 1
	}
	rgb, _ := sources.ParseColor(t.Color) // validation takes nothing but #rrggbb
	c.Color = compositor.YCbCr(rgb.R, rgb.G, rgb.B, color)
	return c
}

// markNested marks a scene and the scenes in it.
func (e *Engine) markNested(t map[string]Tally, id string, v Tally) {
	t[id] = max(t[id], v)
	s, ok := e.show.Scene(id)
	if !ok {
		return
	}
	for _, l := range s.Layers {
		if _, nested := e.show.Scene(l.Source); nested && !l.Hidden && l.Opacity > 0 {
			e.markNested(t, l.Source, v)
		}
	}
}

// tally says which sources and scenes are on air and which are next, from what the
// plan shows: hidden layers and black programmes light nothing.
func (e *Engine) tally() map[string]Tally {
	t := make(map[string]Tally)
	mark := func(id string, v Tally) {
		if id == "" {
			return
		}
		e.markNested(t, id, v)
		// What another layer covers is not on air; what has no picture yet counts, and what is
		// lost of a key: it is there by itself as soon as it has one.
		layers := e.appendLayers(nil, id)
		_, key := e.show.Overlay(id)
		if key {
			layers = e.dropSlates(layers, 0)
		}
		seen := compositor.Visible(&e.plan, layers)
		for _, p := range e.looks.of(e.show, id) {
			in := e.shown(p.Source)
			if in == nil || in.current == nil || key && in.current == e.slate || slices.Contains(seen, in.def.ID) {
				t[p.Source] = max(t[p.Source], v)
				if in != nil { // what stands in for it is on air too
					t[in.def.ID] = max(t[in.def.ID], v)
				}
			}
		}
	}
	// Also where the next transition moves keys alone: that it is chosen has to be seen.
	mark(e.switcher.Preview, OnPreview)
	for i := range e.show.Overlays {
		if e.coming(&e.show.Overlays[i]) {
			mark(e.show.Overlays[i].ID, OnPreview)
		}
	}
	if e.switcher.Black >= 1 {
		return t
	}
	mark(e.switcher.Program, OnProgram)
	if e.switcher.Crossing() {
		mark(e.switcher.Preview, OnProgram)
	}
	for i := range e.show.Overlays {
		if e.keyLevel(e.show.Overlays[i].ID, e.show.Overlays[i].On) > 0 {
			mark(e.show.Overlays[i].ID, OnProgram)
		}
	}
	return t
}
