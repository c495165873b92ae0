package rtmp

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// countedConn is a TCP connection that counts what crosses the wire (below TLS, so
// the counts compare with the kernel's) and remembers that its socket has failed,
// which the chunk streamer above hides.
type countedConn struct {
	net.Conn
	in, out atomic.Int64 // bytes

	// readTimeout, when not zero, is how long one Read may wait (nanoseconds).
	readTimeout atomic.Int64
}

func (c *countedConn) Read(b []byte) (int, error) {
	if d := c.readTimeout.Load(); d > 0 {
		// The error is the closed connection's, which Read reports too.
		_ = c.SetReadDeadline(time.Now().Add(time.Duration(d)))
	}
	n, err := c.Conn.Read(b)
	c.in.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.out.Add(int64(n))
	return n, err
}

// abortForGood closes the connection: for owners who bound its time from outside
// while readTimeout moves the deadline.
func (c *countedConn) abortForGood() { _ = c.Close() } // it is being thrown away

// abort makes every pending and later operation fail at once.
func (c *countedConn) abort() { _ = c.SetDeadline(time.Unix(1, 0)) } // fails only when closed already

// stream is the byte stream of an RTMP connection above TLS as the chunk streamer
// reads it: it counts bytes (RTMP's acknowledgements are about these), keeps the
// socket's error, and enforces the byte budget.
type stream struct {
	io.Reader
	n      atomic.Int64 // bytes read
	budget atomic.Int64 // n may not pass this; 0 is no limit
	failed atomic.Pointer[error]
}

var errBudget = errors.New("rtmp: the peer sends more than is allowed")

func (s *stream) Read(b []byte) (int, error) {
	if limit := s.budget.Load(); limit > 0 && s.n.Load() > limit {
		s.fail(errBudget)
		return 0, errBudget
	}
	n, err := s.Reader.Read(b)
	s.n.Add(int64(n))
	if err != nil {
		s.fail(err)
	}
	return n, err
}

func (s *stream) fail(err error) { s.failed.CompareAndSwap(nil, &err) }

// err is the error that ended the socket, nil while it works.
func (s *stream) err() error {
	if p := s.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// countedWriter counts the bytes of an RTMP connection above TLS.
type countedWriter struct {
	io.Writer
	n       atomic.Int64 // bytes written
	offered atomic.Int64 // those of a write that waits included, of which the peer may have some
}

func (w *countedWriter) Write(b []byte) (int, error) {
	w.offered.Add(int64(len(b)))
	n, err := w.Writer.Write(b)
	w.n.Add(int64(n))
	return n, err
}
