package scenes

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/assets"
)

func sceneIDs(s *Show) string {
	var out []string
	for _, v := range s.Scenes {
		out = append(out, v.ID)
	}
	return strings.Join(out, " ")
}

func TestRemoveListsUsers(t *testing.T) {
	s := mustParse(t, string(assets.Demo))
	_, err := s.RemoveSource("cam2", false)
	var used *InUseError
	if !errors.As(err, &used) || !slices.Equal(used.Users, []string{`scene "scene2"`, `scene "quad"`, `scene "pip"`}) {
		t.Errorf("RemoveSource of a used source: %v", err)
	}
	n, err := s.RemoveSource("cam2", true)
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Sources) != 5 || len(n.Scenes[1].Layers) != 0 || len(n.Scenes[4].Layers) != 3 || len(s.Scenes[4].Layers) != 4 {
		t.Errorf("after a cascade: %d sources, layers %d and %d; before: %d", len(n.Sources), len(n.Scenes[1].Layers), len(n.Scenes[4].Layers), len(s.Scenes[4].Layers))
	}
	if _, err := s.RemoveScene("scene1", false); !errors.As(err, &used) || used.Users[0] != "the programme at the start" {
		t.Errorf("RemoveScene of the start: %v", err)
	}
	if n, err = s.RemoveScene("scene1", true); err != nil || n.Start.Program != "" {
		t.Errorf("RemoveScene with cascade: %v", err)
	}
	if _, err := s.RemoveRendition("main", false); !errors.As(err, &used) || len(used.Users) != 4 {
		t.Errorf("RemoveRendition in use: %v", err)
	}
	if n, err = s.RemoveRendition("main", true); err != nil || len(n.Destinations)+len(n.Recordings) != 0 {
		t.Errorf("RemoveRendition with cascade: %v", err)
	}
	var unknown *UnknownError
	if _, err := s.RemoveOverlay("quad"); !errors.As(err, &unknown) || err.Error() != `there is no overlay "quad"` {
		t.Errorf("RemoveOverlay of a scene: %v", err)
	}
}

func TestUpdateRenames(t *testing.T) {
	s := mustParse(t, string(assets.Demo))
	cam, _ := s.Source("cam1")
	cam.ID = "wide"
	n, err := s.UpdateSource("cam1", cam)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"scene1", "quad", "pip"} {
		if v, _ := n.Scene(id); v.Layers[0].Source != "wide" {
			t.Errorf("%s still shows %s", id, v.Layers[0].Source)
		}
	}
	v, _ := n.Scene("scene1")
	v.ID = "start"
	if n, err = n.UpdateScene("scene1", v); err != nil || n.Start.Program != "start" {
		t.Errorf("the start follows a renamed scene: %v", err)
	}
	if _, err := n.UpdateScene("quad", Scene{ID: "pip"}); err == nil {
		t.Error("an id that is taken was accepted")
	}
}

func TestReorder(t *testing.T) {
	s := mustParse(t, string(assets.Demo))
	for _, tt := range []struct {
		id   string
		to   int
		want string
	}{
		{"quad", 0, "quad scene1 scene2 scene3 scene4 pip"},
		{"scene1", 5, "scene2 scene3 scene4 quad pip scene1"},
		{"scene2", 2, "scene1 scene3 scene2 scene4 quad pip"},
	} {
		n, err := s.Reorder(tt.id, tt.to)
		if err != nil || sceneIDs(n) != tt.want {
			t.Errorf("Reorder(%s, %d) = %v; want %s", tt.id, tt.to, err, tt.want)
		}
	}
	if sceneIDs(s) != "scene1 scene2 scene3 scene4 quad pip" {
		t.Errorf("the show before is now %s", sceneIDs(s))
	}
	if _, err := s.Reorder("quad", 6); err == nil {
		t.Error("Reorder past the end succeeded")
	}
	if _, err := s.Reorder("nowhere", 0); err == nil {
		t.Error("Reorder of nothing succeeded")
	}
}

func TestEditsRefuseMistakes(t *testing.T) {
	s := mustParse(t, string(assets.Demo))
	layer := NewLayer("cam1")
	layer.X = math.NaN()
	for name, edit := range map[string]func() (*Show, error){
		"cycle":         func() (*Show, error) { return s.SetLayers("quad", []Layer{NewLayer("quad")}) },
		"dangling":      func() (*Show, error) { return s.SetLayers("lower", []Layer{NewLayer("cam9")}) },
		"not a number":  func() (*Show, error) { return s.SetLayers("quad", []Layer{layer}) },
		"taken":         func() (*Show, error) { return s.AddSource(Source{ID: "quad", Kind: "clock"}) },
		"taken overlay": func() (*Show, error) { return s.SetOverlay(Overlay{ID: "quad"}) },
		"gain":          func() (*Show, error) { return s.SetStrip("cam1", Strip{GainDB: 25}) },
		"no rendition": func() (*Show, error) {
			return s.SetRecording(Recording{ID: "iso", Rendition: "4k"})
		},
		"fade":       func() (*Show, error) { return s.SetFadeToBlack(FadeToBlack{}) },
		"no overlay": func() (*Show, error) { return s.SetOverlayOn("quad", true) },
		"settings": func() (*Show, error) {
			return s.SetDestination(Destination{ID: "x", Kind: "srt", Settings: []byte("{")})
		},
	} {
		if n, err := edit(); err == nil || n != nil {
			t.Errorf("%s: %v, %v; want an error", name, n, err)
		}
	}
}

func TestEditsShareWhatTheyDoNotChange(t *testing.T) {
	s := mustParse(t, string(assets.Demo))
	n, err := s.SetOverlayOn("lower", false)
	if err != nil {
		t.Fatal(err)
	}
	if &n.Scenes[0] != &s.Scenes[0] || &n.Sources[0] != &s.Sources[0] {
		t.Error("scenes or sources were copied by an edit of an overlay")
	}
	if v, _ := n.Overlay("lower"); v.On || !s.Overlays[0].On {
		t.Error("the overlay was not changed, or changed in the old show too")
	}
	if n, err = n.RemoveDestination("srt"); err != nil || len(n.Destinations) != 2 {
		t.Errorf("RemoveDestination: %v", err)
	}
	if n, err = n.RemoveRecording("rec"); err != nil || len(n.Recordings) != 0 {
		t.Errorf("RemoveRecording: %v", err)
	}
}

// A rendition that simulcast sends along is in use; with cascade only that use goes.
func TestRemoveSimulcastRendition(t *testing.T) {
	s, err := Parse([]byte(`{"format":2,"renditions":[{"id":"main"},{"id":"low"}],"destinations":[{"id":"w","kind":"whip","settings":{"url":"https://a/b"},"simulcast":["low"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var used *InUseError
	if _, err := s.RemoveRendition("low", false); !errors.As(err, &used) {
		t.Errorf("RemoveRendition in use: %v", err)
	}
	n, err := s.RemoveRendition("low", true)
	if err != nil || len(n.Destinations) != 1 || len(n.Destinations[0].Simulcast) != 0 {
		t.Errorf("with cascade: %v, %+v", err, n)
	}
	if len(s.Destinations[0].Simulcast) != 1 {
		t.Error("the show before has changed")
	}
}
