package app

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/assets"
	"crosspoint.studio/crosspoint/scenes"
)

// cli runs the program in this process.
func cli(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Main(args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestDemoShowIsValid(t *testing.T) {
	for _, m := range scenes.Validate(assets.Demo, newCatalog()) {
		t.Error(m)
	}
}

func TestKindsAreWellFormed(t *testing.T) {
	for name, k := range sourceKinds() {
		if k.Title == "" || k.Pacing == 0 || k.New == nil || len(k.Schema) == 0 || !k.HasVideo && !k.HasAudio {
			t.Errorf("source kind %q is incomplete", name)
		}
	}
	for name, k := range outputKinds() {
		if k.Title == "" || k.New == nil || len(k.Schema) == 0 || len(k.Video) == 0 || len(k.Audio) == 0 {
			t.Errorf("output kind %q is incomplete", name)
		}
	}
}

// Forms are drawn from what schemas say besides JSON Schema (sources.Kind.Schema).
func TestSchemasAreFormsToo(t *testing.T) {
	kinds := newCatalog()
	units := []string{"", "px", "s", "ms", "Hz", "dBFS", "fps", "bytes", "bits", "kb/s", "min", "MB"}
	pickers := []string{"", "camera", "microphone", "screen", "window", "font", "file", "folder", "color", "text"}
	check := func(kind string, schema json.RawMessage) {
		var doc struct {
			Properties map[string]struct {
				Title  string
				Order  int    `json:"x-order"`
				Unit   string `json:"x-unit"`
				Picker string `json:"x-picker"`
				Files  string `json:"x-files"`
			}
		}
		if err := json.Unmarshal(schema, &doc); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		places := map[int]string{}
		for name, p := range doc.Properties {
			if p.Order < 1 || places[p.Order] != "" {
				t.Errorf("%s: %s has place %d, as has %q", kind, name, p.Order, places[p.Order])
			}
			places[p.Order] = name
			if !slices.Contains(units, p.Unit) || !slices.Contains(pickers, p.Picker) || strings.Contains(p.Title, "(") {
				t.Errorf("%s: %s: title %q, unit %q, picker %q", kind, name, p.Title, p.Unit, p.Picker)
			}
			if (p.Picker == "file") != (p.Files != "") {
				t.Errorf("%s: %s: picker %q of files %q", kind, name, p.Picker, p.Files)
			}
		}
	}
	for name, k := range kinds.sources {
		check(name, k.Schema)
	}
	for name, k := range kinds.outputs {
		check(name, k.Schema)
	}
}

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(bad, []byte(`{"format":1,"sources":[{"id":"a","kind":"synthetic","settings":{"camera":99}}],"scenes":[{"id":"s","layers":[{"source":"b"}]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		args    []string
		status  int
		out, er string
	}{
		{"version", []string{"version"}, 0, "crosspoint " + Version + " (FFmpeg 7", ""},
		{"help", []string{"help"}, 0, "rehearse", ""},
		{"schema", []string{"schema"}, 0, `"$schema"`, ""},
		{"valid", []string{"validate", "demo"}, 0, "is a valid show", ""},
		{"dangling id", []string{"validate", bad}, 1, "$.scenes[0].layers[0].source", ""},
		{"bad settings", []string{"validate", bad}, 1, "$.sources[0].settings.camera", ""},
		{"no such file", []string{"validate", filepath.Join(dir, "none.json")}, 1, "", "cannot be read"},
		{"no such command", []string{"fly", "away"}, 2, "", `there is no command "fly"`},
		{"no such flag", []string{"run", "--fast"}, 2, "", "unknown flag"},
		{"render without length", []string{"render", "demo", "--output", "x.mkv"}, 2, "", "crosspoint render needs --duration"},
		{"render of no length", []string{"render", "demo", "--output", "x.mkv", "--duration", "0s"}, 2, "", "--duration 0s: it has to be more than nothing"},
		{"render of nothing", []string{"render", "--output", "x.mkv", "--duration", "1s"}, 2, "", "crosspoint render needs the name of a show file"},
		{"run for no time", []string{"run", "--headless", "demo", "--for", "-5s"}, 2, "", "--for -5s: it has to be more than nothing"},
		{"an empty name", []string{"run", "--headless", ""}, 2, "", "the file's name is empty"},
		{"two shows", []string{"validate", "a", "b"}, 2, "", "crosspoint validate takes one file; there are 2: a b"},
		{"an argument too many", []string{"probe", "x"}, 2, "", `"x": crosspoint probe takes no arguments`},
		{"a folder", []string{"validate", dir}, 1, "", "cannot be read: it is a folder"},
		{"a long name", []string{"render", "demo", "--duration", "1s", "--output", filepath.Join(dir, "none", strings.Repeat("é", 300)+".mkv")}, 1, "", "does not exist"},
		{"no such folder to render to", []string{"render", "demo", "--duration", "1s", "--output", filepath.Join(dir, "none", "x.mkv")}, 1, "", "does not exist"},
		{"recording of no container", []string{"run", "--headless", "demo", "--record", filepath.Join(dir, "x.avi")}, 1, "", "ends in .mkv, .mp4, .mov or .ts"},
		{"show with mistakes", []string{"run", "--headless", bad}, 1, "", "$.scenes[0].layers[0].source"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, out, errs := cli(t, c.args...)
			if n := strings.Count(errs, "\n"); c.status != 0 && n > 2 {
				t.Errorf("%d lines for one mistake:\n%s", n, errs)
			}
			if status != c.status || !strings.Contains(out, c.out) || !strings.Contains(errs, c.er) {
				t.Errorf("%v: status %d (want %d)\nstdout: %s\nstderr: %s", c.args, status, c.status, out, errs)
			}
		})
	}
}

// A show without renditions is one, and cannot be recorded.
func TestRecordingWithoutRendition(t *testing.T) {
	show, err := scenes.Parse([]byte(`{"format":2,"canvas":{"width":640,"height":360,"fps":"30"},"renditions":[]}`))
	if err != nil || len(show.Renditions) > 0 {
		t.Fatalf("%v, %v", show, err)
	}
	if _, _, err := recordingTo(show, filepath.Join(t.TempDir(), "out.mkv")); err == nil || !strings.Contains(err.Error(), "no rendition") {
		t.Errorf("recordingTo: %v", err)
	}
}
