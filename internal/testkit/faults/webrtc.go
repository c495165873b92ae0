package faults

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// WebRTC stands in the way of a WHIP publisher's media: it rewrites offer and answer so
// that the only path is through its own UDP relays, and treats what passes as it is told:
// of what passes, RTP and RTCP alone get lost. It is for one publisher: a new session ends
// the paths of the one before.
type WebRTC struct {
	Lossy

	// Restarts says that the paths of an ICE restart go through it too; else they lead
	// around it.
	Restarts bool

	hang    atomic.Bool // requests are taken and not answered
	release chan struct{}
	t       testing.TB

	mu     sync.Mutex
	relays []*UDP // guarded by mu
}

// NewWebRTC makes one; Wrap puts it before a server, whose candidates are of 127.0.0.1.
func NewWebRTC(t testing.TB) *WebRTC {
	r := &WebRTC{t: t, release: make(chan struct{})}
	t.Cleanup(func() { close(r.release) })
	return r
}

// Cut closes every socket: the far end is gone.
func (r *WebRTC) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.relays {
		u.Cut()
	}
	r.relays = nil
}

var (
	candidateLines = regexp.MustCompile(`a=candidate:[^\r\n]*\r\n`)
	udp4Candidate  = regexp.MustCompile(`a=candidate:\S+ 1 udp \d+ (127\.0\.0\.1) (\d+) typ host[^\r\n]*\r\n`)
)

// Wrap is the way to next, the WHIP server, which sees no candidates of the publisher.
func (r *WebRTC) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.hang.Load() {
			_, _ = io.Copy(io.Discard, req.Body) // from then on the server notices when the client goes
			select {
			case <-r.release:
			case <-req.Context().Done():
			}
			return
		}
		if req.Method != http.MethodPost && !(r.Restarts && req.Method == http.MethodPatch) {
			next.ServeHTTP(w, req)
			return
		}
		offer, err := io.ReadAll(req.Body)
		if err != nil {
			return // the publisher has gone
		}
		req.Body = io.NopCloser(bytes.NewReader(candidateLines.ReplaceAll(offer, nil)))
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, req)
		if req.Method == http.MethodPost && rec.Code == http.StatusCreated {
			r.Cut()
		}
		answer := rec.Body.String()
		if m := udp4Candidate.FindStringSubmatch(answer); m != nil {
			port, err := r.forward(m[2])
			if err != nil {
				r.t.Error(err)
				return
			}
			line := strings.Replace(m[0], " "+m[2]+" typ", fmt.Sprintf(" %d typ", port), 1)
			answer = strings.Replace(candidateLines.ReplaceAllString(answer, ""), "a=end-of-candidates", line+"a=end-of-candidates", 1)
		}
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		_, _ = io.WriteString(w, answer) // the publisher sees it
	})
}

// Hang takes requests from now on and answers none, until the end of the test.
func (r *WebRTC) Hang() { r.hang.Store(true) }

// forward puts a relay before the server's port and returns ours.
func (r *WebRTC) forward(port string) (int, error) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, err
	}
	u := newUDP(r.t, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(n)), isMedia, &r.Lossy)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.relays = append(r.relays, u)
	return int(u.Addr.Port()), nil
}

// isMedia: RTP and RTCP begin with 128..191 (RFC 7983).
func isMedia(b []byte) bool { return len(b) > 0 && b[0]&0xc0 == 0x80 }
