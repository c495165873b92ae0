package rtmp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// limits are the times after which something is given up; tests shorten them.
type limits struct {
	tell     time.Duration // of silence, until the operator is told what is waited for
	dial     time.Duration // name lookup and TCP
	setup    time.Duration // TLS, handshake and commands, all together
	degraded time.Duration // without an acknowledgement while bytes wait for one
	stalled  time.Duration // the same, until the connection is given up
	settled  time.Duration // after consent; earlier the stream is not called live
	brief    time.Duration // after consent; who closes earlier each time may not know the key
	farewell time.Duration // for saying goodbye
	poll     time.Duration // how often the kernel is asked
	roots    *x509.CertPool
}

func defaultLimits() limits {
	return limits{
		tell: 3 * time.Second, dial: 10 * time.Second, setup: 10 * time.Second,
		degraded: 3 * time.Second, stalled: 15 * time.Second,
		settled: 500 * time.Millisecond, brief: 5 * time.Second, farewell: time.Second, poll: 250 * time.Millisecond,
	}
}

// reporter passes on what the operator sees; the dialer calls it from goroutines of
// its own.
type reporter struct {
	mu   sync.Mutex
	feed outputs.Feed // guarded by mu
	last outputs.State
}

func (r *reporter) report(rep outputs.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = rep.State
	if r.feed != nil { // nil: a probe
		r.feed.Report(rep)
	}
}

func (r *reporter) state(s outputs.State) {
	r.mu.Lock()
	changed := r.last != s
	r.mu.Unlock()
	if changed {
		r.report(outputs.Report{State: s})
	}
}

// waiting is what the server is waited for, for outputs.TellWaiting.
func (r *reporter) waiting() (outputs.State, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.last {
	case outputs.Resolving:
		return r.last, "the address of its name"
	case outputs.Connecting:
		return r.last, "a connection"
	case outputs.Handshaking:
		return r.last, "it to answer; the connection is there"
	}
	return r.last, ""
}

var (
	errDialTimeout  = fmt.Errorf("no connection in time: %w", context.DeadlineExceeded)
	errSetupTimeout = fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
)

// open connects up to the server's consent to publish, or, up to phaseConnect, to the
// application, as often as a server that asks for a password needs. On failure it returns
// how far it came; nothing is left open.
func (p *publisher) open(ctx context.Context, plan *plan, r *reporter, upTo phase) (*client, phase, error) {
	defer outputs.TellWaiting(p.target.host, p.limits.tell, r.waiting, r.report)()
	l := login{user: p.target.user, password: p.target.password}
	for tries := 1; ; tries++ {
		c, at, err := p.openOnce(ctx, plan, r, l.params, upTo)
		var refusal *statusError
		if at != phaseConnect || tries > maxLogins || !errors.As(err, &refusal) {
			return c, at, err
		}
		again, told := l.next(p.target, refusal)
		if told != nil {
			return nil, at, told
		}
		if !again {
			return nil, at, err
		}
	}
}

func (p *publisher) openOnce(ctx context.Context, plan *plan, r *reporter, login string, upTo phase) (c *client, at phase, err error) {
	tcp, err := p.dial(ctx, plan, r)
	if err != nil {
		return nil, phaseDial, err
	}
	setup, cancel := context.WithTimeoutCause(ctx, p.limits.setup, errSetupTimeout)
	defer cancel()
	stop := context.AfterFunc(setup, tcp.abort)
	defer func() {
		if !stop() && err == nil {
			// The deadline struck between the server's consent and here.
			err = errSetupTimeout
		}
		if err == nil {
			return
		}
		if cause := context.Cause(setup); cause != nil {
			err = cause
		}
		if c == nil {
			_ = tcp.Close() // already failed
			return
		}
		c.close()
		for range c.over {
		}
		c = nil
	}()
	r.state(outputs.Handshaking)
	var conn net.Conn = tcp
	if p.target.secure {
		secure := tls.Client(tcp, &tls.Config{
			ServerName: p.target.host, RootCAs: p.limits.roots, InsecureSkipVerify: p.target.insecure, MinVersion: tls.VersionTLS12,
		})
		if err := secure.HandshakeContext(setup); err != nil {
			return nil, phaseTLS, err
		}
		conn = secure
	}
	s, err := newSession(conn, tcp, true)
	if err != nil {
		return nil, phaseHandshake, err
	}
	c = newClient(s, p.target)
	go c.run()
	if err := c.connect(setup, p.userAgent, login, plan.ackEvery(), len(plan.more) > 0); err != nil {
		return c, phaseConnect, err
	}
	if takes, _ := c.takes(plan.videoCodec()); !takes {
		return c, phaseConnect, outputs.Permanent(fmt.Errorf("rtmp: %s does not take %s: choose a rendition in H.264, or add one (Outputs, Renditions)", p.target.host, plan.videoCodec()))
	}
	plan.settle(c)
	if upTo == phaseConnect {
		return c, phaseLive, nil
	}
	if err := c.publish(setup); err != nil {
		return c, phasePublish, err
	}
	return c, phaseLive, nil
}

// dial looks the name up and connects, to whichever address answers first.
func (p *publisher) dial(ctx context.Context, plan *plan, r *reporter) (*countedConn, error) {
	r.state(outputs.Resolving)
	ctx, cancel := context.WithTimeoutCause(ctx, p.limits.dial, errDialTimeout)
	defer cancel()
	d := net.Dialer{ControlContext: func(_ context.Context, _, _ string, raw syscall.RawConn) error {
		r.state(outputs.Connecting)
		return tuneSocket(raw, plan.bitrateBPS(), p.limits.stalled+5*time.Second)
	}}
	if p.target.local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.target.local, 0))
	}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(p.target.host, p.target.port))
	if err != nil {
		var dns *net.DNSError
		if cause := context.Cause(ctx); cause != nil && !errors.As(err, &dns) {
			return nil, cause
		}
		return nil, err
	}
	return &countedConn{Conn: conn}, nil
}
