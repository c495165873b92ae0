package sources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

const cameraSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "device": {"type": "string", "minLength": 1, "default": "/dev/video0", "title": "Device", "x-order": 1, "x-picker": "camera",
      "description": "A V4L2 device; a name below /dev/v4l/by-id stays with its camera"},
    "width": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Width", "x-order": 2, "x-unit": "px", "description": "0 leaves the size to the camera"},
    "height": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Height", "x-order": 3, "x-unit": "px", "description": "0 leaves the size to the camera"},
    "fps": {"type": "string", "default": "", "title": "Frame rate", "x-order": 4, "x-unit": "fps", "description": "As in 30 or 30000/1001; empty leaves it to the camera"},
    "format": {"enum": ["auto", "mjpeg", "raw", "h264"], "default": "auto", "title": "Format", "x-order": 5,
      "description": "mjpeg reaches high sizes and rates over USB 2, raw (YUYV) needs no decoding"},
    "deinterlace": {"enum": ["auto", "off"], "default": "auto", "title": "Deinterlace", "x-order": 6, "x-advanced": true,
      "description": "auto makes whole pictures of interlaced ones: of each field where the canvas is as fast as the fields, else of each two"}
  }
}`

type cameraSettings struct {
	Device string `json:"device"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	FPS    string `json:"fps"`
	Format string `json:"format"`

	Deinterlace string `json:"deinterlace"`
}

// Camera is the kind of a V4L2 camera or capture card. Unplugged, it fails, and comes
// back through Supervise when it is plugged in again.
func Camera() Kind {
	return Kind{
		Name: "camera", Title: "Camera", Pacing: Live, HasVideo: true,
		Schema: json.RawMessage(cameraSchema),
		New: func(raw json.RawMessage, opt Options) (Source, error) {
			s := cameraSettings{Device: "/dev/video0", Format: "auto", Deinterlace: "auto"}
			if err := decodeSettings("camera", raw, &s); err != nil {
				return nil, err
			}
			in, err := s.input()
			if err != nil {
				return nil, err
			}
			in.opt = canvasOr(opt)
			return &camera{s.Device, in}, nil
		},
	}
}

// input checks the settings and translates them into libavdevice's options.
func (s *cameraSettings) input() (*liveInput, error) {
	if s.Device == "" {
		return nil, errors.New("camera: no camera has been chosen yet")
	}
	if err := within("camera", "width", s.Width, 0, 8192); err != nil {
		return nil, err
	}
	if err := within("camera", "height", s.Height, 0, 8192); err != nil {
		return nil, err
	}
	if (s.Width == 0) != (s.Height == 0) {
		return nil, errors.New("camera: width and height are given together or not at all")
	}
	if err := oneOf("camera", "format", s.Format, "auto", "mjpeg", "raw", "h264"); err != nil {
		return nil, err
	}
	if err := oneOf("camera", "deinterlace", s.Deinterlace, "auto", "off"); err != nil {
		return nil, err
	}
	options := map[string]string{}
	if s.Width > 0 {
		options["video_size"] = fmt.Sprintf("%dx%d", s.Width, s.Height)
	}
	if s.FPS != "" {
		fps, err := media.ParseRational(s.FPS)
		if err != nil {
			return nil, fmt.Errorf("camera: fps: %w", err)
		}
		options["framerate"] = fps.String()
	}
	switch s.Format {
	case "mjpeg", "h264":
		options["input_format"] = s.Format
	case "raw":
		options["input_format"] = "yuyv422"
	}
	return &liveInput{
		kind: "camera", url: s.Device, hardware: "off", lowDelay: true, deinterlace: s.Deinterlace == "auto",
		options: av.InputOptions{Format: "v4l2", Options: options, Timeout: 5 * time.Second},
	}, nil
}

type camera struct {
	device string
	in     *liveInput
}

// Run implements Source.
func (s *camera) Run(ctx context.Context, sink Sink) error {
	if err := deviceThere(s.device); err != nil {
		return fmt.Errorf("camera: %w", err)
	}
	sink.Streams(true, false)
	err := s.in.run(ctx, sink)
	switch {
	case err == nil && ctx.Err() == nil:
		return fmt.Errorf("camera: %s stopped delivering", s.device)
	case errors.Is(err, syscall.EBUSY):
		return fmt.Errorf("camera: %s is in use by another program", s.device)
	case errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENXIO):
		return fmt.Errorf("camera: %s was unplugged", s.device)
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOTTY):
		return fmt.Errorf("camera: %s does not offer this size, rate or format%s", s.device, s.asked())
	}
	return err
}

// asked lists what was asked of the camera.
func (s *camera) asked() string {
	var parts []string
	for _, key := range []string{"video_size", "framerate", "input_format"} {
		if v := s.in.options.Options[key]; v != "" {
			parts = append(parts, v)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// deviceThere looks whether a device file can be opened at all, for the sake of a
// clear sentence.
func deviceThere(path string) error {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist: no camera is plugged in there", path)
	case err != nil:
		return err
	case info.Mode()&fs.ModeCharDevice == 0:
		return fmt.Errorf("%s is not a device", path)
	}
	file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s may not be opened: permission denied (the user has to be in the group video)", path)
	}
	if err == nil {
		_ = file.Close() // opened only to see whether that works
	}
	return nil
}
