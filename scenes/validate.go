package scenes

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"crosspoint.studio/crosspoint/internal/media"
)

// KindCatalog tells which kinds of source and output the program has. Schemas are
// JSON Schema, draft 2020-12, of the settings object.
type KindCatalog interface {
	SourceKinds() []string
	SourceSchema(kind string) (schema json.RawMessage, ok bool)
	OutputKinds() []string
	OutputSchema(kind string) (schema json.RawMessage, ok bool)
}

// Validate lists the mistakes in a show document, in the order of the document; of very many the
// first hundred that are found.
// With kinds it also reports unknown kinds and settings that do not suit their
// kind, neither of which keeps a show from loading; kinds may be nil, and may be a
// SettingsChecker. Messages of schemas have no values of settings in them, which may be
// secrets in the wrong place.
func Validate(raw []byte, kinds KindCatalog) []Mistake {
	c, err := examine(raw, kinds, migrations)
	var invalid *InvalidError
	switch {
	case errors.As(err, &invalid):
		return invalid.Mistakes
	case err != nil:
		return []Mistake{{"$.format", err.Error()}}
	}
	return c.mistakes()
}

// found is a mistake and where in the document it stands.
type found struct {
	at int
	Mistake
}

// examination is a document, brought to the present format, and what is wrong
// with it.
type examination struct {
	raw   []byte
	root  *node
	kinds KindCatalog
	found []found // at most maxMistakes and one more

	names map[string]name // by id
	scene map[string]*node
	edges map[string][]edge   // what each scene shows
	near  map[string][]string // what candidates has made, by lists
	turns map[string]string   // what rotated has made, by scene
}

// maxMistakes is how many are listed. Nobody corrects more at once, and there may be millions in a
// file that is no show.
const maxMistakes = 100

// name is what an id stands for.
type name struct {
	list string // "sources", "scenes", …
	path string
}

// edge is a layer of a scene that shows another scene.
type edge struct {
	to   string
	at   int
	path string
}

// examine collects the mistakes. Its error is *NewerFormatError, *InvalidError
// (no JSON at all), or a failed migration.
func examine(raw []byte, kinds KindCatalog, table []migration) (*examination, error) {
	raw = trimMark(raw)
	root, odd := parseTree(raw)
	if root == nil {
		return nil, &InvalidError{[]Mistake{odd[0].Mistake}}
	}
	if f := formatOf(root); f > Format {
		return nil, &NewerFormatError{Format: f}
	}
	migrated, err := migrate(root, table)
	if err != nil {
		return nil, err
	}
	written := root
	if migrated != nil {
		raw = migrated
		root, _ = parseTree(raw)
	}
	c := &examination{raw: raw, root: root, kinds: kinds, found: odd, names: map[string]name{}, scene: map[string]*node{}, edges: map[string][]edge{},
		near: map[string][]string{}, turns: map[string]string{}}
	c.literal(nil, written) // a migration keeps neither repeated keys nor unusable numbers
	c.schema("$", root, ownSchema(), root.start, true)
	c.canvas()
	c.programs()
	c.ids()
	c.layers()
	c.nesting()
	c.renditions()
	c.backups()
	c.sound()
	c.iso()
	c.start()
	if kinds != nil {
		c.settings()
		c.times()
	}
	return c, nil
}

func (c *examination) add(at int, path, format string, args ...any) {
	if c.full() {
		return
	}
	c.found = append(c.found, found{at, Mistake{path, fmt.Sprintf(format, args...)}})
}

// full: there are more mistakes than are listed; nothing needs to be looked at any more.
func (c *examination) full() bool { return len(c.found) > maxMistakes }

// didYouMean is DidYouMean for a mistake that is listed.
func (c *examination) didYouMean(text string, candidates []string) string {
	if c.full() {
		return ""
	}
	return DidYouMean(text, candidates)
}

// candidates are the ids in some lists.
func (c *examination) candidates(lists ...string) []string {
	key := strings.Join(lists, " ")
	if out, ok := c.near[key]; ok {
		return out
	}
	var out []string
	for id, v := range c.names {
		if slices.Contains(lists, v.list) {
			out = append(out, id)
		}
	}
	c.near[key] = out
	return out
}

func (c *examination) mistakes() []Mistake {
	sort.SliceStable(c.found, func(i, j int) bool { return c.found[i].at < c.found[j].at })
	var out []Mistake
	for _, f := range c.found[:min(len(c.found), maxMistakes)] {
		out = append(out, f.Mistake)
	}
	if c.full() {
		out = append(out, Mistake{"$", fmt.Sprintf("there are more mistakes than these %d", maxMistakes)})
	}
	return out
}

// child is the path of a member.
func child(path, key string) string {
	for i, r := range key {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return path + "[" + strconv.Quote(key) + "]"
		}
	}
	if key == "" {
		return path + `[""]`
	}
	return path + "." + key
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// trail is the way from the root to a value, of which a path is made only where one is told: those of
// a document of many levels are long.
type trail struct {
	up   *trail // nil: the root
	key  string
	item int // in an array; -1: it is the member key of an object
}

func (t *trail) String() string {
	var way []*trail
	for ; t != nil; t = t.up {
		way = append(way, t)
	}
	var path strings.Builder
	path.WriteByte('$')
	for _, step := range slices.Backward(way) {
		if step.item >= 0 {
			path.WriteString(element("", step.item))
		} else {
			path.WriteString(child("", step.key))
		}
	}
	return path.String()
}

// literal reports repeated keys and unusable numbers.
func (c *examination) literal(at *trail, n *node) {
	if c.full() {
		return
	}
	var seen map[string]bool
	if len(n.members) > 1 {
		seen = make(map[string]bool, len(n.members))
	}
	for _, m := range n.members {
		here := &trail{at, m.key, -1}
		if seen[m.key] {
			c.add(m.start, here.String(), "%q is written twice here; keep one", m.key)
		}
		if seen != nil {
			seen[m.key] = true
		}
		c.literal(here, m.value)
	}
	for i, v := range n.items {
		c.literal(&trail{at, "", i}, v)
	}
	if n.bad != "" {
		c.add(n.start, at.String(), "%s", n.bad)
	}
}

func (c *examination) canvas() {
	fps := c.root.get("canvas").get("fps")
	if fps == nil || fps.kind != '"' && fps.kind != '0' || fps.bad != "" {
		return
	}
	r, err := media.ParseRational(fps.text)
	if err != nil || r.Float() < 1 || r.Float() > 240 {
		c.add(fps.start, "$.canvas.fps", `must be a frame rate from 1 to 240, such as 30, "29.97" or "30000/1001"`)
	}
}

func (c *examination) programs() {
	programs := c.root.get("programs")
	if programs == nil || programs.kind != '[' {
		return
	}
	if n := len(programs.items); n != 1 {
		c.add(programs.start, "$.programs", "there must be exactly one programme in this version, but there are %d", n)
	}
}

// lists are those whose elements share one space of ids, in the usual order of a
// file.
var lists = []struct{ key, what string }{
	{"sources", "a source"},
	{"scenes", "a scene"},
	{"overlays", "an overlay"},
	{"renditions", "a rendition"},
	{"destinations", "a destination"},
	{"recordings", "a recording"},
}

func what(list string) string {
	for _, l := range lists {
		if l.key == list {
			return l.what
		}
	}
	return list
}

func (c *examination) ids() {
	// In document order, so that it is the later one that is reported.
	type entry struct {
		n          *node
		list, path string
	}
	var all []entry
	for _, l := range lists {
		for i, v := range c.root.get(l.key).list() {
			all = append(all, entry{v, l.key, element("$."+l.key, i)})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].n.start < all[j].n.start })
	for _, e := range all {
		id, ok := e.n.str("id")
		if !ok {
			continue
		}
		if first, taken := c.names[id]; taken {
			c.add(e.n.get("id").start, e.path+".id", "the id %q is taken by %s at %s; ids must differ", id, what(first.list), first.path)
			continue
		}
		c.names[id] = name{e.list, e.path}
		if e.list == "scenes" {
			c.scene[id] = e.n
		}
	}
}

// reference checks that the string at key names an element of one of the lists.
func (c *examination) reference(n *node, path, key string, lists ...string) (id string, ok bool) {
	id, ok = n.str(key)
	if !ok || id == "" {
		return "", false
	}
	known, exists := c.names[id]
	for _, l := range lists {
		if exists && known.list == l {
			return id, true
		}
	}
	noun := what(lists[0])[2:]
	if len(lists) > 1 {
		noun = "source or scene"
	}
	at := n.get(key).start
	if exists {
		c.add(at, child(path, key), "%q is %s; this must be the id of a %s", id, what(known.list), noun)
		return "", false
	}
	c.add(at, child(path, key), "there is no %s %q%s", noun, id, c.didYouMean(id, c.candidates(lists...)))
	return "", false
}

func (c *examination) layers() {
	for _, list := range []string{"scenes", "overlays"} {
		for i, v := range c.root.get(list).list() {
			owner, _ := v.str("id")
			path := element("$."+list, i)
			for j, l := range v.get("layers").list() {
				path := element(path+".layers", j)
				id, ok := c.reference(l, path, "source", "sources", "scenes")
				if !ok || c.names[id].list != "scenes" {
					continue
				}
				c.edges[owner] = append(c.edges[owner], edge{id, l.get("source").start, path + ".source"})
				if r := l.num("rotation", 0); r != 0 && r != 360 && r != -360 {
					c.add(l.get("rotation").start, path+".rotation", "a layer that shows a scene cannot be rotated; rotate the layers in %q", id)
				}
				c.sheared(l, path, id)
			}
		}
	}
}

func (c *examination) renditions() {
	programs := map[string]bool{}
	var names []string
	list := c.root.get("programs")
	for _, v := range list.list() {
		if id, ok := v.str("id"); ok {
			programs[id] = true
			names = append(names, id)
		}
	}
	if list == nil {
		programs["pgm"], names = true, []string{"pgm"}
	}
	for i, v := range c.root.get("renditions").list() {
		if id, ok := v.str("program"); ok && !programs[id] {
			c.add(v.get("program").start, element("$.renditions", i)+".program", "there is no programme %q%s", id, c.didYouMean(id, names))
		}
	}
	renditions := c.root.get("renditions")
	if renditions == nil {
		if _, taken := c.names["main"]; !taken {
			c.names["main"] = name{"renditions", "$.renditions"}
		} else {
			c.add(c.root.start, "$.renditions", `is missing, and the default rendition's id "main" is taken by %s; write the renditions out`, what(c.names["main"].list))
		}
	}
	for _, l := range []string{"destinations", "recordings"} {
		for i, v := range c.root.get(l).list() {
			path := element("$."+l, i)
			if v.kind == '{' && v.get("rendition") == nil && renditions != nil && len(renditions.items) == 0 {
				c.add(v.start, path+".rendition", "is missing, and there is no rendition to choose")
			}
			c.reference(v, path, "rendition", "renditions")
			c.simulcast(v, path)
		}
	}
}

// simulcast checks the further renditions of a destination.
func (c *examination) simulcast(destination *node, path string) {
	taken := map[string]bool{}
	if id, ok := destination.str("rendition"); ok {
		taken[id] = true
	}
	for i, v := range destination.get("simulcast").list() {
		if v.kind != '"' {
			continue // the schema says so
		}
		id := v.text
		at := element(path+".simulcast", i)
		if known, exists := c.names[id]; !exists || known.list != "renditions" {
			c.add(v.start, at, "there is no rendition %q", id)
		} else if taken[id] {
			c.add(v.start, at, "%q is sent already", id)
		}
		taken[id] = true
	}
}

// backups checks what stands in for what.
func (c *examination) backups() {
	for i, v := range c.root.get("sources").list() {
		path := element("$.sources", i)
		id, ok := c.reference(v, path, "backup", "sources")
		if own, _ := v.str("id"); ok && id == own {
			c.add(v.get("backup").start, path+".backup", "a source cannot stand in for itself")
		}
	}
}

// backupSettings checks the kinds and settings of a destination's backups.
func (c *examination) backupSettings(destination *node, path string) {
	for i, v := range destination.get("backups").list() {
		path := element(path, i)
		kind, ok := v.str("kind")
		if !ok {
			kind, _ = destination.str("kind")
		}
		raw, known := c.kinds.OutputSchema(kind)
		if !known && ok {
			c.add(v.get("kind").start, path+".kind", "there is no kind of destination %q here, so it is kept but does nothing%s", kind, c.didYouMean(kind, c.kinds.OutputKinds()))
		}
		settings := v.get("settings")
		if !known || settings == nil || settings.kind != '{' {
			continue // the schema, or the destination's own check, has said so
		}
		if compiled, err := compile("https://crosspoint.studio/schema/destination-"+kind+".json", raw); err == nil {
			c.suits("destinations", path+".settings", kind, v, settings, compiled)
		}
	}
}

func (c *examination) start() {
	start := c.root.get("start")
	c.reference(start, "$.start", "program", "sources", "scenes")
	c.reference(start, "$.start", "preview", "sources", "scenes")
}

// settings checks kinds and their settings against the catalogue.
func (c *examination) settings() {
	each := func(list, noun string, kinds []string, schema func(string) (json.RawMessage, bool)) {
		for i, v := range c.root.get(list).list() {
			path := element("$."+list, i)
			kind, ok := v.str("kind")
			at := v.start
			if list == "recordings" {
				kind, ok = RecordingKind, true
			} else if ok {
				at = v.get("kind").start
			}
			if !ok || kind == "" {
				continue // the schema has said so
			}
			raw, known := schema(kind)
			if !known {
				c.add(at, path+".kind", "there is no kind of %s %q here, so it is kept but does nothing%s", noun, kind, c.didYouMean(kind, kinds))
				continue
			}
			compiled, err := compile("https://crosspoint.studio/schema/"+noun+"-"+kind+".json", raw)
			if err != nil {
				c.add(at, path+".kind", "the program's own schema of kind %q is broken: %v", kind, err)
				continue
			}
			settings := v.get("settings")
			if settings == nil {
				settings = &node{kind: '{', start: v.start}
			}
			if settings.kind == '{' {
				c.suits(list, path+".settings", kind, v, settings, compiled)
			}
		}
	}
	for i, v := range c.root.get("destinations").list() {
		c.backupSettings(v, element("$.destinations", i)+".backups")
	}
	each("sources", "source", c.kinds.SourceKinds(), c.kinds.SourceSchema)
	each("destinations", "destination", c.kinds.OutputKinds(), c.kinds.OutputSchema)
	each("recordings", "recording", c.kinds.OutputKinds(), c.kinds.OutputSchema)
	c.isoSettings()
}
