// Package rtmp publishes to RTMP and RTMPS servers, and receives such streams for
// rehearsal. The writing of chunks, messages and the handshake are go-rtmp's; the
// reading of chunks, the conversation, deadlines, acknowledgements and errors are this
// package's, because go-rtmp's own connections hang when a server closes, do not deliver
// refusals, and cannot be bounded in time.
//
// Threads: publisher.Run starts a reader and a monitor, Server.Serve a goroutine
// per connection; both wait for what they started. Ownership: packets are only
// read. Back-pressure: Run takes the next packet when the kernel has taken the
// last one, so what a slow network cannot carry waits in, and is dropped by, the
// feed's queue; this package drops nothing but sound from before the first
// picture. What it does not do: play, encode, or speak RTMPE, RTMPT and AMF3.
package rtmp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// Kind is the RTMP destination.
func Kind() outputs.Kind {
	return outputs.Kind{
		Name:         "rtmp",
		Title:        "RTMP",
		Video:        []media.Codec{media.H264, media.HEVC, media.AV1},
		Audio:        []media.Codec{media.AAC},
		Acknowledges: true,
		SoundTracks:  MaxSoundTracks,
		Schema:       json.RawMessage(schema),
		SecretApart:  keyApart,
		TellsSecret:  true,
		New:          newOutput,
	}
}

// publisher is one destination; Run may be called again after it returned.
type publisher struct {
	target    target
	userAgent string
	limits    limits
	wasLive   bool // in an earlier Run
	closed    int  // streams in a row that the server ended within limits.brief of taking them
}

// Run implements outputs.Output. A destination that has been live is never given up.
func (p *publisher) Run(ctx context.Context, feed outputs.Feed) error {
	err := p.run(ctx, feed)
	if p.wasLive {
		return outputs.AfterLive(err)
	}
	return err
}

func (p *publisher) run(ctx context.Context, feed outputs.Feed) error {
	plan, err := newPlan(feed.Tracks())
	if err != nil {
		return outputs.Permanent(err)
	}
	r := &reporter{feed: feed}
	c, at, err := p.open(ctx, plan, r, phaseLive)
	if err != nil {
		return p.target.explain(at, err)
	}
	defer func() {
		c.close()
		for range c.over { // until the reader has ended
		}
	}()
	return p.target.explain(phaseLive, p.stream(ctx, c, plan, feed, r))
}

// stream sends headers and then the feed until something ends it.
func (p *publisher) stream(ctx context.Context, c *client, plan *plan, feed outputs.Feed, r *reporter) error {
	sending, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m := newMonitor(c, plan, feed, r, p.limits)
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.run(sending, cancel)
	}()
	err := p.send(sending, c, plan, feed, m)
	orderly := errors.Is(err, io.EOF)
	if ctx.Err() != nil || orderly {
		// Say goodbye, but not for long: Run has to return within 2 s.
		farewell, stop := context.WithTimeout(context.WithoutCancel(ctx), p.limits.farewell)
		defer stop()
		abort := context.AfterFunc(farewell, c.tcp.abort)
		defer abort()
		_ = c.finish(farewell) // the stream is over for us whatever the server makes of it
		err = nil
		if !orderly {
			err = ctx.Err()
		}
	} else {
		// The reader knows best why: a write only sees that the socket is gone.
		timer := time.NewTimer(p.limits.poll)
		defer timer.Stop()
		select {
		case <-sending.Done():
			err = context.Cause(sending)
		case <-timer.C:
		}
	}
	cancel(errFinished)
	<-done
	p.wasLive = p.wasLive || m.confirmed
	if ctx.Err() != nil || err == nil || !closedByPeer(err) || time.Since(m.started) > p.limits.brief {
		p.closed = 0
		return err
	}
	if p.closed++; p.closed > 1 { // once is a network's fault as well
		err = errors.Join(errClosedSoon, err)
	}
	return err
}

// send returns when the feed or the connection ends.
func (p *publisher) send(ctx context.Context, c *client, plan *plan, feed outputs.Feed, m *monitor) error {
	if err := plan.headers(ctx, c, p.userAgent); err != nil {
		return err
	}
	for {
		packet, err := feed.Next(ctx)
		if err != nil {
			return err
		}
		sent, err := plan.packet(ctx, c, packet)
		if err != nil {
			return err
		}
		m.count(sent)
	}
}
