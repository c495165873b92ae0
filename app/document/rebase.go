package document

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/scenes"
)

// rebase is show with relative paths in settings that mean the same files from folder
// to as they did from folder from. What a kind's schema does not call a file, and what
// the kind is unknown of, stays as it is; so do recordings, whose paths are relative to
// the folder for recordings.
func rebase(show *scenes.Show, from, to string, kinds scenes.KindCatalog) *scenes.Show {
	if filepath.Clean(from) == filepath.Clean(to) {
		return show
	}
	out := *show // lists are replaced, never written through
	out.Sources = slices.Clone(show.Sources)
	for i, v := range out.Sources {
		schema, _ := kinds.SourceSchema(v.Kind)
		out.Sources[i].Settings = rebaseSettings(v.Settings, schema, from, to)
	}
	out.Destinations = slices.Clone(show.Destinations)
	for i, v := range out.Destinations {
		schema, _ := kinds.OutputSchema(v.Kind)
		out.Destinations[i].Settings = rebaseSettings(v.Settings, schema, from, to)
	}
	return &out
}

func rebaseSettings(raw, schema json.RawMessage, from, to string) json.RawMessage {
	var form struct {
		Properties map[string]struct {
			Picker string `json:"x-picker"`
		} `json:"properties"`
	}
	var settings map[string]json.RawMessage
	if json.Unmarshal(schema, &form) != nil || json.Unmarshal(raw, &settings) != nil {
		return raw // an unknown kind, or no settings
	}
	changed := false
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		var path string
		if form.Properties[key].Picker != "file" || json.Unmarshal(settings[key], &path) != nil {
			continue
		}
		if path == "" || filepath.IsAbs(path) || strings.Contains(path, "://") {
			continue
		}
		moved, err := json.Marshal(rebasePath(path, from, to))
		if err == nil {
			settings[key], changed = moved, true
		}
	}
	if !changed {
		return raw
	}
	out, err := json.Marshal(settings)
	if err != nil {
		return raw
	}
	return out
}

// rebasePath stays relative where the file lies below to; elsewhere a folder that is
// moved alone would lose it, so it becomes absolute.
func rebasePath(path, from, to string) string {
	full := filepath.Join(from, path)
	if short, err := filepath.Rel(to, full); err == nil && filepath.IsLocal(short) {
		return short
	}
	return full
}
