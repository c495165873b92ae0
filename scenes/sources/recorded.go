package sources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
)

const recordedSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["files"],
  "properties": {
    "files": {"type": "array", "title": "Files", "x-order": 1, "description": "The recordings of one source, in the order of their time",
      "items": {"type": "object", "additionalProperties": false, "required": ["path", "first"], "properties": {
        "path": {"type": "string", "minLength": 1}, "first": {"type": "integer"}, "sample": {"type": "integer", "minimum": 0}}}},
    "begin": {"type": "integer", "default": 0, "title": "Begin", "x-order": 2, "description": "The tick at which the source begins to play"}
  }
}`

// RecordedFile is a file whose first picture belongs to tick First. Of sound alone Sample is
// where its first audio frame belongs, at 48 kHz from tick 0, which containers round to
// milliseconds or have no place for; 0 is not known.
type RecordedFile struct {
	Path   string `json:"path"`
	First  int64  `json:"first"`
	Sample int64  `json:"sample,omitempty"`
}

// RecordedSettings are the settings of the kind that Recorded describes.
type RecordedSettings struct {
	Files []RecordedFile `json:"files"`
	Begin int64          `json:"begin"`
}

// Recorded is the kind of a source that is played from its own recordings, each picture
// and sound at the tick at which it was recorded. Between files the last picture stands.
// It is for cutting a show again, not for the menu of sources.
func Recorded() Kind {
	return Kind{
		Name: "recorded", Title: "Recorded source", Pacing: Paced, HasVideo: true, HasAudio: true,
		Schema: json.RawMessage(recordedSchema),
		New: func(raw json.RawMessage, opt Options) (Source, error) {
			var s RecordedSettings
			if err := decodeSettings("recorded", raw, &s); err != nil {
				return nil, err
			}
			if len(s.Files) == 0 {
				return nil, errors.New("recorded: there are no files")
			}
			return &recorded{set: s, opt: canvasOr(opt)}, nil
		},
	}
}

type recorded struct {
	set RecordedSettings
	opt Options
}

// Run implements Source.
func (s *recorded) Run(ctx context.Context, sink Sink) error {
	line := &shifted{Sink: sink}
	for _, f := range s.set.Files {
		if err := s.play(ctx, line, f); err != nil {
			return err
		}
	}
	sink.Hold()
	<-ctx.Done()
	return ctx.Err()
}

// play plays what of a file lies behind the beginning.
func (s *recorded) play(ctx context.Context, line *shifted, r RecordedFile) error {
	line.by = media.TickTime(max(r.First-s.set.Begin, 0), s.opt.FPS)
	from := media.TickTime(max(s.set.Begin-r.First, 0), s.opt.FPS)
	f := &file{set: fileSettings{Hardware: "auto", Deinterlace: "auto"}, opt: s.opt, path: resolvePath(s.opt.BaseDir, r.Path)}
	p, err := f.open(ctx, line)
	if err != nil {
		return supervise.Permanent(err)
	}
	defer p.close()
	if p.in.Video() == nil && p.start < media.TickTime(1, s.opt.FPS) {
		// Sound alone may begin within its first tick: it is zero where that begins. (MPEG-TS
		// begins later, and tells nothing of it.)
		p.origin = 0
	}
	if whole := p.in.Duration(); whole > 0 && from >= whole {
		return nil // all of it was before
	}
	if in := r.Sample - media.SampleAt(r.First, s.opt.FPS, media.SampleRateHz); p.in.Video() == nil && r.Sample > 0 && in >= 0 {
		p.lands, p.landing = media.TimeOf(in, perFrame), true
	}
	reached, _, err := p.play(ctx, from, false)
	if err != nil {
		return fmt.Errorf("recorded: %w", err)
	}
	if line.heard > 0 { // a file without sound has passed as well
		line.heard = max(line.heard, line.by+reached-from)
	}
	return nil
}

// shifted is a sink whose timeline begins later, of each file after the other.
type shifted struct {
	Sink
	by    time.Duration // where the file that plays begins
	heard time.Duration // where the sound handed over ends; 0: there was none
}

const (
	// longGap is how much between the sound of two files is filled here: what lies an hour ahead
	// is for a strip a jump of the time stamps, and while it waits nothing would come that the
	// mix could go on with. What is shorter it fills itself.
	longGap = time.Second
	// fadeRoom is what is left open at either end of that, for the strip to fade.
	fadeRoom = 20 * time.Millisecond
)

func (s *shifted) Video(ctx context.Context, f *media.Frame) error {
	f.PTS += s.by
	return s.Sink.Video(ctx, f)
}

func (s *shifted) Audio(ctx context.Context, b media.AudioBlock) error {
	b.PTS += s.by
	if s.heard > 0 && b.PTS-s.heard > longGap {
		if err := s.silence(ctx, s.heard+fadeRoom, b.PTS-fadeRoom); err != nil {
			return err
		}
	}
	s.heard = b.PTS + b.Duration()
	return s.Sink.Audio(ctx, b)
}

// silence hands over silence between two times.
func (s *shifted) silence(ctx context.Context, from, until time.Duration) error {
	quiet := make([]float32, 2048*media.Channels)
	for at, end := media.UnitsIn(from, perFrame), media.UnitsIn(until, perFrame); at < end; {
		n := min(end-at, int64(len(quiet)/media.Channels))
		if err := s.Sink.Audio(ctx, media.AudioBlock{Samples: quiet[:n*media.Channels], PTS: media.TimeOf(at, perFrame)}); err != nil {
			return err
		}
		at += n
	}
	return nil
}
