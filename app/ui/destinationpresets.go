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
		if len(p.Ingests) == 0 && p.Name != "custom" && kind == "rtmp" { // its address comes with the stream
			list = append(list, preset{name: p.Title, short: p.Title, platform: p})
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

// presetFor is the one with an address; the kind's first, with what is known of the service
// there, when there is none.
func presetFor(kind, url string) preset {
	list := presetsOf(kind)
	for _, p := range list[1:] {
		if p.url == url && url != "" {
			return p
		}
	}
	at := planner.PlatformAt(url)
	if at.Name == "custom" {
		return list[0]
	}
	for _, p := range list[1:] {
		if p.url == "" && p.platform.Name == at.Name {
			return p
		}
	}
	return preset{name: otherAddress, short: at.Title, platform: at}
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

// secretName is what a kind calls its secret; empty where it takes none.
func secretName(kind string) string {
	switch kind {
	case "rtmp":
		return "Stream key"
	case "srt", "rist":
		return "Passphrase"
	case "udp", "pipe", "camera":
		return ""
	}
	return "Token"
}

// addressHint is what an address looks like.
func addressHint(kind string) string {
	switch kind {
	case "rtmp":
		return "rtmps://live.example.com/app"
	case "srt":
		return "srt://example.com:9000"
	case "udp":
		return "udp://239.1.2.3:5000"
	case "rist":
		return "rist://example.com:5000"
	case "camera":
		return "empty: the first virtual camera"
	case "pipe":
		return "/run/user/1000/programme, or a program below"
	}
	return "https://example.com/whip"
}

// addressKey is the setting that holds the address.
func addressKey(kind string) string {
	switch kind {
	case "pipe":
		return "path"
	case "camera":
		return "device"
	}
	return "url"
}
