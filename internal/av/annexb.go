package av

import (
	"bytes"

	"crosspoint.studio/crosspoint/internal/media"
)

// NAL unit types (H.264 table 7-1, H.265 table 7-1).
const (
	h264SEI, h264SPS, h264PPS, h264AUD = 6, 7, 8, 9
	hevcVPS, hevcSPS, hevcPPS          = 32, 33, 34
)

// nals calls f with each NAL unit of an Annex B byte stream, without its start code,
// until f returns false.
func nals(b []byte, f func(nal []byte) bool) {
	start := -1
	for i := 0; i+2 < len(b); {
		j := bytes.Index(b[i:], []byte{0, 0, 1})
		if j < 0 {
			break
		}
		at := i + j
		if start >= 0 {
			if !f(bytes.TrimRight(b[start:at], "\x00")) {
				return
			}
		}
		start = at + 3
		i = start
	}
	if start >= 0 && start < len(b) {
		f(bytes.TrimRight(b[start:], "\x00"))
	}
}

// nalType is a NAL unit's type in codec.
func nalType(codec media.Codec, nal []byte) int {
	if len(nal) == 0 {
		return -1
	}
	if codec == media.HEVC {
		return int(nal[0]>>1) & 0x3f
	}
	return int(nal[0]) & 0x1f
}

func isParameterSet(codec media.Codec, t int) bool {
	if codec == media.HEVC {
		return t == hevcVPS || t == hevcSPS || t == hevcPPS
	}
	return t == h264SPS || t == h264PPS
}

// parameterSets is the parameter sets of an access unit or of extradata, in Annex B
// with four-byte start codes; nil when there are none.
func parameterSets(codec media.Codec, b []byte) []byte {
	var out []byte
	nals(b, func(nal []byte) bool {
		if isParameterSet(codec, nalType(codec, nal)) {
			out = append(append(out, 0, 0, 0, 1), nal...)
		}
		return true
	})
	return out
}

// discardable reports whether no other picture refers to this one: nal_ref_idc is 0
// (H.264 7.4.1), or the NAL type is a sub-layer non-reference one (H.265 7.4.2.2:
// even and below 16). AV1's are not told apart.
func discardable(codec media.Codec, b []byte) bool {
	if codec != media.H264 && codec != media.HEVC {
		return false
	}
	free := false
	nals(b, func(nal []byte) bool {
		t := nalType(codec, nal)
		switch {
		case codec == media.H264 && t >= 1 && t <= 5:
			free = nal[0]&0x60 == 0
			return false
		case codec == media.HEVC && t >= 0 && t < 32:
			free = t < 16 && t%2 == 0
			return false
		}
		return true
	})
	return free
}
