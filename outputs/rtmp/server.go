package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// Refusals that ServerOptions.OnPublish may return, and OnConnect the last of. The
// publisher hears which it was; any other error is "failed" to it.
var (
	ErrNameInUse  = errors.New("rtmp: the stream name is in use")
	ErrBadKey     = errors.New("rtmp: the stream key is refused")
	ErrUnknownApp = errors.New("rtmp: there is no such application")
)

// StreamHandler takes one published stream. Its methods are called by one goroutine, in
// order: Track when a decoder configuration arrives (again if it changes), Packet
// for each picture and block of sound of a described track, Closed once at the
// end. They may block, which holds up this publisher alone.
type StreamHandler interface {
	// Track describes track i, which keeps its number. Time is in milliseconds
	// (the stream's own); H.264 and HEVC parameter sets are in Annex B.
	Track(i int, t media.Track)
	// Packet hands over a packet as encoders make them: Annex B, AAC without ADTS,
	// keyframes with parameter sets. Time, Made and Duration are not set.
	Packet(p *media.Packet)
	// Closed says why the stream ended; nil when the publisher said goodbye.
	Closed(err error)
}

// ServerOptions say what a server accepts. OnPublish and Log are required.
type ServerOptions struct {
	Log *slog.Logger
	// OnPublish accepts a stream or refuses it with an error. The key is the
	// whole name that the publisher gave, with its query.
	OnPublish func(app, key string) (StreamHandler, error)
	// OnConnect may refuse an application before that; nil takes all.
	OnConnect func(app string) error
	// MaxConns is how many connections there may be; more wait in the kernel's
	// backlog. 32 when zero.
	MaxConns int
	// SetupTimeout is how long a connection may take until it publishes, 10 s when
	// zero. IdleTimeout is how long it may then be silent, 30 s when zero.
	SetupTimeout, IdleTimeout time.Duration
}

// Server receives streams from RTMP publishers. It stands on go-rtmp's chunks and
// messages like the publisher, not on its Server: that one decodes the connect
// command with an allocation of whatever size the peer claims, cannot say why
// it refuses, panics after 1 GB, and spins when Accept fails.
type Server struct{ opt ServerOptions }

// NewServer makes a server; nothing is opened.
func NewServer(opt ServerOptions) *Server {
	if opt.MaxConns == 0 {
		opt.MaxConns = 32
	}
	if opt.SetupTimeout == 0 {
		opt.SetupTimeout = 10 * time.Second
	}
	if opt.IdleTimeout == 0 {
		opt.IdleTimeout = 30 * time.Second
	}
	if opt.OnConnect == nil {
		opt.OnConnect = func(string) error { return nil }
	}
	return &Server{opt: opt}
}

// Serve takes connections from l (a TLS listener for RTMPS) until ctx ends, then
// closes l and every connection, waits for their handlers, and returns nil. An error
// means that l failed for good.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() }) // Accept reports what matters
	defer stop()
	slots := make(chan struct{}, s.opt.MaxConns)
	for pause := time.Duration(0); ; {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close() // nobody will use it
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("rtmp: connections cannot be accepted: %w", err)
		case err != nil:
			<-slots
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.opt.Log.Warn("rtmp server cannot accept", "reason", err, "retry_in", pause)
			_ = media.Wait(ctx, pause) // the end of ctx is seen above
			continue
		}
		pause = 0
		wg.Go(func() {
			defer func() { <-slots }()
			s.serve(ctx, conn)
		})
	}
}

// serve handles one connection to its end.
func (s *Server) serve(ctx context.Context, conn net.Conn) {
	log := s.opt.Log.With("peer", conn.RemoteAddr().String())
	// For a TLS listener's connections the count is above TLS; only the
	// publisher's monitor needs it below.
	tcp := &countedConn{Conn: conn}
	stop := context.AfterFunc(ctx, tcp.abortForGood)
	defer stop()
	setup := time.AfterFunc(s.opt.SetupTimeout, tcp.abortForGood)
	defer setup.Stop()
	session, err := newSession(tcp, tcp, false)
	if err != nil {
		log.Debug("rtmp handshake failed", "reason", err)
		_ = conn.Close() // already failed
		return
	}
	defer session.close()
	in := &ingest{server: s, session: session, setup: setup, streamID: 0}
	session.in.budget.Store(setupBudget)
	err = session.read(in.handle)
	if errors.Is(err, errGoodbye) || (errors.Is(err, io.EOF) && in.handler == nil) {
		err = nil
	}
	if ctx.Err() != nil && err != nil {
		err = ctx.Err()
	}
	in.end(err)
	log.Debug("rtmp connection ended", "reason", err)
}
