package sources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"crosspoint.studio/crosspoint/internal/audio"
)

const microphoneSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "device": {"type": "string", "default": "", "title": "Device", "x-order": 1, "x-picker": "microphone", "description": "Name or id of a sound input; empty is the system's default"},
    "system": {"enum": ["", "pulse", "null"], "default": "", "title": "Sound system", "x-order": 2, "x-advanced": true,
      "description": "Empty is the first that works; null is a device that records silence, for rehearsals without one"}
  }
}`

type microphoneSettings struct {
	Device string `json:"device"`
	System string `json:"system"`
}

// Microphone is the kind of a sound input: a microphone, a line, a monitor of what
// plays. Unplugged, it fails, and comes back through Supervise.
func Microphone() Kind {
	return Kind{
		Name: "microphone", Title: "Microphone or line", Pacing: Live, HasAudio: true,
		Schema: json.RawMessage(microphoneSchema),
		New: func(raw json.RawMessage, _ Options) (Source, error) {
			var s microphoneSettings
			if err := decodeSettings("microphone", raw, &s); err != nil {
				return nil, err
			}
			if err := oneOf("microphone", "system", s.System, "", "pulse", "null"); err != nil {
				return nil, err
			}
			return &microphone{s}, nil
		},
	}
}

type microphone struct{ set microphoneSettings }

// Run implements Source.
func (s *microphone) Run(ctx context.Context, sink Sink) error {
	err := audio.NewCapture(audio.CaptureOptions{
		Backend: audio.Backend(s.set.System), Device: s.set.Device,
		Opened: func(name string) { sink.Describe(name + ", 48 kHz stereo") },
		Latency: func(d time.Duration) {
			if l, ok := sink.(LatencyListener); ok {
				l.DeviceLatency(d)
			}
		},
	}).Run(ctx, sink.Audio)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		return errors.New("microphone: the device stopped delivering")
	}
	return fmt.Errorf("microphone: %w", err)
}
