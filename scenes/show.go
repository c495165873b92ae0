// Package scenes is the show document: canvas, sources, scenes, overlays,
// renditions, destinations and recordings as plain data, with defaults, editing,
// checking, loading and saving.
//
// Threads: a *Show is an immutable value; any number of goroutines may read it.
// Edits return a new Show that shares what did not change. Ownership: whoever holds
// a Show may keep it for ever; nobody writes through its slices. What this
// package does not do: open a source, hold a picture, know what a kind's settings
// mean (KindCatalog tells it their schema), or keep secrets, which a show only names.
package scenes

import (
	"encoding/json"

	"crosspoint.studio/crosspoint/internal/media"
)

// Format is the version of the show file that this package writes.
const Format = 2

// Show is the whole document. Every field is set: what a file leaves out has its
// default, so two equal shows are equal values.
type Show struct {
	Format       int           `json:"format"`
	Name         string        `json:"name"`
	Canvas       Canvas        `json:"canvas"`
	Programs     []Program     `json:"programs"`
	Sources      []Source      `json:"sources"`
	Buses        []Bus         `json:"buses"` // the programme's among them
	Scenes       []Scene       `json:"scenes"`
	Overlays     []Overlay     `json:"overlays"`
	Transition   Transition    `json:"transition"`
	FadeToBlack  FadeToBlack   `json:"fade_to_black"`
	Renditions   []Rendition   `json:"renditions"`
	Destinations []Destination `json:"destinations"`
	Recordings   []Recording   `json:"recordings"`
	ISO          ISO           `json:"iso"`
	Replay       Replay        `json:"replay"`
	Start        Start         `json:"start"`
}

// Canvas is the picture that every scene is laid out on.
type Canvas struct {
	Width  int            `json:"width"` // pixels, even
	Height int            `json:"height"`
	FPS    media.Rational `json:"fps"`
	Color  Color          `json:"color"`
}

// Color names the canvas's Y'CbCr matrix; the range is always limited.
type Color string

// Canvas colours.
const (
	BT709  Color = "bt709"
	BT601  Color = "bt601"
	BT2020 Color = "bt2020"
)

// Info is the colour as frames carry it.
func (c Color) Info() media.ColorInfo {
	switch c {
	case BT601:
		return media.ColorInfo{Matrix: media.BT601, Range: media.Limited}
	case BT2020:
		return media.ColorInfo{Matrix: media.BT2020, Range: media.Limited}
	}
	return media.Rec709
}

// Program is one programme bus. Format 1 has exactly one.
type Program struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Source is one input. Settings is a JSON object that only the source's kind
// understands; a Show keeps settings of kinds that this program does not have.
type Source struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`
	Settings json.RawMessage `json:"settings"`
	WhenIdle WhenIdle        `json:"when_idle"`
	Backup   string          `json:"backup"` // id of the source that stands in for it; "" is none
	Audio    Strip           `json:"audio"`
}

// WhenIdle says what a source with a timeline (a file) does while nothing of it is on
// programme.
type WhenIdle string

// What sources do when idle.
const (
	IdlePlay WhenIdle = "play" // goes on, unseen; what is cut to is where it would be
	IdleWait WhenIdle = "wait" // waits where it is, and goes on from there when on programme
)

// Strip is a source's place in the sound mix, in the order in which sound goes through it.
type Strip struct {
	TrimDB   float64  `json:"trim_db"` // -24..24
	Polarity Polarity `json:"polarity"`
	Channels Channels `json:"channels"`
	Inserts  []Insert `json:"inserts"`
	DelayMS  int      `json:"delay_ms"` // -950..20000; positive makes sound later
	OnAir    OnAir    `json:"on_air"`
	GainDB   float64  `json:"gain_db"` // -96..24
	Muted    bool     `json:"muted"`
	Pan      float64  `json:"pan"` // -1 left .. 1 right
	Sends    []Send   `json:"sends"`
}

// Scene is layers on a canvas, bottom to top.
type Scene struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Layers []Layer `json:"layers"`
}

// Fit is how a picture fills its layer's rectangle.
type Fit string

// Fits.
const (
	Contain Fit = "contain" // whole picture, as large as fits, centred
	Cover   Fit = "cover"   // whole rectangle, picture cut evenly at the sides
	Stretch Fit = "stretch" // whole picture in the whole rectangle, shape not kept
	None    Fit = "none"    // one picture pixel to one canvas pixel, centred to the nearest even one, cut at the rectangle
)

// Layer places a source, or another scene, on the canvas. NewLayer gives the
// defaults; the zero value is invisible.
type Layer struct {
	Source   string  `json:"source"` // a source's or a scene's id
	Fit      Fit     `json:"fit"`
	X        float64 `json:"x"` // canvas pixels, of the rectangle before rotation
	Y        float64 `json:"y"`
	Width    float64 `json:"width"`
	Height   float64 `json:"height"`
	Rotation float64 `json:"rotation"` // degrees clockwise about the rectangle's centre
	Opacity  float64 `json:"opacity"`  // 0..1
	Crop     Crop    `json:"crop"`
	Hidden   bool    `json:"hidden"`
}

// Crop is what is cut off a picture before it is fitted, in its own pixels, square or not.
type Crop struct {
	Left   int `json:"left"`
	Top    int `json:"top"`
	Right  int `json:"right"`
	Bottom int `json:"bottom"`
}

// Overlay is a downstream key: layers over whatever is on programme, under fade
// to black only. Overlays lie bottom to top.
type Overlay struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Layers []Layer `json:"layers"`
	On     bool    `json:"on"`
}

// TransitionKind names what AUTO and the T-bar do.
type TransitionKind string

// Transition kinds.
const (
	Mix  TransitionKind = "mix"
	Dip  TransitionKind = "dip"  // to Color and out of it
	Wipe TransitionKind = "wipe" // an edge moving in Direction
)

// Transition is the one that AUTO and the T-bar run.
type Transition struct {
	Kind      TransitionKind `json:"kind"`
	Frames    int            `json:"frames"`    // 1..250
	Color     string         `json:"color"`     // #rrggbb, of a dip
	Softness  float64        `json:"softness"`  // 0..1 of the travel, of a wipe's edge
	Direction Direction      `json:"direction"` // of a wipe
}

// Direction is where a wipe's edge moves to.
type Direction string

// Directions.
const (
	Left  Direction = "left"
	Right Direction = "right"
	Up    Direction = "up"
	Down  Direction = "down"
)

// FadeToBlack has a rate of its own.
type FadeToBlack struct {
	Frames int `json:"frames"` // 1..250
}

// Rendition is one encoding of a programme; equal renditions are encoded once.
// Its rate is the canvas's.
type Rendition struct {
	ID      string `json:"id"`
	Program string `json:"program"`
	Video   Video  `json:"video"`
	Audio   Audio  `json:"audio"`
}

// Video is a rendition's picture.
type Video struct {
	Codec           string  `json:"codec"`   // h264, hevc, av1, prores
	Encoder         string  `json:"encoder"` // "auto" or an encoder's name
	Width           int     `json:"width"`   // even
	Height          int     `json:"height"`
	BitrateKbps     int     `json:"bitrate_kbps"`
	Preset          string  `json:"preset"`
	KeyframeSeconds float64 `json:"keyframe_seconds"`
	// FrameDivisor encodes every n-th picture of the canvas, 1..8: 60 frames a second
	// divided by 2 are 30.
	FrameDivisor int `json:"frame_divisor"`
}

// FPS is the rate of the rendition's pictures on a canvas of so many a second.
func (v Video) FPS(canvas media.Rational) media.Rational {
	return media.NewRational(canvas.Num, canvas.Den*int64(max(v.FrameDivisor, 1)))
}

// Audio is a rendition's sound. The codec follows from the destination.
type Audio struct {
	BitrateKbps int    `json:"bitrate_kbps"`
	Bus         string `json:"bus"`
}

// Destination is where a rendition is sent. Credential is the name under which
// the stream key, token or passphrase is kept outside the show; empty means none.
type Destination struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Rendition string `json:"rendition"`
	// Simulcast are the ids of further renditions that are sent along, from the largest to
	// the smallest, where the kind can (WHIP): at most two.
	Simulcast []string `json:"simulcast"`
	Bus       string   `json:"bus"` // instead of the rendition's; empty: the rendition's
	// Tracks are its tracks of sound, the first first; empty: one, of Bus.
	Tracks     []Track         `json:"tracks"`
	Settings   json.RawMessage `json:"settings"`
	Credential string          `json:"credential"`
	Enabled    bool            `json:"enabled"`
	Group      string          `json:"group"`
	// Backups are where else it can be sent, by rank. Standby says how they are kept.
	Backups          []Ingest `json:"backups"`
	Standby          Standby  `json:"standby"`
	StallMS          int      `json:"stall_ms"`           // 0: by Standby
	BackAfterSeconds int      `json:"back_after_seconds"` // 1..3600
	// FixedBitrate: the encoder does not follow a network that is too slow.
	FixedBitrate bool   `json:"fixed_bitrate"`
	DelaySeconds int    `json:"delay_seconds"` // 0..1800
	StartAt      string `json:"start_at"`      // RFC 3339, or ""
	StopAt       string `json:"stop_at"`
}

// Ingest is one more place where a destination can be sent. Credential is nil only in
// what an edit is given: then it is the destination's, if the kind is the same.
type Ingest struct {
	Name       string          `json:"name"`
	Kind       string          `json:"kind"`
	Settings   json.RawMessage `json:"settings"`
	Credential *string         `json:"credential"`
}

// Standby is how a destination's backups are kept.
type Standby string

// Standbys.
const (
	Cold Standby = "cold" // connected when needed
	Hot  Standby = "hot"  // fed all the time
)

// RecordingKind is the output kind that every recording uses.
const RecordingKind = "record"

// Recording writes a rendition to disk, with a sound track for each of Tracks, or with
// the rendition's sound where there are none.
type Recording struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Rendition string          `json:"rendition"`
	Tracks    []Track         `json:"tracks"`
	Settings  json.RawMessage `json:"settings"`
}

// Start is what programme and preview show first: a scene's or a source's id, or
// "" for black.
type Start struct {
	Program string `json:"program"`
	Preview string `json:"preview"`
}

// Source finds a source by id.
func (s *Show) Source(id string) (Source, bool) { return find(s.Sources, id) }

// Scene finds a scene by id.
func (s *Show) Scene(id string) (Scene, bool) { return find(s.Scenes, id) }

// Overlay finds an overlay by id.
func (s *Show) Overlay(id string) (Overlay, bool) { return find(s.Overlays, id) }

// Rendition finds a rendition by id.
func (s *Show) Rendition(id string) (Rendition, bool) { return find(s.Renditions, id) }

// RenditionOrFirst is id, or where that is empty the first rendition's; "" where the show has
// none.
func (s *Show) RenditionOrFirst(id string) string {
	if id == "" && len(s.Renditions) > 0 {
		return s.Renditions[0].ID
	}
	return id
}

// Destination finds a destination by id.
func (s *Show) Destination(id string) (Destination, bool) { return find(s.Destinations, id) }

// Recording finds a recording by id.
func (s *Show) Recording(id string) (Recording, bool) { return find(s.Recordings, id) }

// item is an element of one of a show's lists.
type item interface{ key() string }

func (v Program) key() string     { return v.ID }
func (v Source) key() string      { return v.ID }
func (v Scene) key() string       { return v.ID }
func (v Overlay) key() string     { return v.ID }
func (v Rendition) key() string   { return v.ID }
func (v Destination) key() string { return v.ID }
func (v Recording) key() string   { return v.ID }

func indexOf[T item](list []T, id string) int {
	for i := range list {
		if list[i].key() == id {
			return i
		}
	}
	return -1
}

func find[T item](list []T, id string) (T, bool) {
	if i := indexOf(list, id); i >= 0 {
		return list[i], true
	}
	var zero T
	return zero, false
}
