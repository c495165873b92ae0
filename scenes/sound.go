package scenes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
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
