package e2e

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/faults"
	"crosspoint.studio/crosspoint/outputs/whip"
)

// whipFar is a WHIP server behind lines that can be broken: its requests and its media.
type whipFar struct {
	requests *faults.TCP
	media    *faults.WebRTC

	mu       sync.Mutex
	server   *whip.Server // guarded by mu; replaced by restart
	received *pictureGaps // guarded by mu; the newest stream's
}

// pictureGaps counts the pictures that arrive, and those that are missing between them.
type pictureGaps struct {
	mu            sync.Mutex
	last          time.Duration // guarded by mu
	came, missing int           // guarded by mu
}

func (g *pictureGaps) Start([]media.Track) {}

func (g *pictureGaps) Packet(p *media.Packet) {
	if p.Audio {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.came > 0 {
		g.missing += int((p.Time-g.last+time.Second/fps/2)*fps/time.Second) - 1
	}
	g.last = p.Time
	g.came++
}

func (g *pictureGaps) End(error) {}

// startWHIPFar starts one that takes the token "right" alone.
func startWHIPFar(t testing.TB) *whipFar {
	w := &whipFar{media: faults.NewWebRTC(t)}
	w.media.Restarts = true
	w.restart()
	front := httptest.NewServer(w.media.Wrap(http.HandlerFunc(w.serve)))
	w.requests = faults.NewTCP(t, strings.TrimPrefix(front.URL, "http://"))
	t.Cleanup(func() {
		w.present().Close()
		front.CloseClientConnections()
		front.Close()
	})
	return w
}

func (w *whipFar) serve(to http.ResponseWriter, r *http.Request) {
	http.StripPrefix("/whip", w.present()).ServeHTTP(to, r)
}

func (w *whipFar) present() *whip.Server {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.server
}

// restart puts a new server in the place of the one that is there, if any.
func (w *whipFar) restart() {
	s := whip.NewServer(whip.ServerOptions{
		Loopback: true,
		Authorize: func(_, token string) error {
			if token != "right" {
				return errors.New("another token")
			}
			return nil
		},
		Accept: func(string) whip.Sink {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.received = &pictureGaps{}
			return w.received
		},
	})
	w.mu.Lock()
	old := w.server
	w.server = s
	w.mu.Unlock()
	if old != nil {
		old.Close()
	}
}

func (w *whipFar) url() string { return fmt.Sprintf("http://127.0.0.1:%d/whip/show", w.requests.Port) }

// arrived is what has come of the present connection's pictures, and what is missing of them.
func (w *whipFar) arrived() (came, missing int) {
	w.mu.Lock()
	g := w.received
	w.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.came, g.missing
}

// whipRows are the faults of a WHIP destination; carried tells what it sends in b/s.
func whipRows(t testing.TB, down []string, carried func(id string) int) []*faultRow {
	var rows []*faultRow
	add := func(id string, begin, end func(*whipFar), states ...string) *faultRow {
		w := startWHIPFar(t)
		r := &faultRow{id: id, url: w.url(), credential: "right", states: states, back: true, begin: func() { begin(w) }, end: func() { end(w) }, whip: w}
		rows = append(rows, r)
		return r
	}
	nothing := func(*whipFar) {}
	add("whip-refused", func(w *whipFar) { w.requests.Refuse(); w.media.Cut() }, func(w *whipFar) { w.requests.Accept() }, down...)
	add("whip-frozen", func(w *whipFar) { w.requests.Freeze(true); w.media.Freeze(true) }, func(w *whipFar) { w.requests.Freeze(false); w.media.Freeze(false) }, down...)
	add("whip-restart", func(w *whipFar) { w.requests.Refuse(); w.restart() }, func(w *whipFar) { w.requests.Accept() }, down...)
	add("whip-ended", (*whipFar).restart, nothing, down...)
	for _, percent := range []int{1, 5, 15} {
		r := add(fmt.Sprintf("whip-loss-%d", percent), func(w *whipFar) { w.media.Delay(10 * time.Millisecond); w.media.Loss(float64(percent) / 100) },
			func(w *whipFar) { w.media.Loss(0) }, "live", "degraded")
		r.dropless = true
	}
	add("whip-rtt-600", func(w *whipFar) { w.media.Delay(300 * time.Millisecond) }, func(w *whipFar) { w.media.Delay(0) }, "live", "degraded").dropless = true
	add("whip-narrow", func(w *whipFar) { w.media.Rate(carried("whip-narrow") / 2) }, func(w *whipFar) { w.media.Rate(0) }, "live", "degraded")
	add("whip-narrow-own", func(w *whipFar) { w.media.Rate(carried("whip-narrow-own") * 5 / 8) }, func(w *whipFar) { w.media.Rate(0) }, "live", "degraded").rendition = "own-whip"
	denied := add("whip-wrong-token", nothing, nothing, "failed")
	denied.credential, denied.back = "denied", false
	// Its certificate is good for 127.0.0.1, not for this name.
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0) // it hears of every refusal
	tls.StartTLS()
	t.Cleanup(tls.Close)
	return append(rows, &faultRow{id: "whip-tls", url: strings.Replace(tls.URL, "127.0.0.1", "localhost", 1), credential: "right", states: []string{"failed"}})
}
