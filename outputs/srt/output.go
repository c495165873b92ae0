package srt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/srt/libsrt"
)

const (
	// finishWithin bounds how long the end of a stream may wait for its acknowledgement,
	// and playWithin how long, that included, for the receiver's buffer to be played.
	finishWithin = time.Second
	playWithin   = 2500 * time.Millisecond
	// playMargin is for a receiver that is busy when its packets are due.
	playMargin = 150 * time.Millisecond
	// maxHeld bounds what is kept while connecting: a keyframe and what follows, so
	// that a quick connection begins at once instead of at the next keyframe.
	maxHeld = time.Second
)

// errNoCodec says that MPEG-TS over SRT as sent here cannot carry a track.
var errNoCodec = errors.New("srt: only H.264 or HEVC pictures with AAC sound can be sent")

// Output is one SRT destination. Runs follow one another.
type Output struct {
	target  Target
	wasLive bool // in this or an earlier Run
}

// Run implements outputs.Output. As a listener it waits for the next receiver when
// one leaves, and ends only with ctx, the feed, or the port. A destination that has been
// live is never given up.
func (o *Output) Run(ctx context.Context, feed outputs.Feed) error {
	err := o.run(ctx, feed)
	if o.wasLive {
		return outputs.AfterLive(err)
	}
	return err
}

func (o *Output) run(ctx context.Context, feed outputs.Feed) error {
	for _, t := range feed.Tracks() {
		if t.Codec != media.H264 && t.Codec != media.HEVC && t.Codec != media.AAC {
			return outputs.Permanent(errNoCodec)
		}
	}
	for {
		conn, held, err := o.connect(ctx, feed)
		if err != nil || conn == nil {
			return err
		}
		err = o.deliver(ctx, feed, conn, held)
		if o.target.Mode == Listener && ctx.Err() == nil && (errors.Is(err, libsrt.ErrLost) || errors.Is(err, errStalled)) {
			continue
		}
		if errors.Is(err, libsrt.ErrLost) {
			return fmt.Errorf("srt: the connection to %s was lost", o.target.Address())
		}
		var call *libsrt.Error
		if errors.As(err, &call) {
			return fmt.Errorf("srt: the connection to %s failed: %w", o.target.Address(), err)
		}
		return err
	}
}

// connect reaches the far end while taking from the feed, whose queue would fill up
// otherwise. It returns what to begin with: the packets since the last keyframe,
// unless they are old. A nil connection with a nil error means the feed has ended.
func (o *Output) connect(ctx context.Context, feed outputs.Feed) (*libsrt.Conn, []*media.Packet, error) {
	connecting, cancel := context.WithCancel(ctx)
	defer cancel()
	waiting, connected := context.WithCancel(connecting)
	type result struct {
		conn *libsrt.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		conn, err := o.target.connect(connecting, func(s outputs.State, detail string) {
			feed.Report(outputs.Report{State: s, Detail: detail})
		})
		connected()
		done <- result{conn, err}
	}()
	held, err := hold(waiting, feed)
	if errors.Is(err, io.EOF) {
		cancel()
	}
	r := <-done
	if r.conn != nil && (errors.Is(err, io.EOF) || ctx.Err() != nil) {
		r.conn.Close()
		r.conn = nil
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil, nil
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case r.err != nil:
		return nil, nil, r.err
	case err != nil && waiting.Err() == nil:
		r.conn.Close()
		return nil, nil, err
	}
	if held == nil {
		feed.RequestKeyframe()
	}
	return r.conn, held, nil
}

// hold takes packets until ctx or the feed ends and returns those since the last
// keyframe, or none when they are too old to begin with. Its error is Next's.
func hold(ctx context.Context, feed outputs.Feed) ([]*media.Packet, error) {
	var held []*media.Packet
	for {
		p, err := feed.Next(ctx)
		if err != nil {
			return held, err
		}
		if !p.Audio && p.Keyframe {
			held = held[:0]
		} else if len(held) == 0 {
			continue
		}
		held = append(held, p)
		if p.Time-held[0].Time > maxHeld {
			held = nil
		}
	}
}

// deliver sends until the feed ends (nil), ctx ends, or the connection fails. It
// closes conn.
func (o *Output) deliver(ctx context.Context, feed outputs.Feed, conn *libsrt.Conn, held []*media.Packet) error {
	defer conn.Close()
	s := &sender{conn: conn}
	for _, t := range feed.Tracks() {
		s.hasVideo = s.hasVideo || !t.Codec.IsAudio()
	}
	mux, err := newMuxer(feed.Tracks(), s.write)
	if err != nil {
		return fmt.Errorf("srt: the stream cannot be packed as MPEG-TS: %w", err)
	}
	s.mux = mux
	closed := false
	defer func() {
		if !closed {
			_ = mux.Close() // the connection has failed; nothing more can be sent
		}
	}()

	sending, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	peer := o.target.Address()
	if o.target.Mode == Listener {
		peer = conn.Peer().String()
	}
	m := &monitor{sender: s, peer: peer, report: feed.Report, watch: outputs.WatchOf(feed)}
	feed.Report(outputs.Report{State: outputs.Sending, Detail: peer})
	go func() {
		defer close(watched)
		if err := m.run(sending); err != nil {
			cancel(err)
		}
	}()
	defer func() {
		cancel(nil)
		<-watched
		o.wasLive = o.wasLive || m.confirmed
	}()

	err = s.feed(sending, feed, held)
	if cause := context.Cause(sending); ctx.Err() == nil && cause != nil {
		return cause
	}
	if !errors.Is(err, io.EOF) && ctx.Err() == nil {
		return err
	}
	closed = true
	if err := s.finish(); err != nil && ctx.Err() == nil {
		return err
	}
	drain(ctx, conn)
	return ctx.Err()
}

// feed sends held and then what comes, until an error; io.EOF is the orderly end.
func (s *sender) feed(ctx context.Context, feed outputs.Feed, held []*media.Packet) error {
	for _, p := range held {
		if err := s.packet(p); err != nil {
			return err
		}
	}
	for {
		p, err := feed.Next(ctx)
		if err != nil {
			return err
		}
		if err := s.packet(p); err != nil {
			return err
		}
	}
}

// drain waits until the far end has everything and has had time to play it: a
// receiver drops what is still in its latency buffer when the sender closes. Once ctx
// has ended it takes finishWithin at most.
func drain(ctx context.Context, conn *libsrt.Conn) {
	begin := time.Now()
	end, done := begin.Add(playWithin), ctx.Done()
	var played time.Time
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			done = nil
			if limit := time.Now().Add(finishWithin); limit.Before(end) {
				end = limit
			}
			continue
		case <-tick.C:
		}
		now := time.Now()
		st, err := conn.Stats()
		if err != nil || now.After(end) {
			return
		}
		switch {
		case st.UnackedBytes > 0:
			if now.Sub(begin) > finishWithin {
				return
			}
			played = time.Time{}
		case played.IsZero():
			played = now.Add(st.Latency + st.RTT + playMargin)
		case now.After(played):
			return
		}
	}
}
