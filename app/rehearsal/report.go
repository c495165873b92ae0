package rehearsal

import (
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// State is how a stream stands.
type State string

// States.
const (
	Receiving State = "receiving"
	Ended     State = "ended"
	Refused   State = "refused"
)

// Report is what is known of one stream, received or refused. Zero fields mean "not
// known"; names and addresses never hold a key.
type Report struct {
	ID       int64     `json:"id"` // counts from 1; larger is later
	Protocol string    `json:"protocol"`
	Name     string    `json:"name"`
	Peer     string    `json:"peer,omitempty"`
	State    State     `json:"state"`
	Began    time.Time `json:"began"`
	// Seconds is how long it has been received, by this machine's clock.
	Seconds float64 `json:"seconds"`
	// Problem is why it ended or was refused, when that was no orderly end.
	Problem string `json:"problem,omitempty"`
	// Warnings are what a platform would complain of.
	Warnings []string `json:"warnings,omitempty"`

	Video *VideoReport `json:"video,omitempty"`
	Audio *AudioReport `json:"audio,omitempty"`

	Packets    int64 `json:"packets"` // pictures and blocks of sound
	Bytes      int64 `json:"bytes"`   // of them
	BitrateBPS int64 `json:"bitrate_bps"`
	MeanBPS    int64 `json:"mean_bps"`
	// MuxSkewMS is by how much later a picture arrives than the sound of the same
	// time; negative when sound is later.
	MuxSkewMS *float64 `json:"mux_skew_ms,omitempty"`
	// AVOffsetMS is by how much later the beep is than the flash of the same second
	// of a synthetic camera, measured in what was decoded; nil when none is seen.
	AVOffsetMS *float64 `json:"av_offset_ms,omitempty"`
	// AVOffsetMinMS and AVOffsetMaxMS are the extremes since the beginning.
	AVOffsetMinMS *float64 `json:"av_offset_min_ms,omitempty"`
	AVOffsetMaxMS *float64 `json:"av_offset_max_ms,omitempty"`
	// Code is the newest frame counter that was read from a keyframe.
	Code *CodeReport `json:"code,omitempty"`
	// Examined counts keyframes decoded; Unreadable those that could not be.
	Examined   int64 `json:"examined"`
	Unreadable int64 `json:"unreadable"`
	// Recording is the file's name in Options.RecordDir.
	Recording string `json:"recording,omitempty"`
}

// VideoReport describes a stream's pictures.
type VideoReport struct {
	Codec   media.Codec `json:"codec"`
	Profile string      `json:"profile,omitempty"`
	Width   int         `json:"width"`
	Height  int         `json:"height"`
	// FPS is exact where the time stamps agree with a rate in use, else to 1/1000.
	FPS      media.Rational `json:"-"`
	FPSText  string         `json:"fps,omitempty"`
	Variable bool           `json:"variable_fps,omitempty"`
	Pictures int64          `json:"pictures"`
	BFrames  bool           `json:"b_frames"`
	Keyframe KeyframeReport `json:"keyframes"`
	Gaps     GapReport      `json:"gaps"`
	// JitterMS is the arrival jitter as RFC 3550 6.4.1 defines it, MaxJitterMS the
	// largest single deviation.
	JitterMS    float64 `json:"jitter_ms"`
	MaxJitterMS float64 `json:"max_jitter_ms"`
}

// AudioReport describes a stream's sound: how many tracks there are, what those beyond the
// first are called, and the rest of the first.
type AudioReport struct {
	Tracks       int         `json:"tracks"`
	Titles       []string    `json:"titles,omitempty"`
	Codec        media.Codec `json:"codec"`
	SampleRateHz int         `json:"sample_rate_hz"`
	Channels     int         `json:"channels"`
	Blocks       int64       `json:"blocks"`
	Gaps         GapReport   `json:"gaps"`
	JitterMS     float64     `json:"jitter_ms"`
	MaxJitterMS  float64     `json:"max_jitter_ms"`
}

// KeyframeReport is how far apart keyframes are, in seconds of the stream's own time.
type KeyframeReport struct {
	Count       int64   `json:"count"`
	MinSeconds  float64 `json:"min_s"`
	MeanSeconds float64 `json:"mean_s"`
	MaxSeconds  float64 `json:"max_s"`
}

// GapReport counts places where more than one and a half frames' (or blocks') time
// lies between neighbours, and time stamps that do not grow.
type GapReport struct {
	Count          int64   `json:"count"`
	MissingSeconds float64 `json:"missing_s"`
	Backwards      int64   `json:"backwards"`
}

// CodeReport is a frame counter of internal/framecode as a keyframe showed it.
type CodeReport struct {
	Camera int   `json:"camera"`
	Number int64 `json:"number"`
}
