package whip

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs"
)

// ownFault is what is said of a server that fails, whoever asked it.
const ownFault = ": if it goes on, tell the platform, or use a backup"

// Every refusal is one sentence without secrets, and only those that trying again
// cannot change are permanent.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		code      int
		want      string
		permanent bool
	}{
		{401, "refused the token (HTTP 401): check the token", true},
		{403, "refused the token", true},
		{404, "has no endpoint at this path (HTTP 404): check the address", false},
		{409, "publishing this stream already", false},
		{400, "did not accept the offer", false},
		{429, "too busy", false},
		{503, "too busy", false},
		{500, ownFault, false},
		{502, ownFault, false},
		{200, "instead of 201", false},
		{302, "instead of 201", false},
	} {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.code)
			}))
			defer srv.Close()
			err := newOutput(t, srv.URL+"/whip/stream-key", testToken).Run(t.Context(), newPlayout(t, time.Second))
			expectError(t, err, c.want, c.permanent)
		})
	}
}

// What a server says is shown in one line and not at length, however it says it.
func TestLongAnswersAreCut(t *testing.T) {
	long := strings.Repeat("\x1b[2J\x07", 10<<10)
	for what, answer := range map[string]string{
		"a status line":            "HTTP/1.1 " + long + "\r\n\r\n",
		"an answer that is no SDP": created("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=" + long + " 9 RTP/AVP 0\r\n"),
		"an answer with no port":   created(strings.Replace(anAnswer, "61764", long, 1)),
	} {
		t.Run(what, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close() // ends the loop
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil && req.Method == http.MethodPost {
						_, _ = io.Copy(io.Discard, req.Body) // the test judges what is made of the answer
						_, _ = io.WriteString(conn, answer)
					}
					_ = conn.Close() // OPTIONS and DELETE get nothing
				}
			}()
			err = newOutput(t, "http://"+l.Addr().String()+"/whip", testToken).Run(t.Context(), newPlayout(t, time.Second))
			if err == nil {
				t.Fatal("it was taken")
			}
			if text := err.Error(); len(text) > 400 || strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("%d bytes: %.200q", len(text), text)
			} else {
				t.Log(text)
			}
		})
	}
}

func created(sdp string) string {
	return fmt.Sprintf("HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(sdp), sdp)
}

func expectError(t testing.TB, err error, want string, permanent bool) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error %v, want one with %q", err, want)
	}
	if outputs.IsPermanent(err) != permanent {
		t.Errorf("%v: permanent %v, want %v", err, !permanent, permanent)
	}
	for _, secret := range []string{testToken, "stream-key", "/whip"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error %q shows %q", err, secret)
		}
	}
}

// A refusal ends a destination for good only if it has never been live: a captive portal
// that answers in the server's place is one.
func TestRefusedAfterLive(t *testing.T) {
	t.Parallel()
	var refuse atomic.Bool
	s := newTestServer(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if refuse.Load() && r.Method == http.MethodPost {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	o := newOutput(t, s.url(), testToken)
	if err := publishOnce(t, s, o); err != nil {
		t.Fatal(err)
	}
	refuse.Store(true)
	expectError(t, o.Run(t.Context(), newPlayout(t, time.Second)), "refused the token", false)
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String() + "/whip/stream-key"
	l.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	noTLS := strings.Replace(plain.URL, "http:", "https:", 1) + "/whip/stream-key"
	selfSigned := httptest.NewTLSServer(http.NotFoundHandler())
	defer selfSigned.Close()
	selfSigned.Config.ErrorLog = log.New(io.Discard, "", 0) // it hears that it is not trusted
	otherName := strings.Replace(selfSigned.URL, "127.0.0.1", "localhost", 1) + "/whip/stream-key"
	for _, c := range []struct {
		url, want string
		permanent bool
	}{
		{closed, "no server runs there", false},
		{noTLS, "does not speak TLS", true},
		{selfSigned.URL + "/whip/stream-key", "signed by an unknown authority", true},
		{otherName, "is for another name", true},
	} {
		err := newOutput(t, c.url, testToken).Run(t.Context(), newPlayout(t, time.Second))
		expectError(t, err, c.want, c.permanent)
	}
}

// A server that takes the POST and is silent does not hold up a stop.
func TestStopDuringPost(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { stopDuringPost(a) })
}

func stopDuringPost(t testing.TB) {
	release := make(chan struct{})
	asked := make(chan struct{}, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			asked <- struct{}{}
			<-release
		}
	}))
	defer srv.Close()
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	feed := newPlayout(t, time.Second)
	o := newOutput(t, srv.URL, "")
	done := running(ctx, t, o, feed)
	<-asked
	start := time.Now()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v, want %v", err, context.Canceled)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

// What a server keeps silent about is said while it is waited for.
func TestSilentServerIsTold(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, as kernels do, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()                                                     //nolint:errcheck // the test is over
	offered := answering(t, newTestServer(t, nil), func(sdp string) string { // no media there
		return regexp.MustCompile(`a=candidate:.*\r\n`).ReplaceAllString(sdp, "")
	})
	for _, c := range []struct{ url, want string }{
		{"http://" + silent.Addr().String() + "/whip", "waiting for it to answer; the connection is there"},
		{"https://" + silent.Addr().String() + "/whip", "waiting for it to set up encryption"},
		{offered, "took the offer: waiting for the media connection"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		feed := newPlayout(t, time.Second)
		o := newOutput(t, c.url, testToken).(*output)
		o.tellAfter = 300 * time.Millisecond
		done := make(chan error, 1)
		go func() { done <- o.Run(ctx, feed) }()
		feed.await(t, 20*time.Second, "told "+c.want, func(r outputs.Report) bool {
			return (r.State == outputs.Connecting || r.State == outputs.Handshaking) && strings.Contains(r.Detail, c.want)
		})
		cancel()
		<-done
	}
}

func TestWrongToken(t *testing.T) {
	s := newTestServer(t, nil)
	err := newOutput(t, s.url(), "another").Run(t.Context(), newPlayout(t, time.Second))
	expectError(t, err, "refused the token", true)
	if !errors.Is(err, ErrToken) {
		t.Errorf("%v is not ErrToken", err)
	}
}

// A second publisher of a key is refused while the first is there.
func TestKeyInUse(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	feed := newPlayout(t, time.Minute)
	done := make(chan error, 1)
	o := newOutput(t, s.url(), testToken)
	go func() { done <- o.Run(ctx, feed) }()
	feed.await(t, 10*time.Second, "confirmed", confirmed)
	if st := s.Streams(); len(st) != 1 || st[0].Key != "show" || st[0].Packets == 0 || st[0].Lost != 0 {
		t.Errorf("streams %+v", st)
	}
	err := newOutput(t, s.url(), testToken).Run(t.Context(), newPlayout(t, time.Second))
	expectError(t, err, "already", false)
	cancel()
	<-done
}

// The offer follows a redirect to another host, with the token; a relative Location
// is relative to where the answer came from; DELETE goes there, with the token.
func TestRedirectAndRelativeLocation(t *testing.T) {
	t.Parallel()
	for _, code := range []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		var mu sync.Mutex
		var seen []string
		s := newTestServer(t, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				seen = append(seen, r.Method+" "+strings.Join(strings.Split(r.URL.Path, "/")[:3], "/")+" "+r.Header.Get("Authorization"))
				mu.Unlock()
				next.ServeHTTP(w, r)
			})
		})
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, s.http.URL+"/whip/show?region=2", code)
		}))
		feed := newPlayout(t, 500*time.Millisecond)
		if err := newOutput(t, front.URL+"/global/stream", testToken).Run(t.Context(), feed); err != nil {
			t.Fatalf("HTTP %d: Run: %v", code, err)
		}
		if err := (<-s.sinks).awaitEnd(t, 20*time.Second); err != nil {
			t.Errorf("HTTP %d: the stream ended with %v, want nil: there was no DELETE", code, err)
		}
		front.Close()
		mu.Lock()
		want := "OPTIONS /whip/show Bearer s3cret-token, POST /whip/show Bearer s3cret-token, DELETE /whip/show Bearer s3cret-token"
		if got := strings.Join(seen, ", "); got != want {
			t.Errorf("HTTP %d: the server saw %s, want %s", code, got, want)
		}
		mu.Unlock()
	}
}

// A token goes along to another host of the endpoint's site, and to no other site: what that says
// then names both.
func TestTokenStaysAtItsSite(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Host == "global.one.example":
			http.Redirect(w, r, "http://"+r.URL.Query().Get("to")+"/whip", http.StatusTemporaryRedirect)
		case r.Header.Get("Authorization") != "Bearer "+testToken:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.WriteHeader(http.StatusConflict)
		}
	}))
	defer srv.Close()
	for to, want := range map[string]string{
		"eu.one.example:8080": "somebody is publishing",
		"two.example":         "global.one.example sends on to it, and a token is not told to another site",
	} {
		endpoint := &url.URL{Scheme: "http", Host: "global.one.example", Path: "/", RawQuery: "to=" + to}
		s := newSignaller(endpoint, testToken, "", netip.Addr{})
		s.transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", srv.Listener.Addr().String())
		}
		_, err := s.publish(t.Context(), endpoint, "v=0")
		s.close()
		expectError(t, err, want, to == "two.example")
	}
}

func TestRedirectInCirclesEnds(t *testing.T) {
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, srv.URL+"/whip/again", http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	err := newOutput(t, srv.URL+"/whip/stream-key", testToken).Run(t.Context(), newPlayout(t, time.Second))
	expectError(t, err, "redirects in circles", false)
}

// A server that refuses a codec in its answer is told good-bye, and the operator which
// codec it was.
func TestAnswerWithoutCodec(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"m=video 9 ", "m=video 0 ", "does not take the codec H.264"},
		{"H264/90000", "VP8/90000", "does not take the codec H.264"},
		{"m=audio 9 ", "m=audio 0 ", "does not take the codec Opus"},
	} {
		s := newTestServer(t, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				rec := httptest.NewRecorder()
				next.ServeHTTP(rec, r)
				for k, v := range rec.Header() {
					w.Header()[k] = v
				}
				w.WriteHeader(rec.Code)
				_, _ = w.Write(bytes.ReplaceAll(rec.Body.Bytes(), []byte(c.from), []byte(c.to))) // the publisher sees it
			})
		})
		err := newOutput(t, s.url(), testToken).Run(t.Context(), newPlayout(t, time.Second))
		expectError(t, err, c.want, true)
		if !errors.Is(err, ErrCodec) {
			t.Errorf("%v is not ErrCodec", err)
		}
		if err := (<-s.sinks).awaitEnd(t, 20*time.Second); err != nil {
			t.Errorf("the stream ended with %v, want nil: there was no DELETE", err)
		}
	}
}

// What Server refuses by itself.
func TestServerRefuses(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	for _, c := range []struct {
		method, path, kind, token, body string
		want                            int
	}{
		{"POST", "/whip/show", "application/sdp", "", "v=0", 401},
		{"POST", "/whip/show", "text/plain", testToken, "v=0", 415},
		{"POST", "/whip/show", "application/sdp", testToken, "nonsense", 400},
		{"POST", "/whip/show", "application/sdp", testToken, strings.Repeat("a=x\r\n", 20000), 400},
		{"POST", "/whip/", "application/sdp", testToken, "v=0", 404},
		{"DELETE", "/whip/show/none", "", testToken, "", 404},
		{"DELETE", "/whip/show/none", "", "", "", 401},
		{"PATCH", "/whip/show/none", "", testToken, "", 404},
		{"PATCH", "/whip/show/none", "", "", "", 401},
		{"GET", "/whip/show", "", testToken, "", 405},
		{"OPTIONS", "/whip/show", "", "", "", 204},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, s.http.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.kind != "" {
			req.Header.Set("Content-Type", c.kind)
		}
		if c.token != "" {
			req.Header.Set("Authorization", "Bearer "+c.token)
		}
		res, err := s.http.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body) // only the status matters
		res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%s %s: HTTP %d, want %d", c.method, c.path, res.StatusCode, c.want)
		}
	}
	if n := len(s.Streams()); n != 0 {
		t.Errorf("%d streams are left", n)
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct{ settings, token, want string }{
		{`{"url": "https://live.example.com/whip"}`, "t", ""},
		{`{"url": "http://127.0.0.1:8889/a/whip"}`, "", ""},
		{`{"url": "rtmp://live.example.com/app"}`, "", "https:// or http://"},
		{`{"url": "https:///whip"}`, "", "the address names no server"},
		{`{}`, "", "https:// or http://"},
		{`{"url": "https://user:pw@live.example.com/whip"}`, "", "as the token"},
		{`{"url": "http://bad host/stream-key"}`, "", "the address must look like https://"},
		{`{"url": "https://live.example.com/whip"}`, "a b", "spaces"},
		{`{"url": 5}`, "", "settings"},
	} {
		_, err := New([]byte(c.settings), outputs.Options{Secret: c.token})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.settings, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v, want one with %q", c.settings, err, c.want)
		}
	}
}

func TestICEServers(t *testing.T) {
	h := http.Header{"Link": {
		`<stun:stun.example.net>; rel="ice-server", <turn:turn.example.net?transport=udp>; rel="ice-server"; username="us,er"; credential="p\"w"; credential-type="password"`,
		`<turns:turn.example.net:443?transport=tcp>;rel=ice-server;username=u;credential=c`,
		`<turn:turn.example.net>; rel="ice-server"`, // lacks what a TURN server needs
		`<https://example.net/>; rel="next"`,
		`<gopher:x>; rel="ice-server"`,
		`garbage`,
	}}
	got := fmt.Sprint(iceServers(h))
	want := `[{[stun:stun.example.net]  <nil> password} {[turn:turn.example.net?transport=udp] us,er p"w password} ` +
		`{[turns:turn.example.net:443?transport=tcp] u c password}]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzICEServers(f *testing.F) {
	f.Add(`<turn:a>; rel="ice-server"; username="u"; credential="c", <stun:b>; rel=ice-server`)
	f.Add(`<a>;;=;"`)
	f.Fuzz(func(t *testing.T, field string) {
		if n := len(iceServers(http.Header{"Link": {field}})); n > maxICEServers {
			t.Errorf("%d servers", n)
		}
	})
}
