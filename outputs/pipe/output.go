package pipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/outputs"
)

const (
	reportEvery = time.Second
	// stalledAfter is how long a write may wait until the reader counts as stuck.
	stalledAfter = time.Second
	// finishWithin bounds the last bytes and the end of the program.
	finishWithin = time.Second
)

// sink is where the bytes go.
type sink interface {
	io.Writer
	// end closes the sink after an orderly end or, with broken, a failure. It returns
	// within the output's finishWithin. Its error says what the far end made of the stream.
	end(broken bool) error
	// abort makes a waiting Write fail at once; any goroutine may call it.
	abort()
	name() string
}

// Run implements outputs.Output.
func (o *output) Run(ctx context.Context, feed outputs.Feed) error {
	tracks := feed.Tracks()
	video := false
	for _, t := range tracks {
		if !slices.Contains(formats[o.format], t.Codec) {
			return outputs.Permanent(fmt.Errorf("pipe: %s cannot carry %s: choose matroska, or another rendition (Outputs, Renditions)", o.format, t.Codec))
		}
		video = video || !t.Codec.IsAudio()
	}
	feed.Report(outputs.Report{State: outputs.Connecting, Detail: o.waiting()})
	s, err := o.open(ctx)
	if err != nil {
		return err
	}
	// A reader that does not read must not hold up a stop.
	stop := context.AfterFunc(ctx, s.abort)
	defer stop()
	w := &writer{sink: s, began: time.Now()}
	mux, err := av.NewMuxer(av.MuxerOptions{Format: o.format, Tracks: tracks, Write: w.write, StartAtZero: true})
	if err != nil { // the header found nobody, or no room
		return o.ended(ctx, s, w, err, s.end(true))
	}
	done := make(chan struct{})
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		w.report(feed, done)
	}()
	err = o.deliver(ctx, feed, mux, w, video)
	orderly := errors.Is(err, io.EOF)
	if orderly {
		limit := time.AfterFunc(o.finishWithin, s.abort)
		err = mux.Close()
		limit.Stop()
	} else {
		_ = mux.Close() // nothing more can be written
	}
	close(done)
	<-reported
	return o.ended(ctx, s, w, err, s.end(!orderly))
}

// ended is why Run ended, for the operator: err is the feed's or the muxer's, and said what the
// far end made of it, of which the more telling counts.
func (o *output) ended(ctx context.Context, s sink, w *writer, err, said error) error {
	switch f, isFile := s.(*fileSink); {
	case ctx.Err() != nil:
		return ctx.Err()
	case w.failed != nil && errors.Is(w.failed, syscall.EPIPE):
		if said != nil {
			return said
		}
		return fmt.Errorf("pipe: %s has stopped reading", s.name())
	case w.failed != nil && isFile && f.made:
		// Another try would find the file in its way and give that as the reason.
		return outputs.Permanent(fmt.Errorf("pipe: %s could not be written further (%w): it is kept as far as it is; start the destination with another file", s.name(), w.failed))
	case w.failed != nil:
		return fmt.Errorf("pipe: %s cannot be written to: %w", s.name(), w.failed)
	case err != nil:
		return fmt.Errorf("pipe: the stream cannot be packed as %s: %w", o.format, err)
	}
	return said
}

// deliver writes until the feed ends (io.EOF) or something fails.
func (o *output) deliver(ctx context.Context, feed outputs.Feed, mux *av.Muxer, w *writer, video bool) error {
	started := !video
	for {
		p, err := feed.Next(ctx)
		if err != nil {
			return err
		}
		if !started {
			if p.Audio || !p.Keyframe {
				continue
			}
			started = true
		}
		if err := mux.WritePacket(p); err != nil {
			return err
		}
		if err := mux.Flush(); err != nil {
			return err
		}
		w.packets.Add(1)
	}
}

// writer counts, and remembers the sink's error, which the muxer's hides.
type writer struct {
	sink   sink
	began  time.Time
	failed error // of the writing goroutine

	bytes, packets atomic.Int64
	since          atomic.Int64 // since when a write waits, nanoseconds after began; 0: none does
}

func (w *writer) write(b []byte) error {
	w.since.Store(int64(time.Since(w.began)))
	n, err := w.sink.Write(b)
	w.since.Store(0)
	w.bytes.Add(int64(n))
	if err != nil && w.failed == nil {
		w.failed = err
	}
	return err
}

// report tells the operator once a second until done, and the feed closely how the
// reader keeps up. What the kernel has taken counts as acknowledged: the reader is on
// this machine.
func (w *writer) report(feed outputs.Feed, done <-chan struct{}) {
	tick := time.NewTicker(outputs.ProgressEvery)
	defer tick.Stop()
	watch := outputs.WatchOf(feed)
	var last outputs.Report
	var at time.Time
	for {
		n := w.bytes.Load()
		r := outputs.Report{State: outputs.Sending, Detail: w.sink.name(), SentBytes: n, AckedBytes: n, SentPackets: w.packets.Load()}
		now := time.Now()
		var stall time.Duration
		if since := w.since.Load(); since != 0 {
			stall = now.Sub(w.began) - time.Duration(since)
		}
		watch(outputs.Progress{Stall: stall, AckedBytes: n})
		if n > 0 {
			r.State = outputs.Confirmed
			if stall > stalledAfter {
				r.State, r.Detail = outputs.Degraded, w.sink.name()+" does not read"
			}
		}
		if r.State != last.State || now.Sub(at) >= reportEvery {
			feed.Report(r)
			last, at = r, now
		}
		select {
		case <-tick.C:
		case <-done:
			return
		}
	}
}
