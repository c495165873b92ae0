package cutlist

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"

	"crosspoint.studio/crosspoint/internal/media"
)

// The elements below are those of FCPXML 1.8 (developer.apple.com, "FCPXML Reference"),
// which Final Cut Pro, DaVinci Resolve and converters for others read.

type fcpxml struct {
	XMLName   xml.Name     `xml:"fcpxml"`
	Version   string       `xml:"version,attr"`
	Resources fcpResources `xml:"resources"`
	Event     fcpEvent     `xml:"library>event"`
}

type fcpResources struct {
	Formats []fcpFormat `xml:"format"`
	Effect  fcpEffect   `xml:"effect"`
	Assets  []fcpAsset  `xml:"asset"`
}

type fcpFormat struct {
	ID       string `xml:"id,attr"`
	Name     string `xml:"name,attr"`
	Duration string `xml:"frameDuration,attr"`
	Width    int    `xml:"width,attr"`
	Height   int    `xml:"height,attr"`
}

type fcpEffect struct {
	ID   string `xml:"id,attr"`
	Name string `xml:"name,attr"`
	UID  string `xml:"uid,attr"`
}

type fcpAsset struct {
	ID            string `xml:"id,attr"`
	Name          string `xml:"name,attr"`
	Src           string `xml:"src,attr"`
	Start         string `xml:"start,attr"`
	Duration      string `xml:"duration,attr"`
	HasVideo      int    `xml:"hasVideo,attr,omitempty"`
	Format        string `xml:"format,attr,omitempty"`
	HasAudio      int    `xml:"hasAudio,attr,omitempty"`
	AudioSources  int    `xml:"audioSources,attr,omitempty"`
	AudioChannels int    `xml:"audioChannels,attr,omitempty"`
	AudioRate     int    `xml:"audioRate,attr,omitempty"`
}

type fcpEvent struct {
	Name    string     `xml:"name,attr"`
	Project fcpProject `xml:"project"`
}

type fcpProject struct {
	Name     string      `xml:"name,attr"`
	Sequence fcpSequence `xml:"sequence"`
}

type fcpSequence struct {
	Format   string   `xml:"format,attr"`
	Duration string   `xml:"duration,attr"`
	Start    string   `xml:"tcStart,attr"`
	Code     string   `xml:"tcFormat,attr"`
	Spine    fcpSpine `xml:"spine"`
}

// fcpSpine holds fcpItems in order, each under the name of its element.
type fcpSpine struct{ Items []any }

type fcpItem struct {
	XMLName  xml.Name
	Name     string      `xml:"name,attr"`
	Ref      string      `xml:"ref,attr,omitempty"`
	Lane     string      `xml:"lane,attr,omitempty"`
	Offset   string      `xml:"offset,attr"`
	Start    string      `xml:"start,attr,omitempty"`
	Duration string      `xml:"duration,attr"`
	Code     string      `xml:"tcFormat,attr,omitempty"`
	Enable   string      `xml:"srcEnable,attr,omitempty"`
	Enabled  string      `xml:"enabled,attr,omitempty"`
	Filter   *fcpFilter  `xml:"filter-video"`
	Joined   []fcpItem   `xml:"asset-clip"`
	Markers  []fcpMarker `xml:"marker"`
}

type fcpFilter struct {
	Ref  string `xml:"ref,attr"`
	Name string `xml:"name,attr"`
}

type fcpMarker struct {
	Start    string `xml:"start,attr"`
	Duration string `xml:"duration,attr"`
	Value    string `xml:"value,attr"`
}

// dissolveUID is Final Cut Pro's cross dissolve.
const dissolveUID = "FxPlug:4731E73A-8DAC-4113-9A30-AE85B1761265"

// FCPXML is the timeline as FCPXML 1.8: the cut in the primary storyline, the programme's
// sound joined to it below, and sources that have sound alone below that.
func (t *Timeline) FCPXML() ([]byte, error) {
	w := fcp{t: t, ids: map[*File]string{}}
	doc := fcpxml{Version: "1.8", Resources: w.resources()}
	seq := fcpSequence{Format: doc.Resources.Formats[0].ID, Duration: w.time(t.End - t.First), Start: w.time(t.First), Code: "NDF"}
	for i, c := range t.Clips {
		from, to := t.span(i)
		if c.Dissolve > 0 && i > 0 {
			seq.Spine.Items = append(seq.Spine.Items, fcpItem{XMLName: element("transition"), Name: "Cross Dissolve", Offset: w.time(c.At),
				Duration: w.time(c.Dissolve), Filter: &fcpFilter{doc.Resources.Effect.ID, "Cross Dissolve"}})
		}
		item := w.item(c, from, to)
		if i == 0 {
			item.Joined = w.sound()
		}
		seq.Spine.Items = append(seq.Spine.Items, item)
	}
	doc.Event = fcpEvent{t.Name, fcpProject{t.Name, seq}}
	body, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header+"<!DOCTYPE fcpxml>\n"), append(body, '\n')...), nil
}

type fcp struct {
	t   *Timeline
	ids map[*File]string
}

// resources are the format of the timeline, which comes first, those of files that are of another
// one, the dissolve, and the files.
func (w fcp) resources() (r fcpResources) {
	ids := 0
	id := func() string { ids++; return fmt.Sprintf("r%d", ids) }
	format := func(width, height int, every int64) string {
		f := fcpFormat{Name: fmt.Sprintf("%dx%d %s", width, height, media.NewRational(w.t.FPS.Num, w.t.FPS.Den*every)), Duration: w.time(every), Width: width, Height: height}
		for _, have := range r.Formats {
			if f.ID = have.ID; f == have {
				return f.ID
			}
		}
		f.ID = id()
		r.Formats = append(r.Formats, f)
		return f.ID
	}
	format(w.t.Width, w.t.Height, 1)
	r.Effect = fcpEffect{id(), "Cross Dissolve", dissolveUID}
	for _, f := range w.t.files() {
		a := fcpAsset{Name: filepath.Base(f.Path), Src: (&url.URL{Scheme: "file", Path: filepath.ToSlash(f.Path)}).String(), Start: w.time(f.First), Duration: w.time(f.Frames)}
		if !f.NoPictures {
			a.HasVideo, a.Format = 1, format(cmp.Or(f.Width, w.t.Width), cmp.Or(f.Height, w.t.Height), max(f.Every, 1))
		}
		if f.Sound {
			a.HasAudio, a.AudioSources, a.AudioChannels, a.AudioRate = 1, 1, cmp.Or(f.Channels, 2), cmp.Or(f.SampleRateHz, 48000)
		}
		a.ID = id()
		w.ids[f] = a.ID
		r.Assets = append(r.Assets, a)
	}
	return r
}

func element(name string) xml.Name { return xml.Name{Local: name} }

// time is n frames in seconds, exactly.
func (w fcp) time(n int64) string {
	if n == 0 {
		return "0s"
	}
	return fmt.Sprintf("%d/%ds", n*w.t.FPS.Den, w.t.FPS.Num)
}

func (w fcp) item(c Clip, from, to int64) fcpItem {
	it := fcpItem{XMLName: element("gap"), Name: c.Name, Offset: w.time(from), Start: w.time(from), Duration: w.time(to - from)}
	if c.File != nil {
		it.Start = w.time(c.in(from))
		it.XMLName, it.Ref, it.Code, it.Enable = element("asset-clip"), w.ids[c.File], "NDF", "video"
	}
	for _, m := range w.t.Markers {
		if m.At >= from && m.At < to {
			it.Markers = append(it.Markers, fcpMarker{w.time(c.in(m.At)), w.time(1), m.Text})
		}
	}
	return it
}

// sound is the programme's sound under the first clip, in whose own time it is placed, and
// below it, switched off, the sources that have sound alone.
func (w fcp) sound() (out []fcpItem) {
	add := func(name string, lane int, enabled string, list []Clip) {
		for _, c := range list {
			if c.File == nil || !c.File.Sound {
				continue
			}
			out = append(out, fcpItem{XMLName: element("asset-clip"), Name: name, Ref: w.ids[c.File], Lane: strconv.Itoa(lane), Offset: w.time(w.t.Clips[0].in(c.At)),
				Start: w.time(c.In), Duration: w.time(c.Frames), Code: "NDF", Enable: "audio", Enabled: enabled})
		}
	}
	add("Programme sound", -1, "", w.t.Programme)
	for i, s := range w.t.Sounds {
		add(s.Name, -2-i, "0", s.Clips)
	}
	return out
}
