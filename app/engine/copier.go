package engine

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// copier brings the coded streams of a source onto studio time, so that they can be recorded
// as they come. A picture belongs to the tick at which the studio first showed it: that is
// known when the tick has taken it, so packets wait until then. Pictures that were not
// shown (a source of more pictures than the canvas, or decoded in part) lie between those
// that were. Sound goes by the offset at which the studio has it.
//
// What is handed on comes in stretches: each begins with a keyframe, which says so
// (media.Packet.Tracks), and has no hole that the studio filled with anything but its last
// picture. A new timeline of the source, a gap, other parameter sets begin another. Of a source
// without pictures it begins with any block of sound (copiersound.go).
//
// The goroutine that reads the source puts packets in, the tick says what it shows; nothing
// of it blocks.
type copier struct {
	fps   media.Rational
	frame time.Duration
	unit  media.Rational   // time base of pictures: copyUnits to a tick
	lost  func(why string) // told when what is recorded cannot be copied any more; empty: it goes on
	kept  atomic.Bool      // the show lists it: the newest group of pictures is kept, for a start in its middle
	used  atomic.Int32     // streams that it goes to

	mu      sync.Mutex
	owner   *input                // guarded by mu; whose packets count
	coming  []media.Track         // guarded by mu; what the source has; empty: nothing that can be copied
	why     string                // guarded by mu; why it cannot; empty while not known
	epoch   int64                 // guarded by mu; counts timelines
	waiting []sources.CodedPacket // guarded by mu; not placed yet, as they came
	bytes   int                   // guarded by mu; of waiting
	anchors []copyAnchor          // guarded by mu; of this timeline, in order of both
	offset  time.Duration         // guarded by mu; of sound: studio time = PTS + offset
	begun   bool                  // guarded by mu; a stretch runs
	stale   bool                  // guarded by mu; its sound has become another: none until the next keyframe
	tracks  []media.Track         // guarded by mu; of the stretch
	start   int64                 // guarded by mu; of the stretch: PTS of its first picture
	first   time.Duration         // guarded by mu; of the stretch: the first picture in the source\'s time
	newest  int64                 // guarded by mu; the latest PTS of a picture handed on
	decoded [2]int64              // guarded by mu; DTS handed on last, by track
	handed  [2]bool               // guarded by mu; by track: there is such a one
	early   []*media.Packet       // guarded by mu; sound before the stretch has begun
	recent  []*media.Packet       // guarded by mu; the newest blocks of sound of the stretch
	group   []*media.Packet       // guarded by mu; from the newest keyframe on
	size    int                   // guarded by mu; bytes of group
	streams []*stream             // guarded by mu
	told    bool                  // guarded by mu; lost has been told why it does not go on
	begins  []time.Duration       // guarded by mu; studio times of the newest stretches, at most copyBegins
	erratic bool                  // guarded by mu; stretches were left out, since too many began
	came    bool                  // guarded by mu; packets have come since the last tick
	since   time.Duration         // guarded by mu; studio time since when packets have come and no picture was handed on; below 0: none
	latest  time.Duration         // guarded by mu; studio time when packets came last
	lone    aloneSound            // guarded by mu
}

const (
	// copyUnits is how fine times of copied pictures are, to a tick.
	copyUnits = 1000
	// copySoundHz is a multiple of all usual sampling rates.
	copySoundHz = 28_224_000
	// copyWaits bounds what waits to be shown, and what is kept of a group, in bytes.
	copyWaits = 64 << 20
	// copySame is how far time stamps of one picture may lie apart, coded and decoded.
	copySame = 2 * time.Millisecond
	// copySoundStep is by how much sound may be off before its place is corrected.
	copySoundStep = 5 * time.Millisecond
	// copySounds is how many blocks of sound are kept for the stretch or group that begins.
	copySounds = 128
	// copyAnchors is how many pictures that were shown are remembered.
	copyAnchors = 1200
	// copyEntry is what a packet that waits takes besides its data, in bytes.
	copyEntry = 256
	// copyDrain is how many packets are handed on at a time: a tick must not wait for what
	// has gathered while nothing was shown.
	copyDrain = 64
	// copyAhead is how many pictures that are decoded later may be shown earlier: H.264 and
	// H.265 allow 16.
	copyAhead = 32
	// copyKeyframe is how long packets may come without one that a stretch can begin with
	// before that is told, and copyGap how long none may come that this still counts.
	copyKeyframe, copyGap = 20 * time.Second, time.Second
)

func newCopier(fps media.Rational, lost func(why string)) *copier {
	return &copier{fps: fps, lost: lost, since: -1, frame: media.TickTime(1, fps), unit: media.NewRational(fps.Den, fps.Num*copyUnits)}
}

// wants reports whether packets are of any use.
func (c *copier) wants() bool { return c.kept.Load() || c.used.Load() > 0 }

// keep says whether the newest group of pictures is to be kept while nobody records.
func (c *copier) keep(kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept && !c.wants() {
		c.forget() // packets have been left out
	}
	if c.kept.Store(kept); !kept {
		c.ungroup()
	}
}

// use makes packets come, or lets them go again.
func (c *copier) use(n int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 && !c.wants() {
		c.forget()
	}
	c.used.Add(n)
}

// adopt makes in the input whose packets count.
func (c *copier) adopt(in *input) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owner, c.coming, c.why, c.erratic = in, nil, "", false
	c.forget()
}

// restart begins a new timeline.
func (c *copier) restart(in *input) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if in == c.owner {
		c.forget()
	}
}

// forget lets go of what belongs to the timeline so far; mu is held.
func (c *copier) forget() {
	c.epoch++
	c.anchors, c.begun, c.stale = c.anchors[:0], false, false
	clear(c.waiting)
	c.waiting, c.bytes = c.waiting[:0], 0
	c.early, c.recent = nil, nil
	c.came, c.since, c.lone = false, -1, aloneSound{}
	c.ungroup()
}

func (c *copier) ungroup() {
	c.group, c.size = nil, 0
}

// describe is what the source says of its streams.
func (c *copier) describe(in *input, tracks []media.Track, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if in != c.owner {
		return
	}
	c.coming, c.why = c.timed(tracks), why
	if len(tracks) == 0 {
		c.tell(why)
	}
}

// tell says once why it does not go on, to whom it matters; mu is held.
func (c *copier) tell(why string) {
	if len(c.streams) > 0 && !c.told {
		c.told = true
		c.lost(why)
	}
}

// untell takes that back; mu is held.
func (c *copier) untell() {
	if c.told {
		c.told = false
		c.lost("")
	}
}

// plain says that in shows pictures and tells of no coded streams.
func (c *copier) plain(in *input) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if in == c.owner {
		c.tell("it does not arrive coded any more")
	}
}

// watch is a tick at studio time t: what is left of before is handed on, and it is told when
// packets come and none can be. Where not every picture is decoded (wanted is false), it is
// not known whether one could.
func (c *copier) watch(in *input, t time.Duration, wanted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if in != c.owner {
		return
	}
	c.drain()
	came := c.came
	c.came = false
	switch {
	case len(c.streams) == 0 || !wanted:
		c.since = -1
	case !came:
	default:
		if c.since < 0 || t-c.latest > copyGap {
			c.since = t
		}
		c.latest = t
		limit := lostAfter
		if len(c.waiting) == 0 { // they were let go: the next keyframe may be due only now
			limit = copyKeyframe
		}
		if t-c.since > limit {
			what := "its pictures"
			if c.alone() {
				what = "what is heard of it"
			}
			c.tell("nothing of what it sends can be brought to " + what)
		}
	}
}

// timed are tracks with the time bases that they get here.
func (c *copier) timed(tracks []media.Track) []media.Track {
	tracks = slices.Clone(tracks)
	for i := range tracks {
		if i == 0 && tracks[i].Codec.IsAudio() {
			tracks[i] = c.soundTrack(tracks[i])
			continue
		}
		tracks[i].TimeBase = media.NewRational(1, copySoundHz)
		if i == 0 {
			// Editors count in the canvas's frames.
			tracks[i].TimeBase, tracks[i].FPS = c.unit, c.fps
		}
	}
	return tracks
}

// can reports whether a copy can begin; if not, why says why not, or is empty because not
// enough has come to know. Packets have to be wanted.
func (c *copier) can() (ok bool, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.erratic {
		return false, copyUnsteady
	}
	return c.complete(), c.why
}

// complete: what comes is known; mu is held.
func (c *copier) complete() bool {
	return len(c.coming) > 0 && !slices.ContainsFunc(c.coming, func(t media.Track) bool { return len(t.Extradata) == 0 && t.Codec != media.MP3 })
}

// put takes a packet of the source.
func (c *copier) put(in *input, p sources.CodedPacket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if in != c.owner || len(c.coming) == 0 {
		return
	}
	c.came = true
	if c.bytes += len(p.Data) + copyEntry; c.bytes > copyWaits {
		// Nothing is shown of it: it begins anew with what is.
		clear(c.waiting)
		c.waiting, c.bytes, c.begun = c.waiting[:0], len(p.Data)+copyEntry, false
	}
	c.waiting = append(c.waiting, p)
	c.drain()
}

// emit hands a packet on and keeps it for whoever begins now; mu is held.
func (c *copier) emit(p *media.Packet) {
	c.decoded[p.Track], c.handed[p.Track] = p.DTS, true
	for _, s := range c.streams {
		s.put(p, p.Track)
	}
	switch {
	case p.Audio:
		c.recent = append(trimmed(c.recent), p)
	case p.Keyframe:
		c.ungroup()
		from := media.TimeOf(p.DTS, c.unit)
		c.group = append(c.group, p)
		for _, q := range c.recent {
			if q.Time >= from {
				c.group = append(c.group, q)
			}
		}
		c.size = len(p.Data)
		return
	}
	if len(c.group) == 0 {
		return
	}
	c.group = append(c.group, p)
	if c.size += len(p.Data); c.size > copyWaits || !c.kept.Load() {
		c.ungroup() // too long: who begins waits for the next keyframe
	}
}

// add makes a stream that gets everything from the newest keyframe on, as far as that has
// been kept, or from the next, and of sound alone from studio time from on; nil while nothing
// can be copied. remove ends it.
func (c *copier) add(on sink, from time.Duration) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.complete() {
		return nil
	}
	group := c.group
	if c.alone() {
		if group = c.keptSince(from); len(group) == 0 {
			c.begun = false // the next block says of itself what it is
		}
	}
	tracks := c.coming
	if len(group) > 0 {
		tracks = c.tracks
	}
	s := newStream(tracks...)
	if on != nil {
		s.attach(on)
	}
	for i, p := range group {
		if i == 0 && p.Tracks == nil {
			q := *p
			q.Tracks = c.tracks
			p = &q
		}
		s.put(p, p.Track)
	}
	c.streams = append(c.streams, s)
	return s
}

func (c *copier) remove(s *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.streams, s); i >= 0 {
		c.streams = slices.Delete(c.streams, i, i+1)
	}
	if len(c.streams) == 0 {
		c.untell() // or it ended: nobody waits for it
	}
}
