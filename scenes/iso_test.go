package scenes

import (
	"strings"
	"testing"
)

const isoShow = `{"format":2,
  "sources":[{"id":"cam1","kind":"bars"},{"id":"cam2","kind":"bars"}],
  "scenes":[{"id":"wide","layers":[{"source":"cam1"}]}],
  "renditions":[{"id":"main"},{"id":"fine"}],
  "iso":{"sources":["cam1","cam2"],"rendition":"fine","settings":{"path":"iso"}}}`

func TestISOFollowsItsSources(t *testing.T) {
	s := mustParse(t, isoShow)
	if !s.ISO.WithRecording || s.ISO.Rendition != "fine" || len(s.ISO.Sources) != 2 {
		t.Fatalf("read as %+v", s.ISO)
	}
	cam, _ := s.Source("cam2")
	cam.ID = "side"
	s, err := s.UpdateSource("cam2", cam)
	if err != nil || s.ISO.Sources[1] != "side" {
		t.Fatalf("after a rename: %+v, %v", s.ISO, err)
	}
	if s, err = s.RemoveSource("side", false); err != nil || len(s.ISO.Sources) != 1 {
		t.Fatalf("after the source has gone: %v", err)
	}
	if _, err := s.RemoveRendition("fine", false); err == nil {
		t.Error("the rendition in use was removed")
	}
	if s, err = s.RemoveRendition("fine", true); err != nil || s.ISO.Rendition != "" {
		t.Fatalf("after its rendition has gone: %v", err)
	}
	if _, err := s.SetISO(ISO{Sources: []string{"cam1", "nobody"}}); err == nil || !strings.Contains(err.Error(), `there is no source "nobody"`) {
		t.Errorf("an unknown source: %v", err)
	}
}

func TestOldShowsHaveNoISO(t *testing.T) {
	s := mustParse(t, `{"format":2}`)
	if len(s.ISO.Sources) != 0 || !s.ISO.WithRecording || string(s.ISO.Settings) != "{}" {
		t.Errorf("read as %+v", s.ISO)
	}
}

// TestOldShowsEncode: a file without the field records what it did before there was one, and
// goes on to say so; new shows copy what can be copied.
func TestOldShowsEncode(t *testing.T) {
	old := mustParse(t, isoShow)
	if old.ISO.Codec != ISOEncode {
		t.Errorf("an older show has %q", old.ISO.Codec)
	}
	if old, err := old.SetISO(ISO{Sources: []string{"cam1"}}); err != nil || old.ISO.Codec != ISOEncode {
		t.Errorf("after another choice by an older client: %v, %v", old.ISO, err)
	}
	fresh := Default()
	if fresh.ISO.Codec != ISOAuto {
		t.Errorf("a new show has %q", fresh.ISO.Codec)
	}
	raw, err := fresh.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if again := mustParse(t, string(raw)); again.ISO.Codec != ISOAuto {
		t.Errorf("saved and opened it has %q", again.ISO.Codec)
	}
}

func TestISOMistakes(t *testing.T) {
	doc := strings.Replace(isoShow, `["cam1","cam2"],"rendition":"fine"`, `["cam1","cam1","wide","x"],"rendition":"main2"`, 1)
	got := Validate([]byte(doc), nil)
	if len(got) != 4 {
		t.Fatalf("mistakes: %v", got)
	}
	for i, want := range []string{"in this list already", `"wide" is a scene`, `there is no source "x"`, `there is no rendition "main2"`} {
		if !strings.Contains(got[i].Message, want) {
			t.Errorf("mistake %d: %v, want %q", i, got[i], want)
		}
	}
}
