// Package h264 reads and rewrites H.264 elementary streams (ITU-T H.264): Annex B
// byte streams and the length-prefixed form of ISO/IEC 14496-15, the avcC
// record, and as much of the sequence parameter set as a container or a session
// description wants to know. Standard library only.
//
// Threads: pure functions. Ownership: nothing is kept; results alias the input
// only where the comment says so. What it does not do: decode pictures, or
// check more of a stream than it needs.
package h264

import (
	"encoding/binary"
	"errors"
	"iter"
)

// NAL unit types (H.264 table 7-1).
const (
	TypeSlice     = 1
	TypeIDR       = 5
	TypeSEI       = 6
	TypeSPS       = 7
	TypePPS       = 8
	TypeAUD       = 9
	TypeSPSExt    = 13
	TypeSubsetSPS = 15
)

// Type is the type of a NAL unit; 0 for an empty one.
func Type(nal []byte) byte {
	if len(nal) == 0 {
		return 0
	}
	return nal[0] & 0x1f
}

// Errors of this package.
var (
	errTruncated = errors.New("h264: data ends too early")
	errNoSPS     = errors.New("h264: parameter sets are missing")
	errTooMany   = errors.New("h264: too many parameter sets, or too long ones")
	errRange     = errors.New("h264: value out of range in the sequence parameter set")
	errNotSPS    = errors.New("h264: not a sequence parameter set")
	errNotAVCC   = errors.New("h264: not an avcC record")
	errNotHVCC   = errors.New("h264: not an hvcC record")
)

// NALUnits yields the NAL units of an Annex B byte stream (H.264 annex B.2) without
// start codes and trailing zeros, aliasing b. Empty units and bytes before the
// first start code are passed over. HEVC streams have the same framing.
func NALUnits(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		start := -1
		for i := 0; i+2 < len(b); {
			// The third byte tells how far the next start code is away at least.
			switch {
			case b[i+2] > 1:
				i += 3
			case b[i] == 0 && b[i+1] == 0 && b[i+2] == 1:
				if start >= 0 && !emit(b[start:i], yield) {
					return
				}
				i += 3
				start = i
			default:
				i++
			}
		}
		if start >= 0 {
			emit(b[start:], yield)
		}
	}
}

// emit yields nal without its trailing zeros.
func emit(nal []byte, yield func([]byte) bool) bool {
	for len(nal) > 0 && nal[len(nal)-1] == 0 {
		nal = nal[:len(nal)-1]
	}
	return len(nal) == 0 || yield(nal)
}

// AppendAVCC appends the NAL units of an Annex B stream to dst, each behind its
// length in four bytes. Access unit delimiters are left out, as ISO/IEC
// 14496-15 5.3.3 wants.
func AppendAVCC(dst, annexB []byte) []byte {
	for nal := range NALUnits(annexB) {
		if Type(nal) == TypeAUD {
			continue
		}
		dst = AppendNAL(dst, nal)
	}
	return dst
}

// AppendNAL appends one NAL unit behind its length in four bytes.
func AppendNAL(dst, nal []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(nal)))
	return append(dst, nal...)
}

// AVCCUnits yields the NAL units of a length-prefixed stream, aliasing b.
// lengthSize is 1, 2 or 4. The error of the last pair says that b is malformed.
func AVCCUnits(b []byte, lengthSize int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for len(b) > 0 {
			if len(b) < lengthSize {
				yield(nil, errTruncated)
				return
			}
			n := uint64(0)
			for _, c := range b[:lengthSize] {
				n = n<<8 | uint64(c)
			}
			b = b[lengthSize:]
			if n > uint64(len(b)) {
				yield(nil, errTruncated)
				return
			}
			nal := b[:n]
			b = b[n:]
			if n > 0 && !yield(nal, nil) {
				return
			}
		}
	}
}

// AppendAnnexB appends the NAL units of a length-prefixed stream to dst, each
// behind a four-byte start code. On error dst is as it was.
func AppendAnnexB(dst, avcc []byte, lengthSize int) ([]byte, error) {
	out := dst
	for nal, err := range AVCCUnits(avcc, lengthSize) {
		if err != nil {
			return dst, err
		}
		out = AppendStartCode(out, nal)
	}
	return out, nil
}

// AppendStartCode appends one NAL unit behind a four-byte start code.
func AppendStartCode(dst, nal []byte) []byte {
	return append(append(dst, 0, 0, 0, 1), nal...)
}

// Has reports whether an Annex B stream has a NAL unit of type t.
func Has(annexB []byte, t byte) bool {
	for nal := range NALUnits(annexB) {
		if Type(nal) == t {
			return true
		}
	}
	return false
}

// Unescape removes the emulation prevention bytes of a NAL unit (H.264 7.4.1); the
// result is a copy. HEVC has the same.
func Unescape(nal []byte) []byte {
	out := make([]byte, 0, len(nal))
	zeros := 0
	for _, c := range nal {
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}
