package h264

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"
)

// Parameter sets and avcC records as x264 and a well-known muxer write them.
var streams = []struct {
	name, annexB, avcc string
	width, height      int
	profile            string
	interlaced         bool
}{
	{"baseline", "000000016742c00dd901419f9f0110000003001000000303c0f142a4800000000168cb83cb20",
		"0142c00dffe100196742c00dd901419f9f0110000003001000000303c0f142a48001000568cb83cb20", 320, 180, "constrained baseline", false},
	{"main, cropped", "00000001674d4028eca03c0113f2e022000003000200000300781e30632c0000000168ebe3cb20",
		"014d4028ffe1001a674d4028eca03c0113f2e022000003000200000300781e30632c01000568ebe3cb20", 1920, 1080, "main", false},
	{"high, cropped both ways", "0000000167640020acd94056061e6f0110000003001000000303c0f18319600000000168ebe3cb22c0",
		"01640020ffe1001b67640020acd94056061e6f0110000003001000000303c0f183196001000668ebe3cb22c0fdf8f800", 1366, 768, "high", false},
	{"4:2:2 10 bit", "00000001677a001fb6cd940b4126c044000003000400000300f03c60c6580000000168ebe3cb22c0",
		"017a001fffe1001a677a001fb6cd940b4126c044000003000400000300f03c60c65801000668ebe3cb22c0fefafa00", 720, 576, "high 4:2:2", false},
	{"4:4:4", "0000000167f40015919b28363fcfe022000003000200000300781e2c5b2c0000000168ebe3c44844",
		"01f40015ffe1001a67f40015919b28363fcfe022000003000200000300781e2c5b2c01000668ebe3c44844fff8f800", 426, 240, "high 4:4:4", false},
	{"interlaced", "000000016764001eacd940b424d8088000000300800000190f8a14cb0000000168fba3cb22c0", "", 720, 576, "high", true},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParameterSets(t *testing.T) {
	for _, c := range streams {
		t.Run(c.name, func(t *testing.T) {
			annexB := unhex(t, c.annexB)
			config, err := ParamSets(annexB)
			if err != nil {
				t.Fatal(err)
			}
			sps, err := ParseSPS(config.SPS[0])
			if err != nil {
				t.Fatal(err)
			}
			if sps.Width != c.width || sps.Height != c.height || sps.ProfileName() != c.profile || sps.Interlaced != c.interlaced {
				t.Errorf("got %dx%d %s interlaced %v, want %dx%d %s %v",
					sps.Width, sps.Height, sps.ProfileName(), sps.Interlaced, c.width, c.height, c.profile, c.interlaced)
			}
			want := VUI{SARWidth: 1, SARHeight: 1, FullRange: -1, Primaries: 2, Transfer: 2, Matrix: 2, Reorder: 2}
			if c.profile == "constrained baseline" {
				want.Reorder = 0
			}
			if sps.VUI != want {
				t.Errorf("got VUI %+v, want %+v", sps.VUI, want)
			}
			if !bytes.Equal(config.AnnexB(), annexB) {
				t.Errorf("back to Annex B: %x, want %s", config.AnnexB(), c.annexB)
			}
			avcc, err := config.AVCC()
			if err != nil {
				t.Fatal(err)
			}
			if c.avcc != "" && hex.EncodeToString(avcc) != c.avcc {
				t.Errorf("avcC is %x, want %s", avcc, c.avcc)
			}
			back, err := ParseAVCC(avcc)
			if err != nil || back.LengthSize != 4 || !bytes.Equal(back.AnnexB(), annexB) {
				t.Errorf("ParseAVCC = %+v, %v", back, err)
			}
			for n := range avcc[:len(avcc)-4] {
				if _, err := ParseAVCC(avcc[:n]); err == nil && n < len(avcc)-4 {
					t.Errorf("avcC cut to %d of %d bytes is accepted", n, len(avcc))
				}
			}
		})
	}
	if got := (SPS{Profile: 0x42, Constraints: 0xc0, Level: 0x1f}).ProfileLevelID(); got != "42c01f" {
		t.Errorf("ProfileLevelID = %s", got)
	}
	for name, b := range map[string][]byte{"nothing": nil, "only SPS": unhex(t, streams[0].annexB)[:25]} {
		if _, err := ParamSets(b); err == nil {
			t.Errorf("ParamSets accepts %s", name)
		}
	}
}

func TestFraming(t *testing.T) {
	for _, c := range []struct {
		name, annexB string
		units        []string
	}{
		{"empty", "", nil},
		{"no start code", "41424344", nil},
		{"three and four bytes", "00000165aa0000000141bb", []string{"65aa", "41bb"}},
		{"leading and trailing zeros", "000000000165aa000000000141bb0000", []string{"65aa", "41bb"}},
		{"emulation prevention stays", "000001650000030100000141", []string{"6500000301", "41"}},
		{"empty units", "000001000001000001650000010000", []string{"65"}},
		{"ends in a start code", "00000165000001", []string{"65"}},
	} {
		var got []string
		for nal := range NALUnits(unhex(t, c.annexB)) {
			got = append(got, hex.EncodeToString(nal))
		}
		if !slices.Equal(got, c.units) {
			t.Errorf("%s: units %v, want %v", c.name, got, c.units)
		}
	}
	in := unhex(t, "0000000109f0000000016764000000016865000001650102030000000106")
	avcc := AppendAVCC([]byte("x"), in)
	if want := "780000000267640000000268650000000465010203" + "0000000106"; hex.EncodeToString(avcc) != want {
		t.Errorf("AppendAVCC = %x, want %s", avcc, want)
	}
	back, err := AppendAnnexB(nil, avcc[1:], 4)
	if want := "0000000167640000000168650000000165010203" + "0000000106"; err != nil || hex.EncodeToString(back) != want {
		t.Errorf("AppendAnnexB = %x, %v, want %s", back, err, want)
	}
	if !Has(back, TypeIDR) || Has(back, TypeAUD) {
		t.Error("Has is wrong")
	}
	if b, err := AppendAnnexB([]byte("y"), []byte{0, 0, 0, 9, 1}, 4); err == nil || string(b) != "y" {
		t.Errorf("a truncated unit gives %x, %v", b, err)
	}
	if b, err := AppendAnnexB(nil, []byte{0, 2, 0x65, 1}, 2); err != nil || hex.EncodeToString(b) != "000000016501" {
		t.Errorf("two-byte lengths give %x, %v", b, err)
	}
}

func FuzzNALUnits(f *testing.F) {
	for _, c := range streams {
		f.Add(unhex(f, c.annexB))
	}
	f.Add([]byte{0, 0, 1, 0x65, 0, 0, 3, 0, 0, 0, 1, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		var want [][]byte
		for nal := range NALUnits(b) {
			if len(nal) == 0 || bytes.Contains(nal, []byte{0, 0, 1}) {
				t.Fatalf("unit %x", nal)
			}
			if Type(nal) != TypeAUD {
				want = append(want, nal)
			}
			_, _ = ParseSPS(nal) // must not panic; the error is the point of other tests
		}
		var got [][]byte
		for nal, err := range AVCCUnits(AppendAVCC(nil, b), 4) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, nal)
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("units through AVCC are %x, want %x", got, want)
		}
		if c, err := ParamSets(b); err == nil {
			_, _ = c.AVCC() // must not panic
		}
	})
}

func FuzzAVCC(f *testing.F) {
	for _, c := range streams[:5] {
		f.Add(unhex(f, c.avcc), byte(4))
	}
	f.Add([]byte{0, 0, 0, 2, 0x65, 1, 0, 0, 0, 0}, byte(1))
	f.Fuzz(func(t *testing.T, b []byte, size byte) {
		if c, err := ParseAVCC(b); err == nil && (len(c.SPS) == 0 || len(c.PPS) == 0) {
			t.Fatal("no parameter sets and no error")
		}
		if size == 1 || size == 2 || size == 4 {
			if out, err := AppendAnnexB(nil, b, int(size)); err == nil && len(out) > 5*len(b) {
				t.Fatalf("%d bytes from %d", len(out), len(b))
			}
		}
	})
}
