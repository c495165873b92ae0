package record

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// session is one Run: the files it writes, one after the other. It belongs to the goroutine
// of Run; what watches from outside is atomic or guarded by mu.
//
// Files are cut at keyframes of the lead track: all pictures before one in decoding order
// are before it on the screen too, since every encode closes its GOPs (of a source that is
// recorded as it comes and does not, the pictures between are left out at a cut). Sound comes in
// blocks of its own, so the block over the cut belongs to both files, and in Matroska and
// MPEG-TS also what its decoder needs before (beginSound): each then has sound for all of its
// pictures. A pause begins and ends at keyframes as well; what comes after it is
// moved in time by whole pictures, and each sound track by up to one block less or more, so
// that neither has a hole.
//
// A source's sound alone, as it comes, is cut at any block, and each file begins with what of the
// file before its decoder needs.
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
	pausedAt  int64             // PTS of the first picture left out
	pausedT   time.Duration     // the same
	resumedT  time.Duration     // of the first picture after the last pause
	shift     []int64           // subtracted, by track, in its time base
	resync    []bool            // by track: the first block after a pause has not come yet
	soundEnd  []int64           // by track, shifted
	recent    [][]*media.Packet // by track: the newest blocks, shifted, as many as a decoder needs
	leading   []*media.Packet   // of a source's sound alone: the newest blocks, shifted
	spans     []span            // of the feed's time, for marks
	marked    int               // marks that files before the present one have taken
	noted     noted             // what has been told of marks
	lastCut   string            // name of the last cut of an earlier file
	tail      []*media.Packet   // what a new file begins with when this one fails, shifted
	tailBytes int
	tailKeys  []tailKey     // keyframes in tail
	trimmed   time.Duration // when tail was looked through, on the timeline without pauses
	free      atomic.Int64  // of the present file's disk
	packets   atomic.Int64
	length    atomic.Int64 // ns
	isPaused  atomic.Bool
	present   atomic.Pointer[segment]
	room      roomMeter // of who tells

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
		o: o, feed: feed, tracks: tracks, lead: max(lead, 0), dir: dir, name: name, parent: ctx,
		shift: make([]int64, n), resync: make([]bool, n), soundEnd: make([]int64, n), recent: make([][]*media.Packet, n),
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
		s.finish(s.old, "")
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
		s.finish(s.old, "")
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
	q := s.moved(p)
	if s.copied && p.Audio {
		if err := s.leadIn(q, fresh && p.Tracks == nil); err != nil {
			return err
		}
	}
	if err := s.put(q); err != nil {
		return err
	}
	if !fresh {
		return nil
	}
	// The sound of the first picture began before it, and is decoded with what is before that.
	for track, blocks := range s.recent {
		for _, q := range blocks {
			if track == s.lead {
				continue
			}
			if err := s.put(q); err != nil {
				return err
			}
		}
	}
	return nil
}
