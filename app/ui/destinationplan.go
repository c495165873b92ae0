package ui

import (
	"encoding/json"
	"strings"

	"crosspoint.studio/crosspoint/scenes"
)

// planSchema is what of a destination does not depend on its protocol, but for its backups;
// the names are those of show files.
const planSchema = `{"type": "object", "properties": {
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

// withPlan is d with the values of planSchema; what is not among them has its default, which
// the show fills in for what is not set.
func withPlan(d scenes.Destination, values map[string]json.RawMessage) scenes.Destination {
	raw, err := json.Marshal(values)
	if err != nil { // what was JSON before
		panic(err)
	}
	type plain scenes.Destination // whose decoding begins with the defaults
	v := plain(d)
	v.Standby, v.Group, v.StartAt, v.StopAt = "", "", "", ""
	v.DelaySeconds, v.StallMS, v.BackAfterSeconds, v.FixedBitrate = 0, 0, 0, false
	if json.Unmarshal(raw, &v) != nil { // the form has checked it
		return d
	}
	return scenes.Destination(v)
}

// kindOfURL is the kind of output that an address belongs to.
func kindOfURL(url, otherwise string) string {
	scheme, _, _ := strings.Cut(strings.ToLower(url), "://")
	switch scheme {
	case "rtmp", "rtmps":
		return "rtmp"
	case "srt", "udp", "rist":
		return scheme
	case "http", "https":
		return "whip"
	}
	return otherwise
}
