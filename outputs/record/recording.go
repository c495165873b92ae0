package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// muxer makes a file of packets.
type muxer interface {
	WritePacket(*media.Packet) error
	// Written is how many bytes have gone to the file.
	Written() int64
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

// recording is one file while it is written. The muxer belongs to the goroutine of
// run; the rest is shared with those that watch.
type recording struct {
	mux    muxer
	path   string
	dir    string
	disk   disk
	report func(outputs.Report)
	queued func() time.Duration

	written  atomic.Int64
	synced   atomic.Int64 // written when the last sync began
	packets  atomic.Int64
	free     atomic.Int64
	lastSync atomic.Int64 // UnixNano of the end of the last sync
	started  time.Time    // for the rate
}

// run writes until the feed or ctx ends (nil), the disk is nearly full, or
// something fails. The file is closed when it returns, with its end written if
// that was possible.
func (r *recording) run(ctx context.Context, feed outputs.Feed) error {
	watching, stop := r.watch(ctx)
	err := r.feed(watching, feed)
	switch cause := context.Cause(watching); {
	case errors.Is(err, io.EOF), ctx.Err() != nil && errors.Is(err, ctx.Err()):
		err = nil
	case ctx.Err() == nil && cause != nil:
		err = cause
	}
	stop()
	if cerr := r.mux.Close(); cerr != nil && (err == nil || errors.Is(err, errNearlyFull)) {
		err = asDiskError(cerr)
	}
	r.written.Store(max(r.written.Load(), r.mux.Written()))
	if err == nil {
		r.synced.Store(r.written.Load()) // Close synced
		r.tell(time.Now())
	}
	return err
}

// feed muxes what comes until an error; io.EOF is the orderly end.
func (r *recording) feed(ctx context.Context, feed outputs.Feed) error {
	for {
		p, err := feed.Next(ctx)
		if err != nil {
			return err
		}
		if err := r.mux.WritePacket(p); err != nil {
			return asDiskError(err)
		}
		r.packets.Add(1)
		r.written.Store(r.mux.Written())
	}
}

// watch starts syncing and reporting, and returns a context that ends with parent or
// with a cause to stop recording. The caller calls stop, which waits for both.
func (r *recording) watch(parent context.Context) (watching context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	r.started = time.Now()
	r.lastSync.Store(r.started.UnixNano())
	var both sync.WaitGroup
	both.Go(func() {
		if err := r.keepSynced(ctx); err != nil {
			cancel(err)
		}
	})
	both.Go(func() { r.keepTelling(ctx) })
	return ctx, func() {
		cancel(nil)
		both.Wait()
	}
}

// keepSynced brings data to the platter and watches the free space until ctx ends
// (nil), the disk fails, or it is nearly full.
func (r *recording) keepSynced(ctx context.Context) error {
	const first = 50 * time.Millisecond // until there is something, for an early "live"
	f, err := r.disk.Open(r.path)
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
		n := r.written.Load()
		if n == 0 {
			timer.Reset(first)
			continue
		}
		if n > r.synced.Load() {
			if err := f.SyncData(); err != nil {
				return &diskError{err}
			}
			r.synced.Store(n)
		}
		if !named {
			// Some file systems cannot sync a folder; the data is what matters.
			_ = r.disk.SyncDir(r.dir)
			named = true
		}
		r.lastSync.Store(time.Now().UnixNano())
		if free, err := r.disk.Free(r.dir); err == nil {
			r.free.Store(free)
			if free < stopBelow {
				return errNearlyFull
			}
		}
		timer.Reset(syncEvery)
	}
}

// keepTelling reports once a second, and as soon as the first data is safe.
func (r *recording) keepTelling(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last time.Time
	confirmed := false
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			first := !confirmed && r.synced.Load() > 0
			if first || now.Sub(last) >= time.Second {
				confirmed = confirmed || first
				last = now
				r.tell(now)
			}
		}
	}
}

// tell reports the state of this moment.
func (r *recording) tell(now time.Time) {
	written, synced, free := r.written.Load(), r.synced.Load(), r.free.Load()
	rep := outputs.Report{
		State:       outputs.Sending,
		SentBytes:   written,
		AckedBytes:  synced,
		SentPackets: r.packets.Load(),
		Detail:      fmt.Sprintf("%s, %s written", filepath.Base(r.path), megabytes(written)),
		Path:        r.path,
	}
	if synced > 0 {
		rep.State = outputs.Confirmed
	}
	if rate := float64(written) / max(now.Sub(r.started).Seconds(), 1); rate > 0 {
		left := time.Duration(float64(max(free-stopBelow, 0)) / rate * float64(time.Second))
		rep.Detail += fmt.Sprintf(", room for %s", roughly(left))
		rep.Room = left
	}
	behind := now.Sub(time.Unix(0, r.lastSync.Load()))
	if synced > 0 && (behind > 3*syncEvery || r.queued() > time.Second) {
		rep.State = outputs.Degraded
		rep.Detail = fmt.Sprintf("%s: the disk is slow; nothing is lost yet", filepath.Base(r.path))
	}
	rep.SendBuffer = r.queued()
	r.report(rep)
}

// roughly is a duration as people say it.
func roughly(d time.Duration) string {
	switch h := int(d.Hours()); {
	case h >= 48:
		return fmt.Sprintf("%d days", h/24)
	case h >= 1:
		return fmt.Sprintf("%d h %02d min", h, int(d.Minutes())%60)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}
