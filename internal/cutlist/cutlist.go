// Package cutlist turns what was on programme, tick by tick, into a timeline of the
// recorded files, and writes it for editors: OpenTimelineIO, CMX 3600 EDL and FCPXML.
//
// Threads: values and functions without state; any goroutine. Ownership: a Timeline
// belongs to whoever built it. What this package does not do: look into media files,
// know shows or commands, or write to disk.
package cutlist

import (
	"cmp"
	"math"
	"slices"

	"crosspoint.studio/crosspoint/internal/media"
)

// File is one recorded file. Its frame i is the studio's tick First+i, and later by what was
// left out before it. Its own timecode begins with First.
type File struct {
	Path   string // absolute
	Source string // whose own recording it is; empty: the programme's
	First  int64
	Frames int64
	Sound  bool
	// NoPictures: it is of a source that has sound alone.
	NoPictures bool
	// Left is what pauses left out of it, in order.
	Left []Stretch
	Medium
}

// Medium is what pictures and sound of a file are like.
type Medium struct {
	Width, Height          int   // pixels; 0: those of the canvas
	Every                  int64 // ticks from one picture to the next, in files of a divided rate; 0: 1
	Channels, SampleRateHz int   // of the sound; 0: 2, and 48000
}

// Stretch is from one tick up to another, which is the first after it.
type Stretch struct{ From, To int64 }

// End is the tick after the file's last frame.
func (f *File) End() int64 {
	end := f.First + f.Frames
	for _, l := range f.Left {
		if l.From >= end {
			break
		}
		end += l.To - l.From
	}
	return end
}

// before is how many frames the file would have before a tick, did it go on for ever.
func (f *File) before(tick int64) (n int64) {
	from := f.First // of the stretch between pauses that is looked at
	for _, l := range f.Left {
		if tick <= l.From {
			break
		}
		n += l.From - from
		from = l.To
	}
	return n + max(tick-from, 0)
}

// Cut shortens the file to what it has before a tick; up to its beginning it stays as it is.
func (f *File) Cut(tick int64) {
	if tick > f.First {
		f.Frames = min(f.Frames, f.before(tick))
	}
}

// at is the file's frame at a tick, and how many from there on follow each other in studio time
// too; 0: it does not have the tick.
func (f *File) at(tick int64) (frame, run int64) {
	frame = f.before(tick)
	run = f.Frames - frame
	for _, l := range f.Left {
		if tick >= l.From && tick < l.To {
			return 0, 0
		}
		if l.From > tick {
			run = min(run, l.From-tick)
			break
		}
	}
	if tick < f.First {
		return 0, 0
	}
	return frame, max(run, 0)
}

// next is the first tick after at from which on the file has frames; false where there is none.
func (f *File) next(at int64) (int64, bool) {
	if f.First > at {
		return f.First, f.Frames > 0
	}
	for _, l := range f.Left {
		if _, run := f.at(l.To); l.To > at && run > 0 {
			return l.To, true
		}
	}
	return 0, false
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
	// Pauses are what the timeline leaves out between First and End, in order: nobody wanted
	// it recorded. What follows is moved up, as in the programme's file.
	Pauses  []Stretch
	Looks   []Look // in order; what was before the first, only the programme's recording shows
	Markers []Marker
	Files   []File
	// Names are what sources and scenes are called, by id.
	Names map[string]string
}

// Pauses are what pauses of the programme's recordings have left out, in order, and no other one
// has either.
func Pauses(files []File) (out []Stretch) {
	b := builder{h: History{Files: files}}
	var left []Stretch
	for _, f := range files {
		for _, l := range f.Left {
			if _, run := b.file("", l.To); f.Source == "" && run > 0 { // in the next file, where it was split
				left = append(left, l)
			}
		}
	}
	slices.SortFunc(left, func(x, y Stretch) int { return cmp.Compare(x.From, y.From) })
	done := int64(math.MinInt64)
	for _, l := range left {
		for at := max(l.From, done); at < l.To; {
			_, run := b.file("", at)
			if run > 0 {
				at += run
				continue
			}
			end := b.next("", at, l.To)
			if n := len(out); n > 0 && out[n-1].To == at {
				out[n-1].To = end
			} else {
				out = append(out, Stretch{at, end})
			}
			at, done = end, end
		}
	}
	return out
}

// Clip is a stretch of one file on the timeline, or of nothing.
type Clip struct {
	At, Frames int64 // on the timeline: studio ticks, less what was left out before
	File       *File // nil: a gap
	// In is the file's own timecode at At: At itself where nothing was left out, neither of
	// the timeline nor of the file.
	In   int64
	Name string
	// Dissolve is over how many frames, from At on, the clip before goes over into this
	// one; the clip before has pictures for as long.
	Dissolve int64
}

// in is the file's own timecode at a place of the timeline, which need not be in the clip; of a
// gap it is the place.
func (c Clip) in(at int64) int64 {
	if c.File == nil {
		return at
	}
	return at - c.At + c.In
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
	left, from, since := int64(0), h.First, h.First
	for _, p := range append(slices.Clone(h.Pauses), Stretch{h.End, h.End}) {
		b := builder{h: h, left: left, since: since}
		b.h.First, b.h.End = from, p.From
		b.build(t)
		left += p.To - p.From
		from, since = p.To, p.From
	}
	t.End -= left
	return t
}

// builder cuts what is between two pauses.
type builder struct {
	h     History // from First to End is what it is about
	left  int64   // what the timeline leaves out before that
	since int64   // where the pause before began: its markers are at its end
	clips []Clip
}

// build adds it to the timeline.
func (b *builder) build(t *Timeline) {
	if b.h.First >= b.h.End {
		return
	}
	for _, r := range b.regions() {
		b.place(r)
	}
	t.Clips = append(t.Clips, b.clips...)
	b.clips = nil
	b.place(region{from: b.h.First, to: b.h.End})
	t.Programme = append(t.Programme, b.clips...)
	for i, s := range b.sounds() {
		if i == len(t.Sounds) { // the same ones in every part
			t.Sounds = append(t.Sounds, Sound{Name: s.Name})
		}
		t.Sounds[i].Clips = append(t.Sounds[i].Clips, s.Clips...)
	}
	for _, m := range b.h.Markers {
		if m.At >= b.since && m.At < b.h.End {
			t.Markers = append(t.Markers, Marker{max(m.At, b.h.First) - b.left, m.Text})
		}
	}
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
			at += c.Frames
			if n := len(s.Clips); n > 0 && c.File != nil && s.Clips[n-1].File == c.File && s.Clips[n-1].In+s.Clips[n-1].Frames == c.In {
				s.Clips[n-1].Frames += c.Frames
				continue
			}
			c.Name = s.Name
			c.At -= b.left
			s.Clips = append(s.Clips, c)
		}
		out = append(out, s)
	}
	return out
}

// heard is the clip of a source's sound from at on: up to the end of its file, or where the
// next one begins. Of two that share a tick the later one has it; of two that share more the
// earlier one, up to its last tick, which may end within: the later begins with what its
// decoder needs. At is the tick.
func (b *builder) heard(source string, at int64) Clip {
	c := Clip{At: at, Frames: b.h.End - at}
	whole := false // the clip's file has more than one tick from here
	for i := range b.h.Files {
		f := &b.h.Files[i]
		if !f.NoPictures || f.Source != source {
			continue
		}
		if next, ok := f.next(at); ok {
			c.Frames = min(c.Frames, next-at)
		}
		frame, run := f.at(at)
		if run > 1 && (!whole || f.First < c.File.First) || run == 1 && !whole && (c.File == nil || f.First > c.File.First) {
			c.File, c.In, whole = f, f.First+frame, run > 1
		}
	}
	if c.File == nil {
		return c
	}
	_, run := c.File.at(at)
	if whole {
		run-- // whose the last one is shows there
	}
	c.Frames = min(run, b.h.End-at)
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
		_, run := b.file(l.Source, r.from)
		return l.Black || l.Source != "" && r.from+run >= to
	}
	return own(from.look, r.to) && own(after.look, r.to+1)
}

// file is the file of a source (empty: the programme) that has tick at, and for how many ticks
// it goes on; nil and 0: there is none.
func (b *builder) file(source string, at int64) (*File, int64) {
	for i := range b.h.Files {
		f := &b.h.Files[i]
		if f.NoPictures || f.Source != source {
			continue
		}
		if _, run := f.at(at); run > 0 {
			return f, run
		}
	}
	return nil, 0
}

// place adds the clips of a region: of its source where that was recorded, else of the
// programme, else of nothing.
func (b *builder) place(r region) {
	dissolve := r.dissolve
	for at := r.from; at < r.to; {
		f, run := (*File)(nil), int64(0)
		if !r.look.Black {
			if r.look.Source != "" {
				f, run = b.file(r.look.Source, at)
			}
			if f == nil {
				f, run = b.file("", at)
			}
		}
		end, in := r.to, int64(0)
		if f != nil {
			end = min(end, at+run)
			frame, _ := f.at(at)
			in = f.First + frame
		}
		if !r.look.Black && (f == nil || f.Source == "") {
			end = b.next(r.look.Source, at, end) // where a better file begins
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
		b.clips = append(b.clips, Clip{At: at - b.left, Frames: end - at, File: f, In: in, Name: name, Dissolve: min(dissolve, end-at)})
		at, dissolve = end, 0
	}
}

// next is the first tick after at, up to end, at which a file of source or of the
// programme begins, or goes on after a pause.
func (b *builder) next(source string, at, end int64) int64 {
	for i := range b.h.Files {
		f := &b.h.Files[i]
		if f.NoPictures || f.Source != source && f.Source != "" {
			continue
		}
		if begin, ok := f.next(at); ok {
			end = min(end, begin)
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
