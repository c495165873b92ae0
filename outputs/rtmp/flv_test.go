package rtmp

import (
	"bytes"
	"encoding/hex"
	"math"
	"reflect"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
)

func TestBodies(t *testing.T) {
	annexB := []byte{0, 0, 0, 1, 0x65, 1, 2}
	obu := []byte{0x12, 0, 0x32, 2, 0xaa, 0xbb} // temporal delimiter, frame
	for _, c := range []struct {
		name string
		body []byte
		want string
	}{
		{"H.264 configuration", videoConfig(media.H264, []byte{9, 8}), "17000000000908"},
		{"H.264 keyframe", appendVideo(nil, media.H264, true, 66, annexB), "1701000042" + "00000003650102"},
		{"H.264 picture, negative offset", appendVideo(nil, media.H264, false, -2, annexB), "2701fffffe" + "00000003650102"},
		{"HEVC configuration", videoConfig(media.HEVC, []byte{9}), "90" + "68766331" + "09"},
		{"HEVC picture", appendVideo(nil, media.HEVC, false, 1, annexB), "a1" + "68766331" + "000001" + "00000003650102"},
		{"HEVC picture without offset", appendVideo(nil, media.HEVC, true, 0, annexB), "93" + "68766331" + "00000003650102"},
		{"AV1 picture", appendVideo(nil, media.AV1, true, 0, obu), "91" + "61763031" + "3202aabb"},
		{"AAC configuration", appendAudio(nil, true, []byte{1}), "af0001"},
		{"AAC", appendAudio(nil, false, []byte{1}), "af0101"},
	} {
		if got := hex.EncodeToString(c.body); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		name, body string
		want       tag
		ok         bool
	}{
		{"H.264 offset", "2701fffffe00", tag{Kind: tagFrame, Codec: media.H264, CTS: -2, Data: []byte{0}}, true},
		{"H.264 end", "1702000000", tag{Kind: tagOther, Codec: media.H264, Keyframe: true, Data: []byte{}}, true},
		{"HEVC offset", "a168766331000001aa", tag{Kind: tagFrame, Codec: media.HEVC, CTS: 1, Data: []byte{0xaa}}, true},
		{"HEVC without", "9368766331aa", tag{Kind: tagFrame, Codec: media.HEVC, Keyframe: true, Data: []byte{0xaa}}, true},
		{"AV1 configuration", "9061763031aa", tag{Kind: tagConfig, Codec: media.AV1, Keyframe: true, Data: []byte{0xaa}}, true},
		{"Sorenson", "220000000000", tag{}, false},
		{"VP9", "9076703039aa", tag{}, false},
		{"empty", "", tag{}, false},
		{"short", "17", tag{}, false},
		{"short HEVC", "a168766331aa", tag{}, false},
	} {
		got, err := parseVideo(unhex(t, c.body))
		if (err == nil) != c.ok || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
	}
	if err := parseAudio([]byte{0x2f, 1}, func(tag) error { return nil }); err == nil {
		t.Error("MP3 is accepted")
	}
	if rate, channels, err := parseASC(unhex(t, ascHex)); rate != 48000 || channels != 2 || err != nil {
		t.Errorf("parseASC = %d, %d, %v", rate, channels, err)
	}
}

func TestAMF(t *testing.T) {
	buf, err := encodeAMF("name", 1, true, nil, map[string]any{"a": "b"}, []any{"x", 2.5})
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeAMF(buf.Bytes())
	want := []any{"name", 1.0, true, nil, map[string]any{"a": "b"}, []any{"x", 2.5}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for name, s := range map[string]string{
		"a list of 2^31 values":  "0a7fffffff",
		"a string that is short": "0200ff41",
		"an open object":         "03000161",
		"depth":                  string(bytes.Repeat([]byte("0a00000001"), 1000)),
		"unknown":                "1f",
	} {
		if v, err := decodeAMF(unhex(t, s)); err == nil {
			t.Errorf("%s decodes to %v", name, v)
		}
	}
	// undefined, ECMA array with an object in it, long string, date.
	got, err = decodeAMF(unhex(t, "06"+"0800000002"+"000161"+"03"+"000162"+"0101"+"000009"+"000163"+"05"+"000009"+"0c0000000178"+"0b3ff00000000000000000"))
	want = []any{nil, map[string]any{"a": map[string]any{"b": true}, "c": nil}, "x", 1.0}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if n := amfNumber(map[string]any{"x": math.NaN()}, "x"); n != 0 {
		t.Errorf("NaN is %v", n)
	}
}

func TestStamp(t *testing.T) {
	p := plan{}
	// A long show: the counter wraps after 2^32 ms, and never goes back by itself.
	for _, c := range []struct {
		dts, pts int64 // ms
		want     uint32
		cts      int32
	}{
		{0, 66, 0, 66}, {33, 33, 33, 0}, {30, 100, 33, 70},
		{1 << 31, 1 << 31, 1 << 31, 0}, {1<<32 - 1, 1 << 32, math.MaxUint32, 1}, {1<<32 + 5, 1<<32 + 5, 5, 0},
	} {
		got, cts := p.stamp(ms(c.dts), ms(c.pts), false)
		if got != c.want || cts != c.cts {
			t.Errorf("stamp(%d, %d) = %d, %d; want %d, %d", c.dts, c.pts, got, cts, c.want, c.cts)
		}
	}
}

func FuzzTags(f *testing.F) {
	f.Add(appendVideo(nil, media.H264, true, 3, []byte{0, 0, 0, 1, 0x65, 1, 2}))
	f.Add(appendVideo(nil, media.HEVC, true, 3, []byte{0, 0, 0, 1, 0x26, 1, 2}))
	f.Add(videoConfig(media.AV1, []byte{0x81, 0, 0, 0, 0x0a, 1, 0}))
	f.Add(appendAudio(nil, true, []byte{0x11, 0x90}))
	for _, s := range multitrackBodies {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := parseVideo(b); err == nil {
			_, _, _ = h264.ParseHVCC(v.Data) // must not panic, all of these
			_, _ = hvcC(v.Data)
			_, _ = av1C(v.Data)
			_, _ = h264.ParseAVCC(v.Data)
			if out := appendTemporalUnit(nil, v.Data); len(out) > len(v.Data) {
				t.Fatalf("%d bytes from %d", len(out), len(v.Data))
			}
		}
		_ = parseAudio(b, func(a tag) error {
			_, _, _ = parseASC(a.Data)
			if a.Kind == tagOther {
				return nil
			}
			// What was understood can be said, and is understood again.
			again := appendTrackAudio(nil, a.Track, a.Kind == tagConfig, a.Data)
			return parseAudio(again, func(c tag) error {
				if c.Track != a.Track || c.Kind != a.Kind || !bytes.Equal(c.Data, a.Data) {
					t.Fatalf("%+v becomes %+v", a, c)
				}
				return nil
			})
		})
		_, _ = decodeAMF(b)
	})
}

// FuzzIngest throws messages at a server's connection after its start.
func FuzzIngest(f *testing.F) {
	sets, err := h264.ParamSets(unhex(f, paramSetsHex))
	if err != nil {
		f.Fatal(err)
	}
	record, err := sets.AVCC()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(videoConfig(media.H264, record), appendVideo(nil, media.H264, true, 3, []byte{0, 0, 0, 1, 0x65, 1, 2}))
	f.Add(appendAudio(nil, true, []byte{0x11, 0x90}), appendAudio(nil, false, []byte{1, 2}))
	f.Add(appendTrackAudio(nil, 31, true, []byte{0x11, 0x90}), unhex(f, multitrackBodies["three tracks"]))
	f.Add(appendTrackAudio(nil, 200, true, []byte{0x11, 0x90}), appendTrackAudio(nil, 200, false, []byte{1}))
	f.Fuzz(func(t *testing.T, config, frame []byte) {
		for _, audio := range []bool{false, true} {
			r := &received{}
			in := &ingest{handler: r}
			for _, b := range [][]byte{config, frame} {
				_ = in.media(0, bytes.NewReader(b), audio) // must not panic
			}
			for _, p := range r.packets {
				if p.Track >= len(r.tracks) {
					t.Fatal("a packet of a track that was not described")
				}
			}
		}
	})
}
