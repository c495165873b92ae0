package scenes

import "encoding/json"

// SettingsChecker is what a KindCatalog may be besides: it finds the mistakes that no
// schema can say, in settings that suit theirs. Its errors are sentences without the name
// of the setting, which field is; "" is the settings as a whole. The kinds are known ones.
type SettingsChecker interface {
	CheckSource(kind string, settings json.RawMessage) (field string, err error)
	// With keyed, a destination's key, token or passphrase is kept elsewhere.
	CheckOutput(kind string, settings json.RawMessage, keyed bool) (field string, err error)
}

// checker asks the catalogue about settings that have suited their schema.
func (c *examination) checker(list string) func(kind string, owner *node, settings json.RawMessage) (string, error) {
	checker, ok := c.kinds.(SettingsChecker)
	if !ok {
		return func(string, *node, json.RawMessage) (string, error) { return "", nil }
	}
	if list == "sources" {
		return func(kind string, _ *node, settings json.RawMessage) (string, error) {
			return checker.CheckSource(kind, settings)
		}
	}
	return func(kind string, owner *node, settings json.RawMessage) (string, error) {
		name, _ := owner.str("credential")
		return checker.CheckOutput(kind, settings, name != "")
	}
}

// suits reports what is wrong with the settings of an entry of list: by their schema, and
// if that has nothing against them, by the catalogue.
func (c *examination) suits(list, path, kind string, owner, settings *node, s compiledSchema) {
	if c.full() {
		return // nor would what is found be known by what follows
	}
	before := len(c.found)
	c.schema(path, settings, s, settings.start, false)
	if len(c.found) > before {
		return
	}
	raw, err := json.Marshal(settings.plain())
	if err != nil {
		return // a number that literal has reported
	}
	field, err := c.checker(list)(kind, owner, raw)
	if err == nil {
		return
	}
	at := settings.start
	if field != "" {
		path = child(path, field)
		if v := settings.get(field); v != nil {
			at = v.start
		}
	}
	c.add(at, path, "%s", err)
}
