package sources

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// decodeSettings fills into, which holds the defaults, from a show file's settings
// object; nothing, null and {} keep the defaults. A key the kind does not know
// is a mistake and is named.
func decodeSettings(kind string, raw json.RawMessage, into any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Errorf("%s: setting %q cannot be a %s", kind, wrong.Field, wrong.Value)
	}
	return fmt.Errorf("%s: settings: %s", kind, strings.TrimPrefix(err.Error(), "json: "))
}

// within reports a setting outside its range.
func within[T int | float64](kind, name string, v, low, high T) error {
	if v < low || v > high {
		return fmt.Errorf("%s: %s is %v; it must be between %v and %v", kind, name, v, low, high)
	}
	return nil
}

// oneOf reports a setting that is none of its choices.
func oneOf(kind, name, v string, choices ...string) error {
	for _, c := range choices {
		if v == c {
			return nil
		}
	}
	return fmt.Errorf("%s: %s is %q; it must be one of %s", kind, name, v, strings.Join(choices, ", "))
}
