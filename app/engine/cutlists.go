package engine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/internal/atomicfile"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/cutlist"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// Session is a journal that was written beside a recording.
type Session struct {
	Path string
	// BaseDir is what relative paths of Show are relative to.
	BaseDir string
	// Show is the show at tick First, with what was on programme and preview as its start.
	Show *scenes.Show
	// Switcher is how the switcher stood at First; nil in older journals: at rest.
	Switcher *SwitcherState
	// First is the tick at which recording was started, End the first one after the
	// journal, as far as it goes. Files may begin before First, with the keyframe of before.
	First, End int64
	Complete   bool // it has its end: the program was not killed
	Commands   []Timed
	History    cutlist.History // Files as they are on disk now

	samples map[string]int64 // by the path of a file of sound alone: where it begins; sessionFile.Sample
}

// ReadSession reads a journal and looks into the files that it names: those that are not
// there any more are looked for beside it and in the folders there that they were in, and otherwise left out. A journal that was cut
// off, by a crash, is read as far as it goes.
func ReadSession(path string) (*Session, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the journal cannot be read: %w", err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, sessionBytes)
	var head sessionHead
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &head) != nil || head.Session != 1 {
		return nil, fmt.Errorf("%s %w", filepath.Base(path), errHeadless)
	}
	s := &Session{Path: path, BaseDir: head.Base, Switcher: head.Switcher, First: head.At, End: head.At + 1, samples: map[string]int64{}}
	if s.Show, err = scenes.Parse(head.Show); err != nil {
		return nil, fmt.Errorf("%s: its show: %w", filepath.Base(path), err)
	}
	fps := s.Show.Canvas.FPS
	s.History = cutlist.History{Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), FPS: fps,
		Width: s.Show.Canvas.Width, Height: s.Show.Canvas.Height, Names: names(s.Show)}
	var files []sessionFile
	left := map[string][]sessionPause{}
	for n := 2; lines.Scan(); n++ {
		var command struct{ Do string }
		var l sessionLine
		if json.Unmarshal(lines.Bytes(), &l) != nil || json.Unmarshal(lines.Bytes(), &command) != nil {
			break // the crash
		}
		s.End = max(s.End, l.At+1)
		switch {
		case command.Do != "":
			c, err := ParseTimed(lines.Bytes(), fps)
			if err != nil {
				return nil, fmt.Errorf("%s, line %d: %w", filepath.Base(path), n, err)
			}
			s.Commands = append(s.Commands, c)
		case l.Show != nil:
			show, err := scenes.Parse(l.Show)
			if err != nil {
				return nil, fmt.Errorf("%s, line %d: its show: %w", filepath.Base(path), n, err)
			}
			s.Commands = append(s.Commands, Timed{l.At, &travelled{show}})
		case l.Look != nil:
			l.Look.At = l.At
			s.History.Looks = append(s.History.Looks, *l.Look)
		case l.Mark != "":
			s.History.Markers = append(s.History.Markers, cutlist.Marker{At: l.At, Text: l.Mark})
		case l.File != nil:
			files = append(files, *l.File)
		case l.Left != nil:
			left[l.Left.Path] = append(left[l.Left.Path], *l.Left)
		case l.End:
			s.End, s.Complete = l.At, true
		}
	}
	for _, f := range files {
		if found, ok := lookInto(f, filepath.Dir(path), fps); ok {
			s.leaveOut(&found, f, left[f.Path])
			if found.NoPictures && found.First == f.First { // else the file's own timecode is believed
				s.samples[found.Path] = f.Sample
			}
			s.History.Files = append(s.History.Files, found)
		}
	}
	s.bounds()
	return s, nil
}

// leaveOut takes what pauses have left out of a file from it. From a pause on that nothing
// more is known of, it is not cut from.
func (s *Session) leaveOut(found *cutlist.File, f sessionFile, left []sessionPause) {
	var open []int64
	for i, l := range left {
		if l.To > l.From {
			found.Left = append(found.Left, cutlist.Stretch{From: l.From, To: l.To})
		} else if i+1 == len(left) {
			open = append(open, l.From)
		}
	}
	if f.Source == "" {
		open = append(open, s.pausedUnknown(f.Recording, left)...)
	}
	for _, at := range open {
		found.Cut(at)
	}
}

// pausedUnknown are the ticks at which a recording was paused by commands and its file is not
// known to have been: its journal is an older one, or was cut off right there.
func (s *Session) pausedUnknown(recording string, left []sessionPause) (out []int64) {
	paused := false
	for _, c := range s.Commands {
		p, ok := c.Command.(*PauseRecording)
		if !ok || recording != "" && len(p.Recordings) > 0 && !slices.Contains(p.Recordings, recording) {
			continue
		}
		was := paused
		if paused = !was; p.Paused != nil {
			paused = *p.Paused
		}
		// It happens at the first keyframe from the command on.
		known := slices.ContainsFunc(left, func(l sessionPause) bool { return max(l.From, l.To) >= c.Tick })
		if paused && !was && !known {
			out = append(out, c.Tick)
		}
	}
	return out
}

// names are what sources and scenes are called.
func names(show *scenes.Show) map[string]string {
	m := map[string]string{}
	for _, v := range show.Sources {
		m[v.ID] = v.Name
	}
	for _, v := range show.Scenes {
		m[v.ID] = v.Name
	}
	return m
}

// moved is where a file is that is not at its path any more, when the folder of its journal was
// moved with what is in it: of what there is below that folder, what most of the path's end leads to.
func moved(path, dir string) string {
	names := strings.Split(filepath.ToSlash(path), "/")
	for i := range names {
		there := filepath.Join(dir, filepath.Join(names[i:]...))
		if _, err := os.Stat(there); err == nil {
			return there
		}
	}
	return filepath.Join(dir, filepath.Base(path))
}

// lookInto finds out which ticks a file has.
func lookInto(f sessionFile, dir string, fps media.Rational) (cutlist.File, bool) {
	if _, err := os.Stat(f.Path); err != nil {
		f.Path = moved(f.Path, dir)
	}
	in, err := av.OpenInput(context.Background(), "file:"+f.Path, av.InputOptions{})
	if err != nil {
		return cutlist.File{}, false
	}
	defer in.Close()
	out := cutlist.File{Path: f.Path, Source: f.Source, First: f.First, Sound: in.Audio() != nil}
	if a := in.Audio(); a != nil {
		out.Channels, out.SampleRateHz = a.Channels, a.SampleRateHz
	}
	v := in.Video()
	if v == nil {
		return lookIntoSound(in, out, fps)
	}
	out.Width, out.Height = v.Width, v.Height
	// A rendition may have every n-th picture alone.
	own, every := fps, int64(1)
	if rate := v.FPS; rate.IsSet() && !f.Copied {
		if every = max(int64(math.Round(fps.Float()/rate.Float())), 1); every > 1 {
			own = media.NewRational(fps.Num, fps.Den*every)
		}
		out.Every = every
	}
	if n, ok := in.Timecode(own); ok {
		out.First = n * every
	}
	last, ok := in.LastPicture()
	if !ok {
		return cutlist.File{}, false
	}
	out.Frames = (media.UnitsIn(last-v.Start, own.Inv()) + 1) * every
	return out, true
}

// lookIntoSound is lookInto for a file of sound alone. Its beginning is that of a tick, except
// where the container shifts all to zero: then it is less than one off.
func lookIntoSound(in *av.Input, out cutlist.File, fps media.Rational) (cutlist.File, bool) {
	if in.Audio() == nil {
		return cutlist.File{}, false
	}
	out.NoPictures = true
	if n, ok := in.Timecode(fps); ok {
		out.First = n
	}
	end, ok := in.SoundEnd()
	if !ok {
		return cutlist.File{}, false
	}
	if start := in.Audio().Start; start >= media.TickTime(1, fps) {
		end -= start // MPEG-TS begins later than zero
	}
	// What is left over of a tick is heard too.
	out.Frames = int64(math.Ceil(end.Seconds()*fps.Float() - 0.01))
	return out, out.Frames > 0
}

// bounds sets the stretch that cut lists are of: that of the programme's files, or of all
// where there are none.
func (s *Session) bounds() {
	h := &s.History
	h.First, h.End = s.First, s.First
	pictures := slices.ContainsFunc(h.Files, func(f cutlist.File) bool { return !f.NoPictures })
	for _, programme := range []bool{true, false} {
		any := false
		for _, f := range h.Files {
			if (f.Source == "") != programme || f.NoPictures && pictures {
				continue
			}
			if !any || f.First < h.First {
				h.First = f.First
			}
			h.End = max(h.End, f.End())
			any = true
		}
		if any {
			break
		}
	}
	h.Pauses = cutlist.Pauses(h.Files)
	s.End = max(s.End, h.End)
}

// CutListExtensions are those of the files that WriteCutLists makes.
var CutListExtensions = []string{".otio", ".edl", ".fcpxml"}

// errHeadless says that a file does not begin as a journal does.
var errHeadless = errors.New("is not the journal of a recording")

// errNoFiles says that nothing is left of what a journal tells of.
var errNoFiles = errors.New("none of the recorded files is there")

// CutListOptions are how WriteCutLists writes.
type CutListOptions struct {
	// Kdenlive: the OpenTimelineIO list is as Kdenlive reads it, without dissolves.
	Kdenlive bool
}

// WriteCutLists writes OpenTimelineIO, CMX 3600 EDL and FCPXML of a journal beside it,
// under its name. Lists that are there already are replaced.
func WriteCutLists(journal string, o CutListOptions) error {
	return writeCutLists(journal, CutListExtensions, o)
}

// writeCutLists writes those of the lists whose extensions are named, each in one step.
func writeCutLists(journal string, extensions []string, o CutListOptions) error {
	s, err := ReadSession(journal)
	if err != nil {
		return err
	}
	if len(s.History.Files) == 0 {
		return errNoFiles
	}
	t := cutlist.Build(s.History)
	write := t.OTIO
	if o.Kdenlive {
		write = t.OTIOForKdenlive
	}
	otio, err := write(filepath.Dir(s.Path))
	if err != nil {
		return err
	}
	fcpxml, err := t.FCPXML()
	if err != nil {
		return err
	}
	for i, data := range [][]byte{otio, t.EDL(), fcpxml} {
		if !slices.Contains(extensions, CutListExtensions[i]) {
			continue
		}
		if err := atomicfile.Write(stemOf(s.Path)+CutListExtensions[i], data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// stemOf is a path without its extension.
func stemOf(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) }
