package scenes

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Insert is a processor in a strip or a bus. Settings is a JSON object as InsertSchema
// says for its kind; in a Show it has every setting.
type Insert struct {
	ID       string          `json:"id"` // within its strip or bus
	Kind     string          `json:"kind"`
	Bypassed bool            `json:"bypassed"`
	Settings json.RawMessage `json:"settings"`
}

//go:embed inserts.json
var insertsJSON []byte

// InsertKind describes a kind of insert. Schema is the JSON Schema (draft 2020-12) of
// its settings, with the annotations that forms read (see sources.Kind.Schema).
type InsertKind struct {
	Name, Title, Description string
	Schema                   json.RawMessage
}

// insertKind is an InsertKind made ready.
type insertKind struct {
	InsertKind
	compiled compiledSchema
	settings []setting // in the schema's order
}

type setting struct {
	name string
	def  json.RawMessage
}

// insertKinds are in the order of a menu. That they parse is a matter of this package alone.
var insertKinds = sync.OnceValue(func() []insertKind {
	root, odd := parseTree(insertsJSON)
	if root == nil || len(odd) > 0 {
		panic(fmt.Sprintf("scenes: inserts.json: %v", odd))
	}
	var out []insertKind
	for _, m := range root.members {
		k := insertKind{InsertKind: InsertKind{Name: m.key, Schema: insertsJSON[m.value.start:m.value.end]}}
		k.Title, _ = m.value.str("title")
		k.Description, _ = m.value.str("description")
		var err error
		if k.compiled, err = compile("https://crosspoint.studio/schema/insert-"+m.key+".json", k.Schema); err != nil {
			panic(fmt.Sprintf("scenes: inserts.json: %s: %v", m.key, err))
		}
		for _, p := range m.value.get("properties").members {
			d := p.value.get("default")
			k.settings = append(k.settings, setting{p.key, json.RawMessage(insertsJSON[d.start:d.end])})
		}
		out = append(out, k)
	}
	return out
})

// InsertKinds lists the kinds of insert in the order of a menu.
func InsertKinds() []InsertKind {
	var out []InsertKind
	for _, k := range insertKinds() {
		out = append(out, k.InsertKind)
	}
	return out
}

func insertNames() []string {
	var out []string
	for _, k := range insertKinds() {
		out = append(out, k.Name)
	}
	return out
}

func insertKindOf(name string) (insertKind, bool) {
	i := slices.IndexFunc(insertKinds(), func(k insertKind) bool { return k.Name == name })
	if i < 0 {
		return insertKind{}, false
	}
	return insertKinds()[i], true
}

// NewInsert is an insert of a kind with its default settings.
func NewInsert(kind string) Insert { return Insert{Kind: kind}.complete() }

// complete fills in the settings that are not there, in the schema's order.
func (v Insert) complete() Insert {
	k, ok := insertKindOf(v.Kind)
	var given map[string]json.RawMessage
	v.Settings = compact(v.Settings)
	if !ok || json.Unmarshal(v.Settings, &given) != nil {
		return v // the check says what is wrong
	}
	var b bytes.Buffer
	for _, s := range k.settings {
		value, ok := given[s.name]
		if !ok {
			value = s.def
		}
		delete(given, s.name)
		fmt.Fprintf(&b, ",%q:%s", s.name, value)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		fmt.Fprintf(&b, ",%q:%s", name, given[name]) // none of the kind's: the check says so
	}
	v.Settings = json.RawMessage("{" + strings.TrimPrefix(b.String(), ",") + "}")
	return v
}

// completeInserts returns inserts in memory of their own, each with settings and an id.
func completeInserts(list []Insert) []Insert {
	out := make([]Insert, 0, len(list))
	for _, v := range list {
		v = v.complete()
		if v.ID == "" {
			v.ID = v.Kind
			for n := 2; indexOf(out, v.ID) >= 0 || indexOf(list, v.ID) >= 0; n++ {
				v.ID = v.Kind + "-" + strconv.Itoa(n)
			}
		}
		out = append(out, v)
	}
	return out
}

// duckKey is the source that a ducker listens to; "" is none.
func (v Insert) duckKey() string {
	if v.Kind != "ducker" {
		return ""
	}
	var s struct {
		Key string `json:"key"`
	}
	if json.Unmarshal(v.Settings, &s) != nil {
		return ""
	}
	return s.Key
}

// Key is the id of the source that a keyed insert listens to, or "".
func (v Insert) Key() string { return v.duckKey() }
