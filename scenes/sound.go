package scenes

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ProgrammeBus is the id of the bus that every show has: the programme's sound.
const ProgrammeBus = "pgm"

// Bus is one mix of the show's sound.
type Bus struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	GainDB float64 `json:"gain_db"` // -96..24
	Muted  bool    `json:"muted"`
	Mono   bool    `json:"mono"`
	// MixMinus are sources that are left out: the bus then carries what the programme
	// carries but for them (a guest's return, a clean feed). Empty: the bus carries what is
	// sent to it.
	MixMinus []string `json:"mix_minus"`
	// FollowBlack: it fades with fade to black.
	FollowBlack bool     `json:"follow_black"`
	Inserts     []Insert `json:"inserts"`
	Limiter     Limiter  `json:"limiter"`
}

// Limiter is the last thing in a bus, after its fader.
type Limiter struct {
	On        bool    `json:"on"`
	CeilingDB float64 `json:"ceiling_db"` // -24..0
	ReleaseMS float64 `json:"release_ms"` // 1..2000
}

// Polarity says which sides of a source are turned over.
type Polarity string

// Polarities.
const (
	PolarityNormal   Polarity = "normal"
	PolarityInverted Polarity = "inverted"
	PolarityLeft     Polarity = "left"  // only the left side is inverted
	PolarityRight    Polarity = "right" // only the right side is inverted
)

// Channels says what a strip makes of its source's two sides.
type Channels string

// What a strip makes of its source's sides.
const (
	ChannelsStereo Channels = "stereo"
	ChannelsMono   Channels = "mono"  // the mean of both, on both sides
	ChannelsLeft   Channels = "left"  // the left on both sides
	ChannelsRight  Channels = "right" // the right on both sides
	ChannelsSwap   Channels = "swap"
)

// OnAir says when a source is heard.
type OnAir string

// When a source is heard.
const (
	OnAirOn  OnAir = "on"  // always
	OnAirOff OnAir = "off" // never; only sends before the fader carry it
	OnAirAFV OnAir = "afv" // audio follows video: while its picture is on programme
)

// Insert is a processor in a strip or a bus. Settings is a JSON object as InsertSchema
// says for its kind; in a Show it has every setting.
type Insert struct {
	ID       string          `json:"id"` // within its strip or bus
	Kind     string          `json:"kind"`
	Bypassed bool            `json:"bypassed"`
	Settings json.RawMessage `json:"settings"`
}

// Send is a strip's way to a bus. A strip that names no send to the programme goes
// there after its fader at 0 dB.
type Send struct {
	Bus    string  `json:"bus"`
	GainDB float64 `json:"gain_db"` // -96..24
	Pre    bool    `json:"pre"`     // before fader, pan and on-air switch
	On     bool    `json:"on"`
}

// Track is one of a recording's sound tracks.
type Track struct {
	Bus  string `json:"bus"`
	Name string `json:"name"` // in the container
}

func (v Bus) key() string    { return v.ID }
func (v Insert) key() string { return v.ID }
func (v Send) key() string   { return v.Bus }

// Bus finds a bus by id.
func (s *Show) Bus(id string) (Bus, bool) { return find(s.Buses, id) }

// Insert finds one of a strip's inserts by id.
func (v Strip) Insert(id string) (Insert, bool) { return find(v.Inserts, id) }

// Insert finds one of a bus's inserts by id.
func (v Bus) Insert(id string) (Insert, bool) { return find(v.Inserts, id) }

//go:embed inserts.json
var insertsJSON []byte

// InsertKind describes a kind of insert. Schema is the JSON Schema (draft 2020-12) of
// its settings, with the annotations that forms read (see sources.Kind.Schema).
type InsertKind struct {
	Name, Title, Description string
	Schema                   json.RawMessage
}

// insertKind is an InsertKind made ready.
type insertKind struct {
	InsertKind
	compiled compiledSchema
	settings []setting // in the schema's order
}

type setting struct {
	name string
	def  json.RawMessage
}

// insertKinds are in the order of a menu. That they parse is a matter of this package alone.
var insertKinds = sync.OnceValue(func() []insertKind {
	root, odd := parseTree(insertsJSON)
	if root == nil || len(odd) > 0 {
		panic(fmt.Sprintf("scenes: inserts.json: %v", odd))
	}
	var out []insertKind
	for _, m := range root.members {
		k := insertKind{InsertKind: InsertKind{Name: m.key, Schema: insertsJSON[m.value.start:m.value.end]}}
		k.Title, _ = m.value.str("title")
		k.Description, _ = m.value.str("description")
		var err error
		if k.compiled, err = compile("https://crosspoint.studio/schema/insert-"+m.key+".json", k.Schema); err != nil {
			panic(fmt.Sprintf("scenes: inserts.json: %s: %v", m.key, err))
		}
		for _, p := range m.value.get("properties").members {
			d := p.value.get("default")
			k.settings = append(k.settings, setting{p.key, json.RawMessage(insertsJSON[d.start:d.end])})
		}
		out = append(out, k)
	}
	return out
})

// InsertKinds lists the kinds of insert in the order of a menu.
func InsertKinds() []InsertKind {
	var out []InsertKind
	for _, k := range insertKinds() {
		out = append(out, k.InsertKind)
	}
	return out
}

func insertNames() []string {
	var out []string
	for _, k := range insertKinds() {
		out = append(out, k.Name)
	}
	return out
}

func insertKindOf(name string) (insertKind, bool) {
	i := slices.IndexFunc(insertKinds(), func(k insertKind) bool { return k.Name == name })
	if i < 0 {
		return insertKind{}, false
	}
	return insertKinds()[i], true
}

// NewInsert is an insert of a kind with its default settings.
func NewInsert(kind string) Insert { return Insert{Kind: kind}.complete() }

// complete fills in the settings that are not there, in the schema's order.
func (v Insert) complete() Insert {
	k, ok := insertKindOf(v.Kind)
	var given map[string]json.RawMessage
	v.Settings = compact(v.Settings)
	if !ok || json.Unmarshal(v.Settings, &given) != nil {
		return v // the check says what is wrong
	}
	var b bytes.Buffer
	for _, s := range k.settings {
		value, ok := given[s.name]
		if !ok {
			value = s.def
		}
		delete(given, s.name)
		fmt.Fprintf(&b, ",%q:%s", s.name, value)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		fmt.Fprintf(&b, ",%q:%s", name, given[name]) // none of the kind's: the check says so
	}
	v.Settings = json.RawMessage("{" + strings.TrimPrefix(b.String(), ",") + "}")
	return v
}

// completeInserts returns inserts in memory of their own, each with settings and an id.
func completeInserts(list []Insert) []Insert {
	out := make([]Insert, 0, len(list))
	for _, v := range list {
		v = v.complete()
		if v.ID == "" {
			v.ID = v.Kind
			for n := 2; indexOf(out, v.ID) >= 0 || indexOf(list, v.ID) >= 0; n++ {
				v.ID = v.Kind + "-" + strconv.Itoa(n)
			}
		}
		out = append(out, v)
	}
	return out
}

// complete gives a strip its defaults.
func (v Strip) complete() Strip {
	filled(&v.Polarity, PolarityNormal)
	filled(&v.Channels, ChannelsStereo)
	filled(&v.OnAir, OnAirOn)
	v.Inserts = completeInserts(v.Inserts)
	v.Sends = nonNil(v.Sends)
	return v
}

func filled[T ~string](v *T, def T) {
	if *v == "" {
		*v = def
	}
}

func (v Bus) complete() Bus {
	named(&v.Name, v.ID)
	v.MixMinus = nonNil(v.MixMinus)
	v.Inserts = completeInserts(v.Inserts)
	if v.Limiter == (Limiter{}) {
		v.Limiter = Limiter{CeilingDB: -1, ReleaseMS: 60}
	}
	return v
}

// completeBuses puts the programme in front where a file has no word of it.
func (s *Show) completeBuses() {
	if indexOf(s.Buses, ProgrammeBus) < 0 {
		s.Buses = slices.Insert(nonNil(s.Buses), 0, Bus{ID: ProgrammeBus, Name: "Programme"})
	}
	for i := range s.Buses {
		s.Buses[i] = s.Buses[i].complete()
	}
}

func completeTracks(list []Track) []Track {
	out := make([]Track, len(list))
	for i, v := range list {
		filled(&v.Bus, ProgrammeBus)
		named(&v.Name, v.Bus)
		out[i] = v
	}
	return out
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *Send) UnmarshalJSON(b []byte) error {
	type plain Send
	p := plain{On: true}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*v = Send(p)
	return nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *Limiter) UnmarshalJSON(b []byte) error {
	type plain Limiter
	p := plain{CeilingDB: -1, ReleaseMS: 60}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*v = Limiter(p)
	return nil
}

// SetBus replaces the bus with v's id, or adds v.
func (s *Show) SetBus(v Bus) (*Show, error) {
	return s.edit(func(n *Show) error { n.Buses = put(n.Buses, v.complete()); return nil })
}

// RemoveBus removes a bus; with cascade also what refers to it: sends and tracks are
// removed, renditions and destinations go back to the programme's sound.
func (s *Show) RemoveBus(id string, cascade bool) (*Show, error) {
	return s.edit(func(n *Show) error {
		i := indexOf(n.Buses, id)
		if i < 0 {
			return &UnknownError{"bus", id}
		}
		if id == ProgrammeBus {
			return errors.New("the programme's bus stays: everything else is taken from it")
		}
		if users := s.BusUsers(id); len(users) > 0 && !cascade {
			return &InUseError{ID: id, Users: users}
		}
		n.Buses = slices.Delete(slices.Clone(n.Buses), i, i+1)
		n.forgetBus(id)
		return nil
	})
}

// BusUsers are the elements that refer to a bus, for the operator.
func (s *Show) BusUsers(id string) []string {
	var out []string
	for _, v := range s.Sources {
		if indexOf(v.Audio.Sends, id) >= 0 {
			out = append(out, fmt.Sprintf("source %q", v.ID))
		}
	}
	for _, v := range s.Renditions {
		if v.Audio.Bus == id {
			out = append(out, fmt.Sprintf("rendition %q", v.ID))
		}
	}
	for _, v := range s.Destinations {
		if v.Bus == id || slices.ContainsFunc(v.Tracks, func(t Track) bool { return t.Bus == id }) {
			out = append(out, fmt.Sprintf("destination %q", v.ID))
		}
	}
	for _, v := range s.Recordings {
		if slices.ContainsFunc(v.Tracks, func(t Track) bool { return t.Bus == id }) {
			out = append(out, fmt.Sprintf("recording %q", v.ID))
		}
	}
	return out
}

func (s *Show) forgetBus(id string) {
	s.Sources, s.Renditions = slices.Clone(s.Sources), slices.Clone(s.Renditions)
	s.Destinations, s.Recordings = slices.Clone(s.Destinations), slices.Clone(s.Recordings)
	for i := range s.Sources {
		a := &s.Sources[i].Audio
		a.Sends = slices.DeleteFunc(slices.Clone(a.Sends), func(v Send) bool { return v.Bus == id })
	}
	for i := range s.Renditions {
		if s.Renditions[i].Audio.Bus == id {
			s.Renditions[i].Audio.Bus = ProgrammeBus
		}
	}
	for i := range s.Destinations {
		if s.Destinations[i].Bus == id {
			s.Destinations[i].Bus = ""
		}
		v := &s.Destinations[i]
		v.Tracks = slices.DeleteFunc(slices.Clone(v.Tracks), func(t Track) bool { return t.Bus == id })
	}
	for i := range s.Recordings {
		r := &s.Recordings[i]
		r.Tracks = slices.DeleteFunc(slices.Clone(r.Tracks), func(t Track) bool { return t.Bus == id })
	}
}

// soundUsers are the buses and duckers that refer to a source.
func (s *Show) soundUsers(id string) (out []string) {
	for _, v := range s.Buses {
		if slices.Contains(v.MixMinus, id) {
			out = append(out, fmt.Sprintf("bus %q", v.ID))
		}
	}
	for _, v := range s.Sources {
		if v.ID != id && slices.ContainsFunc(v.Audio.Inserts, func(in Insert) bool { return in.duckKey() == id }) {
			out = append(out, fmt.Sprintf("the ducker of source %q", v.ID))
		}
	}
	for _, v := range s.Buses {
		if slices.ContainsFunc(v.Inserts, func(in Insert) bool { return in.duckKey() == id }) {
			out = append(out, fmt.Sprintf("the ducker of bus %q", v.ID))
		}
	}
	return out
}

// duckKey is the source that a ducker listens to; "" is none.
func (v Insert) duckKey() string {
	if v.Kind != "ducker" {
		return ""
	}
	var s struct {
		Key string `json:"key"`
	}
	if json.Unmarshal(v.Settings, &s) != nil {
		return ""
	}
	return s.Key
}

// Key is the id of the source that a keyed insert listens to, or "".
func (v Insert) Key() string { return v.duckKey() }

// renameSound makes every reference of the sound to source from one to to, or to
// nothing when to is empty.
func (s *Show) renameSound(from, to string) {
	if len(s.soundUsers(from)) == 0 {
		return
	}
	inserts := func(list []Insert) []Insert {
		list = slices.Clone(list)
		for i, v := range list {
			if v.duckKey() == from {
				list[i].Settings = bytes.Replace(v.Settings, []byte(`"key":`+strconv.Quote(from)), []byte(`"key":`+strconv.Quote(to)), 1)
			}
		}
		return list
	}
	s.Buses, s.Sources = slices.Clone(s.Buses), slices.Clone(s.Sources)
	for i := range s.Buses {
		b := &s.Buses[i]
		b.Inserts, b.MixMinus = inserts(b.Inserts), slices.Clone(b.MixMinus)
		if at := slices.Index(b.MixMinus, from); at >= 0 && to != "" {
			b.MixMinus[at] = to
		} else if at >= 0 {
			b.MixMinus = slices.Delete(b.MixMinus, at, at+1)
		}
	}
	for i := range s.Sources {
		s.Sources[i].Audio.Inserts = inserts(s.Sources[i].Audio.Inserts)
	}
}

// sound checks buses, inserts, and what refers to them.
func (c *examination) sound() {
	buses := map[string]bool{ProgrammeBus: true}
	names := []string{ProgrammeBus}
	seen := map[string]bool{}
	for i, v := range c.root.get("buses").list() {
		id, ok := v.str("id")
		if !ok {
			continue
		}
		if seen[id] {
			c.add(v.get("id").start, element("$.buses", i)+".id", "the id %q is taken by another bus; ids must differ", id)
		}
		seen[id] = true
		if !buses[id] {
			buses[id], names = true, append(names, id)
		}
	}
	bus := func(n *node, path, key string) {
		if id, ok := n.str(key); ok && id != "" && !buses[id] {
			c.add(n.get(key).start, child(path, key), "there is no bus %q%s", id, DidYouMean(id, names))
		}
	}
	for i, v := range c.root.get("buses").list() {
		path := element("$.buses", i)
		id, _ := v.str("id")
		minus := v.get("mix_minus")
		if id == ProgrammeBus && len(minus.list()) > 0 {
			c.add(minus.start, path+".mix_minus", "the programme is no mix-minus: it is what a mix-minus is taken from")
		}
		for j, s := range minus.list() {
			if s.kind == '"' {
				if c.names[s.text].list != "sources" {
					c.add(s.start, element(path+".mix_minus", j), "there is no source %q%s", s.text, DidYouMean(s.text, c.sources()))
				}
			}
		}
		c.inserts(v, path)
	}
	for i, v := range c.root.get("sources").list() {
		path := element("$.sources", i) + ".audio"
		strip := v.get("audio")
		sent := map[string]bool{}
		for j, send := range strip.get("sends").list() {
			at := element(path+".sends", j)
			bus(send, at, "bus")
			if id, ok := send.str("bus"); ok && sent[id] {
				c.add(send.start, at+".bus", "there is a send to %q already; keep one", id)
			} else if ok {
				sent[id] = true
			}
		}
		c.inserts(strip, path)
	}
	for i, v := range c.root.get("renditions").list() {
		bus(v.get("audio"), element("$.renditions", i)+".audio", "bus")
	}
	for i, v := range c.root.get("destinations").list() {
		bus(v, element("$.destinations", i), "bus")
		for j, t := range v.get("tracks").list() {
			bus(t, element(element("$.destinations", i)+".tracks", j), "bus")
		}
	}
	for i, v := range c.root.get("recordings").list() {
		for j, t := range v.get("tracks").list() {
			bus(t, element(element("$.recordings", i)+".tracks", j), "bus")
		}
	}
}

// sources are the ids of all sources.
func (c *examination) sources() (out []string) {
	for id, n := range c.names {
		if n.list == "sources" {
			out = append(out, id)
		}
	}
	return out
}

// inserts checks the inserts of a strip or a bus.
func (c *examination) inserts(owner *node, path string) {
	seen := map[string]bool{}
	for i, v := range owner.get("inserts").list() {
		path := element(path+".inserts", i)
		if id, ok := v.str("id"); ok && id != "" {
			if seen[id] {
				c.add(v.get("id").start, path+".id", "the id %q is taken by another insert here; ids must differ", id)
			}
			seen[id] = true
		}
		kind, ok := v.str("kind")
		if !ok {
			continue // the schema has said so
		}
		k, ok := insertKindOf(kind)
		if !ok {
			c.add(v.get("kind").start, path+".kind", "there is no kind of insert %q%s", kind, DidYouMean(kind, insertNames()))
			continue
		}
		settings := v.get("settings")
		if settings == nil || settings.kind != '{' {
			continue
		}
		c.schema(path+".settings", settings, k.compiled, settings.start, true)
		if key, ok := settings.str("key"); ok && key != "" {
			c.reference(settings, path+".settings", "key", "sources")
		}
	}
}
