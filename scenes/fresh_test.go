package scenes

import (
	"regexp"
	"strings"
	"testing"
)

func TestFreshID(t *testing.T) {
	s := Default()
	s.Sources = []Source{{ID: "camera"}, {ID: "camera-2"}, {ID: "clip-7"}, {ID: strings.Repeat("x", 64)}}
	s.Scenes = []Scene{{ID: "wide"}}
	s.Overlays = []Overlay{{ID: "lower-third"}}
	for base, want := range map[string]string{
		"Title": "title", "Camera": "camera-3", "clip-7": "clip-8", "Wide": "wide-2", "Lower third": "lower-third-2",
		"main": "main-2", "pgm": "pgm-2", // a rendition and a programme
		"": "item", "日本": "item", "  --  ": "item", "Öl & Wasser": "l-wasser", "a..b/c": "a-b-c", "under_score": "under_score",
		strings.Repeat("x", 70): strings.Repeat("x", 62) + "-2",
		strings.Repeat("y", 70): strings.Repeat("y", 64),
	} {
		if got := s.FreshID(base); got != want {
			t.Errorf("FreshID(%q) = %q, want %q", base, got, want)
		}
	}
}

func TestFreshIDIsAlwaysAnIDAndFree(t *testing.T) {
	legal := regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	for _, base := range []string{"Camera", "x-1048576", "x-99999999999999999999", "-", strings.Repeat("long name ", 20), "\x00\xff", "-2"} {
		s := Default()
		for range 5 {
			id := s.FreshID(base)
			if !legal.MatchString(id) {
				t.Fatalf("FreshID(%q) = %q is no id", base, id)
			}
			n, err := s.AddSource(Source{ID: id, Kind: "color"})
			if err != nil {
				t.Fatalf("the id %q made from %q: %v", id, base, err)
			}
			s = n
		}
	}
}

// TestFitName: whatever it is made from, a show takes the name, and its end can be read.
func TestFitName(t *testing.T) {
	long := strings.Repeat("ö", 199)
	for _, c := range []struct{ name, end, want string }{
		{"Camera", "", "Camera"},
		{"Camera", " copy", "Camera copy"},
		{long + "x", "", long + "x"},
		{long + "xy", "", long + "…"},
		{long, " copy", strings.Repeat("ö", 194) + "… copy"},
		{strings.Repeat("日", 195), " copy", strings.Repeat("日", 195) + " copy"},
	} {
		got := FitName(c.name, c.end)
		if got != c.want {
			t.Errorf("FitName(%q, %q) = %q, want %q", c.name, c.end, got, c.want)
		}
		if _, err := Default().AddSource(Source{ID: "a", Name: got, Kind: "color"}); err != nil {
			t.Errorf("the name made from %q and %q: %v", c.name, c.end, err)
		}
	}
	if _, err := Default().AddSource(Source{ID: "a", Name: strings.Repeat("x", maxName+1), Kind: "color"}); err == nil {
		t.Error("a show takes longer names")
	}
}
