package app

import (
	"bytes"
	"encoding/json"
	"testing"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// What reads --stats goes through its lists; none of them is ever null.
func TestStatsHaveListsOfNothing(t *testing.T) {
	show, err := scenes.Parse([]byte(`{"format":2}`))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	writeStats(&out, &engine.State{Show: show})
	var line map[string]json.RawMessage
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Sources", "Renditions", "Destinations", "Recordings", "Warnings"} {
		if got := string(line[name]); got != "[]" {
			t.Errorf("%s is %s, want []", name, got)
		}
	}
	if got, want := string(line["Show"]), `{"Name":"Untitled","Sources":[],"Scenes":[],"Overlays":[]}`; got != want {
		t.Errorf("Show is %s, want %s", got, want)
	}
}
