package engine

import (
	"fmt"
	"math"
	"slices"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/audio/inserts"
	"crosspoint.studio/crosspoint/scenes"
)

// desk is the sound of the show made real: the mixer's buses, what goes into them, and
// the inserts of strips and buses. Of the tick goroutine.
type desk struct {
	mixer *audio.Mixer
	buses map[string]*deskBus
	order []*deskBus // the show's
	solos map[string]audio.Solo
	// listen is the bus that the operator hears while nothing is soloed.
	listen  string
	afv     bool // some source follows the picture
	silence []float32
}

// deskBus is a bus of the show.
type deskBus struct {
	def     scenes.Bus
	bus     *audio.Bus
	inserts insertSet
	limiter insertSet
}

// insertSet is the inserts of one strip or bus by id.
type insertSet map[string]*deskInsert

// deskInsert is an insert and the settings that its processor has or is changing to.
type deskInsert struct {
	kind, settings string
	insert         *audio.Insert
	problem        string // why settings could not be brought into force
}

func newDesk() *desk {
	d := &desk{mixer: audio.NewMixer(), buses: map[string]*deskBus{}, solos: map[string]audio.Solo{}, listen: scenes.ProgrammeBus}
	return d
}

// reconcile makes the mixer that of the engine's show. The inputs are the show's already.
func (d *desk) reconcile(e *Engine) {
	old := d.buses
	d.buses = make(map[string]*deskBus, len(e.show.Buses))
	d.order = d.order[:0]
	var aux []*audio.Bus
	for _, def := range e.show.Buses {
		b := old[def.ID]
		switch {
		case b != nil:
		case def.ID == scenes.ProgrammeBus:
			b = &deskBus{bus: d.mixer.Programme()}
		default:
			b = &deskBus{bus: audio.NewBus(def.ID)}
		}
		b.def = def
		b.bus.Set(audio.BusControls{GainDB: def.GainDB, Mute: def.Muted, Mono: def.Mono})
		d.buses[def.ID] = b
		d.order = append(d.order, b)
		if def.ID != scenes.ProgrammeBus {
			aux = append(aux, b.bus)
		}
	}
	d.mixer.SetBuses(aux)
	d.setMonitor()
	for _, b := range d.order {
		var list []*audio.Insert
		b.inserts, list = d.inserts(e, b.inserts, b.def.Inserts)
		b.bus.SetInserts(list)
		b.setLimiter()
	}
	d.afv = false
	for _, in := range e.order {
		d.afv = d.afv || in.def.Audio.OnAir == scenes.OnAirAFV
		in.strip.Set(controls(in.def.Audio))
		in.strip.SetSolo(d.solos[in.def.ID])
		in.routes = d.routes(in.def)
		in.strip.SetRoutes(in.routes)
		var list []*audio.Insert
		in.inserts, list = d.inserts(e, in.inserts, in.def.Audio.Inserts)
		in.strip.SetInserts(list)
	}
	for id := range d.solos {
		if e.inputs[id] == nil {
			delete(d.solos, id)
		}
	}
	d.follow(e)
}

// inserts brings a set to what defs says and lists it in order. Of what stays, changed
// settings are crossfaded to; what is gone the chain fades out and closes itself.
func (d *desk) inserts(e *Engine, old insertSet, defs []scenes.Insert) (insertSet, []*audio.Insert) {
	if len(defs) == 0 {
		return nil, nil
	}
	set, list := make(insertSet, len(defs)), make([]*audio.Insert, 0, len(defs))
	for _, def := range defs {
		in := old[def.ID]
		if in == nil || in.kind != def.Kind {
			in = &deskInsert{kind: def.Kind}
		}
		set[def.ID] = in
		in.apply(e, def)
		if in.insert != nil {
			list = append(list, in.insert)
		}
	}
	return set, list
}

// apply brings the insert to its definition. What cannot be made leaves things as they
// are and is told.
func (in *deskInsert) apply(e *Engine, def scenes.Insert) {
	var key *audio.Strip
	if source := e.inputs[def.Key()]; source != nil {
		key = source.strip
	}
	if settings := string(def.Settings); in.insert == nil || in.settings != settings || in.insert.Err() != nil {
		in.settings, in.problem = settings, ""
		p, err := inserts.Open(def.Kind, def.Settings)
		switch {
		case err != nil:
			in.problem = fmt.Sprintf("it cannot be set so: %v", err)
			e.log.Error("insert not made", "kind", def.Kind, "error", err)
		case in.insert == nil:
			in.insert = audio.NewInsert(p, audio.InsertOptions{ID: def.ID, Reduces: inserts.Reduces(def.Kind), Key: key, Bypassed: def.Bypassed})
		default:
			in.insert.Replace(p)
		}
	}
	if in.insert != nil {
		in.insert.SetKey(key)
		in.insert.SetBypassed(def.Bypassed)
	}
}

// setLimiter brings the bus's limiter to its definition.
func (b *deskBus) setLimiter() {
	l := b.def.Limiter
	settings := fmt.Sprint(l.CeilingDB, l.ReleaseMS)
	in := b.limiter[""]
	if !l.On {
		b.limiter = nil
		b.bus.SetLimiter(nil)
		return
	}
	if in != nil && in.settings == settings {
		return
	}
	p, err := inserts.OpenLimiter(l.CeilingDB, l.ReleaseMS)
	switch {
	case err != nil && in != nil:
		in.problem = err.Error()
	case err != nil:
		b.limiter = insertSet{"": {settings: settings, problem: err.Error()}}
	case in != nil && in.insert != nil:
		in.settings, in.problem = settings, ""
		in.insert.Replace(p)
	default:
		in = &deskInsert{kind: inserts.Limiter, settings: settings, insert: audio.NewInsert(p, audio.InsertOptions{ID: "limiter", Reduces: true})}
		b.limiter = insertSet{"": in}
		b.bus.SetLimiter(in.insert)
	}
}

// routes are a source's ways out: to the programme unless it is taken off it, to every
// mix-minus that does not leave it out just as to the programme, and where it is sent. A
// send to a mix-minus takes the place of that.
func (d *desk) routes(def scenes.Source) []audio.Route {
	programme := scenes.Send{Bus: scenes.ProgrammeBus, On: true}
	sent := map[string]bool{}
	var out []audio.Route
	for _, s := range def.Audio.Sends {
		if s.Bus == scenes.ProgrammeBus {
			programme = s
			continue
		}
		sent[s.Bus] = true
		if b := d.buses[s.Bus]; b != nil && s.On {
			out = append(out, audio.Route{Bus: b.bus, GainDB: s.GainDB, Pre: s.Pre})
		}
	}
	if !programme.On {
		return out
	}
	for _, b := range d.order {
		minus := len(b.def.MixMinus) > 0 && !slices.Contains(b.def.MixMinus, def.ID) && !sent[b.def.ID]
		if minus || b.def.ID == scenes.ProgrammeBus {
			out = append(out, audio.Route{Bus: b.bus, GainDB: programme.GainDB, Pre: programme.Pre})
		}
	}
	return out
}

// setMonitor brings the monitor to the bus that was chosen, or to the programme while
// there is no such bus.
func (d *desk) setMonitor() {
	var bus *audio.Bus
	if b := d.buses[d.listen]; b != nil {
		bus = b.bus
	}
	d.mixer.SetMonitor(bus)
}

// follow sets for the coming block what depends on the picture: audio that follows video,
// along the running transition with equal power, and the buses that fade with black.
func (d *desk) follow(e *Engine) {
	for _, b := range d.order {
		fade := 1.0
		if b.def.FollowBlack {
			fade = 1 - e.switcher.Black
		}
		b.bus.SetFade(fade)
	}
	for _, in := range e.order {
		in.crosspoint, in.heard = 1, 0
		switch in.def.Audio.OnAir {
		case scenes.OnAirOff:
			in.crosspoint = 0
		case scenes.OnAirAFV:
			in.crosspoint = e.followGain(in.def.ID)
		}
	}
	for _, in := range e.order {
		at := in
		if in.standIn != nil { // heard where the other would be; its own gain may be another's
			at = in.standIn
		}
		at.heard = max(at.heard, in.crosspoint)
	}
	for _, in := range e.order {
		in.strip.SetCrosspoint(in.heard)
	}
}

// followGain is the gain of a source that follows the picture, 0..1.
func (e *Engine) followGain(source string) float64 {
	shows := func(id string) bool {
		return slices.ContainsFunc(e.looks.of(e.show, id), func(p scenes.Placed) bool { return p.Source == source })
	}
	progress := 0.0
	if e.switcher.Crossing() {
		progress = e.switcher.Progress()
	}
	gain := 0.0
	from := shows(e.switcher.Program)
	switch to := progress > 0 && shows(e.switcher.Preview); {
	case from && to:
		gain = 1
	case from:
		gain, _ = equalPower(progress)
	case to:
		_, gain = equalPower(progress)
	}
	for _, o := range e.show.Overlays {
		if level := e.keyLevel(o.ID, o.On); level > 0 && shows(o.ID) {
			_, g := equalPower(level)
			gain = max(gain, g)
		}
	}
	return gain
}

// equalPower is the pair of gains of a crossfade at progress 0..1 whose squares add up to
// 1: what is not alike in both sounds keeps its loudness.
func equalPower(progress float64) (from, to float64) {
	if progress >= 1 {
		return 0, 1
	}
	return math.Cos(progress * math.Pi / 2), math.Sin(progress * math.Pi / 2)
}

// samples are a bus's finished block of n samples; without an id silence. Of a bus that is not
// there any more, because another show came, it is the programme's: a stream that falls
// silent is the worse mistake.
func (d *desk) samples(id string, n int) []float32 {
	b := d.buses[id]
	if b == nil && id != "" {
		b = d.buses[scenes.ProgrammeBus]
	}
	if b != nil && len(b.bus.Samples()) == n {
		return b.bus.Samples()
	}
	if len(d.silence) < n {
		d.silence = make([]float32, n)
	}
	return d.silence[:n]
}
