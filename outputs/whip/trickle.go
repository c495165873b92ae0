package whip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/pion/webrtc/v4"

	"crosspoint.studio/crosspoint/outputs"
)

const (
	// offerPatience is how long the offer waits for candidates of STUN and TURN servers:
	// those of this machine are there at once, and later ones follow by PATCH.
	offerPatience = 700 * time.Millisecond
	patchTimeout  = 3 * time.Second
	// restartPatience is how long a connection may take to come about again.
	restartPatience = 6 * time.Second
)

var errNoRestart = errors.New("the server does not restart ICE")

// patch sends a fragment about ses. After a refusal to hear of candidates ses.patches is
// false; that of a restart is errNoRestart. The answer is empty but for a restart's.
func (s *signaller) patch(ctx context.Context, ses *session, f fragment, restart bool) (answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patchTimeout)
	defer cancel()
	match := ses.etag
	if restart {
		match = `"*"` // RFC 9725 section 4.3.3
	}
	header := http.Header{"Content-Type": {fragmentType}}
	if match != "" {
		header.Set("If-Match", match)
	}
	res, at, err := s.follow(ctx, http.MethodPatch, ses.resource, []byte(f.String()), header)
	if err != nil {
		return "", err
	}
	defer drain(res)
	switch {
	case restart && res.StatusCode == http.StatusNoContent: // it took candidates and sent no credentials
		return "", errNoRestart
	case res.StatusCode == http.StatusNoContent, res.StatusCode == http.StatusOK:
	case res.StatusCode == http.StatusMethodNotAllowed, res.StatusCode == http.StatusNotImplemented, res.StatusCode == http.StatusUnprocessableEntity:
		if restart {
			return "", errNoRestart
		}
		ses.patches = false
		return "", fmt.Errorf("whip: %s takes no candidates after the offer", at.Host)
	default:
		return "", fmt.Errorf("whip: %s did not take an ICE fragment (HTTP %d)", at.Host, res.StatusCode)
	}
	if tag := res.Header.Get("ETag"); tag != "" {
		ses.etag = tag
	}
	if !restart {
		return "", nil
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")) // another type is no fragment
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil || kind != fragmentType {
		return "", fmt.Errorf("whip: the answer of %s to an ICE restart cannot be read", at.Host)
	}
	return string(body), nil
}

// trickle sends the candidates that the offer lacked, when gathering is over; that may be
// before the answer. It belongs to a goroutine of the connection; restart waits for it.
func (c *connection) trickle(ctx context.Context, gathered <-chan struct{}, offer string) {
	posted, err := parseFragment(offer)
	if err != nil || posted.end { // it lacked none
		return
	}
	timer := time.NewTimer(gatherTimeout)
	defer timer.Stop()
	select {
	case <-gathered:
	case <-timer.C:
	case <-ctx.Done():
		return
	}
	now, err := parseFragment(c.pc.LocalDescription().SDP)
	if err != nil {
		return
	}
	late := now.without(posted)
	late.end = true
	// Without them the connection is what it was; its own fate says the rest.
	_, _ = c.http.patch(ctx, c.session, late, false)
}

// mayRestart: as far as is known, the server restarts ICE. Otherwise ICE is left to find
// its way by itself, which the offer of a restart would end: the credentials are new then.
func (c *connection) mayRestart() bool {
	return c.session.resource != nil && c.session.patches && c.restartsICE()
}

// restart renews ICE after the path broke: new addresses, the same DTLS and RTP (RFC
// 9725 section 4.3.3). After an error the connection is lost.
func (c *connection) restart(ctx context.Context) error {
	offer, err := c.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		return fmt.Errorf("whip: ICE cannot be restarted: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("whip: ICE cannot be restarted: %w", err)
	}
	timer := time.NewTimer(offerPatience)
	defer timer.Stop()
	select {
	case <-gathered:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	own, err := parseFragment(c.pc.LocalDescription().SDP)
	if err != nil {
		return err
	}
	own.end = true
	text, err := c.http.patch(ctx, c.session, own, true)
	if errors.Is(err, errNoRestart) {
		c.rememberNoRestart()
	}
	if err != nil {
		return err
	}
	theirs, err := parseFragment(text)
	if err != nil || theirs.ufrag == "" || theirs.password == "" {
		return errors.New("whip: the server's answer to an ICE restart has no credentials")
	}
	if len(theirs.candidates) == 0 { // it goes on at the same addresses
		before, err := parseFragment(c.session.answer)
		if err != nil {
			return err
		}
		theirs.candidates, theirs.end = before.candidates, true
	}
	c.session.answer = withICE(c.session.answer, theirs)
	err = c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: c.session.answer})
	if err != nil {
		return fmt.Errorf("whip: ICE cannot be restarted: %s", outputs.Said(err.Error()))
	}
	return nil
}
