package planner

import (
	"fmt"
	"math"
	"slices"

	"crosspoint.studio/crosspoint/internal/media"
)

// all are the connections of a destination, its own first.
func (w Want) all() []Connection {
	return append([]Connection{{Audio: w.Audio, Tracks: w.Tracks, Layers: true}}, w.Standby...)
}

// layersKbps is what the layers need together, without the protocol's share.
func (w Want) layersKbps() (kbps int) {
	for _, l := range w.Layers {
		kbps += l.Kbps
	}
	return kbps
}

// soundKbps is what all tracks of a connection need, beside the pictures of g.
func (c Connection) soundKbps(g Rendition) int {
	each := g.AudioKbps
	switch {
	case c.Audio == media.Opus:
		each = opusKbps
	case each == 0: // all that share the pictures have Opus
		each = usualAACKbps
	}
	return each * max(c.Tracks, 1)
}

// checkLayers holds the layers of w to what simulcast needs; g is w's first rendition.
func (r Request) checkLayers(w Want, g *Rendition) error {
	above := *g
	for i, l := range w.Layers {
		y := r.layer(w, *g, l)
		if !sane(y.FPS) || y.Width <= 0 || y.Height <= 0 || y.Width > maxSide || y.Height > maxSide || y.VideoKbps <= 0 {
			return fmt.Errorf("planner: %s: %dx%d at %g frames a second and %d kb/s is no picture", w.Name, y.Width, y.Height, y.FPS, y.VideoKbps)
		}
		if y.Width*y.Height > above.Width*above.Height || y.VideoKbps >= above.VideoKbps {
			return fmt.Errorf("planner: %s: simulcast goes from large to small, and %s comes after %s", w.Name, y, above)
		}
		if i == 0 {
			g.floorKbps = y.VideoKbps
		}
		above = y
	}
	return nil
}

// layer is the encode of one layer of w, whose first rendition is g.
func (r Request) layer(w Want, g Rendition, l Layer) Rendition {
	y := Rendition{
		Program: g.Program, Codec: g.Codec, Encoder: g.Encoder, Width: l.Width, Height: l.Height, FPS: l.FPS, VideoKbps: l.Kbps,
		KeyframeSeconds: l.KeyframeSeconds, NoBFrames: w.NoBFrames, Setting: l.Setting, Members: []string{w.ID},
	}
	if y.FPS == 0 {
		y.FPS = r.FPS
	}
	if y.KeyframeSeconds == 0 {
		y.KeyframeSeconds = g.KeyframeSeconds
	}
	y.Cores = r.cores(y)
	return y
}

// same reports that two encodes are one: the engine has one for each that differs in any of
// this. Whether there are B-frames follows from it, show by show.
func same(a, b Rendition) bool {
	return a.Program == b.Program && a.Codec == b.Codec && a.Width == b.Width && a.Height == b.Height &&
		math.Abs(a.FPS-b.FPS) < 1e-6 && a.VideoKbps == b.VideoKbps && a.KeyframeSeconds == b.KeyframeSeconds && a.Setting == b.Setting
}

// layers adds the encodes of simulcast to p, each of them once, and says what it costs.
func (r Request) layers(p *Plan) []string {
	var out []string
	for _, w := range r.Wants {
		at := slices.IndexFunc(p.Renditions, func(g Rendition) bool { return slices.Contains(g.Members, w.ID) })
		if len(w.Layers) == 0 || at < 0 {
			continue
		}
		var names []string
		more, cores := 0, 0.0
		for _, l := range w.Layers {
			y := r.layer(w, p.Renditions[at], l)
			names = append(names, y.String())
			if slices.ContainsFunc(p.Renditions, func(g Rendition) bool { return same(g, y) }) {
				continue
			}
			if i := slices.IndexFunc(p.Layers, func(g Rendition) bool { return same(g, y) }); i >= 0 {
				p.Layers[i].Members = append(p.Layers[i].Members, w.ID)
				continue
			}
			p.Layers = append(p.Layers, y)
			p.Cores += y.Cores
			more, cores = more+1, cores+y.Cores
		}
		cost := "encodes that run anyway"
		switch {
		case more == 1:
			cost = fmt.Sprintf("one more encode (%.1f processor cores)", cores)
		case more > 1:
			cost = fmt.Sprintf("%d more encodes (%.1f processor cores)", more, cores)
		}
		out = append(out, fmt.Sprintf("%s sends %s beside it, as simulcast: %s, and %d kb/s more of the uplink.",
			w.Name, list(names), cost, int(math.Ceil(float64(w.layersKbps())*protocolShare))))
	}
	return out
}

// connections says what several tracks of sound and hot backups need.
func (r Request) connections(p Plan) []string {
	var out []string
	for _, w := range r.Wants {
		at := slices.IndexFunc(p.Renditions, func(g Rendition) bool { return slices.Contains(g.Members, w.ID) })
		if at < 0 {
			continue
		}
		g := p.Renditions[at]
		if w.Tracks > 1 {
			out = append(out, fmt.Sprintf("%s sends %d tracks of sound, %d kb/s together.", w.Name, w.Tracks, w.all()[0].soundKbps(g)))
		}
		if n := len(w.Standby); n > 0 {
			out = append(out, fmt.Sprintf("%s feeds %d ingests at the same time, %d kb/s together.", w.Name, n+1, r.sends(g, w.ID)))
		}
	}
	return out
}

// fewerLayers leaves out simulcast, or one of its renditions.
func (r Request) fewerLayers() []change {
	var out []change
	with := 0
	for i, w := range r.Wants {
		if len(w.Layers) == 0 {
			continue
		}
		with++
		one := func(text string, layers []Layer) {
			c := r
			c.Wants = slices.Clone(r.Wants)
			c.Wants[i].Layers = layers
			out = append(out, change{text, c})
		}
		if g, _, err := r.alone(w); err == nil && len(w.Layers) > 1 {
			for n := range w.Layers {
				one(fmt.Sprintf("Take %s out of the simulcast of %s.", r.layer(w, g, w.Layers[n]), w.Name), slices.Delete(slices.Clone(w.Layers), n, n+1))
			}
		}
		one(fmt.Sprintf("Send %s without simulcast.", w.Name), nil)
	}
	if with > 1 {
		out = append(out, change{"Send nobody simulcast.", r.each(func(w *Want) { w.Layers = nil })})
	}
	return out
}

// oneTrack sends the first track of sound alone.
func (r Request) oneTrack() []change {
	var out []change
	for i, w := range r.Wants {
		if w.Tracks < 2 {
			continue
		}
		c := r
		c.Wants = slices.Clone(r.Wants)
		c.Wants[i].Tracks = 1
		c.Wants[i].Standby = slices.Clone(w.Standby)
		for n := range c.Wants[i].Standby {
			c.Wants[i].Standby[n].Tracks = 1
		}
		out = append(out, change{fmt.Sprintf("Send %s one track of sound.", w.Name), c})
	}
	return out
}

// eachLayer changes every layer of w, which keeps its own list.
func (w *Want) eachLayer(f func(*Layer)) {
	w.Layers = slices.Clone(w.Layers)
	for i := range w.Layers {
		f(&w.Layers[i])
	}
}
