package ui

import (
	"fmt"

	"crosspoint.studio/crosspoint/outputs/planner"
	"crosspoint.studio/crosspoint/scenes"
)

// preset fills in a destination's address: one of a service's ingests, the built-in
// receiver, or nothing.
type preset struct {
	name, url string
	// short is what a destination that uses it is called at first.
	short    string
	platform planner.Platform // the zero value knows no limits
}

// rehearsalURL stands for the built-in receiver in a destination's settings.
const rehearsalURL = "rehearsal:"

// otherAddress is the preset of an address that the operator types; the first of
// every kind.
const otherAddress = "Other address"

// presetsOf are what the form offers for a kind of destination.
func presetsOf(kind string) []preset {
	list := []preset{{name: otherAddress}}
	for _, p := range planner.Platforms() {
		for i, in := range p.Ingests {
			if in.Kind != kind {
				continue
			}
			v := preset{name: p.Title, url: in.URL, short: p.Title, platform: p}
			if i > 0 {
				v.name += ", " + in.Title
			}
			list = append(list, v)
		}
	}
	if kind != "rtmp" && kind != "srt" && kind != "whip" {
		return list // the receiver does not speak it
	}
	return append(list, preset{name: "Rehearsal on this computer", url: rehearsalURL, short: "Rehearsal"})
}

// presetNames are their names.
func presetNames(kind string) (names []string) {
	for _, p := range presetsOf(kind) {
		names = append(names, p.name)
	}
	return names
}

// presetNamed finds a kind's preset.
func presetNamed(kind, name string) (preset, bool) {
	for _, p := range presetsOf(kind) {
		if p.name == name {
			return p, true
		}
	}
	return preset{}, false
}

// presetFor is the one with an address; the kind's first when there is none.
func presetFor(kind, url string) preset {
	list := presetsOf(kind)
	for _, p := range list[1:] {
		if p.url == url {
			return p
		}
	}
	return list[0]
}

// tooMuch says what of a rendition is more than the service takes; empty when nothing
// is, or when that is not known.
func (p preset) tooMuch(r scenes.Rendition) string {
	most, height := p.platform.VideoKbps, min(r.Video.Width, r.Video.Height)
	for _, t := range p.platform.Tiers {
		if height <= t.Height {
			most = t.VideoKbps
			break
		}
	}
	switch {
	case most > 0 && r.Video.BitrateKbps > most:
		return fmt.Sprintf("%s takes at most %d kb/s of video; this sends %d.", p.short, most, r.Video.BitrateKbps)
	case p.platform.AudioKbps > 0 && r.Audio.BitrateKbps > p.platform.AudioKbps:
		return fmt.Sprintf("%s takes at most %d kb/s of sound; this sends %d.", p.short, p.platform.AudioKbps, r.Audio.BitrateKbps)
	}
	return ""
}

// secretName is what a kind calls its secret.
func secretName(kind string) string {
	switch kind {
	case "rtmp":
		return "Stream key"
	case "srt", "rist":
		return "Passphrase"
	case "udp", "pipe", "camera":
		return "Secret (not used)"
	}
	return "Token"
}
