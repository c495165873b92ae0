package engine

import (
	"fmt"
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// sent is the sound tracks that an ingest of kind gets: all, or the first where its protocol
// carries one.
func (v *delivery) sent(kind outputs.Kind) []scenes.Track {
	if len(v.sound) > 1 && kind.SoundTracks < len(v.sound) && !v.recording {
		return v.sound[:1]
	}
	return v.sound
}

// busesIn are the show's buses whose sound v carries when it is started with that show. What
// is edited afterwards changes nothing of what runs.
func (v *delivery) busesIn(show *scenes.Show) (buses []string) {
	if v.own() {
		return nil
	}
	r, _ := show.Rendition(v.def.Rendition)
	for _, l := range v.legs {
		for _, t := range v.sent(v.d.e.opt.OutputKinds[l.def.Kind]) {
			if t.Bus == "" {
				t.Bus = r.Audio.Bus
			}
			if !slices.Contains(buses, t.Bus) {
				buses = append(buses, t.Bus)
			}
		}
	}
	return buses
}

// carrying are the names of the destinations and recordings that run, have not been told to
// stop, and carry a bus.
func (d *deliveries) carrying(bus string) (names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range d.dest {
		if slices.Contains(v.buses, bus) && v.isRunning() && !v.stopping.Load() {
			names = append(names, v.def.Name)
		}
	}
	slices.Sort(names)
	return names
}

// carries reports whether something that runs carries a bus.
func (d *deliveries) carries(bus string) bool { return len(d.carrying(bus)) > 0 }

// isHeard reports whether the source's sound goes to one of the buses that are asked about. Of
// the tick goroutine.
func (in *input) isHeard(on func(bus string) bool) bool {
	a := &in.def.Audio
	if a.Muted || !in.kind.HasAudio || !in.audio.Load() {
		return false
	}
	after := (in.crosspoint > 0 || in.heard > 0) && a.GainDB > audio.OffDB
	return slices.ContainsFunc(in.routes, func(r audio.Route) bool {
		return (r.Pre || after) && r.GainDB > audio.OffDB && on(r.Bus.ID())
	})
}

// carriedOutside says which mix show does not have is carried by something that runs. To take
// it away would change what is heard on air; the next mix might be given its id, and be heard there.
func (e *Engine) carriedOutside(show *scenes.Show) error {
	for _, b := range e.show.Buses {
		if _, stays := show.Bus(b.ID); stays {
			continue
		}
		if names := e.outs.carrying(b.ID); len(names) > 0 {
			return fmt.Errorf("the mix %s is the sound of %s and would go with this: stop that first", b.Name, strings.Join(names, ", "))
		}
	}
	return nil
}
