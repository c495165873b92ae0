package h264

import "encoding/binary"

// Config is what an avcC record holds (ISO/IEC 14496-15 5.3.3.1).
type Config struct {
	SPS, PPS   [][]byte // NAL units without start codes
	LengthSize int      // bytes before each NAL unit of the stream: 1, 2 or 4
}

// ParamSets collects the parameter sets of an Annex B stream, each once, aliasing
// it. The error says that one kind is missing.
func ParamSets(annexB []byte) (Config, error) {
	c := Config{LengthSize: 4}
	for nal := range NALUnits(annexB) {
		switch Type(nal) {
		case TypeSPS:
			c.SPS = appendNew(c.SPS, nal)
		case TypePPS:
			c.PPS = appendNew(c.PPS, nal)
		}
	}
	if len(c.SPS) == 0 || len(c.PPS) == 0 {
		return Config{}, errNoSPS
	}
	return c, nil
}

func appendNew(sets [][]byte, nal []byte) [][]byte {
	for _, s := range sets {
		if string(s) == string(nal) {
			return sets
		}
	}
	return append(sets, nal)
}

// AVCC encodes c as an avcC record, with the extension of the high profiles.
func (c Config) AVCC() ([]byte, error) {
	if len(c.SPS) == 0 || len(c.PPS) == 0 {
		return nil, errNoSPS
	}
	if len(c.SPS) > 31 || len(c.PPS) > 255 {
		return nil, errTooMany
	}
	sps, err := ParseSPS(c.SPS[0])
	if err != nil {
		return nil, err
	}
	b := []byte{1, sps.Profile, sps.Constraints, sps.Level, 0xfc | 3, 0xe0 | byte(len(c.SPS))}
	if b, err = appendSets(b, c.SPS); err != nil {
		return nil, err
	}
	b = append(b, byte(len(c.PPS)))
	if b, err = appendSets(b, c.PPS); err != nil {
		return nil, err
	}
	switch sps.Profile {
	case 66, 77, 88: // the profiles that had no extension; all later ones have it
	default:
		b = append(b, 0xfc|byte(sps.ChromaFormat), 0xf8|byte(sps.BitDepthLuma-8), 0xf8|byte(sps.BitDepthChroma-8), 0)
	}
	return b, nil
}

func appendSets(b []byte, sets [][]byte) ([]byte, error) {
	for _, s := range sets {
		if len(s) > 0xffff {
			return nil, errTooMany
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return b, nil
}

// ParseAVCC decodes an avcC record; the sets alias b.
func ParseAVCC(b []byte) (Config, error) {
	if len(b) < 7 || b[0] != 1 {
		return Config{}, errNotAVCC
	}
	c := Config{LengthSize: int(b[4]&3) + 1}
	if c.LengthSize == 3 {
		return Config{}, errNotAVCC
	}
	var err error
	if c.SPS, b, err = takeSets(b[6:], int(b[5]&31)); err != nil {
		return Config{}, err
	}
	if len(b) < 1 {
		return Config{}, errTruncated
	}
	if c.PPS, _, err = takeSets(b[1:], int(b[0])); err != nil {
		return Config{}, err
	}
	if len(c.SPS) == 0 || len(c.PPS) == 0 {
		return Config{}, errNoSPS
	}
	return c, nil
}

func takeSets(b []byte, n int) (sets [][]byte, rest []byte, err error) {
	for range n {
		if len(b) < 2 {
			return nil, nil, errTruncated
		}
		size := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; size > len(b) || size == 0 {
			return nil, nil, errTruncated
		}
		sets, b = append(sets, b[:size]), b[size:]
	}
	return sets, b, nil
}

// AnnexB is c's parameter sets as a byte stream, as encoders give them.
func (c Config) AnnexB() []byte {
	var b []byte
	for _, s := range c.SPS {
		b = AppendStartCode(b, s)
	}
	for _, s := range c.PPS {
		b = AppendStartCode(b, s)
	}
	return b
}
