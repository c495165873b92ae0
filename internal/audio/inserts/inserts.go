// Package inserts makes the desk's processors out of libavfilter's: high-pass, expander,
// compressor, equaliser, de-esser, noise suppression, limiter, ducker; and two of audio's
// own: the gate, since libavfilter's has one threshold and no hold, and the loudness
// controller, since libavfilter has none that works live. A processor has fixed settings;
// audio.Insert crossfades from one to the next.
//
// Threads: a processor belongs to one goroutine. What this package does not do: signal
// processing of its own, defaults and ranges (scenes has them: settings that are
// not there are refused), deciding what goes where.
//
// libavfilter's own commands for changing a running filter are not used: in FFmpeg 7.1
// agate takes a new threshold without calculating with it, and alimiter reads a
// new release in seconds instead of milliseconds (af_agate.c, af_alimiter.c).
package inserts

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/av"
)

// Kinds of insert.
const (
	HighPass   = "highpass"
	Gate       = "gate"
	Expander   = "expander"
	Compressor = "compressor"
	EQ         = "eq"
	DeEsser    = "deesser"
	Denoise    = "denoise"
	Limiter    = "limiter"
	Ducker     = "ducker"
	Loudness   = "loudness"
)

// lookAhead of the limiter, in ms and in frames of delay: the filter gives the oldest of
// so many frames, the newest included.
const (
	lookAheadMS     = 5
	lookAheadFrames = 239
)

// Reduces says that a kind only ever turns down, so that the level before and after says
// how much.
func Reduces(kind string) bool {
	switch kind {
	case Gate, Expander, Compressor, Limiter, Ducker, DeEsser:
		return true
	}
	return false
}

// Processor is one insert's work with fixed settings. It implements audio.Processor.
type Processor struct {
	*av.AudioFilter
	makeupDB float64
}

// MakeupDB is the gain that the processor ends with, which is not part of its reduction.
func (p *Processor) MakeupDB() float64 { return p.makeupDB }

// Open makes a processor of a kind with settings, all of which have to be there; unknown
// ones are ignored.
func Open(kind string, settings json.RawMessage) (audio.Processor, error) {
	if kind == Loudness || kind == Gate {
		v := values{}
		if err := json.Unmarshal(settings, &v.given); err != nil {
			return nil, fmt.Errorf("inserts: %s: %w", kind, err)
		}
		p := v.own(kind)
		if v.missing != "" {
			return nil, fmt.Errorf("inserts: %s: the setting %q is missing", kind, v.missing)
		}
		return p, nil
	}
	opt, makeupDB, err := describe(kind, settings)
	if err != nil {
		return nil, fmt.Errorf("inserts: %s: %w", kind, err)
	}
	return open(kind, opt, makeupDB)
}

// OpenLimiter makes a limiter without a settings document; ceilingDB is -24..0, releaseMS
// 1..2000.
func OpenLimiter(ceilingDB, releaseMS float64) (*Processor, error) {
	return open(Limiter, limiter(ceilingDB, releaseMS), 0)
}

func open(kind string, opt av.AudioFilterOptions, makeupDB float64) (*Processor, error) {
	f, err := av.NewAudioFilter(opt)
	if err != nil {
		return nil, fmt.Errorf("inserts: %s: %w", kind, err)
	}
	return &Processor{f, makeupDB}, nil
}

// values are settings by name.
type values struct {
	given   map[string]any
	missing string
}

func (v *values) number(name string) float64 {
	switch x := v.given[name].(type) {
	case float64:
		return x
	case bool:
		if x {
			return 1
		}
		return 0
	}
	v.missing = name
	return 1
}

// milliseconds is a setting in ms.
func (v *values) milliseconds(name string) time.Duration {
	return time.Duration(v.number(name) * float64(time.Millisecond))
}

// own makes a processor of audio's own kinds.
func (v *values) own(kind string) audio.Processor {
	if kind == Gate {
		return audio.NewGate(audio.GateOptions{
			OpenDB: v.number("threshold_db"), HysteresisDB: v.number("hysteresis_db"), RangeDB: v.number("range_db"),
			Attack: v.milliseconds("attack_ms"), Hold: v.milliseconds("hold_ms"), Release: v.milliseconds("release_ms"),
		})
	}
	return audio.NewLeveller(audio.LevellerOptions{TargetLUFS: v.number("target_lufs"), CeilingDBTP: v.number("ceiling_dbtp"), MaxGainDB: v.number("max_gain_db")})
}

// gain is a setting in dB as a factor.
func (v *values) gain(name string) float64 { return math.Pow(10, v.number(name)/20) }

func describe(kind string, settings json.RawMessage) (opt av.AudioFilterOptions, makeupDB float64, err error) {
	v := values{}
	if err := json.Unmarshal(settings, &v.given); err != nil {
		return opt, 0, err
	}
	opt, ok := v.graph(kind)
	switch {
	case !ok:
		return opt, 0, errors.New("there is no insert of this kind")
	case v.missing != "":
		return opt, 0, fmt.Errorf("the setting %q is missing", v.missing)
	}
	if kind == Compressor {
		makeupDB = v.number("makeup_db")
	}
	return opt, makeupDB, nil
}

// graph puts settings into libavfilter's words. Levels there are factors; dynamics look
// at the louder side and turn both down alike, so that the stereo image stands still.
func (v *values) graph(kind string) (av.AudioFilterOptions, bool) {
	const linked = "detection=peak:link=maximum"
	switch kind {
	case HighPass:
		f := v.number("frequency_hz")
		if v.number("slope_db") < 24 {
			return planar("highpass=f=%g", f), true
		}
		// The two sections of a Butterworth filter of the fourth order.
		return planar("highpass=f=%g:t=q:w=%g,highpass=f=%g:t=q:w=%g", f, 0.5/math.Cos(math.Pi/8), f, 0.5/math.Sin(math.Pi/8)), true
	case Expander:
		return packed("agate=%s:threshold=%g:ratio=%g:range=%g:attack=%g:release=%g", linked,
			v.gain("threshold_db"), v.number("ratio"), v.gain("range_db"), v.number("attack_ms"), v.number("release_ms")), true
	case Compressor:
		return packed("acompressor=%s:threshold=%g:ratio=%g:knee=%g:attack=%g:release=%g:makeup=%g", linked,
			v.gain("threshold_db"), v.number("ratio"), min(v.gain("knee_db"), 8), v.number("attack_ms"), v.number("release_ms"), v.gain("makeup_db")), true
	case EQ:
		return planar("lowshelf=f=%g:t=q:w=0.707:g=%g,equalizer=f=%g:t=q:w=%g:g=%g,equalizer=f=%g:t=q:w=%g:g=%g,highshelf=f=%g:t=q:w=0.707:g=%g",
			v.number("low_hz"), v.number("low_db"),
			v.number("lowmid_hz"), v.number("lowmid_q"), v.number("lowmid_db"),
			v.number("highmid_hz"), v.number("highmid_q"), v.number("highmid_db"),
			v.number("high_hz"), v.number("high_db")), true
	case DeEsser:
		return planar("deesser=i=%g:m=%g:f=%g", v.number("intensity"), 1-v.number("amount"), v.number("frequency")), true
	case Denoise:
		opt := planar("afftdn=nr=%g:nf=%g:tn=%g", v.number("reduction_db"), v.number("floor_db"), v.number("follow"))
		opt.Delay, opt.Pad = 1200, 600 // two thirds of its window, and its step (af_afftdn.c)
		return opt, true
	case Limiter:
		return limiter(v.number("ceiling_db"), v.number("release_ms")), true
	case Ducker:
		// What bounds the depth is a key that is cut off at the level that leads to it: nobody hears
		// it. A share of the sound passed by the compressor bounds it too, but takes 4 dB
		// of the 10 that a key asks for under a depth of 12.
		threshold, depth, ratio := v.number("threshold_db"), v.number("depth_db"), v.number("ratio")
		cut := ""
		if most := threshold + depth/(1-1/ratio); most < 0 { // infinite at 1:1
			cut = fmt.Sprintf("[key]asoftclip=type=hard:threshold=%g[cut];", math.Pow(10, most/20))
		}
		key := "key"
		if cut != "" {
			key = "cut"
		}
		opt := packed("%s[in][%s]sidechaincompress=%s:knee=1:threshold=%g:ratio=%g:attack=%g:release=%g", cut, key, linked,
			v.gain("threshold_db"), ratio, v.number("attack_ms"), v.number("release_ms"))
		opt.Keyed = true
		return opt, true
	}
	return av.AudioFilterOptions{}, false
}

func limiter(ceilingDB, releaseMS float64) av.AudioFilterOptions {
	opt := packed("alimiter=level=disabled:limit=%g:attack=%d:release=%g", math.Pow(10, ceilingDB/20), lookAheadMS, releaseMS)
	opt.Delay = lookAheadFrames
	return opt
}

func packed(graph string, args ...any) av.AudioFilterOptions {
	return av.AudioFilterOptions{Graph: fmt.Sprintf(graph, args...)}
}

func planar(graph string, args ...any) av.AudioFilterOptions {
	return av.AudioFilterOptions{Graph: fmt.Sprintf(graph, args...), Planar: true}
}
