package record

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// begin makes a file.
func (s *session) begin(dir string) (*segment, error) {
	free, err := s.o.disk.Free(dir)
	if err != nil {
		return nil, describe(err, dir, "")
	}
	if free < startBelow {
		return nil, fmt.Errorf("record: only %s are free on the disk of %s; make room and start again", megabytes(free), dir)
	}
	name := s.name
	if s.parts > 0 {
		name = fmt.Sprintf("%s part %d", s.name, s.parts+1)
	}
	mux, path, err := s.o.create(dir, name, s.tracks)
	if err != nil {
		return nil, describe(err, dir, "")
	}
	s.parts++
	if s.parts == 1 {
		base := filepath.Base(path)
		s.name = base[:len(base)-len(s.o.container.extension)]
	}
	seg := &segment{mux: mux, path: path, dir: dir, part: s.parts, disk: s.o.disk}
	if s.o.spill != "" && dir != s.o.spill {
		seg.lowBelow = s.o.spillBelow
	}
	seg.holds.Packets = make([]int64, len(s.tracks))
	seg.free.Store(free)
	seg.watch(s.parent)
	s.mu.Lock()
	s.open = append(s.open, seg)
	s.mu.Unlock()
	from := time.Duration(0)
	if s.cur != nil && s.cur.begun {
		from = s.cur.end - s.zero
	}
	s.o.tellFile(outputs.FileEvent{Path: path, Part: seg.part, From: from})
	return seg, nil
}

// rescue goes on in another file after err has ended the present one, beginning with
// whatever may not have reached the disk. It returns err when that cannot be.
func (s *session) rescue(err error) error {
	dir := s.o.spill
	var fault *diskError
	switch {
	case errors.Is(err, errNearlyFull):
	case !errors.As(err, &fault):
		return err // the muxer's or the feed's
	case errors.Is(fault.err, syscall.EFBIG):
		dir = s.cur.dir
	}
	if dir == "" || dir == s.cur.dir && !errors.Is(err, syscall.EFBIG) {
		return err
	}
	if s.cur.holds.Length < time.Second && s.parts > 1 {
		return err // another file does not get far either
	}
	seg, berr := s.begin(dir)
	if berr != nil {
		return err
	}
	problem := s.cur.ended(err).Error()
	s.warn(fmt.Sprintf("%s; the recording goes on in %s", strings.TrimPrefix(problem, "record: "), seg.path))
	broken, tail := s.cur, s.tail
	s.spilled = s.spilled || dir != broken.dir
	s.become(seg)
	if s.old != nil { // first: it takes its marks from those that are left
		s.finish(s.old, "")
		s.old = nil
	}
	s.finish(broken, problem)
	for _, q := range tail {
		if perr := s.put(q); perr != nil {
			return perr
		}
	}
	return nil
}

// discard closes and removes a file that nothing has come for: it would only puzzle. That
// it cannot be removed changes nothing.
func (s *session) discard(g *segment) error {
	err := g.close(nil)
	_ = s.o.disk.Remove(g.path)
	g.discarded = true
	s.mu.Lock()
	s.open = slices.DeleteFunc(s.open, func(x *segment) bool { return x == g })
	s.mu.Unlock()
	s.o.tellFile(outputs.FileEvent{Path: g.path, Part: g.part, Closed: true, Removed: true})
	return err
}

// finish closes a file that is not the present one any more, without keeping anything
// waiting.
func (s *session) finish(g *segment, problem string) {
	chapters := s.chapters(g, false)
	s.closing.Go(func() {
		err := g.close(chapters)
		if err != nil && problem == "" {
			problem = describe(err, g.dir, g.path).Error()
			s.warn(problem)
		}
		s.closed(g, chapters, problem, err == nil)
	})
}

// closeLast closes the present file at the end of it all.
func (s *session) closeLast(problem string) error {
	g := s.cur
	switch {
	case g.discarded:
		return nil
	case s.packets.Load() == 0 || g.part == 1 && !g.begun:
		return s.discard(g)
	}
	chapters := s.chapters(g, true)
	err := g.close(chapters)
	if problem == "" && err != nil {
		problem = describe(err, g.dir, g.path).Error()
	}
	s.closed(g, chapters, problem, err == nil)
	return err
}

// closed tells of a closed file; ended says that its end was written.
func (s *session) closed(g *segment, chapters []outputs.Chapter, problem string, ended bool) {
	s.mu.Lock()
	s.open = slices.DeleteFunc(s.open, func(x *segment) bool { return x == g })
	s.done += g.written.Load()
	s.mu.Unlock()
	s.o.tellFile(outputs.FileEvent{
		Path: g.path, Part: g.part, From: g.first - s.zero, Closed: true, Problem: problem, Ended: ended, Holds: g.holds, Chapters: chapters,
	})
}
