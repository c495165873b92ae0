package engine

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/cutlist"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs"
)

// read is what an independent reader of a cut list makes of it: for each frame of the
// programme recording the file and the frame of it that a list asks for, "" for black;
// what is in a dissolve is left out.
type read map[int64]spot

type spot struct {
	file  string
	frame int64
}

// readOTIO reads with nothing but the documented schema.
func readOTIO(t testing.TB, path string) read {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	type rational struct {
		Schema string  `json:"OTIO_SCHEMA"`
		Rate   float64 `json:"rate"`
		Value  float64 `json:"value"`
	}
	type span struct {
		Schema   string   `json:"OTIO_SCHEMA"`
		Start    rational `json:"start_time"`
		Duration rational `json:"duration"`
	}
	type item struct {
		Schema   string    `json:"OTIO_SCHEMA"`
		Name     string    `json:"name"`
		Kind     string    `json:"kind"`
		Range    *span     `json:"source_range"`
		In       *rational `json:"in_offset"`
		Out      *rational `json:"out_offset"`
		Children []item    `json:"children"`
		Media    *struct {
			Schema    string `json:"OTIO_SCHEMA"`
			URL       string `json:"target_url"`
			Available span   `json:"available_range"`
		} `json:"media_reference"`
	}
	var doc struct {
		Schema string   `json:"OTIO_SCHEMA"`
		Start  rational `json:"global_start_time"`
		Tracks item     `json:"tracks"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != "Timeline.1" || doc.Tracks.Schema != "Stack.1" || len(doc.Tracks.Children) != 3 {
		t.Fatalf("the document is %s of %s with %d tracks", doc.Schema, doc.Tracks.Schema, len(doc.Tracks.Children))
	}
	out, at := read{}, int64(0)
	var mixed [][2]int64
	cut := doc.Tracks.Children[1] // above the programme, which is switched off
	if cut.Name != "Cut" {
		t.Fatalf("the second track is %q", cut.Name)
	}
	for _, c := range cut.Children {
		switch c.Schema {
		case "Transition.1":
			mixed = append(mixed, [2]int64{at - int64(c.In.Value), at + int64(c.Out.Value)})
			continue
		case "Clip.1", "Gap.1":
		default:
			t.Fatalf("a %s on the track", c.Schema)
		}
		n := int64(c.Range.Duration.Value)
		for i := range n {
			p := spot{}
			if c.Media != nil {
				name, err := url.PathUnescape(c.Media.URL)
				if err != nil {
					t.Fatal(err)
				}
				p = spot{filepath.Join(filepath.Dir(path), name), int64(c.Range.Start.Value-c.Media.Available.Start.Value) + i}
				if p.frame < 0 || p.frame >= int64(c.Media.Available.Duration.Value) {
					t.Fatalf("frame %d of %s is outside of what is there", p.frame, name)
				}
			}
			out[at+i] = p
		}
		at += n
	}
	for _, m := range mixed {
		for i := m[0]; i < m[1]; i++ {
			delete(out, i)
		}
	}
	return out
}

var edlLine = regexp.MustCompile(`^(\d{3})  (\S+)\s+(V|AA)\s+(C|D)\s+(\d{3})?\s+(\S+) (\S+) (\S+) (\S+)$`)

// readEDL reads a CMX 3600 list.
func readEDL(t testing.TB, path string, first map[string]int64) read {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fps := media.NewRational(30, 1)
	code := func(s string) int64 {
		n, err := av.ParseTimecode(s, fps)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	out := read{}
	begin := int64(-1)
	type event struct {
		in, recIn, recOut, dissolve int64
		reel                        string
	}
	var last *event
	var which string             // FROM or TO: whose comments follow
	named := map[string]string{} // files of the event by that
	flush := func() {
		if last != nil && last.recOut > last.recIn {
			if begin < 0 {
				begin = last.recIn
			}
			file := named["FROM"]
			if last.dissolve > 0 {
				file = named["TO"]
			}
			for i := last.recIn + last.dissolve; i < last.recOut; i++ {
				p := spot{}
				if last.reel != "BL" {
					p = spot{file, last.in + i - last.recIn - first[file]}
				}
				out[i-begin] = p
			}
		}
		last = nil
		clear(named)
	}
	for _, l := range strings.Split(string(raw), "\n") {
		if m := edlLine.FindStringSubmatch(l); m != nil {
			flush()
			if m[3] != "V" {
				continue
			}
			e := event{in: code(m[6]), recIn: code(m[8]), recOut: code(m[9]), reel: m[2]}
			if m[4] == "D" {
				if e.dissolve, err = strconv.ParseInt(m[5], 10, 64); err != nil {
					t.Fatal(err)
				}
			}
			if code(m[7])-e.in != e.recOut-e.recIn {
				t.Errorf("%q: source and record are not of one length", l)
			}
			last = &e
		}
		if what, ok := strings.CutPrefix(l, "* "); ok {
			if side, _, ok := strings.Cut(what, " CLIP NAME: "); ok {
				which = side
			}
			if file, ok := strings.CutPrefix(what, "SOURCE FILE: "); ok {
				named[which] = file
			}
		}
	}
	flush()
	return out
}

// readFCPXML reads the spine.
func readFCPXML(t testing.TB, path string) read {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	frames := func(s string) int64 {
		var num, den int64 = 0, 1
		if s == "0s" {
			return 0
		}
		if _, err := fmt.Sscanf(s, "%d/%ds", &num, &den); err != nil {
			t.Fatalf("%q is no time: %v", s, err)
		}
		if num*30%den != 0 {
			t.Fatalf("%q is not a whole number of frames", s)
		}
		return num * 30 / den
	}
	out := read{}
	src, start := map[string]string{}, map[string]int64{}
	var mixed [][2]int64
	dec := xml.NewDecoder(strings.NewReader(string(raw)))
	tcStart, depth, spine := int64(0), 0, -1
	for {
		tok, err := dec.Token()
		if err != nil {
			break
		}
		switch e := tok.(type) {
		case xml.StartElement:
			depth++
			a := map[string]string{}
			for _, v := range e.Attr {
				a[v.Name.Local] = v.Value
			}
			switch {
			case e.Name.Local == "asset":
				u, err := url.Parse(a["src"])
				if err != nil {
					t.Fatal(err)
				}
				src[a["id"]], start[a["id"]] = u.Path, frames(a["start"])
			case e.Name.Local == "sequence":
				tcStart = frames(a["tcStart"])
			case e.Name.Local == "spine":
				spine = depth
			case spine > 0 && depth == spine+1 && e.Name.Local == "transition":
				at := frames(a["offset"]) - tcStart
				mixed = append(mixed, [2]int64{at, at + frames(a["duration"])})
			case spine > 0 && depth == spine+1:
				at := frames(a["offset"]) - tcStart
				for i := range frames(a["duration"]) {
					p := spot{}
					if e.Name.Local == "asset-clip" {
						p = spot{src[a["ref"]], frames(a["start"]) - start[a["ref"]] + i}
					}
					out[at+i] = p
				}
			}
		case xml.EndElement:
			depth--
		}
	}
	for _, m := range mixed {
		for i := m[0]; i < m[1]; i++ {
			delete(out, i)
		}
	}
	return out
}

// TestCutListsAreFrameExact: whatever a cut list asks for at a frame is what the programme
// recording shows there, by the counters in both.
func TestCutListsAreFrameExact(t *testing.T) {
	dir := t.TempDir()
	black := true
	s := newStudio(t, parse(t, isoShow(dir)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists = true
		o.Ticks = 150
		o.Commands = []Timed{
			{7, &StartRecording{}},
			{20, &Cut{}},                       // one > two
			{31, &AutoTake{}},                  // a mix of six frames: two > one
			{50, &Cut{Scene: "both"}},          // only the programme has it
			{60, &AutoTake{}},                  // both > two: not a dissolve of files
			{75, &SetTransition{Kind: "wipe"}}, //
			{76, &AutoTake{}},                  // two > both … again
			{90, &Cut{Scene: "cam1"}},          // a bare source
			{95, &StopISO{Sources: []string{"cam1"}}},
			{105, &FadeToBlack{On: &black}},
			{140, &Cut{Scene: "two"}},
		}
	})
	s.run(t, t.Context(), time.Minute)
	for _, w := range s.State().Warnings {
		t.Error(w.Text)
	}
	programme := filepath.Join(dir, "show.mkv")
	files := map[string][]shot{}
	first := map[string]int64{}
	for _, f := range append(append(isoFiles(t, dir, "cam1"), isoFiles(t, dir, "cam2")...), programme) {
		files[f], first[f] = shots(t, f)
	}
	pgm := files[programme]
	if len(pgm) != 143 {
		t.Fatalf("the programme has %d pictures", len(pgm))
	}
	stem := filepath.Join(dir, "show")
	for name, got := range map[string]read{
		"otio": readOTIO(t, stem+".otio"), "edl": readEDL(t, stem+".edl", first), "fcpxml": readFCPXML(t, stem+".fcpxml"),
	} {
		own, mixed := 0, 0
		for i := range int64(len(pgm)) {
			p, ok := got[i]
			switch {
			case !ok:
				mixed++
			case p.file == "":
				if pgm[i] != (shot{}) {
					t.Errorf("%s: frame %d is black, the programme shows %v", name, i, pgm[i])
				}
			default:
				list := files[p.file]
				if int(p.frame) >= len(list) || p.frame < 0 {
					t.Fatalf("%s: frame %d is frame %d of %q, which has %d", name, i, p.frame, p.file, len(list))
				}
				if list[p.frame] != pgm[i] {
					t.Errorf("%s: frame %d is %v of %s, the programme shows %v", name, i, list[p.frame], filepath.Base(p.file), pgm[i])
				}
				if p.file != programme {
					own++
				}
			}
		}
		// One > two > (mix) one, then a bare source for as long as it was recorded.
		if own < 50 || mixed != 5 || len(got) != 143-5 {
			t.Errorf("%s: %d frames from sources, %d mixed, %d listed", name, own, mixed, len(got))
		}
	}
}

// TestCutListsOfWhatRanAlready: a recording that joins an encode which goes on begins with
// the very tick of its start on the virtual clock, and every event of the lists has the
// right picture of the right file, also where the container has no timecode.
func TestCutListsOfWhatRanAlready(t *testing.T) {
	for _, container := range []string{"mkv", "mp4", "ts"} {
		t.Run(container, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := newStudio(t, parse(t, strings.ReplaceAll(isoShow(dir), "show.mkv", "show."+container)), media.NewVirtualClock(), func(o *Options) {
				realRecords(o)
				o.CutLists, o.Ticks = true, 110
				o.Commands = []Timed{
					{0, &StartReplay{}}, // the encode
					{0, &StartISO{}},
					{14, &AutoTake{}}, // a mix of six frames: one > two
					{18, &StartRecording{}},
					{40, &Cut{}},      // two > one
					{60, &AutoTake{}}, // one > two
					{80, &Cut{Scene: "both"}},
				}
			})
			s.run(t, t.Context(), time.Minute)
			for _, w := range s.State().Warnings {
				t.Error(w.Text)
			}
			journal, first, own := wantListsRight(t, dir, "show."+container, true, 0)
			// All but the last frame of the mix, five of the other, and "both" at the end.
			if at := startedAt(journal); first != 18 || at != 18 || own != 80-19-5 {
				t.Errorf("the programme begins at tick %d, started at %d, %d frames are from sources", first, at, own)
			}
		})
	}
}

// TestCutListsBeginWithTheFile: on the real clock a recording takes a keyframe that is
// still in the encoder, and so begins before its start; the lists begin with it.
func TestCutListsBeginWithTheFile(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) {
		dir := a.TempDir()
		doc := strings.NewReplacer(`"preset":"ultrafast"`, `"preset":"veryfast"`, `"keyframe_seconds":0.5`, `"keyframe_seconds":0.25`).Replace(isoShow(dir))
		s := newStudio(a, parse(a, doc), media.NewRealClock(), func(o *Options) {
			realRecords(o)
			o.CutLists = true
		})
		ctx, cancel := context.WithCancel(a.Context())
		defer cancel()
		done := s.start(ctx)
		s.must(a, &StartReplay{})
		s.must(a, &StartISO{})
		s.until(a, "it runs", func(st *State) bool { return st.ISOs[1].Report.State == outputs.Confirmed && st.Replay.Held > 0 })
		s.must(a, &StartRecording{})
		start := s.State().Tick
		s.until(a, "some of one", func(st *State) bool { return st.Tick > start+15 })
		s.must(a, &Cut{})
		s.until(a, "some of two", func(st *State) bool { return st.Tick > start+25 })
		s.must(a, &AutoTake{})
		s.until(a, "some of one again", func(st *State) bool { return st.Tick > start+45 })
		cancel()
		finish(a, done, 10*time.Second)
		journal, first, own := wantListsRight(a, dir, "show.mkv", false, s.State().Counters.Repeated)
		if at := startedAt(journal); first >= at || own < 35 {
			a.Errorf("the programme begins at tick %d, it was started at %d; %d frames are from sources", first, at, own)
		}
	})
}

// startedAt is the tick at which the programme's recording was started.
func startedAt(journal *Session) int64 {
	for _, c := range journal.Commands {
		if _, ok := c.Command.(*StartRecording); ok {
			return c.Tick
		}
	}
	return -1
}

// framesOf is what a file shows at each of its frames, at 30 fps, and at how many of them
// there is no picture of its own: an encoder that has no room leaves some out.
func framesOf(t testing.TB, path string) (list []shot, missing int64) {
	t.Helper()
	eachPicture(t, path, func(at time.Duration, s shot) {
		n := int(at.Seconds()*30 + 0.5)
		for len(list) < n {
			missing++
			list = append(list, list[len(list)-1])
		}
		list = append(list, s)
	})
	return list, missing
}

// wantListsRight compares each list beside the programme's recording with the counters in
// all files: whatever a list asks for is what the programme has there, and with exact every
// picture is that of its tick. On late ticks, so many, the programme has the picture before.
// It returns the journal, the tick at which the programme's file begins, and how many frames
// of the lists are from sources.
func wantListsRight(t testing.TB, dir, programme string, exact bool, late int64) (journal *Session, begins int64, own int) {
	t.Helper()
	programme = filepath.Join(dir, programme)
	// The journal is called after what is recorded first, unless the programme's recording
	// follows within 2 s of wall time.
	names, _ := filepath.Glob(filepath.Join(dir, "*"+SessionExtension))
	if len(names) == 0 {
		names, _ = filepath.Glob(filepath.Join(dir, "iso", "*"+SessionExtension))
	}
	if len(names) != 1 {
		t.Fatalf("journals %q", names)
	}
	var err error
	if journal, err = ReadSession(names[0]); err != nil {
		t.Fatal(err)
	}
	files, first := map[string][]shot{}, map[string]int64{}
	var pgm []shot // of all its parts
	programmes := map[string]bool{}
	for _, f := range journal.History.Files {
		list, missing := framesOf(t, f.Path)
		if late += missing; int64(len(list)) != f.Frames || exact && missing > 0 {
			t.Errorf("%s has %d frames of %d, %d have no picture of their own", filepath.Base(f.Path), len(list), f.Frames, missing)
		}
		for i, v := range list {
			if exact && v != (shot{}) && int64(v.n) != tickOf(f, int64(i)) {
				t.Fatalf("picture %d of %s, which begins at tick %d, is %v", i, filepath.Base(f.Path), f.First, v)
			}
		}
		files[f.Path], first[f.Path] = list, f.First
		if f.Source == "" {
			programmes[f.Path] = true
			pgm = append(pgm, list...)
		}
	}
	stem := strings.TrimSuffix(names[0], SessionExtension)
	for name, got := range map[string]read{
		"otio": readOTIO(t, stem+".otio"), "edl": readEDL(t, stem+".edl", first), "fcpxml": readFCPXML(t, stem+".fcpxml"),
	} {
		own = 0
		wrong := int64(0)
		for i := range int64(len(pgm)) {
			p, ok := got[i]
			if !ok {
				continue // mixed
			}
			list := files[p.file]
			if p.frame < 0 || p.frame >= int64(len(list)) {
				t.Fatalf("%s: frame %d is frame %d of %q, which has %d", name, i, p.frame, p.file, len(list))
			}
			if list[p.frame] != pgm[i] {
				if wrong++; wrong > late {
					t.Errorf("%s: frame %d is %v of %s, the programme shows %v", name, i, list[p.frame], filepath.Base(p.file), pgm[i])
				}
			}
			if !programmes[p.file] {
				own++
			}
		}
		if len(got) < len(pgm)-5 || len(got) > len(pgm) {
			t.Errorf("%s: it lists %d frames of %d", name, len(got), len(pgm))
		}
	}
	return journal, first[programme], own
}

// tickOf is the tick of a file's frame i.
func tickOf(f cutlist.File, i int64) int64 {
	tick := f.First + i
	for _, l := range f.Left {
		if tick >= l.From {
			tick += l.To - l.From
		}
	}
	return tick
}

// TestCutListsGoOnAfterAPause: a programme that is paused, also at a split and within a mix, has
// lists that leave out what its files leave out, and are right picture for picture after it.
func TestCutListsGoOnAfterAPause(t *testing.T) {
	t.Parallel()
	for _, container := range []string{"mkv", "mp4", "ts"} {
		t.Run(container, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			yes, no := true, false
			s := newStudio(t, parse(t, strings.ReplaceAll(isoShow(dir), "show.mkv", "show."+container)), media.NewVirtualClock(), func(o *Options) {
				realRecords(o)
				o.CutLists, o.Ticks = true, 190
				o.Commands = []Timed{
					{8, &StartRecording{}}, {8, &StartISO{}},
					{20, &Cut{}},                             // one > two
					{30, &PauseRecording{}},                  // a toggle
					{35, &SetMark{Name: "break"}},            // where it goes on
					{40, &Cut{}},                             // two > one, which nobody sees
					{55, &PauseRecording{}},                  //
					{62, &SetMark{Name: "goal"}},             //
					{70, &AutoTake{}},                        // one > two, a mix of six frames
					{73, &PauseRecording{Paused: &yes}},      // within it
					{90, &PauseRecording{Paused: &no}},       //
					{100, &Cut{Scene: "both"}},               //
					{110, &PauseRecording{Paused: &yes}},     //
					{115, &SplitRecording{}},                 // with the picture that it goes on with
					{125, &PauseRecording{Paused: &no}},      //
					{140, &Cut{Scene: "one"}},                //
					{150, &PauseRecording{Paused: &yes}},     //
					{150 + 10, &PauseRecording{Paused: &no}}, // in the second file
					{180, &PauseRecording{Paused: &yes}},     // to the end
				}
			})
			s.run(t, t.Context(), time.Minute)
			for _, w := range s.State().Warnings {
				t.Error(w.Text)
			}
			journal, first, own := wantListsRight(t, dir, "show."+container, true, 0)
			var programme []string
			for _, f := range journal.History.Files {
				if f.Source == "" {
					programme = append(programme, fmt.Sprintf("%d+%d%v", f.First, f.Frames, f.Left))
				}
			}
			if got, want := strings.Join(programme, " "), "8+60[{30 55} {73 90} {110 125}] 125+45[{150 160}]"; got != want || first != 8 {
				t.Errorf("the programme's files are %s, want %s", got, want)
			}
			if r, err := journal.Recut(); err != nil || r.Frames() != 60+45 || len(r.WithRecording(&StartRecording{})) != len(r.Commands)+1+2*4 {
				t.Errorf("cut again it is %+v, %v", r, err)
			}
			// The mix is cut by a pause: what there is of it is the programme's.
			if want := 22 + 15 + 10 + 10 + 20; own != want {
				t.Errorf("%d frames are from sources, want %d", own, want)
			}
			if raw, err := os.ReadFile(filepath.Join(dir, "show.edl")); err != nil || !strings.Contains(string(raw), "LOC: 00:00:01:00 GREEN   break") || !strings.Contains(string(raw), "LOC: 00:00:01:07 GREEN   goal") {
				t.Errorf("the list's markers: %v\n%s", err, raw)
			}
		})
	}
}

// TestSplitOfAll: a split without names is one of the sources' own recordings too, at the very
// picture; no picture and no sample is lost or there twice, and the lists know all parts.
func TestSplitOfAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	doc := strings.Replace(soundShow(t, dir, ""), `"sources":["cam1","song","mic"]`, `"sources":["cam1","cam2","song"]`, 1)
	s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks = true, 100
		o.Commands = []Timed{{8, &StartRecording{}}, {20, &Cut{}}, {37, &SplitRecording{}}, {50, &Cut{}}, {61, &SplitRecording{}}, {90, &StopRecording{}}, {95, &SplitRecording{}}}
	})
	s.run(t, t.Context(), time.Minute)
	st := s.State()
	if len(st.Warnings) != 1 || !strings.Contains(st.Warnings[0].Text, "nothing is recording") {
		t.Errorf("warnings %+v", st.Warnings)
	}
	for _, v := range append(st.ISOs, st.Recordings...) {
		if r := v.Recording; r.Files != 3 || r.Checked != 3 || r.Problem != "" || (r.GoodTo-r.Length).Abs() > 50*time.Millisecond || r.Length < 81*time.Second/30 {
			t.Errorf("%s: %+v", v.ID, r)
		}
	}
	journal, err := ReadSession(filepath.Join(dir, "show"+SessionExtension))
	if err != nil {
		t.Fatal(err)
	}
	next, parts, heard := map[string]int64{}, map[string][]int64{}, 8*1600
	for _, f := range journal.History.Files {
		parts[f.Source] = append(parts[f.Source], f.First)
		if f.NoPictures {
			for b := decodeTrack(t, f.Path, 0); len(b) > 0; b = b[2:] {
				if got := int(b[0]*32768+0.5) + 30000*int(b[1]*32768+0.5); got != heard {
					t.Fatalf("%s: a sample is %d, want %d", filepath.Base(f.Path), got, heard)
				}
				heard++
			}
			continue
		}
		list, _ := shotsOf(t, f.Path)
		for _, v := range list {
			if next[f.Source] == 0 {
				next[f.Source] = 8
			}
			if int64(v.n) != next[f.Source] {
				t.Fatalf("%s has picture %d, want %d", filepath.Base(f.Path), v.n, next[f.Source])
			}
			next[f.Source]++
		}
	}
	for _, source := range []string{"", "cam1", "cam2"} {
		if got := fmt.Sprint(parts[source]); got != "[8 37 61]" || next[source] != 90 {
			t.Errorf("%q is in files from %s on, up to picture %d", source, got, next[source])
		}
	}
	if len(parts["song"]) != 3 || heard < 90*1600 {
		t.Errorf("the sound is in files from %v on, up to sample %d", parts["song"], heard)
	}
}

// TestPausedInAnOlderJournal: from a pause on that its journal does not know the end of, the
// programme's file is not cut from.
func TestPausedInAnOlderJournal(t *testing.T) {
	dir := t.TempDir()
	s := newStudio(t, parse(t, isoShow(dir)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks = true, 60
		o.Commands = []Timed{{0, &StartRecording{}}, {20, &PauseRecording{}}, {30, &PauseRecording{}}}
	})
	s.run(t, t.Context(), time.Minute)
	journal := filepath.Join(dir, "show"+SessionExtension)
	raw, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	frames := func(lines []string) int64 {
		if err := os.WriteFile(journal, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		read, err := ReadSession(journal)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range read.History.Files {
			if f.Source == "" {
				return f.End()
			}
		}
		return 0
	}
	var all, begun, none []string
	for _, line := range strings.Split(string(raw), "\n") {
		all = append(all, line)
		if !strings.Contains(line, `"left":{"path"`) {
			begun, none = append(begun, line), append(none, line)
		} else if !strings.Contains(line, `"to"`) {
			begun = append(begun, line)
		}
	}
	for _, c := range []struct {
		lines []string
		want  int64
	}{{all, 60}, {begun, 20}, {none, 20}} {
		if got := frames(c.lines); got != c.want {
			t.Errorf("with %d lines of %d the programme goes up to tick %d, want %d", len(c.lines), len(all), got, c.want)
		}
	}
}

// TestJournalOfAKilledShow is read as far as it goes.
func TestJournalOfAKilledShow(t *testing.T) {
	dir := t.TempDir()
	s := newStudio(t, parse(t, isoShow(dir)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks = true, 40
		o.Commands = []Timed{{0, &StartRecording{}}, {20, &Cut{}}}
	})
	s.run(t, t.Context(), time.Minute)
	journal := filepath.Join(dir, "show"+SessionExtension)
	raw, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := ReadSession(journal)
	if err != nil || !whole.Complete || len(whole.History.Files) != 3 || whole.End != 40 || len(whole.Commands) != 2 {
		t.Fatalf("the whole journal: %+v, %v", whole, err)
	}
	cut := filepath.Join(dir, "cut"+SessionExtension)
	if err := os.WriteFile(cut, raw[:len(raw)-20], 0o644); err != nil {
		t.Fatal(err)
	}
	part, err := ReadSession(cut)
	if err != nil || part.Complete || part.End != 40 {
		t.Errorf("the cut journal: %+v, %v", part, err)
	}
	if err := WriteCutLists(cut, CutListOptions{}); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(cut, []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSession(cut); err == nil {
		t.Error("something else was taken for a journal")
	}
}

// TestCutListsOfSplitRecordings: a programme in several files, marked, of every second
// picture, and paused at its end.
func TestCutListsOfSplitRecordings(t *testing.T) {
	dir := t.TempDir()
	doc := strings.Replace(isoShow(dir), `"keyframe_seconds":0.5`, `"keyframe_seconds":0.5,"frame_divisor":2`, 1)
	yes := true
	s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks = true, 120
		o.Commands = []Timed{
			{8, &StartRecording{}}, {30, &SplitRecording{}}, {33, &SetMark{Name: "goal"}}, {44, &Cut{Scene: "both"}}, {80, &PauseRecording{Paused: &yes}},
		}
	})
	s.run(t, t.Context(), time.Minute)
	journal, err := ReadSession(filepath.Join(dir, "show"+SessionExtension))
	if err != nil {
		t.Fatal(err)
	}
	var programme []string
	for _, f := range journal.History.Files {
		if part := fmt.Sprintf("%d+%d", f.First, f.Frames); f.Source == "" {
			programme = append(programme, part)
		} else if part != "8+22" && part != "30+90" {
			t.Errorf("%s is %s: a source's recording has every picture", f.Source, part)
		}
	}
	if got := strings.Join(programme, " "); got != "8+22 30+50" {
		t.Errorf("the programme's files are %s", got)
	}
	marked := false
	for _, m := range journal.History.Markers {
		marked = marked || m.Text == "goal" && m.At == 33
	}
	if !marked || !journal.Complete {
		t.Errorf("markers %v, complete %v", journal.History.Markers, journal.Complete)
	}
}
