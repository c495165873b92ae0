package faults

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// UDP is a relay between one client and one server.
type UDP struct {
	*Lossy
	// Addr is where it listens, for its whole life.
	Addr netip.AddrPort

	counts func([]byte) bool

	mu     sync.Mutex
	client netip.AddrPort // guarded by mu
	conns  []net.Conn
	wg     sync.WaitGroup
}

// queueAhead is how much of a rate-limited line may wait; what would wait longer is lost.
const queueAhead = 300 * time.Millisecond

// NewUDP starts a relay before server. lossy says which packets can be lost; nil is all.
func NewUDP(t testing.TB, server netip.AddrPort, lossy func([]byte) bool) *UDP {
	t.Helper()
	return newUDP(t, server, lossy, &Lossy{})
}

func newUDP(t testing.TB, server netip.AddrPort, lossy func([]byte) bool, line *Lossy) *UDP {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*net.UDPConn{front, back} {
		_, _ = c.SetReadBuffer(2<<20), c.SetWriteBuffer(2<<20) // as much as the system gives
	}
	if lossy == nil {
		lossy = func([]byte) bool { return true }
	}
	r := &UDP{Lossy: line, Addr: front.LocalAddr().(*net.UDPAddr).AddrPort(), counts: lossy, conns: []net.Conn{front, back}}
	t.Cleanup(func() {
		r.Cut()
		r.wg.Wait()
	})
	r.carry(1, &r.rateBPS, func(b []byte) (int, error) {
		n, from, err := front.ReadFromUDPAddrPort(b)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.client = from
		return n, err
	}, func(b []byte) error { _, err := back.Write(b); return err })
	r.carry(2, nil, back.Read, func(b []byte) error {
		r.mu.Lock()
		to := r.client
		r.mu.Unlock()
		_, err := front.WriteToUDPAddrPort(b, to)
		return err
	})
	return r
}

// Cut closes the sockets: nobody is there any more.
func (r *UDP) Cut() {
	for _, c := range r.conns {
		_ = c.Close() // a second time does nothing
	}
}

type late struct {
	data []byte
	at   time.Time
}

// carry reads packets and writes them when they are due.
func (r *UDP) carry(seed uint64, rate *atomic.Int64, read func([]byte) (int, error), write func([]byte) error) {
	queue := make(chan late, 4096)
	r.wg.Go(func() {
		defer close(queue)
		random := rand.New(rand.NewPCG(seed, 0))
		var free time.Time
		buf := make([]byte, 2048)
		for {
			n, err := read(buf)
			if err != nil {
				if errors.Is(err, net.ErrClosed) {
					return
				}
				continue // nobody listens at the server just now
			}
			if r.frozen.Load() {
				continue
			}
			if r.counts(buf[:n]) && random.Int64N(1e6) < r.loss.Load() {
				r.lost.Add(1)
				continue
			}
			now := time.Now()
			at := now
			if rate != nil && rate.Load() > 0 {
				if free.Before(now) {
					free = now
				}
				if free.Sub(now) > queueAhead {
					continue
				}
				free = free.Add(time.Duration(n) * 8 * time.Second / time.Duration(rate.Load()))
				at = free
			}
			select {
			case queue <- late{append([]byte(nil), buf[:n]...), at.Add(time.Duration(r.delay.Load()))}:
			default: // lost
			}
		}
	})
	r.wg.Go(func() {
		for p := range queue {
			time.Sleep(time.Until(p.at)) // the network's delay itself
			_ = write(p.data)            // the other end has gone: lost, as on a network
		}
	})
}
