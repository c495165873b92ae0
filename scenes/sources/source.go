// Package sources holds the live inputs: media files, network pulls, cameras,
// screens, images, text, colours, test patterns and microphones. Each kind is
// one file with one Source; app/kinds.go lists the kinds.
//
// Threads: a Source is one blocking Run, started and awaited by Supervise, which
// owns reopening and backoff for all of them. Ownership: a frame handed to the
// Sink is the Sink's. What this package does not do: place pictures on the
// canvas, mix sound, know scenes or the clock of the studio.
package sources

import (
	"context"
	"encoding/json"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// Pacing says whose clock a source follows.
type Pacing uint8

// Pacings.
const (
	// Paced sources (files, generators) follow the studio: Sink.Video and
	// Sink.Audio block until there is room, so the source runs exactly as fast as it is
	// used, on a virtual clock too. PTS start at 0.
	Paced Pacing = iota + 1
	// Live sources (cameras, microphones, network) follow a clock of their own:
	// Sink.Video and Sink.Audio never block, the studio synchronises them. PTS
	// start anywhere.
	Live
	// Still sources (image, text, colour) hand over a picture when it changes and
	// then call Hold.
	Still
)

// Source is one input. Run works until ctx ends (then its error does not
// matter), the material is over (nil), or something failed (an error that says
// what, in words for the operator, without credentials; wrapped in Permanent when
// trying again cannot help). Run may be called again after it returned. Everything
// it starts has ended when it returns.
type Source interface {
	Run(ctx context.Context, sink Sink) error
}

// Sink takes what a source produces. Video may be called by one goroutine, Audio by
// another.
type Sink interface {
	// Streams says which streams this run has, before the first of them comes, for
	// kinds that may lack one (a file without sound): nobody waits for what
	// is not there. A source that never calls it has all its kind can have.
	Streams(video, audio bool)
	// Video hands over a picture (ownership passes in every case). For 4:2:0
	// formats the colour must be the canvas's unless Color says otherwise; RGBA is
	// for graphics with alpha. The error is ctx's.
	Video(ctx context.Context, f *media.Frame) error
	// Audio hands over sound in the studio format; b.Samples is copied.
	Audio(ctx context.Context, b media.AudioBlock) error
	// Hold says that the last picture stands and that no sound comes until further
	// notice (a still, a pause, the end).
	Hold()
	// Restart says that the next PTS begins a new timeline (after a seek, a
	// reconnection, a timestamp jump).
	Restart()
	// Describe tells the operator what is being received, for example
	// "1920x1080 30 fps h264, 48 kHz stereo".
	Describe(text string)
	// Demand is how much of the pictures anybody uses at present.
	Demand() Demand
}

// SoundListener is a Sink that wants to know what becomes of a source's sound while it
// runs. SoundChanged is called on the goroutine that calls Audio, with a sentence for the
// operator.
type SoundListener interface{ SoundChanged(text string) }

// RemarkListener is a Sink that wants to know what is wrong with a picture that is shown all
// the same. Remark is called on the goroutine that calls Video, with one sentence for the
// operator, without its full stop; "" is that nothing is wrong any more.
type RemarkListener interface{ Remark(text string) }

func remark(sink Sink, text string) {
	if l, ok := sink.(RemarkListener); ok {
		l.Remark(text)
	}
}

// LatencyListener is a Sink that wants to know how long a device's sound is under way until
// it is handed over. DeviceLatency is called on the goroutine that calls Audio.
type LatencyListener interface{ DeviceLatency(d time.Duration) }

// Demand is how much of a source's pictures is used at present. A source may do
// less work than it could, never more harm: sound is always wanted.
type Demand uint8

// Demands.
const (
	// DemandFull: the source is on programme or about to be; every picture counts.
	DemandFull Demand = iota + 1
	// DemandReduced: only a thumbnail shows it; under load, pictures that no
	// other refers to may be left undecoded.
	DemandReduced
)

// Seeker is a source whose position can be set (media files).
type Seeker interface {
	// Seek goes to a position from the in point. It returns at once.
	Seek(position float64)
	// SetPaused stops or resumes playing. It returns at once.
	SetPaused(paused bool)
}

// Pauser is a Seeker that can be stopped at the very picture that shows, of which only the
// studio knows: what it has handed over is ahead of that.
type Pauser interface {
	// PauseAt stops playing and shows the picture at a position from the in point. It
	// returns at once.
	PauseAt(position time.Duration)
}

// Clip is a Seeker that knows where it is.
type Clip interface {
	Seeker
	// Timeline is what is known at present. It does not block; any goroutine may call it.
	Timeline() Timeline
}

// Timeline says how the material of a Clip lies on the timeline of its pictures and
// sound. Positions count from the in point.
type Timeline struct {
	// From is the position of what has PTS 0 since the last Restart; it is set before
	// Restart is called.
	From time.Duration
	// Length is how long the material is, 0 while that is not known. It becomes exact at
	// the end of the first pass.
	Length time.Duration
	// Loop: at Length it goes on at 0, and PTS go on counting.
	Loop bool
	// Paused: the operator has stopped it. Over: it has come to its end and stands there.
	Paused, Over bool
}

// Options are what every kind's New gets besides its settings.
type Options struct {
	// Canvas size, rate and colour: generators make pictures of this size and rate,
	// decoders convert to this colour.
	Width, Height int
	FPS           media.Rational
	Color         media.ColorInfo
	// Name is the source's name in the show, for burnt-in labels.
	Name string
	// BaseDir is what relative file paths in settings are relative to.
	BaseDir string
	// Clock is the studio's.
	Clock media.Clock
}

// Kind describes a type of source.
type Kind struct {
	Name   string // as in show files: "file", "network", "camera", …
	Title  string // for menus
	Pacing Pacing
	// HasVideo and HasAudio say what the kind can produce.
	HasVideo, HasAudio bool
	// Coded: what it shows arrives coded, so that a recording of its own can mostly have it as
	// it comes (CodedTaker).
	Coded bool
	// DrawsName: the source's name is in its picture, so another name is another source.
	DrawsName bool
	// Schema is the JSON Schema (draft 2020-12) of the settings object: it
	// validates show files and draws the form. Every property has title,
	// description and, where there is one, default. For forms and messages, a property may
	// have:
	//
	//	"x-order"     its place in the form, 1 first; every property has one
	//	"x-unit"      what stands behind the field: "px", "s", "ms", "Hz", "dBFS", "fps", "bytes"
	//	"x-picker"    what fills the field besides typing: "camera", "microphone",
	//	              "screen" (a display), "window" (on it), "font": choices that this
	//	              machine has; "file", "folder": a dialog; "color"; "text": several lines
	//	"x-files"     of the picker "file": "media" or "image"
	//	"x-advanced"  true: under a fold, seldom needed
	//	"x-expected"  beside a pattern: what it asks for, behind the words "must be"
	//
	// What "file" picks is a path, absolute or relative to the show file; what "folder"
	// picks, absolute or relative to the folder for recordings.
	Schema json.RawMessage
	// New checks settings and makes a source; it opens nothing. Its errors are
	// mistakes in the settings.
	New func(settings json.RawMessage, opt Options) (Source, error)
}
