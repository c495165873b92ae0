package h264

import "encoding/binary"

// ParseHVCC is the parameter sets of an hvcC record (H.265 in ISO/IEC 14496-15 8.3.3.1) as an
// Annex B stream in memory of its own, and how many bytes are before each NAL unit of the
// stream: 1, 2 or 4.
func ParseHVCC(b []byte) (annexB []byte, lengthSize int, err error) {
	if len(b) < 23 || b[0] != 1 || b[21]&3 == 2 {
		return nil, 0, errNotHVCC
	}
	lengthSize = int(b[21]&3) + 1
	arrays := int(b[22])
	b = b[23:]
	for range arrays {
		if len(b) < 3 {
			return nil, 0, errNotHVCC
		}
		n := int(binary.BigEndian.Uint16(b[1:]))
		b = b[3:]
		for range n {
			if len(b) < 2 {
				return nil, 0, errNotHVCC
			}
			size := int(binary.BigEndian.Uint16(b))
			if b = b[2:]; size > len(b) {
				return nil, 0, errNotHVCC
			}
			annexB = AppendStartCode(annexB, b[:size])
			b = b[size:]
		}
	}
	return annexB, lengthSize, nil
}
