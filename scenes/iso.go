package scenes

import (
	"encoding/json"
	"fmt"
	"slices"
)

// ISO says which sources are recorded on their own, each to a file of its own, and how.
type ISO struct {
	// Sources are ids of sources, each at most once.
	Sources []string `json:"sources"`
	// Rendition is the id of the rendition whose codec, preset, keyframes and bitrates
	// are used; empty: the first. The size is the source's own.
	Rendition string `json:"rendition"`
	// Codec is how they are coded: ISOAuto, ISOCopy or ISOEncode. Default says ISOAuto; a
	// show without it was written before sources were copied, and is ISOEncode.
	Codec string `json:"codec"`
	// WithRecording starts and stops them with the recordings of the programme.
	WithRecording bool `json:"with_recording"`
	// Settings are the output kind record's; its path is a folder here.
	Settings json.RawMessage `json:"settings"`
}

// How ISO recordings are coded.
const (
	ISOAuto   = "auto"   // as the source comes where that can be, else encoded
	ISOCopy   = "copy"   // as the source comes; what cannot be is not recorded
	ISOEncode = "encode" // what the studio had of the source at every tick
)

// UnmarshalJSON implements json.Unmarshaler.
func (v *ISO) UnmarshalJSON(b []byte) error {
	type plain ISO
	p := plain{WithRecording: true}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*v = ISO(p)
	return nil
}

// completeISO is v without holes, in memory of its own.
func completeISO(v ISO) ISO {
	v.Sources = nonNil(slices.Clone(v.Sources))
	v.Settings = compact(v.Settings)
	if v.Codec == "" {
		v.Codec = ISOEncode
	}
	return v
}

// Untouched: it is what a show has that says nothing of ISO recordings.
func (v ISO) Untouched() bool {
	v = completeISO(v)
	return len(v.Sources) == 0 && v.Rendition == "" && v.Codec == ISOEncode && v.WithRecording && (len(v.Settings) == 0 || string(v.Settings) == "{}")
}

// SetISO changes which sources are recorded on their own, and how.
func (s *Show) SetISO(v ISO) (*Show, error) {
	return s.edit(func(n *Show) error { n.ISO = completeISO(v); return nil })
}

// renameISO makes references of the ISO recordings and the replay buffer from one to to;
// without to they are dropped.
func (s *Show) renameISO(from, to string) {
	for _, list := range []*[]string{&s.ISO.Sources, &s.Replay.Angles} {
		i := slices.Index(*list, from)
		if i < 0 {
			continue
		}
		*list = slices.Clone(*list)
		if to == "" {
			*list = slices.Delete(*list, i, i+1)
		} else {
			(*list)[i] = to
		}
	}
	for _, id := range []*string{&s.ISO.Rendition, &s.Replay.Rendition} {
		if *id == from {
			*id = to
		}
	}
}

// iso checks what the ISO recordings and the replay buffer refer to.
func (c *examination) iso() {
	c.sourceList("iso", "sources")
	c.sourceList("replay", "angles")
}

// sourceList checks an object with a rendition and a list of sources.
func (c *examination) sourceList(owner, list string) {
	n := c.root.get(owner)
	if n == nil || n.kind != '{' {
		return
	}
	c.reference(n, "$."+owner, "rendition", "renditions")
	seen := map[string]bool{}
	for i, v := range n.get(list).list() {
		path := element("$."+owner+"."+list, i)
		if v.kind != '"' {
			continue // the schema has said so
		}
		switch known, exists := c.names[v.text]; {
		case seen[v.text]:
			c.add(v.start, path, "%q is in this list already", v.text)
		case !exists:
			c.add(v.start, path, "there is no source %q%s", v.text, c.didYouMean(v.text, c.candidates("sources")))
		case known.list != "sources":
			c.add(v.start, path, "%q is %s; this must be the id of a source", v.text, what(known.list))
		}
		seen[v.text] = true
	}
}

// isoSettings checks the settings of ISO recordings and saved replays against the
// catalogue.
func (c *examination) isoSettings() {
	raw, known := c.kinds.OutputSchema(RecordingKind)
	if !known {
		return
	}
	for _, owner := range []string{"iso", "replay"} {
		settings := c.root.get(owner).get("settings")
		if settings == nil || settings.kind != '{' {
			continue
		}
		if owner == "replay" {
			raw = placeOf(raw)
		}
		path := "$." + owner + ".settings"
		compiled, err := compile("https://crosspoint.studio/schema/"+owner+"-record.json", raw)
		if err != nil {
			c.add(settings.start, path, "the program's own schema of kind %q is broken: %v", RecordingKind, err)
			continue
		}
		c.schema(path, settings, compiled, settings.start, false)
	}
}

// placeOf is the schema of recordings without what saved replays have no use for: they have a
// folder and a container.
func placeOf(raw json.RawMessage) json.RawMessage {
	var doc map[string]any
	if json.Unmarshal(raw, &doc) != nil {
		return raw // which is said
	}
	properties, _ := doc["properties"].(map[string]any)
	for name := range properties {
		if name != "path" && name != "container" {
			delete(properties, name)
		}
	}
	place, err := json.Marshal(doc)
	if err != nil {
		return raw
	}
	return place
}

// isoUsers are the ISO recordings and the replay buffer where their rendition is id.
func (s *Show) isoUsers(id string) (out []string) {
	if len(s.ISO.Sources) > 0 && s.ISO.Rendition == id {
		out = append(out, fmt.Sprintf("the ISO recordings of %d sources", len(s.ISO.Sources)))
	}
	if s.Replay.Rendition != "" && s.Replay.Rendition == id {
		out = append(out, "the replay buffer")
	}
	return out
}
