package whip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

const (
	reportInterval = time.Second
	// Receivers report every second or so. After feedbackLate a connection is
	// degraded, after feedbackLost it is lost.
	feedbackLate = 3 * time.Second
	feedbackLost = 10 * time.Second
	// staleAfter: with more than this waiting when the connection stands, what
	// waits is skipped, since a receiver would carry it as delay for ever.
	staleAfter = 300 * time.Millisecond
	// lossMany is the share of packets, in percent, above which repetitions cannot make up
	// for what is lost.
	lossMany   = 30
	streamName = "crosspoint"
)

// connection is one WebRTC connection being set up or delivering.
type connection struct {
	*output
	feed     outputs.Feed
	clock    steadyClock
	http     *signaller
	session  *session // nil before the answer; of Run, and of trickle before deliver
	pc       *webrtc.PeerConnection
	states   chan struct{} // the state has changed; pion tells it in any order, so it is asked for
	wire     *wire
	bundle   *bundle
	streams  []*stream
	feedback *feedback
	trickled sync.WaitGroup // the sender of late candidates
	work     sync.WaitGroup // all other goroutines of the connection

	estimator *estimator // nil when the bitrates are not known
	layers    []*layer   // the renditions of the pictures, the first in feed
	sound     int64      // bits per second
	measured  time.Time  // when losses were looked at last
	note      string     // which layers are not sent, and why; for the operator's list of warnings

	delivering time.Time // since when

	watch func(outputs.Progress)
	told  atomic.Int64 // when watch was called last, nanoseconds after clock.began

	sent, skipped atomic.Int64 // media packets
	bandwidth     atomic.Int64 // what the path carries, bits per second; 0 is not known
}

// offer adds the tracks and waits a little for ICE gathering; gathered ends with it.
func (c *connection) offer(ctx context.Context, tracks []plannedTrack) (offered string, gathered <-chan struct{}, err error) {
	for _, t := range tracks {
		var base *stream
		if t.layer > 0 {
			base = c.streams[slices.IndexFunc(c.streams, func(s *stream) bool { return s.rid != "" })]
		}
		s, err := newStream(c.pc, t, streamName, c.bundle, base)
		if err != nil {
			return "", nil, err
		}
		c.streams = append(c.streams, s)
	}
	c.makeLayers()
	gathered = webrtc.GatheringCompletePromise(c.pc)
	offer, err := c.pc.CreateOffer(nil)
	if err == nil {
		err = c.pc.SetLocalDescription(offer)
	}
	if err != nil {
		return "", nil, fmt.Errorf("whip: the offer cannot be made: %w", err)
	}
	for _, s := range c.streams {
		if s.rid != "" {
			c.wire.name(s.ssrc, s.transceiver.Mid(), s.rid)
		}
	}
	timer := time.NewTimer(offerPatience)
	defer timer.Stop()
	select {
	case <-gathered:
	case <-timer.C:
	case <-ctx.Done():
		return "", nil, ctx.Err()
	}
	return c.pc.LocalDescription().SDP, gathered, nil
}

func (c *connection) awaitConnected(ctx context.Context) error {
	timer := time.NewTimer(connectTimeout)
	defer timer.Stop()
	told := time.NewTimer(c.tellAfter)
	defer told.Stop()
	for {
		select {
		case <-told.C:
			c.feed.Report(outputs.Report{State: outputs.Handshaking, Detail: c.endpoint.Host + " took the offer: waiting for the media connection, which is UDP"})
		case <-c.states:
			s := c.pc.ConnectionState()
			if s == webrtc.PeerConnectionStateConnected {
				return nil
			}
			if err := c.over(s); err != nil {
				return err
			}
		case <-timer.C:
			return fmt.Errorf("whip: %s took the offer, but no media connection came about in %v: a firewall may block UDP",
				c.endpoint.Host, connectTimeout)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// over is the error that state s means, or nil.
func (c *connection) over(s webrtc.PeerConnectionState) error {
	switch s {
	case webrtc.PeerConnectionStateFailed:
		return lostTo(c.endpoint.Host, "it does not answer any more")
	case webrtc.PeerConnectionStateClosed:
		return lostTo(c.endpoint.Host, "the server ended it")
	}
	return nil
}

// deliver sends the feed until its end, ctx's end or the loss of the connection. The
// goroutines it starts are told to end, and waited for once the connection is
// closed: a write may be waiting in it.
func (c *connection) deliver(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer c.restore()
	clocks := make(chan studioToNTP, 1)
	ended := make(chan error, 2*len(c.layers)+2) // of the pacers and of the feeds
	c.watch = outputs.WatchOf(c.feed)
	begun := make(chan struct{}) // closed when the clock is known
	c.work.Go(func() {
		ended <- c.readFeed(ctx, c.feed, c.streamsOf(0), ended, func(p *media.Packet) error {
			clock := studioToNTP{c.clock.now().Add(-max(p.Time, p.Made))}
			// Before any media, so that receivers are in sync from the first picture on.
			c.writeReports(clock, time.Now())
			clocks <- clock
			close(begun)
			return nil
		})
	})
	for _, l := range c.layers {
		if l.stream.layer == 0 {
			continue
		}
		c.work.Go(func() {
			err := c.readFeed(ctx, l.feed, []*stream{l.stream}, ended, func(*media.Packet) error {
				select {
				case <-begun:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			if err != nil { // else the end is the first layer's to tell
				ended <- err
			}
		})
	}

	c.delivering = time.Now()
	c.feed.Report(outputs.Report{State: outputs.Sending})
	ticker := time.NewTicker(reportInterval)
	defer ticker.Stop()
	closely := time.NewTicker(progressIdle)
	defer closely.Stop()
	quick := time.NewTicker(reportInterval / 10) // until the first acknowledgement
	defer quick.Stop()
	// The reports before the media may have been lost, or have come before the far end's
	// keys: a receiver that waits for them is not to wait for a second.
	early := 10
	var clock studioToNTP
	ice := webrtc.PeerConnectionStateConnected
	restarted, restarting := make(chan error, 1), false
	var deadline <-chan time.Time // of a restart under way
	stopRestart := func() {}
	defer func() { stopRestart() }()
	for {
		select {
		case clock = <-clocks:
		case <-c.states:
			ice = c.pc.ConnectionState()
			if err := c.over(ice); err != nil {
				return err
			}
			c.feedback.path(ice == webrtc.PeerConnectionStateConnected)
			switch {
			case ice == webrtc.PeerConnectionStateDisconnected && !restarting && deadline == nil && c.mayRestart():
				restarting = true
				limit := time.NewTimer(restartPatience)
				stopRestart = func() { limit.Stop() }
				deadline = limit.C
				c.work.Go(func() { restarted <- c.restart(ctx) })
			case ice == webrtc.PeerConnectionStateConnected && deadline != nil:
				stopRestart()
				deadline = nil
			}
			if err := c.report(ice); err != nil {
				return err
			}
		case <-closely.C:
			c.tell()
		case err := <-restarted:
			restarting = false
			if err != nil && ctx.Err() == nil {
				// The old credentials are gone already.
				return lostTo(c.endpoint.Host, "%w", err)
			}
			// Whether it helped is for ICE to say.
		case <-deadline:
			return lostTo(c.endpoint.Host, "ICE was restarted and no path found")
		case now := <-quick.C:
			if early > 0 && !clock.zero.IsZero() {
				early--
				c.writeReports(clock, now)
			}
			if c.acknowledged() {
				quick.Stop()
				if err := c.report(ice); err != nil {
					return err
				}
			}
		case now := <-ticker.C:
			if !clock.zero.IsZero() {
				c.writeReports(clock, now)
			}
			if err := c.report(ice); err != nil {
				return err
			}
		case err := <-ended:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				return err
			}
			return c.linger(ctx)
		}
	}
}

// linger waits a little for requests of lost packets.
func (c *connection) linger(ctx context.Context) error {
	_ = media.Wait(ctx, lingerTimeout) // cut short, it is all the same the end
	return nil
}

func (c *connection) streamsOf(layer int) []*stream {
	return slices.DeleteFunc(slices.Clone(c.streams), func(s *stream) bool { return s.layer != layer })
}

// readFeed sends a feed on streams until its end. Sound never waits behind a keyframe,
// which the pacer spreads. Before the first packet it calls begin. The pacer tells ended
// what goes wrong beside it.
func (c *connection) readFeed(ctx context.Context, feed outputs.Feed, streams []*stream, ended chan<- error, begin func(*media.Packet) error) (err error) {
	pictures := newPacer(func(err error) { ended <- err })
	defer func() {
		if rest := pictures.close(); err == nil {
			err = rest
		}
	}()
	byTrack := make(map[int]*stream, len(streams))
	video := false
	for _, s := range streams {
		byTrack[s.index] = s
		video = video || !s.codec.codec.IsAudio()
	}
	stale := feed.Queued() > staleAfter
	if stale && video {
		feed.RequestKeyframe()
	}
	first := true
	for {
		p, err := feed.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if stale {
			if feed.Queued() > staleAfter/3 || video && (p.Audio || !p.Keyframe) {
				c.skipped.Add(1)
				continue
			}
			stale = false
		}
		s := byTrack[p.Track]
		if s == nil {
			continue
		}
		if first {
			first = false
			if err := begin(p); err != nil {
				return err
			}
		}
		c.tell()
		if p.Audio {
			err = s.send(p)
		} else {
			err = pictures.send(s, p)
		}
		if err != nil {
			return err
		}
		c.sent.Add(1)
	}
}

// writeReports sends a sender report for each stream, and the name that ties them.
func (c *connection) writeReports(clock studioToNTP, now time.Time) {
	packets := make([]rtcp.Packet, 0, len(c.streams)+1)
	names := &rtcp.SourceDescription{}
	for _, s := range c.streams {
		packets = append(packets, clock.report(now, s))
		names.Chunks = append(names.Chunks, rtcp.SourceDescriptionChunk{
			Source: s.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: streamName}},
		})
	}
	_ = c.pc.WriteRTCP(append(packets, names)) // a dead connection is noticed by its state
}

func (c *connection) acknowledged() bool {
	c.feedback.mu.Lock()
	defer c.feedback.mu.Unlock()
	return !c.feedback.last.IsZero()
}

// report tells the operator how the stream arrives. It returns an error when
// acknowledgement has stopped for too long. A far end that has never acknowledged
// anything is not an error as long as it answers ICE: some send no reports; the
// state then stays "sending".
func (c *connection) report(ice webrtc.PeerConnectionState) error {
	last, rtt, lost := c.feedback.health()
	now := time.Now()
	silent := now.Sub(last)
	if last.IsZero() {
		silent = -1
	}
	c.adapt(now, silent)
	r := outputs.Report{
		State: outputs.Sending, SentPackets: c.sent.Load(), DroppedPackets: c.skipped.Load(), RTT: rtt, LostPercent: lost,
		BandwidthBPS: c.bandwidth.Load(), Warning: c.note,
	}
	for _, s := range c.streams {
		sent, acked := s.bytes()
		r.SentBytes += sent
		r.AckedBytes += acked
		if s.line != nil {
			r.Retransmitted += s.line.repeated.Load()
			r.NotRepeated += s.line.refused.Load()
		}
	}
	switch {
	case !last.IsZero() && silent > feedbackLost:
		return lostTo(c.endpoint.Host, "nothing was acknowledged for %v", feedbackLost)
	case ice == webrtc.PeerConnectionStateDisconnected, ice == webrtc.PeerConnectionStateConnecting:
		r.State, r.Detail = outputs.Degraded, "the server does not answer"
	case last.IsZero():
		r.Unanswered = r.SentPackets > 0 && now.Sub(c.delivering) >= reportInterval
	case silent > feedbackLate:
		r.State, r.Detail = outputs.Degraded, "no acknowledgement for some seconds"
	case lost > lossMany:
		r.State, r.Detail = outputs.Degraded, fmt.Sprintf("%.0f %% of the packets are lost on the way: the network takes less than the stream needs", lost)
	default:
		r.State, r.Detail = outputs.Confirmed, c.reduced()
	}
	c.wasLive = c.wasLive || r.Works()
	c.feed.Report(r)
	return nil
}
