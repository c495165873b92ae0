package rtmp

import (
	"fmt"
	"strconv"

	"github.com/yutopp/go-amf0"

	"crosspoint.studio/crosspoint/internal/media"
)

// Several tracks of sound (Veovera Enhanced RTMP v2, "Enhanced Audio"). The first goes
// out as ever, so that every reader understands it and takes it for track 0, which the
// specification calls the default; the others go out as multitrack messages of one track
// each.

// fourCCAAC is AAC's FourCC in the enhanced audio header.
const fourCCAAC = "mp4a"

const (
	soundEnhanced = 9 // SoundFormat.ExHeader

	// AudioPacketType; the first two are also those of the legacy AAC header.
	audioStart      = 0
	audioCoded      = 1
	audioMultitrack = 5
	audioModEx      = 7

	// AvMultitrackType.
	oneTrack       = 0
	manyTracks     = 1
	manyCodecs     = 2
	capsMultitrack = 0x02 // CapsExMask.Multitrack
	canDecode      = 0x01 // FourCcInfoMask
	canEncode      = 0x02
	canForward     = 0x04

	// MaxSoundTracks is how many tracks of sound a stream may have here; the protocol
	// numbers 256.
	MaxSoundTracks = 32
)

// appendTrackAudio appends the body of a message of one track, whose id is not 0.
func appendTrackAudio(dst []byte, id byte, config bool, data []byte) []byte {
	kind := byte(audioCoded)
	if config {
		kind = audioStart
	}
	dst = append(dst, soundEnhanced<<4|audioMultitrack, oneTrack<<4|kind)
	return append(append(append(dst, fourCCAAC...), id), data...)
}

// parseAudio reads an audio message, calling each with what it carries of every track
// until that returns an error; tracks of a codec that is not taken are left out. What
// comes before a mistake counts.
func parseAudio(b []byte, each func(tag) error) error {
	if len(b) < 2 {
		return errTag
	}
	switch b[0] >> 4 {
	case soundAAC:
		return each(tag{Codec: media.AAC, Keyframe: true, Kind: audioKind(b[1]), Data: b[2:]})
	case soundEnhanced:
		return parseEnhancedAudio(b, each)
	}
	return errUnsupported
}

func audioKind(packetType byte) tagKind {
	switch packetType {
	case audioStart:
		return tagConfig
	case audioCoded:
		return tagFrame
	}
	return tagOther
}

func parseEnhancedAudio(b []byte, each func(tag) error) error {
	kind, b := b[0]&15, b[1:]
	for kind == audioModEx { // nanoseconds, and what is yet to come
		var ok bool
		if kind, b, ok = skipModEx(b); !ok {
			return errTag
		}
	}
	if kind != audioMultitrack {
		if len(b) < 4 {
			return errTag
		}
		return eachTrack(string(b[:4]), tag{Kind: audioKind(kind), Data: b[4:]}, each)
	}
	if len(b) < 1 {
		return errTag
	}
	form, fourCC := b[0]>>4, ""
	kind, b = b[0]&15, b[1:]
	if form > manyCodecs || kind == audioMultitrack {
		return errTag
	}
	if form != manyCodecs {
		if len(b) < 4 {
			return errTag
		}
		fourCC, b = string(b[:4]), b[4:]
	}
	for len(b) > 0 {
		if form == manyCodecs {
			if len(b) < 4 {
				return errTag
			}
			fourCC, b = string(b[:4]), b[4:]
		}
		if len(b) < 1 {
			return errTag
		}
		t := tag{Kind: audioKind(kind), Track: b[0]}
		b = b[1:]
		size := len(b)
		if form != oneTrack {
			if len(b) < 3 || int(read24(b)) > len(b)-3 {
				return errTag
			}
			size, b = int(read24(b)), b[3:]
		}
		t.Data, b = b[:size], b[size:]
		if err := eachTrack(fourCC, t, each); err != nil {
			return err
		}
		if form == oneTrack {
			return nil
		}
	}
	return nil
}

func eachTrack(fourCC string, t tag, each func(tag) error) error {
	if fourCC != fourCCAAC {
		return nil
	}
	t.Codec, t.Keyframe = media.AAC, true
	return each(t)
}

// skipModEx skips a modifier and returns the packet type behind it.
func skipModEx(b []byte) (kind byte, rest []byte, ok bool) {
	if len(b) < 1 {
		return 0, nil, false
	}
	size := int(b[0]) + 1
	b = b[1:]
	if size == 256 {
		if len(b) < 2 {
			return 0, nil, false
		}
		size = int(b[0])<<8 | int(b[1]) + 1
		b = b[2:]
	}
	if len(b) < size+1 {
		return 0, nil, false
	}
	return b[size] & 15, b[size+1:], true
}

// offersMultitrack reads a server's answer to connect: one of its objects has the bit, and
// AAC, where the server says what it takes.
func offersMultitrack(objects []any) bool {
	offers, listed, takes := false, false, false
	for i := range objects {
		m := amfObject(objects, i)
		offers = offers || int64(amfNumber(m, "capsEx"))&capsMultitrack != 0
		info, ok := m["audioFourCcInfoMap"].(map[string]any)
		listed = listed || ok
		for _, name := range []string{fourCCAAC, "*"} {
			takes = takes || int64(amfNumber(info, name))&(canDecode|canForward) != 0
		}
	}
	return offers && (takes || !listed)
}

// trackInfo describes the tracks of sound beyond the first for onMetaData, by their ids.
func trackInfo(tracks []media.Track) amf0.ECMAArray {
	info := amf0.ECMAArray{}
	for i, t := range tracks {
		info[strconv.Itoa(i+1)] = map[string]any{
			"audiocodecid": fourCCAAC, "audiodatarate": float64(t.BitrateBPS) / 1000,
			"audiosamplerate": t.SampleRateHz, "channels": t.Channels, "name": t.Title,
		}
	}
	return info
}

// soleTrack is the sentence for a server that takes one track of several.
func soleTrack(host string, tracks []media.Track) string {
	name := tracks[0].Title
	if name == "" {
		name = "the first"
	}
	return fmt.Sprintf("%s takes one track of sound, so only %s of %d is sent", host, name, len(tracks))
}
