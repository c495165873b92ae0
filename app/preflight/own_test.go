package preflight

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"crosspoint.studio/crosspoint/scenes/sources"
)

func sourceKinds() map[string]sources.Kind {
	m := map[string]sources.Kind{}
	for _, k := range []sources.Kind{sources.Camera(), sources.File(), sources.Microphone(), sources.Colour()} {
		m[k.Name] = k
	}
	return m
}

// TestSourcesOnTheirOwnAreTried: what ISO recordings and the replay buffer encode is among the
// encoders that are tried together, and what they write is in the rates of their disks.
func TestSourcesOnTheirOwnAreTried(t *testing.T) {
	const all = `"sources": ["cam1", "cam2", "clip", "mic", "still"]`
	cam1, cam2, clip := "Camera 1 on its own 640x360", "cam2 on its own 1280x720", "clip on its own 1280x720"
	for _, c := range []struct {
		name, iso, replay string
		encodes           []string
		kbps              int // to the folder for recordings, beside the programme's 3160
	}{
		{"nothing", `{}`, `{}`, nil, 0},
		{"auto", `{"codec": "auto", ` + all + `}`, `{}`, []string{cam1, cam2}, 3*2200 + 1000},
		{"encode", `{"codec": "encode", ` + all + `}`, `{}`, []string{cam1, cam2, clip}, 3*2200 + 1000},
		{"copy", `{"codec": "copy", "sources": ["clip"]}`, `{}`, nil, 2200},
		{"an angle is one with its recording", `{"sources": ["cam1"]}`, `{"angles": ["cam1", "clip"]}`, []string{cam1, clip}, 2200},
		{"a rendition of the replay buffer's own", `{}`, `{"rendition": "fine"}`, []string{"fine 1280x720"}, 0},
	} {
		dir := t.TempDir()
		o := Options{Kinds: kinds(), SourceKinds: sourceKinds(), RecordDir: dir, Show: parse(t, fmt.Sprintf(`{"format": 2, "canvas": {"width": 1280, "height": 720, "fps": "30"},
			"sources": [{"id": "cam1", "name": "Camera 1", "kind": "camera", "settings": {"device": "/dev/video0", "width": 640, "height": 360}},
				{"id": "cam2", "kind": "camera", "settings": {"device": "/dev/video1"}}, {"id": "clip", "kind": "file", "settings": {"path": "a.mp4"}},
				{"id": "mic", "kind": "microphone", "settings": {}}, {"id": "still", "kind": "color", "settings": {}}],
			"renditions": [{"id": "main", "video": {"bitrate_kbps": 3000}}, {"id": "fine", "video": {"bitrate_kbps": 2000, "frame_divisor": 2}, "audio": {"bitrate_kbps": 200}}],
			"recordings": [{"id": "rec", "rendition": "main"}], "iso": %s, "replay": %s}`, withRendition(c.iso), c.replay))}
		var got []string
		for _, r := range o.renditions() {
			if r.ID != "main" {
				got = append(got, fmt.Sprintf("%s %dx%d", r.ID, r.Video.Width, r.Video.Height))
			}
			if r.ID == "Camera 1 on its own" && r.Video.FrameDivisor != 1 {
				t.Errorf("%s: a source on its own has every picture, not every %d.", c.name, r.Video.FrameDivisor)
			}
		}
		if !slices.Equal(got, c.encodes) {
			t.Errorf("%s: encoded besides the programme's: %q, want %q", c.name, got, c.encodes)
		}
		if got := o.recordDirs(); len(got) != 1 || got[0] != (recordDir{dir, 3160 + c.kbps}) {
			t.Errorf("%s: written is %+v, want %d kb/s to %s", c.name, got, 3160+c.kbps, dir)
		}
	}
}

// withRendition is the object with the rendition "fine".
func withRendition(iso string) string {
	if iso == "{}" {
		return iso
	}
	return `{"rendition": "fine", ` + iso[1:]
}

// TestFoldersOfSourcesAndReplays: they are made where they are missing, so what is there of
// them is looked at; what is on one disk is counted together.
func TestFoldersOfSourcesAndReplays(t *testing.T) {
	dir := t.TempDir()
	iso, replays := filepath.Join(dir, "iso"), filepath.Join(dir, "replays")
	if err := os.Mkdir(iso, 0o700); err != nil {
		t.Fatal(err)
	}
	o := Options{Kinds: kinds(), SourceKinds: sourceKinds(), RecordDir: dir, Show: parse(t, `{"format": 2, "canvas": {"width": 1280, "height": 720, "fps": "30"},
		"sources": [{"id": "cam", "kind": "camera", "settings": {"device": "/dev/video0"}}],
		"renditions": [{"id": "main", "video": {"bitrate_kbps": 3000}}],
		"recordings": [{"id": "rec"}],
		"iso": {"sources": ["cam"], "settings": {"path": "iso/evening/cameras", "spill": "/nowhere/at/all"}},
		"replay": {"settings": {"path": "replays"}}}`)}
	want := []recordDir{{dir, 2 * 3160}, {iso, 2 * 3160}, {"/nowhere/at/all", 3160}}
	if got := o.recordDirs(); !slices.Equal(got, want) {
		t.Errorf("written is %+v, want %+v", got, want)
	}
	if err := os.Mkdir(replays, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := o.recordDirs(); !slices.Contains(got, recordDir{replays, 2 * 3160}) {
		t.Errorf("written is %+v, and nothing to %s", got, replays)
	}
}
