package record

import (
	"slices"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// cutsApart is how long a cut has to stand to be a chapter.
const cutsApart = time.Second

// fileTime brings a time of the feed to the timeline without pauses: what falls into a
// pause is where it was.
func (s *session) fileTime(at time.Duration) time.Duration {
	i := len(s.spans) - 1
	for i > 0 && s.spans[i].from > at {
		i--
	}
	sp := s.spans[i]
	if sp.until > 0 && at > sp.until {
		at = sp.until
	}
	return at - sp.shift
}

// pausedFor is how much pauses have left out before at, a time of the timeline without them.
func (s *session) pausedFor(at time.Duration) time.Duration {
	i := len(s.spans) - 1
	for i > 0 && s.spans[i].from-s.spans[i].shift > at {
		i--
	}
	if i < 0 {
		return 0 // nothing has come yet
	}
	return s.spans[i].shift
}

// chapters are the marks that fall into g, which no later file takes; with last, all that are
// left.
func (s *session) chapters(g *segment, last bool) []outputs.Chapter {
	if !g.begun {
		return nil
	}
	marks := s.o.control.markedFrom(s.marked)
	n := 0
	for n < len(marks) && (last || s.fileTime(marks[n].At) < g.end) {
		n++
	}
	s.marked += n
	list := s.listed(g, marks[:n])
	for _, m := range marks[:n] {
		if m.Cut {
			s.lastCut = m.Name
		}
	}
	return list
}

// listed are marks as chapters of g.
func (s *session) listed(g *segment, marks []outputs.Mark) []outputs.Chapter {
	if s.o.chapters == noChapters {
		return nil
	}
	var list []outputs.Chapter
	var cuts []bool
	add := func(at time.Duration, name string, cut bool) {
		// A cut that did not stand long gives way to the next one.
		if n := len(list); cut && n > 0 && cuts[n-1] && at-list[n-1].At < cutsApart {
			list, cuts = list[:n-1], cuts[:n-1]
		}
		list, cuts = append(list, outputs.Chapter{At: at, Name: name}), append(cuts, cut)
	}
	// Players take the first chapter for the file's beginning.
	first := "Start"
	if s.o.chapters == chaptersOfCuts && s.lastCut != "" {
		first = s.lastCut
	}
	for _, m := range marks {
		if m.Cut && s.o.chapters != chaptersOfCuts {
			continue
		}
		if m.At < s.spans[0].from { // before this Run
			if m.Cut {
				first = m.Name
			}
			continue
		}
		at := min(max(s.fileTime(m.At)-g.first, 0), max(g.end-g.first-time.Millisecond, 0))
		if len(list) == 0 && at > 0 {
			add(0, first, m.Cut)
		}
		add(at, m.Name, m.Cut)
	}
	if len(list) == 0 && s.o.chapters == chaptersOfCuts && s.lastCut != "" {
		add(0, s.lastCut, true)
	}
	// Two at the same place: the one that was asked for last.
	for i := len(list) - 1; i > 0; i-- {
		if list[i].At == list[i-1].At {
			list = slices.Delete(list, i-1, i)
		}
	}
	return list
}

// noteMarks tells of the present file's chapters when there are new ones, so that they are
// known should the program be killed.
func (s *session) noteMarks() {
	if s.o.chapters == noChapters || s.old != nil || !s.cur.begun {
		return
	}
	now := noted{s.cur.part, s.o.control.chapters(s.o.chapters == chaptersOfCuts)}
	if now == s.noted {
		return
	}
	s.noted = now
	list := s.listed(s.cur, s.o.control.markedFrom(s.marked))
	if len(list) > 0 {
		s.o.tellFile(outputs.FileEvent{Path: s.cur.path, Part: s.cur.part, From: s.cur.first - s.zero, Chapters: list})
	}
}
