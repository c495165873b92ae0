package scenes

import (
	"errors"
	"fmt"
	"slices"
)

// Every edit returns a new Show and leaves the old one as it was, so that undo is
// keeping the old value. The new one is complete and has no mistakes; otherwise
// the error is *InvalidError, *InUseError or *UnknownError and the Show nil.

// edit applies change to a shallow copy and checks the outcome. change must
// replace lists, never write through them.
func (s *Show) edit(change func(n *Show) error) (*Show, error) {
	n := *s
	if err := change(&n); err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	return &n, nil
}

// check reports the mistakes of a Show made in memory.
func (s *Show) check() error {
	raw, err := s.Encode()
	if err != nil {
		return err // a number that JSON does not have
	}
	c, err := examine(raw, nil, nil)
	if err != nil {
		return err
	}
	if m := c.mistakes(); len(m) > 0 {
		return &InvalidError{m}
	}
	return nil
}

// SetName renames the show.
func (s *Show) SetName(name string) (*Show, error) {
	return s.edit(func(n *Show) error { n.Name = name; return nil })
}

// SetTransition changes what AUTO and the T-bar do.
func (s *Show) SetTransition(t Transition) (*Show, error) {
	return s.edit(func(n *Show) error { n.Transition = t; return nil })
}

// SetFadeToBlack changes the rate of fade to black.
func (s *Show) SetFadeToBlack(f FadeToBlack) (*Show, error) {
	return s.edit(func(n *Show) error { n.FadeToBlack = f; return nil })
}

// SetStart changes what programme and preview show first.
func (s *Show) SetStart(v Start) (*Show, error) {
	return s.edit(func(n *Show) error { n.Start = v; return nil })
}

// AddSource adds a source at the end.
func (s *Show) AddSource(v Source) (*Show, error) {
	return s.edit(func(n *Show) error { n.Sources = appended(n.Sources, v.complete()); return nil })
}

// UpdateSource replaces the source id. A new id in v changes every reference to it.
func (s *Show) UpdateSource(id string, v Source) (*Show, error) {
	return s.edit(func(n *Show) (err error) {
		n.Sources, err = replaced(n.Sources, "source", id, v.complete())
		n.rename(id, v.ID)
		return err
	})
}

// SetStrip changes a source's place in the sound mix.
func (s *Show) SetStrip(id string, strip Strip) (*Show, error) {
	v, ok := s.Source(id)
	if !ok {
		return nil, &UnknownError{"source", id}
	}
	v.Audio = strip
	return s.UpdateSource(id, v)
}

// RemoveSource removes a source; with cascade also the layers that show it.
func (s *Show) RemoveSource(id string, cascade bool) (*Show, error) {
	return remove(s, "source", id, cascade, func(n *Show) *[]Source { return &n.Sources })
}

// AddScene adds a scene at the end.
func (s *Show) AddScene(v Scene) (*Show, error) {
	return s.edit(func(n *Show) error { n.Scenes = appended(n.Scenes, n.completeScene(v)); return nil })
}

// UpdateScene replaces the scene id. A new id in v changes every reference to it.
func (s *Show) UpdateScene(id string, v Scene) (*Show, error) {
	return s.edit(func(n *Show) (err error) {
		n.Scenes, err = replaced(n.Scenes, "scene", id, n.completeScene(v))
		n.rename(id, v.ID)
		return err
	})
}

// RemoveScene removes a scene; with cascade also the layers that show it.
func (s *Show) RemoveScene(id string, cascade bool) (*Show, error) {
	return remove(s, "scene", id, cascade, func(n *Show) *[]Scene { return &n.Scenes })
}

// SetLayers replaces the layers of a scene or an overlay.
func (s *Show) SetLayers(id string, layers []Layer) (*Show, error) {
	if v, ok := s.Overlay(id); ok {
		v.Layers = layers
		return s.SetOverlay(v)
	}
	v, ok := s.Scene(id)
	if !ok {
		return nil, &UnknownError{"scene or overlay", id}
	}
	v.Layers = layers
	return s.UpdateScene(id, v)
}

// SetOverlay replaces the overlay with v's id, or adds v on top of all.
func (s *Show) SetOverlay(v Overlay) (*Show, error) {
	return s.edit(func(n *Show) error { n.Overlays = put(n.Overlays, n.completeOverlay(v)); return nil })
}

// SetOverlayOn keys an overlay in or out.
func (s *Show) SetOverlayOn(id string, on bool) (*Show, error) {
	v, ok := s.Overlay(id)
	if !ok {
		return nil, &UnknownError{"overlay", id}
	}
	v.On = on
	return s.SetOverlay(v)
}

// RemoveOverlay removes an overlay.
func (s *Show) RemoveOverlay(id string) (*Show, error) {
	return remove(s, "overlay", id, false, func(n *Show) *[]Overlay { return &n.Overlays })
}

// SetRendition replaces the rendition with v's id, or adds v.
func (s *Show) SetRendition(v Rendition) (*Show, error) {
	return s.edit(func(n *Show) error { n.Renditions = put(n.Renditions, n.completeRendition(v)); return nil })
}

// RemoveRendition removes a rendition; with cascade also the destinations and
// recordings that use it.
func (s *Show) RemoveRendition(id string, cascade bool) (*Show, error) {
	return remove(s, "rendition", id, cascade, func(n *Show) *[]Rendition { return &n.Renditions })
}

// SetDestination replaces the destination with v's id, or adds v.
func (s *Show) SetDestination(v Destination) (*Show, error) {
	return s.edit(func(n *Show) error {
		n.Destinations = put(n.Destinations, n.completeDestination(v))
		return v.checkTimes()
	})
}

// RemoveDestination removes a destination.
func (s *Show) RemoveDestination(id string) (*Show, error) {
	return remove(s, "destination", id, false, func(n *Show) *[]Destination { return &n.Destinations })
}

// SetRecording replaces the recording with v's id, or adds v.
func (s *Show) SetRecording(v Recording) (*Show, error) {
	return s.edit(func(n *Show) error { n.Recordings = put(n.Recordings, n.completeRecording(v)); return nil })
}

// RemoveRecording removes a recording.
func (s *Show) RemoveRecording(id string) (*Show, error) {
	return remove(s, "recording", id, false, func(n *Show) *[]Recording { return &n.Recordings })
}

// Reorder moves an element to position to (0 first) of the list it is in.
func (s *Show) Reorder(id string, to int) (*Show, error) {
	return s.edit(func(n *Show) error {
		for _, move := range []func() error{
			func() error { return moved(&n.Sources, id, to) },
			func() error { return moved(&n.Scenes, id, to) },
			func() error { return moved(&n.Overlays, id, to) },
			func() error { return moved(&n.Renditions, id, to) },
			func() error { return moved(&n.Destinations, id, to) },
			func() error { return moved(&n.Recordings, id, to) },
		} {
			if err := move(); !errors.Is(err, errNotHere) {
				return err
			}
		}
		return &UnknownError{"element", id}
	})
}

// Users are the elements that refer to id, for the operator.
func (s *Show) Users(id string) []string {
	var out []string
	shows := func(layers []Layer) bool {
		return slices.ContainsFunc(layers, func(l Layer) bool { return l.Source == id })
	}
	for _, v := range s.Scenes {
		if shows(v.Layers) {
			out = append(out, fmt.Sprintf("scene %q", v.ID))
		}
	}
	for _, v := range s.Overlays {
		if shows(v.Layers) {
			out = append(out, fmt.Sprintf("overlay %q", v.ID))
		}
	}
	for _, v := range s.Sources {
		if v.Backup == id {
			out = append(out, fmt.Sprintf("source %q, whose backup it is", v.ID))
		}
	}
	for _, v := range s.Destinations {
		if v.Rendition == id || slices.Contains(v.Simulcast, id) {
			out = append(out, fmt.Sprintf("destination %q", v.ID))
		}
	}
	for _, v := range s.Recordings {
		if v.Rendition == id {
			out = append(out, fmt.Sprintf("recording %q", v.ID))
		}
	}
	out = append(out, s.isoUsers(id)...)
	out = append(out, s.soundUsers(id)...)
	if s.Start.Program == id {
		out = append(out, "the programme at the start")
	}
	if s.Start.Preview == id {
		out = append(out, "the preview at the start")
	}
	return out
}

func (s *Show) completeScene(v Scene) Scene {
	named(&v.Name, v.ID)
	v.Layers = s.completeLayers(v.Layers)
	return v
}

func (s *Show) completeOverlay(v Overlay) Overlay {
	named(&v.Name, v.ID)
	v.Layers = s.completeLayers(v.Layers)
	return v
}

func remove[T item](s *Show, what, id string, cascade bool, list func(*Show) *[]T) (*Show, error) {
	return s.edit(func(n *Show) error {
		l := list(n)
		i := indexOf(*l, id)
		if i < 0 {
			return &UnknownError{what, id}
		}
		if users := s.Users(id); len(users) > 0 && !cascade {
			return &InUseError{ID: id, Users: users}
		}
		*l = slices.Delete(slices.Clone(*l), i, i+1)
		n.forget(id)
		return nil
	})
}

// forget removes what refers to id.
func (s *Show) forget(id string) {
	s.eachLayers(func(layers []Layer) []Layer {
		return slices.DeleteFunc(layers, func(l Layer) bool { return l.Source == id })
	})
	s.Destinations = slices.DeleteFunc(slices.Clone(s.Destinations), func(v Destination) bool { return v.Rendition == id })
	for i, v := range s.Destinations {
		s.Destinations[i].Simulcast = slices.DeleteFunc(slices.Clone(v.Simulcast), func(o string) bool { return o == id })
	}
	s.Recordings = slices.DeleteFunc(slices.Clone(s.Recordings), func(v Recording) bool { return v.Rendition == id })
	s.renameBackup(id, "")
	s.renameStart(id, "")
	s.renameISO(id, "")
	s.renameSound(id, "")
}

// rename makes every reference to from one to to.
func (s *Show) rename(from, to string) {
	if from == to {
		return
	}
	s.eachLayers(func(layers []Layer) []Layer {
		for i := range layers {
			if layers[i].Source == from {
				layers[i].Source = to
			}
		}
		return layers
	})
	s.renameBackup(from, to)
	s.renameStart(from, to)
	s.renameISO(from, to)
	s.renameSound(from, to)
}

func (s *Show) renameBackup(from, to string) {
	s.Sources = slices.Clone(s.Sources)
	for i := range s.Sources {
		if s.Sources[i].Backup == from {
			s.Sources[i].Backup = to
		}
	}
}

func (s *Show) renameStart(from, to string) {
	if s.Start.Program == from {
		s.Start.Program = to
	}
	if s.Start.Preview == from {
		s.Start.Preview = to
	}
}

// eachLayers replaces every list of layers by change of a copy of it.
func (s *Show) eachLayers(change func([]Layer) []Layer) {
	s.Scenes, s.Overlays = slices.Clone(s.Scenes), slices.Clone(s.Overlays)
	for i := range s.Scenes {
		s.Scenes[i].Layers = change(slices.Clone(s.Scenes[i].Layers))
	}
	for i := range s.Overlays {
		s.Overlays[i].Layers = change(slices.Clone(s.Overlays[i].Layers))
	}
}

func appended[T any](list []T, v T) []T { return append(slices.Clone(list), v) }

// put replaces the element with v's id, or appends v.
func put[T item](list []T, v T) []T {
	i := indexOf(list, v.key())
	if i < 0 {
		return appended(list, v)
	}
	out := slices.Clone(list)
	out[i] = v
	return out
}

func replaced[T item](list []T, what, id string, v T) ([]T, error) {
	i := indexOf(list, id)
	if i < 0 {
		return list, &UnknownError{what, id}
	}
	out := slices.Clone(list)
	out[i] = v
	return out, nil
}

var errNotHere = errors.New("not in this list")

func moved[T item](list *[]T, id string, to int) error {
	i := indexOf(*list, id)
	if i < 0 {
		return errNotHere
	}
	if to < 0 || to >= len(*list) {
		return fmt.Errorf("scenes: %q cannot go to position %d of %d", id, to+1, len(*list))
	}
	v := (*list)[i]
	*list = slices.Insert(slices.Delete(slices.Clone(*list), i, i+1), to, v)
	return nil
}
