package cutlist

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// brief is a timeline in a line a clip.
func brief(t *Timeline) string {
	var b strings.Builder
	for _, c := range t.Clips {
		file := "-"
		if c.File != nil {
			file = c.File.Path
		}
		fmt.Fprintf(&b, "%d+%d %s", c.At, c.Frames, file)
		if c.Dissolve > 0 {
			fmt.Fprintf(&b, " d%d", c.Dissolve)
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestBuild(t *testing.T) {
	files := []File{{"/p", "", 0, 200, true, false, nil, Medium{}}, {"/a", "a", 0, 100, true, false, nil, Medium{}}, {"/a2", "a", 110, 90, true, false, nil, Medium{}}, {"/b", "b", 10, 190, true, false, nil, Medium{}}}
	for _, c := range []struct {
		name  string
		looks []Look
		want  string
	}{
		{"cut", []Look{{0, "sa", "a", false, false}, {20, "sb", "b", false, false}}, "0+20 /a; 20+180 /b"},
		{"mix", []Look{{0, "sa", "a", false, false}, {20, "sa", "a", false, true}, {31, "sb", "b", false, false}}, "0+20 /a; 20+180 /b d11"},
		{"mix given up", []Look{{0, "sa", "a", false, false}, {20, "sa", "a", false, true}, {31, "sa", "a", false, false}, {50, "sb", "b", false, false}},
			"0+20 /a; 20+11 /p; 31+19 /a; 50+150 /b"},
		{"mix before the other was recorded", []Look{{0, "sa", "a", false, false}, {2, "sa", "a", false, true}, {8, "sb", "b", false, false}},
			"0+2 /a; 2+6 /p; 8+2 /p; 10+190 /b"},
		{"fade to black", []Look{{0, "sb", "b", false, false}, {20, "sb", "b", false, true}, {30, "sb", "b", true, false}},
			"0+10 /p; 10+10 /b; 20+180 - d10"},
		{"composed", []Look{{0, "both", "", false, false}, {20, "both", "", false, true}, {30, "sb", "b", false, false}},
			"0+20 /p; 20+10 /p; 30+170 /b"},
		{"a recording stops and starts again", []Look{{0, "sa", "a", false, false}}, "0+100 /a; 100+10 /p; 110+90 /a2"},
		{"the recording has more than was noted", []Look{{12, "sa", "a", false, false}, {20, "sb", "b", false, false}}, "0+12 /p; 12+8 /a; 20+180 /b"},
		{"nothing was noted", nil, "0+200 /p"},
		{"nothing has it", []Look{{0, "x", "c", false, false}}, "0+200 /p"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Build(History{FPS: media.NewRational(25, 1), Width: 64, Height: 48, First: 0, End: 200, Looks: c.looks, Files: files})
			if s := brief(got); s != c.want {
				t.Errorf("cut as %s\nwant %s", s, c.want)
			}
		})
	}
}

// TestPauses: what no recording of the programme has because of a pause is left out, sources'
// recordings go on from where the programme does, and a file's frames are counted without it.
func TestPauses(t *testing.T) {
	p := File{"/p", "", 10, 70, true, false, []Stretch{{30, 50}, {60, 70}}, Medium{}} // 10-30, 50-60, 70-110
	a := File{"/a", "a", 0, 200, true, false, nil, Medium{}}
	for _, c := range []struct {
		name  string
		files []File
		want  string
	}{
		{"one recording", []File{p, a}, "10+20 /p 10; 30+10 /p 30; 40+10 /p 40; 50+30 /a 80"},
		{"another has some of it", []File{p, {"/q", "", 40, 40, true, false, nil, Medium{}}, a}, "10+20 /p 10; 30+10 /q 40; 40+10 /p 30; 50+10 /q 60; 60+10 /p 40; 70+30 /a 80"},
		{"it ends paused", []File{{"/p", "", 10, 20, true, false, []Stretch{{30, 50}}, Medium{}}, a}, "10+20 /p 10"},
	} {
		h := History{FPS: media.NewRational(25, 1), First: 10, Files: c.files, Pauses: Pauses(c.files), Looks: []Look{{0, "s", "", false, false}, {80, "sa", "a", false, false}}}
		for i := range h.Files {
			if f := &h.Files[i]; f.Source == "" {
				h.End = max(h.End, f.End())
			}
		}
		tl := Build(h)
		var got []string
		for _, c := range tl.Clips {
			got = append(got, fmt.Sprintf("%d+%d %s %d", c.At, c.Frames, c.File.Path, c.In))
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%s: cut as %s\nwant %s", c.name, s, c.want)
		}
		if last := tl.Clips[len(tl.Clips)-1]; tl.End != last.At+last.Frames {
			t.Errorf("%s: it ends at %d, its last clip is %+v", c.name, tl.End, last)
		}
	}
}

// A timeline of 29.97 frames with everything that can be on it.
func sample() *Timeline {
	return Build(History{
		Name: "Show & <tell>", FPS: media.NewRational(30000, 1001), Width: 1920, Height: 1080, First: 90, End: 300,
		Looks:   []Look{{90, "sa", "cam-a", false, false}, {120, "sa", "cam-a", false, true}, {131, "sb", "cam-b", false, false}, {200, "sb", "cam-b", true, false}},
		Files:   []File{{"/v/pgm 1.mkv", "", 90, 210, true, false, nil, Medium{}}, {"/v/iso/a.mkv", "cam-a", 60, 240, true, false, nil, Medium{}}, {"/elsewhere/b.mkv", "cam-b", 60, 240, false, false, nil, Medium{}}, {"/v/iso/mic.mkv", "mic", 95, 100, true, true, nil, Medium{}}, {"/v/iso/mic 2.mkv", "mic", 194, 60, true, true, nil, Medium{}}},
		Names:   map[string]string{"sa": "Camera A", "sb": "Camera B", "mic": "Desk mic"},
		Markers: []Marker{{100, "Key Name on"}},
	})
}

func TestEDL(t *testing.T) {
	const want = `TITLE: Show & <tell>
FCM: NON-DROP FRAME

001  CAMA     V     C         00:00:03:00 00:00:04:00 00:00:03:00 00:00:04:00
* FROM CLIP NAME: Camera A
* SOURCE FILE: /v/iso/a.mkv
* LOC: 00:00:03:10 GREEN   Key Name on
002  CAMA     V     C         00:00:04:00 00:00:04:00 00:00:04:00 00:00:04:00
002  CAMB     V     D    011  00:00:04:00 00:00:06:20 00:00:04:00 00:00:06:20
* FROM CLIP NAME: Camera A
* SOURCE FILE: /v/iso/a.mkv
* TO CLIP NAME: Camera B
* SOURCE FILE: /elsewhere/b.mkv
003  BL       V     C         00:00:03:20 00:00:07:00 00:00:06:20 00:00:10:00
* FROM CLIP NAME: Black
004  PGM      AA    C         00:00:03:00 00:00:10:00 00:00:03:00 00:00:10:00
* FROM CLIP NAME: pgm 1.mkv
* SOURCE FILE: /v/pgm 1.mkv
005  MIC      A3    C         00:00:03:05 00:00:06:14 00:00:03:05 00:00:06:14
* FROM CLIP NAME: Desk mic
* SOURCE FILE: /v/iso/mic.mkv
006  MICP2    A3    C         00:00:06:14 00:00:08:14 00:00:06:14 00:00:08:14
* FROM CLIP NAME: Desk mic
* SOURCE FILE: /v/iso/mic 2.mkv
`
	if got := string(sample().EDL()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestReels(t *testing.T) {
	tl := &Timeline{}
	// In the order of the timeline; the second cam3 is the first one in time.
	for _, f := range []struct {
		source string
		first  int64
		want   string
	}{
		{"camera-left-1", 0, "CAMERALE"}, {"camera-left-2", 0, "CAMERAL2"}, {"bl", 0, "BL2"}, {"--", 0, "2"}, {"", 0, "PGM"},
		{"cam3", 40, "CAM3P2"}, {"cam3", 0, "CAM3"}, {"cam3p2", 50, "CAM3P3"}, {"camera-left-1", 60, "CAMERAP2"}, {"", 70, "PGMP2"},
	} {
		tl.Clips = append(tl.Clips, Clip{File: &File{Path: f.want, Source: f.source, First: f.first}})
	}
	seen := map[string]bool{}
	for f, name := range tl.reels() {
		if name != f.Path || len(name) > 8 || seen[name] {
			t.Errorf("the reel of %q from %d is %q, want %q", f.Source, f.First, name, f.Path)
		}
		seen[name] = true
	}
}

// TestOTIO: every object has its schema and the fields that the schema asks for.
func TestOTIO(t *testing.T) {
	raw, err := sample().OTIO("/v")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string][]string{
		"Timeline.1": {"metadata", "name", "global_start_time", "tracks"}, "Stack.1": {"metadata", "name", "children"},
		"Track.1": {"metadata", "name", "children", "kind"}, "Clip.1": {"metadata", "name", "source_range", "media_reference"},
		"Gap.1": {"metadata", "name", "source_range"}, "Transition.1": {"metadata", "name", "transition_type", "in_offset", "out_offset"},
		"Marker.2": {"metadata", "name", "color", "marked_range"}, "ExternalReference.1": {"metadata", "name", "available_range", "target_url"},
		"TimeRange.1": {"start_time", "duration"}, "RationalTime.1": {"rate", "value"},
	}
	seen := map[string]int{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			if schema, ok := v["OTIO_SCHEMA"].(string); ok {
				seen[schema]++
				if fields[schema] == nil {
					t.Errorf("schema %q", schema)
				}
				for _, f := range fields[schema] {
					if _, ok := v[f]; !ok {
						t.Errorf("a %s has no %s", schema, f)
					}
				}
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	walk(doc)
	if seen["Clip.1"] != 6 || seen["Gap.1"] != 3 || seen["Transition.1"] != 1 || seen["Track.1"] != 4 || seen["Marker.2"] != 1 {
		t.Errorf("it has %v", seen)
	}
	for _, url := range []string{`"iso/a.mkv"`, `"pgm 1.mkv"`, `"file:///elsewhere/b.mkv"`} {
		if !strings.Contains(string(raw), url) {
			t.Errorf("no %s in it", url)
		}
	}
	// Kdenlive shows tracks that are switched off too, later ones above earlier ones, and of
	// markers only the stack's, with their comments.
	var order struct {
		Tracks struct {
			Children []struct{ Name string }
			Markers  []struct{ Name, Comment string }
		}
	}
	if err := json.Unmarshal(raw, &order); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(order.Tracks.Children); got != "[{Programme} {Cut} {Programme sound} {Desk mic}]" {
		t.Errorf("the tracks are %s", got)
	}
	if got := fmt.Sprint(order.Tracks.Markers); got != "[{Key Name on Key Name on}]" {
		t.Errorf("the timeline's markers are %s", got)
	}
}

// TestOTIOForKdenlive: no transitions, the same cuts, the last frame by itself, and times that count from where Kdenlive
// counts: the timecode of MP4, else the first picture.
func TestOTIOForKdenlive(t *testing.T) {
	raw, err := Build(History{
		FPS: media.NewRational(25, 1), Width: 64, Height: 48, First: 90, End: 300,
		Looks: []Look{{90, "sa", "a", false, false}, {120, "sa", "a", false, true}, {130, "sb", "b", false, false}},
		Files: []File{{"/v/p.mkv", "", 80, 220, true, false, nil, Medium{}}, {"/v/a.mkv", "a", 60, 240, true, false, nil, Medium{}}, {"/v/b.mp4", "b", 70, 230, true, false, nil, Medium{}}, {"/v/m.mp4", "m", 85, 300, true, true, nil, Medium{}}},
	}).OTIOForKdenlive("/v")
	if err != nil {
		t.Fatal(err)
	}
	type number struct{ Value int64 }
	type span struct {
		Start  number `json:"start_time"`
		Length number `json:"duration"`
	}
	var doc struct {
		Tracks struct {
			Children []struct {
				Children []struct {
					Range span `json:"source_range"`
					Media struct {
						URL       string `json:"target_url"`
						Available span   `json:"available_range"`
					} `json:"media_reference"`
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, track := range doc.Tracks.Children {
		for _, c := range track.Children {
			got = append(got, fmt.Sprintf("%s %d+%d of %d+%d", c.Media.URL, c.Range.Start.Value, c.Range.Length.Value, c.Media.Available.Start.Value, c.Media.Available.Length.Value))
		}
	}
	want := []string{
		"p.mkv 10+209 of 0+220", "p.mkv 219+1 of 0+220", // the programme
		"a.mkv 30+35 of 0+240", "b.mp4 125+174 of 70+230", "b.mp4 299+1 of 70+230", // the cut
		"p.mkv 10+209 of 0+220", "p.mkv 219+1 of 0+220", // its sound
		"m.mp4 5+209 of 0+300", "m.mp4 214+1 of 0+300",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestLocations: names of files as they are where an editor may take them literally or as a URL.
func TestLocations(t *testing.T) {
	for path, want := range map[string]string{
		"/v/iso/2026-11-29 20-15-00 cam1.mkv": "iso/2026-11-29 20-15-00 cam1.mkv",
		"/v/Café/a.mkv":                       "Café/a.mkv",
		"/w/Übung 1/a.mkv":                    "file:///w/Übung 1/a.mkv",
		"/v/100 %41 #1?.mkv":                  "100 %2541 %231%3F.mkv",
		"/v/a:b.mkv":                          "./a:b.mkv",
		"/v/..a.mkv":                          "..a.mkv",
	} {
		if got := location("/v", path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

// fcpElements are the elements that we write, with the attributes and the children, in their
// order, that the published DTD allows (developer.apple.com, "FCPXML Reference", "Document
// Type Definition"; of version 1.8 an asset names its file itself). ! must be there.
var fcpElements = map[string][2]string{
	"fcpxml":       {"version!", "resources library"},
	"resources":    {"", "asset|effect|format"},
	"format":       {"id! name frameDuration width height", ""},
	"effect":       {"id! name uid!", ""},
	"asset":        {"id! name src! start duration hasVideo format hasAudio audioSources audioChannels audioRate", ""},
	"library":      {"", "event"},
	"event":        {"name", "project"},
	"project":      {"name", "sequence"},
	"sequence":     {"format! duration tcStart tcFormat", "spine"},
	"spine":        {"", "asset-clip|gap|transition"},
	"asset-clip":   {"ref! name lane offset start duration enabled srcEnable tcFormat", "asset-clip marker"},
	"gap":          {"name offset start duration! enabled", "asset-clip marker"},
	"transition":   {"name offset duration!", "filter-video marker"},
	"filter-video": {"ref! name", ""},
	"marker":       {"start! duration value!", ""},
}

// wantAllowed holds an element against fcpElements; last is its last child so far.
func wantAllowed(t *testing.T, e xml.StartElement, parent string, last *string) {
	t.Helper()
	rule, ok := fcpElements[e.Name.Local]
	if !ok {
		t.Fatalf("an element %s", e.Name.Local)
	}
	have := map[string]bool{}
	for _, a := range e.Attr {
		have[a.Name.Local] = true
	}
	for _, name := range strings.Fields(rule[0]) {
		name, must := strings.CutSuffix(name, "!")
		if must && !have[name] {
			t.Errorf("%s has no %s", e.Name.Local, name)
		}
		delete(have, name)
	}
	for name := range have {
		t.Errorf("%s has an attribute %s", e.Name.Local, name)
	}
	if parent == "" {
		return
	}
	place := func(name string) int {
		for i, group := range strings.Fields(fcpElements[parent][1]) {
			if slices.Contains(strings.Split(group, "|"), name) {
				return i
			}
		}
		return -1
	}
	if at := place(e.Name.Local); at < 0 || *last != "" && at < place(*last) {
		t.Errorf("%s in %s, behind %q", e.Name.Local, parent, *last)
	}
	*last = e.Name.Local
}

// TestFCPXML: well formed, nothing in it that the DTD does not know, every reference resolves, and the spine has no holes.
func TestFCPXML(t *testing.T) {
	raw, err := sample().FCPXML()
	if err != nil {
		t.Fatal(err)
	}
	ids, refs := map[string]bool{}, []string{}
	dec := xml.NewDecoder(strings.NewReader(string(raw)))
	elements := map[string]int{}
	type level struct{ name, last string }
	path := []level{{}}
	for {
		tok, err := dec.Token()
		if err != nil {
			break
		}
		if _, ok := tok.(xml.EndElement); ok {
			path = path[:len(path)-1]
		}
		e, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		in := &path[len(path)-1]
		wantAllowed(t, e, in.name, &in.last)
		path = append(path, level{name: e.Name.Local})
		elements[e.Name.Local]++
		for _, a := range e.Attr {
			switch a.Name.Local {
			case "id":
				ids[a.Value] = true
			case "ref", "format":
				refs = append(refs, a.Value)
			case "offset", "start", "duration", "frameDuration":
				var num, den int64
				if _, err := fmt.Sscanf(a.Value, "%d/%ds", &num, &den); (err != nil || num%1001 != 0 || den != 30000) && a.Value != "0s" {
					t.Errorf("%s %s=%q is not a whole number of frames", e.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
	for _, r := range refs {
		if !ids[r] {
			t.Errorf("reference %q leads nowhere", r)
		}
	}
	if elements["asset"] != 5 || elements["asset-clip"] != 5 || elements["gap"] != 1 || elements["transition"] != 1 || elements["marker"] != 1 || elements["spine"] != 1 {
		t.Errorf("it has %v", elements)
	}
}

// TestFCPXMLFormats: a file of another size or rate than the timeline has a format of its own, and
// what its sound is like is said.
func TestFCPXMLFormats(t *testing.T) {
	t.Parallel()
	file := func(path string, m Medium) *File { return &File{Path: path, Frames: 60, Sound: true, Medium: m} }
	tl := &Timeline{FPS: media.NewRational(30000, 1001), Width: 1920, Height: 1080, End: 300, Clips: []Clip{
		{At: 0, Frames: 60, File: file("/same.mkv", Medium{1920, 1080, 1, 2, 48000})},
		{At: 60, Frames: 60, File: file("/unknown.mkv", Medium{})},
		{At: 120, Frames: 60, File: file("/half.mkv", Medium{1280, 720, 2, 1, 44100})},
		{At: 180, Frames: 60, File: file("/small.mkv", Medium{1280, 720, 1, 6, 48000})},
		{At: 240, Frames: 60, File: file("/small too.mkv", Medium{1280, 720, 1, 2, 48000})},
	}}
	raw, err := tl.FCPXML()
	if err != nil {
		t.Fatal(err)
	}
	var doc fcpxml
	if err := xml.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	formats := map[string]string{}
	for _, f := range doc.Resources.Formats {
		formats[f.ID] = fmt.Sprintf("%dx%d %s", f.Width, f.Height, f.Duration)
	}
	if got := formats[doc.Event.Project.Sequence.Format]; got != "1920x1080 1001/30000s" || len(formats) != 3 {
		t.Errorf("the sequence is %s, of the formats %v", got, formats)
	}
	var got []string
	for _, a := range doc.Resources.Assets {
		got = append(got, fmt.Sprintf("%s: %s, %d at %d", a.Name, formats[a.Format], a.AudioChannels, a.AudioRate))
	}
	if want := []string{
		"same.mkv: 1920x1080 1001/30000s, 2 at 48000", "unknown.mkv: 1920x1080 1001/30000s, 2 at 48000", "half.mkv: 1280x720 2002/30000s, 1 at 44100",
		"small.mkv: 1280x720 1001/30000s, 6 at 48000", "small too.mkv: 1280x720 1001/30000s, 2 at 48000",
	}; !slices.Equal(got, want) {
		t.Errorf("assets %q, want %q", got, want)
	}
}

// TestSoundFilesThatOverlap: the earlier one is played up to its last tick, which may end within;
// of two that share that tick alone the later one has it; a file is one clip.
func TestSoundFilesThatOverlap(t *testing.T) {
	t.Parallel()
	file := func(path string, first, frames int64) File {
		return File{Path: path, Source: "song", First: first, Frames: frames, Sound: true, NoPictures: true}
	}
	h := History{FPS: media.NewRational(30, 1), First: 0, End: 100, Files: []File{
		{Path: "/show.mkv", First: 0, Frames: 100}, file("/a", 10, 31), file("/b", 37, 24), file("/c", 60, 21),
	}}
	list := Build(h).Sounds
	if len(list) != 1 {
		t.Fatalf("%d tracks", len(list))
	}
	var got []string
	for _, c := range list[0].Clips {
		name := "-"
		if c.File != nil {
			name = c.File.Path
		}
		got = append(got, fmt.Sprintf("%s %d+%d in %d", name, c.At, c.Frames, c.In))
	}
	if want := []string{"- 0+10 in 0", "/a 10+30 in 10", "/b 40+20 in 40", "/c 60+21 in 60", "- 81+19 in 0"}; !slices.Equal(got, want) {
		t.Errorf("clips %q, want %q", got, want)
	}
}
