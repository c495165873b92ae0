// Package hevc names what this program wants to know of HEVC elementary streams (ITU-T H.265):
// the types of their NAL units. Framing, emulation prevention and the hvcC record are in h264,
// which has them for both. Standard library only.
//
// Threads: pure functions. Ownership: nothing is kept. What it does not do: decode, or read
// parameter sets.
package hevc

// NAL unit types (H.265 table 7-1).
const (
	TypeBLA = 16 // the first of those where decoding can begin
	TypeCRA = 21 // the last
	TypeVPS = 32
	TypeSPS = 33
	TypePPS = 34
	TypeAUD = 35

	// None is no type of H.265's: of what is too short for a NAL unit.
	None = 0xff
)

// Type is the type of a NAL unit without its start code (H.265 7.3.1.2), or None.
func Type(nal []byte) byte {
	if len(nal) < 2 {
		return None
	}
	return nal[0] >> 1 & 0x3f
}

// IsParameterSet reports whether t is one of the three types that a decoder's configuration
// is made of.
func IsParameterSet(t byte) bool { return t >= TypeVPS && t <= TypePPS }

// IsKeyframe reports whether decoding can begin at a picture of slices of type t.
func IsKeyframe(t byte) bool { return t >= TypeBLA && t <= TypeCRA }
