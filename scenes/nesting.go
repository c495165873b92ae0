package scenes

import (
	"math"
	"slices"
	"strings"
)

// maxUnfolded bounds the layers that one scene comes to once the scenes in it are
// unfolded; nesting could otherwise double them at every level.
const maxUnfolded = 256

// nesting reports scenes that contain themselves and scenes that unfold into too
// many layers.
func (c *examination) nesting() {
	cyclic := false
	done := map[string]bool{}
	var chain []string
	within := map[string]int{} // where in chain
	var visit func(id string)
	visit = func(id string) {
		within[id] = len(chain)
		chain = append(chain, id)
		for _, e := range c.edges[id] {
			if i, inside := within[e.to]; inside {
				cyclic = true
				var loop string
				if !c.full() {
					loop = ring(chain[i:])
				}
				c.add(e.at, e.path, "a scene cannot contain itself: %s", loop)
				continue
			}
			if !done[e.to] {
				visit(e.to)
			}
		}
		done[id] = true
		chain = chain[:len(chain)-1]
		delete(within, id)
	}
	scenes := c.root.get("scenes").list()
	for _, v := range scenes {
		if id, ok := v.str("id"); ok && c.scene[id] == v && !done[id] {
			visit(id)
		}
	}
	if cyclic {
		return
	}
	counts := map[string]int{}
	var count func(n *node) int
	count = func(n *node) int {
		sum := 0
		for _, l := range n.get("layers").list() {
			source, _ := l.str("source")
			inner, nested := c.scene[source]
			switch {
			case !nested:
				sum++
			case counts[source] > 0:
				sum += counts[source]
			default:
				// One without layers counts too: it is unfolded as often.
				counts[source] = max(count(inner), 1)
				sum += counts[source]
			}
		}
		return min(sum, maxUnfolded+1)
	}
	for _, list := range []string{"scenes", "overlays"} {
		for i, v := range c.root.get(list).list() {
			if count(v) > maxUnfolded {
				c.add(v.start, element("$."+list, i), "with the scenes in it this has more than %d layers", maxUnfolded)
			}
		}
	}
}

// ring is a chain of scenes that ends where it began.
func ring(chain []string) string {
	const most = 12
	names := append(slices.Clone(chain[:min(len(chain), most)]), chain[0])
	if len(chain) > most {
		names[most-1] = "…"
	}
	return strings.Join(names, " → ")
}

// sheared reports a layer that stretches a scene out of shape in which a layer is
// rotated: its rectangle would no longer be one.
func (c *examination) sheared(l *node, path, id string) {
	if fit, _ := l.str("fit"); fit != string(Stretch) {
		return
	}
	canvas := c.root.get("canvas")
	w, h := canvas.num("width", 1920), canvas.num("height", 1080)
	crop := l.get("crop")
	sx := l.num("width", w) / (w - crop.num("left", 0) - crop.num("right", 0))
	sy := l.num("height", h) / (h - crop.num("top", 0) - crop.num("bottom", 0))
	if !uneven(sx, sy) {
		return
	}
	if inner := c.rotated(id); inner != "" {
		c.add(l.get("fit").start, path+".fit", "cannot stretch %q out of shape: a layer in %q is rotated", id, inner)
	}
}

// rotated is the first scene at or below id with a layer at an angle. Of scenes that contain
// themselves, which is a mistake, it may miss one.
func (c *examination) rotated(id string) string {
	if known, ok := c.turns[id]; ok {
		return known
	}
	c.turns[id] = "" // while it is looked for
	for _, l := range c.scene[id].get("layers").list() {
		source, _ := l.str("source")
		if c.scene[source] != nil {
			if inner := c.rotated(source); inner != "" {
				c.turns[id] = inner
				break
			}
		} else if math.Mod(l.num("rotation", 0), 90) != 0 {
			c.turns[id] = id
			break
		}
	}
	return c.turns[id]
}

// uneven reports whether scaling by sx and sy changes shapes.
func uneven(sx, sy float64) bool { return math.Abs(sx-sy) > 1e-9*math.Max(math.Abs(sx), math.Abs(sy)) }
