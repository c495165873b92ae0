package ui

import (
	"encoding/json"
	"maps"
	"strings"

	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// planSchema is what of a destination does not depend on its protocol; the names are
// those of show files, but for backups, which are addresses here.
const planSchema = `{"type": "object", "properties": {
  "backups": {"type": "array", "maxItems": 7, "items": {"type": "string"}, "title": "Backups", "x-order": 1, "description": "Where else to send when that fails: one address a line, best first. They get the same key; another protocol is told by the address."},
  "standby": {"type": "string", "enum": ["cold", "hot"], "default": "cold", "title": "Standby", "x-order": 2, "description": "cold: a backup is connected when it is needed; hot: all are fed all the time and nothing is lost"},
  "delay_seconds": {"type": "integer", "minimum": 0, "maximum": 1800, "default": 0, "title": "Delay", "x-unit": "s", "x-order": 3, "description": "How far the stream is behind the programme"},
  "group": {"type": "string", "pattern": "^[A-Za-z0-9_-]{0,64}$", "default": "", "title": "Group", "x-order": 4, "description": "Destinations of one group can go live and stop together"},
  "start_at": {"type": "string", "pattern": "^$|^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$", "default": "", "title": "Start at", "x-order": 5, "x-advanced": true, "description": "When it goes live by itself, as in 2026-05-01T20:00:00+02:00"},
  "stop_at": {"type": "string", "pattern": "^$|^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$", "default": "", "title": "Stop at", "x-order": 6, "x-advanced": true, "description": "When it stops by itself"},
  "fixed_bitrate": {"type": "boolean", "default": false, "title": "Fixed bitrate", "x-order": 7, "x-advanced": true, "description": "The encoder does not follow a slow network; pictures are dropped instead"},
  "stall_ms": {"type": "integer", "minimum": 0, "maximum": 60000, "default": 0, "title": "Switch after", "x-unit": "ms", "x-order": 8, "x-advanced": true, "description": "Without an acknowledgement; 0: 1800 cold, 300 hot"},
  "back_after_seconds": {"type": "integer", "minimum": 1, "maximum": 3600, "default": 10, "title": "Back after", "x-unit": "s", "x-order": 9, "x-advanced": true, "description": "How long an earlier address has to be well until it is returned to"}
}}`

// planOf are the values of planSchema for a destination.
func planOf(d scenes.Destination) json.RawMessage {
	v := map[string]any{}
	if len(d.Backups) > 0 {
		var urls []string
		for _, b := range d.Backups {
			urls = append(urls, urlOf(b.Settings))
		}
		v["backups"] = urls
	}
	for key, text := range map[string]string{"standby": string(d.Standby), "group": d.Group, "start_at": d.StartAt, "stop_at": d.StopAt} {
		if text != "" {
			v[key] = text
		}
	}
	for key, n := range map[string]int{"delay_seconds": d.DelaySeconds, "stall_ms": d.StallMS, "back_after_seconds": d.BackAfterSeconds} {
		if n != 0 {
			v[key] = n
		}
	}
	if d.FixedBitrate {
		v["fixed_bitrate"] = true
	}
	raw, err := json.Marshal(v)
	if err != nil { // texts and numbers
		panic(err)
	}
	return raw
}

func urlOf(settings json.RawMessage) string {
	var s struct{ URL string }
	_ = json.Unmarshal(settings, &s) // other settings have no address to show
	return s.URL
}

// withPlan is d with the values of planSchema. A backup whose address was there before is
// kept as it was; a new one has the settings of the destination where its protocol is
// the same.
func withPlan(d scenes.Destination, values map[string]json.RawMessage) scenes.Destination {
	var urls []string
	rest := maps.Clone(values)
	if raw, ok := rest["backups"]; ok && json.Unmarshal(raw, &urls) != nil {
		urls = nil
	}
	delete(rest, "backups")
	raw, err := json.Marshal(rest)
	if err != nil { // what was JSON before
		panic(err)
	}
	type plain scenes.Destination // whose decoding begins with the defaults
	old, v := d.Backups, plain(d)
	if json.Unmarshal(raw, &v) != nil { // the form has checked it
		return d
	}
	d = scenes.Destination(v)
	d.Backups = nil
	for _, u := range urls {
		if u = strings.TrimSpace(u); u != "" {
			d.Backups = append(d.Backups, backupAt(d, old, u))
		}
	}
	return d
}

func backupAt(d scenes.Destination, old []scenes.Ingest, url string) scenes.Ingest {
	for _, b := range old {
		if urlOf(b.Settings) == url {
			return b
		}
	}
	in := scenes.Ingest{Kind: kindOfURL(url, d.Kind)}
	settings := map[string]json.RawMessage{}
	if in.Kind == d.Kind {
		_ = json.Unmarshal(d.Settings, &settings) // what is no object gives nothing to copy
	}
	settings["url"] = quoted(url)
	raw, err := json.Marshal(settings)
	if err != nil { // what was JSON before
		panic(err)
	}
	in.Settings = raw
	return in
}

// kindOfURL is the kind of output that an address belongs to.
func kindOfURL(url, otherwise string) string {
	scheme, _, _ := strings.Cut(strings.ToLower(url), "://")
	switch scheme {
	case "rtmp", "rtmps":
		return "rtmp"
	case "srt":
		return "srt"
	case "http", "https":
		return "whip"
	}
	return otherwise
}

// backupFault is one sentence about a backup that cannot be used as typed.
func (f *outputForm) backupFault(d scenes.Destination, secret string) string {
	for _, b := range d.Backups {
		kind, ok := f.desk.services.OutputKinds[b.Kind]
		if !ok || kind.New == nil {
			continue
		}
		key := secret
		if b.Kind != d.Kind || b.Credential != nil {
			key = "kept-elsewhere" // of a length that every kind takes
		}
		if _, err := kind.New(b.Settings, outputs.Options{Secret: key}); err != nil {
			return sentence("a backup: " + strings.TrimPrefix(err.Error(), b.Kind+": "))
		}
	}
	return ""
}
