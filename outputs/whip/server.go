package whip

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// Sink takes one stream that Server receives. Its methods are called by one
// goroutine; while one of them blocks, the stream is not read, packets get lost, and
// Close waits.
type Sink interface {
	// Start says what the stream is made of, once, before the first packet. Video has
	// a time base of 1/90000, Opus of 1/48000; H.264 has its parameter sets and size.
	Start(tracks []media.Track)
	// Packet takes a packet, which is the sink's from then on: one access unit in
	// Annex B or one Opus packet. PTS of all tracks are on one clock, by the sender's
	// reports (within what they say; by arrival when there are none for two seconds),
	// near zero at the start. The first picture is a keyframe; after a loss pictures
	// are left out up to the next keyframe. Made is the time of arrival on a clock
	// that began with the stream.
	Packet(p *media.Packet)
	// End is called once, last, also without Start. nil is an orderly end,
	// context.Canceled the server's Close.
	End(err error)
}

// ServerOptions configure a Server. Authorize and Accept are required and may be
// called from several goroutines at once.
type ServerOptions struct {
	// Authorize judges a publisher before anything else is done for it: key is the
	// last element of the endpoint's path, token the bearer token or "". An error
	// refuses with 401; it is not sent to the publisher.
	Authorize func(key, token string) error
	// Accept gives the sink for an authorised stream.
	Accept func(key string) Sink
	// Loopback offers loopback addresses and nothing else.
	Loopback bool
	// Layers hands on every layer of simulcast as a track, with its name as the title, from
	// the first that the offer names to the last, and sound behind them; else the first layer
	// is the stream and the others are read and dropped.
	Layers bool
	// Take, if set, says which layers of simulcast are taken of those that an offer names, in
	// its order; others are refused by the answer. With none the answer has no simulcast, and
	// the first is the stream.
	Take func(offered []string) []string
	// MaxStreams at a time; 8 when 0.
	MaxStreams int
	// Log may be nil.
	Log *slog.Logger
}

const (
	maxOfferBytes    = 64 << 10
	offerReadTimeout = 5 * time.Second
	// quietTimeout ends a stream that brings no packet for so long.
	quietTimeout = 10 * time.Second
)

// Server takes streams in by WHIP. It is an http.Handler: a POST to a path that ends
// in a stream key begins a stream, and only one stream a key can be there. It does
// not listen by itself: the http.Server around it needs a ReadHeaderTimeout.
type Server struct {
	opt ServerOptions

	wg sync.WaitGroup // the streams

	mu      sync.Mutex
	streams map[string]*ingest // guarded by mu; by key
	closed  bool               // guarded by mu
}

// NewServer makes a server. Close ends it.
func NewServer(opt ServerOptions) *Server {
	if opt.MaxStreams == 0 {
		opt.MaxStreams = 8
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{opt: opt, streams: map[string]*ingest{}}
}

// Close ends every stream and waits for its sink's End. Requests from then on are
// refused.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, in := range s.streams {
		in.end(context.Canceled)
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		s.post(w, r)
	case http.MethodDelete:
		s.remove(w, r)
	case http.MethodPatch:
		s.patch(w, r)
	case http.MethodOptions:
		w.Header().Set("Accept-Post", "application/sdp")
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", allowed)
		http.Error(w, "this is a WHIP endpoint", http.StatusMethodNotAllowed)
	}
}

const allowed = "POST, PATCH, DELETE, OPTIONS"

func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func refuse(w http.ResponseWriter, code int, text string) { http.Error(w, text, code) }

func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	key := path.Base("/" + r.URL.Path)
	if key == "/" || key == "." {
		refuse(w, http.StatusNotFound, "the address names no stream")
		return
	}
	if err := s.opt.Authorize(key, bearer(r)); err != nil {
		s.opt.Log.Info("whip publisher refused", "reason", err)
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(w, http.StatusUnauthorized, "the token is not valid for this stream")
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/sdp" {
		refuse(w, http.StatusUnsupportedMediaType, "an offer in application/sdp is expected")
		return
	}
	// Not every ResponseWriter has deadlines; then http.Server's own are in force.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(offerReadTimeout))
	offer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOfferBytes))
	if err != nil {
		refuse(w, http.StatusBadRequest, "the offer could not be read")
		return
	}
	in := &ingest{key: key, layers: s.opt.Layers, take: s.opt.Take, id: rand.Text(), log: s.opt.Log, events: make(chan event, eventQueue),
		ended: make(chan struct{}), closing: make(chan struct{})}
	if code, text := s.claim(in); code != 0 {
		refuse(w, code, text)
		return
	}
	answer, err := in.negotiate(r.Context(), string(offer), s.opt.Loopback)
	if err != nil {
		s.release(in)
		in.close()
		s.wg.Done()
		code := http.StatusBadRequest
		if errors.Is(err, ErrCodec) {
			code = http.StatusNotAcceptable
		}
		s.opt.Log.Info("whip offer refused", "reason", err)
		refuse(w, code, "the offer cannot be accepted")
		return
	}
	go func() {
		defer s.wg.Done()
		defer s.release(in)
		in.run(s.opt.Accept(key))
	}()
	w.Header().Set("Content-Type", "application/sdp")
	// Relative to the address that was asked, so that any prefix works.
	w.Header().Set("Location", url.PathEscape(key)+"/"+in.id)
	w.Header().Set("ETag", in.tag())
	w.Header().Set("Accept-Patch", fragmentType)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) // a publisher that is gone is noticed by ICE
}

// claim takes in's key, or says why not. With it comes one count of s.wg.
func (s *Server) claim(in *ingest) (code int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.streams[in.key]
	switch {
	case s.closed:
		return http.StatusServiceUnavailable, "the server is stopping"
	case old != nil && !old.stalled.Load() && !old.over():
		return http.StatusConflict, "this stream is being published already"
	case old == nil && len(s.streams) >= s.opt.MaxStreams:
		return http.StatusServiceUnavailable, "there are too many streams"
	case old != nil:
		// Its publisher has ended it, or does not answer: this is most likely the same one,
		// back again.
		old.end(errors.New("whip: a new connection of the publisher has replaced this one"))
	}
	s.streams[in.key] = in
	s.wg.Add(1)
	return 0, ""
}

func (s *Server) release(in *ingest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[in.key] == in {
		delete(s.streams, in.key)
	}
}

// find is the stream whose resource r asks for. When there is none for the asker, it
// has been told.
func (s *Server) find(w http.ResponseWriter, r *http.Request) *ingest {
	dir, id := path.Split("/" + strings.TrimPrefix(r.URL.Path, "/"))
	key := path.Base(dir)
	s.mu.Lock()
	in := s.streams[key]
	s.mu.Unlock()
	if err := s.opt.Authorize(key, bearer(r)); err != nil {
		refuse(w, http.StatusUnauthorized, "the token is not valid for this stream")
		return nil
	}
	if in == nil || in.id != id {
		refuse(w, http.StatusNotFound, "there is no such stream")
		return nil
	}
	return in
}

func (s *Server) remove(w http.ResponseWriter, r *http.Request) {
	if in := s.find(w, r); in != nil {
		in.end(errDeleted)
		w.WriteHeader(http.StatusOK)
	}
}

// patch takes late candidates and ICE restarts (RFC 9725 section 4.3).
func (s *Server) patch(w http.ResponseWriter, r *http.Request) {
	in := s.find(w, r)
	if in == nil {
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != fragmentType {
		refuse(w, http.StatusUnsupportedMediaType, "a fragment in "+fragmentType+" is expected")
		return
	}
	// Not every ResponseWriter has deadlines; then http.Server's own are in force.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(offerReadTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOfferBytes))
	if err != nil {
		refuse(w, http.StatusBadRequest, "the fragment could not be read")
		return
	}
	f, err := parseFragment(string(body))
	if err != nil {
		refuse(w, http.StatusBadRequest, "the fragment makes no sense")
		return
	}
	answer, code := in.patch(r.Context(), r.Header.Get("If-Match"), f)
	switch code {
	case http.StatusOK:
		w.Header().Set("Content-Type", fragmentType)
		w.Header().Set("ETag", in.tag())
		_, _ = io.WriteString(w, answer) // a publisher that is gone is noticed by ICE
	case http.StatusNoContent:
		w.WriteHeader(code)
	default:
		refuse(w, code, "the fragment cannot be applied")
	}
}

// StreamStats describe a stream that is being received.
type StreamStats struct {
	Key               string
	Packets, Bytes    int64 // of RTP payload, retransmissions included
	Lost              int64 // packets never repaired
	KeyframesAskedFor int64
}

// Streams lists the streams being received, in no order.
func (s *Server) Streams() []StreamStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]StreamStats, 0, len(s.streams))
	for _, in := range s.streams {
		out = append(out, StreamStats{in.key, in.packets.Load(), in.bytes.Load(), in.lost.Load(), in.asked.Load()})
	}
	return out
}
