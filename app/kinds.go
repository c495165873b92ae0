package app

import (
	"encoding/json"
	"sort"

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

// sourceKinds lists the kinds of source: one line for a new kind.
func sourceKinds() map[string]sources.Kind {
	return byName(func(k sources.Kind) string { return k.Name },
		sources.File(),
		sources.Network(),
		sources.Camera(),
		sources.Screen(),
		sources.Microphone(),
		sources.Image(),
		sources.Text(),
		sources.Clock(),
		sources.Colour(),
		sources.Bars(),
		sources.Synthetic(),
		sources.Replay(),
	)
}

// outputKinds lists the kinds of destination: one line for a new kind.
func outputKinds() map[string]outputs.Kind {
	return byName(func(k outputs.Kind) string { return k.Name },
		rtmp.Kind(),
		srt.Kind(),
		whip.Kind(),
		ts.UDP(),
		ts.RIST(),
		pipe.Kind(),
		camera.Kind(),
		record.Kind(),
	)
}

func byName[K any](name func(K) string, kinds ...K) map[string]K {
	m := make(map[string]K, len(kinds))
	for _, k := range kinds {
		m[name(k)] = k
	}
	return m
}

// catalog tells package scenes what settings each kind takes.
type catalog struct {
	sources map[string]sources.Kind
	outputs map[string]outputs.Kind

	files bool   // those that settings name have to be there
	dir   string // what their paths are relative to
}

func newCatalog() catalog {
	c := catalog{sources: sourceKinds(), outputs: outputKinds()}
	for _, name := range []string{"rtmp", "srt", "whip"} {
		k := c.outputs[name]
		k.Schema = allowRehearsal(k.Schema)
		c.outputs[name] = k
	}
	return c
}

// allowRehearsal lets a destination's url be "rehearsal:", which no kind knows: the
// app puts the built-in receiver's address in its place.
func allowRehearsal(schema json.RawMessage) json.RawMessage {
	var doc map[string]any
	if json.Unmarshal(schema, &doc) != nil {
		return schema
	}
	properties, _ := doc["properties"].(map[string]any)
	url, _ := properties["url"].(map[string]any)
	pattern, ok := url["pattern"].(string)
	if !ok {
		return schema
	}
	url["pattern"] = "^" + rehearsal + "$|" + pattern
	out, err := json.Marshal(doc)
	if err != nil {
		return schema
	}
	return out
}

// SourceKinds implements scenes.KindCatalog.
func (c catalog) SourceKinds() []string { return sorted(c.sources) }

// SourceSchema implements scenes.KindCatalog.
func (c catalog) SourceSchema(kind string) (json.RawMessage, bool) {
	k, ok := c.sources[kind]
	return k.Schema, ok
}

// OutputKinds implements scenes.KindCatalog.
func (c catalog) OutputKinds() []string { return sorted(c.outputs) }

// OutputSchema implements scenes.KindCatalog.
func (c catalog) OutputSchema(kind string) (json.RawMessage, bool) {
	k, ok := c.outputs[kind]
	return k.Schema, ok
}

func sorted[K any](m map[string]K) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
