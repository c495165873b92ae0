package sources

import (
	"context"
	"encoding/json"
	"math"

	"crosspoint.studio/crosspoint/internal/media"
)

const barsSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "pattern": {"enum": ["smpte", "ebu"], "default": "smpte", "title": "Pattern", "x-order": 1,
      "description": "smpte: SMPTE RP 219 with PLUGE; ebu: eight 75 % bars over the full height"},
    "tone_hz": {"type": "number", "minimum": 20, "maximum": 20000, "default": 1000, "title": "Tone", "x-order": 2, "x-unit": "Hz",
      "description": "Frequency of the line-up tone"},
    "tone_dbfs": {"type": "number", "minimum": -90, "maximum": 0, "default": -20, "title": "Level", "x-order": 3, "x-unit": "dBFS",
      "description": "Peak level of the line-up tone; -20 dBFS is SMPTE RP 155, -18 dBFS EBU R 68; -90 is silence"}
  }
}`

type barsSettings struct {
	Pattern  string  `json:"pattern"`
	ToneHz   float64 `json:"tone_hz"`
	ToneDBFS float64 `json:"tone_dbfs"`
}

// Bars is the kind of the line-up signal: colour bars in exact code values of the
// canvas's colour, and tone.
func Bars() Kind {
	return Kind{
		Name: "bars", Title: "Bars and tone", Pacing: Paced, HasVideo: true, HasAudio: true,
		Schema: json.RawMessage(barsSchema),
		New: func(raw json.RawMessage, opt Options) (Source, error) {
			s := barsSettings{"smpte", 1000, -20}
			if err := decodeSettings("bars", raw, &s); err != nil {
				return nil, err
			}
			if err := oneOf("bars", "pattern", s.Pattern, "smpte", "ebu"); err != nil {
				return nil, err
			}
			if err := within("bars", "tone_hz", s.ToneHz, 20, 20000); err != nil {
				return nil, err
			}
			if err := within("bars", "tone_dbfs", s.ToneDBFS, -90, 0); err != nil {
				return nil, err
			}
			return &bars{s, canvasOr(opt)}, nil
		},
	}
}

type bars struct {
	set barsSettings
	opt Options
}

// Run implements Source. Every picture shares the planes of one.
func (s *bars) Run(ctx context.Context, sink Sink) error {
	base := media.NewFramePool(media.I420, s.opt.Width, s.opt.Height, 0).Get()
	defer base.Release()
	if s.set.Pattern == "ebu" {
		drawEBU(base, s.opt.Color)
	} else {
		drawRP219(base, s.opt.Color)
	}
	sink.Describe(describeGenerator(s.opt))
	picture := func(int64) *media.Frame {
		f := media.NewFrame(base.Format, base.Width, base.Height, base.Planes, nil)
		f.Color = s.opt.Color
		return f
	}
	tone := newTone(s.set.ToneHz, math.Pow(10, s.set.ToneDBFS/20), s.opt.FPS)
	if s.set.ToneDBFS <= -90 {
		tone.amplitude = 0
	}
	return generate(ctx, sink, s.opt.FPS, picture, tone.of)
}

// tone is an endless sine, the same whatever the blocks it is cut into.
type tone struct {
	hz, amplitude float64
	fps           media.Rational
	buf           []float32
}

func newTone(hz, amplitude float64, fps media.Rational) *tone {
	return &tone{hz: hz, amplitude: amplitude, fps: fps}
}

// of is the sound of picture n, valid until the next call.
func (t *tone) of(n int64) []float32 {
	from, to := media.SampleAt(n, t.fps, media.SampleRateHz), media.SampleAt(n+1, t.fps, media.SampleRateHz)
	t.buf = t.buf[:0]
	for i := from; i < to; i++ {
		// The phase is taken from the sample's number, in turns, so that it neither
		// drifts nor loses precision over days.
		turns := math.Mod(t.hz*float64(i%(media.SampleRateHz*1000))/media.SampleRateHz, 1)
		v := float32(t.amplitude * math.Sin(2*math.Pi*turns))
		t.buf = append(t.buf, v, v)
	}
	return t.buf
}

// barColours are white, yellow, cyan, green, magenta, red and blue at a level.
func barColours(level float64, c media.ColorInfo) [7]ycbcr {
	var out [7]ycbcr
	for i, rgb := range [7][3]float64{{1, 1, 1}, {1, 1, 0}, {0, 1, 1}, {0, 1, 0}, {1, 0, 1}, {1, 0, 0}, {0, 0, 1}} {
		out[i] = toYCbCr(level*rgb[0], level*rgb[1], level*rgb[2], c)
	}
	return out
}

// drawEBU draws 100/0/75/0 bars (ITU-R BT.471-1 nomenclature).
func drawEBU(f *media.Frame, c media.ColorInfo) {
	row := strip{f: f, height: f.Height}
	row.add(1.0/8, toYCbCr(1, 1, 1, c))
	colours := barColours(0.75, c)
	for _, colour := range colours[1:] {
		row.add(1.0/8, colour)
	}
	row.add(1.0/8, toYCbCr(0, 0, 0, c))
}

// drawRP219 draws the multi-format bars of SMPTE RP 219-1:2014. Lengths are in parts of
// the width: b is one of the seven bars between the side panels of 1/8.
func drawRP219(f *media.Frame, c media.ColorInfo) {
	const side, b = 1.0 / 8, 3.0 / 28
	grey := func(level float64) ycbcr { return toYCbCr(level, level, level, c) }
	bars75, bars100 := barColours(0.75, c), barColours(1, c)
	y1, y2, y3 := f.Height*7/12&^1, f.Height*8/12&^1, f.Height*9/12&^1

	row := strip{f: f, y: 0, height: y1}
	row.add(side, grey(0.4))
	for _, colour := range bars75 {
		row.add(b, colour)
	}
	row.add(side, grey(0.4))

	row = strip{f: f, y: y1, height: y2 - y1}
	row.add(side, bars100[2])
	row.add(7*b, grey(0.75))
	row.add(side, bars100[6])

	row = strip{f: f, y: y2, height: y3 - y2}
	row.add(side, bars100[1])
	row.add(b, grey(0))
	const steps = 219 // the ramp: as fine as 8 bits go
	for i := range steps {
		row.add(5*b/steps, grey((float64(i)+0.5)/steps))
	}
	row.add(b, grey(1))
	row.add(side, bars100[5])

	row = strip{f: f, y: y3, height: f.Height - y3}
	row.add(side, grey(0.15))
	row.add(1.5*b, grey(0))
	row.add(2*b, grey(1))
	row.add(5*b/6, grey(0))
	for _, pluge := range [5]float64{-0.02, 0, 0.02, 0, 0.04} {
		row.add(b/3, grey(pluge))
	}
	row.add(b, grey(0))
	row.add(side, grey(0.15))
}

// strip lays boxes side by side; their edges fall on even pixels, for the chroma.
type strip struct {
	f         *media.Frame
	y, height int
	at        float64 // 0..1 of the width
}

func (s *strip) add(width float64, c ycbcr) {
	edge := func(at float64) int {
		if at > 0.9999 {
			return s.f.Width
		}
		return int(math.Round(at*float64(s.f.Width)/2)) * 2
	}
	from, to := edge(s.at), edge(s.at+width)
	s.at += width
	fillBox(s.f, from, s.y, to-from, s.height, c)
}
