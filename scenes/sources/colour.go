package sources

import (
	"context"
	"encoding/json"
	"fmt"
	"image/color"

	"crosspoint.studio/crosspoint/internal/media"
)

const colourSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "color": {"type": "string", "pattern": "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$", "x-expected": "a colour as #rgb, #rrggbb or #rrggbbaa", "default": "#000000", "title": "Colour", "x-order": 1, "x-picker": "color",
      "description": "#rgb, #rrggbb or, with alpha, #rrggbbaa"},
    "width": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Width", "x-order": 2, "x-unit": "px", "description": "0 is the canvas's width"},
    "height": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Height", "x-order": 3, "x-unit": "px", "description": "0 is the canvas's height"}
  }
}`

type colourSettings struct {
	Color  string `json:"color"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// Colour is the kind of a plain area of colour, with or without alpha.
func Colour() Kind {
	return Kind{
		Name: "color", Title: "Colour", Pacing: Still, HasVideo: true,
		Schema: json.RawMessage(colourSchema),
		New: func(raw json.RawMessage, opt Options) (Source, error) {
			s := colourSettings{Color: "#000000"}
			if err := decodeSettings("color", raw, &s); err != nil {
				return nil, err
			}
			opt = canvasOr(opt)
			c, err := parseColor("color: color", s.Color)
			if err != nil {
				return nil, err
			}
			if err := sized("color", &s.Width, &s.Height, opt); err != nil {
				return nil, err
			}
			return &colour{c, s.Width, s.Height, opt}, nil
		},
	}
}

// sized checks a width and height and puts the canvas's where they are 0.
func sized(kind string, width, height *int, opt Options) error {
	if err := within(kind, "width", *width, 0, 8192); err != nil {
		return err
	}
	if err := within(kind, "height", *height, 0, 8192); err != nil {
		return err
	}
	if *width == 0 {
		*width = opt.Width
	}
	if *height == 0 {
		*height = opt.Height
	}
	return nil
}

type colour struct {
	color         color.NRGBA
	width, height int
	opt           Options
}

// Run implements Source.
func (s *colour) Run(ctx context.Context, sink Sink) error {
	sink.Describe(fmt.Sprintf("%dx%d", s.width, s.height))
	if err := sink.Video(ctx, s.picture()); err != nil {
		return err
	}
	sink.Hold()
	<-ctx.Done()
	return ctx.Err()
}

func (s *colour) picture() *media.Frame {
	c := s.color
	if c.A == 255 {
		f := media.NewFramePool(media.I420, s.width, s.height, 0).Get()
		f.Color = s.opt.Color
		v := toYCbCr(float64(c.R)/255, float64(c.G)/255, float64(c.B)/255, f.Color)
		f.Fill(v.y, v.cb, v.cr)
		return f
	}
	f := media.NewFramePool(media.RGBA, s.width, s.height, 0).Get()
	p := f.Planes[0].Data
	for i := 0; i < len(p); i += 4 {
		p[i], p[i+1], p[i+2], p[i+3] = c.R, c.G, c.B, c.A
	}
	return f
}
