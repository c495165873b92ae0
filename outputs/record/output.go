package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	// spillBelow is the room on the first disk below which a second one is used, unless the
	// settings say otherwise.
	spillBelow = 2e9
	// syncEvery is how often written data is brought to the platter, at most.
	syncEvery = time.Second
	// fragment is how much stream is in the air before it is written.
	fragment = 250 * time.Millisecond
)

// errNearlyFull stops a recording while there is still room to end it well.
var errNearlyFull = errors.New("record: the disk is nearly full")

// Output is one recording; each Run makes a new file, or several. Besides outputs.Output it is an
// outputs.Splitter, Pauser and Chapterer.
type Output struct {
	path      string // file, folder, or empty
	baseDir   string
	container container
	disk      disk
	newMuxer  func(format string, tracks []media.Track, path string) (muxer, error)
	now       func() time.Time // wall clock, for names
	files     func(outputs.FileEvent)
	control   control

	splitTime  time.Duration // 0: no limit
	splitBytes int64         // 0: no limit
	chapters   string
	spill      string // folder of the second volume; empty: none
	spillBelow int64
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
	s := newSession(ctx, o, feed, dir, name)
	s.paused = o.control.begin()
	first, err := s.begin(dir)
	if err != nil && o.spill != "" {
		if other, serr := s.begin(o.spill); serr == nil {
			s.warn(fmt.Sprintf("%s; recording in %s instead", strings.TrimPrefix(err.Error(), "record: "), o.spill))
			first, err, s.spilled = other, nil, true
		}
	}
	if err != nil {
		return outputs.Permanent(err)
	}
	s.become(first)
	feed.Report(outputs.Report{State: outputs.Connecting, Detail: filepath.Base(first.path), Path: first.path, Part: 1})

	err = s.run()
	if err == nil {
		return ctx.Err()
	}
	var fault *diskError
	if errors.As(err, &fault) && !errors.Is(fault.err, syscall.EFBIG) || errors.Is(err, errNearlyFull) {
		return outputs.Permanent(s.cur.ended(err))
	}
	return s.cur.ended(err)
}

// tellFile passes on what happens to files.
func (o *Output) tellFile(e outputs.FileEvent) {
	if o.files != nil {
		o.files(e)
	}
}

// create makes a file that did not exist before, and its muxer.
func (o *Output) create(dir, name string, tracks []media.Track) (muxer, string, error) {
	for path := range o.names(dir, name) {
		mux, err := o.newMuxer(o.container.format, tracks, path)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return nil, "", err // what it made it has removed; another file may have this name
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
		FragmentDuration: fragment, StartAtZero: true, Timecode: format != "mpegts", Created: time.Now(),
	})
}

// Holds says why recordings with these settings cannot hold pictures of codec; nil if they
// can, and of settings that New refuses.
func Holds(raw json.RawMessage, codec media.Codec) error {
	made, err := New(raw, outputs.Options{})
	o, ok := made.(*Output)
	if err != nil || !ok {
		return nil
	}
	return o.carries([]media.Track{{Codec: codec}})
}

func (o *Output) carries(tracks []media.Track) error {
	for _, t := range tracks {
		if !slices.Contains(o.container.video, t.Codec) && !slices.Contains(o.container.audio, t.Codec) {
			return fmt.Errorf("record: %s files cannot hold %s", o.container.extension[1:], t.Codec)
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
