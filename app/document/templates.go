package document

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"crosspoint.studio/crosspoint/assets"
	"crosspoint.studio/crosspoint/scenes"
)

// Templates are the names that New takes.
func Templates() []string { return []string{"demo", "empty", "camera"} }

func (m *Manager) template(name string, canvas scenes.Canvas) (*scenes.Show, error) {
	switch name {
	case "demo":
		return scenes.Parse(assets.Demo)
	case "empty":
		return empty(canvas)
	case "camera":
		camera, microphone := m.opt.Devices()
		if camera == "" {
			return nil, errors.New("no camera was found: plug one in and try again, or begin with an empty show")
		}
		return cameraShow(canvas, camera, microphone)
	}
	return nil, fmt.Errorf("there is no template %q; there are %s", name, strings.Join(Templates(), ", "))
}

// empty has nothing but somewhere to record to.
func empty(canvas scenes.Canvas) (*scenes.Show, error) {
	return scenes.DefaultOn(canvas).SetRecording(scenes.Recording{ID: "rec", Name: "Recording"})
}

// cameraShow is one camera over the whole canvas, with a microphone where there is one.
func cameraShow(canvas scenes.Canvas, camera, microphone string) (*scenes.Show, error) {
	show, err := empty(canvas)
	if err != nil {
		return nil, err
	}
	steps := []func(*scenes.Show) (*scenes.Show, error){
		func(s *scenes.Show) (*scenes.Show, error) { return s.SetName("My camera") },
		addDevice("camera", "Camera", camera),
		func(s *scenes.Show) (*scenes.Show, error) {
			return s.AddScene(scenes.Scene{ID: "wide", Name: "Camera", Layers: []scenes.Layer{scenes.NewLayer("camera")}})
		},
		func(s *scenes.Show) (*scenes.Show, error) {
			return s.SetStart(scenes.Start{Program: "wide", Preview: "camera"})
		},
	}
	if microphone != "" {
		steps = append(steps, addDevice("microphone", "Microphone", microphone))
	}
	for _, step := range steps {
		if show, err = step(show); err != nil {
			return nil, err
		}
	}
	return show, nil
}

// addDevice adds a source whose kind is also its id.
func addDevice(kind, name, device string) func(*scenes.Show) (*scenes.Show, error) {
	return func(s *scenes.Show) (*scenes.Show, error) {
		settings, err := json.Marshal(map[string]string{"device": device})
		if err != nil {
			return nil, err
		}
		return s.AddSource(scenes.Source{ID: kind, Name: name, Kind: kind, Settings: settings})
	}
}
