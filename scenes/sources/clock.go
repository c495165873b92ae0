package sources

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

const clockSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "format": {"enum": ["hh:mm:ss", "hh:mm", "date", "timecode"], "default": "hh:mm:ss", "title": "Format", "x-order": 1,
      "description": "Time of day, date, or timecode (time since the studio started, in frames)"},
    "timezone": {"type": "string", "default": "", "title": "Time zone", "x-order": 2, "x-advanced": true, "description": "As in \"Europe/Berlin\"; empty is this machine's"},` + textStyleSchema + `
  }
}`

type clockSettings struct {
	Format   string `json:"format"`
	Timezone string `json:"timezone"`
	textStyle
}

// Clock is the kind of a clock in the picture. On a real clock it shows the time of
// day, on a virtual one, where a render must not depend on when it is made, the
// studio's time from 00:00:00 on 1 January 1970.
func Clock() Kind {
	return Kind{
		Name: "clock", Title: "Clock", Pacing: Paced, HasVideo: true,
		Schema: json.RawMessage(clockSchema),
		New: func(raw json.RawMessage, opt Options) (Source, error) {
			s := clockSettings{Format: "hh:mm:ss", textStyle: defaultTextStyle()}
			s.Font = "Go Mono"
			if err := decodeSettings("clock", raw, &s); err != nil {
				return nil, err
			}
			if err := oneOf("clock", "format", s.Format, "hh:mm:ss", "hh:mm", "date", "timecode"); err != nil {
				return nil, err
			}
			zone := time.Local
			if s.Timezone != "" {
				var err error
				if zone, err = time.LoadLocation(s.Timezone); err != nil {
					return nil, fmt.Errorf("clock: there is no time zone %q", s.Timezone)
				}
			}
			if err := s.check("clock"); err != nil {
				return nil, err
			}
			return &clock{s, canvasOr(opt), zone, time.Now}, nil
		},
	}
}

type clock struct {
	set     clockSettings
	opt     Options
	zone    *time.Location
	wallNow func() time.Time
}

// clockFace draws a clock's pictures, all of the same size.
type clockFace struct {
	setter  *typesetter
	painter textPainter
	pool    *media.FramePool
	width   int
	height  int
}

// newClockFace measures the format with each digit in every place, so that the picture
// keeps its size in a font whose digits differ.
func newClockFace(style *textStyle, format string) (*clockFace, error) {
	setter, err := newTypesetter(style.Font, style.Size)
	if err != nil {
		return nil, err
	}
	shape := map[string]string{"hh:mm:ss": "0:0:0", "hh:mm": "0:0", "date": "00-0-0", "timecode": "0:0:0:0"}[format]
	face := &clockFace{setter: setter, painter: textPainter{style: style}}
	for digit := range 10 {
		two := strings.Repeat(string(rune('0'+digit)), 2)
		w, h := style.size(setter.layout(strings.ReplaceAll(shape, "0", two), 0, 1))
		face.width, face.height = max(face.width, w), max(face.height, h)
	}
	face.pool = media.NewFramePool(media.RGBA, face.width, face.height, 4)
	return face, nil
}

func (c *clockFace) picture(text string) *media.Frame {
	f := c.pool.Get()
	c.painter.paint(f, c.setter.layout(text, 0, 1))
	return f
}

// Run implements Source.
func (s *clock) Run(ctx context.Context, sink Sink) error {
	face, err := newClockFace(&s.set.textStyle, s.set.Format)
	if err != nil {
		return err
	}
	sink.Describe(describeText(face.width, face.height, face.setter.fonts))
	remark(sink, face.setter.fonts.remark("0123456789:-"))
	sink.Streams(true, false)
	switch {
	case s.set.Format == "timecode":
		return s.runTimecode(ctx, sink, face)
	case s.opt.Clock.Virtual():
		return s.runVirtual(ctx, sink, face)
	}
	return s.runReal(ctx, sink, face)
}

// runTimecode hands over a picture for every frame of the canvas. The studio's time when
// it starts is where it counts from.
func (s *clock) runTimecode(ctx context.Context, sink Sink, face *clockFace) error {
	opened := media.UnitsIn(s.opt.Clock.Now(), s.opt.FPS.Inv())
	rate := nominalFPS(s.opt.FPS)
	for n := int64(0); ; n++ {
		t := opened + n
		sec := t / rate
		f := face.picture(fmt.Sprintf("%02d:%02d:%02d:%02d", sec/3600%24, sec/60%60, sec%60, t%rate))
		f.Number, f.PTS = n, media.TickTime(n, s.opt.FPS)
		if err := sink.Video(ctx, f); err != nil {
			return err
		}
	}
}

// runVirtual hands over a picture for every second of studio time, as far ahead as the
// sink takes them: also where it shows the same, for a source of moving pictures that
// shows nothing new for long counts as lost.
func (s *clock) runVirtual(ctx context.Context, sink Sink, face *clockFace) error {
	const step = time.Second
	opened := s.opt.Clock.Now()
	for n := int64(0); ; n++ {
		at := opened.Truncate(step) + time.Duration(n)*step
		f := face.picture(s.write(time.Unix(0, 0).Add(at).UTC()))
		f.Number, f.PTS = n, max(0, at-opened)
		if err := sink.Video(ctx, f); err != nil {
			return err
		}
	}
}

// runReal hands over each picture when its time has come, by the machine's clock, so
// that a clock that is set right is right in the picture too.
func (s *clock) runReal(ctx context.Context, sink Sink, face *clockFace) error {
	opened := s.opt.Clock.Now()
	shown := ""
	last := time.Duration(-1)
	for n := int64(0); ; {
		wall := s.wallNow().In(s.zone)
		if text := s.write(wall); text != shown {
			shown = text
			f := face.picture(text)
			f.Number, f.PTS = n, max(last+1, s.opt.Clock.Now()-opened)
			n, last = n+1, f.PTS
			if err := sink.Video(ctx, f); err != nil {
				return err
			}
			sink.Hold()
		}
		// Never longer than a second: the machine's clock may be set.
		untilNext := time.Second - time.Duration(wall.Nanosecond())
		if err := s.opt.Clock.WaitUntil(ctx, s.opt.Clock.Now()+untilNext); err != nil {
			return err
		}
	}
}

func (s *clock) write(t time.Time) string {
	switch s.set.Format {
	case "hh:mm":
		return t.Format("15:04")
	case "date":
		return t.Format("2006-01-02")
	}
	return t.Format("15:04:05")
}
