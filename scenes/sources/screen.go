package sources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

const screenSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "display": {"type": "string", "default": "", "title": "Display", "x-order": 1, "x-picker": "screen", "description": "An X11 display, as in :0; empty is this session's"},
    "x": {"type": "integer", "minimum": 0, "default": 0, "title": "Left", "x-order": 2, "x-unit": "px", "description": "Where the region starts"},
    "y": {"type": "integer", "minimum": 0, "default": 0, "title": "Top", "x-order": 3, "x-unit": "px", "description": "Where the region starts"},
    "width": {"type": "integer", "minimum": 0, "maximum": 16384, "default": 0, "title": "Width", "x-order": 4, "x-unit": "px", "description": "0 is the whole screen"},
    "height": {"type": "integer", "minimum": 0, "maximum": 16384, "default": 0, "title": "Height", "x-order": 5, "x-unit": "px", "description": "0 is the whole screen"},
    "window": {"type": "string", "default": "", "title": "Window", "x-order": 6, "x-picker": "window", "description": "A window's X11 id, as in 0x2c00007 (xwininfo tells); empty is the screen"},
    "fps": {"type": "string", "default": "", "title": "Frame rate", "x-order": 7, "x-unit": "fps", "description": "Pictures a second; empty is the canvas's"},
    "cursor": {"type": "boolean", "default": true, "title": "Cursor", "x-order": 8, "description": "Shows the pointer"}
  }
}`

type screenSettings struct {
	Display string `json:"display"`
	X       int    `json:"x"`
	Y       int    `json:"y"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Window  string `json:"window"`
	FPS     string `json:"fps"`
	Cursor  bool   `json:"cursor"`
}

// Screen is the kind of an X11 screen, a region of it, or a window.
func Screen() Kind {
	return Kind{
		Name: "screen", Title: "Screen", Pacing: Live, HasVideo: true,
		Schema: json.RawMessage(screenSchema),
		New: func(raw json.RawMessage, opt Options) (Source, error) {
			s := screenSettings{Cursor: true}
			if err := decodeSettings("screen", raw, &s); err != nil {
				return nil, err
			}
			opt = canvasOr(opt)
			in, err := s.input(opt.FPS)
			if err != nil {
				return nil, err
			}
			in.opt = opt
			return &screen{s, in}, nil
		},
	}
}

// input checks the settings and translates them into libavdevice's options; the
// display is found when it is opened.
func (s *screenSettings) input(fps media.Rational) (*liveInput, error) {
	for _, v := range []struct {
		name string
		v    int
	}{{"x", s.X}, {"y", s.Y}, {"width", s.Width}, {"height", s.Height}} {
		if err := within("screen", v.name, v.v, 0, 16384); err != nil {
			return nil, err
		}
	}
	if (s.Width == 0) != (s.Height == 0) {
		return nil, errors.New("screen: width and height are given together or not at all")
	}
	if s.FPS != "" {
		var err error
		if fps, err = media.ParseRational(s.FPS); err != nil {
			return nil, fmt.Errorf("screen: fps: %w", err)
		}
	}
	options := map[string]string{"framerate": fps.String(), "draw_mouse": "0"}
	if s.Cursor {
		options["draw_mouse"] = "1"
	}
	if s.Width > 0 {
		options["video_size"] = fmt.Sprintf("%dx%d", s.Width, s.Height)
	}
	if s.X > 0 || s.Y > 0 {
		options["grab_x"], options["grab_y"] = strconv.Itoa(s.X), strconv.Itoa(s.Y)
	}
	if s.Window != "" {
		id, err := strconv.ParseUint(s.Window, 0, 32)
		if err != nil {
			return nil, fmt.Errorf("screen: window is %q; it must be an X11 id such as 0x2c00007", s.Window)
		}
		options["window_id"] = strconv.FormatUint(id, 10)
	}
	return &liveInput{
		kind: "screen", hardware: "off",
		options: av.InputOptions{Format: "x11grab", Options: options, LowDelay: true, Timeout: 5 * time.Second},
	}, nil
}

type screen struct {
	set screenSettings
	in  *liveInput
}

// Run implements Source.
func (s *screen) Run(ctx context.Context, sink Sink) error {
	display := s.set.Display
	if display == "" {
		if display = os.Getenv("DISPLAY"); display == "" {
			return errors.New("screen: this session has no X11 display")
		}
	}
	in := *s.in
	in.url = display
	err := in.run(ctx, sink)
	switch {
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("screen: the display %s cannot be opened, or went away", display)
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("screen: the region does not lie on the display %s, or there is no such window", display)
	}
	return err
}
