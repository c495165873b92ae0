package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"crosspoint.studio/crosspoint/internal/cutlist"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// Recut is a show that is cut again from the recordings of its sources.
type Recut struct {
	// Show has the recorded kind in place of every source that has recordings of its own.
	Show *scenes.Show
	// Switcher is how the switcher stands at the first tick; nil: at rest.
	Switcher *SwitcherState
	Commands []Timed
	// From is the tick of this show at which the programme's recording began, Ticks how
	// many ticks there are.
	From, Ticks int64
	// Pauses are what was left out of the programme's recording, as ticks of this show.
	Pauses []cutlist.Stretch
	// Live are the sources without recordings: they run as the show says.
	Live []string
}

// Recut makes of a journal the show that gives its programme again: tick 0 is the
// journal's first: what a recording has of before its start is not cut again. Commands of destinations, recordings and replays are left out, and those
// that position or open anew what is recorded already.
func (s *Session) Recut() (*Recut, error) {
	r := &Recut{Switcher: s.Switcher, From: max(s.History.First-s.First, 0), Ticks: s.History.End - s.First}
	if r.Ticks <= r.From {
		return nil, fmt.Errorf("nothing of the show was recorded")
	}
	for _, p := range s.History.Pauses {
		r.Pauses = append(r.Pauses, cutlist.Stretch{From: p.From - s.First, To: p.To - s.First})
	}
	files := map[string][]sources.RecordedFile{}
	for _, f := range s.History.Files {
		if f.Source != "" {
			files[f.Source] = append(files[f.Source], sources.RecordedFile{Path: f.Path, First: f.First, Sample: s.samples[f.Path]})
		}
	}
	replaced := map[string]json.RawMessage{}
	for id, list := range files {
		slices.SortFunc(list, func(a, b sources.RecordedFile) int { return int(a.First - b.First) })
		raw, err := json.Marshal(sources.RecordedSettings{Files: list, Begin: s.First})
		if err != nil {
			return nil, err
		}
		replaced[id] = raw
	}
	replace := func(v scenes.Source) scenes.Source {
		if raw := replaced[v.ID]; raw != nil {
			v.Kind, v.Settings, v.WhenIdle = sources.Recorded().Name, raw, scenes.IdlePlay
		}
		return v
	}
	show := *s.Show
	show.Sources = slices.Clone(show.Sources)
	for i, v := range show.Sources {
		show.Sources[i] = replace(v)
		if replaced[v.ID] == nil {
			r.Live = append(r.Live, v.ID)
		}
	}
	show.ISO.Sources, show.Destinations, show.Recordings = []string{}, []scenes.Destination{}, []scenes.Recording{}
	r.Show = &show
	for _, c := range s.Commands {
		if c.Command = recutCommand(c.Command, replaced, replace); c.Command != nil {
			c.Tick -= s.First
			r.Commands = append(r.Commands, c)
		}
	}
	return r, nil
}

// recutCommand is what becomes of a command when the show is cut again; nil is nothing.
func recutCommand(c Command, replaced map[string]json.RawMessage, replace func(scenes.Source) scenes.Source) Command {
	left := func(id string) Command {
		if replaced[id] != nil {
			return nil
		}
		return c
	}
	switch c := c.(type) {
	case *StartRecording, *StopRecording, *SplitRecording, *PauseRecording, *PutRecording, *RemoveRecording, *StartISO, *StopISO, *SetISO,
		*GoLive, *StopLive, *PutDestination, *RemoveDestination, *ApplyPlan, *PutRendition, *RemoveRendition, *SetReplay, *StartReplay, *StopReplay, *SaveReplay, *MarkReplay, *PlayReplay:
		return nil
	case *Seek:
		return left(c.Source)
	case *Pause:
		return left(c.Source)
	case *RestartSource:
		return left(c.Source)
	case *AddSource:
		return &AddSource{Source: replace(c.Source)}
	case *UpdateSource:
		return &UpdateSource{Source: replace(c.Source)}
	case *travelled:
		show := *c.show
		show.Sources = slices.Clone(show.Sources)
		for i, v := range show.Sources {
			show.Sources[i] = replace(v)
		}
		return &travelled{&show}
	case *Reorder, *RemoveBus:
		return outside{c}
	case *ReplaceShow:
		return nil // sources of another show have no recordings in this journal
	}
	return c
}

// travelled is what Undo or Redo made of the show, as a journal has it.
type travelled struct{ show *scenes.Show }

// apply leaves what is recorded, and how, as it is.
func (c *travelled) apply(e *Engine) error {
	show := *c.show
	show.Destinations, show.Recordings, show.ISO = e.show.Destinations, e.show.Recordings, e.show.ISO
	show.Renditions = slices.Clone(e.show.Renditions)
	for i := range show.Renditions {
		a := &show.Renditions[i].Audio
		if _, ok := show.Bus(a.Bus); !ok {
			a.Bus = scenes.ProgrammeBus
		}
	}
	return e.edit(&show, nil)
}

// outside is a command that may be about outputs, which a show that is cut again has others
// of: that it is refused says nothing.
type outside struct{ command Command }

func (c outside) apply(e *Engine) error {
	_ = c.command.apply(e)
	return nil
}

// WithRecording are the commands with more: start, where the programme's recording began, and
// its pauses. They go before the others of their ticks.
func (r *Recut) WithRecording(start Command) []Timed {
	list := []Timed{{r.From, start}}
	yes, no := true, false
	for _, p := range r.Pauses {
		list = append(list, Timed{p.From, &PauseRecording{Paused: &yes}}, Timed{p.To, &PauseRecording{Paused: &no}})
	}
	list = append(list, r.Commands...)
	slices.SortStableFunc(list, func(a, b Timed) int { return cmp.Compare(a.Tick, b.Tick) })
	return list
}

// Frames is how many the programme has, cut again.
func (r *Recut) Frames() int64 {
	n := r.Ticks - r.From
	for _, p := range r.Pauses {
		n -= p.To - p.From
	}
	return n
}
