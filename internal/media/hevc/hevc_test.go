package hevc

import "testing"

func TestType(t *testing.T) {
	for _, c := range []struct {
		name     string
		nal      []byte
		want     byte
		set, key bool
	}{
		{"video parameter set", []byte{0x40, 0x01, 0x0c}, TypeVPS, true, false},
		{"sequence parameter set", []byte{0x42, 0x01}, TypeSPS, true, false},
		{"picture parameter set", []byte{0x44, 0x01}, TypePPS, true, false},
		{"delimiter", []byte{0x46, 0x01, 0x10}, TypeAUD, false, false},
		{"first type where decoding can begin", []byte{0x20, 0x01}, TypeBLA, false, true},
		{"IDR", []byte{0x26, 0x01}, 19, false, true},
		{"last type where decoding can begin", []byte{0x2a, 0x01}, TypeCRA, false, true},
		{"reserved behind it", []byte{0x2c, 0x01}, 22, false, false},
		{"trailing picture", []byte{0x02, 0x01}, 1, false, false},
		{"layer and forbidden bit do not count", []byte{0xc1, 0x09}, TypeVPS, true, false},
		{"half a header", []byte{0x40}, None, false, false},
		{"nothing", nil, None, false, false},
	} {
		got := Type(c.nal)
		if got != c.want || IsParameterSet(got) != c.set || IsKeyframe(got) != c.key {
			t.Errorf("%s: type %d, parameter set %v, keyframe %v; want %d, %v, %v", c.name, got, IsParameterSet(got), IsKeyframe(got), c.want, c.set, c.key)
		}
	}
}
