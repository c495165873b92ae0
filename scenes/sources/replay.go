package sources

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

const replaySchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "loop": {"type": "boolean", "default": false, "title": "Loop", "x-order": 1, "description": "Plays the replay again and again until another is played; otherwise its last picture stands"},
    "slow_sound": {"enum": ["none", "stretch"], "default": "none", "title": "Sound in slow motion", "x-order": 2, "description": "stretch plays it as slowly as the pictures, at its own pitch; none leaves it out"}
  }
}`

// ReplayClip is a stretch of a file to be shown again.
type ReplayClip struct {
	Path    string
	In, Out time.Duration // from the file's first picture
	// Speed is 0.25..1 of the speed at which it was recorded.
	Speed float64
}

// Replayer is a source that shows what it is told to.
type Replayer interface {
	// PlayClip plays c from its start, at once, in place of what plays. It returns at once.
	PlayClip(c ReplayClip)
}

// Replay is the kind of a source that shows what the replay buffer kept. It is black until
// something is played. Its sources are Replayers.
func Replay() Kind {
	return Kind{
		Name: "replay", Title: "Instant replay", Pacing: Paced, HasVideo: true, HasAudio: true,
		Schema: json.RawMessage(replaySchema),
		New: func(raw json.RawMessage, opt Options) (Source, error) {
			s := &replay{opt: canvasOr(opt), wake: make(chan struct{}, 1)}
			if err := decodeSettings("replay", raw, &s.set); err != nil {
				return nil, err
			}
			if s.set.SlowSound == "" {
				s.set.SlowSound = "none"
			}
			if err := oneOf("replay", "slow_sound", s.set.SlowSound, "none", "stretch"); err != nil {
				return nil, err
			}
			return s, nil
		},
	}
}

type replay struct {
	set struct {
		Loop      bool   `json:"loop"`
		SlowSound string `json:"slow_sound"`
	}
	opt  Options
	wake chan struct{}

	mu   sync.Mutex
	clip *ReplayClip        // guarded by mu; to be played next
	stop context.CancelFunc // guarded by mu; ends what plays
}

// PlayClip implements Replayer.
func (s *replay) PlayClip(c ReplayClip) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clip = &c
	if s.stop != nil {
		s.stop()
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next takes the clip to be played, nil for none, with a context that ends when another
// is to be played.
func (s *replay) next(ctx context.Context) (*ReplayClip, context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clip
	s.clip, s.stop = nil, cancel
	return c, ctx, cancel
}

// Run implements Source.
func (s *replay) Run(ctx context.Context, sink Sink) error {
	sink.Streams(false, false) // nobody waits for it
	sink.Hold()
	sink.Describe("nothing to show yet")
	for ctx.Err() == nil {
		c, playing, cancel := s.next(ctx)
		if c == nil {
			cancel()
			select {
			case <-s.wake:
			case <-ctx.Done():
			}
			continue
		}
		err := s.play(playing, sink, *c)
		replaced := playing.Err() != nil
		cancel()
		if replaced {
			continue
		}
		if err != nil {
			sink.Describe(err.Error())
		}
		sink.Hold()
	}
	return ctx.Err()
}

func (s *replay) play(ctx context.Context, sink Sink, c ReplayClip) error {
	f := &file{opt: s.opt, path: c.Path, set: fileSettings{Hardware: "auto", Deinterlace: "auto", Loop: s.set.Loop, In: c.In.Seconds(), Out: c.Out.Seconds()}}
	slow := &slowed{Sink: sink, speed: c.Speed}
	if c.Speed != 1 && s.set.SlowSound == "stretch" {
		var err error
		if slow.stretch, err = av.NewStretch(c.Speed); err != nil {
			return err
		}
		defer slow.stretch.Close()
	}
	p, err := f.open(ctx, slow)
	if err != nil {
		return err
	}
	defer p.close()
	sink.Restart()
	sink.Describe(fmt.Sprintf("replay of %.1f s at %.0f %%", (c.Out - c.In).Seconds(), 100*c.Speed))
	if _, _, err = p.play(ctx, 0, false); err == nil {
		err = slow.end(ctx)
	}
	return err
}

// slowed is a sink whose timeline runs slower than what is put into it, without sound
// unless it runs as fast, or has something to stretch it with.
type slowed struct {
	Sink
	speed   float64
	stretch *av.Stretch // nil: none
	begun   bool        // some sound has come
	next    int64       // the next audio frame on the slower timeline
}

func (s *slowed) Streams(video, audio bool) {
	s.Sink.Streams(video, audio && (s.speed == 1 || s.stretch != nil))
}

// Describe: the replay says itself what it is.
func (s *slowed) Describe(string) {}

func (s *slowed) Video(ctx context.Context, f *media.Frame) error {
	f.PTS = time.Duration(float64(f.PTS) / s.speed)
	return s.Sink.Video(ctx, f)
}

func (s *slowed) Audio(ctx context.Context, b media.AudioBlock) error {
	switch {
	case s.speed == 1:
		return s.Sink.Audio(ctx, b)
	case s.stretch == nil:
		return ctx.Err()
	case !s.begun:
		s.begun = true
		s.next = media.UnitsIn(time.Duration(float64(b.PTS)/s.speed), perFrame)
	}
	return s.stretched(ctx, b.Samples)
}

// stretched hands on what comes out for samples, which follow each other without holes.
func (s *slowed) stretched(ctx context.Context, samples []float32) error {
	out, err := s.stretch.Process(samples)
	if err != nil || len(out) == 0 {
		return err
	}
	b := media.AudioBlock{Samples: out, PTS: media.TimeOf(s.next, perFrame)}
	s.next += int64(b.Frames())
	return s.Sink.Audio(ctx, b)
}

// end hands on what the stretching still holds.
func (s *slowed) end(ctx context.Context) error {
	if s.stretch == nil || !s.begun {
		return nil
	}
	return s.stretched(ctx, nil)
}
