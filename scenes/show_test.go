package scenes

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"crosspoint.studio/crosspoint/assets"
	"crosspoint.studio/crosspoint/internal/media"
)

func mustParse(t testing.TB, doc string) *Show {
	t.Helper()
	s, err := Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDefaults(t *testing.T) {
	if err := Default().check(); err != nil {
		t.Errorf("Default has mistakes: %v", err)
	}
	// But for what files have to say, since older ones did not.
	if diff := cmp.Diff(Default(), mustParse(t, `{"format":2,"iso":{"codec":"auto"}}`)); diff != "" {
		t.Errorf("Default and an empty file differ:\n%s", diff)
	}
	s := mustParse(t, `{"format":2,"canvas":{"width":1280,"height":720,"fps":59.94},
		"sources":[{"id":"a","kind":"k"},{"id":"b","kind":"k"}],
		"scenes":[{"id":"s","layers":[{"source":"a","opacity":0}]}],
		"renditions":[{"id":"r"},{"id":"small","video":{"codec":"hevc","width":640,"height":360}}],
		"destinations":[{"id":"d","kind":"k","enabled":false},{"id":"e","kind":"k"}]}`)
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"fps", s.Canvas.FPS, media.Rational{Num: 60000, Den: 1001}},
		{"programme", s.Programs, []Program{{"pgm", "Programme"}}},
		{"name", s.Sources[0].Name, "a"},
		{"settings", string(s.Sources[0].Settings), "{}"},
		{"layer", s.Scenes[0].Layers[0], Layer{Source: "a", Fit: Contain, Width: 1280, Height: 720, Opacity: 0}},
		{"transition", s.Transition, Transition{Mix, 18, "#000000", 0.1, Left}},
		{"720p60", s.Renditions[0].Video.BitrateKbps, 4500},
		{"360p60 hevc", s.Renditions[1].Video.BitrateKbps, 900},
		{"rendition's programme", s.Renditions[0].Program, "pgm"},
		{"disabled", s.Destinations[0].Enabled, false},
		{"enabled", s.Destinations[1].Enabled, true},
		{"destination's rendition", s.Destinations[1].Rendition, "r"},
		{"start", s.Start, Start{"s", "a"}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.what, c.got, c.want)
		}
	}
	if got := mustParse(t, `{"format":2,"sources":[{"id":"a","kind":"k"}],"start":{"program":""}}`).Start; got != (Start{"", "a"}) {
		t.Errorf("an explicit black start became %+v", got)
	}
	if got := mustParse(t, `{"format":2,"canvas":{"width":1.28e3,"height":720.0}}`).Canvas; got.Width != 1280 || got.Height != 720 {
		t.Errorf("whole numbers written with a point or an exponent: %+v", got)
	}
}

// listed is the first element of one of an object's lists.
func listed(object any, key string) map[string]any {
	return object.(map[string]any)[key].([]any)[0].(map[string]any)
}

// TestStartLeftOut: programme is the first scene, or else the first source, and preview the
// next one after it.
func TestStartLeftOut(t *testing.T) {
	const sources, scenes = `"sources":[{"id":"a","kind":"k"},{"id":"b","kind":"k"}]`, `"scenes":[{"id":"s1"},{"id":"s2"},{"id":"s3"}]`
	for _, c := range []struct {
		document string
		want     Start
	}{
		{`{"format":2}`, Start{}},
		{`{"format":2,"sources":[{"id":"a","kind":"k"}]}`, Start{"a", ""}},
		{`{"format":2,"sources":[{"id":"a","kind":"k"}],"start":{"program":""}}`, Start{"", "a"}},
		{`{"format":2,` + sources + `}`, Start{"a", "b"}},
		{`{"format":2,` + sources + `,"start":{"program":"b"}}`, Start{"b", "a"}},
		{`{"format":2,` + sources + `,` + scenes + `}`, Start{"s1", "s2"}},
		{`{"format":2,` + sources + `,` + scenes + `,"start":{"program":"s2"}}`, Start{"s2", "s3"}},
		{`{"format":2,` + sources + `,` + scenes + `,"start":{"program":"s3"}}`, Start{"s3", "a"}},
		{`{"format":2,` + sources + `,` + scenes + `,"start":{"program":"b"}}`, Start{"b", "s1"}},
		{`{"format":2,` + sources + `,` + scenes + `,"start":{"preview":"s3"}}`, Start{"s1", "s3"}},
	} {
		if got := mustParse(t, c.document).Start; got != c.want {
			t.Errorf("%s: %+v, want %+v", c.document, got, c.want)
		}
	}
}

// The defaults written in the schema, and so in the manual, are those that Parse
// fills in.
func TestSchemaDefaultsAreTrue(t *testing.T) {
	s := mustParse(t, `{"format":2,"sources":[{"id":"a","kind":"k","audio":{"sends":[{"bus":"pgm"}],"inserts":[{"kind":"eq"}]}}],"scenes":[{"id":"s","layers":[{"source":"a"}]}],
		"overlays":[{"id":"o"}],"destinations":[{"id":"d","kind":"k","backups":[{}]}],"recordings":[{"id":"r","tracks":[{}]}]}`)
	raw, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]map[string]any
		Defs       map[string]struct {
			Properties map[string]map[string]any
		} `json:"$defs"`
	}
	if err := json.Unmarshal(schemaJSON, &schema); err != nil {
		t.Fatal(err)
	}
	first := func(key string) map[string]any { return doc[key].([]any)[0].(map[string]any) }
	source, layer, rendition := first("sources"), first("scenes")["layers"].([]any)[0].(map[string]any), first("renditions")
	values := map[string]map[string]any{
		"canvas": doc["canvas"].(map[string]any), "source": source, "strip": source["audio"].(map[string]any),
		"scene": first("scenes"), "layer": layer, "crop": layer["crop"].(map[string]any), "overlay": first("overlays"),
		"transition": doc["transition"].(map[string]any), "fade_to_black": doc["fade_to_black"].(map[string]any),
		"rendition": rendition, "video": rendition["video"].(map[string]any), "audio": rendition["audio"].(map[string]any),
		"destination": first("destinations"), "recording": first("recordings"), "start": doc["start"].(map[string]any),
		"program": first("programs"), "bus": first("buses"), "limiter": first("buses")["limiter"].(map[string]any),
		"send": listed(source["audio"], "sends"), "insert": listed(source["audio"], "inserts"),
		"track": listed(first("recordings"), "tracks"), "ingest": listed(first("destinations"), "backups"),
		"iso": doc["iso"].(map[string]any), "replay": doc["replay"].(map[string]any),
	}
	checked := 0
	compare := func(where string, properties map[string]map[string]any, value map[string]any) {
		for key, p := range properties {
			got, written := value[key]
			if !written {
				t.Errorf("%s.%s is in the schema but not in Show", where, key)
			}
			if want, ok := p["default"]; ok {
				checked++
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s.%s: default %v in the schema, %v in Parse", where, key, want, got)
				}
			}
		}
		if len(value) != len(properties) {
			t.Errorf("%s has %d fields in Show, %d in the schema", where, len(value), len(properties))
		}
	}
	compare("$", schema.Properties, doc)
	for name, def := range schema.Defs {
		if def.Properties != nil {
			compare(name, def.Properties, values[name])
		}
	}
	if checked < 30 {
		t.Errorf("only %d defaults compared", checked)
	}
}

// someShow draws a show by edits alone; every one of them must leave a show
// without mistakes and its predecessor as it was.
func someShow(t *rapid.T) *Show {
	s := Default()
	text := rapid.StringMatching(`[A-Za-z<&>"\\ é☃]{0,12}`)
	number := rapid.Float64Range(-2000, 2000)
	newID := func() string { return rapid.StringMatching(`[a-e][0-9]`).Draw(t, "id") }
	anyID := func(none string, ids ...string) string {
		if len(ids) == 0 {
			return none
		}
		return rapid.SampledFrom(ids).Draw(t, "ref")
	}
	ids := func(s *Show) (shown, all []string) {
		for _, v := range s.Sources {
			shown = append(shown, v.ID)
		}
		for _, v := range s.Scenes {
			shown = append(shown, v.ID)
		}
		all = append(all, shown...)
		for _, v := range s.Overlays {
			all = append(all, v.ID)
		}
		for _, v := range s.Destinations {
			all = append(all, v.ID)
		}
		for _, v := range s.Renditions {
			all = append(all, v.ID)
		}
		return shown, all
	}
	layers := func(s *Show) []Layer {
		shown, _ := ids(s)
		if len(shown) == 0 {
			return nil
		}
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Layer {
			l := NewLayer(rapid.SampledFrom(shown).Draw(t, "source"))
			l.Fit = rapid.SampledFrom([]Fit{"", Contain, Cover, Stretch, None}).Draw(t, "fit")
			l.X, l.Y = number.Draw(t, "x"), number.Draw(t, "y")
			l.Width, l.Height = rapid.Float64Range(0, 3000).Draw(t, "width"), rapid.Float64Range(0, 3000).Draw(t, "height")
			l.Rotation = rapid.SampledFrom([]float64{0, 0, 0, 90, 10}).Draw(t, "rotation")
			l.Opacity = rapid.Float64Range(0, 1).Draw(t, "opacity")
			l.Crop.Left = rapid.IntRange(0, 4000).Draw(t, "crop")
			l.Hidden = rapid.Bool().Draw(t, "hidden")
			return l
		}), 0, 4).Draw(t, "layers")
	}
	settings := func() json.RawMessage {
		raw, _ := json.Marshal(map[string]any{"text": text.Draw(t, "text"), "n": number.Draw(t, "n")})
		return raw
	}
	for range rapid.IntRange(0, 15).Draw(t, "edits") {
		shown, all := ids(s)
		before, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		var n *Show
		switch rapid.IntRange(0, 14).Draw(t, "edit") {
		case 0:
			n, err = s.AddSource(Source{ID: newID(), Name: text.Draw(t, "name"), Kind: "k", Settings: settings()})
		case 1:
			n, err = s.AddScene(Scene{ID: newID(), Layers: layers(s)})
		case 2:
			n, err = s.SetLayers(anyID("x", all...), layers(s))
		case 3:
			n, err = s.SetOverlay(Overlay{ID: newID(), Layers: layers(s), On: rapid.Bool().Draw(t, "on")})
		case 4:
			n, err = s.RemoveSource(anyID("x", shown...), rapid.Bool().Draw(t, "cascade"))
		case 5:
			n, err = s.RemoveScene(anyID("x", shown...), rapid.Bool().Draw(t, "cascade"))
		case 6:
			n, err = s.Reorder(anyID("x", all...), rapid.IntRange(-1, 4).Draw(t, "to"))
		case 7:
			n, err = s.SetDestination(Destination{ID: newID(), Kind: "k", Settings: settings()})
		case 8:
			n, err = s.UpdateSource(anyID("x", shown...), Source{ID: newID(), Kind: "k"})
		case 9:
			n, err = s.UpdateScene(anyID("x", shown...), Scene{ID: newID(), Layers: layers(s)})
		case 10:
			n, err = s.SetStart(Start{anyID("", shown...), anyID("", all...)})
		case 11:
			n, err = s.SetTransition(Transition{Dip, rapid.IntRange(0, 260).Draw(t, "frames"), "#123456", 0, Up})
		case 12:
			n, err = s.SetRendition(NewRendition(newID()))
		case 13:
			n, err = s.RemoveRendition(anyID("x", all...), rapid.Bool().Draw(t, "cascade"))
		case 14:
			n, err = s.SetStrip(anyID("x", shown...), Strip{GainDB: number.Draw(t, "gain"), DelayMS: 3})
		}
		after, encErr := s.Encode()
		if encErr != nil || string(before) != string(after) {
			t.Fatalf("an edit changed the show it was made from (%v)", encErr)
		}
		if (n == nil) == (err == nil) {
			t.Fatalf("an edit returned %v and %v", n, err)
		}
		if n != nil {
			s = n
		}
	}
	return s
}

func TestEditsAndRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := someShow(t)
		raw, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if m := Validate(raw, nil); len(m) > 0 {
			t.Fatalf("edits led to mistakes: %v", m)
		}
		again, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Fatalf("written and read again:\n%s", diff)
		}
		for _, v := range s.Scenes {
			if _, err := s.Resolve(v.ID); err != nil {
				t.Fatalf("a valid show does not resolve: %v", err)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(assets.Demo)
	f.Add([]byte(`{"format":2,"sources":[{"id":"a","kind":"k"}],"scenes":[{"id":"b","layers":[{"source":"a","width":1e3}]}]}`))
	f.Add([]byte(`{"format":2,"canvas":{"fps":"29.97"}} x`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Parse(raw)
		mistakes := Validate(raw, nil)
		if (err == nil) != (len(mistakes) == 0) {
			t.Fatalf("Parse says %v, Validate %v", err, mistakes)
		}
		if err != nil {
			return
		}
		out, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("what was written does not parse: %v", err)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Fatalf("written and read again:\n%s", diff)
		}
		for _, v := range s.Scenes {
			if _, err := s.Resolve(v.ID); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkEdit(b *testing.B) {
	s := mustParse(b, string(assets.Demo))
	layers := slices.Clone(s.Scenes[4].Layers)
	for i := range b.N {
		layers[0].X = float64(i % 100)
		if _, err := s.SetLayers("quad", layers); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
}

func ExampleShow_Resolve() {
	s, err := Parse([]byte(`{"format":2,"sources":[{"id":"cam","kind":"camera"}],"scenes":[
		{"id":"half","layers":[{"source":"cam","width":960}]},
		{"id":"small","layers":[{"source":"half","x":960,"y":540,"width":960,"height":540,"opacity":0.5}]}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	placed, err := s.Resolve("small")
	for _, p := range placed {
		fmt.Println(p.Source, p.X, p.Y, p.Width, p.Height, p.Opacity)
	}
	fmt.Println(err)
	// Output:
	// cam 960 540 480 540 0.5
	// <nil>
}

// TestDefaultOn: a new show's rendition suits its canvas, and what is a time is the same time
// at every rate.
func TestDefaultOn(t *testing.T) {
	for _, c := range []struct {
		width, height    int
		rate             string
		kbps, mix, black int
	}{
		{1920, 1080, "30", 6000, 9, 30},
		{1920, 1080, "59.94", 9000, 18, 60},
		{1920, 1080, "24", 6000, 7, 24},
		{1280, 720, "50", 4500, 15, 50},
		{2560, 1440, "30", 9000, 9, 30},
		{3840, 2160, "60", 35000, 18, 60},
		{1080, 1920, "25", 6000, 8, 25},
		{1080, 1080, "29.97", 6000, 9, 30},
	} {
		fps, err := media.ParseRational(c.rate)
		if err != nil {
			t.Fatal(err)
		}
		s := DefaultOn(Canvas{Width: c.width, Height: c.height, FPS: fps, Color: BT709})
		v := s.Renditions[0].Video
		if v.Width != c.width || v.Height != c.height || v.BitrateKbps != c.kbps || s.Transition.Frames != c.mix || s.FadeToBlack.Frames != c.black {
			t.Errorf("%dx%d at %s: %dx%d at %d kb/s, mixes of %d and fades of %d frames", c.width, c.height, c.rate, v.Width, v.Height, v.BitrateKbps, s.Transition.Frames, s.FadeToBlack.Frames)
		}
		if err := s.check(); err != nil {
			t.Errorf("%dx%d at %s: %v", c.width, c.height, c.rate, err)
		}
	}
}

func TestRenditionOrFirst(t *testing.T) {
	two := &Show{Renditions: []Rendition{{ID: "main"}, {ID: "small"}}}
	for _, c := range []struct {
		name     string
		show     *Show
		id, want string
	}{
		{"the first where none is said", two, "", "main"},
		{"the one that is said", two, "small", "small"},
		{"one that is not there", two, "gone", "gone"},
		{"a show without renditions", &Show{}, "", ""},
		{"one that is said in such a show", &Show{}, "gone", "gone"},
	} {
		if got := c.show.RenditionOrFirst(c.id); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
