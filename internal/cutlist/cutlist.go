// Package cutlist turns what was on programme, tick by tick, into a timeline of the
// recorded files, and writes it for editors: OpenTimelineIO, CMX 3600 EDL and FCPXML.
//
// Threads: values and functions without state; any goroutine. Ownership: a Timeline
// belongs to whoever built it. What this package does not do: look into media files,
// know shows or commands, or write to disk.
package cutlist

import (
	"slices"

	"crosspoint.studio/crosspoint/internal/media"
)

// File is one recorded file. Its frame i is the studio's tick First+i.
type File struct {
	Path   string // absolute
	Source string // whose own recording it is; empty: the programme's
	First  int64
	Frames int64
	Sound  bool
	// NoPictures: it is of a source that has sound alone.
	NoPictures bool
}

// Look is what programme shows from a tick on, until the next Look.
type Look struct {
	At int64 `json:"-"`
	// Scene is the id of the scene or source on the programme bus.
	Scene string `json:"scene"`
	// Source is the source that is all there is of it: whole and over the whole canvas.
	// Empty: only the programme's own recording shows what it looked like.
	Source string `json:"source,omitempty"`
	// Black: nothing shows.
	Black bool `json:"black,omitempty"`
	// Mixed: a transition or a fade is between its ends; Scene is where it comes from.
	Mixed bool `json:"mixed,omitempty"`
}

// Marker is something to tell at a tick.
type Marker struct {
	At   int64
	Text string
}

// History is what happened from First to End (the first tick after it).
type History struct {
	Name          string
	FPS           media.Rational
	Width, Height int
	First, End    int64
	Looks         []Look // in order; what was before the first, only the programme's recording shows
	Markers       []Marker
	Files         []File
	// Names are what sources and scenes are called, by id.
	Names map[string]string
}

// Clip is a stretch of one file on the timeline, or of nothing.
type Clip struct {
	At, Frames int64 // on the timeline, in studio ticks
	File       *File // nil: a gap
	Name       string
	// Dissolve is over how many frames, from At on, the clip before goes over into this
	// one; the clip before has pictures for as long.
	Dissolve int64
}

// Timeline is a cut programme. Clips follow each other without holes from First to End.
type Timeline struct {
	Name          string
	FPS           media.Rational
	Width, Height int
	First, End    int64
	Clips         []Clip
	Programme     []Clip // the recording of the programme over the same time, gaps included
	Sounds        []Sound
	Markers       []Marker
}

// Sound is a track of a source that has sound alone, over the whole timeline, gaps included.
// The programme's sound has it too, as it was mixed.
type Sound struct {
	Name  string
	Clips []Clip
}

// region is a stretch of one look.
type region struct {
	from, to int64
	look     Look
	dissolve int64
}

// Build cuts the history from its files. A shot that is one whole source comes from that
// source's own recording, everything else from the programme's, so that the timeline
// always plays as the show did. A transition between two such shots is a dissolve as
// long as the two were mixed; any other comes from the programme's recording.
func Build(h History) *Timeline {
	t := &Timeline{Name: h.Name, FPS: h.FPS, Width: h.Width, Height: h.Height, First: h.First, End: h.End}
	b := builder{h: h}
	for _, r := range b.regions() {
		b.place(r)
	}
	t.Clips = b.clips
	b.clips = nil
	b.place(region{from: h.First, to: h.End})
	t.Programme = b.clips
	t.Sounds = b.sounds()
	for _, m := range h.Markers {
		if m.At >= h.First && m.At < h.End {
			t.Markers = append(t.Markers, m)
		}
	}
	return t
}

type builder struct {
	h     History
	clips []Clip
}

// sounds are the tracks of the sources that have sound alone, by id: their files may have been
// begun in any order.
func (b *builder) sounds() (out []Sound) {
	var sources []string
	for _, f := range b.h.Files {
		if f.NoPictures && !slices.Contains(sources, f.Source) {
			sources = append(sources, f.Source)
		}
	}
	slices.Sort(sources)
	for _, source := range sources {
		s := Sound{Name: b.h.Names[source]}
		if s.Name == "" {
			s.Name = source
		}
		for at := b.h.First; at < b.h.End; {
			c := b.heard(source, at)
			c.Name = s.Name
			s.Clips = append(s.Clips, c)
			at += c.Frames
		}
		out = append(out, s)
	}
	return out
}

// heard is the clip of a source's sound from at on: up to the end of its file, or where the
// next one begins. Of two that share a tick the later one has it.
func (b *builder) heard(source string, at int64) Clip {
	c := Clip{At: at, Frames: b.h.End - at}
	for i := range b.h.Files {
		f := &b.h.Files[i]
		switch {
		case !f.NoPictures || f.Source != source:
		case f.First > at:
			c.Frames = min(c.Frames, f.First-at)
		case at < f.First+f.Frames && (c.File == nil || f.First > c.File.First):
			c.File = f
		}
	}
	if c.File != nil {
		c.Frames = min(c.Frames, c.File.First+c.File.Frames-at)
	}
	return c
}

// regions are the looks with transitions resolved: what dissolves is given to the shot
// that it leads to, what cannot is a region of its own without a source.
func (b *builder) regions() (out []region) {
	h := b.h
	var raw []region
	if len(h.Looks) == 0 || h.Looks[0].At > h.First {
		// What nobody noted, the programme's recording has.
		h.Looks = append([]Look{{At: h.First}}, h.Looks...)
	}
	for i, l := range h.Looks {
		r := region{from: max(l.At, h.First), to: h.End, look: l}
		if i+1 < len(h.Looks) {
			r.to = min(h.Looks[i+1].At, h.End)
		}
		if r.from < r.to {
			raw = append(raw, r)
		}
	}
	for i, r := range raw {
		switch {
		case !r.look.Mixed:
			if n := len(out); n > 0 && out[n-1].to == r.from && out[n-1].look == unmixed(r.look) {
				out[n-1].to = r.to
				continue
			}
			r.look = unmixed(r.look)
			out = append(out, r)
		case i+1 < len(raw) && b.dissolves(out, r, raw[i+1]):
			// The next region takes it over.
			raw[i+1].from, raw[i+1].dissolve = r.from, r.to-r.from
		default:
			out = append(out, region{from: r.from, to: r.to, look: Look{Scene: r.look.Scene}})
		}
	}
	return out
}

// unmixed is a look but for when it began, so that equal ones are equal.
func unmixed(l Look) Look { l.At, l.Mixed = 0, false; return l }

// dissolves: what is before r and what is after are both there in files of their own for
// as long as r lasts.
func (b *builder) dissolves(before []region, r, after region) bool {
	if len(before) == 0 || after.look.Mixed {
		return false
	}
	from := before[len(before)-1]
	if from.to != r.from || from.look == unmixed(after.look) {
		return false
	}
	own := func(l Look, to int64) bool {
		f := b.file(l.Source, r.from)
		return l.Black || l.Source != "" && f != nil && f.First+f.Frames >= to
	}
	return own(from.look, r.to) && own(after.look, r.to+1)
}

// file is the file of a source (empty: the programme) that has tick at.
func (b *builder) file(source string, at int64) *File {
	for i := range b.h.Files {
		if f := &b.h.Files[i]; !f.NoPictures && f.Source == source && f.First <= at && at < f.First+f.Frames {
			return f
		}
	}
	return nil
}

// place adds the clips of a region: of its source where that was recorded, else of the
// programme, else of nothing.
func (b *builder) place(r region) {
	dissolve := r.dissolve
	for at := r.from; at < r.to; {
		f := (*File)(nil)
		if !r.look.Black {
			if r.look.Source != "" {
				f = b.file(r.look.Source, at)
			}
			if f == nil {
				f = b.file("", at)
			}
		}
		end := r.to
		if f != nil {
			end = min(end, f.First+f.Frames)
		}
		if !r.look.Black && (f == nil || f.Source == "") {
			end = min(end, b.next(r.look.Source, at, end)) // where a better file begins
		}
		name := b.h.Names[r.look.Scene]
		switch {
		case r.look.Black:
			name = "Black"
		case name == "" && r.look.Scene == "":
			name = "Programme"
		case name == "":
			name = r.look.Scene
		}
		b.clips = append(b.clips, Clip{At: at, Frames: end - at, File: f, Name: name, Dissolve: min(dissolve, end-at)})
		at, dissolve = end, 0
	}
}

// next is the first tick after at, up to end, at which a file of source or of the
// programme begins.
func (b *builder) next(source string, at, end int64) int64 {
	for i := range b.h.Files {
		f := &b.h.Files[i]
		if !f.NoPictures && (f.Source == source || f.Source == "") && f.First > at && f.First < end && f.Frames > 0 {
			end = f.First
		}
	}
	return end
}

// files are those that the timeline uses, in the order of their first use.
func (t *Timeline) files() (out []*File) {
	lists := [][]Clip{t.Clips, t.Programme}
	for _, s := range t.Sounds {
		lists = append(lists, s.Clips)
	}
	for _, list := range lists {
		for _, c := range list {
			if c.File != nil && !slices.Contains(out, c.File) {
				out = append(out, c.File)
			}
		}
	}
	return out
}

// cut is where the timeline cuts from clip i-1 to clip i: in the middle of a dissolve.
func (t *Timeline) cut(i int) int64 { return t.Clips[i].At + t.Clips[i].Dissolve/2 }

// span is clip i from its cut to the next one's.
func (t *Timeline) span(i int) (from, to int64) {
	from, to = t.cut(i), t.End
	if i+1 < len(t.Clips) {
		to = t.cut(i + 1)
	}
	return from, to
}
