package rtmp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/outputs"
)

// listen answers every connection with handle, and ends with the test.
func listen(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			handle(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

// certificate makes a self-signed one for name and the pool that trusts it.
func certificate(t *testing.T, name string, until time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: until,
		DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func tlsListener(c tls.Certificate) func(net.Listener) net.Listener {
	return func(l net.Listener) net.Listener {
		return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{c}})
	}
}

func TestRefusals(t *testing.T) {
	server := startServer(t, nil)
	closed := fmt.Sprintf("127.0.0.1:%d", ports.Free(t)) // nobody listens there
	hour := time.Now().Add(time.Hour)
	good, pool := certificate(t, "127.0.0.1", hour)
	other, otherPool := certificate(t, "other.example", hour)
	expired, expiredPool := certificate(t, "127.0.0.1", time.Now().Add(-time.Hour))
	trusted := startServer(t, tlsListener(good))
	misnamed := startServer(t, tlsListener(other))
	old := startServer(t, tlsListener(expired))
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	web := listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 100))
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		_, _ = io.Copy(io.Discard, c) // closing on what is unread would take the answer back
	})
	slammed := listen(t, func(net.Conn) {})
	const secret = "s3cr3t-key"
	for _, c := range []struct {
		name, url, key string
		roots          *x509.CertPool
		permanent      bool
		want           string
	}{
		{"unknown application", "rtmp://" + server.addr + "/unknown", secret, nil, true, `has no application "unknown": check the address`},
		{"key refused", "rtmp://" + server.addr + "/live", "bad-key", nil, true, "refused the stream key: stream key not accepted"},
		{"name in use", "rtmp://" + server.addr + "/live", "used-key", nil, false, "the stream name is in use"},
		{"refused for another reason", "rtmp://" + server.addr + "/live", "odd-key", nil, false, "refused the stream while starting the stream: not accepted"},
		{"nobody listens", "rtmp://" + closed + "/live", secret, nil, false, "refuses connections"},
		{"no such name", "rtmp://crosspoint.invalid/live", secret, nil, false, `the name "crosspoint.invalid"`},
		{"silence", "rtmp://" + silent + "/live", secret, nil, false, "accepted the connection but does not answer while shaking hands"},
		{"silence instead of TLS", "rtmps://" + silent + "/live", secret, nil, false, "accepted the connection but does not answer while setting up encryption"},
		{"a web server", "rtmp://" + web + "/live", secret, nil, false, "does not speak RTMP"},
		{"closed at once", "rtmp://" + slammed + "/live", secret, nil, false, "closed the connection while shaking hands"},
		{"TLS, wrong name", "rtmps://" + misnamed.addr + "/live", secret, otherPool, true, "is for another name"},
		{"TLS, not trusted", "rtmps://" + trusted.addr + "/live", secret, x509.NewCertPool(), true, "is signed by an unknown authority"},
		{"TLS, expired", "rtmps://" + old.addr + "/live", secret, expiredPool, true, "has expired"},
		{"no TLS there", "rtmps://" + server.addr + "/live", secret, pool, false, "it may expect rtmp://"},
		{"TLS there", "rtmp://" + trusted.addr + "/live", secret, pool, false, "it may expect rtmps://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := newPublisher(t, c.url, c.key)
			out.limits.roots = c.roots
			if strings.HasPrefix(c.name, "silence") {
				out.limits.setup = 5 * time.Second
			}
			feed := newTestFeed(testTracks(t), media.LiveLimits)
			start := time.Now()
			err := out.Run(t.Context(), feed)
			if err == nil {
				t.Fatal("Run = nil")
			}
			if d := time.Since(start); d > 30*time.Second {
				t.Errorf("took %v", d)
			}
			text := err.Error()
			if !strings.HasPrefix(text, "rtmp: ") || !strings.Contains(text, c.want) || outputs.IsPermanent(err) != c.permanent {
				t.Errorf("got %q, permanent %v; want …%s…, %v", text, outputs.IsPermanent(err), c.want, c.permanent)
			}
			if strings.Contains(text, c.key) || strings.Contains(text, c.url) {
				t.Errorf("%q shows the key or the address", text)
			}
		})
	}
}

// What a server keeps silent about is said while it is waited for.
func TestSilentServerIsTold(t *testing.T) {
	t.Parallel()
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	feed := newTestFeed(testTracks(t), media.LiveLimits)
	out := newPublisher(t, "rtmp://"+silent+"/live", "key")
	out.limits.tell = ms(200)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- out.Run(ctx, feed) }()
	told := func() bool {
		r := feed.lastReport()
		return r.State == outputs.Handshaking && strings.Contains(r.Detail, "s waiting for it to answer")
	}
	for deadline := time.Now().Add(20 * time.Second); !told(); <-time.After(ms(20)) {
		if time.Now().After(deadline) {
			t.Fatalf("the operator reads %+v", feed.lastReport())
		}
	}
	cancel()
	<-result
}

func TestRTMPS(t *testing.T) {
	t.Parallel()
	cert, pool := certificate(t, "127.0.0.1", time.Now().Add(time.Hour))
	server := startServer(t, tlsListener(cert))
	for i, insecure := range []bool{false, true} {
		t.Run(fmt.Sprintf("insecure %v", insecure), func(t *testing.T) {
			out := newPublisher(t, "rtmps://"+server.addr+"/live", "key")
			out.target.insecure = insecure
			if !insecure {
				out.limits.roots = pool
			}
			feed := newTestFeed(testTracks(t), media.QueueLimits{MaxBytes: 64 << 20})
			var sent []*media.Packet
			for n := range int64(30) {
				sent = append(sent, fakePicture(n, 100_000), fakeSound(n))
			}
			for _, p := range sent {
				feed.q.Put(p)
			}
			result := make(chan error, 1)
			go func() { result <- out.Run(t.Context(), feed) }()
			feed.waitState(t, outputs.Confirmed, 20*time.Second)
			feed.q.Close()
			if err := <-result; err != nil {
				t.Fatal(err)
			}
			r := server.stream(i)
			<-r.closed
			if r.err != nil {
				t.Errorf("closed with %v", r.err)
			}
			compare(t, feed.tracks, r, sent)
		})
	}
}

func TestServerClosesMidStream(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &received{closed: make(chan struct{})}
	server := NewServer(ServerOptions{
		Log:       discard(),
		OnPublish: func(string, string) (StreamHandler, error) { return r, nil },
	})
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, l) }()
	feed := newTestFeed(testTracks(t), media.LiveLimits)
	pumping, stop := context.WithCancel(t.Context())
	pumped := make(chan struct{})
	go func() { defer close(pumped); feed.pump(pumping, 4000) }()
	defer func() { stop(); <-pumped }()
	result := make(chan error, 1)
	go func() { result <- newPublisher(t, "rtmp://"+l.Addr().String()+"/live", "key").Run(t.Context(), feed) }()
	feed.waitState(t, outputs.Confirmed, 20*time.Second)
	cancel()
	if err := <-served; err != nil {
		t.Errorf("Serve = %v", err)
	}
	if err := <-result; err == nil || !strings.Contains(err.Error(), "closed the connection") || outputs.IsPermanent(err) {
		t.Errorf("Run = %v", err)
	}
	<-r.closed
	if !errors.Is(r.err, context.Canceled) {
		t.Errorf("the handler heard %v", r.err)
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		name, settings, key string
		want                target
		err                 string
	}{
		{"usual", `{"url":"rtmp://live.example.com/app"}`, "k", target{host: "live.example.com", port: "1935", app: "app", key: "k"}, ""},
		{"secure", `{"url":"rtmps://live.example.com:8443/app/inst?x=1","insecure":true}`, "k", target{secure: true, insecure: true, host: "live.example.com", port: "8443", app: "app/inst?x=1", key: "k"}, ""},
		{"default port", `{"url":"rtmps://[::1]/app"}`, "k", target{secure: true, host: "::1", port: "443", app: "app", key: "k"}, ""},
		{"key in the address", `{"url":"rtmp://h/app/KEY?a=b"}`, "", target{host: "h", port: "1935", app: "app", key: "KEY?a=b"}, ""},
		{"no key", `{"url":"rtmp://h/app"}`, "", target{}, "the stream key is missing"},
		{"no application", `{"url":"rtmp://h/"}`, "k", target{}, "the address has no application"},
		{"no host", `{"url":"rtmp:///app"}`, "k", target{}, "the address has no host name"},
		{"another scheme", `{"url":"https://h/app"}`, "k", target{}, "the address must begin with rtmp://"},
		{"user", `{"url":"rtmp://u:p@h/app"}`, "k", target{}, "enter it under User name"},
		{"user without a password", `{"url":"rtmp://h/app/stream","user":"me"}`, "", target{}, "enter it as the stream key"},
		{"key as a setting", `{"url":"rtmp://h/app","key":"k"}`, "", target{}, "unknown field"},
		{"no URL", `{"url":"rtmp://h:x/KEYKEY"}`, "", target{}, "the address must look like rtmp://"},
	} {
		got, err := parseTarget([]byte(c.settings), c.key)
		if c.err == "" && (err != nil || got != c.want) {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "KEY")) {
			t.Errorf("%s: error %v, want …%s…", c.name, err, c.err)
		}
	}
	for _, c := range []struct{ name, settings, rest, key string }{
		{"key in the address", `{"url":" rtmp://live.example.com/app/live_123_abc "}`, `{"url":"rtmp://live.example.com/app"}`, "live_123_abc"},
		{"with a query, an instance, a port, other settings", `{"insecure":true,"url":"rtmps://h:443/app/in st/KEY?a=b&c"}`, `{"insecure":true,"url":"rtmps://h:443/app/in%20st"}`, "KEY?a=b&c"},
		{"with a slash at its end", `{"url":"rtmp://[::1]/app/KEY/"}`, `{"url":"rtmp://[::1]/app"}`, "KEY"},
		{"with a fragment", `{"url":"rtmp://h/app/KEY#x"}`, `{"url":"rtmp://h/app"}`, "KEY"},
		{"escaped", `{"url":"rtmp://h/a%2Fb/K%2BEY"}`, `{"url":"rtmp://h/a/b"}`, "K+EY"},
		{"none", `{"url":"rtmp://h/app/"}`, "", ""},
		{"a stream's name", `{"url":"rtmp://h/app/stream","user":"me"}`, "", ""},
		{"no address", `{"url":"rehearsal:"}`, "", ""},
		{"spaces that would be lost", `{"url":"rtmp://h/app/KEY%20"}`, "", ""},
	} {
		if c.rest == "" {
			c.rest = c.settings
		}
		rest, key := keyApart([]byte(c.settings))
		if string(rest) != c.rest || key != c.key {
			t.Errorf("%s: %s and %q, want %s and %q", c.name, rest, key, c.rest, c.key)
		}
		if key == "" {
			continue
		}
		want, err := parseTarget([]byte(c.settings), "")
		got, apart := parseTarget(rest, key)
		if err != nil || apart != nil || got != want {
			t.Errorf("%s: apart it is %+v (%v), as one %+v (%v)", c.name, got, apart, want, err)
		}
	}
	u := target{secure: true, host: "::1", port: "443", app: "a", key: "k"}
	if u.tcURL() != "rtmps://[::1]/a" {
		t.Errorf("tcURL is %s", u.tcURL())
	}
	u = target{host: "h", app: "a?token=t0k", key: "K/E Y?x=1"}
	if got := u.redact("bad K%2FE+Y%3Fx%3D1 or K/E Y?x=1 or K/E Y \x00 token=t0k"); got != "bad *** or *** or ***   ***" {
		t.Errorf("redact = %q", got)
	}
}

// A refusal ends a destination for good only if it has never been live.
func TestRefusedAfterLive(t *testing.T) {
	t.Parallel()
	server := startServer(t, nil)
	out := newPublisher(t, "rtmp://"+server.addr+"/live", "key")
	feed := newTestFeed(testTracks(t), media.LiveLimits)
	feed.q.Put(fakePicture(0, 10_000))
	feed.q.Put(fakePicture(1, 10_000))
	result := make(chan error, 1)
	go func() { result <- out.Run(t.Context(), feed) }()
	feed.waitState(t, outputs.Confirmed, 20*time.Second)
	feed.q.Close()
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	out.target.key = "bad-key"
	err := out.Run(t.Context(), newTestFeed(testTracks(t), media.LiveLimits))
	if err == nil || outputs.IsPermanent(err) || !strings.Contains(err.Error(), "refused the stream key") {
		t.Errorf("Run = %v, permanent %v", err, outputs.IsPermanent(err))
	}
}

// A refusal and the closed connection behind it arrive together: the refusal is the reason.
func TestRefusalBeforeTheEnd(t *testing.T) {
	for range 64 { // a select between both would choose wrongly every other time
		c := newClient(nil, target{})
		c.answers <- answer{name: "onBWDone"}
		c.answers <- answer{"_error", tidConnect, []any{nil, map[string]any{"level": "error", "code": "NetConnection.Connect.InvalidApp"}}}
		c.over <- io.EOF
		close(c.over)
		var status *statusError
		if _, err := c.wait(t.Context(), reply(tidConnect)); !errors.As(err, &status) {
			t.Fatalf("wait = %v, want the refusal", err)
		}
	}
}

// What is final is what the server says of keys. Else a backup would be lost to a server that is
// busy for a moment: a chain tries a Passing refusal again.
func TestRejectionsThatPass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code, description string
		phase             phase
		passes            bool
	}{
		{"NetConnection.Connect.Rejected", "server is busy", phaseConnect, true},
		{"NetConnection.Connect.Rejected", "", phaseConnect, true},
		{"NetConnection.Connect.Rejected", "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ]", phaseConnect, false},
		{"NetConnection.Connect.Rejected", "wrong token", phaseConnect, false},
		{"NetConnection.Connect.InvalidApp", "no such application", phaseConnect, true},
		{"NetStream.Publish.Rejected", "try later", phasePublish, true},
		{"NetStream.Publish.Denied", "", phasePublish, false},
		{"NetStream.Publish.Rejected", "unknown stream key", phasePublish, false},
	} {
		err := target{host: "h", port: "1935"}.explainStatus(c.phase, &statusError{c.code, c.description})
		if !outputs.IsPermanent(err) {
			t.Errorf("%s %q: %v, not final for a destination that has never been live", c.code, c.description, err)
		}
		if got := outputs.IsPassing(err); got != c.passes {
			t.Errorf("%s %q passes: %v, want %v", c.code, c.description, got, c.passes)
		}
	}
}

// tracked is a listener whose newest connection can be closed.
type tracked struct {
	net.Listener
	newest chan net.Conn // capacity 1
}

func (l *tracked) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.newest <- c
	}
	return c, err
}

// A server that takes the stream, and what is sent, and closes within seconds each time is one that
// does not know the key.
func TestClosedSoonAfterConsent(t *testing.T) {
	t.Parallel()
	newest := make(chan net.Conn, 1)
	server := startServer(t, func(l net.Listener) net.Listener { return &tracked{l, newest} })
	out := newPublisher(t, "rtmp://"+server.addr+"/live", "key")
	const hint = "check the stream key"
	for i, c := range []struct {
		brief time.Duration
		hint  bool
	}{{time.Minute, false}, {time.Minute, true}, {time.Minute, true}, {time.Nanosecond, false}, {time.Minute, false}, {time.Minute, true}} {
		out.limits.brief = c.brief
		feed := newTestFeed(testTracks(t), media.LiveLimits)
		pumping, stop := context.WithCancel(t.Context())
		pumped := make(chan struct{})
		go func() { defer close(pumped); feed.pump(pumping, 5_000) }()
		result := running(t.Context(), t, out, feed)
		feed.waitState(t, outputs.Confirmed, 30*time.Second)
		_ = (<-newest).Close() // the server's
		err := <-result
		stop()
		<-pumped
		if err == nil || outputs.IsPermanent(err) || !strings.Contains(err.Error(), "closed the connection") || strings.Contains(err.Error(), hint) != c.hint {
			t.Errorf("stream %d ended with %v; %q in it: want %v", i, err, hint, c.hint)
		}
	}
}
