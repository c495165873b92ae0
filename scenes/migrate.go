package scenes

import (
	"encoding/json"
	"fmt"
	"math"
)

// migration brings a raw document of one format to the next. It works on the
// document, not on a Show, so that it keeps meaning when Show changes.
type migration struct {
	from  int
	what  string
	apply func(doc map[string]any) error // numbers are json.Number
}

// migrations are in order, without gaps, and end at Format. Format 1 is the first.
var migrations = []migration{
	// Everything new has a default that sounds as before.
	{1, "sound has buses, inserts and sends", func(map[string]any) error { return nil }},
}

// formatOf is the "format" of a document; 0 is not a format but what a document
// without one has.
func formatOf(root *node) int {
	f := root.num("format", 0)
	if f != math.Trunc(f) || f < 0 || f > math.MaxInt32 {
		return 0
	}
	return int(f)
}

// migrate brings a document to the format that the table ends at. It returns nil
// when there is nothing to do.
func migrate(root *node, table []migration) ([]byte, error) {
	format := formatOf(root)
	doc, ok := root.plain().(map[string]any)
	if !ok || root.get("format") == nil {
		return nil, nil
	}
	changed := false
	for _, m := range table {
		if m.from != format {
			continue
		}
		if err := m.apply(doc); err != nil {
			return nil, fmt.Errorf("bringing the show from format %d to %d (%s): %w", m.from, m.from+1, m.what, err)
		}
		format = m.from + 1
		doc["format"] = format
		changed = true
	}
	if !changed {
		return nil, nil
	}
	return json.Marshal(doc)
}
