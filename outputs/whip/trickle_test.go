package whip

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/faults"
	"crosspoint.studio/crosspoint/outputs"
)

// slowSTUN answers binding requests after a while and returns its address.
func slowSTUN(t testing.TB, after time.Duration) string {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	t.Cleanup(func() {
		conn.Close()
		work.Wait()
	})
	work.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDP(buf)
			if err != nil {
				return
			}
			m := &stun.Message{Raw: append([]byte(nil), buf[:n]...)}
			if m.Decode() != nil {
				continue
			}
			work.Go(func() {
				timer := time.NewTimer(after)
				defer timer.Stop()
				select {
				case <-timer.C:
				case <-t.Context().Done():
					return
				}
				res, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
					&stun.XORMappedAddress{IP: from.IP, Port: from.Port})
				if err == nil {
					_, _ = conn.WriteToUDP(res.Raw, from) // like a lossy network
				}
			})
		}
	})
	return conn.LocalAddr().String()
}

func readAll(t testing.TB, r *http.Request) string {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// Candidates that a slow STUN server gives follow the offer by PATCH, with the ETag, and
// the connection comes about by them alone; also those that come before the answer does.
func TestLateCandidatesAreTrickled(t *testing.T) {
	t.Parallel()
	const late = 300 * time.Millisecond // after the offer
	for name, answer := range map[string]time.Duration{"after the answer": 0, "before the answer": 3 * late} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts.Run(t, 3, func(a *attempts.T) { lateCandidatesAreTrickled(a, late, answer) })
		})
	}
}

func lateCandidatesAreTrickled(t testing.TB, late, answer time.Duration) {
	addr := slowSTUN(t, offerPatience+late)
	var mu sync.Mutex
	var patches []string
	s := newTestServer(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := readAll(t, r)
			switch r.Method {
			case http.MethodOptions:
				w.Header().Set("Link", "<stun:"+addr+">; rel=\"ice-server\"")
			case http.MethodPost:
				body = regexp.MustCompile(`a=candidate:[^\r\n]*\r\n`).ReplaceAllString(body, "")
				time.Sleep(answer) // a server that takes its time
			case http.MethodPatch:
				mu.Lock()
				patches = append(patches, r.Header.Get("If-Match")+"\n"+body)
				mu.Unlock()
			}
			r.Body = io.NopCloser(strings.NewReader(body))
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			for k, v := range rec.Header() {
				w.Header()[k] = v
			}
			w.WriteHeader(rec.Code)
			// Only the server can call.
			_, _ = w.Write([]byte(regexp.MustCompile(`a=candidate:[^\r\n]*\r\n`).ReplaceAllString(rec.Body.String(), "")))
		})
	})
	feed := newPlayout(t, 300*time.Millisecond)
	if err := newOutput(t, s.url(), testToken).Run(t.Context(), feed); err != nil {
		t.Fatalf("Run: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(patches) != 1 {
		t.Fatalf("%d PATCH requests, want 1", len(patches))
	}
	if !strings.HasPrefix(patches[0], `"`) || !strings.Contains(patches[0], "typ srflx") || !strings.Contains(patches[0], "a=ice-ufrag:") ||
		!strings.Contains(patches[0], "a=mid:0") || !strings.Contains(patches[0], "a=end-of-candidates") {
		t.Errorf("PATCH was\n%s", patches[0])
	}
}

// When the path breaks for good, ICE is restarted over HTTP and the stream goes on by
// another path: the same session, no new POST, no reconnection.
func TestICERestart(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { iceRestart(a) })
}

func iceRestart(t testing.TB) {
	var mu sync.Mutex
	var seen []string
	r := faults.NewWebRTC(t)
	s := newTestServer(t, func(next http.Handler) http.Handler {
		next = r.Wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			seen = append(seen, strings.TrimSpace(req.Method+" "+req.Header.Get("If-Match")))
			mu.Unlock()
			next.ServeHTTP(w, req)
		})
	})
	feed := newPlayout(t, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := running(ctx, t, newOutput(t, s.url(), testToken), feed)
	feed.await(t, 10*time.Second, "confirmed", confirmed)
	r.Freeze(true) // the relay stays so
	feed.await(t, 6*time.Second, "degraded", func(r outputs.Report) bool { return r.State == outputs.Degraded })
	feed.await(t, 8*time.Second, "live again", confirmed)
	// What went into the break is then told as lost, which says nothing of the new path.
	back := feed.last().SentPackets
	feed.await(t, 8*time.Second, "two seconds more", func(r outputs.Report) bool { return r.SentPackets > back+150 })
	sink := <-s.sinks
	cancel()
	<-done
	if err := sink.awaitEnd(t, 20*time.Second); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	feed.mu.Lock()
	for _, r := range feed.reports {
		if r.LostPercent > 5 {
			t.Errorf("after the break it is %s: %q, %.0f %% lost", r.State, r.Detail, r.LostPercent)
		}
	}
	feed.mu.Unlock()
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(seen, ", "); got != `OPTIONS, POST, PATCH "*", DELETE` {
		t.Errorf("the server saw %s", got)
	}
}

// A server that takes candidates but does not restart ICE costs one connection, the one on
// which that is found out; from then on ICE gets over a short break by itself.
func TestNoICERestart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		known  bool
	}{
		{"refused", http.StatusUnprocessableEntity, false},
		{"ignored", http.StatusNoContent, false},
		{"known", http.StatusUnprocessableEntity, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			attempts.Run(t, 3, func(a *attempts.T) { noICERestart(a, c.status, c.known) })
		})
	}
}

func noICERestart(t testing.TB, status int, known bool) {
	r := faults.NewWebRTC(t)
	s := newTestServer(t, func(next http.Handler) http.Handler {
		next = r.Wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPatch {
				w.WriteHeader(status)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	feed := newPlayout(t, time.Minute)
	o := newOutput(t, s.url(), testToken).(*output)
	if known {
		o.rememberNoRestart()
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := running(ctx, t, o, feed)
	feed.await(t, 10*time.Second, "confirmed", confirmed)
	r.Freeze(true)
	feed.await(t, 6*time.Second, "not answered", func(r outputs.Report) bool { return r.Detail == "the server does not answer" })
	if !known {
		expectLost(t, done)
		if o.restartsICE() {
			t.Error("it would be tried again")
		}
		return
	}
	r.Freeze(false)
	feed.await(t, 5*time.Second, "live again", confirmed)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

// What the server refuses of a PATCH.
func TestPatchRefusals(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	feed := newPlayout(t, time.Minute)
	done := make(chan error, 1)
	go func() { done <- newOutput(t, s.url(), testToken).Run(ctx, feed) }()
	feed.await(t, 10*time.Second, "confirmed", confirmed)
	defer func() {
		cancel()
		<-done
	}()
	s.mu.Lock()
	in := s.streams["show"]
	s.mu.Unlock()
	for _, c := range []struct {
		name, match, kind, body string
		want                    int
	}{
		{"no If-Match", "", fragmentType, "a=ice-ufrag:abcd\r\na=ice-pwd:" + strings.Repeat("p", 24) + "\r\n", 428},
		{"another session", `"old"`, fragmentType, "a=end-of-candidates\r\n", 412},
		{"a restart must match anything", in.tag(), fragmentType, "a=ice-ufrag:abcd\r\na=ice-pwd:" + strings.Repeat("p", 24) + "\r\n", 412},
		{"a restart without password", `"*"`, fragmentType, "a=ice-ufrag:abcd\r\n", 400},
		{"not a fragment", in.tag(), fragmentType, "hello", 400},
		{"a bad candidate", in.tag(), fragmentType, "a=candidate:nonsense\r\n", 400},
		{"another type", in.tag(), "application/sdp", "v=0", 415},
		{"nothing more", in.tag(), fragmentType, "a=end-of-candidates\r\n", 204},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, s.url()+"/"+in.id, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", c.kind)
		req.Header.Set("Authorization", "Bearer "+testToken)
		if c.match != "" {
			req.Header.Set("If-Match", c.match)
		}
		res, err := s.http.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%s: HTTP %d, want %d", c.name, res.StatusCode, c.want)
		}
	}
}

func FuzzFragment(f *testing.F) {
	f.Add("a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n" +
		"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\na=end-of-candidates\r\n")
	f.Add("a=ice-ufrag:\n\nm=\na=mid")
	f.Fuzz(func(t *testing.T, text string) {
		one, err := parseFragment(text)
		if err != nil {
			return
		}
		two, err := parseFragment(one.String())
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, one)
		}
		if two.ufrag != one.ufrag && one.ufrag != "" || len(two.candidates) != len(one.candidates) {
			t.Errorf("%+v became %+v", one, two)
		}
		_ = withICE(text, one)
	})
}
