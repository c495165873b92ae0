package sources

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func allKinds() []Kind {
	return []Kind{Synthetic(), Bars(), Colour(), Image(), Text(), Clock(), File(), Network(), Camera(), Screen(), Microphone()}
}

// Every kind's schema is valid, describes every property for the form, and its
// defaults are taken by New as they stand.
func TestSchemas(t *testing.T) {
	required := map[string]any{"path": "a.png", "url": "udp://127.0.0.1:5000"}
	for _, k := range allKinds() {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(k.Schema))
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
			continue
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("kind.json", doc); err != nil {
			t.Fatal(err)
		}
		schema, err := c.Compile("kind.json")
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
			continue
		}
		var s struct {
			Properties map[string]struct {
				Title, Description string
				Default            any
			}
			Required []string
		}
		if err := json.Unmarshal(k.Schema, &s); err != nil {
			t.Fatal(err)
		}
		settings := map[string]any{}
		for name, p := range s.Properties {
			if p.Title == "" || p.Description == "" {
				t.Errorf("%s: %s has no title or description", k.Name, name)
			}
			settings[name] = p.Default
			if p.Default == nil {
				if settings[name] = required[name]; settings[name] == nil {
					t.Errorf("%s: %s has neither a default nor need of one", k.Name, name)
				}
			}
		}
		raw, err := json.Marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			t.Errorf("%s: the defaults do not fit the schema: %v", k.Name, err)
		}
		if _, err := k.New(raw, Options{}); err != nil {
			t.Errorf("%s: the defaults are refused: %v", k.Name, err)
		}
		if len(s.Required) == 0 {
			if _, err := k.New(nil, Options{}); err != nil {
				t.Errorf("%s: no settings are refused: %v", k.Name, err)
			}
		}
		if _, err := k.New(json.RawMessage(`{"no_such_setting":1}`), Options{}); err == nil || !strings.HasPrefix(err.Error(), k.Name+":") {
			t.Errorf("%s: an unknown setting gives %v", k.Name, err)
		}
		if k.Title == "" || k.Pacing == 0 || !k.HasVideo && !k.HasAudio {
			t.Errorf("%s: incomplete: %+v", k.Name, k)
		}
	}
}
