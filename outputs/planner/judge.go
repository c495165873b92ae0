package planner

import (
	"fmt"
	"slices"

	"crosspoint.studio/crosspoint/internal/media"
)

// judge compares a plan with the uplink and the processors.
func (r Request) judge(p Plan) *Refusal {
	usable := int(UplinkShare * float64(r.UplinkKbps))
	if r.UplinkKbps > 0 && p.UplinkKbps > usable {
		return &Refusal{
			Text: fmt.Sprintf("The destinations need %d kb/s together; of the uplink's %d kb/s only %d should be used.", p.UplinkKbps, r.UplinkKbps, usable),
			Changes: r.tried(func(q Plan) bool { return q.UplinkKbps <= usable },
				fmt.Sprintf("No destination fits by itself: give each a rendition of less than %d kb/s.", usable),
				r.lowerBitrates(float64(usable)/float64(p.UplinkKbps)), r.without(p), r.noStandby(), r.fewerLayers(), r.oneTrack(), r.efficient()),
		}
	}
	if r.Cores > 0 && p.Cores > r.Cores {
		return &Refusal{
			Text: fmt.Sprintf("The encodes need %.1f processor cores; %.1f are there for them.", p.Cores, r.Cores),
			Changes: r.tried(func(q Plan) bool { return q.Cores <= r.Cores }, "No destination fits by itself: choose smaller pictures, fewer a second, or H264.",
				r.fewerLayers(), r.oneForAll(p), r.halfRate(), r.smaller(), r.withoutEncode(p)),
		}
	}
	return nil
}

// change is a request with one thing different.
type change struct {
	text    string
	request Request
}

// tried keeps the changes that really fit: each is planned in full. Where no single one
// does, as many destinations as fit are named, in the order of the show; none is what to
// say when not even one does.
func (r Request) tried(fits func(Plan) bool, none string, changes ...[]change) []string {
	fit := func(c Request) bool {
		c.UplinkKbps, c.Cores = 0, 0
		q, err := Make(c)
		return err == nil && fits(q)
	}
	var out []string
	for _, c := range slices.Concat(changes...) {
		if fit(c.request) {
			out = append(out, c.text)
		}
	}
	if len(out) > 0 {
		return out
	}
	kept := r
	kept.Wants = nil
	var names []string
	for _, w := range r.Wants {
		more := kept
		more.Wants = append(slices.Clone(kept.Wants), w)
		if fit(more) {
			kept, names = more, append(names, w.Name)
		}
	}
	if len(names) == 0 {
		return []string{none}
	}
	return []string{fmt.Sprintf("No single change is enough. Together fit %s: leave the others out, or lower what each is sent.", list(names))}
}

// each is a copy of r with every destination changed.
func (r Request) each(f func(*Want)) Request {
	r.Wants = slices.Clone(r.Wants)
	for i := range r.Wants {
		f(&r.Wants[i])
	}
	return r
}

// leastShare of its usual bitrate is the least that a picture is worth watching at.
const leastShare = 0.4

func (r Request) lowerBitrates(share float64) []change {
	// Sound and the protocols' share do not shrink: try a little lower too.
	for _, s := range []float64{share, share * 0.97, share * 0.94, share * 0.9} {
		if s < leastShare {
			return nil
		}
		lower := r.each(func(w *Want) {
			own, _, err := r.alone(*w)
			if err == nil {
				w.Kbps = int(float64(own.VideoKbps)*s) / 50 * 50
			}
			w.eachLayer(func(l *Layer) { l.Kbps = int(float64(l.Kbps)*s) / 10 * 10 })
		})
		plain := lower
		plain.UplinkKbps, plain.Cores = 0, 0
		if q, err := Make(plain); err == nil && q.UplinkKbps <= int(UplinkShare*float64(r.UplinkKbps)) {
			return []change{{fmt.Sprintf("Lower every bitrate to %.0f %% (%s).", 100*s, q.Renditions[0]), lower}}
		}
	}
	return nil
}

// without leaves one destination out, the hungriest first.
func (r Request) without(p Plan) []change {
	type load struct{ at, kbps int }
	var loads []load
	for _, g := range p.Renditions {
		for _, id := range g.Members {
			at := slices.IndexFunc(r.Wants, func(w Want) bool { return w.ID == id })
			loads = append(loads, load{at, r.sends(g, id)})
		}
	}
	slices.SortStableFunc(loads, func(a, b load) int { return b.kbps - a.kbps })
	var out []change
	for _, l := range loads {
		c := r
		c.Wants = slices.Delete(slices.Clone(r.Wants), l.at, l.at+1)
		if len(c.Wants) > 0 {
			out = append(out, change{fmt.Sprintf("Leave %s out.", r.Wants[l.at].Name), c})
		}
	}
	return out
}

func (r Request) noStandby() []change {
	if !slices.ContainsFunc(r.Wants, func(w Want) bool { return len(w.Standby) > 0 }) {
		return nil
	}
	return []change{{"Let backups wait cold instead of being fed all the time.", r.each(func(w *Want) { w.Standby = nil })}}
}

// efficient uses HEVC where the platform and the machine can.
func (r Request) efficient() []change {
	if _, ok := r.encoder(media.HEVC); !ok {
		return nil
	}
	changed := false
	c := r.each(func(w *Want) {
		pf, _ := FindPlatform(w.Platform)
		if (w.Codec == "" || w.Codec == media.H264) && w.Kbps == 0 && slices.Contains(pf.Video, media.HEVC) {
			w.Codec, changed = media.HEVC, true
			w.eachLayer(func(l *Layer) { l.Kbps = l.Kbps * 6 / 10 })
		}
	})
	if !changed {
		return nil
	}
	return []change{{"Send HEVC where it is taken: about 60 % of the bitrate.", c}}
}

// oneForAll gives every destination of a programme the smallest member's rendition.
func (r Request) oneForAll(p Plan) []change {
	if len(p.Renditions) < 2 {
		return nil
	}
	least := map[string]Rendition{}
	for _, g := range p.Renditions {
		l, ok := least[g.Program]
		if !ok || g.Codec == media.H264 && (l.Codec != media.H264 || float64(g.Width*g.Height)*g.FPS < float64(l.Width*l.Height)*l.FPS || g.VideoKbps < l.VideoKbps) {
			least[g.Program] = g
		}
	}
	c := r.each(func(w *Want) {
		g := least[w.Program]
		w.Width, w.Height, w.FPS, w.Kbps, w.Codec = g.Width, g.Height, g.FPS, g.VideoKbps, g.Codec
	})
	first := least[p.Renditions[0].Program]
	return []change{{fmt.Sprintf("Let all destinations share one encode (%s).", first), c}}
}

func (r Request) halfRate() []change {
	if r.FPS <= 30 {
		return nil
	}
	return []change{{fmt.Sprintf("Send %.4g frames a second.", r.FPS/2), r.each(func(w *Want) {
		w.FPS = r.FPS / 2
		w.eachLayer(func(l *Layer) {
			if l.FPS == 0 || l.FPS > w.FPS {
				l.FPS = w.FPS
			}
		})
	})}}
}

func (r Request) smaller() []change {
	if min(r.Width, r.Height) <= 720 {
		return nil
	}
	scale := 720 / float64(min(r.Width, r.Height))
	w, h := even(float64(r.Width)*scale), even(float64(r.Height)*scale)
	return []change{{fmt.Sprintf("Send %dx%d.", w, h), r.each(func(v *Want) {
		if v.Width == 0 || v.Height == 0 || v.Width*v.Height > w*h {
			v.Width, v.Height = w, h
		}
	})}}
}

// withoutEncode leaves out the destinations of one encode, the dearest first.
func (r Request) withoutEncode(p Plan) []change {
	groups := slices.Clone(p.Renditions)
	slices.SortStableFunc(groups, func(a, b Rendition) int {
		switch {
		case a.Cores > b.Cores:
			return -1
		case a.Cores < b.Cores:
			return 1
		}
		return 0
	})
	var out []change
	for _, g := range groups {
		c := r
		var names []string
		c.Wants = slices.DeleteFunc(slices.Clone(r.Wants), func(w Want) bool {
			if slices.Contains(g.Members, w.ID) {
				names = append(names, w.Name)
				return true
			}
			return false
		})
		if len(c.Wants) > 0 {
			out = append(out, change{fmt.Sprintf("Leave %s out.", list(names)), c})
		}
	}
	return out
}
