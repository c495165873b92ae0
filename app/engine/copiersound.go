package engine

import (
	"encoding/binary"
	"slices"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// Sound without pictures: a block lies at the offset at which the studio has the source's sound,
// and is handed on at the tick in which it is heard first. What a source has sent ahead and
// nobody came to hear, since it was sought in or paused, is in no file.
//
// A stretch begins with any block. The newest blocks are kept, so that a recording begins with
// those of its start however long it took to open.

const (
	// copyLead is how much sound before the first that is wanted a file begins with: decoders
	// need what is before to be right. The longest known need is Opus's (RFC 7845 4.6).
	copyLead = 80 * time.Millisecond
	// copyKeeps is how much of what was heard is kept: more than a recording takes to open.
	copyKeeps = isoSizeWait + time.Second
	// copyBack is how far a block may lie before the end of the one before it: time stamps that
	// jitter and corrections of the source's clock. What is more begins another stretch, as does
	// a hole longer than copyGap.
	copyBack = 40 * time.Millisecond
	// copyHidden is how many blocks are remembered that came before the first to be heard.
	copyHidden = 4
)

// aloneSound is what a copier knows of sound without pictures, in its present timeline.
type aloneSound struct {
	placed bool                  // it is known where it lies
	until  time.Duration         // studio time up to which it is heard
	upTo   time.Duration         // its own time up to which it has been decoded
	end    time.Duration         // studio time at which the block handed on last ends
	hidden []sources.CodedPacket // those before the first that is heard, which its decoder needs
}

// isAlone: what comes is sound without pictures.
func (c *copier) isAlone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.alone()
}

// alone is isAlone with mu held.
func (c *copier) alone() bool { return len(c.coming) > 0 && c.coming[0].Codec.IsAudio() }

// heard says, at the tick of studio time t, that the sound is offset from its time stamps and has
// been decoded up to upTo, of the timeline epoch.
func (c *copier) heard(epoch int64, t, offset, upTo time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if !c.lone.placed || (offset-c.offset).Abs() > copySoundStep {
		c.offset = offset
	}
	c.lone.placed, c.lone.until, c.lone.upTo = true, t+c.frame, upTo
	c.drain()
}

// hush lets go of sound that will not be heard: on the virtual clock a pause throws away what
// waited to be.
func (c *copier) hush(in *input) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if in == c.owner && c.alone() {
		c.forget()
	}
}

// soundTrack is a track of sound alone with the times that it gets here: its own samples, so
// that what its decoder leaves out at the beginning is counted in them.
func (c *copier) soundTrack(t media.Track) media.Track {
	t.TimeBase, t.FPS = media.NewRational(1, int64(t.SampleRateHz)), c.fps
	if t.Codec == media.Opus && len(t.Extradata) >= 12 {
		t.Delay = int(binary.LittleEndian.Uint16(t.Extradata[10:])) // RFC 7845 5.1
	}
	return t
}

// block hands on a block of sound alone, or leaves it out; false while it is not heard. mu is
// held.
func (c *copier) block(it *sources.CodedPacket) bool {
	at := it.PTS + c.offset
	if !c.lone.placed || c.lone.upTo == 0 || it.PTS >= c.lone.upTo || at >= c.lone.until {
		return false
	}
	if it.Hidden || len(it.Data) == 0 {
		if it.Anew {
			c.begun, c.lone.hidden = false, nil
		}
		c.lone.hidden = append(c.lone.hidden, *it)
		if n := len(c.lone.hidden); n > copyHidden {
			c.lone.hidden = slices.Delete(c.lone.hidden, 0, n-copyHidden)
		}
		return true
	}
	if at < 0 {
		return true // studio time had not begun
	}
	if off := at - c.lone.end; !c.begun || it.Anew || off < -copyBack || off > copyGap || !sameConfig(c.tracks[0], it.Track) {
		if c.mayBegin(at) {
			c.beginSound(it, at)
		}
	} else {
		c.handSound(it, at, nil)
	}
	c.lone.hidden = nil
	return true
}

// beginSound begins a stretch with a block, and with those that came right before it for its
// decoder. mu is held.
func (c *copier) beginSound(it *sources.CodedPacket, at time.Duration) {
	tracks := []media.Track{c.soundTrack(it.Track)}
	c.coming, c.tracks, c.begun = tracks, tracks, true
	c.handed[0] = false // of another stretch, which may have gone on into this one
	c.ungroup()
	for _, s := range c.streams {
		s.retrack(tracks)
	}
	for i := range c.lone.hidden {
		q := &c.lone.hidden[i]
		from := q.PTS + c.offset
		if len(q.Data) > 0 && from >= max(at-copyLead, 0) && q.PTS < it.PTS && sameConfig(c.tracks[0], q.Track) {
			c.handSound(q, from, tracks)
			tracks = nil
		}
	}
	c.handSound(it, at, tracks)
}

// handSound hands on a block that lies at a studio time. mu is held.
func (c *copier) handSound(it *sources.CodedPacket, at time.Duration, tracks []media.Track) {
	tb := c.tracks[0].TimeBase
	length := it.Duration
	if length <= 0 {
		length = media.TimeOf(1024, tb)
	}
	p := &media.Packet{Audio: true, Data: it.Data, PTS: media.UnitsIn(at, tb), Duration: max(media.UnitsIn(length, tb), 1), Keyframe: true, Tracks: tracks}
	if c.handed[0] {
		p.PTS = max(p.PTS, c.decoded[0]+1)
	}
	p.DTS, p.Time = p.PTS, media.TimeOf(p.PTS, tb)
	c.decoded[0], c.handed[0], c.lone.end = p.DTS, true, at+length
	c.since = -1
	c.goesOn(at)
	for _, s := range c.streams {
		s.put(p, 0)
	}
	c.group = append(c.group, p)
	c.size += len(p.Data)
	n := 0
	for n < len(c.group)-1 && (c.group[n].Time < p.Time-copyKeeps || c.size > copyWaits) {
		c.size -= len(c.group[n].Data)
		n++
	}
	c.group = slices.Delete(c.group, 0, n)
}

// keptSince are the kept blocks of the stretch from studio time from on, and what is before for
// the decoder. mu is held.
func (c *copier) keptSince(from time.Duration) []*media.Packet {
	i := slices.IndexFunc(c.group, func(p *media.Packet) bool {
		return p.Time+media.TimeOf(p.Duration, c.tracks[0].TimeBase) > from-copyLead
	})
	if i < 0 {
		return nil
	}
	return c.group[i:]
}
