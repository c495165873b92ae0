package scenes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// maxFileBytes bounds what is read: a show of a thousand scenes is under 1 MB.
const maxFileBytes = 16 << 20

// Load reads a show file. Its errors are those of Parse, with the path.
func Load(path string) (*Show, error) {
	raw, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("scenes: reading the show: %w", err)
	}
	s, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("scenes: %s: %w", path, err)
	}
	return s, nil
}

func readFile(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxFileBytes {
		return nil, fmt.Errorf("%s has %d MB, which no show has", path, info.Size()>>20)
	}
	return os.ReadFile(path)
}

// Encode is s as a show file: indented, every field written, one newline at the end.
func (s *Show) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("scenes: writing the show: %w", err)
	}
	return b.Bytes(), nil
}

// compact is settings without spaces; an empty message is an empty object.
func compact(raw json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(raw)) == 0 || string(raw) == "null" {
		return emptyObject
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw // not JSON: Validate says so
	}
	return b.Bytes()
}

// Parse reads a show document: *InvalidError with every mistake, or
// *NewerFormatError. Kinds it does not know are kept as they are; whether settings
// suit their kind is not its business (Validate with a catalogue is), because a
// source or destination that cannot start must not keep the show from opening.
func Parse(raw []byte) (*Show, error) {
	c, err := examine(raw, nil, migrations)
	if err != nil {
		return nil, err
	}
	if m := c.mistakes(); len(m) > 0 {
		return nil, &InvalidError{m}
	}
	var plain bytes.Buffer
	c.root.write(&plain, c.raw)
	s := blank()
	if err := json.Unmarshal(plain.Bytes(), s); err != nil {
		return nil, fmt.Errorf("scenes: a show without mistakes does not decode: %w", err)
	}
	s.complete()
	return s, nil
}
