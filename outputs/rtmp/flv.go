package rtmp

import (
	"errors"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
)

// Bodies of FLV audio and video tags, which RTMP messages carry (Adobe Flash Video
// File Format 10.1, annex E.4; codecs beyond H.264: Veovera Enhanced RTMP v1).

// FourCCs of Enhanced RTMP.
const (
	fourCCHEVC = "hvc1"
	fourCCAV1  = "av01"
)

// tagKind is what a tag's body carries.
type tagKind uint8

const (
	tagConfig tagKind = iota + 1 // decoder configuration
	tagFrame                     // a coded picture or block of sound
	tagOther                     // end of sequence, metadata, commands
)

// tag is a parsed body; Data aliases it.
type tag struct {
	Kind     tagKind
	Track    byte // of sound; 0 is the first
	Codec    media.Codec
	Keyframe bool
	CTS      int32 // composition time offset, ms
	Data     []byte
}

var (
	errTag         = errors.New("rtmp: an audio or video message is malformed")
	errUnsupported = errors.New("rtmp: the codec is not supported")
)

// E.4.3.1 and Enhanced RTMP: frame types, codec ids, packet types.
const (
	frameKey       = 1
	frameInter     = 2
	codecAVC       = 7
	exHeader       = 0x80
	exStart        = 0
	exCodedFrames  = 1
	exSequenceEnd  = 2
	exCodedFramesX = 3
	soundAAC       = 10
)

func fourCC(c media.Codec) string {
	switch c {
	case media.HEVC:
		return fourCCHEVC
	case media.AV1:
		return fourCCAV1
	}
	return ""
}

// videoConfig is the body of a sequence header.
func videoConfig(c media.Codec, record []byte) []byte {
	if c == media.H264 {
		return append([]byte{frameKey<<4 | codecAVC, 0, 0, 0, 0}, record...)
	}
	return append(append([]byte{exHeader | frameKey<<4 | exStart}, fourCC(c)...), record...)
}

// appendVideo appends the body of a coded picture to dst; cts is in ms.
func appendVideo(dst []byte, c media.Codec, keyframe bool, cts int32, data []byte) []byte {
	frame := byte(frameInter)
	if keyframe {
		frame = frameKey
	}
	switch {
	case c == media.H264:
		dst = append(dst, frame<<4|codecAVC, 1)
		return h264.AppendAVCC(append(dst, be24(uint32(cts))...), data)
	case c == media.AV1:
		dst = append(append(dst, exHeader|frame<<4|exCodedFrames), fourCCAV1...)
		return appendTemporalUnit(dst, data)
	case cts == 0:
		dst = append(append(dst, exHeader|frame<<4|exCodedFramesX), fourCCHEVC...)
	default:
		dst = append(append(dst, exHeader|frame<<4|exCodedFrames), fourCCHEVC...)
		dst = append(dst, be24(uint32(cts))...)
	}
	return appendHEVC(dst, data)
}

// audioHeader is the first byte of every AAC body: the rate, size and channel bits
// are fixed for AAC (E.4.2.1), the decoder takes them from its configuration.
const audioHeader = soundAAC<<4 | 3<<2 | 1<<1 | 1

func appendAudio(dst []byte, config bool, data []byte) []byte {
	kind := byte(1)
	if config {
		kind = 0
	}
	return append(append(dst, audioHeader, kind), data...)
}

// parseVideo reads a video message.
func parseVideo(b []byte) (tag, error) {
	if len(b) < 1 {
		return tag{}, errTag
	}
	t := tag{Keyframe: b[0]>>4&7 == frameKey}
	if b[0]&exHeader != 0 {
		return parseEnhanced(t, b)
	}
	if b[0]&15 != codecAVC {
		return tag{}, errUnsupported
	}
	if len(b) < 5 {
		return tag{}, errTag
	}
	t.Codec, t.Data = media.H264, b[5:]
	t.CTS = signed24(b[2:5])
	switch b[1] {
	case 0:
		t.Kind = tagConfig
	case 1:
		t.Kind = tagFrame
	default:
		t.Kind = tagOther
	}
	return t, nil
}

func parseEnhanced(t tag, b []byte) (tag, error) {
	if len(b) < 5 {
		return tag{}, errTag
	}
	switch string(b[1:5]) {
	case fourCCHEVC:
		t.Codec = media.HEVC
	case fourCCAV1:
		t.Codec = media.AV1
	default:
		return tag{}, errUnsupported
	}
	t.Data = b[5:]
	switch b[0] & 15 {
	case exStart:
		t.Kind = tagConfig
	case exCodedFrames:
		t.Kind = tagFrame
		if t.Codec == media.HEVC {
			if len(t.Data) < 3 {
				return tag{}, errTag
			}
			t.CTS, t.Data = signed24(t.Data), t.Data[3:]
		}
	case exCodedFramesX:
		t.Kind = tagFrame
	default:
		t.Kind = tagOther
	}
	return t, nil
}

func signed24(b []byte) int32 { return int32(read24(b)<<8) >> 8 }
