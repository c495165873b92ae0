package scenes

import (
	"encoding/json"
	"slices"
)

// Replay says what the replay buffer keeps.
type Replay struct {
	// Seconds is how much of the programme is kept, 1..600.
	Seconds int `json:"seconds"`
	// Rendition is the id of the rendition that is kept; empty: the first.
	Rendition string `json:"rendition"`
	// Angles are ids of sources that are kept besides, as ISO recordings have them.
	Angles []string `json:"angles"`
	// Settings are the output kind record's; its path is a folder here.
	Settings json.RawMessage `json:"settings"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *Replay) UnmarshalJSON(b []byte) error {
	type plain Replay
	p := plain{Seconds: DefaultReplaySeconds}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*v = Replay(p)
	return nil
}

// DefaultReplaySeconds is how much a replay buffer keeps unless told otherwise.
const DefaultReplaySeconds = 20

// completeReplay is v without holes, in memory of its own.
func completeReplay(v Replay) Replay {
	v.Angles = nonNil(slices.Clone(v.Angles))
	v.Settings = compact(v.Settings)
	return v
}

// Untouched: it is what a show has that says nothing of the replay buffer.
func (v Replay) Untouched() bool {
	v = completeReplay(v)
	return v.Seconds == DefaultReplaySeconds && v.Rendition == "" && len(v.Angles) == 0 && (len(v.Settings) == 0 || string(v.Settings) == "{}")
}

// SetReplay changes what the replay buffer keeps.
func (s *Show) SetReplay(v Replay) (*Show, error) {
	return s.edit(func(n *Show) error { n.Replay = completeReplay(v); return nil })
}
