package engine

import (
	"bytes"
	"math"
	"slices"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// Where a packet lies in studio time: of pictures the ticks at which they were shown say it, of
// sound the offset at which the studio has it.

// copyAnchor is a picture that was shown first at a tick.
type copyAnchor struct {
	pts  time.Duration
	tick int64
	// wanted: every picture counted. Where they did not, some were not decoded, and lie
	// where they would have been shown.
	wanted bool
}

// timeline is the present one, for shown.
func (c *copier) timeline() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// shown says that the picture of pts was first shown at tick, and how far sound is from its
// time stamps in studio time; wanted that pictures are not left out on purpose. epoch is the timeline before the picture was taken.
func (c *copier) shown(epoch int64, pts time.Duration, tick int64, offset time.Duration, wanted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if len(c.anchors) == 0 || (offset-c.offset).Abs() > copySoundStep {
		c.offset = offset
	}
	if n := len(c.anchors); n == copyAnchors {
		c.anchors = c.anchors[:copy(c.anchors, c.anchors[n/2:])]
	}
	c.anchors = append(c.anchors, copyAnchor{pts, tick, wanted})
	c.drain()
}

// place is where a picture lies, in copyUnits, and by when it or the next one was shown; ok is
// false while that is not known. mu is held.
func (c *copier) place(pts time.Duration) (at, by int64, ok bool) {
	i, _ := slices.BinarySearchFunc(c.anchors, pts-copySame, func(a copyAnchor, t time.Duration) int {
		if a.pts < t {
			return -1
		}
		return 1
	})
	if i == len(c.anchors) {
		return 0, 0, false
	}
	a := c.anchors[i]
	before := a.pts - pts
	by = a.tick * copyUnits
	switch {
	case before <= copySame:
		return by, by, true
	case i == 0:
		return by - int64(before)*copyUnits/int64(c.frame), by, true
	}
	b := c.anchors[i-1]
	span := a.tick - b.tick
	if a.wanted {
		span = min(span, 1) // the studio had the one before until then
	}
	return by - int64(float64(span*copyUnits)*float64(before)/float64(a.pts-b.pts)), by, true
}

// drain hands on what has its place, at most copyDrain packets; mu is held.
func (c *copier) drain() {
	n := 0
	for n < min(len(c.waiting), copyDrain) && c.next(n) {
		c.bytes -= len(c.waiting[n].Data) + copyEntry
		n++
	}
	if n > 0 {
		m := copy(c.waiting, c.waiting[n:])
		clear(c.waiting[m:])
		c.waiting = c.waiting[:m]
	}
}

// next hands on packet i of waiting, whose place is the oldest, or leaves it out; false: its
// place is not known. mu is held.
func (c *copier) next(i int) bool {
	it := &c.waiting[i]
	if it.Audio {
		if c.alone() {
			return c.block(it)
		}
		return c.sound(it)
	}
	if it.Hidden {
		c.begun = false // what follows may refer to it
		return true
	}
	if !c.begun && !it.Keyframe {
		return true
	}
	at, by, ok := c.place(it.PTS)
	if !ok {
		return false
	}
	if !c.begun && at < 0 {
		return true // studio time had not begun
	}
	if c.begun && at-c.newest > int64(lostAfter)*copyUnits/int64(c.frame) {
		if c.begun = false; !it.Keyframe {
			return true // meanwhile the studio showed the slate
		}
	}
	switch {
	case !c.begun || it.Keyframe && (c.stale || !sameConfig(c.tracks[0], it.Track)):
		if c.mayBegin(media.TimeOf(by, c.unit)) {
			c.begin(i, by)
		}
	case it.PTS < c.first:
		// A picture before the first one, which refers to what is not there (H.265 RASL).
	case at <= c.start:
		// The first was not shown, and this follows it before the tick is over.
		c.picture(i, c.start+1+int64(it.PTS-c.first)*copyUnits/int64(64*c.frame), nil)
	default:
		c.picture(i, at, nil)
	}
	return true
}

// sameConfig: a decoder of a goes on with b.
func sameConfig(a, b media.Track) bool {
	return a.Codec == b.Codec && a.Width == b.Width && a.Height == b.Height &&
		a.SampleRateHz == b.SampleRateHz && a.Channels == b.Channels && bytes.Equal(a.Extradata, b.Extradata)
}

// begin begins a stretch with the keyframe i of waiting at a whole tick: that at which it or,
// if it was not shown, the next one was. mu is held.
func (c *copier) begin(i int, at int64) {
	it := &c.waiting[i]
	if len(c.tracks) > 0 && c.tracks[0].Codec.IsAudio() {
		c.handed = [2]bool{} // of sound alone, in its own units
	}
	if c.handed[0] && at <= c.newest {
		at = (c.newest/copyUnits + 1) * copyUnits
	}
	c.first = it.PTS
	tracks := slices.Clone(c.coming)
	tracks[0] = c.timed([]media.Track{it.Track})[0]
	c.coming, c.tracks = tracks, tracks
	c.begun, c.stale, c.start = true, false, at
	c.recent = nil
	c.ungroup()
	for _, s := range c.streams {
		s.retrack(tracks)
	}
	c.picture(i, at, tracks)
	early := c.early
	c.early = nil
	from := media.TimeOf(at, c.unit)
	for _, p := range early {
		if p.Time >= from {
			c.emit(p)
		}
	}
}

// picture hands on the picture i of waiting; mu is held.
func (c *copier) picture(i int, at int64, tracks []media.Track) {
	it := &c.waiting[i]
	length := it.Duration
	if length <= 0 {
		length = c.frame
	}
	p := &media.Packet{
		Data: it.Data, PTS: at, DTS: min(at-max(int64(it.PTS-it.DTS), 0)*copyUnits/int64(c.frame), c.shownBefore(i)),
		Duration: max(int64(length)*copyUnits/int64(c.frame), 1), Keyframe: it.Keyframe, Tracks: tracks,
	}
	if c.handed[0] {
		p.DTS = max(p.DTS, c.decoded[0]+1)
	}
	p.PTS = max(p.PTS, p.DTS)
	p.Time = media.TimeOf(p.PTS, c.unit)
	c.newest = max(c.newest, p.PTS)
	c.since = -1
	c.goesOn(p.Time)
	c.emit(p)
}

// shownBefore is when the picture i of waiting has to be decoded at the latest for those that
// are shown before it: these have come, since it has its place. mu is held.
func (c *copier) shownBefore(i int) int64 {
	latest, n := int64(math.MaxInt64), int64(0)
	pts := c.waiting[i].PTS
	for j := i + 1; j < len(c.waiting) && n < copyAhead; j++ {
		q := &c.waiting[j]
		if q.Audio || q.Hidden {
			continue
		}
		if n++; q.PTS >= pts {
			continue
		}
		if at, _, ok := c.place(q.PTS); ok {
			latest = min(latest, at-n)
		}
	}
	return latest
}

// sound places a block of sound; false while nothing has been shown. mu is held.
func (c *copier) sound(it *sources.CodedPacket) bool {
	if len(c.anchors) == 0 {
		return false
	}
	if it.Hidden || len(c.coming) < 2 || len(it.Data) == 0 {
		return true
	}
	if now := it.Track; !sameConfig(c.coming[1], now) {
		c.coming = append(c.coming[:1:1], c.timed([]media.Track{c.coming[0], now})[1])
		c.early, c.stale = nil, true
	}
	if c.stale && c.begun {
		return true
	}
	length := it.Duration
	if length <= 0 {
		length = 1024 * time.Second / time.Duration(max(it.Track.SampleRateHz, 8000))
	}
	tb := media.NewRational(1, copySoundHz)
	at := media.UnitsIn(it.PTS+c.offset, tb)
	p := &media.Packet{Track: 1, Audio: true, Data: it.Data, PTS: at, Duration: max(media.UnitsIn(length, tb), 1), Keyframe: true}
	if c.handed[1] {
		p.PTS = max(p.PTS, c.decoded[1]+1)
	}
	p.DTS, p.Time = p.PTS, media.TimeOf(p.PTS, tb)
	if !c.begun {
		c.early = append(trimmed(c.early), p)
		return true
	}
	c.emit(p)
	return true
}

func trimmed(list []*media.Packet) []*media.Packet {
	if len(list) >= copySounds {
		list = slices.Delete(list, 0, copySounds/2)
	}
	return list
}
