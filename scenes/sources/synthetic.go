package sources

import (
	"context"
	"encoding/json"
	"math"

	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
)

// What a synthetic camera's sound consists of, for those who measure it. Amplitudes
// are peaks of a sine on a scale where 1 is full.
const (
	// BeepAmplitude is that of the beep which starts exactly with every flash and
	// lasts one picture.
	BeepAmplitude = 0.5
	// ToneAmplitude is that of the bursts that tell cameras apart: -20 dBFS.
	ToneAmplitude = 0.1
)

const syntheticSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "camera": {"type": "integer", "minimum": 1, "maximum": 8, "default": 1, "title": "Camera", "x-order": 1,
      "description": "Which of the eight cameras to be: each has its own colours, pattern, tone and rhythm, and its number in the frame counter"},
    "tone_hz": {"type": "number", "minimum": 0, "maximum": 20000, "default": 0, "title": "Tone", "x-order": 2, "x-unit": "Hz",
      "description": "Frequency of the camera's tone; 0 is the camera's own"},
    "noise": {"type": "boolean", "default": false, "title": "Noise", "x-order": 3,
      "description": "Adds grain to the picture, which makes it as hard to encode as a real camera's"}
  }
}`

// syntheticSettings are the settings of a synthetic camera.
type syntheticSettings struct {
	Camera int     `json:"camera"`
	ToneHz float64 `json:"tone_hz"`
	Noise  bool    `json:"noise"`
}

// Synthetic is the kind of generated cameras: a moving picture of the canvas's size
// and rate with the source's name, a timecode and a machine-readable frame counter
// (internal/framecode) burnt in, and with each camera's own tone. At every picture
// whose number is a multiple of the nominal frame rate a white box (FlashArea)
// flashes for that picture and a beep of BeepAmplitude starts with it.
func Synthetic() Kind {
	return Kind{
		Name: "synthetic", Title: "Synthetic camera", Pacing: Paced, HasVideo: true, HasAudio: true, DrawsName: true,
		Schema: json.RawMessage(syntheticSchema),
		New: func(raw json.RawMessage, opt Options) (Source, error) {
			s := syntheticSettings{Camera: 1}
			if err := decodeSettings("synthetic", raw, &s); err != nil {
				return nil, err
			}
			if err := within("synthetic", "camera", s.Camera, 1, 8); err != nil {
				return nil, err
			}
			if err := within("synthetic", "tone_hz", s.ToneHz, 0, 20000); err != nil {
				return nil, err
			}
			return &synthetic{s, canvasOr(opt)}, nil
		},
	}
}

type synthetic struct {
	set syntheticSettings
	opt Options
}

// Run implements Source.
func (s *synthetic) Run(ctx context.Context, sink Sink) error {
	p, err := newPainter(s.set, s.opt)
	if err != nil {
		return err
	}
	sink.Describe(describeGenerator(s.opt))
	sound := newSoundLoop(s.opt.FPS, nominalFPS(s.opt.FPS), cameraSound(s.set, s.opt.FPS))
	picture := func(n int64) *media.Frame {
		f := p.pool.Get()
		p.paint(f, n)
		framecode.Draw(f, uint8(s.set.Camera), uint32(n))
		return f
	}
	return generate(ctx, sink, s.opt.FPS, picture, sound.of)
}

// cameraTonesHz are the cameras' own tones, a pentatonic scale, so that any mix is
// easy on the ear and each can be found in it by its frequency.
var cameraTonesHz = [8]float64{330, 392, 440, 523, 587, 659, 784, 880}

// cameraSound is one period of a camera's sound: the beep, then as many bursts as the
// camera's number says.
func cameraSound(set syntheticSettings, fps media.Rational) func(i int) float32 {
	const (
		firstBurst = media.SampleRateHz / 5 // clear of the beep
		slot       = media.SampleRateHz / 11
		burst      = slot * 2 / 3
		ramp       = media.SampleRateHz / 200
	)
	hz := set.ToneHz
	if hz == 0 {
		hz = cameraTonesHz[set.Camera-1]
	}
	beep := int(media.SampleAt(1, fps, media.SampleRateHz))
	// Whole cycles, so that the beep ends as it starts: at zero.
	cycles := max(1, math.Round(1000*float64(beep)/media.SampleRateHz))
	return func(i int) float32 {
		if i < beep {
			return float32(BeepAmplitude * math.Sin(2*math.Pi*cycles*float64(i)/float64(beep)))
		}
		n, at := (i-firstBurst)/slot, (i-firstBurst)%slot
		if i < firstBurst || n >= set.Camera || at >= burst {
			return 0
		}
		// A raised cosine in and out keeps the bursts free of clicks.
		edge := float64(min(at, burst-at, ramp)) / ramp
		gain := ToneAmplitude * (0.5 - 0.5*math.Cos(math.Pi*edge))
		return float32(gain * math.Sin(2*math.Pi*hz*float64(i)/media.SampleRateHz))
	}
}
