package scenes

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the field tables of docs/SHOW.md anew")

const manual = "../docs/SHOW.md"

func TestManualExamples(t *testing.T) {
	text := read(t, manual)
	examples := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(examples) == 0 {
		t.Fatal("no example in the manual")
	}
	for _, e := range examples {
		if got := Validate([]byte(e[1]), catalog{}); len(got) != 0 {
			t.Errorf("mistakes in an example: %v", got)
		}
	}
	// What the text says of it.
	s := mustParse(t, examples[0][1])
	main, _ := s.Rendition("main")
	if s.Canvas.Width != 1920 || s.Canvas.FPS.Num != 30 || s.Transition.Frames != 9 || main.Video.BitrateKbps != 6000 || main.Audio.BitrateKbps != 160 || s.Overlays[0].On {
		t.Errorf("the example is not what the manual says of it: %+v", s)
	}
	placed, err := s.Resolve("reply")
	if err != nil || len(placed) != 3 || placed[1].Width != 240 || placed[1].Height != 270 {
		t.Errorf("the nested scene is %+v, %v; want its halves 240x270", placed, err)
	}
}

// property is a field in the schema.
type property struct {
	Title, Description, Type, Pattern, Ref string
	Enum                                   []string
	Const, Default                         any
	Minimum, Maximum, ExclusiveMinimum     *float64
	MultipleOf, MaxLength, MaxItems        *float64
	Items                                  *property
}

func (p *property) UnmarshalJSON(b []byte) error {
	type plain property
	var v struct {
		plain
		Type any
		Ref  string `json:"$ref"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*p = property(v.plain)
	p.Ref = strings.TrimPrefix(v.Ref, "#/$defs/")
	p.Type = strings.ReplaceAll(strings.Trim(fmt.Sprint(v.Type), "[]"), " ", " or ")
	return nil
}

func TestManualListsEveryField(t *testing.T) {
	tables := fieldTables(t)
	text := read(t, manual)
	const begin, end = "-update` -->\n", "<!-- end of fields -->"
	i, j := strings.Index(text, begin), strings.Index(text, end)
	if i < 0 || j < i {
		t.Fatal("the manual has no place for the fields")
	}
	i += len(begin)
	want := text[:i] + tables + text[j:]
	if *update {
		if err := os.WriteFile(manual, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text != want {
		t.Error("the field tables are not those of schema.json; run `go test ./scenes -run TestManual -update`")
	}
}

func fieldTables(t *testing.T) string {
	t.Helper()
	// Order matters to a reader, so the names are taken in the file's order.
	root, _ := parseTree(schemaJSON)
	var b strings.Builder
	table := func(heading string, n *node) {
		required := map[string]bool{}
		for _, r := range n.get("required").list() {
			required[r.text] = true
		}
		fmt.Fprintf(&b, "\n### %s\n\n| Field | Type and range | Default | Meaning |\n|---|---|---|---|\n", heading)
		for _, m := range n.get("properties").members {
			var p property
			if err := json.Unmarshal(schemaJSON[m.value.start:m.value.end], &p); err != nil {
				t.Fatalf("%s: %v", m.key, err)
			}
			if p.Title == "" || p.Description == "" {
				t.Errorf("%s.%s has no title or description", heading, m.key)
			}
			name := "`" + m.key + "`"
			if required[m.key] {
				name = "**" + name + "**"
			}
			def := ""
			if p.Default != nil {
				raw, err := json.Marshal(p.Default)
				if err != nil {
					t.Fatal(err)
				}
				def = "`" + string(raw) + "`"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, p.describe(), def, p.Description)
		}
	}
	table("The file", root)
	headings := []struct{ def, heading string }{
		{"canvas", "canvas"}, {"program", "programs[]"}, {"source", "sources[]"}, {"strip", "sources[].audio"},
		{"send", "sources[].audio.sends[]"}, {"bus", "buses[]"}, {"limiter", "buses[].limiter"}, {"insert", "inserts[]"},
		{"scene", "scenes[]"}, {"layer", "layers[]"}, {"crop", "layers[].crop"}, {"overlay", "overlays[]"},
		{"transition", "transition"}, {"fade_to_black", "fade_to_black"}, {"rendition", "renditions[]"},
		{"video", "renditions[].video"}, {"audio", "renditions[].audio"}, {"destination", "destinations[]"},
		{"ingest", "destinations[].backups[]"},
		{"recording", "recordings[]"}, {"track", "recordings[].tracks[] and destinations[].tracks[]"}, {"iso", "iso"}, {"replay", "replay"}, {"start", "start"},
	}
	described := map[string]bool{}
	for _, h := range headings {
		described[h.def] = true
		table(h.heading, root.get("$defs").get(h.def))
	}
	for _, m := range root.get("$defs").members {
		if m.value.get("properties") != nil && !described[m.key] {
			t.Errorf("%s has no table", m.key)
		}
	}
	b.WriteString("\n")
	return b.String()
}

// describe is a field's type and range in a table's cell.
func (p property) describe() string {
	number := func(f *float64) string { return fmt.Sprint(*f) }
	switch {
	case p.Const != nil:
		return fmt.Sprintf("`%v`", p.Const)
	case p.Enum != nil:
		return "`" + strings.Join(p.Enum, "`, `") + "`"
	case p.Ref == "id":
		return "id"
	case p.Ref == "name":
		return "text, at most 200 characters"
	case p.Ref == "layers":
		return "list of layers, at most 256"
	case p.Ref == "inserts":
		return "list of inserts, below, at most 16"
	case p.Ref != "":
		return "object, below"
	case p.Items != nil:
		out := "list of objects, below"
		if p.Items.Ref == "id" {
			out = "list of ids"
		}
		if p.MaxItems != nil {
			out += ", at most " + number(p.MaxItems)
		}
		return out
	case strings.Contains(p.Pattern, "{0,64}"):
		return "id or empty"
	case strings.HasPrefix(p.Pattern, "^#"):
		return "`#rrggbb`"
	case strings.HasPrefix(p.Pattern, "^$|^[0-9]{4}-"):
		return "date and time (RFC 3339)"
	case p.Pattern != "":
		return "1 to 64 letters, digits, `-`, `_`"
	}
	out := map[string]string{"integer": "whole number", "boolean": "`true`, `false`", "string": "text", "string or number": "text or number"}[p.Type]
	if out == "" {
		out = p.Type
	}
	if p.MultipleOf != nil {
		out = "even number"
	}
	switch {
	case p.Minimum != nil:
		out += fmt.Sprintf(", %s to %s", number(p.Minimum), number(p.Maximum))
	case p.ExclusiveMinimum != nil:
		out += fmt.Sprintf(", over %s, to %s", number(p.ExclusiveMinimum), number(p.Maximum))
	case p.MaxLength != nil:
		out += fmt.Sprintf(", at most %s characters", number(p.MaxLength))
	}
	return out
}

const soundManual = "../docs/SOUND.md"

// TestManualListsEveryInsert keeps the tables of docs/SOUND.md those of inserts.json.
func TestManualListsEveryInsert(t *testing.T) {
	var b strings.Builder
	root, _ := parseTree(insertsJSON)
	for _, k := range root.members {
		title, _ := k.value.str("title")
		text, _ := k.value.str("description")
		fmt.Fprintf(&b, "\n### %s (`%s`)\n\n%s\n\n| Setting | Range | Default | Meaning |\n|---|---|---|---|\n", title, k.key, text)
		for _, m := range k.value.get("properties").members {
			unit, _ := m.value.str("x-unit")
			meaning, _ := m.value.str("description")
			what := "`true`, `false`"
			switch {
			case m.value.get("enum") != nil:
				var all []string
				for _, v := range m.value.get("enum").list() {
					all = append(all, v.text)
				}
				what = strings.Join(all, ", ") + " " + unit
			case m.value.get("minimum") != nil:
				what = fmt.Sprintf("%s to %s %s", m.value.get("minimum").text, m.value.get("maximum").text, unit)
			case m.value.get("pattern") != nil:
				what = "id or empty"
			}
			d := m.value.get("default")
			fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", m.key, strings.TrimSpace(what), insertsJSON[d.start:d.end], meaning)
		}
	}
	b.WriteString("\n")
	text := read(t, soundManual)
	const begin, end = "-update` -->\n", "<!-- end of inserts -->"
	i, j := strings.Index(text, begin), strings.Index(text, end)
	if i < 0 || j < i {
		t.Fatal("the manual has no place for the inserts")
	}
	i += len(begin)
	want := text[:i] + b.String() + text[j:]
	if *update {
		if err := os.WriteFile(soundManual, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text != want {
		t.Error("the tables of inserts are not those of inserts.json; run `go test ./scenes -run TestManual -update`")
	}
}
