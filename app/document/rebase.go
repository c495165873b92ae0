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
// to as they did from folder from. What a kind's schema does not call a path, and what
// the kind is unknown of, stays as it is.
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
	out.Recordings = slices.Clone(show.Recordings)
	schema, _ := kinds.OutputSchema("record")
	for i, v := range out.Recordings {
		out.Recordings[i].Settings = rebaseSettings(v.Settings, schema, from, to)
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
		picker := form.Properties[key].Picker
		if picker != "file" && picker != "folder" || json.Unmarshal(settings[key], &path) != nil {
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
	slash := strings.HasSuffix(filepath.ToSlash(path), "/") // says that it is a folder
	if short, err := filepath.Rel(to, full); err == nil && filepath.IsLocal(short) {
		full = short
	}
	if slash {
		full += string(filepath.Separator)
	}
	return full
}
