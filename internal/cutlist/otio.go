package cutlist

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
)

// The schemas below are those of OpenTimelineIO's serialised form
// (opentimelineio.readthedocs.io, "Serialized schema"). Clip.1 is read by every version.

type otioTime struct {
	Schema string  `json:"OTIO_SCHEMA"`
	Rate   float64 `json:"rate"`
	Value  float64 `json:"value"`
}

type otioRange struct {
	Schema   string   `json:"OTIO_SCHEMA"`
	Duration otioTime `json:"duration"`
	Start    otioTime `json:"start_time"`
}

type otioItem struct {
	Schema   string         `json:"OTIO_SCHEMA"`
	Metadata map[string]any `json:"metadata"`
	Name     string         `json:"name"`

	Range    *otioRange   `json:"source_range,omitempty"`
	Effects  []any        `json:"effects,omitempty"`
	Markers  []otioMarker `json:"markers,omitempty"`
	Enabled  *bool        `json:"enabled,omitempty"`
	Media    *otioMedia   `json:"media_reference,omitempty"`
	Children []otioItem   `json:"children,omitempty"`
	Kind     string       `json:"kind,omitempty"`

	// Of a transition.
	Type string    `json:"transition_type,omitempty"`
	In   *otioTime `json:"in_offset,omitempty"`
	Out  *otioTime `json:"out_offset,omitempty"`
}

type otioMarker struct {
	Schema   string         `json:"OTIO_SCHEMA"`
	Metadata map[string]any `json:"metadata"`
	Name     string         `json:"name"`
	Comment  string         `json:"comment"` // as the name: Kdenlive shows this
	Color    string         `json:"color"`
	Range    otioRange      `json:"marked_range"`
}

type otioMedia struct {
	Schema    string         `json:"OTIO_SCHEMA"`
	Metadata  map[string]any `json:"metadata"`
	Name      string         `json:"name"`
	Available otioRange      `json:"available_range"`
	URL       string         `json:"target_url"`
}

type otioTimeline struct {
	Schema   string         `json:"OTIO_SCHEMA"`
	Metadata map[string]any `json:"metadata"`
	Name     string         `json:"name"`
	Start    otioTime       `json:"global_start_time"`
	Tracks   otioItem       `json:"tracks"`
}

// OTIO is the timeline as an OpenTimelineIO document (JSON). Times are in studio ticks,
// which are the files' timecode; files in dir or below it are named relative to it. The
// tracks are, from the lowest up, the recording of the programme (switched off, to compare; an
// editor that shows it all the same has the cut above it), the cut programme, the programme's
// sound, and the sources that have sound alone (switched off: they are in its sound).
func (t *Timeline) OTIO(dir string) ([]byte, error) {
	return otio{t: t, dir: dir, rate: t.FPS.Float()}.document()
}

// OTIOForKdenlive is OTIO as Kdenlive 26.08.2 can read it. That lets every shot behind a
// dissolve begin with the first picture of its file, so there are none: they are cuts in their
// middle. And it takes times as counted from a file's first picture, but for MP4 and MOV, whose
// timecode it reads. It also lets the last clip of a track begin so, whatever comes before it:
// the last frame of a track is a clip of its own, so that it is only that frame.
func (t *Timeline) OTIOForKdenlive(dir string) ([]byte, error) {
	return otio{t: t, dir: dir, rate: t.FPS.Float(), kdenlive: true}.document()
}

func (w otio) document() ([]byte, error) {
	t := w.t
	off := false
	cut := otioItem{Schema: "Track.1", Metadata: meta(), Name: "Cut", Kind: "Video"}
	for i, c := range t.Clips {
		from, to := t.span(i)
		if c.Dissolve > 0 && i > 0 && !w.kdenlive {
			in, out := w.time(from-c.At), w.time(c.At+c.Dissolve-from)
			cut.Children = append(cut.Children, otioItem{Schema: "Transition.1", Metadata: meta(), Name: "Dissolve", Type: "SMPTE_Dissolve", In: &in, Out: &out})
		}
		cut.Children = append(cut.Children, w.clip(c, from, to))
	}
	reference := otioItem{Schema: "Track.1", Metadata: meta(), Name: "Programme", Kind: "Video", Enabled: &off}
	sound := otioItem{Schema: "Track.1", Metadata: meta(), Name: "Programme sound", Kind: "Audio"}
	for _, c := range t.Programme {
		reference.Children = append(reference.Children, w.clip(c, c.At, c.At+c.Frames))
		sound.Children = append(sound.Children, w.clip(c, c.At, c.At+c.Frames))
	}
	tracks := []otioItem{reference, cut, sound}
	for _, s := range t.Sounds {
		own := otioItem{Schema: "Track.1", Metadata: meta(), Name: s.Name, Kind: "Audio", Enabled: &off}
		for _, c := range s.Clips {
			own.Children = append(own.Children, w.clip(c, c.At, c.At+c.Frames))
		}
		tracks = append(tracks, own)
	}
	for i := range tracks {
		tracks[i].Children = w.ended(tracks[i].Children)
	}
	doc := otioTimeline{
		Schema: "Timeline.1", Metadata: map[string]any{"crosspoint": map[string]any{"rate": t.FPS.String()}}, Name: t.Name, Start: w.time(t.First),
		Tracks: otioItem{Schema: "Stack.1", Metadata: meta(), Name: "tracks", Children: tracks, Markers: w.markers()},
	}
	return json.MarshalIndent(doc, "", "  ")
}

type otio struct {
	t    *Timeline
	dir  string
	rate float64

	kdenlive bool
}

func meta() map[string]any { return map[string]any{} }

func (w otio) time(n int64) otioTime {
	// Rates such as 30000/1001 are written to the precision that editors compare with.
	return otioTime{"RationalTime.1", math.Round(w.rate*1e6) / 1e6, float64(n)}
}

func (w otio) rng(from, to int64) otioRange {
	return otioRange{"TimeRange.1", w.time(to - from), w.time(from)}
}

func (w otio) clip(c Clip, from, to int64) otioItem {
	if c.File == nil {
		r := w.rng(0, to-from)
		return otioItem{Schema: "Gap.1", Metadata: meta(), Name: c.Name, Range: &r}
	}
	zero := w.zero(c.File)
	r := w.rng(c.in(from)-zero, c.in(to)-zero)
	return otioItem{Schema: "Clip.1", Metadata: meta(), Name: c.Name, Range: &r, Media: &otioMedia{
		Schema: "ExternalReference.1", Metadata: meta(), Name: filepath.Base(c.File.Path),
		Available: w.rng(c.File.First-zero, c.File.First+c.File.Frames-zero), URL: location(w.dir, c.File.Path),
	}}
}

// ended splits the last frame off a track for Kdenlive.
func (w otio) ended(items []otioItem) []otioItem {
	n := len(items)
	if !w.kdenlive || n == 0 {
		return items
	}
	last := items[n-1]
	if last.Media == nil || last.Range.Duration.Value < 2 || last.Range.Start == last.Media.Available.Start {
		return items
	}
	first, at := int64(last.Range.Start.Value), int64(last.Range.Start.Value+last.Range.Duration.Value)-1
	before, frame := w.rng(first, at), w.rng(at, at+1)
	items[n-1].Range, last.Range = &before, &frame
	return append(items, last)
}

// zero is the tick that counts as zero in a file's own time.
func (w otio) zero(f *File) int64 {
	ext := strings.ToLower(filepath.Ext(f.Path))
	if w.kdenlive && (f.NoPictures || ext != ".mp4" && ext != ".mov") {
		return f.First
	}
	return 0
}

// markers are those of the stack of tracks, which are the timeline's own.
func (w otio) markers() (out []otioMarker) {
	for _, m := range w.t.Markers {
		at := m.At - w.t.First
		out = append(out, otioMarker{"Marker.2", meta(), m.Text, m.Text, "GREEN", w.rng(at, at+1)})
	}
	return out
}

// location is a file as a URL: relative to dir where it is below it. Some editors take it as a
// URL, others as the name of a file (Kdenlive 26.08 finds no file whose spaces are escaped):
// as it stands it is right as both, but for %, # and ?, which are nothing else than escaped in
// a URL.
func location(dir, path string) string {
	escape := strings.NewReplacer("%", "%25", "#", "%23", "?", "%3F")
	rel, err := filepath.Rel(dir, path)
	if dir == "" || err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "file://" + escape.Replace(filepath.ToSlash(path))
	}
	if rel = filepath.ToSlash(rel); strings.Contains(rel, ":") {
		rel = "./" + rel // else what is before the colon is a scheme
	}
	return escape.Replace(rel)
}
