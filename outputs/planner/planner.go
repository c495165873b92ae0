package planner

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/internal/media"
)

// Want is one destination: where it goes and what it may be given.
type Want struct {
	ID, Name string
	Platform string // a Platform's name; "" is "custom"
	// Program is the programme it shows; different programmes never share an encode.
	Program string
	// Width, Height: 0 takes the canvas, or what the platform takes of it.
	Width, Height int
	FPS           float64 // 0: the canvas's; else the canvas's divided by a whole number
	// Kbps is the most video wanted; 0 is the usual bitrate of the size.
	Kbps int
	// Codec is the one wanted; "" is H.264.
	Codec media.Codec
	// Setting is how its encoder is set up. Destinations with different ones can share an
	// encode of the first's; layers cannot, since they are left as they are.
	Setting Setting
	// NoBFrames and Audio follow from the protocol (WebRTC: true and Opus).
	NoBFrames bool
	Audio     media.Codec
	// AudioKbps is the most wanted of each track of AAC, 0 the usual; Tracks how many tracks
	// of sound are sent, 0 is one.
	AudioKbps, Tracks int
	// Layers go out beside the pictures (simulcast), from the largest to the smallest.
	Layers []Layer
	// Standby are further connections that are fed at the same time.
	Standby []Connection
}

// Setting is what an encoder is told beside size, rate and bitrate. Encodes that differ in
// it are two.
type Setting struct {
	Encoder string // by name, or as the show says that any will do
	Preset  string // the encoder's own name for its speed
}

// Layer is a further rendition of the same pictures and codec. Its size is chosen by hand:
// a plan counts it and leaves it as it is.
type Layer struct {
	Width, Height   int
	FPS             float64 // 0: the canvas's
	Kbps            int
	KeyframeSeconds float64 // 0: as the first rendition's
	Setting         Setting
}

// Connection is one that carries the same pictures to another ingest.
type Connection struct {
	Audio  media.Codec
	Tracks int  // of sound; 0 is one
	Layers bool // it carries the destination's layers too
}

// Encoder is one that opened on this machine.
type Encoder struct {
	Name     string
	Codec    media.Codec
	Hardware bool
	// Cores is what it needs for 1920x1080 at 30 frames a second, in processor cores.
	Cores float64
}

// Request is what a plan is made from.
type Request struct {
	Width, Height int // of the canvas
	FPS           float64
	Wants         []Want
	Encoders      []Encoder
	// UplinkKbps is what was measured; 0 is not known, and then not judged.
	UplinkKbps int
	// Cores are what encoding may use; 0 is not judged.
	Cores float64
}

// Rendition is one encode of the plan.
type Rendition struct {
	Program       string
	Codec         media.Codec
	Encoder       string
	Width, Height int
	FPS           float64
	VideoKbps     int
	// AudioKbps of AAC; Opus has its own usual rate.
	AudioKbps       int
	KeyframeSeconds float64
	NoBFrames       bool
	Setting         Setting  // of its first destination
	Members         []string // ids of its destinations, in the request's order
	Cores           float64

	floorKbps int // more than the layers below it have
}

// Plan is the outcome.
type Plan struct {
	Renditions []Rendition
	// Layers are the encodes that simulcast needs beside those.
	Layers []Rendition
	// Reasons say why, a sentence each.
	Reasons []string
	// UplinkKbps is what all destinations send together, protocol included; Cores
	// what all encodes use.
	UplinkKbps int
	Cores      float64
	// Refusal is why the plan cannot be carried, or nil.
	Refusal *Refusal
}

// Refusal says what is short, and which single changes would fit.
type Refusal struct {
	Text    string
	Changes []string
}

// UplinkShare of what was measured may be used: networks are not even.
const UplinkShare = 0.8

// Shares and margins.
const (
	// protocolShare is added to a stream by RTMP, MPEG-TS or RTP and their transports.
	protocolShare = 1.06
	// sharedLoss is the least share of its own usual bitrate that a destination gets
	// from a rendition it shares.
	sharedLoss   = 0.8
	opusKbps     = 128
	usualAACKbps = 160
)

// Make plans. The error is a mistake in the request: an unknown platform, a codec
// that nothing here encodes or the platform does not take.
func Make(r Request) (Plan, error) {
	var p Plan
	var groups []Rendition
	for _, w := range r.Wants {
		own, notes, err := r.alone(w)
		if err != nil {
			return Plan{}, err
		}
		p.Reasons = append(p.Reasons, notes...)
		at := slices.IndexFunc(groups, func(g Rendition) bool { return shareable(g, own) })
		if at < 0 {
			groups = append(groups, own)
			continue
		}
		groups[at] = shared(groups[at], own)
	}
	for i := range groups {
		groups[i].Cores = r.cores(groups[i])
		p.Cores += groups[i].Cores
	}
	p.Renditions = groups
	p.Reasons = append(p.Reasons, r.sharing(groups)...)
	p.Reasons = append(p.Reasons, r.layers(&p)...)
	p.Reasons = append(p.Reasons, r.connections(p)...)
	p.UplinkKbps = r.uplink(groups)
	p.Refusal = r.judge(p)
	return p, nil
}

// alone is the rendition that a destination would get by itself.
func (r Request) alone(w Want) (Rendition, []string, error) {
	pf, ok := FindPlatform(w.Platform)
	if !ok {
		return Rendition{}, nil, fmt.Errorf("planner: %s: there is no platform %q", w.Name, w.Platform)
	}
	g := Rendition{
		Program: w.Program, Codec: w.Codec, Width: w.Width, Height: w.Height, FPS: w.FPS,
		KeyframeSeconds: min(pf.KeyframeSeconds, 2), NoBFrames: w.NoBFrames, Setting: w.Setting, Members: []string{w.ID},
	}
	var notes []string
	if g.Codec == "" {
		g.Codec = media.H264
	}
	if !slices.Contains(pf.Video, g.Codec) {
		return Rendition{}, nil, fmt.Errorf("planner: %s: %s takes %s, not %s", w.Name, pf.Title, codecs(pf.Video), strings.ToUpper(string(g.Codec)))
	}
	enc, ok := r.encoder(g.Codec)
	if !ok {
		return Rendition{}, nil, fmt.Errorf("planner: %s: nothing on this machine encodes %s", w.Name, strings.ToUpper(string(g.Codec)))
	}
	g.Encoder = enc.Name
	if g.Width == 0 || g.Height == 0 {
		g.Width, g.Height = r.Width, r.Height
	}
	if short := min(g.Width, g.Height); pf.MaxHeight > 0 && short > pf.MaxHeight {
		scale := float64(pf.MaxHeight) / float64(short)
		g.Width, g.Height = even(float64(g.Width)*scale), even(float64(g.Height)*scale)
		notes = append(notes, fmt.Sprintf("%s takes at most %d lines, so %s gets %dx%d.", pf.Title, pf.MaxHeight, w.Name, g.Width, g.Height))
	}
	if pf.Upright && g.Width > g.Height {
		notes = append(notes, fmt.Sprintf("%s is watched upright; %s gets the wide picture with bars unless it has an upright programme.", pf.Title, w.Name))
	}
	if g.FPS == 0 {
		g.FPS = r.FPS
	}
	if !sane(r.FPS) || !sane(g.FPS) || g.Width <= 0 || g.Height <= 0 || g.Width > maxSide || g.Height > maxSide {
		return Rendition{}, nil, fmt.Errorf("planner: %s: %dx%d at %g frames a second is no picture", w.Name, g.Width, g.Height, g.FPS)
	}
	if n := math.Round(r.FPS / g.FPS); math.Abs(r.FPS/g.FPS-n) > 1e-6 || n < 1 {
		return Rendition{}, nil, fmt.Errorf("planner: %s: %g frames a second is not the canvas's %g divided by a whole number", w.Name, g.FPS, r.FPS)
	}
	for pf.MaxFPS > 0 && g.FPS > float64(pf.MaxFPS)+0.01 {
		g.FPS /= 2
		notes = append(notes, fmt.Sprintf("%s takes at most %d frames a second, so %s gets %.4g.", pf.Title, pf.MaxFPS, w.Name, g.FPS))
	}
	g.VideoKbps = Recommended(g.Codec, g.Width, g.Height, g.FPS)
	if w.Kbps > 0 {
		g.VideoKbps = w.Kbps
	}
	if limit := pf.cap(g.Width, g.Height); limit > 0 && g.VideoKbps > limit {
		notes = append(notes, fmt.Sprintf("%s takes at most %d kb/s at this size, so %s gets that and not %d.", pf.Title, limit, w.Name, g.VideoKbps))
		g.VideoKbps = limit
	}
	if w.Audio != media.Opus {
		g.AudioKbps = usualAACKbps
		if w.AudioKbps > 0 {
			g.AudioKbps = w.AudioKbps
		}
		if pf.AudioKbps > 0 {
			g.AudioKbps = min(g.AudioKbps, pf.AudioKbps)
		}
	}
	if err := r.checkLayers(w, &g); err != nil {
		return Rendition{}, nil, err
	}
	return g, notes, nil
}

// shareable reports that one encode serves both.
func shareable(a, b Rendition) bool {
	if a.Program != b.Program || a.Codec != b.Codec || a.Width != b.Width || a.Height != b.Height || math.Abs(a.FPS-b.FPS) > 1e-6 {
		return false
	}
	low, high := min(a.VideoKbps, b.VideoKbps), max(a.VideoKbps, b.VideoKbps)
	return float64(low) >= sharedLoss*float64(high) && low > max(a.floorKbps, b.floorKbps)
}

// shared is what both take: no more than either, no B-frames if one takes none.
func shared(a, b Rendition) Rendition {
	a.VideoKbps = min(a.VideoKbps, b.VideoKbps)
	a.floorKbps = max(a.floorKbps, b.floorKbps)
	a.KeyframeSeconds = min(a.KeyframeSeconds, b.KeyframeSeconds)
	a.NoBFrames = a.NoBFrames || b.NoBFrames
	if a.AudioKbps == 0 || b.AudioKbps > 0 && b.AudioKbps < a.AudioKbps {
		a.AudioKbps = b.AudioKbps
	}
	a.Members = append(slices.Clone(a.Members), b.Members...)
	return a
}

// sharing explains each encode.
func (r Request) sharing(groups []Rendition) []string {
	var out []string
	for _, g := range groups {
		names := make([]string, 0, len(g.Members))
		for _, id := range g.Members {
			names = append(names, r.want(id).Name)
		}
		verb := "share one encode of"
		if len(names) == 1 {
			verb = "needs its own encode of"
		}
		out = append(out, fmt.Sprintf("%s %s %s.", list(names), verb, g))
		if i := slices.IndexFunc(g.Members, func(id string) bool { return r.want(id).Setting != g.Setting }); i >= 0 {
			out = append(out, fmt.Sprintf("%s wants it encoded with %s; it is encoded with %s, as %s wants.", names[i], r.want(g.Members[i]).Setting, g.Setting, names[0]))
		}
		if g.NoBFrames {
			i := slices.IndexFunc(g.Members, func(id string) bool { return r.want(id).NoBFrames })
			out = append(out, fmt.Sprintf("It has no B-frames because %s takes none.", r.want(g.Members[i]).Name))
		}
	}
	return out
}

// String is the setting as operators say it: "preset slow of libx264".
func (s Setting) String() string {
	text := "its usual preset"
	if s.Preset != "" {
		text = "preset " + s.Preset
	}
	if s.Encoder != "" && s.Encoder != "auto" {
		text += " of " + s.Encoder
	}
	return text
}

// String is the rendition as operators say it: "1080p30 H264 6000 kb/s".
func (g Rendition) String() string {
	size := fmt.Sprintf("%dp%.4g", g.Height, g.FPS)
	if g.Width*9 != g.Height*16 {
		size = fmt.Sprintf("%dx%d at %.4g", g.Width, g.Height, g.FPS)
	}
	return fmt.Sprintf("%s %s %d kb/s", size, strings.ToUpper(string(g.Codec)), g.VideoKbps)
}

func (r Request) want(id string) Want {
	i := slices.IndexFunc(r.Wants, func(w Want) bool { return w.ID == id })
	return r.Wants[i]
}

// encoder is the one to use: hardware before software, then the cheapest.
func (r Request) encoder(c media.Codec) (best Encoder, ok bool) {
	for _, e := range r.Encoders {
		if e.Codec != c {
			continue
		}
		if !ok || e.Hardware && !best.Hardware || e.Hardware == best.Hardware && e.Cores < best.Cores {
			best, ok = e, true
		}
	}
	return best, ok
}

// cores is what an encode costs, by pixels a second.
func (r Request) cores(g Rendition) float64 {
	e, _ := r.encoder(g.Codec)
	return e.Cores * float64(g.Width) * float64(g.Height) * g.FPS / (1920 * 1080 * 30)
}

// sends is what a destination's connections carry, in kb/s.
func (r Request) sends(g Rendition, id string) int {
	w := r.want(id)
	kbps := 0
	for _, c := range w.all() {
		kbps += g.VideoKbps + c.soundKbps(g)
		if c.Layers {
			kbps += w.layersKbps()
		}
	}
	return int(math.Ceil(float64(kbps) * protocolShare))
}

// SendsKbps is what the connections of a destination of plan carry together, in kb/s with
// the protocol's share; 0 for one that is not in it.
func (r Request) SendsKbps(plan Plan, id string) int {
	for _, g := range plan.Renditions {
		if slices.Contains(g.Members, id) {
			return r.sends(g, id)
		}
	}
	return 0
}

// FitsKbps is the most video of the first rendition, in kb/s, with which the connections of
// a destination of plan carry no more than kbps together; 0 when that is not even its sound
// and its layers.
func (r Request) FitsKbps(plan Plan, id string, kbps int) int {
	for _, g := range plan.Renditions {
		if slices.Contains(g.Members, id) {
			g.VideoKbps = 0
			return max(int(float64(kbps-r.sends(g, id))/protocolShare)/len(r.want(id).all()), 0)
		}
	}
	return 0
}

func (r Request) uplink(groups []Rendition) int {
	sum := 0
	for _, g := range groups {
		for _, id := range g.Members {
			sum += r.sends(g, id)
		}
	}
	return sum
}

func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func codecs(c []media.Codec) string {
	names := make([]string, 0, len(c))
	for _, v := range c {
		names = append(names, strings.ToUpper(string(v)))
	}
	return list(names)
}

// maxSide is more than any encoder takes.
const maxSide = 1 << 16

// sane reports that fps is a rate of pictures.
func sane(fps float64) bool { return fps > 0 && fps <= 1000 }

func even(v float64) int { return int(math.Round(v/2)) * 2 }
