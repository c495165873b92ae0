package engine

import (
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
