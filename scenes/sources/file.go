package sources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

const fileSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["path"],
  "properties": {
    "path": {"type": "string", "minLength": 1, "title": "File", "x-order": 1, "x-picker": "file", "x-files": "media", "format": "path",
      "description": "A media file of any format FFmpeg reads, absolute or relative to the show file"},
    "loop": {"type": "boolean", "default": false, "title": "Loop", "x-order": 2, "description": "Starts again at the in point without a gap"},
    "in": {"type": "number", "minimum": 0, "default": 0, "title": "In", "x-order": 3, "x-unit": "s", "description": "Where to start"},
    "out": {"type": "number", "minimum": 0, "default": 0, "title": "Out", "x-order": 4, "x-unit": "s", "description": "Where to end; 0 is the end of the file"},
    "paused": {"type": "boolean", "default": false, "title": "Start paused", "x-order": 5, "description": "Shows the first picture and waits"},
    "hardware": {"enum": ["auto", "off", "vaapi", "cuda", "qsv", "videotoolbox", "d3d11va"], "default": "auto", "title": "Hardware decoding", "x-order": 6, "x-advanced": true,
      "description": "auto takes what opens, and decodes in software otherwise"},
    "deinterlace": {"enum": ["auto", "off"], "default": "auto", "title": "Deinterlace", "x-order": 7, "x-advanced": true,
      "description": "auto makes whole pictures of interlaced ones: of each field where the canvas is as fast as the fields, else of each two"}
  }
}`

type fileSettings struct {
	Path     string  `json:"path"`
	Loop     bool    `json:"loop"`
	In       float64 `json:"in"`
	Out      float64 `json:"out"`
	Paused   bool    `json:"paused"`
	Hardware string  `json:"hardware"`

	Deinterlace string `json:"deinterlace"`
}

// File is the kind of a media file. Its sources are Clips.
func File() Kind {
	return Kind{
		Name: "file", Title: "Media file", Pacing: Paced, HasVideo: true, HasAudio: true, Coded: true,
		Schema: json.RawMessage(fileSchema),
		New: func(raw json.RawMessage, opt Options) (Source, error) {
			s := fileSettings{Hardware: "auto", Deinterlace: "auto"}
			if err := decodeSettings("file", raw, &s); err != nil {
				return nil, err
			}
			if s.Path == "" {
				return nil, errors.New("file: no file has been chosen yet")
			}
			if s.In < 0 || s.Out < 0 || s.Out > 0 && s.Out <= s.In {
				return nil, fmt.Errorf("file: the out point (%v s) must lie behind the in point (%v s)", s.Out, s.In)
			}
			if err := oneOf("file", "hardware", s.Hardware, "auto", "off", "vaapi", "cuda", "qsv", "videotoolbox", "d3d11va"); err != nil {
				return nil, err
			}
			if err := oneOf("file", "deinterlace", s.Deinterlace, "auto", "off"); err != nil {
				return nil, err
			}
			return &file{set: s, opt: canvasOr(opt), path: resolvePath(opt.BaseDir, s.Path), paused: s.Paused}, nil
		},
	}
}

// file plays a media file in stretches: from a position until it is over or the
// operator seeks or pauses, which ends the stretch; each starts a new timeline at 0.
type file struct {
	set  fileSettings
	opt  Options
	path string

	mu     sync.Mutex
	paused bool               // guarded by mu
	seek   *time.Duration     // guarded by mu; asked for, not yet done
	wake   context.CancelFunc // guarded by mu; ends the stretch
	from   time.Duration      // guarded by mu; where the stretch began
	length time.Duration      // guarded by mu; of the material; 0: not known
	over   bool               // guarded by mu
}

// Timeline implements Clip.
func (s *file) Timeline() Timeline {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Timeline{From: s.from, Length: s.length, Loop: s.set.Loop, Paused: s.paused, Over: s.over}
}

func (s *file) setLength(length time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.length = length
}

// Seek implements Seeker.
func (s *file) Seek(position float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := seconds(max(0, position))
	s.seek = &t
	if s.wake != nil {
		s.wake()
	}
}

// SetPaused implements Seeker.
func (s *file) SetPaused(paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused != paused && s.wake != nil {
		s.wake()
	}
	s.paused = paused
}

// intoPicture keeps a position that was rounded from meaning the picture before.
const intoPicture = time.Millisecond

// PauseAt implements Pauser.
func (s *file) PauseAt(position time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := max(0, position) + intoPicture
	s.seek, s.paused = &t, true
	if s.wake != nil {
		s.wake()
	}
}

func seconds(v float64) time.Duration {
	return time.Duration(math.Round(min(v, 1e8) * float64(time.Second)))
}

// Run implements Source. At the end, without loop, it holds and waits to be sought.
func (s *file) Run(ctx context.Context, sink Sink) error {
	p, err := s.open(ctx, sink)
	if err != nil {
		return err
	}
	defer p.close()
	s.mu.Lock()
	s.seek, s.from, s.over = nil, 0, false
	s.mu.Unlock()
	// show: the picture at pos has not been seen yet.
	pos, show := time.Duration(0), true
	for first := true; ctx.Err() == nil; first = false {
		stretch, cancel := context.WithCancel(ctx)
		s.mu.Lock()
		if s.seek != nil {
			pos, show = *s.seek, true
			s.seek = nil
		}
		paused, length := s.paused, s.length
		s.wake = cancel
		s.mu.Unlock()
		if s.set.Loop && length > 0 {
			pos %= length // no pass of it is longer
		}
		if p.out > 0 {
			pos = min(pos, max(0, p.out-p.video.length()))
		}
		over := false
		if !paused || show {
			s.mu.Lock()
			s.from, s.over = pos, false
			s.mu.Unlock()
			if !first {
				sink.Restart()
			}
			pos, over, err = p.play(stretch, pos, paused)
		}
		if stretch.Err() != nil { // asked for something, or ended
			cancel()
			continue
		}
		if err != nil {
			cancel()
			return err
		}
		show = false
		if over {
			pos = 0 // playing on starts over
			s.mu.Lock()
			s.over = true
			s.mu.Unlock()
			p.sayEnd()
		}
		sink.Hold()
		<-stretch.Done()
		cancel()
	}
	return ctx.Err()
}
