package rehearsal

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/outputs/rtmp"
	"crosspoint.studio/crosspoint/outputs/srt"
)

// DefaultSecret is the stream key where Options name none.
const DefaultSecret = "rehearsal"

// rtmpApp is the one application of the RTMP server.
const rtmpApp = "live"

// maxEnded is how many streams that are over, and refusals, are remembered.
const maxEnded = 64

// Ports are where the servers listen; 0 is any free port.
type Ports struct{ RTMP, SRT, WHIP int }

// Options say how a Receiver works; the zero value serves.
type Options struct {
	// RecordDir, when set, gets a Matroska file of each stream; it is made if need be.
	RecordDir string
	// Log may be nil.
	Log   *slog.Logger
	Ports Ports
	// Secret is the stream key of RTMP and the last part of the WHIP address (or its
	// bearer token); empty means DefaultSecret.
	Secret string
	// Passphrase that SRT callers must have; empty: they may not encrypt.
	Passphrase string
	// NoDecode leaves pictures and sound undecoded: no frame numbers, no offset
	// of flash and beep.
	NoDecode bool
}

// Receiver is the three running servers.
type Receiver struct {
	opt      Options
	log      *slog.Logger
	urls     map[string]string
	examiner *examiner // nil with NoDecode
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	srt      *srt.Server
	whip     *whipServer
	http     *http.Server

	mu      sync.Mutex
	streams []*stream          // guarded by mu; in the order of their beginning
	active  map[string]*stream // guarded by mu; by protocol and name
	lastID  int64              // guarded by mu
	closed  bool               // guarded by mu
}

// Start opens the servers; they receive when it returns, until ctx ends or Close.
// Close has to be called in every case. The error says which address is taken.
func Start(ctx context.Context, opt Options) (*Receiver, error) {
	if opt.Secret == "" {
		opt.Secret = DefaultSecret
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.RecordDir != "" {
		if err := os.MkdirAll(opt.RecordDir, 0o755); err != nil {
			return nil, fmt.Errorf("rehearsal: make the folder for recordings: %w", err)
		}
	}
	r := &Receiver{opt: opt, log: opt.Log, active: map[string]*stream{}}
	rtmpListener, err := listen(opt.Ports.RTMP)
	if err != nil {
		return nil, fmt.Errorf("rehearsal: open the RTMP server: %w", err)
	}
	whipListener, err := listen(opt.Ports.WHIP)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("rehearsal: open the WHIP server: %w", err), rtmpListener.Close())
	}
	r.srt, err = srt.NewServer(srt.ServerOptions{
		Addr:       netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(opt.Ports.SRT)),
		Passphrase: opt.Passphrase, Check: r.checkSRT,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("rehearsal: open the SRT server: %w", err), rtmpListener.Close(), whipListener.Close())
	}
	ctx, r.cancel = context.WithCancel(ctx)
	if !opt.NoDecode {
		r.examiner = newExaminer(opt.Log)
		r.wg.Go(func() { r.examiner.run(ctx) })
	}
	r.serve(ctx, rtmpListener, whipListener)
	r.urls = map[string]string{
		"rtmp": "rtmp://" + rtmpListener.Addr().String() + "/" + rtmpApp,
		"srt":  "srt://" + r.srt.Addr().String(),
		"whip": "http://" + whipListener.Addr().String() + "/whip/" + url.PathEscape(opt.Secret),
	}
	return r, nil
}

func listen(port int) (net.Listener, error) {
	return net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
}

// serve starts what listens.
func (r *Receiver) serve(ctx context.Context, rtmpListener, whipListener net.Listener) {
	server := rtmp.NewServer(rtmp.ServerOptions{Log: r.log, OnConnect: checkApp, OnPublish: r.publishRTMP})
	r.wg.Go(func() {
		if err := server.Serve(ctx, rtmpListener); err != nil {
			r.log.Error("rehearsal rtmp server ended", "reason", err)
		}
	})
	r.wg.Go(func() {
		if err := r.srt.Run(ctx, r.receiveSRT); err != nil && ctx.Err() == nil {
			r.log.Error("rehearsal srt server ended", "reason", err)
		}
	})
	r.whip = newWHIPServer(r)
	r.http = &http.Server{
		Handler: r.whip, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
	}
	r.wg.Go(func() {
		if err := r.http.Serve(whipListener); !errors.Is(err, http.ErrServerClosed) {
			r.log.Error("rehearsal whip server ended", "reason", err)
		}
	})
	r.wg.Go(func() { // ctx ends what knows no context
		<-ctx.Done()
		r.whip.server.Close()
		_ = r.http.Close() // every stream has ended; what is left are idle connections
	})
}

// URLs are where to send to, by kind of output ("rtmp", "srt", "whip"). RTMP takes the
// secret as its stream key.
func (r *Receiver) URLs() map[string]string {
	out := make(map[string]string, len(r.urls))
	for k, v := range r.urls {
		out[k] = v
	}
	return out
}

// Reports describes every stream being received and the last ones that ended or were
// refused, oldest first.
func (r *Receiver) Reports() []Report {
	r.mu.Lock()
	streams := append([]*stream(nil), r.streams...)
	r.mu.Unlock()
	now := time.Now()
	out := make([]Report, 0, len(streams))
	for _, s := range streams {
		out = append(out, s.report(now))
	}
	return out
}

// Close ends every stream, finishes the recordings and waits. It may be called more
// than once.
func (r *Receiver) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.wg.Wait()
}

// isSecret reports whether key is the secret, taking the same time whatever it is.
func (r *Receiver) isSecret(key string) bool {
	return subtle.ConstantTimeCompare([]byte(key), []byte(r.opt.Secret)) == 1
}

var (
	errInUse  = errors.New("the name is in use by another stream")
	errClosed = errors.New("the receiver is stopping")
)

// begin registers a stream, unless there is one of its protocol and name that is not
// to be replaced.
func (r *Receiver) begin(protocol, name, peer string, replace bool) (*stream, error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, errClosed
	}
	key := protocol + " " + name
	if r.active[key] != nil && !replace {
		r.mu.Unlock()
		return nil, errInUse
	}
	r.lastID++
	s := newStream(r, r.lastID, protocol, name, peer)
	r.active[key] = s
	r.remember(s)
	r.mu.Unlock()
	r.log.Info("rehearsal stream begins", "protocol", protocol, "name", name)
	return s, nil
}

// over takes a stream that has ended off the list of names.
func (r *Receiver) over(s *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if key := s.protocol + " " + s.name; r.active[key] == s {
		delete(r.active, key)
	}
}

// inUse reports whether a stream of that name is being received.
func (r *Receiver) inUse(protocol, name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active[protocol+" "+name] != nil
}

// refused notes that a publisher was turned away.
func (r *Receiver) refused(protocol, name, peer, why string) {
	r.log.Info("rehearsal stream refused", "protocol", protocol, "name", name, "reason", why)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lastID++
	s := newStream(r, r.lastID, protocol, name, peer)
	s.state, s.problem, s.ended = Refused, why, s.began
	r.remember(s)
}

// remember adds s and forgets the oldest that are over; mu is held.
func (r *Receiver) remember(s *stream) {
	r.streams = append(r.streams, s)
	over := len(r.streams) - len(r.active)
	kept := r.streams[:0]
	for _, v := range r.streams {
		if over > maxEnded && v != s && r.active[v.protocol+" "+v.name] != v {
			over--
			continue
		}
		kept = append(kept, v)
	}
	clear(r.streams[len(kept):])
	r.streams = kept
}
