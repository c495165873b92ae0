package rtmp

import (
	"encoding/binary"
	"errors"

	"crosspoint.studio/crosspoint/internal/media/h264"
	"crosspoint.studio/crosspoint/internal/media/hevc"
)

var errHEVC = errors.New("rtmp: the HEVC parameter sets are missing or malformed")

// appendHEVC appends an Annex B access unit with length prefixes.
func appendHEVC(dst, annexB []byte) []byte {
	for nal := range h264.NALUnits(annexB) {
		if t := hevc.Type(nal); t != hevc.TypeAUD && t != hevc.None {
			dst = h264.AppendNAL(dst, nal)
		}
	}
	return dst
}

// hvcC makes an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 8.3.3.1.2) from
// Annex B parameter sets.
func hvcC(annexB []byte) ([]byte, error) {
	var sets [3][][]byte
	for nal := range h264.NALUnits(annexB) {
		if t := hevc.Type(nal); hevc.IsParameterSet(t) {
			sets[t-hevc.TypeVPS] = append(sets[t-hevc.TypeVPS], nal)
		}
	}
	for _, s := range sets {
		if len(s) == 0 || len(s) > 16 {
			return nil, errHEVC
		}
	}
	sps := h264.Unescape(sets[1][0])
	if len(sps) < 15 {
		return nil, errHEVC
	}
	// H.265 7.3.2.2.1: header 2 bytes; vps id 4, max_sub_layers_minus1 3, nesting 1;
	// then 12 bytes of general profile, tier and level.
	subLayers := int(sps[2] >> 1 & 7)
	nested := sps[2] & 1
	r := h264.BitReader{Data: sps[15:]}
	var present [8][2]bool
	for i := range subLayers {
		present[i] = [2]bool{r.Bit(), r.Bit()}
	}
	if subLayers > 0 {
		r.Bits(2 * (8 - subLayers))
	}
	for i := range subLayers {
		if present[i][0] {
			r.Bits(32)
			r.Bits(32)
			r.Bits(24)
		}
		if present[i][1] {
			r.Bits(8)
		}
	}
	r.UE() // sps_seq_parameter_set_id
	chroma := r.UE()
	if chroma == 3 {
		r.Bit()
	}
	r.UE() // width
	r.UE() // height
	if r.Bit() {
		for range 4 {
			r.UE()
		}
	}
	luma, chromaDepth := r.UE(), r.UE()
	if r.Err != nil || chroma > 3 || luma > 7 || chromaDepth > 7 {
		return nil, errHEVC
	}
	b := append([]byte{1}, sps[3:15]...)
	b = append(b, 0xf0, 0, 0xfc, 0xfc|byte(chroma), 0xf8|byte(luma), 0xf8|byte(chromaDepth), 0, 0,
		byte(subLayers+1)<<3|nested<<2|3, byte(len(sets)))
	for i, s := range sets {
		b = append(b, 0x80|byte(hevc.TypeVPS+i))
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		for _, nal := range s {
			if len(nal) > 0xffff {
				return nil, errHEVC
			}
			b = binary.BigEndian.AppendUint16(b, uint16(len(nal)))
			b = append(b, nal...)
		}
	}
	return b, nil
}
