package whip

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// relay stands in the way of the media: it rewrites offer and answer so that the
// only path is through its own UDP sockets, and there loses what it is told to.
type relay struct {
	lossPercent atomic.Int64 // of RTP and RTCP, both ways
	frozen      atomic.Bool  // nothing passes, nothing is refused
	capBPS      atomic.Int64 // of what the publisher sends; 0 is no limit
	dropped     atomic.Int64
	hangHTTP    atomic.Bool // requests are taken and not answered
	release     chan struct{}

	mu    sync.Mutex
	conns []net.Conn // guarded by mu
	wg    sync.WaitGroup
	t     testing.TB
}

func newRelay(t testing.TB) *relay {
	r := &relay{t: t, release: make(chan struct{})}
	t.Cleanup(func() {
		close(r.release)
		r.cut()
		r.wg.Wait()
	})
	return r
}

// cut closes every socket: the far end is gone.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
}

var (
	candidateLines = regexp.MustCompile(`a=candidate:[^\r\n]*\r\n`)
	udp4Candidate  = regexp.MustCompile(`a=candidate:\S+ 1 udp \d+ (127\.0\.0\.1) (\d+) typ host[^\r\n]*\r\n`)
)

func (r *relay) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.hangHTTP.Load() {
			_, _ = io.Copy(io.Discard, req.Body) // from then on the server notices when the client goes
			select {
			case <-r.release:
			case <-req.Context().Done():
			}
			return
		}
		if req.Method != http.MethodPost {
			next.ServeHTTP(w, req)
			return
		}
		offer, err := io.ReadAll(req.Body)
		if err != nil {
			r.t.Error(err)
			return
		}
		req.Body = io.NopCloser(bytes.NewReader(candidateLines.ReplaceAll(offer, nil)))
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, req)
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

// forward opens a pair of sockets before the server's port and returns ours.
func (r *relay) forward(port string) (int, error) {
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0, err
	}
	back, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: n})
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	r.conns = append(r.conns, front, back)
	r.mu.Unlock()
	var client atomic.Pointer[net.UDPAddr]
	_ = front.SetReadBuffer(48 << 10) // what waits at a narrow place; the kernel may give more
	r.wg.Go(func() {
		buf := make([]byte, 2048)
		free := time.Now()
		for {
			n, from, err := front.ReadFromUDP(buf)
			if err != nil {
				return
			}
			client.Store(from)
			if limit := r.capBPS.Load(); limit > 0 {
				if now := time.Now(); free.Before(now.Add(-5 * time.Millisecond)) {
					free = now
				}
				free = free.Add(time.Duration(int64(n) * 8 * int64(time.Second) / limit))
				time.Sleep(time.Until(free)) // the narrow place itself
			}
			if r.passes(buf[:n]) {
				_, _ = back.Write(buf[:n]) // a lossy network
			}
		}
	})
	r.wg.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, err := back.Read(buf)
			if err != nil {
				return
			}
			if to := client.Load(); to != nil && r.passes(buf[:n]) {
				_, _ = front.WriteToUDP(buf[:n], to) // a lossy network
			}
		}
	})
	return front.LocalAddr().(*net.UDPAddr).Port, nil
}

// passes judges a datagram; RTP and RTCP begin with 128..191 (RFC 7983).
func (r *relay) passes(b []byte) bool {
	if r.frozen.Load() {
		return false
	}
	if len(b) > 0 && b[0]&0xc0 == 0x80 && rand.Int64N(100) < r.lossPercent.Load() {
		r.dropped.Add(1)
		return false
	}
	return true
}
