package app

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"crosspoint.studio/crosspoint/app/ui"
	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// inventory is ui.Inventory: what this machine and the running show have to choose
// from.
type inventory struct {
	show     reported
	encoders func() []ui.Choice // tried once
}

func newInventory(show reported) *inventory {
	return &inventory{show: show, encoders: sync.OnceValue(encoderChoices)}
}

// Choices implements ui.Inventory. Devices are looked at anew with every call, which
// takes up to some hundred milliseconds; encoders are tried at the first, which takes
// a second or two. Besides the pickers of schemas there are "playback" (sound outputs),
// "scene" (what a layer or a bus can show) and "rendition".
func (v *inventory) Choices(picker string) (list []ui.Choice, ok bool) {
	switch picker {
	case "camera":
		for _, d := range sources.Cameras() {
			list = append(list, ui.Choice{Value: d.Path, Label: d.Name})
		}
	case "microphone":
		capture, _, err := audio.Devices(audio.DefaultBackend)
		list = soundChoices(capture, err)
	case "playback":
		_, playback, err := audio.Devices(audio.DefaultBackend)
		list = soundChoices(playback, err)
	case "font":
		// Without the system's fonts there are the built-in ones.
		families, _ := sources.Fonts()
		list = append(list, ui.Choice{Value: "", Label: "Built-in (Go)"})
		for _, f := range families {
			list = append(list, ui.Choice{Value: f, Label: f})
		}
	case "screen":
		for _, d := range sources.Displays() {
			list = append(list, ui.Choice{Value: d.Path, Label: d.Name})
		}
	case "window":
		list = append(list, ui.Choice{Value: "", Label: "The whole screen"})
		for _, d := range sources.Windows() {
			list = append(list, ui.Choice{Value: d.Path, Label: d.Name})
		}
	case "encoder":
		list = v.encoders()
	case "scene", "rendition":
		list = v.fromShow(picker)
	default:
		return nil, false
	}
	return list, true
}

// soundChoices name the system's default, which follows the user's settings, and every
// device. Names are what settings keep: ids change from start to start on some systems.
func soundChoices(devices []audio.Device, err error) []ui.Choice {
	if err != nil || len(devices) == 0 {
		return nil
	}
	out := []ui.Choice{{Value: "", Label: "System default"}}
	seen := map[string]bool{}
	for _, d := range devices {
		value, label := d.Name, d.Name
		if seen[d.Name] { // two of a kind: only the id tells them apart
			value, label = d.ID, fmt.Sprintf("%s (another)", d.Name)
		}
		seen[d.Name] = true
		out = append(out, ui.Choice{Value: value, Label: label})
	}
	return out
}

func encoderChoices() []ui.Choice {
	out := []ui.Choice{{Value: "auto", Label: "Automatic"}}
	for _, e := range av.ProbeEncoders(context.Background()) {
		if e.Works {
			out = append(out, ui.Choice{Value: e.Name, Label: fmt.Sprintf("%s, %s", e.Title, strings.ToUpper(string(e.Codec)))})
		}
	}
	return out
}

func (v *inventory) fromShow(picker string) (list []ui.Choice) {
	s := v.show.State()
	if s == nil || s.Show == nil {
		return nil
	}
	if picker == "rendition" {
		for _, r := range s.Show.Renditions {
			list = append(list, ui.Choice{Value: r.ID, Label: r.ID})
		}
		return list
	}
	for _, r := range s.Show.Scenes {
		list = append(list, ui.Choice{Value: r.ID, Label: r.Name})
	}
	for _, r := range s.Show.Sources {
		list = append(list, ui.Choice{Value: r.ID, Label: r.Name})
	}
	return list
}

// firstDevices are the camera and the microphone of a first show, empty for none.
func (v *inventory) firstDevices() (camera, microphone string) {
	if list, _ := v.Choices("camera"); len(list) > 0 {
		camera = list[0].Value
	}
	if capture, _, err := audio.Devices(audio.DefaultBackend); err == nil {
		for _, d := range capture {
			if microphone == "" || d.Default {
				microphone = d.Name
			}
		}
	}
	return camera, microphone
}
