package record

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

const (
	// stopBelow is how much room a recording leaves: its end has to be written too,
	// and other programs fail in worse ways on a full disk.
	stopBelow = 50 << 20
	// startBelow is the least room to start with.
	startBelow = 100 << 20
	// syncEvery is how often written data is brought to the platter, at most.
	syncEvery = time.Second
	// fragment is how much stream is in the air before it is written.
	fragment = 250 * time.Millisecond
)

// errNearlyFull stops a recording while there is still room to end it well.
var errNearlyFull = errors.New("record: the disk is nearly full")

// Output is one recording; each Run makes a new file.
type Output struct {
	path      string // file, folder, or empty
	baseDir   string
	container container
	disk      disk
	newMuxer  func(format string, tracks []media.Track, path string) (muxer, error)
	now       func() time.Time // wall clock, for names
}

// Run implements outputs.Output. At the end it waits for the disk, which takes longer
// than 2 s only when the disk itself does.
func (o *Output) Run(ctx context.Context, feed outputs.Feed) error {
	if err := o.carries(feed.Tracks()); err != nil {
		return outputs.Permanent(err)
	}
	dir, name, err := o.place()
	if err != nil {
		return outputs.Permanent(err)
	}
	free, err := o.disk.Free(dir)
	if err != nil {
		return outputs.Permanent(describe(err, dir, ""))
	}
	if free < startBelow {
		return outputs.Permanent(fmt.Errorf("record: only %s are free on the disk of %s; make room and start again", megabytes(free), dir))
	}
	mux, path, err := o.create(dir, name, feed.Tracks())
	if err != nil {
		return outputs.Permanent(describe(err, dir, ""))
	}
	feed.Report(outputs.Report{State: outputs.Connecting, Detail: filepath.Base(path), Path: path})

	rec := &recording{mux: mux, path: path, dir: dir, disk: o.disk, report: feed.Report, queued: feed.Queued}
	rec.free.Store(free)
	err = rec.run(ctx, feed)
	if rec.packets.Load() == 0 {
		// Nothing came before the end: an empty file would only puzzle. That it could
		// not be removed changes nothing.
		_ = o.disk.Remove(path)
		path = ""
	}
	var fault *diskError
	switch {
	case err == nil:
		return ctx.Err()
	case errors.Is(err, errNearlyFull):
		return outputs.Permanent(fmt.Errorf("record: recording stopped because only %s are free on the disk of %s; %s is complete", megabytes(rec.free.Load()), dir, filepath.Base(path)))
	case !errors.As(err, &fault):
		return err // the muxer's or the feed's
	case errors.Is(fault.err, syscall.EFBIG):
		return describe(fault.err, dir, path) // the next try makes the next file
	}
	return outputs.Permanent(describe(fault.err, dir, path))
}

// create makes a file that did not exist before, and its muxer.
func (o *Output) create(dir, name string, tracks []media.Track) (muxer, string, error) {
	for path := range o.names(dir, name) {
		mux, err := o.newMuxer(o.container.format, tracks, path)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			_ = o.disk.Remove(path) // if it was made at all, it is empty
			return nil, "", err
		}
		return mux, path, nil
	}
	return nil, "", errors.New("there are too many recordings of this name")
}

// newMuxer is av's, with fragments of a quarter of a second: with the half second that pictures
// spend in the encoder, a crash costs less than a second.
func newMuxer(format string, tracks []media.Track, path string) (muxer, error) {
	return av.NewMuxer(av.MuxerOptions{
		Format: format, Path: path, Tracks: tracks,
		FragmentDuration: fragment, StartAtZero: true,
	})
}

func (o *Output) carries(tracks []media.Track) error {
	for _, t := range tracks {
		if !slices.Contains(o.container.video, t.Codec) && !slices.Contains(o.container.audio, t.Codec) {
			return fmt.Errorf("record: a %s file cannot hold %s", o.container.extension[1:], t.Codec)
		}
	}
	return nil
}

func megabytes(n int64) string {
	if n >= 10<<30 {
		return fmt.Sprintf("%d GB", n>>30)
	}
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d MB", n>>20)
}
