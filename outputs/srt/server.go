package srt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/outputs/srt/libsrt"
)

// Stats are a connection's statistics, as libsrt counts them.
type Stats = libsrt.Stats

// Reason is why a caller is refused; see the codes of package libsrt.
type Reason = libsrt.Reason

// Reasons for a Check to refuse with.
const (
	RefuseBadRequest   = libsrt.ReasonBadRequest
	RefuseUnauthorized = libsrt.ReasonUnauthorized
	RefuseForbidden    = libsrt.ReasonForbidden
	RefuseNotFound     = libsrt.ReasonNotFound
	RefuseConflict     = libsrt.ReasonConflict
	RefuseOverload     = libsrt.ReasonOverload
)

// ServerOptions are how a Server listens. The zero value takes any caller on any
// free loopback port.
type ServerOptions struct {
	// Addr is where to listen; invalid means 127.0.0.1 and any free port.
	Addr    netip.AddrPort
	Latency time.Duration // 0: 120 ms
	// Passphrase that callers must have; empty: they may not encrypt.
	Passphrase string
	// Check decides on each caller before it is connected: it returns the passphrase
	// this caller must have ("" means the server's) and 0, or the reason to
	// refuse. It must not block. nil lets all in.
	Check func(streamID string, peer netip.AddrPort) (passphrase string, refuse Reason)
	// MaxConnections at a time; further callers wait in vain. 0: 32.
	MaxConnections int
}

// Server takes SRT callers.
type Server struct {
	listener *libsrt.Listener
	slots    chan struct{}
}

// NewServer listens. The port is open when it returns; Run serves it.
func NewServer(opt ServerOptions) (*Server, error) {
	if !opt.Addr.IsValid() {
		opt.Addr = netip.MustParseAddrPort("127.0.0.1:0")
	}
	if err := CheckPassphrase(opt.Passphrase); err != nil {
		return nil, err
	}
	if opt.MaxConnections <= 0 {
		opt.MaxConnections = 32
	}
	l, err := libsrt.Listen(opt.Addr, libsrt.Config{Latency: opt.Latency, Passphrase: opt.Passphrase}, opt.Check)
	if err != nil {
		var call *libsrt.Error
		if errors.As(err, &call) && call.AddressInUse() {
			return nil, fmt.Errorf("srt: %v is in use by another program or is not an address of this machine", opt.Addr)
		}
		return nil, err
	}
	return &Server{listener: l, slots: make(chan struct{}, opt.MaxConnections)}, nil
}

// Addr is where the server listens, with the real port.
func (s *Server) Addr() netip.AddrPort { return s.listener.Addr() }

// Run accepts callers until ctx ends (its error) or Close (nil), and calls handle for
// each on a goroutine of its own. The connection is closed when handle returns or ctx
// ends. Run returns after the last handle has.
func (s *Server) Run(ctx context.Context, handle func(context.Context, *Connection)) error {
	var handlers sync.WaitGroup
	defer handlers.Wait()
	defer s.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		conn, err := s.listener.Accept(ctx)
		if err != nil {
			<-s.slots
			if errors.Is(err, libsrt.ErrClosed) {
				return nil
			}
			return err
		}
		handlers.Go(func() {
			defer func() { <-s.slots }()
			c := newConnection(ctx, conn)
			defer c.Close()
			handle(ctx, c)
		})
	}
}

// Close stops listening.
func (s *Server) Close() error { return s.listener.Close() }

// Connection is one received stream of MPEG-TS. One goroutine may read, any may
// close or ask for statistics.
type Connection struct {
	conn *libsrt.Conn
	// ctx ends Read: io.Reader, which demuxers take, has no place for it.
	ctx  context.Context
	buf  [libsrt.MaxMessageBytes]byte
	rest []byte // of buf; received and not yet read
}

func newConnection(ctx context.Context, conn *libsrt.Conn) *Connection {
	return &Connection{conn: conn, ctx: ctx}
}

// Read waits for MPEG-TS. io.EOF says that the far end closed or was lost, which SRT
// does not tell apart; otherwise the error is ctx's.
func (c *Connection) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(c.rest) == 0 {
		n, err := c.conn.Recv(c.ctx, c.buf[:])
		if errors.Is(err, libsrt.ErrLost) || errors.Is(err, libsrt.ErrClosed) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		c.rest = c.buf[:n]
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Close ends the connection and a Read that waits.
func (c *Connection) Close() error { return c.conn.Close() }

// StreamID is what the caller asked for.
func (c *Connection) StreamID() string { return c.conn.StreamID() }

// Peer is the far end's address.
func (c *Connection) Peer() netip.AddrPort { return c.conn.Peer() }

// Stats reads the counters; it fails once the connection is gone.
func (c *Connection) Stats() (Stats, error) { return c.conn.Stats() }
