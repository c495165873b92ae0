package scenes

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/assets"
)

// catalog is a small program's kinds.
type catalog struct{}

var sourceSchemas = map[string]string{
	"synthetic": `{"type":"object","additionalProperties":false,"required":["camera"],"properties":{"camera":{"type":"integer","minimum":1,"maximum":8,"title":"Camera"},"tone_hz":{"type":"number"}}}`,
	"text":      `{"type":"object","properties":{"text":{"type":"string"},"align":{"enum":["left","center","right"]},"color":{"$ref":"#/$defs/color"}},"$defs":{"color":{"type":"string","pattern":"^#[0-9a-f]{6}$"}}}`,
	"clock":     `{"type":"object"}`,
}

var outputSchemas = map[string]string{
	"rtmp":   `{"type":"object","additionalProperties":false,"required":["url"],"properties":{"url":{"type":"string","minLength":1},"mode":{"enum":["a","b"]}}}`,
	"srt":    `{"type":"object"}`,
	"whip":   `{"type":"object"}`,
	"record": `{"type":"object","properties":{"path":{"type":"string"},"container":{"enum":["mkv","mp4"]}}}`,
}

func (catalog) SourceKinds() []string { return []string{"synthetic", "text", "clock"} }
func (catalog) OutputKinds() []string { return []string{"rtmp", "srt", "whip", "record"} }
func (catalog) SourceSchema(kind string) (json.RawMessage, bool) {
	s, ok := sourceSchemas[kind]
	return json.RawMessage(s), ok
}

func (catalog) OutputSchema(kind string) (json.RawMessage, bool) {
	s, ok := outputSchemas[kind]
	return json.RawMessage(s), ok
}

func TestDemoHasNoMistakes(t *testing.T) {
	if got := Validate(assets.Demo, catalog{}); len(got) != 0 {
		t.Fatalf("mistakes in the demo show: %v", got)
	}
	s, err := Parse(assets.Demo)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"cam1", "quad", "pip", "lower", "clock", s.Start.Program, s.Start.Preview} {
		placed, err := s.Resolve(id)
		if err != nil || len(placed) == 0 {
			t.Errorf("Resolve(%q) = %v, %v; want layers", id, placed, err)
		}
	}
}

// checking is a catalogue that knows more than its schemas.
type checking struct{ catalog }

func (checking) CheckSource(kind string, settings json.RawMessage) (string, error) {
	if kind == "synthetic" && strings.Contains(string(settings), `"tone_hz":13`) {
		return "tone_hz", errors.New("is an unlucky number")
	}
	return "", nil
}

func (checking) CheckOutput(kind string, settings json.RawMessage, keyed bool) (string, error) {
	if kind == "srt" && !keyed {
		return "", errors.New("the passphrase is missing")
	}
	return "", nil
}

func TestValidateAsksACheckingCatalogue(t *testing.T) {
	raw := []byte(`{"format":2,"sources":[
		{"id":"a","kind":"synthetic","settings":{"camera":1,"tone_hz":13}},
		{"id":"b","kind":"synthetic","settings":{"camera":99,"tone_hz":13}}],
		"destinations":[{"id":"c","kind":"srt"},{"id":"d","kind":"srt","credential":"k"},
		{"id":"e","kind":"rtmp","settings":{"url":"x"},"backups":[{"kind":"srt","settings":{}}]}]}`)
	var got []string
	for _, m := range Validate(raw, checking{}) {
		got = append(got, m.String())
	}
	want := []string{
		"$.sources[0].settings.tone_hz: is an unlucky number",
		"$.sources[1].settings.camera: must be at most 8", // and it is not asked about the rest
		"$.destinations[0].settings: the passphrase is missing",
		"$.destinations[2].backups[0].settings: the passphrase is missing",
	}
	ok := len(got) == len(want)
	for i := range want {
		ok = ok && strings.HasPrefix(got[i], want[i])
	}
	if !ok {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestValidateReportsEachMistake(t *testing.T) {
	const cam = `"sources":[{"id":"cam1","kind":"synthetic","settings":{"camera":1}}]`
	scene := func(layer string) string {
		return `{"format":2,` + cam + `,"scenes":[{"id":"wide","layers":[` + layer + `]}]}`
	}
	tests := []struct {
		name, doc string
		want      []string // "path: message"
	}{
		{"empty", ``, []string{`$: the file is empty`}},
		{"cut off", `{"format":2,`, []string{`$: the file ends too early; a bracket or quote is not closed`}},
		{"no JSON", "{\n  \"format\": 1,\n  nope\n}", []string{`$: this is not JSON at line 3, column 3: invalid character 'n' looking for beginning of object key string`}},
		{"not UTF-8", "{\"name\":\"\xff\"}", []string{`$: the file is not UTF-8 text`}},
		{"trailing garbage", "{\"format\":1}\n}", []string{`$: something follows the end of the show at line 2, column 1; remove it`}},
		{"not an object", `[1]`, []string{`$: must be an object in { }, but is a list in [ ]`}},
		{"no format", `{}`, []string{`$.format: is missing`}},
		{"format 0", `{"format":0}`, []string{`$.format: must be 2`}},
		{"newer format", `{"format":3,"more":1}`, []string{`$.format: this show has format 3, made by a newer version of Crosspoint (this one reads up to 2); update Crosspoint or save under another name`}},
		{"repeated key", `{"format":2,"name":"a","name":"b"}`, []string{`$.name: "name" is written twice here; keep one`}},
		{"unknown field", scene(`{"source":"cam1","opactiy":1}`), []string{`$.scenes[0].layers[0].opactiy: there is no such setting here; did you mean "opacity"?`}},
		{"unknown odd field", `{"format":2,"a b":1}`, []string{`$["a b"]: there is no such setting here`}},
		{"wrong type", scene(`{"source":"cam1","x":"3"}`), []string{`$.scenes[0].layers[0].x: must be a number, but is text in quotes`}},
		{"null", scene(`{"source":"cam1","hidden":null}`), []string{`$.scenes[0].layers[0].hidden: must be true or false, but is null`}},
		{"not whole", `{"format":2,"canvas":{"width":1280.5}}`, []string{`$.canvas.width: must be a whole number, but is a number with a fraction`}},
		{"odd size", `{"format":2,"canvas":{"width":1279}}`, []string{`$.canvas.width: must be even, but is 1279`}},
		{"odd rendition", `{"format":2,"renditions":[{"id":"main","video":{"height":719}}]}`, []string{`$.renditions[0].video.height: must be even, but is 719`}},
		{"too large", scene(`{"source":"cam1","opacity":1.5}`), []string{`$.scenes[0].layers[0].opacity: must be at most 1, but is 1.5`}},
		{"too small", scene(`{"source":"cam1","crop":{"left":-1}}`), []string{`$.scenes[0].layers[0].crop.left: must be at least 0, but is -1`}},
		{"no width", scene(`{"source":"cam1","width":0}`), []string{`$.scenes[0].layers[0].width: must be more than 0, but is 0`}},
		{"huge number", scene(`{"source":"cam1","x":1e999999999}`), []string{`$.scenes[0].layers[0].x: this number is too long or too large to mean anything here`}},
		{"choice", scene(`{"source":"cam1","fit":"cober"}`), []string{`$.scenes[0].layers[0].fit: must be one of contain, cover, stretch, none, but is "cober"; did you mean "cover"?`}},
		{"colour", `{"format":2,"transition":{"color":"red"}}`, []string{`$.transition.color: must be a colour such as #ff8000`}},
		{"transition frames", `{"format":2,"transition":{"frames":251}}`, []string{`$.transition.frames: must be at most 250, but is 251`}},
		{"frame rate", `{"format":2,"canvas":{"fps":"fast"}}`, []string{`$.canvas.fps: must be a frame rate from 1 to 240, such as 30, "29.97" or "30000/1001"`}},
		{"frame rate range", `{"format":2,"canvas":{"fps":1000}}`, []string{`$.canvas.fps: must be a frame rate from 1 to 240, such as 30, "29.97" or "30000/1001"`}},
		{"missing field", `{"format":2,"sources":[{"id":"a"}]}`, []string{`$.sources[0].kind: is missing`}},
		{"id form", `{"format":2,"scenes":[{"id":"a b"}]}`, []string{`$.scenes[0].id: must be 1 to 64 letters, digits, - or _`}},
		{"id taken", `{"format":2,` + cam + `,"scenes":[{"id":"cam1"}]}`, []string{`$.scenes[0].id: the id "cam1" is taken by a source at $.sources[0]; ids must differ`}},
		{"id of the default rendition", `{"format":2,"scenes":[{"id":"main"}]}`, []string{`$.renditions: is missing, and the default rendition's id "main" is taken by a scene; write the renditions out`}},
		{"dangling source", scene(`{"source":"cma1"}`), []string{`$.scenes[0].layers[0].source: there is no source or scene "cma1"; did you mean "cam1"?`}},
		{"dangling, nothing near", scene(`{"source":"elsewhere"}`), []string{`$.scenes[0].layers[0].source: there is no source or scene "elsewhere"`}},
		{"wrong list", `{"format":2,"overlays":[{"id":"o","layers":[]}],"start":{"program":"o"}}`, []string{`$.start.program: "o" is an overlay; this must be the id of a source or scene`}},
		{"itself", scene(`{"source":"wide"}`), []string{`$.scenes[0].layers[0].source: a scene cannot contain itself: wide → wide`}},
		{
			"cycle", `{"format":2,"scenes":[{"id":"a","layers":[{"source":"b"}]},{"id":"b","layers":[{"source":"c"}]},{"id":"c","layers":[{"source":"b"}]}]}`,
			[]string{`$.scenes[2].layers[0].source: a scene cannot contain itself: b → c → b`},
		},
		{
			"rotated scene", `{"format":2,` + cam + `,"scenes":[{"id":"a","layers":[{"source":"cam1"}]},{"id":"b","layers":[{"source":"a","rotation":90}]}]}`,
			[]string{`$.scenes[1].layers[0].rotation: a layer that shows a scene cannot be rotated; rotate the layers in "a"`},
		},
		{
			"sheared scene", `{"format":2,` + cam + `,"scenes":[{"id":"a","layers":[{"source":"cam1","rotation":10}]},{"id":"b","layers":[{"source":"a","fit":"stretch","width":100,"height":100}]}]}`,
			[]string{`$.scenes[1].layers[0].fit: cannot stretch "a" out of shape: a layer in "a" is rotated`},
		},
		{"no programme", `{"format":2,"programs":[]}`, []string{`$.programs: there must be exactly one programme in this version, but there are 0`}},
		{"two programmes", `{"format":2,"programs":[{"id":"a"},{"id":"b"}]}`, []string{`$.programs: there must be exactly one programme in this version, but there are 2`}},
		{"rendition of nothing", `{"format":2,"renditions":[{"id":"main","program":"pmg"}]}`, []string{`$.renditions[0].program: there is no programme "pmg"; did you mean "pgm"?`}},
		{"destination of nothing", `{"format":2,"destinations":[{"id":"yt","kind":"srt","rendition":"man"}]}`, []string{`$.destinations[0].rendition: there is no rendition "man"; did you mean "main"?`}},
		{
			"simulcast of nothing, and twice", `{"format":2,"renditions":[{"id":"main"},{"id":"low"}],"destinations":[{"id":"w","kind":"whip","settings":{"url":"https://a/b"},"rendition":"main","simulcast":["lwo","main"]}]}`,
			[]string{`$.destinations[0].simulcast[0]: there is no rendition "lwo"`, `$.destinations[0].simulcast[1]: "main" is sent already`},
		},
		{"no rendition", `{"format":2,"renditions":[],"recordings":[{"id":"r"}]}`, []string{`$.recordings[0].rendition: is missing, and there is no rendition to choose`}},
		{"start", `{"format":2,"start":{"preview":"x"}}`, []string{`$.start.preview: there is no source or scene "x"`}},
		{"unknown source kind", `{"format":2,"sources":[{"id":"a","kind":"synthetc"}]}`, []string{`$.sources[0].kind: there is no kind of source "synthetc" here, so it is kept but does nothing; did you mean "synthetic"?`}},
		{"unknown output kind", `{"format":2,"destinations":[{"id":"a","kind":"ndi"}]}`, []string{`$.destinations[0].kind: there is no kind of destination "ndi" here, so it is kept but does nothing`}},
		{"settings missing", `{"format":2,"sources":[{"id":"a","kind":"synthetic"}]}`, []string{`$.sources[0].settings.camera: is missing`}},
		{"settings wrong", `{"format":2,"sources":[{"id":"a","kind":"synthetic","settings":{"camera":9,"tone":1}}]}`, []string{
			`$.sources[0].settings.camera: must be at most 8, but is 9`,
			`$.sources[0].settings.tone: there is no such setting here; did you mean "tone_hz"?`,
		}},
		{"settings by reference", `{"format":2,"sources":[{"id":"a","kind":"text","settings":{"color":"blue"}}]}`, []string{`$.sources[0].settings.color: does not have the expected form (^#[0-9a-f]{6}$)`}},
		{"settings no object", `{"format":2,"sources":[{"id":"a","kind":"synthetic","settings":[]}]}`, []string{`$.sources[0].settings: must be an object in { }, but is a list in [ ]`}},
		{"recording settings", `{"format":2,"recordings":[{"id":"r","settings":{"container":"avi"}}]}`, []string{`$.recordings[0].settings.container: must be one of mkv, mp4`}},
		{
			"many, in the order of the document",
			`{"start":{"program":"nope"},"sources":[{"id":"a","kind":"synthetic","settings":{"camera":0}},{"id":"a","kind":"clock","audio":{"pan":2}}],"canvas":{"height":3},"format":2,"x":{"y":1,"y":2}}`,
			[]string{
				`$.start.program: there is no source or scene "nope"`,
				`$.sources[0].settings.camera: must be at least 1, but is 0`,
				`$.sources[1].id: the id "a" is taken by a source at $.sources[0]; ids must differ`,
				`$.sources[1].audio.pan: must be at most 1, but is 2`,
				`$.canvas.height: must be at least 16, but is 3`,
				`$.canvas.height: must be even, but is 3`,
				`$.x: there is no such setting here`,
				`$.x.y: "y" is written twice here; keep one`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, m := range Validate([]byte(tt.doc), catalog{}) {
				got = append(got, m.String())
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestSecretsInSettingsStayOutOfMessages(t *testing.T) {
	doc := `{"format":2,"destinations":[{"id":"yt","kind":"rtmp","settings":{"url":"","mode":"s3cret","key":"s3cret"}}]}`
	got := Validate([]byte(doc), catalog{})
	if len(got) != 3 {
		t.Errorf("got %d mistakes, want 3: %v", len(got), got)
	}
	for _, m := range got {
		if strings.Contains(m.String(), "s3cret") {
			t.Errorf("a value of settings in %q", m)
		}
	}
}

// Scenes that show the one before twice: of two layers at the bottom 2^8 are allowed, in s7, of none
// 2^8 ways to them, in s8, since each is gone when they are unfolded.
func TestTooManyLayersUnfolded(t *testing.T) {
	for _, c := range []struct {
		layers string
		first  int
	}{{`{"source":"cam"},{"source":"cam"}`, 8}, {``, 9}} {
		var b strings.Builder
		b.WriteString(`{"format":2,"sources":[{"id":"cam","kind":"clock"}],"scenes":[{"id":"s0","layers":[` + c.layers + `]}`)
		for i := 1; i <= 60; i++ {
			inner := `{"source":"s` + itoa(i-1) + `"}`
			b.WriteString(`,{"id":"s` + itoa(i) + `","layers":[` + inner + `,` + inner + `]}`)
		}
		b.WriteString(`]}`)
		got := Validate([]byte(b.String()), nil)
		want := "$.scenes[" + itoa(c.first) + "]: with the scenes in it this has more than 256 layers"
		if len(got) != 61-c.first || got[0].String() != want {
			t.Errorf("on %q: got %d mistakes, the first %v; want %d from %q", c.layers, len(got), got[:min(1, len(got))], 61-c.first, want)
		}
	}
}

func itoa(i int) string { b, _ := json.Marshal(i); return string(b) }

func TestUnknownKindsLoadAndKeepTheirSettings(t *testing.T) {
	s, err := Parse([]byte(`{"format":2,"sources":[{"id":"a","kind":"hologram","settings":{"b":[1e2,"<&>"],"a":null}}],"destinations":[{"id":"d","kind":"ndi","settings":{"x":1.0}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s, err = Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(s.Sources[0].Settings), `{"b":[1e2,"<&>"],"a":null}`; got != want {
		t.Errorf("settings %s, want %s", got, want)
	}
	if got, want := string(s.Destinations[0].Settings), `{"x":1.0}`; got != want {
		t.Errorf("settings %s, want %s", got, want)
	}
}

func TestParseErrors(t *testing.T) {
	_, err := Parse([]byte(`{"format":7}`))
	var newer *NewerFormatError
	if !errors.As(err, &newer) || newer.Format != 7 {
		t.Errorf("newer format: %v", err)
	}
	_, err = Parse([]byte(`{"format":2,"a":1,"b":1,"c":1,"d":1}`))
	var invalid *InvalidError
	if !errors.As(err, &invalid) || len(invalid.Mistakes) != 4 || !strings.HasSuffix(err.Error(), "; and 1 more") {
		t.Errorf("invalid: %v", err)
	}
}

// The folded schema must agree with Validate about settings, references inside a
// kind's schema included.
func TestSchemaFoldsKindsIn(t *testing.T) {
	raw, err := Schema(catalog{})
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := compile("https://crosspoint.studio/schema/show-2.json", raw)
	if err != nil {
		t.Fatal(err)
	}
	for doc, want := range map[string]bool{
		string(assets.Demo): true,
		`{"format":2,"sources":[{"id":"a","kind":"synthetic","settings":{"camera":9}}]}`:      false,
		`{"format":2,"sources":[{"id":"a","kind":"text","settings":{"color":"blue"}}]}`:       false,
		`{"format":2,"sources":[{"id":"a","kind":"text","settings":{"color":"#0000ff"}}]}`:    true,
		`{"format":2,"sources":[{"id":"a","kind":"hologram","settings":{"camera":9}}]}`:       true,
		`{"format":2,"destinations":[{"id":"a","kind":"rtmp","settings":{"url":""}}]}`:        false,
		`{"format":2,"recordings":[{"id":"a","settings":{"container":"avi"}}]}`:               false,
		`{"format":2,"recordings":[{"id":"a","settings":{"container":"mp4"}}],"surprise":{}}`: false,
	} {
		root, _ := parseTree([]byte(doc))
		if got := compiled.Validate(root.plain()); (got == nil) != want {
			t.Errorf("%.90s: valid %v, want %v (%v)", doc, got == nil, want, got)
		}
	}
	if _, err := Schema(nil); err != nil {
		t.Errorf("Schema(nil): %v", err)
	}
}
