package ui

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// fieldType is what a form's field holds.
type fieldType uint8

const (
	textField    fieldType = iota + 1
	numberField            // any number
	integerField           // a whole number
	boolField
	choiceField // one of an enum
	listField   // texts or numbers, one a line
)

// formField is one property of a settings object, read from its JSON Schema and
// the annotations that sources.Kind.Schema lists.
type formField struct {
	key         string
	title       string
	description string
	unit        string
	picker      string
	files       string // of the picker "file": "media" or "image"
	advanced    bool   // shown on request
	order       float64
	kind        fieldType
	required    bool
	fallback    json.RawMessage // the default; nil when there is none
	choices     []json.RawMessage
	item        fieldType // of a list
	low, high   *float64  // inclusive
	above       *float64  // exclusive
	below       *float64
	step        float64 // multipleOf; 0: none
	minLength   int
	maxLength   int // 0: no limit
	minItems    int
	maxItems    int // 0: no limit
	pattern     *regexp.Regexp
}

// schemaDoc is what is read of a schema, the object's or a property's.
type schemaDoc struct {
	Type             any                  `json:"type"`
	Title            string               `json:"title"`
	Description      string               `json:"description"`
	Default          json.RawMessage      `json:"default"`
	Enum             []json.RawMessage    `json:"enum"`
	Minimum          *float64             `json:"minimum"`
	Maximum          *float64             `json:"maximum"`
	ExclusiveMinimum *float64             `json:"exclusiveMinimum"`
	ExclusiveMaximum *float64             `json:"exclusiveMaximum"`
	MultipleOf       float64              `json:"multipleOf"`
	MinLength        int                  `json:"minLength"`
	MaxLength        int                  `json:"maxLength"`
	MinItems         int                  `json:"minItems"`
	MaxItems         int                  `json:"maxItems"`
	Pattern          string               `json:"pattern"`
	Format           string               `json:"format"`
	Items            *schemaDoc           `json:"items"`
	Required         []string             `json:"required"`
	Properties       map[string]schemaDoc `json:"properties"`
	Picker           string               `json:"x-picker"`
	Order            *float64             `json:"x-order"`
	Unit             string               `json:"x-unit"`
	Files            string               `json:"x-files"`
	Advanced         bool                 `json:"x-advanced"`
}

// readFields reads the fields of a settings schema, in the order they are shown.
// Properties that a form cannot show (objects) are left out: their values are kept.
func readFields(schema json.RawMessage) ([]formField, error) {
	var doc struct {
		schemaDoc
		Ordered json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(schema, &doc.schemaDoc); err != nil {
		return nil, fmt.Errorf("ui: reading a settings schema: %w", err)
	}
	if err := json.Unmarshal(schema, &doc); err != nil {
		return nil, fmt.Errorf("ui: reading a settings schema: %w", err)
	}
	keys, err := keysInOrder(doc.Ordered)
	if err != nil {
		return nil, fmt.Errorf("ui: reading a settings schema: %w", err)
	}
	var out []formField
	for i, key := range keys {
		f, ok, err := readField(key, doc.schemaDoc.Properties[key])
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		f.required = slices.Contains(doc.Required, key)
		if p := doc.schemaDoc.Properties[key]; p.Order != nil {
			f.order = *p.Order
		} else {
			f.order = float64(i)
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b formField) int { return cmp.Compare(a.order, b.order) })
	return out, nil
}

func readField(key string, p schemaDoc) (f formField, ok bool, err error) {
	f = formField{
		key: key, title: p.Title, description: p.Description, unit: p.Unit, picker: p.Picker, fallback: p.Default,
		files: p.Files, advanced: p.Advanced,
		low: p.Minimum, high: p.Maximum, above: p.ExclusiveMinimum, below: p.ExclusiveMaximum, step: p.MultipleOf,
		minLength: p.MinLength, maxLength: p.MaxLength, minItems: p.MinItems, maxItems: p.MaxItems,
	}
	if f.title == "" {
		f.title = key
	}
	if f.picker == "" && p.Format == "path" {
		f.picker = pickFile
	}
	if p.Pattern != "" {
		if f.pattern, err = regexp.Compile(p.Pattern); err != nil {
			return f, false, fmt.Errorf("ui: the pattern of setting %q: %w", key, err)
		}
	}
	if len(p.Enum) > 0 {
		f.kind, f.choices = choiceField, p.Enum
		return f, true, nil
	}
	if f.kind = typeOf(p.Type); f.kind != 0 {
		return f, true, nil
	}
	if p.Type == "array" && p.Items != nil {
		f.kind, f.item = listField, typeOf(p.Items.Type)
		return f, f.item != 0 && f.item != boolField, nil
	}
	return f, false, nil
}

// typeOf is the type of a simple value; of several that are allowed, the first.
func typeOf(t any) fieldType {
	if list, ok := t.([]any); ok && len(list) > 0 {
		t = list[0]
	}
	switch t {
	case "string":
		return textField
	case "number":
		return numberField
	case "integer":
		return integerField
	case "boolean":
		return boolField
	}
	return 0
}

// keysInOrder are the keys of a JSON object as they are written.
func keysInOrder(object json.RawMessage) ([]string, error) {
	if len(bytes.TrimSpace(object)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var keys []string
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := t.(string)
		if !ok {
			return nil, fmt.Errorf("%v is no key", t)
		}
		keys = append(keys, key)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// show is a value as text for the field; a missing one is "".
func (f *formField) show(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	if f.kind == listField {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return string(raw)
		}
		lines := make([]string, len(list))
		for i, v := range list {
			lines[i] = plainText(v)
		}
		return strings.Join(lines, "\n")
	}
	return plainText(raw)
}

// plainText is a simple JSON value without its quotes.
func plainText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(bytes.TrimSpace(raw))
}

// isNumeric reports whether the field is a number that arrows can step.
func (f *formField) isNumeric() bool { return f.kind == numberField || f.kind == integerField }
