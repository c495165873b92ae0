package engine

import (
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// TestPictureOfNoTexture: a layer that the GPU does not take is named, for as long as it is on programme.
func TestPictureOfNoTexture(t *testing.T) {
	doc := `{"format": 1, "canvas": {"width": 128, "height": 72}, "sources": [{"id": "long", "name": "The banner", "kind": "still"}],
		"scenes": [{"id": "with", "layers": [{"source": "long", "fit": "stretch", "rotation": 10}]}, {"id": "without"}]}`
	s := newStudio(t, parse(t, doc), media.NewVirtualClock(), nil)
	defer s.comp.Close()
	e := s.Engine
	in := e.newInput(scenes.Source{ID: "long", Name: "The banner", Kind: "still", Settings: []byte("{}")})
	in.current = media.NewFramePool(media.I420, 1<<17, 2, 1).Get()
	e.inputs["long"] = in
	for _, scene := range []string{"with", "without", "with"} {
		e.switcher.Program = scene
		e.compose(false)
		got, want := saidOf(e, "source left out"), map[string]string{"with": "The banner is not in the picture: the graphics card takes no picture of its size"}[scene]
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: said %q, want %q", scene, got, want)
		}
		if text := saidOf(e, "compositor"); text != "" {
			t.Errorf("%s: %s", scene, text)
		}
	}
	e.program.Release()
}
