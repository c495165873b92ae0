package scenes

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// unset stands for "not in the file" in strings where "" means something; it cannot
// be an id.
const unset = "\x00"

// Untitled is the name of a show that has none.
const Untitled = "Untitled"

var emptyObject = json.RawMessage("{}")

// Default is a show with no sources: 1920x1080 at 30, one programme, one rendition.
func Default() *Show { return DefaultOn(blank().Canvas) }

// DefaultOn is Default on another canvas. Its rendition has the canvas's size and rate, and
// the bitrate that belongs to these; mixes and the fade to black take as long as on any other.
func DefaultOn(c Canvas) *Show {
	s := blank()
	s.Canvas = c
	s.FadeToBlack.Frames = framesIn(time.Second, c.FPS)
	s.ISO.Codec = ISOAuto // where files have none, they keep what they had
	s.complete()
	return s
}

// blank has the defaults that do not depend on other fields.
func blank() *Show {
	return &Show{
		Format:      Format,
		Name:        Untitled,
		Canvas:      Canvas{Width: 1920, Height: 1080, FPS: media.NewRational(30, 1), Color: BT709},
		Transition:  Transition{Kind: Mix, Color: "#000000", Softness: 0.1, Direction: Left},
		FadeToBlack: FadeToBlack{Frames: 30},
		ISO:         ISO{WithRecording: true},
		Replay:      Replay{Seconds: DefaultReplaySeconds},
		Start:       Start{Program: unset, Preview: unset},
	}
}

// complete gives every field that is not set its default and brings settings to
// one spelling. s must not have been shared yet.
func (s *Show) complete() {
	if s.Programs == nil {
		s.Programs = []Program{{ID: "pgm", Name: "Programme"}}
	}
	if s.Renditions == nil {
		s.Renditions = []Rendition{NewRendition("main")}
	}
	// Lists are never nil, so that equal shows are equal values.
	s.Sources = nonNil(s.Sources)
	s.Scenes = nonNil(s.Scenes)
	s.Overlays = nonNil(s.Overlays)
	s.Destinations = nonNil(s.Destinations)
	s.Recordings = nonNil(s.Recordings)
	for i := range s.Programs {
		named(&s.Programs[i].Name, s.Programs[i].ID)
	}
	s.completeBuses()
	for i := range s.Sources {
		s.Sources[i] = s.Sources[i].complete()
	}
	for i := range s.Scenes {
		named(&s.Scenes[i].Name, s.Scenes[i].ID)
		s.Scenes[i].Layers = s.completeLayers(s.Scenes[i].Layers)
	}
	for i := range s.Overlays {
		named(&s.Overlays[i].Name, s.Overlays[i].ID)
		s.Overlays[i].Layers = s.completeLayers(s.Overlays[i].Layers)
	}
	if s.Transition.Frames == 0 {
		s.Transition.Frames = framesIn(300*time.Millisecond, s.Canvas.FPS)
	}
	for i := range s.Renditions {
		s.Renditions[i] = s.completeRendition(s.Renditions[i])
	}
	for i := range s.Destinations {
		s.Destinations[i] = s.completeDestination(s.Destinations[i])
	}
	for i := range s.Recordings {
		s.Recordings[i] = s.completeRecording(s.Recordings[i])
	}
	s.ISO = completeISO(s.ISO)
	s.Replay = completeReplay(s.Replay)
	s.completeStart()
}

// framesIn is how many frames of a transition or a fade last so long, 1..250.
func framesIn(d time.Duration, fps media.Rational) int {
	return min(250, max(1, int(math.Round(d.Seconds()*fps.Float()))))
}

// completeStart puts the first scene (or source) on programme and the next on
// preview where the file does not say.
func (s *Show) completeStart() {
	var ids []string
	for _, v := range s.Scenes {
		ids = append(ids, v.ID)
	}
	for _, v := range s.Sources {
		ids = append(ids, v.ID)
	}
	if s.Start.Program == unset {
		s.Start.Program = ""
		if len(ids) > 0 {
			s.Start.Program = ids[0]
		}
	}
	if s.Start.Preview == unset {
		s.Start.Preview = ""
		at := slices.Index(ids, s.Start.Program) // -1, of black: before the first
		if len(ids) > 1 || at < 0 && len(ids) > 0 {
			s.Start.Preview = ids[(at+1)%len(ids)] // behind the last comes the first
		}
	}
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func named(name *string, id string) {
	if *name == "" {
		*name = id
	}
}

func (v Source) complete() Source {
	named(&v.Name, v.ID)
	v.Settings = compact(v.Settings)
	filled(&v.WhenIdle, IdlePlay)
	v.Audio = v.Audio.complete()
	return v
}

// completeLayers returns layers without holes, in memory of its own.
func (s *Show) completeLayers(layers []Layer) []Layer {
	out := make([]Layer, len(layers))
	for i, l := range layers {
		if l.Fit == "" {
			l.Fit = Contain
		}
		if l.Width == 0 {
			l.Width = float64(s.Canvas.Width)
		}
		if l.Height == 0 {
			l.Height = float64(s.Canvas.Height)
		}
		out[i] = l
	}
	return out
}

func (s *Show) completeRendition(v Rendition) Rendition {
	if v.Program == "" && len(s.Programs) > 0 {
		v.Program = s.Programs[0].ID
	}
	if v.Video.Width == 0 {
		v.Video.Width = s.Canvas.Width
	}
	if v.Video.Height == 0 {
		v.Video.Height = s.Canvas.Height
	}
	filled(&v.Audio.Bus, ProgrammeBus)
	if v.Video.BitrateKbps == 0 {
		v.Video.BitrateKbps = defaultBitrate(v.Video.Codec, v.Video.Width, v.Video.Height, v.Video.FPS(s.Canvas.FPS))
	}
	return v
}

// WithDefaults is v as an edit fills it in where it leaves something out.
func (s *Show) WithDefaults(v Rendition) Rendition { return s.completeRendition(v) }

func (s *Show) completeDestination(v Destination) Destination {
	named(&v.Name, v.ID)
	v.Rendition = s.RenditionOrFirst(v.Rendition)
	v.Simulcast = nonNil(v.Simulcast)
	v.Settings = compact(v.Settings)
	filled(&v.Standby, Cold)
	v.Tracks = completeTracks(v.Tracks)
	if v.BackAfterSeconds == 0 {
		v.BackAfterSeconds = defaultBackAfterSeconds
	}
	backups := make([]Ingest, len(v.Backups))
	for i, b := range v.Backups {
		named(&b.Name, fmt.Sprintf("backup %d", i+1))
		if b.Credential == nil {
			b.Credential = new(string)
			if b.Kind == "" || b.Kind == v.Kind {
				*b.Credential = v.Credential
			}
		}
		if b.Kind == "" {
			b.Kind = v.Kind
		}
		b.Settings = compact(b.Settings)
		backups[i] = b
	}
	v.Backups = backups
	return v
}

// defaultBackAfterSeconds is outputs.BackAfter, which this package may not import.
const defaultBackAfterSeconds = 10

func (s *Show) completeRecording(v Recording) Recording {
	named(&v.Name, v.ID)
	v.Tracks = completeTracks(v.Tracks)
	v.Rendition = s.RenditionOrFirst(v.Rendition)
	v.Settings = compact(v.Settings)
	return v
}

// bitrates are what 4:2:0 H.264 needs, by the number of pixels in a picture, at up to 30
// pictures a second and at more. From 720p on they lie in the ranges that YouTube gives for
// live streams (support.google.com/youtube/answer/2853702: 720p and 1080p at 30 from 3 to 8
// Mb/s, 1080p at 60 from 4 to 10, 1440p from 5 to 25 and from 6 to 30, 2160p from 8 to 35 and
// from 10 to 40), and 1080p at 30 is the most that Twitch takes, 6000 kb/s.
var bitrates = []struct{ pixels, at30, at60 int }{
	{640 * 360, 1000, 1500},
	{960 * 540, 2000, 3000},
	{1280 * 720, 3000, 4500},
	{1920 * 1080, 6000, 9000},
	{2560 * 1440, 9000, 16000},
	{3840 * 2160, 24000, 35000},
}

// defaultBitrate is that of the smallest usual size that holds the picture; HEVC
// and AV1 need about 60 % of H.264's.
func defaultBitrate(codec string, width, height int, fps media.Rational) int {
	row := bitrates[len(bitrates)-1]
	for _, b := range bitrates {
		if width*height <= b.pixels {
			row = b
			break
		}
	}
	kbps := row.at30
	if fps.Float() > 30.5 {
		kbps = row.at60
	}
	if codec == "prores" { // ProRes 422: what the room on a disk is counted with
		return min(int(float64(width*height)*fps.Float()*2.4/1000), 400000)
	}
	if codec == "hevc" || codec == "av1" {
		kbps = kbps * 6 / 10
	}
	return kbps
}

// NewLayer is source over the whole canvas (a zero Width and Height are filled in
// by the edit that takes the layer).
func NewLayer(source string) Layer { return Layer{Source: source, Fit: Contain, Opacity: 1} }

// NewRendition is H.264 at the canvas's size with that size's usual bitrate.
func NewRendition(id string) Rendition {
	return Rendition{
		ID:    id,
		Video: Video{Codec: "h264", Encoder: "auto", Preset: "veryfast", KeyframeSeconds: 2, FrameDivisor: 1},
		Audio: Audio{BitrateKbps: 160, Bus: ProgrammeBus},
	}
}

// The decoders below start from the defaults, so that what a file leaves out keeps
// them and an explicit 0 or false stays one.

// UnmarshalJSON implements json.Unmarshaler.
func (l *Layer) UnmarshalJSON(b []byte) error {
	type plain Layer
	v := plain(NewLayer(""))
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*l = Layer(v)
	return nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Rendition) UnmarshalJSON(b []byte) error {
	type plain Rendition
	v := plain(NewRendition(""))
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*r = Rendition(v)
	return nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *Destination) UnmarshalJSON(b []byte) error {
	type plain Destination
	v := plain{Enabled: true}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*d = Destination(v)
	return nil
}
