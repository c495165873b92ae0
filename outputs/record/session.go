package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

const (
	// tryAgainAfter is how long a recording goes on in its file after the next one could
	// not be made.
	tryAgainAfter = 10 * time.Second
)

// session is one Run: the files it writes, one after the other. It belongs to the goroutine
// of Run; what watches from outside is atomic or guarded by mu.
//
// Files are cut at keyframes of the lead track: all pictures before one in decoding order
// are before it on the screen too, since every encode closes its GOPs (of a source that is
// recorded as it comes and does not, the pictures between are left out at a cut). Sound comes in
// blocks of its own, so the block over the cut belongs to both files: each then has sound for
// all of its pictures. A pause begins and ends at keyframes as well; what comes after it is
// moved in time by whole pictures, and each sound track by up to one block less or more, so
// that neither has a hole.
type session struct {
	o      *Output
	feed   outputs.Feed
	tracks []media.Track
	lead   int // the track that decides: pictures; the first where there are none
	dir    string
	name   string // of the first file, without its extension
	parent context.Context

	cur      *segment
	old      *segment      // the file before, still waiting for sound
	cut      time.Duration // where old ends, on the feed's own timeline
	parts    int
	spilled  bool
	noSplit  time.Duration // no new file is tried before this
	closing  sync.WaitGroup
	splitNow bool
	copied   bool          // it is a source's, as it comes
	changed  bool          // the present file was begun for other tracks
	restarts time.Duration // of the first picture since the tracks changed

	begun     bool
	zero      time.Duration // of the first picture
	paused    bool
	pausedAt  int64              // PTS of the first picture left out
	pausedT   time.Duration      // the same
	resumedT  time.Duration      // of the first picture after the last pause
	shift     []int64            // subtracted, by track, in its time base
	resync    []bool             // by track: the first block after a pause has not come yet
	soundEnd  []int64            // by track, shifted
	recent    [][2]*media.Packet // by track: the last two blocks, shifted
	spans     []span             // of the feed's time, for marks
	marked    int                // marks that files before the present one have taken
	noted     noted              // what has been told of marks
	lastCut   string             // name of the last cut of an earlier file
	tail      []*media.Packet    // what a new file begins with when this one fails, shifted
	tailBytes int
	tailKeys  []tailKey     // keyframes in tail
	trimmed   time.Duration // when tail was looked through, on the timeline without pauses
	free      atomic.Int64  // of the present file's disk
	packets   atomic.Int64
	length    atomic.Int64 // ns
	isPaused  atomic.Bool
	present   atomic.Pointer[segment]
	started   time.Time

	mu      sync.Mutex
	open    []*segment // guarded by mu; not closed yet
	done    int64      // guarded by mu; bytes of closed files
	warning string     // guarded by mu
}

// span is a stretch between pauses: feed time less shift is the files' time.
type span struct{ from, until, shift time.Duration } // until 0: not over

// noted is a file, and how many marks there were that become chapters.
type noted struct{ part, marks int }

func newSession(ctx context.Context, o *Output, feed outputs.Feed, dir, name string) *session {
	tracks := feed.Tracks()
	n := len(tracks)
	lead := slices.IndexFunc(tracks, func(t media.Track) bool { return !t.Codec.IsAudio() })
	return &session{
		o: o, feed: feed, tracks: tracks, lead: max(lead, 0), dir: dir, name: name, parent: ctx, started: time.Now(),
		shift: make([]int64, n), resync: make([]bool, n), soundEnd: make([]int64, n), recent: make([][2]*media.Packet, n),
	}
}

// run writes until the feed or ctx ends (nil), the disk is nearly full, or something fails
// and no other disk helps. All files are closed when it returns, with their ends written if
// that was possible.
func (s *session) run() error {
	telling, stop := context.WithCancel(s.parent)
	var told sync.WaitGroup
	told.Go(func() { s.keepTelling(telling) })
	err := s.follow()
	stop()
	told.Wait()
	problem := ""
	if err != nil && !errors.Is(err, errNearlyFull) {
		problem = err.Error()
	}
	if s.old != nil {
		s.finish(s.old, false, "")
		s.old = nil
	}
	cerr := s.closeLast(problem)
	s.closing.Wait()
	if cerr != nil && (err == nil || errors.Is(err, errNearlyFull)) {
		err = cerr
	}
	if err == nil {
		s.tell(time.Now())
	}
	return err
}

// follow takes packets until an orderly end (nil) or a failure that cannot be helped.
func (s *session) follow() error {
	for {
		p, err := s.feed.Next(s.cur.ctx)
		switch {
		case err == nil:
			if err = s.take(p); err == nil {
				continue
			}
		case errors.Is(err, io.EOF), s.parent.Err() != nil:
			return nil
		default:
			if cause := context.Cause(s.cur.ctx); cause != nil {
				err = cause
			}
		}
		if err = s.rescue(err); err != nil {
			return err
		}
	}
}

// take is one packet of the feed.
func (s *session) take(p *media.Packet) error {
	if p.Track >= len(s.tracks) {
		return nil // of before the tracks became fewer
	}
	if s.old != nil && media.TimeOf(p.DTS, s.tracks[p.Track].TimeBase) >= s.cut {
		s.finish(s.old, false, "")
		s.old = nil
	}
	if p.Track != s.lead {
		return s.sound(p)
	}
	fresh := false
	if p.Keyframe {
		s.retrack(p)
		if s.changed && !s.cur.begun {
			if err := s.anew(); err != nil {
				return err
			}
		}
		before := s.cur
		s.turn(p)
		fresh = s.cur != before
		if s.changed && !s.paused {
			return errors.New("record: the source sends something else now, and the next file could not be begun")
		}
	}
	if s.paused {
		return nil
	}
	if err := s.put(s.moved(p)); err != nil {
		return err
	}
	if !fresh {
		return nil
	}
	// The sound of the first picture began before it, and is decoded with the block before.
	for track, blocks := range s.recent {
		for _, q := range blocks {
			if q == nil || track == s.lead {
				continue
			}
			if err := s.put(q); err != nil {
				return err
			}
		}
	}
	return nil
}

// retrack takes the tracks that begin with the keyframe p, where it brings some, for which
// the next file is then due.
func (s *session) retrack(p *media.Packet) {
	if p.Tracks == nil {
		return
	}
	s.copied = true
	changed := !slices.EqualFunc(p.Tracks, s.tracks, sameTrack)
	if !changed && !s.cur.begun {
		return
	}
	s.changed = s.changed || changed
	n := len(p.Tracks)
	s.tracks, s.splitNow = p.Tracks, true
	s.shift, s.soundEnd = resized(s.shift, n), resized(s.soundEnd, n)
	s.resync, s.recent = resized(s.resync, n), make([][2]*media.Packet, n)
	s.restarts = p.Time
}

// anew makes another file in the place of the present one, which nothing has come for.
func (s *session) anew() error {
	dir := s.cur.dir
	_ = s.discard(s.cur) // what its disk has to say comes with the next file
	s.parts--            // it takes the other's name
	seg, err := s.begin(dir)
	if err != nil && s.o.spill != "" && s.o.spill != dir {
		if other, serr := s.begin(s.o.spill); serr == nil {
			s.warn(fmt.Sprintf("%s; recording in %s instead", strings.TrimPrefix(err.Error(), "record: "), s.o.spill))
			seg, err, s.spilled = other, nil, true
		}
	}
	if err != nil {
		return err
	}
	s.become(seg)
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

// sameTrack: packets of b can go into a file that was begun for a.
func sameTrack(a, b media.Track) bool {
	return a.Codec == b.Codec && a.Width == b.Width && a.Height == b.Height && a.SampleRateHz == b.SampleRateHz && a.Channels == b.Channels &&
		a.TimeBase == b.TimeBase && bytes.Equal(a.Extradata, b.Extradata)
}

func resized[T any](list []T, n int) []T {
	out := make([]T, n)
	copy(out, list)
	return out
}

// turn is a keyframe: pauses begin and end, and files are cut.
func (s *session) turn(p *media.Packet) {
	if !s.begun {
		s.begun, s.zero = true, p.Time
		s.spans = []span{{from: p.Time}}
		if s.paused { // paused before it began: there is nothing to close up to
			s.pausedAt, s.pausedT = p.PTS, p.Time
			s.spans[0].until = p.Time
		}
	}
	for _, a := range s.o.control.take(p.Time) {
		switch {
		case a.split:
			s.splitNow = true
		case a.pause && !s.paused:
			s.paused, s.pausedAt, s.pausedT = true, p.PTS, p.Time
			s.spans[len(s.spans)-1].until = p.Time
		case !a.pause && s.paused:
			s.resume(p)
		}
	}
	s.isPaused.Store(s.paused)
	s.o.control.settled(s.paused)
	s.noteMarks()
	if s.paused {
		return
	}
	if dir, due := s.due(p); due && (p.Time >= s.noSplit || p.Tracks != nil || s.changed) {
		s.next(p, dir)
	}
}

// resume goes on with the keyframe p where the first picture that was left out would be.
func (s *session) resume(p *media.Packet) {
	s.paused, s.resumedT = false, p.Time
	s.shift[s.lead] += p.PTS - s.pausedAt
	for i := range s.resync {
		s.resync[i] = i != s.lead
		s.recent[i] = [2]*media.Packet{}
	}
	s.spans = append(s.spans, span{from: p.Time, shift: media.TimeOf(s.shift[s.lead], s.tracks[s.lead].TimeBase)})
}

// due reports whether the keyframe p begins a new file, and where.
func (s *session) due(p *media.Packet) (dir string, due bool) {
	if !s.cur.begun {
		s.splitNow = false // it would leave nothing behind
		return "", false
	}
	if s.cur.low.Load() && s.o.spill != "" && !s.spilled {
		return s.o.spill, true
	}
	at := s.moved(p).Time
	switch o := s.o; {
	case s.splitNow:
	case o.splitTime > 0 && at-s.cur.first >= o.splitTime-time.Millisecond:
	// The next GOP will be about as large as the last one was.
	case o.splitBytes > 0 && float64(s.cur.data+s.cur.sinceKey)*1.01 > float64(o.splitBytes):
	default:
		return "", false
	}
	return s.cur.dir, true
}

// next makes the file that begins with the keyframe p; on a failure the present one goes on.
func (s *session) next(p *media.Packet, dir string) {
	seg, err := s.begin(dir)
	if err != nil {
		s.noSplit = p.Time + tryAgainAfter
		s.warn(fmt.Sprintf("%s: the next file could not be begun (%s); the recording goes on in this one", filepath.Base(s.cur.path), strings.TrimPrefix(err.Error(), "record: ")))
		return
	}
	if dir == s.o.spill && dir != s.cur.dir {
		s.spilled = true
		s.warn(fmt.Sprintf("the disk of %s is running full; the recording goes on in %s", s.cur.dir, dir))
	}
	s.splitNow = false
	if s.old != nil {
		s.finish(s.old, false, "")
	}
	s.old, s.cut = s.cur, p.Time
	s.become(seg)
}

// become makes seg the present file.
func (s *session) become(seg *segment) {
	s.cur, s.changed = seg, false
	s.free.Store(seg.free.Load())
	s.present.Store(seg)
	s.tail, s.tailBytes, s.tailKeys = s.tail[:0:0], 0, nil
}

// sound is a packet of any track but the lead.
func (s *session) sound(p *media.Packet) error {
	if !s.begun {
		return nil
	}
	if s.paused && (!s.cur.begun || p.Time >= s.pausedT) {
		return nil
	}
	t, tb := p.Track, s.tracks[p.Track].TimeBase
	if s.resync[t] {
		if p.Time+media.TimeOf(p.Duration, tb)/2 < s.resumedT {
			return nil
		}
		// By whole blocks if that is near enough, else by time alone.
		s.resync[t] = false
		s.shift[t] = media.Rescale(s.shift[s.lead], s.tracks[s.lead].TimeBase, tb)
		if off := p.PTS - s.shift[t] - s.soundEnd[t]; off >= -p.Duration && off <= p.Duration {
			s.shift[t] += off
		}
	}
	q := s.moved(p)
	s.soundEnd[t] = q.PTS + q.Duration
	s.recent[t] = [2]*media.Packet{s.recent[t][1], q}
	if s.old != nil && p.Time < s.cut && t < len(s.old.holds.Packets) {
		if err := s.old.write(q, false, tb); err != nil {
			s.warn(describe(err, s.old.dir, s.old.path).Error())
		}
	}
	if p.Time < s.restarts {
		return nil // of before the tracks changed
	}
	return s.put(q)
}

// moved is p on the timeline without pauses.
func (s *session) moved(p *media.Packet) *media.Packet {
	shift := s.shift[p.Track]
	if shift == 0 {
		return p
	}
	q := *p
	q.PTS, q.DTS = p.PTS-shift, p.DTS-shift
	q.Time = media.TimeOf(q.PTS, s.tracks[p.Track].TimeBase)
	return &q
}

// clipped is a block of sound as the present file takes it, nil when it is over before the
// file's first picture and not needed to decode what follows. Matroska must not have times
// below zero: there the block over a cut is cut in time, not in content; MP4's muxer sees
// to that itself, and MPEG-TS begins later than zero.
func (s *session) clipped(q *media.Packet) *media.Packet {
	if q.Time >= s.cur.first {
		return q
	}
	track, format := s.tracks[q.Track], s.o.container.format
	from := media.UnitsIn(s.cur.first, track.TimeBase)
	early := int64(track.Delay) // what a decoder needs before
	if format == "matroska" && s.cur.part > 1 || format == "mp4" || format == "mov" {
		early = 0
	}
	if q.PTS+q.Duration <= from-early {
		return nil
	}
	if format != "matroska" || s.cur.part == 1 {
		return q
	}
	c := *q
	c.PTS, c.DTS, c.Duration, c.Time = from, from, q.PTS+q.Duration-from, s.cur.first
	return &c
}

// put writes a packet into the present file.
func (s *session) put(q *media.Packet) error {
	if q.Track != s.lead {
		if q = s.clipped(q); q == nil {
			return nil
		}
	} else if s.cur.begun && q.Time < s.cur.first {
		return nil // of an open GOP: it refers to what is in the file before
	}
	if q.Track == s.lead && q.Keyframe {
		if (q.Time - s.trimmed).Abs() >= trimEvery {
			s.trimTail()
			s.trimmed = q.Time
		}
		s.tailKeys = append(s.tailKeys, tailKey{len(s.tail), s.cur.written.Load()})
	}
	s.tail = append(s.tail, q)
	s.tailBytes += len(q.Data)
	s.cur.copied = s.copied
	if q.Track == s.lead && !s.cur.begun {
		// Before pauses were taken out, and what a decoder leaves out.
		late := s.shift[s.lead]
		if q.Audio {
			late += int64(s.tracks[s.lead].Delay)
		}
		s.o.tellFile(outputs.FileEvent{Path: s.cur.path, Part: s.cur.part, Begun: true, First: q.Time + media.TimeOf(late, s.tracks[s.lead].TimeBase)})
	}
	if err := s.cur.write(q, q.Track == s.lead, s.tracks[q.Track].TimeBase); err != nil {
		return err
	}
	s.packets.Add(1)
	s.length.Store(int64(s.cur.end - s.zero))
	return nil
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
		s.finish(s.old, false, "")
		s.old = nil
	}
	s.finish(broken, false, problem)
	for _, q := range tail {
		if perr := s.put(q); perr != nil {
			return perr
		}
	}
	return nil
}

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

// finish closes a file that is not the present one any more, without keeping anything
// waiting.
func (s *session) finish(g *segment, last bool, problem string) {
	chapters := s.chapters(g, last)
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
