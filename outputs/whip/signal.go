package whip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"crosspoint.studio/crosspoint/outputs"
)

const (
	optionsTimeout = 2 * time.Second
	postTimeout    = 10 * time.Second
	maxRedirects   = 5
	maxAnswerBytes = 256 << 10
)

// session is what a WHIP server made of our offer.
type session struct {
	resource   *url.URL // for DELETE; nil when the server named none
	answer     string   // SDP
	iceServers []webrtc.ICEServer
	etag       string // of the ICE session; "" when the server gave none
	patches    bool   // it takes application/trickle-ice-sdpfrag
}

// signaller speaks HTTP with one WHIP server for the life of one connection.
type signaller struct {
	client    *http.Client
	transport *http.Transport
	endpoint  *url.URL // its site (outputs.Site) is told the token
	token     string
	userAgent string
	waits     waiting
}

// step is a part of a request, as the operator is told of it.
type step struct {
	state outputs.State
	words string // after "waiting for"
}

var (
	stepName    = &step{outputs.Resolving, "the address of its name"}
	stepConnect = &step{outputs.Connecting, "a connection"}
	stepTLS     = &step{outputs.Connecting, "it to set up encryption"}
	stepAnswer  = &step{outputs.Connecting, "it to answer; the connection is there"}
)

// waiting is what a signaller waits for at the moment.
type waiting struct {
	mu      sync.Mutex
	request int   // guarded by mu; their number
	at      *step // guarded by mu; nil: nothing
}

// begin is the context of another request, which notes what it waits for until end. What is begun
// for a request may go on after it, and is not told then.
func (w *waiting) begin(ctx context.Context) (traced context.Context, end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.request++
	mine := w.request
	note := func(at *step) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if mine == w.request {
			w.at = at
		}
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			DNSStart:          func(httptrace.DNSStartInfo) { note(stepName) },
			ConnectStart:      func(string, string) { note(stepConnect) },
			TLSHandshakeStart: func() { note(stepTLS) },
			GotConn:           func(httptrace.GotConnInfo) { note(stepAnswer) },
		}), func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.request++
			w.at = nil
		}
}

// step is what is waited for, for outputs.TellWaiting.
func (w *waiting) step() (outputs.State, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at == nil {
		return 0, ""
	}
	return w.at.state, w.at.words
}

// newSignaller makes one that tells token to the site of endpoint alone. It speaks from local,
// where that is valid.
func newSignaller(endpoint *url.URL, token, userAgent string, local netip.Addr) *signaller {
	dialer := &net.Dialer{Timeout: postTimeout}
	if local.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    postTimeout,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return &signaller{
		transport: t,
		client: &http.Client{
			Transport: t,
			// Redirects are followed by hand: the standard client turns a POST
			// into a GET for some codes and drops the token on another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		endpoint:  endpoint,
		token:     token,
		userAgent: userAgent,
	}
}

// close lets go of idle connections.
func (s *signaller) close() { s.transport.CloseIdleConnections() }

func (s *signaller) request(ctx context.Context, method string, u *url.URL, body []byte, header http.Header) (*http.Response, error) {
	ctx, end := s.waits.begin(ctx)
	defer end()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("whip: %s cannot be asked: its address is not valid", u.Host)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if s.token != "" && s.trusts(u) {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	if s.userAgent != "" {
		req.Header.Set("User-Agent", s.userAgent)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, transportError(u.Host, err)
	}
	return res, nil
}

// trusts reports whether u is told the token.
func (s *signaller) trusts(u *url.URL) bool {
	return outputs.Site(u.Hostname()) == outputs.Site(s.endpoint.Hostname())
}

// refusal says in a sentence why at did not give a session, or is no endpoint.
func (s *signaller) refusal(at *url.URL, res *http.Response) error {
	if refusesToken(res.StatusCode) && s.token != "" && !s.trusts(at) {
		return outputs.Permanent(fmt.Errorf("whip: %s: %w (HTTP %d): %s sends on to it, and a token is not told to another site: enter its own address", at.Host, ErrToken, res.StatusCode, s.endpoint.Host))
	}
	return refusal(at.Host, res)
}

// follow sends a request and follows 307 and 308 (RFC 9725 section 4.5), with the token where
// that is of the same site: load balancers send publishers to another host of their service. It
// never goes from https to http. It returns the address that answered.
func (s *signaller) follow(ctx context.Context, method string, u *url.URL, body []byte, header http.Header) (*http.Response, *url.URL, error) {
	for range maxRedirects + 1 {
		res, err := s.request(ctx, method, u, body, header)
		if err != nil {
			return nil, nil, err
		}
		if res.StatusCode != http.StatusTemporaryRedirect && res.StatusCode != http.StatusPermanentRedirect {
			return res, u, nil
		}
		drain(res)
		next, err := resolve(u, res.Header.Get("Location"))
		if err != nil {
			return nil, nil, fmt.Errorf("whip: %s redirects to an address that cannot be used: %w", u.Host, err)
		}
		u = next
	}
	return nil, nil, fmt.Errorf("whip: %s redirects in circles", u.Host)
}

// resolve makes a Location absolute, relative to the address it came from.
func resolve(from *url.URL, location string) (*url.URL, error) {
	if location == "" {
		return nil, errors.New("none given")
	}
	ref, err := url.Parse(location)
	if err != nil {
		return nil, errors.New("not a web address")
	}
	u := from.ResolveReference(ref)
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, errors.New("not a web address")
	case from.Scheme == "https" && u.Scheme == "http":
		return nil, errors.New("unencrypted, which would show the token")
	}
	return u, nil
}

// options asks the endpoint for ICE servers before the offer is made. Servers need
// not answer it; then there are none.
func (s *signaller) options(ctx context.Context, endpoint *url.URL) []webrtc.ICEServer {
	ctx, cancel := context.WithTimeout(ctx, optionsTimeout)
	defer cancel()
	res, _, err := s.follow(ctx, http.MethodOptions, endpoint, nil, nil)
	if err != nil {
		return nil // POST meets the same fault and reports it
	}
	defer drain(res)
	if res.StatusCode/100 != 2 {
		return nil
	}
	return iceServers(res.Header)
}

// publish posts the offer. With an error no session is left on the server, as far
// as it told us of one.
func (s *signaller) publish(ctx context.Context, endpoint *url.URL, offer string) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	res, at, err := s.follow(ctx, http.MethodPost, endpoint, []byte(offer), http.Header{
		"Content-Type": {"application/sdp"}, "Accept": {"application/sdp"},
	})
	if err != nil {
		return nil, err
	}
	defer drain(res)
	if res.StatusCode != http.StatusCreated {
		return nil, s.refusal(at, res)
	}
	out := &session{iceServers: iceServers(res.Header)}
	// A server without a usable Location can be published to; its session
	// then ends by the loss of ICE consent instead of DELETE.
	if u, err := resolve(at, res.Header.Get("Location")); err == nil {
		out.resource = u
		out.etag = res.Header.Get("ETag")
		out.patches = strings.Contains(strings.ToLower(strings.Join(res.Header.Values("Accept-Patch"), ",")), fragmentType)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes+1))
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")) // no type is judged by the check below
	switch {
	case err != nil:
		err = transportError(at.Host, err)
	case len(body) > maxAnswerBytes:
		err = fmt.Errorf("whip: the answer of %s is too long", at.Host)
	case kind != "application/sdp":
		err = fmt.Errorf("whip: %s did not answer with SDP: it is not a WHIP endpoint", at.Host)
	}
	if err != nil {
		s.remove(context.WithoutCancel(ctx), out)
		return nil, err
	}
	out.answer = string(body)
	return out, nil
}

// remove ends the session on the server. It is bounded to a second, and a failure is
// of no consequence: the server notices the loss of ICE consent a little later.
func (s *signaller) remove(ctx context.Context, ses *session) {
	if ses == nil || ses.resource == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, deleteTimeout)
	defer cancel()
	res, _, err := s.follow(ctx, http.MethodDelete, ses.resource, nil, nil)
	if err == nil {
		drain(res)
	}
}

// drain reads a little of what is left, so that the connection can be used again.
func drain(res *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 4<<10)) // only a courtesy to the connection
	_ = res.Body.Close()                                        // nothing was written
}
