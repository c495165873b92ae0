package record

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

// nameLayout is the default file name: sorts by time, legal on every file system.
const nameLayout = "2006-01-02 15-04-05"

type container struct {
	extension string
	format    string // libavformat's name
	video     []media.Codec
	audio     []media.Codec
}

var containers = map[string]container{
	"mkv": {".mkv", "matroska", []media.Codec{media.H264, media.HEVC, media.AV1}, []media.Codec{media.AAC, media.Opus, media.MP3, media.FLAC}},
	"mp4": {".mp4", "mp4", []media.Codec{media.H264, media.HEVC, media.AV1}, []media.Codec{media.AAC, media.Opus, media.MP3}},
	"mov": {".mov", "mov", []media.Codec{media.ProRes, media.H264, media.HEVC}, []media.Codec{media.AAC, media.MP3}},
	"ts":  {".ts", "mpegts", []media.Codec{media.H264, media.HEVC}, []media.Codec{media.AAC, media.MP3}},
}

type settings struct {
	Path         string  `json:"path"`
	Container    string  `json:"container"`
	SplitMinutes float64 `json:"split_minutes"`
	SplitMB      int64   `json:"split_mb"`
	Chapters     string  `json:"chapters"`
	Spill        string  `json:"spill"`
	SpillMB      *int64  `json:"spill_below_mb"`
}

// What becomes a chapter.
const (
	chaptersOfMarks = "marks"
	chaptersOfCuts  = "cuts"
	noChapters      = "none"
)

var schema = json.RawMessage(`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "path": {"type": "string", "title": "File or folder", "x-order": 1, "x-picker": "folder", "description": "A folder gets files named by date and time; an existing file is never overwritten. Empty: the Videos folder", "default": ""},
    "container": {"type": "string", "title": "Container", "x-order": 2, "description": "mkv, mp4 and mov survive a crash or a power cut; mov takes ProRes for editing; ts is for other programs to read while it grows", "enum": ["mkv", "mp4", "mov", "ts"], "default": "mkv"},
    "split_minutes": {"type": "number", "title": "New file after", "x-order": 3, "x-unit": "min", "description": "Files begin at keyframes and no picture is lost between them. 0: one file; else at least a second", "minimum": 0, "maximum": 1440, "default": 0},
    "split_mb": {"type": "integer", "title": "New file above", "x-order": 4, "x-unit": "MB", "description": "Files stay below this size. 0: no limit; else at least 16", "minimum": 0, "maximum": 1000000, "default": 0},
    "chapters": {"type": "string", "title": "Chapters", "x-order": 5, "description": "Written into mkv, mp4 and mov files: from marks, from marks and every cut, or none", "enum": ["marks", "cuts", "none"], "default": "marks"},
    "spill": {"type": "string", "title": "Second folder", "x-order": 6, "x-picker": "folder", "description": "On another disk: the recording goes on there when the first one runs full or fails. Empty: none", "default": ""},
    "spill_below_mb": {"type": "integer", "title": "Change over with less free than", "x-order": 7, "x-unit": "MB", "minimum": 100, "maximum": 1000000, "default": 2000}
  }
}`)

// Kind describes recordings.
func Kind() outputs.Kind {
	return outputs.Kind{
		Name:        "record",
		Title:       "Recording",
		Video:       []media.Codec{media.H264, media.HEVC, media.AV1, media.ProRes},
		Audio:       []media.Codec{media.AAC, media.Opus},
		SoundTracks: 32, // as many as a show's recording has
		Recording:   true,
		Files:       &files,
		Schema:      schema,
		New:         New,
	}
}

// New checks settings and makes a recorder; it touches no file. A relative path is
// below opt.BaseDir.
func New(raw json.RawMessage, opt outputs.Options) (outputs.Output, error) {
	var s settings
	if len(raw) > 0 {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&s); err != nil {
			return nil, fmt.Errorf("record: the settings cannot be read: %w", err)
		}
	}
	fromName := strings.TrimPrefix(strings.ToLower(filepath.Ext(s.Path)), ".")
	_, named := containers[fromName]
	switch {
	case s.Container == "" && named:
		s.Container = fromName
	case s.Container == "":
		s.Container = "mkv"
	}
	c, ok := containers[s.Container]
	if !ok {
		return nil, errors.New("record: the container must be mkv, mp4, mov or ts")
	}
	if named && fromName != s.Container {
		return nil, fmt.Errorf("record: the file name ends in .%s but the container is %s", fromName, s.Container)
	}
	o := &Output{
		path: below(opt.BaseDir, s.Path), baseDir: opt.BaseDir, container: c, disk: realDisk{}, newMuxer: newMuxer, now: time.Now, files: opt.Files,
		splitTime: time.Duration(s.SplitMinutes * float64(time.Minute)), splitBytes: s.SplitMB * 1e6,
		chapters: s.Chapters, spill: strings.TrimSuffix(below(opt.BaseDir, s.Spill), string(filepath.Separator)), spillBelow: spillBelow,
	}
	if s.SpillMB != nil {
		o.spillBelow = *s.SpillMB * 1e6
	}
	if o.chapters == "" {
		o.chapters = chaptersOfMarks
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	return o, nil
}

// check says what is wrong with settings.
func (o *Output) check() error {
	switch {
	case o.splitTime < 0 || o.splitTime > 24*time.Hour:
		return errors.New("record: files are split after 0 (never) to 1440 minutes")
	case o.splitTime > 0 && o.splitTime < time.Second:
		return errors.New("record: files last at least a second")
	case o.splitBytes != 0 && (o.splitBytes < 16e6 || o.splitBytes > 1e12):
		return errors.New("record: files are split after 0 (never) or 16 to 1000000 MB")
	case o.chapters != chaptersOfMarks && o.chapters != chaptersOfCuts && o.chapters != noChapters:
		return errors.New("record: chapters come from marks, cuts or none")
	case o.spillBelow < 100e6 || o.spillBelow > 1e12:
		return errors.New("record: the second folder is used below 100 to 1000000 MB")
	}
	return nil
}
