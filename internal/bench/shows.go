package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// baseShow has the cameras and one rendition, at 6 Mb/s for 1080 lines and 3 for 720.
func baseShow(m material, width, height int) *scenes.Show {
	s := scenes.Default()
	s.Name = "Benchmark"
	s.Canvas.Width, s.Canvas.Height = width, height
	s.Renditions = []scenes.Rendition{rendition(s, "main", width, height)}
	for i, file := range m.files {
		s.Sources = append(s.Sources, cameraSource(camID(i+1), file))
	}
	return s
}

func rendition(s *scenes.Show, id string, width, height int) scenes.Rendition {
	r := scenes.NewRendition(id)
	r.Program = s.Programs[0].ID
	r.Video.Encoder, r.Video.Width, r.Video.Height, r.Video.BitrateKbps = "libx264", width, height, 6000
	if height <= 720 {
		r.Video.BitrateKbps = 3000
	}
	return r
}

func camID(n int) string { return fmt.Sprintf("cam%d", n) }

func cameraSource(id, file string) scenes.Source {
	return source(id, "file", map[string]any{"path": file, "loop": true, "hardware": "off"})
}

// source is one with every default that an editor would give it.
func source(id, kind string, set map[string]any) scenes.Source {
	s, err := scenes.Default().AddSource(scenes.Source{ID: id, Name: id, Kind: kind, Settings: settings(set)})
	if err != nil {
		panic(fmt.Sprintf("bench: source %s: %v", id, err))
	}
	return s.Sources[0]
}

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

// onAir makes layers the programme of s.
func onAir(s *scenes.Show, layers ...scenes.Layer) *scenes.Show {
	s.Scenes = []scenes.Scene{{ID: "air", Name: "air", Layers: layers}}
	s.Start = scenes.Start{Program: "air"}
	return s
}

// whole is a source over the whole canvas.
func whole(s *scenes.Show, source string) scenes.Layer {
	return layer(source, 0, 0, float64(s.Canvas.Width), float64(s.Canvas.Height))
}

// The lower third in a canvas of 1080 lines.
const titleX, titleY, titleWidth, titleHeight = 210, 840, 1500, 180

// addTitle adds the lower third's source, of the canvas's size, and returns its layer.
func addTitle(s *scenes.Show) scenes.Layer {
	at := func(v int) int { return scaled(v, s.Canvas.Height) }
	s.Sources = append(s.Sources, source("name", "text", map[string]any{
		"text": "Ada Lovelace\nAnalytical Engine Society", "size": at(56), "color": "#ffffff",
		"box": "#182848d8", "box_softness": at(28), "box_padding": at(40), "width": at(titleWidth), "height": at(titleHeight),
	}))
	title := layer("name", float64(at(titleX)), float64(at(titleY)), float64(at(titleWidth)), float64(at(titleHeight)))
	title.Fit = scenes.None
	return title
}

func showP(m material) *scenes.Show {
	s := baseShow(m, hd30.width, hd30.height)
	return onAir(s, whole(s, "cam1"))
}

// titled has one camera under a lower third.
func titled(m material, width, height int) *scenes.Show {
	s := baseShow(m, width, height)
	return onAir(s, whole(s, "cam1"), addTitle(s))
}

func showA(m material) *scenes.Show { return titled(m, hd30.width, hd30.height) }

// showM has four cameras, all of them in the window's bank, as inputs and as scenes.
func showM(m material) *scenes.Show { return titled(m, 1280, 720) }

func showS(m material) *scenes.Show {
	s := titled(m, hd60.width, hd60.height)
	s.Canvas.FPS = media.Rational{Num: int64(hd60.rate), Den: 1}
	return s
}

func showC(m material) *scenes.Show {
	s := showA(m)
	for _, kind := range []string{"rtmp", "srt", "whip"} {
		s = sending(s, destination(kind, kind, m.urls[kind], 1))
	}
	return s
}

// sending is s with one more destination.
func sending(s *scenes.Show, d scenes.Destination) *scenes.Show {
	next, err := s.SetDestination(d)
	if err != nil {
		panic(fmt.Sprintf("bench: destination %q: %v", d.ID, err))
	}
	return next
}

// destination goes to the receiver of its protocol; n is its number among RTMP's.
func destination(id, kind, url string, n int) scenes.Destination {
	d := scenes.Destination{
		ID: id, Name: strings.ToUpper(id), Kind: kind, Rendition: "main", Enabled: true,
		Settings: settings(map[string]any{"url": url}),
	}
	if kind == "rtmp" {
		d.Credential = credential(n)
	}
	return d
}

// showDestinations is A to n RTMP destinations.
func showDestinations(n int) func(m material) *scenes.Show {
	return func(m material) *scenes.Show {
		s := showA(m)
		for i := range n {
			s = sending(s, destination(fmt.Sprintf("rtmp%d", i+1), "rtmp", m.urls["rtmp"], i+1))
		}
		return s
	}
}

// showTwo is A with a second rendition, which is recorded too.
func showTwo(m material) *scenes.Show {
	s := showA(m)
	s.Renditions = append(s.Renditions, rendition(s, "small", 1280, 720))
	return recorded(s, "small-file", "small", filepath.Join(m.dir, "small.mkv"))
}

// recorded adds a recording of a rendition, with every default that an editor would give it.
func recorded(s *scenes.Show, id, rendition, path string) *scenes.Show {
	s, err := s.SetRecording(scenes.Recording{ID: id, Name: id, Rendition: rendition, Settings: settings(map[string]any{
		"path": path, "container": "mkv",
	})})
	if err != nil {
		panic(fmt.Sprintf("bench: recording %s: %v", id, err))
	}
	return s
}

// quadPlaces are the four cameras of a quad split.
func quadPlaces(width, height int) []place {
	w, h := width/2, height/2
	return []place{{1, 0, 0, w, h}, {2, w, 0, w, h}, {3, 0, h, w, h}, {4, w, h, w, h}}
}

func showB(width, height int) func(m material) *scenes.Show {
	return func(m material) *scenes.Show {
		s := baseShow(m, width, height)
		var layers []scenes.Layer
		for _, p := range quadPlaces(width, height) {
			layers = append(layers, layer(camID(p.camera), float64(p.x), float64(p.y), float64(p.w), float64(p.h)))
		}
		return onAir(s, layers...)
	}
}

func showX(m material) *scenes.Show {
	s := baseShow(m, hd30.width, hd30.height)
	s.Transition.Kind, s.Transition.Frames = scenes.Mix, hd30.rate
	s.Start = scenes.Start{Program: "cam1", Preview: "cam2"}
	return s
}

// pictureInPicture has camera 2 in a corner of camera 1, away from its counter.
func pictureInPicture(s *scenes.Show) *scenes.Show {
	return onAir(s, whole(s, "cam1"), layer("cam2", 1392, 756, 480, 270))
}

// showSources has n cameras of which two are on air; the files are read by several, and
// those that are not on air wait.
func showSources(n int) func(m material) *scenes.Show {
	return func(m material) *scenes.Show {
		s := baseShow(m, hd30.width, hd30.height)
		for i := len(m.files); i < n; i++ {
			s.Sources = append(s.Sources, cameraSource(camID(i+1), m.files[i%len(m.files)]))
		}
		for i := range s.Sources {
			s.Sources[i].WhenIdle = scenes.IdleWait
		}
		return pictureInPicture(s)
	}
}

// showGraphics has two cameras, both on air, and graphics up to n sources.
func showGraphics(n int) func(m material) *scenes.Show {
	return func(m material) *scenes.Show {
		s := baseShow(m, hd30.width, hd30.height)
		for i := len(m.files); i < n; i++ {
			id := fmt.Sprintf("graphic%d", i)
			v := source(id, "text", map[string]any{"text": id, "width": 800, "height": 200})
			if i%2 == 1 {
				v = source(id, "color", map[string]any{"color": fmt.Sprintf("#%02x4080", i)})
			}
			s.Sources = append(s.Sources, v)
		}
		return pictureInPicture(s)
	}
}

// showLayers has a scene of n layers of which the topmost three are visible: half of
// the others are hidden, half are covered by a camera over the whole canvas.
func showLayers(n int) func(m material) *scenes.Show {
	return func(m material) *scenes.Show {
		s := baseShow(m, hd30.width, hd30.height)
		title := addTitle(s)
		var layers []scenes.Layer
		for i := range n - 3 {
			l := layer([]string{"cam2", "name", "cam1"}[i%3], float64(i*8), float64(i*4), 640, 360)
			l.Hidden = i%2 == 0
			layers = append(layers, l)
		}
		return onAir(s, append(layers, whole(s, "cam1"), layer("cam2", 1392, 60, 480, 270), title)...)
	}
}
