package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/scenes"
)

// benchCase is one row of the table. Everything else about a case follows from its show.
type benchCase struct {
	Name, Title string
	cameras     int     // decoded by the show and by the floor, from 1 up
	live        bool    // goes live to the receivers
	offline     bool    // on the virtual clock, as fast as it goes; the floor too
	limit       float64 // of the ratio to the floor; 0: none is asked for
	show        func(files []string, urls map[string]string) *scenes.Show
	commands    func(frames int) []string // lines of a command list
	places      []place
	need        int // how many of places every frame has to show
}

// cases are the rows in the order of the table. The limits are what the product has to
// keep on two cores without a GPU.
func cases() []benchCase {
	return []benchCase{
		{
			Name: "P", Title: "1080p30, one camera, nothing over it", cameras: 1, limit: 1.02,
			show: showP, places: []place{full(1)}, need: 1,
		},
		{
			Name: "A", Title: "1080p30, one camera + soft-edged 1500x180 lower third", cameras: 1, limit: 1.25,
			show: showA, places: []place{full(1)}, need: 1,
		},
		{
			Name: "C", Title: "A + RTMP + SRT + WHIP on loopback", cameras: 1, live: true, limit: 1.25,
			show: showC, places: []place{full(1)}, need: 1,
		},
		{
			Name: "B-720p", Title: "720p30, quad split of four 1080p cameras", cameras: 4, limit: 1.12,
			show: showB, places: quadPlaces(), need: 4,
		},
		{
			Name: "X", Title: "1080p30, 1 s mix between two cameras every 2 s", cameras: 2,
			show: showX, commands: commandsX, places: []place{full(1), full(2)}, need: 1,
		},
		{
			Name: "P-render", Title: "P on the virtual clock", cameras: 1, offline: true,
			show: showP, places: []place{full(1)}, need: 1,
		},
		{
			Name: "A-render", Title: "A on the virtual clock", cameras: 1, offline: true,
			show: showA, places: []place{full(1)}, need: 1,
		},
	}
}

// chosen are the cases that a list of names asks for, in the order of the table;
// "all" is every one.
func chosen(list string) ([]benchCase, error) {
	all := cases()
	if list == "all" {
		return all, nil
	}
	want := make(map[string]bool)
	for _, name := range strings.Split(list, ",") {
		want[strings.ToUpper(strings.TrimSpace(name))] = true
	}
	var out []benchCase
	names := make([]string, 0, len(all))
	for _, c := range all {
		names = append(names, c.Name)
		if key := strings.ToUpper(c.Name); want[key] {
			out = append(out, c)
			delete(want, key)
		}
	}
	for name := range want {
		return nil, fmt.Errorf("there is no case %q; there are: %s", name, strings.Join(names, ", "))
	}
	return out, nil
}

// baseShow has the cameras and one rendition, at 6 Mb/s for 1080 lines and 3 for 720.
func baseShow(files []string, width, height int) *scenes.Show {
	s := scenes.Default()
	s.Name = "Benchmark"
	s.Canvas.Width, s.Canvas.Height = width, height
	r := scenes.NewRendition("main")
	r.Program = s.Programs[0].ID
	r.Video.Encoder, r.Video.Width, r.Video.Height, r.Video.BitrateKbps = "libx264", width, height, 6000
	if height <= 720 {
		r.Video.BitrateKbps = 3000
	}
	s.Renditions = []scenes.Rendition{r}
	for i, file := range files {
		s.Sources = append(s.Sources, scenes.Source{
			ID: camID(i + 1), Name: fmt.Sprintf("Camera %d", i+1), Kind: "file",
			Settings: settings(map[string]any{"path": file, "loop": true, "hardware": "off"}),
		})
	}
	return s
}

func camID(n int) string { return fmt.Sprintf("cam%d", n) }

// settings are a JSON object of values that always marshal.
func settings(v map[string]any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("bench: settings %v: %v", v, err))
	}
	return b
}

// layer places a source.
func layer(source string, x, y, w, h float64) scenes.Layer {
	l := scenes.NewLayer(source)
	l.X, l.Y, l.Width, l.Height = x, y, w, h
	return l
}

func scene(id string, layers ...scenes.Layer) scenes.Scene {
	return scenes.Scene{ID: id, Name: id, Layers: layers}
}

func showP(files []string, _ map[string]string) *scenes.Show {
	s := baseShow(files, cameraWidth, cameraHeight)
	s.Scenes = []scenes.Scene{scene("air", layer("cam1", 0, 0, cameraWidth, cameraHeight))}
	s.Start = scenes.Start{Program: "air"}
	return s
}

func showA(files []string, _ map[string]string) *scenes.Show {
	s := showP(files, nil)
	s.Sources = append(s.Sources, scenes.Source{ID: "name", Name: "Lower third", Kind: "text", Settings: settings(map[string]any{
		"text": "Ada Lovelace\nAnalytical Engine Society", "size": 56, "color": "#ffffff",
		"box": "#182848d8", "box_softness": 28, "box_padding": 40, "width": 1500, "height": 180,
	})})
	title := layer("name", 210, 840, 1500, 180)
	title.Fit = scenes.None
	s.Scenes[0].Layers = append(s.Scenes[0].Layers, title)
	return s
}

// credential is the name of the stream key in the receivers' file of credentials.
const credential = "bench"

func showC(files []string, urls map[string]string) *scenes.Show {
	s := showA(files, nil)
	for _, kind := range []string{"rtmp", "srt", "whip"} {
		d := scenes.Destination{
			ID: kind, Name: strings.ToUpper(kind), Kind: kind, Rendition: "main", Enabled: true,
			Settings: settings(map[string]any{"url": urls[kind]}),
		}
		if kind == "rtmp" {
			d.Credential = credential
		}
		s.Destinations = append(s.Destinations, d)
	}
	return s
}

// The quad split's programme.
const quadWidth, quadHeight = 1280, 720

func quadPlaces() []place {
	const w, h = quadWidth / 2, quadHeight / 2
	return []place{{1, 0, 0, w, h}, {2, w, 0, w, h}, {3, 0, h, w, h}, {4, w, h, w, h}}
}

func showB(files []string, _ map[string]string) *scenes.Show {
	s := baseShow(files, quadWidth, quadHeight)
	var layers []scenes.Layer
	for _, p := range quadPlaces() {
		layers = append(layers, layer(camID(p.camera), float64(p.x), float64(p.y), float64(p.w), float64(p.h)))
	}
	s.Scenes = []scenes.Scene{scene("quad", layers...)}
	s.Start = scenes.Start{Program: "quad"}
	return s
}

func showX(files []string, _ map[string]string) *scenes.Show {
	s := baseShow(files, cameraWidth, cameraHeight)
	s.Transition.Kind, s.Transition.Frames = scenes.Mix, cameraRate
	s.Start = scenes.Start{Program: "cam1", Preview: "cam2"}
	return s
}

// commandsX runs AUTO every two seconds; it swaps programme and preview.
func commandsX(frames int) []string {
	var lines []string
	for at := 2 * cameraRate; at < frames; at += 2 * cameraRate {
		lines = append(lines, fmt.Sprintf(`{"at": %d, "do": "auto"}`, at))
	}
	return lines
}

// encoding is what the engine makes of the show's rendition, for the floor: the
// bitstreams' own account of their settings is compared afterwards.
// On the virtual clock the engine encodes with one thread, which is the same to the bit from run to run.
func encoding(s *scenes.Show, offline bool) av.VideoEncoderOptions {
	v := s.Renditions[0].Video
	opt := av.VideoEncoderOptions{
		Encoder: v.Encoder, Width: v.Width, Height: v.Height, FPS: s.Canvas.FPS, BitrateBPS: v.BitrateKbps * 1000,
		GOP: int(v.KeyframeSeconds * s.Canvas.FPS.Float()), Preset: v.Preset, BFrames: -1, Color: s.Canvas.Color.Info(),
	}
	if offline {
		opt.Threads = 1
	}
	for _, d := range s.Destinations {
		if d.Kind == "whip" { // WebRTC takes no B-frames
			opt.BFrames = 0
		}
	}
	return opt
}
