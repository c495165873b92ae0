package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TCP is a proxy before one server. What its Rate does not let pass waits in small buffers, so
// that the sender notices.
type TCP struct {
	Line
	// Port is where it listens, for its whole life.
	Port int

	t      testing.TB
	server string
	wg     sync.WaitGroup

	cuts atomic.Int64

	mu       sync.Mutex
	listener net.Listener          // guarded by mu; nil while refusing
	conns    map[*net.TCPConn]bool // guarded by mu; both ends
	ended    bool                  // guarded by mu
}

// NewTCP starts a proxy before server, "host:port", which is called for each connection.
func NewTCP(t testing.TB, server string) *TCP {
	t.Helper()
	p := &TCP{t: t, server: server, conns: map[*net.TCPConn]bool{}}
	p.listen("127.0.0.1:0")
	p.mu.Lock()
	p.Port = p.listener.Addr().(*net.TCPAddr).Port
	p.mu.Unlock()
	t.Cleanup(func() {
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
		p.Refuse()
		p.wg.Wait()
	})
	return p
}

func (p *TCP) listen(addr string) {
	p.t.Helper()
	// Segments as on a real network: with those of the loopback, 64 KB, a small window that
	// was full opens only when the sender asks again, and the line carries a quarter of what
	// it should.
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1460)
		})
		return errors.Join(err, failed)
	}}
	l, err := lc.Listen(context.Background(), "tcp4", addr)
	if err != nil {
		p.t.Errorf("faults: %v", err)
		return
	}
	p.mu.Lock()
	p.listener = l
	p.mu.Unlock()
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(c.(*net.TCPConn)) })
		}
	})
}

// Reset ends every connection with RST.
func (p *TCP) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.SetLinger(0) // one that is closed already needs no reset
		_ = c.Close()
	}
	clear(p.conns)
	p.cuts.Add(1)
}

// Refuse ends everything and refuses new connections until Accept.
func (p *TCP) Refuse() {
	p.mu.Lock()
	l := p.listener
	p.listener = nil
	p.mu.Unlock()
	if l != nil {
		_ = l.Close() // it listens no more either way
	}
	p.Reset()
}

// Accept takes connections again.
func (p *TCP) Accept() { p.listen(fmt.Sprintf("127.0.0.1:%d", p.Port)) }

// ResetEvery resets all connections again and again until the function returned is called.
func (p *TCP) ResetEvery(d time.Duration) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.Reset()
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// serve carries one connection.
func (p *TCP) serve(near *net.TCPConn) {
	d, err := net.DialTimeout("tcp4", p.server, 5*time.Second)
	if err != nil {
		_ = near.SetLinger(0) // as good as refused
		_ = near.Close()
		return
	}
	far := d.(*net.TCPConn)
	// Small, so that what is held back is held back at the sender.
	_, _ = near.SetReadBuffer(16<<10), far.SetWriteBuffer(16<<10)
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		_, _ = near.Close(), far.Close()
		return
	}
	p.conns[near], p.conns[far] = true, true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.carry(far, near, &p.rateBPS) })
	both.Go(func() { p.carry(near, far, nil) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, near)
	delete(p.conns, far)
	p.mu.Unlock()
	_, _ = near.Close(), far.Close()
}

// pollFrozen is how often something that stands still is looked at.
const pollFrozen = 5 * time.Millisecond

// oversleep is how much later than asked a sleep may end and not narrow the line.
const oversleep = 50 * time.Millisecond

// carry copies until an end closes.
func (p *TCP) carry(to, from *net.TCPConn, rate *atomic.Int64) {
	buf := make([]byte, 2<<10)
	var free time.Time // when the line is free again
	for {
		n, err := from.Read(buf)
		if n > 0 {
			for p.frozen.Load() && !p.gone(from) {
				time.Sleep(pollFrozen) // a network that stands still
			}
			if d := time.Duration(p.delay.Load()); d > 0 {
				time.Sleep(d) // the network's delay itself; it slows the line as well
			}
			if rate != nil && rate.Load() > 0 {
				now := time.Now()
				// A sleep that was too long is made up for: the line was there.
				if early := now.Add(-oversleep); free.Before(early) {
					free = early
				}
				free = free.Add(time.Duration(n) * 8 * time.Second / time.Duration(rate.Load()))
				time.Sleep(free.Sub(now)) // the width of the line
			}
			if _, werr := to.Write(buf[:n]); werr != nil {
				_ = from.Close() // the other end has gone
				return
			}
		}
		if err != nil {
			_ = to.CloseWrite() // it may be closed already
			return
		}
	}
}

// gone: the connection has been taken down.
func (p *TCP) gone(c *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.conns[c]
}
