package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/camera"
	"crosspoint.studio/crosspoint/outputs/pipe"
	"crosspoint.studio/crosspoint/outputs/record"
	"crosspoint.studio/crosspoint/outputs/rtmp"
	"crosspoint.studio/crosspoint/outputs/srt"
	"crosspoint.studio/crosspoint/outputs/ts"
	"crosspoint.studio/crosspoint/outputs/whip"
	"crosspoint.studio/crosspoint/scenes/sources"
)

var binDir string

func TestMain(m *testing.M) {
	av.RouteLogs(nil)
	dir, err := os.MkdirTemp("", "crosspoint-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binDir = dir
	// What programs remember from run to run is not to be this user's, nor another test's.
	if err := os.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // a leftover in the temporary folder harms nobody
	os.Exit(code)
}

// built makes the program, once.
var built = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(binDir, "crosspoint")
	cmd := exec.Command("go", "build", "-o", bin, "crosspoint.studio/crosspoint")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return bin, nil
})

// program is the path of the built program.
func program(t testing.TB) string {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

func sourceKinds() map[string]sources.Kind {
	m := map[string]sources.Kind{}
	for _, k := range []sources.Kind{
		sources.Synthetic(), sources.Bars(), sources.Colour(), sources.Image(), sources.Text(), sources.Clock(),
		sources.File(), sources.Network(), sources.Microphone(), sources.Replay(),
	} {
		m[k.Name] = k
	}
	return m
}

func outputKinds() map[string]outputs.Kind {
	m := map[string]outputs.Kind{}
	for _, k := range []outputs.Kind{rtmp.Kind(), srt.Kind(), whip.Kind(), ts.UDP(), ts.RIST(), pipe.Kind(), camera.Kind(), record.Kind()} {
		m[k.Name] = k
	}
	return m
}

// object is a JSON object under construction.
type object = map[string]any

// document is a show file: canvas and what differs from the defaults.
func document(t testing.TB, width, height, fps int, rest object) []byte {
	t.Helper()
	doc := object{"format": 1, "name": strings.TrimPrefix(t.Name(), "Test"),
		"canvas": object{"width": width, "height": height, "fps": fmt.Sprint(fps), "color": "bt709"}}
	for k, v := range rest {
		doc[k] = v
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// cameras are n synthetic cameras "cam1".. of which only the first is heard, so that a
// beep has one flash that it belongs to.
func cameras(n int) []object {
	var list []object
	for i := 1; i <= n; i++ {
		list = append(list, object{"id": fmt.Sprintf("cam%d", i), "kind": "synthetic", "settings": object{"camera": i},
			"audio": object{"muted": i > 1}})
	}
	return list
}

// cameraScenes put each camera on the whole canvas: "s1"..
func cameraScenes(n int) []object {
	var list []object
	for i := 1; i <= n; i++ {
		list = append(list, object{"id": fmt.Sprintf("s%d", i), "layers": []object{{"source": fmt.Sprintf("cam%d", i)}}})
	}
	return list
}
