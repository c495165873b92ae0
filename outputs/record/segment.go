package record

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// muxer makes a file of packets.
type muxer interface {
	WritePacket(*media.Packet) error
	// Written is how many bytes have gone to the file.
	Written() int64
	// SetTimecodeLead says by how much studio time is ahead of the packets' own, before the
	// first of them.
	SetTimecodeLead(time.Duration)
	// SetSoundLead says by how many audio frames a track's sound begins before the file, which
	// Matroska can tell, before the first packet.
	SetSoundLead(track, frames int)
	// SetChapters are what Close writes besides.
	SetChapters(list []av.Chapter, length time.Duration) error
	// Close writes the end of the file, unless a write has failed before, and
	// closes it.
	Close() error
}

// diskError is a failure of the file system.
type diskError struct{ err error }

func (e *diskError) Error() string { return e.err.Error() }
func (e *diskError) Unwrap() error { return e.err }

// asDiskError wraps errors that the system reported.
func asDiskError(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return &diskError{err}
	}
	return err
}

// segment is one file while it is written. The muxer and what is not atomic belong to
// the goroutine of Run, and to the one that closes the file after that.
type segment struct {
	mux       muxer
	path, dir string
	part      int
	disk      disk
	lowBelow  int64 // less room than this makes low true; 0: nobody asks

	written  atomic.Int64
	synced   atomic.Int64 // written when the last sync began
	free     atomic.Int64
	opened   time.Time
	lastSync atomic.Int64 // end of the last sync, nanoseconds after opened
	low      atomic.Bool  // the disk has less room than lowBelow

	ctx     context.Context // ends with the recording, or with a cause to leave this file
	cancel  context.CancelCauseFunc
	watched chan struct{} // closed when the watch has ended

	discarded  bool // nothing came for it: it is closed and removed
	copied     bool // its sound may begin and end apart from its pictures
	begun      bool
	timed      bool          // its muxer knows what pauses have left out before it
	early      []int64       // by track, in its time base: how much earlier than the file its sound may begin; nil: as its muxer has it
	sounded    []bool        // by track: some of it has come
	first, end time.Duration // of what it holds, on the feed's timeline without pauses
	data       int64         // bytes of packets
	sinceKey   int64         // of those, since the newest keyframe
	lastKey    time.Duration
	holds      outputs.Contents
}

// write muxes a packet; lead says that it is of the track that decides where files are cut.
func (g *segment) write(p *media.Packet, lead bool, tb media.Rational) error {
	if err := g.mux.WritePacket(p); err != nil {
		return asDiskError(err)
	}
	g.written.Store(g.mux.Written())
	g.data += int64(len(p.Data))
	g.sinceKey += int64(len(p.Data))
	g.holds.Packets[p.Track]++
	if !lead {
		if g.copied && p.Audio && g.begun {
			g.noteSound(p, tb)
		}
		return nil
	}
	if !g.begun {
		g.begun, g.first, g.lastKey = true, p.Time, p.Time
	}
	if p.Keyframe {
		g.sinceKey = int64(len(p.Data))
		if !p.Audio {
			g.holds.Keyframes++
		}
		g.holds.LongestGOP = max(g.holds.LongestGOP, p.Time-g.lastKey)
		g.lastKey = p.Time
	}
	g.end = max(g.end, p.Time+media.TimeOf(p.Duration, tb))
	g.holds.Length = g.end - g.first
	return nil
}

// noteSound notes where the sound of p's track lies.
func (g *segment) noteSound(p *media.Packet, tb media.Rational) {
	if g.sounded == nil {
		n := len(g.holds.Packets)
		g.sounded = make([]bool, n)
		g.holds.SoundFrom, g.holds.SoundTo = make([]time.Duration, n), make([]time.Duration, n)
	}
	if !g.sounded[p.Track] {
		g.sounded[p.Track] = true
		g.holds.SoundFrom[p.Track] = p.Time - g.first
	}
	// From the beginning, until the file is closed.
	g.holds.SoundTo[p.Track] = p.Time + media.TimeOf(p.Duration, tb) - g.first
}

// watch starts bringing data to the platter and watching the disk.
func (g *segment) watch(parent context.Context) {
	g.ctx, g.cancel = context.WithCancelCause(parent)
	g.watched = make(chan struct{})
	g.opened = time.Now()
	go func() {
		defer close(g.watched)
		if err := g.keepSynced(g.ctx); err != nil {
			g.cancel(err)
		}
	}()
}

// close ends the watch and the file; length and chapters may be empty.
func (g *segment) close(chapters []outputs.Chapter) error {
	g.cancel(nil)
	<-g.watched
	for i := range g.holds.SoundTo {
		g.holds.SoundTo[i] -= g.holds.Length
	}
	var err error
	if len(chapters) > 0 {
		list := make([]av.Chapter, len(chapters))
		for i, c := range chapters {
			list[i] = av.Chapter{At: c.At, Title: c.Name}
		}
		err = g.mux.SetChapters(list, g.holds.Length)
	}
	if cerr := g.mux.Close(); cerr != nil {
		err = asDiskError(cerr)
	}
	g.written.Store(max(g.written.Load(), g.mux.Written()))
	if err == nil {
		g.synced.Store(g.written.Load()) // Close synced
	}
	return err
}

// ended is why the file ended, for the operator.
func (g *segment) ended(err error) error {
	var fault *diskError
	switch {
	case errors.Is(err, errNearlyFull):
		return fmt.Errorf("record: only %s are free on the disk of %s, too little to go on there; %s is complete", megabytes(g.free.Load()), g.dir, filepath.Base(g.path))
	case errors.As(err, &fault):
		return describe(fault.err, g.dir, g.path)
	}
	return err // the muxer's or the feed's
}

// keepSynced brings data to the platter and watches the free space until ctx ends
// (nil), the disk fails or is gone, or it is nearly full.
func (g *segment) keepSynced(ctx context.Context) error {
	const first = 50 * time.Millisecond // until there is something, for an early "live"
	f, err := g.disk.Open(g.path)
	if err != nil {
		return &diskError{err}
	}
	defer f.Close() // written and synced through the muxer's handle, which checks
	timer := time.NewTimer(first)
	defer timer.Stop()
	named := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		n := g.written.Load()
		if n == 0 {
			timer.Reset(first)
			continue
		}
		if n > g.synced.Load() {
			if err := f.SyncData(); err != nil {
				return &diskError{err}
			}
			g.synced.Store(n)
		}
		if !named {
			// Some file systems cannot sync a folder; the data is what matters.
			_ = g.disk.SyncDir(g.dir)
			named = true
		}
		g.lastSync.Store(int64(time.Since(g.opened)))
		if err := f.Gone(g.dir); err != nil {
			return &diskError{err}
		}
		if free, err := g.disk.Free(g.dir); err == nil {
			g.free.Store(free)
			if free < stopBelow {
				return errNearlyFull
			}
			g.low.Store(free < g.lowBelow)
		}
		timer.Reset(syncEvery)
	}
}
