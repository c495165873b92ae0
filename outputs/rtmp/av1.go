package rtmp

import (
	"errors"

	"crosspoint.studio/crosspoint/internal/media/h264"
)

// AV1 OBU types (AV1 Bitstream & Decoding Process Specification 6.2.2).
const (
	obuSequenceHeader    = 1
	obuTemporalDelimiter = 2
)

var errAV1 = errors.New("rtmp: the AV1 sequence header is missing or malformed")

// nextOBU splits the first OBU of b (5.3), which must say its size unless it is
// the last.
func nextOBU(b []byte) (kind byte, whole, body, rest []byte, err error) {
	if len(b) < 1 || b[0]&0x80 != 0 {
		return 0, nil, nil, nil, errAV1
	}
	kind = b[0] >> 3 & 15
	pos := 1
	if b[0]&4 != 0 { // extension
		pos++
	}
	if b[0]&2 == 0 {
		if pos > len(b) {
			return 0, nil, nil, nil, errAV1
		}
		return kind, b, b[pos:], nil, nil
	}
	size := uint64(0)
	for i := 0; ; i++ { // leb128, 4.10.5
		if i == 8 || pos >= len(b) {
			return 0, nil, nil, nil, errAV1
		}
		c := b[pos]
		pos++
		size |= uint64(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			break
		}
	}
	if size > uint64(len(b)-pos) {
		return 0, nil, nil, nil, errAV1
	}
	end := pos + int(size)
	return kind, b[:end], b[pos:end], b[end:], nil
}

// appendTemporalUnit appends a temporal unit without its delimiter, which
// containers leave out. What cannot be split is sent as it is.
func appendTemporalUnit(dst, unit []byte) []byte {
	for len(unit) > 0 {
		kind, whole, _, rest, err := nextOBU(unit)
		if err != nil {
			return append(dst, unit...)
		}
		if kind != obuTemporalDelimiter {
			dst = append(dst, whole...)
		}
		unit = rest
	}
	return dst
}

// av1C makes an AV1CodecConfigurationRecord (AV1 in ISO BMFF 2.3.3) from what an
// encoder gives: such a record, or a sequence header OBU.
func av1C(extradata []byte) ([]byte, error) {
	if len(extradata) >= 4 && extradata[0] == 0x81 {
		return extradata, nil
	}
	for b := extradata; len(b) > 0; {
		kind, whole, body, rest, err := nextOBU(b)
		if err != nil {
			return nil, err
		}
		if kind == obuSequenceHeader {
			head, err := av1CHead(body)
			return append(head, whole...), err
		}
		b = rest
	}
	return nil, errAV1
}

// av1CHead reads a sequence header (5.5.1, 5.5.2) for the record's first four bytes.
func av1CHead(body []byte) ([]byte, error) {
	r := h264.BitReader{Data: body}
	profile := r.Bits(3)
	r.Bit() // still_picture
	var level, tier uint32
	reduced := r.Bit() // reduced_still_picture_header
	if reduced {
		level = r.Bits(5)
	} else {
		var delay int
		decoderModel := false
		if r.Bit() { // timing_info_present_flag
			r.Bits(32)
			r.Bits(32)
			if r.Bit() {
				r.UE() // uvlc is Exp-Golomb
			}
			if decoderModel = r.Bit(); decoderModel {
				delay = int(r.Bits(5)) + 1
				r.Bits(32)
				r.Bits(10)
			}
		}
		display := r.Bit()
		points := int(r.Bits(5)) + 1
		for i := range points {
			r.Bits(12) // operating_point_idc
			l, t := r.Bits(5), uint32(0)
			if l > 7 {
				t = r.Bits(1)
			}
			if i == 0 {
				level, tier = l, t
			}
			if decoderModel && r.Bit() {
				r.Bits(delay)
				r.Bits(delay)
				r.Bit()
			}
			if display && r.Bit() {
				r.Bits(4)
			}
		}
	}
	skipToColor(&r, reduced)
	high, twelve, mono, subX, subY, position := readColor(&r, profile)
	if r.Err != nil {
		return nil, errAV1
	}
	return []byte{0x81, byte(profile<<5 | level), byte(tier<<7 | high<<6 | twelve<<5 | mono<<4 | subX<<3 | subY<<2 | position), 0}, nil
}

// skipToColor reads from the frame size to the color config (5.5.1).
func skipToColor(r *h264.BitReader, reduced bool) {
	width, height := int(r.Bits(4))+1, int(r.Bits(4))+1
	r.Bits(width)
	r.Bits(height)
	if !reduced && r.Bit() { // frame_id_numbers_present_flag
		r.Bits(7)
	}
	r.Bits(3) // superblock size, filter intra, intra edge filter
	if !reduced {
		r.Bits(4) // interintra, masked, warped, dual filter
		orderHint := r.Bit()
		if orderHint {
			r.Bits(2) // jnt_comp, ref_frame_mvs
		}
		screenContent := r.Bit() // chosen per frame
		if !screenContent {
			screenContent = r.Bit() // forced on
		}
		if screenContent && !r.Bit() { // integer motion vectors not chosen per frame
			r.Bit()
		}
		if orderHint {
			r.Bits(3)
		}
	}
	r.Bits(3) // superres, cdef, restoration
}

// readColor reads color_config (5.5.2); bits are 0 or 1.
func readColor(r *h264.BitReader, profile uint32) (high, twelve, mono, subX, subY, position uint32) {
	high = r.Bits(1)
	if profile == 2 && high == 1 {
		twelve = r.Bits(1)
	}
	if profile != 1 {
		mono = r.Bits(1)
	}
	primaries, transfer, matrix := uint32(2), uint32(2), uint32(2)
	if r.Bit() {
		primaries, transfer, matrix = r.Bits(8), r.Bits(8), r.Bits(8)
	}
	switch {
	case mono == 1:
		r.Bit()
		return high, twelve, mono, 1, 1, 0
	case primaries == 1 && transfer == 13 && matrix == 0: // sRGB
		return high, twelve, mono, 0, 0, 0
	}
	r.Bit() // color_range
	switch {
	case profile == 0:
		subX, subY = 1, 1
	case profile == 2 && twelve == 1:
		if subX = r.Bits(1); subX == 1 {
			subY = r.Bits(1)
		}
	case profile == 2:
		subX = 1
	}
	if subX == 1 && subY == 1 {
		position = r.Bits(2)
	}
	return high, twelve, mono, subX, subY, position
}
