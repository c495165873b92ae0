package ui

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"crosspoint.studio/crosspoint/scenes/sources"
)

// isColor reports whether sources read text as a colour.
func isColor(text string) bool {
	_, ok := sources.ParseColor(text)
	return ok
}

// parse reads what was typed into the field. value nil means "the default": the key
// is left out. problem is one sentence that says what to type instead, empty
// when the text is good.
func (f *formField) parse(text string) (value json.RawMessage, problem string) {
	switch f.kind {
	case numberField, integerField:
		if strings.TrimSpace(text) == "" {
			if f.required {
				return nil, f.title + " is needed."
			}
			return nil, ""
		}
		return f.parseNumber(text, f.kind)
	case listField:
		return f.parseList(text)
	case boolField, choiceField:
		return json.RawMessage(text), ""
	}
	return f.parseText(text)
}

func (f *formField) parseNumber(text string, kind fieldType) (json.RawMessage, string) {
	v, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(text), ",", "."), 64)
	switch {
	case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
		return nil, f.title + " has to be a number" + f.example() + "."
	case kind == integerField && v != math.Trunc(v):
		return nil, f.title + " has to be a whole number" + f.example() + "."
	case f.low != nil && v < *f.low:
		return nil, f.title + " has to be " + f.bounds() + "."
	case f.high != nil && v > *f.high:
		return nil, f.title + " has to be " + f.bounds() + "."
	case f.above != nil && v <= *f.above:
		return nil, fmt.Sprintf("%s has to be more than %s.", f.title, numberText(*f.above))
	case f.below != nil && v >= *f.below:
		return nil, fmt.Sprintf("%s has to be less than %s.", f.title, numberText(*f.below))
	case f.step > 0 && math.Abs(math.Remainder(v, f.step)) > 1e-9*math.Max(1, math.Abs(v)):
		if f.step == 2 {
			return nil, f.title + " has to be even."
		}
		return nil, fmt.Sprintf("%s has to be a multiple of %s.", f.title, numberText(f.step))
	}
	return json.RawMessage(numberText(v)), ""
}

// bounds is the range in words.
func (f *formField) bounds() string {
	switch {
	case f.low != nil && f.high != nil:
		return fmt.Sprintf("from %s to %s", numberText(*f.low), numberText(*f.high))
	case f.low != nil:
		return numberText(*f.low) + " or more"
	}
	return numberText(*f.high) + " or less"
}

// example is the default in words, for a text that is no number at all.
func (f *formField) example() string {
	if len(f.fallback) == 0 {
		return ""
	}
	return ", as in " + f.show(f.fallback)
}

// numberText is a number without more digits than it needs.
func numberText(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func (f *formField) parseText(text string) (json.RawMessage, string) {
	n := utf8.RuneCountInString(text)
	fallback := f.show(f.fallback)
	switch {
	case text == "" && f.minLength > 0 && f.required:
		return nil, f.title + " is needed."
	case text == "" && f.minLength > 0, text == "" && f.fallback == nil && !f.required:
		return nil, ""
	case text == "" && (f.pattern != nil || f.picker == pickColor) && fallback != "":
		return nil, ""
	case !utf8.ValidString(text):
		return nil, f.title + " has characters that are no text."
	case n < f.minLength:
		return nil, fmt.Sprintf("%s needs at least %d characters.", f.title, f.minLength)
	case f.maxLength > 0 && n > f.maxLength:
		return nil, fmt.Sprintf("%s may have at most %d characters; this has %d.", f.title, f.maxLength, n)
	case f.picker == pickColor && text != "" && !isColor(text):
		return nil, f.title + " has to be a colour such as #ff8000, or #ff800080 with alpha."
	case f.pattern != nil && !f.pattern.MatchString(text):
		return nil, f.title + f.patternText(text)
	}
	raw, err := json.Marshal(text)
	if err != nil {
		return nil, f.title + " cannot be kept."
	}
	return raw, ""
}

// patternText says in words what the pattern asks for.
func (f *formField) patternText(text string) string {
	pattern := f.pattern.String()
	switch pattern {
	case "^[A-Za-z0-9_-]{1,64}$", "^[A-Za-z0-9_-]{0,64}$":
		return " may have letters, digits, - and _ only, at most 64."
	}
	if strings.HasPrefix(pattern, "^#") {
		return " has to be a colour such as #ff8000."
	}
	schemes := schemesOf(pattern)
	begun := slices.ContainsFunc(schemes, func(s string) bool { return strings.HasPrefix(text, s) })
	switch {
	case len(schemes) > 0 && !begun:
		return " has to begin with " + orList(schemes) + "."
	case f.description != "":
		return " is not complete. What is wanted: " + sentence(f.description)
	}
	return " does not have the right form."
}

var schemeOf = regexp.MustCompile(`[a-z][a-z0-9]*\??://`)

// schemesOf are the URL schemes that a pattern names.
func schemesOf(pattern string) []string {
	var out []string
	for _, s := range schemeOf.FindAllString(strings.ReplaceAll(pattern, `\/`, `/`), -1) {
		if before, after, optional := strings.Cut(s, "?"); optional { // "rtmps?://"
			out = append(out, before[:len(before)-1]+after)
			s = before + after
		}
		out = append(out, s)
	}
	return out
}

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// parseList reads one value a line; empty lines are passed over.
func (f *formField) parseList(text string) (json.RawMessage, string) {
	list := []json.RawMessage{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if f.item == textField {
			raw, err := json.Marshal(line)
			if err != nil {
				return nil, f.title + " cannot be kept."
			}
			list = append(list, raw)
			continue
		}
		item := formField{title: "Each line of " + f.title}
		raw, problem := item.parseNumber(line, f.item)
		if problem != "" {
			return nil, problem
		}
		list = append(list, raw)
	}
	switch n := len(list); {
	case n == 0 && !f.required:
		return nil, ""
	case n < f.minItems:
		return nil, fmt.Sprintf("%s needs at least %d lines.", f.title, f.minItems)
	case f.maxItems > 0 && n > f.maxItems:
		return nil, fmt.Sprintf("%s may have at most %d lines.", f.title, f.maxItems)
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return nil, f.title + " cannot be kept."
	}
	return raw, ""
}
