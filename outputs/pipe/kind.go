package pipe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

var schema = json.RawMessage(`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "path": {"type": "string", "title": "Pipe or file", "x-order": 1, "description": "A named pipe (made by mkfifo) that another program reads, or a file to make; an existing file is never overwritten", "default": ""},
    "command": {"type": "string", "title": "Program", "x-order": 2, "description": "Instead of a pipe: a program to run while the destination is live; it gets the stream as its standard input. Words with spaces in quotes; no shell", "default": ""},
    "format": {"type": "string", "title": "Format", "x-order": 3, "enum": ["mpegts", "matroska", "flv"], "description": "mpegts can be joined at any time; matroska carries every codec", "default": "mpegts"}
  }
}`)

var formats = map[string][]media.Codec{
	"mpegts":   {media.H264, media.HEVC, media.AAC},
	"matroska": {media.H264, media.HEVC, media.AV1, media.AAC, media.Opus},
	"flv":      {media.H264, media.AAC},
}

type settings struct {
	Path    string `json:"path"`
	Command string `json:"command"`
	Format  string `json:"format"`
}

// Kind describes pipes, programs and raw files.
func Kind() outputs.Kind {
	return outputs.Kind{
		Name: "pipe", Title: "Pipe or program",
		Video: []media.Codec{media.H264, media.HEVC, media.AV1}, Audio: []media.Codec{media.AAC},
		Schema: schema, New: New, Program: commandOf,
	}
}

// output is one destination.
type output struct {
	path   string // absolute, or relative to the process; "" for a program
	argv   []string
	format string

	finishWithin time.Duration // the last bytes and the end of the program
}

// New checks settings and makes an output; it opens and runs nothing.
func New(raw json.RawMessage, opt outputs.Options) (outputs.Output, error) {
	s := settings{Format: "mpegts"}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("pipe: the settings cannot be read: %w", err)
	}
	o := &output{path: strings.TrimSpace(s.Path), format: s.Format, finishWithin: finishWithin}
	var err error
	if o.argv, err = words(s.Command); err != nil {
		return nil, err
	}
	switch {
	case formats[s.Format] == nil:
		return nil, errors.New("pipe: the format must be mpegts, matroska or flv")
	case o.path == "" && len(o.argv) == 0:
		return nil, errors.New("pipe: there is neither an address, which is that of a pipe or a file, nor a program: fill in one of them")
	case o.path != "" && len(o.argv) > 0:
		return nil, errors.New("pipe: there are both an address, which is that of a pipe or a file, and a program: fill in only one of them")
	}
	if o.path != "" && !filepath.IsAbs(o.path) && opt.BaseDir != "" {
		o.path = filepath.Join(opt.BaseDir, o.path)
	}
	return o, nil
}

// commandOf is outputs.Kind.Program.
func commandOf(raw json.RawMessage) string {
	var s settings
	if json.Unmarshal(raw, &s) != nil {
		return "" // New says why
	}
	return strings.TrimSpace(s.Command)
}

// words splits a command line: at spaces, but not within single or double quotes. A
// backslash is a letter like another, as Windows paths need it.
func words(line string) ([]string, error) {
	var out []string
	var word strings.Builder
	var quote rune
	inside := false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, inside = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if inside || word.Len() > 0 {
				out = append(out, word.String())
			}
			word.Reset()
			inside = false
		default:
			word.WriteRune(r)
		}
	}
	if quote != 0 {
		return nil, errors.New("pipe: a quote in the program's words is not closed")
	}
	if inside || word.Len() > 0 {
		out = append(out, word.String())
	}
	if len(out) > 0 && out[0] == "" {
		return nil, errors.New("pipe: the program has no name")
	}
	return out, nil
}
