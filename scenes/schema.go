package scenes

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

//go:embed schema.json
var schemaJSON []byte

// compiledSchema is a schema with its source, which knows what was allowed.
type compiledSchema struct {
	*jsonschema.Schema
	doc any
}

// ownSchema is the show's own. That it compiles is a matter of this package alone.
var ownSchema = sync.OnceValue(func() compiledSchema {
	s, err := compile("https://crosspoint.studio/schema/show-2.json", schemaJSON)
	if err != nil {
		panic(fmt.Sprintf("scenes: schema.json: %v", err))
	}
	return s
})

// noLoader keeps schemas from reaching for files or the network.
type noLoader struct{}

func (noLoader) Load(string) (any, error) { return nil, errors.New("it refers to another document") }

// schemaCache holds what compile has made, by the schema's address and text: every source of a
// kind asks for the same, whenever a show is checked. There are as many as there are kinds.
var schemaCache sync.Map // string to compiledSchema

// compile is the schema in raw, whose own address is url. It may be called from any goroutine.
func compile(url string, raw json.RawMessage) (compiledSchema, error) {
	key := url + "\n" + string(raw)
	if s, ok := schemaCache.Load(key); ok {
		return s.(compiledSchema), nil
	}
	s, err := compileAnew(url, raw)
	if err == nil {
		schemaCache.Store(key, s)
	}
	return s, err
}

func compileAnew(url string, raw json.RawMessage) (compiledSchema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return compiledSchema{}, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource(url, doc); err != nil {
		return compiledSchema{}, err
	}
	s, err := c.Compile(url)
	return compiledSchema{s, doc}, err
}

// Schema is the JSON Schema (draft 2020-12) of show files with the settings of
// every kind folded in; kinds may be nil.
func Schema(kinds KindCatalog) ([]byte, error) {
	var doc map[string]any
	if err := json.Unmarshal(schemaJSON, &doc); err != nil {
		return nil, fmt.Errorf("scenes: schema.json: %w", err)
	}
	defs := doc["$defs"].(map[string]any)
	fold := func(def, noun string, names []string, schema func(string) (json.RawMessage, bool)) error {
		var cases []any
		for _, k := range names {
			raw, ok := schema(k)
			if !ok {
				continue
			}
			var settings map[string]any
			if err := json.Unmarshal(raw, &settings); err != nil {
				return fmt.Errorf("scenes: schema of %s %q: %w", noun, k, err)
			}
			// An id of its own keeps the kind's internal references valid.
			name := noun + "-" + k
			settings["$id"] = name + ".json"
			delete(settings, "$schema")
			defs[name] = settings
			then := map[string]any{"properties": map[string]any{"settings": map[string]any{"$ref": name + ".json"}}}
			cases = append(cases, map[string]any{
				"if":   map[string]any{"required": []any{"kind"}, "properties": map[string]any{"kind": map[string]any{"const": k}}},
				"then": then,
			})
		}
		if len(cases) > 0 {
			defs[def].(map[string]any)["allOf"] = cases
		}
		return nil
	}
	inserts := func(name string) (json.RawMessage, bool) {
		k, ok := insertKindOf(name)
		return k.Schema, ok
	}
	if err := fold("insert", "insert", insertNames(), inserts); err != nil {
		return nil, err
	}
	if kinds != nil {
		if err := fold("source", "source", kinds.SourceKinds(), kinds.SourceSchema); err != nil {
			return nil, err
		}
		if err := fold("destination", "output", kinds.OutputKinds(), kinds.OutputSchema); err != nil {
			return nil, err
		}
		if _, ok := defs["output-"+RecordingKind]; ok {
			recording := defs["recording"].(map[string]any)
			recording["properties"].(map[string]any)["settings"] = map[string]any{"$ref": "output-" + RecordingKind + ".json"}
		}
	}
	return json.MarshalIndent(doc, "", "  ")
}

// Definition is the schema of a part of show files, such as "video" of a rendition, with its
// properties in the order of the file; nil where there is no such part.
func Definition(name string) json.RawMessage {
	var doc struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal(schemaJSON, &doc); err != nil { // it is ours
		panic(fmt.Sprintf("scenes: schema.json: %v", err))
	}
	return doc.Defs[name]
}

// schema reports what of n does not fit. Where quote is false, values stay out of
// the messages: they may be secrets in the wrong place.
func (c *examination) schema(path string, n *node, s compiledSchema, at int, quote bool) {
	err := s.Validate(n.plain())
	var all *jsonschema.ValidationError
	if !errors.As(err, &all) {
		return
	}
	seen := map[Mistake]bool{}
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		switch e.ErrorKind.(type) {
		case *kind.AnyOf, *kind.OneOf, *kind.Not, *kind.Contains:
		default:
			for _, cause := range inOrder(e.Causes, n) {
				if c.full() {
					return
				}
				walk(cause)
			}
			if len(e.Causes) > 0 {
				return
			}
		}
		path, n, at := path, n, at
		for _, token := range e.InstanceLocation {
			if n != nil && n.kind == '[' {
				path = element(path, position(token))
			} else {
				path = child(path, token)
			}
			if n = step(n, token); n != nil {
				at = n.start
			}
		}
		for _, f := range describe(e, s.doc, path, n, at, quote) {
			if !seen[f.Mistake] && !c.full() {
				seen[f.Mistake] = true
				c.found = append(c.found, f)
			}
		}
	}
	walk(all)
}

// position is a token of an InstanceLocation as an array's index, the library's own.
func position(token string) int {
	i, _ := strconv.Atoi(token)
	return i
}

// step is the value in n that a token of an InstanceLocation names, or nil.
func step(n *node, token string) *node {
	if n != nil && n.kind == '[' {
		return n.items[position(token)]
	}
	return n.get(token)
}

// inOrder are the causes of an error by where in the document they stand, below n: the library
// takes the members of an object in any order.
func inOrder(causes []*jsonschema.ValidationError, n *node) []*jsonschema.ValidationError {
	if len(causes) < 2 {
		return causes
	}
	type placed struct {
		at    int
		cause *jsonschema.ValidationError
	}
	list := make([]placed, len(causes))
	for i, cause := range causes {
		list[i].cause = cause
		here := n
		for _, token := range cause.InstanceLocation {
			if here = step(here, token); here != nil {
				list[i].at = here.start
			}
		}
	}
	slices.SortStableFunc(list, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	out := make([]*jsonschema.ValidationError, len(list))
	for i, p := range list {
		out[i] = p.cause
	}
	return out
}

var typeNames = map[string]string{
	"string": "text in quotes", "number": "a number", "integer": "a whole number", "boolean": "true or false",
	"object": "an object in { }", "array": "a list in [ ]", "null": "null",
}

// patternNames say in words what a pattern asks for.
var patternNames = map[string]string{
	"^[A-Za-z0-9_-]{1,64}$": "must be 1 to 64 letters, digits, - or _",
	"^[A-Za-z0-9_-]{0,64}$": "must be at most 64 letters, digits, - or _",
	"^#[0-9A-Fa-f]{6}$":     "must be a colour such as #ff8000",
}

// describe puts one of the library's errors into words.
func describe(e *jsonschema.ValidationError, doc any, path string, n *node, at int, quote bool) []found {
	one := func(format string, args ...any) []found {
		return []found{{at, Mistake{path, fmt.Sprintf(format, args...)}}}
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		var out []found
		for _, key := range k.Missing {
			out = append(out, found{at, Mistake{child(path, key), "is missing"}})
		}
		return out
	case *kind.AdditionalProperties:
		var out []found
		allowed := properties(doc, e.SchemaURL)
		unknown := make(map[string]bool, len(k.Properties))
		for _, key := range k.Properties {
			unknown[key] = true
		}
		var members []member
		if n != nil { // always: it is where the library has found them
			members = n.members
		}
		for _, m := range members {
			if len(out) > maxMistakes {
				break // no more are listed
			}
			if unknown[m.key] {
				delete(unknown, m.key)
				out = append(out, found{m.start, Mistake{child(path, m.key), "there is no such setting here" + DidYouMean(m.key, allowed)}})
			}
		}
		return out
	case *kind.Type:
		if n != nil && n.bad != "" {
			return nil // reported by itself; what the schema saw is a stand-in
		}
		var want []string
		for _, t := range k.Want {
			want = append(want, typeNames[t])
		}
		got := typeNames[k.Got]
		if k.Got == "number" && slices.Contains(k.Want, "integer") {
			got = "a number with a fraction"
		}
		return one("must be %s, but is %s", strings.Join(want, " or "), got)
	case *kind.Enum:
		var want []string
		for _, v := range k.Want {
			want = append(want, fmt.Sprint(v))
		}
		got, isText := k.Got.(string)
		hint := ""
		if isText {
			hint = DidYouMean(got, want)
		}
		if isText && quote {
			return one("must be one of %s, but is %q%s", strings.Join(want, ", "), got, hint)
		}
		return one("must be one of %s%s", strings.Join(want, ", "), hint)
	case *kind.Const:
		return one("must be %v", k.Want)
	case *kind.Pattern:
		if text, ok := patternNames[k.Want]; ok {
			return one("%s", text)
		}
		if text, ok := subschema(doc, e.SchemaURL)["x-expected"].(string); ok {
			return one("must be %s", text)
		}
		return one("does not have the expected form (%s)", k.Want)
	case *kind.Minimum:
		return bound(n, one, "must be at least %s, but is %s", k.Want, k.Got)
	case *kind.Maximum:
		return bound(n, one, "must be at most %s, but is %s", k.Want, k.Got)
	case *kind.ExclusiveMinimum:
		return bound(n, one, "must be more than %s, but is %s", k.Want, k.Got)
	case *kind.ExclusiveMaximum:
		return bound(n, one, "must be less than %s, but is %s", k.Want, k.Got)
	case *kind.MultipleOf:
		if k.Want.Cmp(big.NewRat(2, 1)) == 0 {
			return bound(n, one, "must be even, but is %[2]s", k.Want, k.Got)
		}
		return bound(n, one, "must be a multiple of %s, but is %s", k.Want, k.Got)
	case *kind.MinLength:
		if k.Got == 0 {
			return one("must not be empty")
		}
		return one("must have at least %d characters, but has %d", k.Want, k.Got)
	case *kind.MaxLength:
		return one("must have at most %d characters, but has %d", k.Want, k.Got)
	case *kind.MinItems:
		return one("must have at least %d entries, but has %d", k.Want, k.Got)
	case *kind.MaxItems:
		return one("must have at most %d entries, but has %d", k.Want, k.Got)
	case *kind.UniqueItems:
		return one("entries %d and %d are the same", k.Duplicates[0], k.Duplicates[1])
	case *kind.DependentRequired:
		return one("with %q there must also be %s", k.Prop, strings.Join(k.Missing, ", "))
	case *kind.AnyOf, *kind.OneOf, *kind.Not, *kind.FalseSchema:
		return one("is none of the forms that are allowed here")
	}
	return one("does not suit (%s)", strings.Join(e.ErrorKind.KeywordPath(), " "))
}

func bound(n *node, one func(string, ...any) []found, format string, want, got *big.Rat) []found {
	if n != nil && n.bad != "" {
		return nil // as for types
	}
	text := func(r *big.Rat) string {
		f, _ := r.Float64()
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return one(format, text(want), text(got))
}

// properties are the names that the schema at a URL's fragment allows.
func properties(doc any, url string) []string {
	m, _ := subschema(doc, url)["properties"].(map[string]any)
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}

// subschema is the part of doc that url points at, nil when it is no object.
func subschema(doc any, url string) map[string]any {
	_, fragment, _ := strings.Cut(url, "#")
	for _, token := range strings.Split(strings.TrimPrefix(fragment, "/"), "/") {
		if token == "" {
			continue
		}
		token = strings.NewReplacer("~1", "/", "~0", "~", "%24", "$").Replace(token)
		switch v := doc.(type) {
		case map[string]any:
			doc = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			doc = v[i]
		}
	}
	m, _ := doc.(map[string]any)
	return m
}

// DidYouMean is "; did you mean …?" with the candidate nearest to text, or nothing when
// none is near, or there are so many that one is always near.
func DidYouMean(text string, candidates []string) string {
	if len(candidates) > guessAmong {
		return ""
	}
	candidates = slices.Sorted(slices.Values(candidates)) // the same answer every time
	best, bestAt := "", max(2, len(text)/3)+1
	for _, c := range candidates {
		d := distance(strings.ToLower(text), strings.ToLower(c))
		if len(text) >= 3 && strings.HasPrefix(c, text) {
			d = 1 // cut short
		}
		if d < bestAt && d < len(c) {
			best, bestAt = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// guessAmong is among how many candidates DidYouMean looks; a show has some hundred of a list.
const guessAmong = 1000

// distance is Levenshtein's, in bytes; long texts are not near anything.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 1 << 20
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left, diagonal := i+1, i
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			left = min(cost, left+1, diagonal+1)
			row[j+1] = left
		}
		row[0] = i + 1
	}
	return row[len(b)]
}
