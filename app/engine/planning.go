package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/planner"
	"crosspoint.studio/crosspoint/scenes"
)

// PlanOptions are what the machine and its network can carry.
type PlanOptions struct {
	Encoders   []planner.Encoder // that open here; none: those in software are taken for granted
	UplinkKbps int               // 0 is not known, and not judged
	Cores      float64           // that encoding may use; 0 is not judged
}

// x264Cores is what x264 veryfast needs for 1920x1080 at 30 frames a second of camera
// pictures, in processor cores (docs/PERFORMANCE.md, case P without its decoding). Beside it
// on the same pictures at 60 % of its bitrate, x265 veryfast took 3.0 times and SVT-AV1 at
// its preset here, 12, 1.2 times the processor time.
const (
	x264Cores = 1.1
	x265Cores = 3.3
	svtCores  = 1.35
)

// softwareEncoders are what every build of the program has. Whether it really opens, and
// keeps up, is what preflight tries.
func softwareEncoders() []planner.Encoder {
	return []planner.Encoder{
		{Name: "libx264", Codec: media.H264, Cores: x264Cores},
		{Name: "libx265", Codec: media.HEVC, Cores: x265Cores},
		{Name: "libsvtav1", Codec: media.AV1, Cores: svtCores},
	}
}

// PlanRequest asks the planner for the fewest encodes that serve the enabled destinations
// of a show. Each destination wants what its rendition says, within what its service takes.
func PlanRequest(show *scenes.Show, kinds map[string]outputs.Kind, o PlanOptions) planner.Request {
	if len(o.Encoders) == 0 {
		o.Encoders = softwareEncoders()
	}
	c := show.Canvas
	req := planner.Request{Width: c.Width, Height: c.Height, FPS: c.FPS.Float(), Encoders: o.Encoders, UplinkKbps: o.UplinkKbps, Cores: o.Cores}
	for _, d := range show.Destinations {
		r, ok := show.Rendition(d.Rendition)
		if !d.Enabled || !ok {
			continue
		}
		w := planner.Want{
			ID: d.ID, Name: d.Name, Platform: planner.PlatformAt(address(d.Settings)).Name, Program: r.Program,
			FPS: r.Video.FPS(c.FPS).Float(), Codec: media.Codec(r.Video.Codec), Setting: settingOf(r.Video), AudioKbps: r.Audio.BitrateKbps,
		}
		for _, id := range d.Simulcast {
			if y, ok := show.Rendition(id); ok {
				w.Layers = append(w.Layers, planner.Layer{
					Width: y.Video.Width, Height: y.Video.Height, FPS: y.Video.FPS(c.FPS).Float(), Kbps: y.Video.BitrateKbps, KeyframeSeconds: y.Video.KeyframeSeconds,
					Setting: settingOf(y.Video),
				})
			}
		}
		if r.Video.Width != c.Width || r.Video.Height != c.Height {
			w.Width, w.Height = r.Video.Width, r.Video.Height
		}
		if k := r.Video.BitrateKbps; k != planner.Recommended(w.Codec, r.Video.Width, r.Video.Height, w.FPS) {
			w.Kbps = k
		}
		if kind, ok := kinds[d.Kind]; ok && len(kind.Audio) > 0 {
			first := connection(kind, d)
			w.NoBFrames, w.Audio, w.Tracks = kind.NoBFrames, first.Audio, first.Tracks
		}
		for _, b := range d.Backups {
			if kind := kinds[b.Kind]; d.Standby == scenes.Hot {
				w.Standby = append(w.Standby, connection(kind, d))
				w.NoBFrames = w.NoBFrames || kind.NoBFrames
			}
		}
		req.Wants = append(req.Wants, w)
	}
	return req
}

// settingOf is what the encoder of v is told beside what the planner decides.
func settingOf(v scenes.Video) planner.Setting {
	return planner.Setting{Encoder: v.Encoder, Preset: v.Preset}
}

// connection is what an ingest of kind carries of d beside the pictures.
func connection(kind outputs.Kind, d scenes.Destination) planner.Connection {
	c := planner.Connection{Tracks: 1, Layers: kind.Layers > 0}
	if len(kind.Audio) > 0 {
		c.Audio = kind.Audio[0]
	}
	if n := len(d.Tracks); n <= max(kind.SoundTracks, 1) { // else the first alone
		c.Tracks = max(n, 1)
	}
	return c
}

// address is the url of a destination's settings, or "".
func address(settings json.RawMessage) string {
	var s struct {
		URL string `json:"url"`
	}
	if json.Unmarshal(settings, &s) != nil {
		return ""
	}
	return s.URL
}

// ApplyPlan gives destinations the renditions of a plan, as one edit. What runs goes on as
// it was started.
type ApplyPlan struct {
	Renditions []scenes.Rendition `json:"renditions"`
	// Uses are rendition ids by destination id.
	Uses map[string]string `json:"uses"`
}

// PlanEdit is the command that makes plan the show's. Renditions that the planned
// destinations use already keep their ids and what the planner has no say in.
func PlanEdit(show *scenes.Show, plan planner.Plan) (ApplyPlan, error) {
	if plan.Refusal != nil {
		return ApplyPlan{}, errors.New(plan.Refusal.Text)
	}
	edit := ApplyPlan{Uses: map[string]string{}}
	var planned []string
	for _, g := range plan.Renditions {
		planned = append(planned, g.Members...)
	}
	taken := usedRenditions(show, planned)
	for _, g := range plan.Renditions {
		next, ok := keptRendition(show, g, taken)
		if !ok {
			next = scenes.NewRendition(freeID(show, g, taken))
		}
		taken[next.ID] = true
		next.Program = g.Program
		v := &next.Video
		v.Codec, v.Width, v.Height, v.BitrateKbps, v.KeyframeSeconds = string(g.Codec), g.Width, g.Height, g.VideoKbps, g.KeyframeSeconds
		v.FrameDivisor = max(int(math.Round(show.Canvas.FPS.Float()/g.FPS)), 1)
		if g.Setting != (planner.Setting{}) {
			v.Encoder, v.Preset = g.Setting.Encoder, g.Setting.Preset
		}
		if g.AudioKbps > 0 {
			next.Audio.BitrateKbps = g.AudioKbps
		}
		edit.Renditions = append(edit.Renditions, next)
		for _, id := range g.Members {
			edit.Uses[id] = next.ID
		}
	}
	return edit, nil
}

// usedRenditions are those that something uses besides the destinations of a plan: what is
// not planned keeps what it was given, and so does simulcast, whose sizes are chosen by hand.
func usedRenditions(show *scenes.Show, planned []string) map[string]bool {
	used := map[string]bool{}
	for _, d := range show.Destinations {
		if !slices.Contains(planned, d.ID) {
			used[d.Rendition] = true
		}
		for _, id := range d.Simulcast {
			used[id] = true
		}
	}
	for _, r := range show.Recordings {
		used[r.Rendition] = true
	}
	// Not set up, these two have no rendition to lose.
	if v := show.ISO; v.Rendition != "" || len(v.Sources) > 0 || len(show.Replay.Angles) > 0 {
		used[ISORendition(show)] = true
	}
	if !show.Replay.Untouched() {
		used[ReplayRendition(show)] = true
	}
	return used
}

// keptRendition is the first rendition of g's members that nothing else has taken; one that
// g does not differ from may be shared.
func keptRendition(show *scenes.Show, g planner.Rendition, taken map[string]bool) (scenes.Rendition, bool) {
	for _, id := range g.Members {
		d, _ := show.Destination(id)
		r, ok := show.Rendition(d.Rendition)
		if !ok || r.Video.Codec != string(g.Codec) {
			continue
		}
		same := r.Video.Width == g.Width && r.Video.Height == g.Height && r.Video.BitrateKbps == g.VideoKbps &&
			r.Video.KeyframeSeconds == g.KeyframeSeconds && settingOf(r.Video) == g.Setting && math.Abs(r.Video.FPS(show.Canvas.FPS).Float()-g.FPS) < 0.01 &&
			(g.AudioKbps == 0 || r.Audio.BitrateKbps == g.AudioKbps)
		if same || !taken[r.ID] {
			return r, true
		}
	}
	return scenes.Rendition{}, false
}

// freeID names a new rendition by what it is: "720p30", "720p30-2".
func freeID(show *scenes.Show, g planner.Rendition, taken map[string]bool) string {
	base := fmt.Sprintf("%dp%.0f", g.Height, g.FPS)
	if g.Codec != media.H264 {
		base += "-" + string(g.Codec)
	}
	id := base
	for n := 2; ; n++ {
		if _, used := show.Rendition(id); !used && !taken[id] {
			return id
		}
		id = fmt.Sprintf("%s-%d", base, n)
	}
}

// Changes reports whether the edit would make show another one.
func (c ApplyPlan) Changes(show *scenes.Show) bool {
	next, err := c.edit(show)
	return err == nil && !(reflect.DeepEqual(next.Renditions, show.Renditions) && reflect.DeepEqual(next.Destinations, show.Destinations))
}

func (c ApplyPlan) undoable() (label, key string) { return "plan encodes", "" }

func (c ApplyPlan) apply(e *Engine) error { return e.edit(c.edit(e.show)) }

func (c ApplyPlan) edit(show *scenes.Show) (*scenes.Show, error) {
	if len(c.Uses) == 0 {
		return nil, errors.New("the plan is for no destination")
	}
	var before []string
	for id := range c.Uses {
		if d, ok := show.Destination(id); ok {
			before = append(before, d.Rendition)
		}
	}
	slices.Sort(before)
	var err error
	next := show
	for _, r := range c.Renditions {
		if next, err = next.SetRendition(r); err != nil {
			return nil, err
		}
	}
	for _, d := range show.Destinations {
		id, ok := c.Uses[d.ID]
		if !ok {
			continue
		}
		// Its sound stays that of the bus it had.
		had, _ := show.Rendition(d.Rendition)
		if has, _ := next.Rendition(id); d.Bus == "" && had.Audio.Bus != has.Audio.Bus {
			d.Bus = had.Audio.Bus
		}
		d.Rendition = id
		if next, err = next.SetDestination(d); err != nil {
			return nil, err
		}
	}
	for id := range c.Uses {
		if _, ok := show.Destination(id); !ok {
			return nil, fmt.Errorf("there is no destination %q", id)
		}
	}
	for _, id := range slices.Compact(before) {
		if !usedRenditions(next, nil)[id] && len(next.Renditions) > 1 {
			if next, err = next.RemoveRendition(id, false); err != nil {
				return nil, err
			}
		}
	}
	return next, nil
}
