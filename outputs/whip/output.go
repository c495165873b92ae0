package whip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

const (
	tellAfter      = 3 * time.Second  // the operator is told what is waited for
	gatherTimeout  = 3 * time.Second  // a STUN server that does not answer costs no more
	connectTimeout = 10 * time.Second // ICE and DTLS, from the answer on
	// Run ends within 2 s of ctx: DELETE gets deleteFirst before the connection
	// is closed beside it, which takes closeTimeout at most.
	deleteTimeout = time.Second
	deleteFirst   = 500 * time.Millisecond
	closeTimeout  = 1200 * time.Millisecond
	// lingerTimeout keeps the connection after the last packet of an orderly end,
	// so that its losses can be repaired.
	lingerTimeout = 250 * time.Millisecond
)

// Run implements outputs.Output. A destination that has been live is never given up.
func (o *output) Run(ctx context.Context, feed outputs.Feed) error {
	err := o.run(ctx, feed)
	if o.wasLive {
		return outputs.AfterLive(err)
	}
	return err
}

func (o *output) run(ctx context.Context, feed outputs.Feed) error {
	tracks, err := plan(feed.Tracks())
	if err == nil {
		tracks, err = planLayers(tracks, feed)
	}
	if err != nil {
		return err
	}
	feed.Report(outputs.Report{State: outputs.Connecting})
	http := newSignaller(o.endpoint, o.token, o.userAgent, o.local)
	defer http.close()
	signalled := outputs.TellWaiting(o.endpoint.Host, o.tellAfter, http.waits.step, feed.Report)
	defer signalled()

	c := &connection{output: o, feed: feed, clock: steadyClock{time.Now()}, http: http, states: make(chan struct{}, 1), wire: newWire(), bundle: newBundle()}
	c.sound = soundBPS(tracks)
	if pictures := bitrates(tracks) - c.sound; pictures > 0 {
		if c.estimator, err = newEstimator(pictures + c.sound); err != nil {
			return err
		}
	}
	c.pc, err = newPublisherPeer(tracks, isLoopback(o.endpoint.Hostname()), o.local, o.servers(ctx, http), c.estimator, c.wire, c.bundle)
	if err != nil {
		if c.estimator != nil {
			_ = c.estimator.Close() // it is being thrown away
		}
		return err
	}
	trickling, enough := context.WithCancel(ctx)
	defer func() {
		enough()
		endSession(context.WithoutCancel(ctx), http, c.session, c.pc)
		c.trickled.Wait()
		c.work.Wait() // writers and readers end with the connection, if they have not before
	}()
	c.pc.OnConnectionStateChange(func(webrtc.PeerConnectionState) {
		select {
		case c.states <- struct{}{}:
		default: // it will be looked at
		}
	})

	offer, gathered, err := c.offer(ctx, tracks)
	if err != nil {
		return err
	}
	ses, err := http.publish(ctx, o.endpoint, offer)
	if err != nil {
		return err
	}
	signalled()
	c.session = ses
	o.remember(ses.iceServers)
	if err := checkAnswer(o.endpoint.Host, ses.answer, sections(tracks)); err != nil {
		return err
	}
	feed.Report(outputs.Report{State: outputs.Handshaking})
	err = c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: ses.answer})
	if err != nil {
		return fmt.Errorf("whip: the answer of %s cannot be used: %s", o.endpoint.Host, outputs.Said(err.Error()))
	}
	if ses.patches {
		c.trickled.Go(func() { c.trickle(trickling, gathered, offer) })
	}
	c.takeLayers(ses.answer)
	c.feedback = &feedback{clock: c.clock.now}
	for _, s := range c.streams {
		if s.line = c.wire.line(s.ssrc); s.line != nil {
			s.line.limit(s.track.BitrateBPS)
		}
		c.work.Go(func() { c.feedback.read(s) })
	}
	if err := c.awaitConnected(ctx); err != nil {
		return err
	}
	// What is connected needs no further candidates, and a restart sends them all.
	enough()
	c.trickled.Wait()
	return c.deliver(ctx)
}

// servers are the ICE servers to gather with: what OPTIONS names, or else what the
// last answer named. Those of an answer come too late for its own connection.
func (o *output) servers(ctx context.Context, http *signaller) []webrtc.ICEServer {
	if named := http.options(ctx, o.endpoint); len(named) > 0 {
		return named
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.iceServers
}

func (o *output) remember(servers []webrtc.ICEServer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.iceServers = servers
}

// restartsICE is false once the server has been found not to.
func (o *output) restartsICE() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.noRestart
}

func (o *output) rememberNoRestart() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.noRestart = true
}

// plan finds how each track of the feed is carried: at most one of each kind.
func plan(tracks []media.Track) ([]plannedTrack, error) {
	var out []plannedTrack
	taken := map[bool]bool{}
	for i, t := range tracks {
		row, ok := findCodec(t.Codec)
		if !ok {
			return nil, outputs.Permanent(fmt.Errorf("whip: %s cannot be sent by WebRTC: choose a rendition in H.264, HEVC or AV1, or add one (Outputs, Renditions)", t.Codec))
		}
		if taken[t.Codec.IsAudio()] {
			return nil, outputs.Permanent(errors.New("whip: one track of pictures and one of sound can be sent, not more"))
		}
		taken[t.Codec.IsAudio()] = true
		if !t.TimeBase.IsSet() {
			return nil, outputs.Permanent(fmt.Errorf("whip: the %s track has no time base", t.Codec))
		}
		out = append(out, plannedTrack{index: i, track: t, codec: row})
	}
	if len(out) == 0 {
		return nil, outputs.Permanent(errors.New("whip: there is nothing to send"))
	}
	return out, nil
}

// checkAnswer finds out which track the server refused, which pion would not say, and bounds
// what pion would try.
func checkAnswer(host, answer string, tracks []plannedTrack) error {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil {
		return fmt.Errorf("whip: the answer of %s cannot be read: %s", host, outputs.Said(err.Error()))
	}
	if candidatesIn(&d) > maxCandidates {
		return fmt.Errorf("whip: %s names more than %d addresses to connect to, and they are not tried", host, maxCandidates)
	}
	for i, t := range tracks {
		taken := false
		// Sections answer those of the offer in order (RFC 3264 section 6).
		if i < len(d.MediaDescriptions) && d.MediaDescriptions[i].MediaName.Port.Value != 0 {
			for _, a := range d.MediaDescriptions[i].Attributes {
				_, codec, _ := strings.Cut(a.Value, " ")
				name, _, _ := strings.Cut(codec, "/")
				taken = taken || a.Key == "rtpmap" && strings.EqualFold(name, t.codec.encoding)
			}
		}
		if !taken {
			return outputs.Permanent(fmt.Errorf("whip: %s: %w %s", host, ErrCodec, t.codec.title))
		}
	}
	return nil
}

// candidatesIn counts the candidates of a description. Some servers repeat all of them in each
// section, and pion tries what is the same once.
func candidatesIn(d *sdp.SessionDescription) int {
	distinct := map[string]bool{}
	count := func(list []sdp.Attribute) {
		for _, a := range list {
			if a.IsICECandidate() {
				distinct[a.Value] = true
			}
		}
	}
	count(d.Attributes)
	for _, m := range d.MediaDescriptions {
		count(m.Attributes)
	}
	return len(distinct)
}

// endSession deletes the session and closes the connection, in that order as long
// as the server answers: then it knows that the end was meant.
func endSession(ctx context.Context, http *signaller, ses *session, pc *webrtc.PeerConnection) {
	deleted := make(chan struct{})
	go func() {
		defer close(deleted)
		http.remove(ctx, ses)
	}()
	timer := time.NewTimer(deleteFirst)
	defer timer.Stop()
	select {
	case <-deleted:
	case <-timer.C:
	}
	closePeer(pc)
	<-deleted
}

// closePeer ends pc and all it started. A TURN server that does not answer can hold
// that up; then it finishes by itself later.
func closePeer(pc *webrtc.PeerConnection) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = pc.GracefulClose() // there is nothing to do about it
	}()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}
