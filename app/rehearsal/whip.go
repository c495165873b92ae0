package rehearsal

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs/whip"
)

// whipServer is the WHIP server with what it takes to end a stream from this side: it
// remembers each stream's resource and deletes it, as its publisher would.
type whipServer struct {
	r      *Receiver
	server *whip.Server

	mu sync.Mutex
	// resources is the id of each key's newest stream; only who has the secret adds keys.
	resources map[string]string // guarded by mu
}

func newWHIPServer(r *Receiver) *whipServer {
	w := &whipServer{r: r, resources: map[string]string{}}
	w.server = whip.NewServer(whip.ServerOptions{
		Loopback: true, Log: r.log,
		// The secret is the address's last part, or else the bearer token, and then
		// the last part is a name.
		Authorize: func(key, token string) error {
			if r.isSecret(token) || token == "" && r.isSecret(key) {
				return nil
			}
			return errors.New("wrong stream key")
		},
		Accept: w.accept,
	})
	return w
}

// ServeHTTP implements http.Handler.
func (w *whipServer) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	rest, ok := strings.CutPrefix(req.URL.Path, "/whip/")
	if !ok {
		http.Error(rw, "the address is /whip/ and a stream key", http.StatusNotFound)
		return
	}
	if req.Method != http.MethodPost {
		http.StripPrefix("/whip", w.server).ServeHTTP(rw, req)
		return
	}
	answer := &answer{ResponseWriter: rw, server: w, key: path.Base("/" + rest)}
	http.StripPrefix("/whip", w.server).ServeHTTP(answer, req)
	switch answer.code {
	case http.StatusUnauthorized:
		w.r.refused("whip", "whip", req.RemoteAddr, "wrong stream key or token")
	case http.StatusConflict:
		w.r.refused("whip", w.name(answer.key), req.RemoteAddr, errInUse.Error())
	case http.StatusNotAcceptable:
		w.r.refused("whip", w.name(answer.key), req.RemoteAddr, "it offers no codec that is taken: H.264 and Opus")
	case http.StatusBadRequest:
		w.r.refused("whip", w.name(answer.key), req.RemoteAddr, "its offer cannot be accepted")
	case http.StatusServiceUnavailable:
		w.r.refused("whip", w.name(answer.key), req.RemoteAddr, "there are too many streams")
	}
}

// answer watches a response on its way.
type answer struct {
	http.ResponseWriter
	server *whipServer
	key    string
	code   int
}

// WriteHeader implements http.ResponseWriter: the resource is known before the
// publisher can send anything.
func (a *answer) WriteHeader(code int) {
	a.code = code
	if code == http.StatusCreated {
		a.server.mu.Lock()
		a.server.resources[a.key] = path.Base(a.Header().Get("Location"))
		a.server.mu.Unlock()
	}
	a.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// name is what a stream is called: never the secret.
func (w *whipServer) name(key string) string {
	if w.r.isSecret(key) {
		return "whip"
	}
	return shortName(key)
}

func (w *whipServer) accept(key string) whip.Sink {
	// The server has one stream of a key; an old one of that name is ending.
	s, err := w.r.begin("whip", w.name(key), "", true)
	if err != nil { // everything ends
		return deaf{}
	}
	return &whipSink{server: w, key: key, s: s}
}

// remove ends a stream from this side. It does not wait.
func (w *whipServer) remove(key string) {
	w.mu.Lock()
	id := w.resources[key]
	w.mu.Unlock()
	if id == "" {
		return
	}
	req := &http.Request{
		Method: http.MethodDelete, URL: &url.URL{Path: "/" + key + "/" + id},
		Header: http.Header{"Authorization": {"Bearer " + w.r.opt.Secret}},
	}
	w.server.ServeHTTP(nobody{http.Header{}}, req)
}

// nobody reads the response to a request of our own.
type nobody struct{ header http.Header }

func (n nobody) Header() http.Header       { return n.header }
func (nobody) Write(b []byte) (int, error) { return len(b), nil }
func (nobody) WriteHeader(int)             {}

// deaf takes a stream that is being removed.
type deaf struct{}

func (deaf) Start([]media.Track)  {}
func (deaf) Packet(*media.Packet) {}
func (deaf) End(error)            {}

// whipSink hands a stream on.
type whipSink struct {
	server *whipServer
	key    string
	s      *stream
	turned bool // away
}

// Start implements whip.Sink.
func (k *whipSink) Start(tracks []media.Track) {
	for i, t := range tracks {
		k.s.describe(i, t)
	}
}

// Packet implements whip.Sink. WebRTC receivers show pictures in the order in which
// they come: with B-frames that is the wrong one, so they are refused.
func (k *whipSink) Packet(p *media.Packet) {
	if k.turned {
		return
	}
	if !p.Audio && hasBSlice(p.Data) { // not by PTS: the clock they are on is corrected as sender reports come
		k.turned = true
		k.s.refuse("its pictures have B-frames, which WebRTC cannot carry")
		k.server.remove(k.key)
		return
	}
	k.s.packet(p, p.Made)
}

// End implements whip.Sink.
func (k *whipSink) End(err error) {
	why := reason(err)
	k.s.end(why)
}
