package ui

import (
	"fmt"

	"crosspoint.studio/crosspoint/scenes"
)

// preset is a service whose ingest address is the same for everybody, with the most
// that it takes in kb/s; 0 is not known.
type preset struct {
	kind, name, url      string
	videoKbps, audioKbps int
	ownAddress           bool // the operator types it
}

// rehearsalURL stands for the built-in receiver in a destination's settings.
const rehearsalURL = "rehearsal:"

// presets are offered by kind of destination, in this order. Addresses and limits are
// those that the services publish for anyone's encoder.
var presets = []preset{
	{kind: "rtmp", name: "Other server", ownAddress: true},
	{kind: "rtmp", name: "Twitch", url: "rtmps://ingest.global-contribute.live-video.net/app", videoKbps: 6000, audioKbps: 320},
	{kind: "rtmp", name: "YouTube", url: "rtmps://a.rtmps.youtube.com/live2", videoKbps: 51000, audioKbps: 160},
	{kind: "rtmp", name: "YouTube, backup", url: "rtmps://b.rtmps.youtube.com/live2?backup=1", videoKbps: 51000, audioKbps: 160},
	{kind: "rtmp", name: "Facebook Live", url: "rtmps://live-api-s.facebook.com:443/rtmp", videoKbps: 9000, audioKbps: 128},
	{kind: "rtmp", name: "Vimeo", url: "rtmps://rtmp-global.cloud.vimeo.com:443/live"},
	{kind: "rtmp", name: "Restream", url: "rtmp://live.restream.io/live"},
	{kind: "rtmp", name: "Cloudflare Stream", url: "rtmps://live.cloudflare.com:443/live"},
	{kind: "rtmp", name: "Mux", url: "rtmps://global-live.mux.com:443/app"},
	{kind: "rtmp", name: "Rehearsal on this computer", url: rehearsalURL},
	{kind: "srt", name: "Other address", ownAddress: true},
	{kind: "srt", name: "Rehearsal on this computer", url: rehearsalURL},
	{kind: "whip", name: "Other endpoint", ownAddress: true},
	{kind: "whip", name: "Rehearsal on this computer", url: rehearsalURL},
}

// presetsOf are the names for a kind.
func presetsOf(kind string) (names []string) {
	for _, p := range presets {
		if p.kind == kind {
			names = append(names, p.name)
		}
	}
	return names
}

// presetNamed finds a kind's preset.
func presetNamed(kind, name string) (preset, bool) {
	for _, p := range presets {
		if p.kind == kind && p.name == name {
			return p, true
		}
	}
	return preset{}, false
}

// presetFor is the one with an address; the kind's first when there is none.
func presetFor(kind, url string) preset {
	var first preset
	for _, p := range presets {
		switch {
		case p.kind != kind:
		case p.ownAddress:
			first = p
		case p.url == url:
			return p
		}
	}
	return first
}

// tooMuch says by how much a rendition is more than the service takes; empty when it
// is not.
func (p preset) tooMuch(r scenes.Rendition) string {
	switch {
	case p.videoKbps > 0 && r.Video.BitrateKbps > p.videoKbps:
		return fmt.Sprintf("%s takes at most %d kb/s of video; this rendition has %d.", p.name, p.videoKbps, r.Video.BitrateKbps)
	case p.audioKbps > 0 && r.Audio.BitrateKbps > p.audioKbps:
		return fmt.Sprintf("%s takes at most %d kb/s of sound; this rendition has %d.", p.name, p.audioKbps, r.Audio.BitrateKbps)
	}
	return ""
}

// secretName is what a kind calls its secret.
func secretName(kind string) string {
	switch kind {
	case "rtmp":
		return "Stream key"
	case "srt":
		return "Passphrase"
	}
	return "Token"
}
