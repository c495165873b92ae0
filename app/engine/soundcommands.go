package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/scenes"
)

// Commands of the sound. Where a command names a Source or a Bus, it is one of the two.
type (
	// SetStrip changes a source's sound; fields left out stay.
	SetStrip struct {
		Source   string           `json:"source"`
		TrimDB   *float64         `json:"trim_db,omitempty"`
		Polarity *scenes.Polarity `json:"polarity,omitempty"`
		Channels *scenes.Channels `json:"channels,omitempty"`
		DelayMS  *int             `json:"delay_ms,omitempty"`
		OnAir    *scenes.OnAir    `json:"on_air,omitempty"`
		GainDB   *float64         `json:"gain_db,omitempty"`
		Muted    *bool            `json:"muted,omitempty"`
		Pan      *float64         `json:"pan,omitempty"`
	}
	// SetSend changes a source's send to a bus, or makes it; fields left out stay. With
	// Remove it is taken out, which for the programme means 0 dB after the fader.
	SetSend struct {
		Source string   `json:"source"`
		Bus    string   `json:"bus"`
		GainDB *float64 `json:"gain_db,omitempty"`
		Pre    *bool    `json:"pre,omitempty"`
		On     *bool    `json:"on,omitempty"`
		Remove bool     `json:"remove,omitempty"`
	}
	// PutBus adds or replaces a mix.
	PutBus struct {
		Bus scenes.Bus `json:"bus"`
	}
	// RemoveBus takes a mix out of the show and, with Cascade, the sends and tracks that use
	// it; renditions and destinations go back to the programme's sound. It is refused while
	// something that runs carries the mix.
	RemoveBus struct {
		ID      string `json:"id"`
		Cascade bool   `json:"cascade,omitempty"`
	}
	// SetBus changes a mix; fields left out stay.
	SetBus struct {
		ID          string          `json:"id"`
		GainDB      *float64        `json:"gain_db,omitempty"`
		Muted       *bool           `json:"muted,omitempty"`
		Mono        *bool           `json:"mono,omitempty"`
		FollowBlack *bool           `json:"follow_black,omitempty"`
		MixMinus    *[]string       `json:"mix_minus,omitempty"`
		Limiter     *scenes.Limiter `json:"limiter,omitempty"`
	}
	// SetMaster is SetBus of the programme.
	SetMaster struct {
		GainDB *float64 `json:"gain_db,omitempty"`
		Muted  *bool    `json:"muted,omitempty"`
	}
	// AddInsert puts a processor into a strip or a bus, at place To (0 is the first), or at
	// the end. Settings that are left out have their defaults.
	AddInsert struct {
		Source string        `json:"source,omitempty"`
		Bus    string        `json:"bus,omitempty"`
		Insert scenes.Insert `json:"insert"`
		To     *int          `json:"to,omitempty"`
	}
	// SetInsert changes a processor; fields and settings left out stay.
	SetInsert struct {
		Source   string          `json:"source,omitempty"`
		Bus      string          `json:"bus,omitempty"`
		ID       string          `json:"id"`
		Bypassed *bool           `json:"bypassed,omitempty"`
		Settings json.RawMessage `json:"settings,omitempty"`
	}
	// RemoveInsert takes a processor out.
	RemoveInsert struct {
		Source string `json:"source,omitempty"`
		Bus    string `json:"bus,omitempty"`
		ID     string `json:"id"`
	}
	// MoveInsert moves a processor to place To, counted from 0.
	MoveInsert struct {
		Source string `json:"source,omitempty"`
		Bus    string `json:"bus,omitempty"`
		ID     string `json:"id"`
		To     int    `json:"to"`
	}
	// Duck lets the source Key turn Source down while it is heard: it makes or changes the
	// ducker of Source. Fields left out stay; an empty Key takes the ducker out.
	Duck struct {
		Source      string   `json:"source"`
		Key         string   `json:"key"`
		DepthDB     *float64 `json:"depth_db,omitempty"`
		ThresholdDB *float64 `json:"threshold_db,omitempty"`
	}
	// SoloSource lets the operator hear a source alone: Mode is "afl" (after its fader),
	// "pfl" (before it) or "off". Without Source, nothing is soloed any more. The mix is not
	// changed, nor the show.
	SoloSource struct {
		Source string `json:"source,omitempty"`
		Mode   string `json:"mode,omitempty"`
	}
	// MonitorBus chooses the mix that the operator hears while nothing is soloed.
	MonitorBus struct {
		Bus string `json:"bus"`
	}
)

// changed sets v to what a command says, if it says something.
func changed[T any](v *T, to *T) {
	if to != nil {
		*v = *to
	}
}

// editStrip changes a source's sound.
func (e *Engine) editStrip(source string, change func(*scenes.Strip) error) error {
	s, ok := e.show.Source(source)
	if !ok {
		return fmt.Errorf("there is no source %q", source)
	}
	strip := s.Audio
	if err := change(&strip); err != nil {
		return err
	}
	return e.edit(e.show.SetStrip(source, strip))
}

// editBus changes a mix.
func (e *Engine) editBus(id string, change func(*scenes.Bus) error) error {
	b, ok := e.show.Bus(id)
	if !ok {
		return fmt.Errorf("there is no bus %q", id)
	}
	if err := change(&b); err != nil {
		return err
	}
	return e.edit(e.show.SetBus(b))
}

// editInserts changes the inserts of a source or a bus; change gets a copy.
func (e *Engine) editInserts(source, bus string, change func([]scenes.Insert) ([]scenes.Insert, error)) error {
	switch {
	case source != "" && bus != "", source == "" && bus == "":
		return errors.New("an insert belongs to a source or to a bus: name one of the two")
	case source != "":
		return e.editStrip(source, func(s *scenes.Strip) (err error) {
			s.Inserts, err = change(slices.Clone(s.Inserts))
			return err
		})
	}
	return e.editBus(bus, func(b *scenes.Bus) (err error) {
		b.Inserts, err = change(slices.Clone(b.Inserts))
		return err
	})
}

// insertAt finds an insert.
func insertAt(list []scenes.Insert, id string) (int, error) {
	i := slices.IndexFunc(list, func(v scenes.Insert) bool { return v.ID == id })
	if i < 0 {
		return 0, fmt.Errorf("there is no insert %q here", id)
	}
	return i, nil
}

func (c SetStrip) apply(e *Engine) error {
	return e.editStrip(c.Source, func(s *scenes.Strip) error {
		changed(&s.TrimDB, c.TrimDB)
		changed(&s.Polarity, c.Polarity)
		changed(&s.Channels, c.Channels)
		changed(&s.DelayMS, c.DelayMS)
		changed(&s.OnAir, c.OnAir)
		changed(&s.GainDB, c.GainDB)
		changed(&s.Muted, c.Muted)
		changed(&s.Pan, c.Pan)
		return nil
	})
}

func (c SetSend) apply(e *Engine) error {
	if _, ok := e.show.Bus(c.Bus); !ok {
		return fmt.Errorf("there is no bus %q", c.Bus)
	}
	return e.editStrip(c.Source, func(s *scenes.Strip) error {
		s.Sends = slices.Clone(s.Sends)
		i := slices.IndexFunc(s.Sends, func(v scenes.Send) bool { return v.Bus == c.Bus })
		switch {
		case c.Remove && i < 0:
			return fmt.Errorf("source %q has no send to %q", c.Source, c.Bus)
		case c.Remove:
			s.Sends = slices.Delete(s.Sends, i, i+1)
			return nil
		case i < 0:
			s.Sends = append(s.Sends, scenes.Send{Bus: c.Bus, On: true})
			i = len(s.Sends) - 1
		}
		changed(&s.Sends[i].GainDB, c.GainDB)
		changed(&s.Sends[i].Pre, c.Pre)
		changed(&s.Sends[i].On, c.On)
		return nil
	})
}

func (c PutBus) edit(s *scenes.Show) (*scenes.Show, error)    { return s.SetBus(c.Bus) }
func (c RemoveBus) edit(s *scenes.Show) (*scenes.Show, error) { return s.RemoveBus(c.ID, c.Cascade) }
func (c PutBus) apply(e *Engine) error                        { return e.edit(c.edit(e.show)) }

func (c RemoveBus) apply(e *Engine) error {
	show, err := c.edit(e.show)
	if err == nil {
		err = e.carriedOutside(show)
	}
	return e.edit(show, err)
}

func (c SetBus) apply(e *Engine) error {
	return e.editBus(c.ID, func(b *scenes.Bus) error {
		changed(&b.GainDB, c.GainDB)
		changed(&b.Muted, c.Muted)
		changed(&b.Mono, c.Mono)
		changed(&b.FollowBlack, c.FollowBlack)
		changed(&b.MixMinus, c.MixMinus)
		changed(&b.Limiter, c.Limiter)
		return nil
	})
}

func (c SetMaster) apply(e *Engine) error {
	return c.ofBus().apply(e)
}

func (c SetMaster) ofBus() SetBus {
	return SetBus{ID: scenes.ProgrammeBus, GainDB: c.GainDB, Muted: c.Muted}
}

func (c AddInsert) apply(e *Engine) error {
	return e.editInserts(c.Source, c.Bus, func(list []scenes.Insert) ([]scenes.Insert, error) {
		to := len(list)
		changed(&to, c.To)
		if to < 0 || to > len(list) {
			return nil, fmt.Errorf("an insert cannot go to place %d: places here are 0 to %d", to, len(list))
		}
		return slices.Insert(list, to, c.Insert), notItself(c.Source, c.Insert)
	})
}

func (c SetInsert) apply(e *Engine) error {
	return e.editInserts(c.Source, c.Bus, func(list []scenes.Insert) ([]scenes.Insert, error) {
		i, err := insertAt(list, c.ID)
		if err != nil {
			return nil, err
		}
		changed(&list[i].Bypassed, c.Bypassed)
		if list[i].Settings, err = merged(list[i].Settings, c.Settings); err != nil || len(c.Settings) == 0 {
			return list, err
		}
		return list, notItself(c.Source, list[i])
	})
}

func (c RemoveInsert) apply(e *Engine) error {
	return e.editInserts(c.Source, c.Bus, func(list []scenes.Insert) ([]scenes.Insert, error) {
		i, err := insertAt(list, c.ID)
		if err != nil {
			return nil, err
		}
		return slices.Delete(list, i, i+1), nil
	})
}

func (c MoveInsert) apply(e *Engine) error {
	return e.editInserts(c.Source, c.Bus, func(list []scenes.Insert) ([]scenes.Insert, error) {
		i, err := insertAt(list, c.ID)
		if err != nil {
			return nil, err
		}
		if c.To < 0 || c.To >= len(list) {
			return nil, fmt.Errorf("an insert cannot go to place %d: places here are 0 to %d", c.To, len(list)-1)
		}
		v := list[i]
		return slices.Insert(slices.Delete(list, i, i+1), c.To, v), nil
	})
}

// merged is settings with those of more in their place.
func merged(settings, more json.RawMessage) (json.RawMessage, error) {
	if len(bytes.TrimSpace(more)) == 0 {
		return settings, nil
	}
	all, with := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := json.Unmarshal(settings, &all); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(more, &with); err != nil {
		return nil, errors.New("an insert's settings are an object in { }")
	}
	maps.Copy(all, with)
	return json.Marshal(all)
}

const duckerKind = "ducker"

// notItself refuses a ducker that listens to the source it turns down: it would be a
// compressor with settings of another thing.
func notItself(source string, in scenes.Insert) error {
	if source != "" && in.Key() == source {
		return errors.New("a source cannot duck itself")
	}
	return nil
}

func (c Duck) apply(e *Engine) error {
	if c.Key == c.Source && c.Key != "" {
		return errors.New("a source cannot duck itself")
	}
	settings := map[string]any{"key": c.Key}
	if c.DepthDB != nil {
		settings["depth_db"] = *c.DepthDB
	}
	if c.ThresholdDB != nil {
		settings["threshold_db"] = *c.ThresholdDB
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	return e.editInserts(c.Source, "", func(list []scenes.Insert) ([]scenes.Insert, error) {
		i := slices.IndexFunc(list, func(v scenes.Insert) bool { return v.Kind == duckerKind })
		switch {
		case i < 0 && c.Key == "":
			return nil, fmt.Errorf("nothing ducks source %q", c.Source)
		case i < 0:
			return append(list, scenes.Insert{Kind: duckerKind, Settings: raw}), nil
		case c.Key == "":
			return slices.Delete(list, i, i+1), nil
		}
		var err error
		list[i].Settings, err = merged(list[i].Settings, raw)
		return list, err
	})
}

func (c SoloSource) apply(e *Engine) error {
	if c.Source == "" {
		clear(e.desk.solos)
		for _, in := range e.order {
			in.strip.SetSolo(0)
		}
		return nil
	}
	in := e.inputs[c.Source]
	if in == nil {
		return fmt.Errorf("there is no source %q", c.Source)
	}
	solo := map[string]audio.Solo{"": audio.AfterFader, "afl": audio.AfterFader, "pfl": audio.BeforeFader, "off": 0}
	mode, ok := solo[c.Mode]
	if !ok {
		return fmt.Errorf("a solo is afl, pfl or off, not %q", c.Mode)
	}
	e.desk.solos[c.Source] = mode
	in.strip.SetSolo(mode)
	return nil
}

func (c MonitorBus) apply(e *Engine) error {
	if _, ok := e.show.Bus(c.Bus); !ok {
		return fmt.Errorf("there is no bus %q", c.Bus)
	}
	e.desk.listen = c.Bus
	e.desk.setMonitor()
	return nil
}

// What undo is called on surfaces, and what joins moves of one control; … is about.
func (c SetStrip) undoable() (string, string) {
	label := controlLabel(c != SetStrip{Source: c.Source, OnAir: c.OnAir, GainDB: c.GainDB, Muted: c.Muted}, c.OnAir, c.GainDB, c.Muted)
	if label == "" {
		label = "change strip of …"
	}
	return label, "strip " + c.Source + " " + label
}
func (c SetSend) undoable() (string, string) {
	return "change send of …", "send " + c.Source + " " + c.Bus
}
func (c PutBus) undoable() (string, string)    { return "change bus " + c.Bus.Name, "" }
func (c RemoveBus) undoable() (string, string) { return "remove bus …", "" }
func (c SetBus) undoable() (string, string) {
	label := controlLabel(c != SetBus{ID: c.ID, GainDB: c.GainDB, Muted: c.Muted}, nil, c.GainDB, c.Muted)
	if label == "" {
		label = "change bus …"
	}
	return label, "bus " + c.ID + " " + label
}
func (c SetMaster) undoable() (string, string) { return c.ofBus().undoable() }
func (c AddInsert) undoable() (string, string) { return "add " + c.Insert.Kind + " to …", "" }
func (c SetInsert) undoable() (string, string) {
	return "change " + c.ID + " of …", "insert " + c.Source + " " + c.Bus + " " + c.ID
}
func (c RemoveInsert) undoable() (string, string) { return "remove " + c.ID + " of …", "" }
func (c MoveInsert) undoable() (string, string)   { return "move " + c.ID + " of …", "" }
func (c Duck) undoable() (string, string)         { return "change ducking of …", "duck " + c.Source }

// controlLabel is the label of a change of one control alone, "" for that of more, or of others.
func controlLabel(others bool, onAir *scenes.OnAir, gainDB *float64, muted *bool) string {
	switch {
	case others:
	case onAir != nil && gainDB == nil && muted == nil:
		return map[scenes.OnAir]string{scenes.OnAirOn: "put … on air", scenes.OnAirOff: "take … off air", scenes.OnAirAFV: "put … on AFV"}[*onAir]
	case gainDB != nil && onAir == nil && muted == nil:
		return "fader of …"
	case muted != nil && onAir == nil && gainDB == nil && *muted:
		return "mute …"
	case muted != nil && onAir == nil && gainDB == nil:
		return "unmute …"
	}
	return ""
}

func (c SetStrip) about(s *scenes.Show) string { return soundName(s, c.Source, "") }
func (c SetSend) about(s *scenes.Show) string {
	return soundName(s, c.Source, "") + " to " + soundName(s, "", c.Bus)
}
func (c RemoveBus) about(s *scenes.Show) string    { return soundName(s, "", c.ID) }
func (c SetBus) about(s *scenes.Show) string       { return soundName(s, "", c.ID) }
func (c SetMaster) about(s *scenes.Show) string    { return c.ofBus().about(s) }
func (c AddInsert) about(s *scenes.Show) string    { return soundName(s, c.Source, c.Bus) }
func (c SetInsert) about(s *scenes.Show) string    { return soundName(s, c.Source, c.Bus) }
func (c RemoveInsert) about(s *scenes.Show) string { return soundName(s, c.Source, c.Bus) }
func (c MoveInsert) about(s *scenes.Show) string   { return soundName(s, c.Source, c.Bus) }
func (c Duck) about(s *scenes.Show) string         { return soundName(s, c.Source, "") }

// soundName is what a source or a bus is called.
func soundName(show *scenes.Show, source, bus string) string {
	if v, ok := show.Source(source); ok {
		return v.Name
	}
	b, _ := show.Bus(bus)
	return b.Name
}
