package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/record"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// mistakes lists what is wrong with a show: the document, as scenes.Validate does, then
// what it asks of encoders and outputs, and with dir, which relative paths are relative
// to, files that are not there. Where the document is no show yet, what it asks of encoders
// and outputs is not known: all is false.
func mistakes(raw []byte, dir string) (out []scenes.Mistake, all bool) {
	c := newCatalog()
	c.files, c.dir = true, dir
	out = scenes.Validate(raw, c)
	show, err := scenes.Parse(raw)
	if err != nil { // what is wrong is in out
		var newer *scenes.NewerFormatError
		return out, errors.As(err, &newer) // which cannot be mended
	}
	for i, r := range show.Renditions {
		out = append(out, encoderMistakes(fmt.Sprintf("$.renditions[%d].video", i), r.Video)...)
	}
	codec := func(id string) media.Codec {
		r, _ := show.Rendition(id)
		return media.Codec(r.Video.Codec)
	}
	for i, d := range show.Destinations {
		for _, r := range engine.Refusals(show, d, c.outputs) {
			out = append(out, scenes.Mistake{Path: fmt.Sprintf("$.destinations[%d].%s", i, r.Field), Message: r.Err.Error()})
		}
	}
	for i, r := range show.Recordings {
		if err := record.Holds(r.Settings, codec(r.Rendition)); err != nil {
			out = append(out, scenes.Mistake{Path: fmt.Sprintf("$.recordings[%d].settings.container", i), Message: strings.TrimPrefix(err.Error(), "record: ")})
		}
	}
	pictures := func(id string) bool {
		s, _ := show.Source(id)
		return c.sources[s.Kind].HasVideo
	}
	if show.ISO.Codec != scenes.ISOCopy && slices.ContainsFunc(show.ISO.Sources, pictures) {
		if err := record.Holds(show.ISO.Settings, codec(engine.ISORendition(show))); err != nil {
			out = append(out, scenes.Mistake{Path: "$.iso.settings.container", Message: strings.TrimPrefix(err.Error(), "record: ")})
		}
	}
	return out, true
}

// encoderMistakes is what no build of FFmpeg can do of v.
func encoderMistakes(path string, v scenes.Video) (out []scenes.Mistake) {
	for _, m := range av.Misfits(media.Codec(v.Codec), v.Encoder, v.Preset) {
		out = append(out, scenes.Mistake{Path: path + "." + m.Setting, Message: m.Text})
	}
	return out
}

// CheckSource implements scenes.SettingsChecker.
func (c catalog) CheckSource(kind string, settings json.RawMessage) (field string, err error) {
	k := c.sources[kind]
	if _, err := k.New(settings, sources.Options{BaseDir: c.dir}); err != nil {
		return ofField(kind, k.Schema, err)
	}
	if c.files {
		return c.missing(k.Schema, settings)
	}
	return "", nil
}

// CheckOutput implements scenes.SettingsChecker. Secrets are not settings: where one is
// asked for, there is one.
func (c catalog) CheckOutput(kind string, settings json.RawMessage, keyed bool) (field string, err error) {
	var s struct {
		URL string `json:"url"`
	}
	if json.Unmarshal(settings, &s) == nil && s.URL == rehearsal {
		return "", nil
	}
	k := c.outputs[kind]
	opt := outputs.Options{BaseDir: c.dir}
	if !keyed {
		if _, err = k.New(settings, opt); err == nil {
			return "", nil
		}
	}
	opt.Secret = "stands-for-the-secret"
	if _, err = k.New(settings, opt); err != nil {
		return ofField(kind, k.Schema, err)
	}
	return "", nil
}

// ofField finds the setting that an error of a kind's New is about, and takes its name,
// and the kind's, off the sentence.
func ofField(kind string, schema json.RawMessage, err error) (field string, short error) {
	text := strings.TrimPrefix(err.Error(), kind+": ")
	var doc struct{ Properties map[string]json.RawMessage }
	word, rest, _ := strings.Cut(text, " ")
	word = strings.TrimSuffix(word, ":")
	if json.Unmarshal(schema, &doc) == nil && doc.Properties[word] != nil && rest != "" {
		return word, errors.New(rest)
	}
	return "", errors.New(text)
}

// missing finds a file that settings name and that is not there.
func (c catalog) missing(schema, settings json.RawMessage) (field string, err error) {
	var doc struct {
		Properties map[string]struct {
			Picker string `json:"x-picker"`
		}
	}
	var set map[string]any
	if json.Unmarshal(schema, &doc) != nil || json.Unmarshal(settings, &set) != nil {
		return "", nil
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Properties)) { // the same one every time
		path, _ := set[name].(string)
		if doc.Properties[name].Picker != "file" || path == "" {
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(c.dir, path)
		}
		switch info, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist):
			return name, fmt.Errorf("there is no file %s", path)
		case errors.Is(err, fs.ErrPermission):
			return name, fmt.Errorf("%s may not be read", path)
		case err == nil && info.IsDir():
			return name, fmt.Errorf("%s is a folder, not a file", path)
		}
	}
	return "", nil
}
