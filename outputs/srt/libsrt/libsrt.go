// Package libsrt is a thin binding of libsrt (Haivision's Secure Reliable
// Transport, 1.4.3 or later): callers, listeners and rendezvous in live mode,
// with encryption, stream ids, reasons of refusal and statistics, which
// libavformat's own srt protocol does not give.
//
// Threads: every exported method may be called by any goroutine at any time, also
// during Close. libsrt's sockets are used non-blocking: no call stays in C for
// longer than pollInterval, and everything that waits ends with its context.
// libsrt runs threads of its own (two for each UDP port, one collector); it is
// started on first use and stays until the process ends, since FFmpeg in the same
// process may use it too. Listeners call back on libsrt's receiving thread.
//
// Ownership: a Conn or Listener belongs to who got it and must be closed. What
// this package does not do: resolve names, know MPEG-TS, reconnect.
package libsrt

/*
#cgo pkg-config: srt
#include "bridge.h"
*/
import "C"

import (
	"context"
	"net/netip"
	"sync"
	"time"
	"unsafe"
)

const (
	// MessageBytes is the payload of one live message: seven MPEG-TS packets, which
	// is what every SRT product sends (SRT_LIVE_DEF_PLSIZE).
	MessageBytes = 1316
	// MaxMessageBytes is the largest payload a peer may send (SRT_LIVE_MAX_PLSIZE).
	MaxMessageBytes = 1456
	// pollInterval bounds every stay in C, and so how late an ended context is seen.
	pollInterval = 100 * time.Millisecond
	// maxStreamID is the longest stream id (SRT access control, section 1).
	maxStreamID = 512
)

// Config is how one end of a connection is set up. The zero value is usable.
type Config struct {
	// Latency is the receiving buffer to ask of both ends; the larger wish of the
	// two ends holds. 0: 120 ms.
	Latency time.Duration
	// Passphrase encrypts with AES; 10 to 79 bytes, or empty for none. A peer with
	// another passphrase, or none, is refused.
	Passphrase string
	// KeyLength is the AES key in bytes: 16, 24 or 32. 0: 16.
	KeyLength int
	// StreamID is what a caller asks for; at most 512 bytes.
	StreamID string
	// PacketFilter is libsrt's own description of a forward error correction, for
	// example "fec,cols:10,rows:5,arq:onreq"; empty for none. The two ends agree on
	// one; a contradiction is refused.
	PacketFilter string
	// ConnectTimeout is how long a caller waits for an answer; rendezvous waits ten
	// times as long. 0: 3 s.
	ConnectTimeout time.Duration
	// PeerIdleTimeout is how long nothing may be heard of the peer. 0: 5 s.
	PeerIdleTimeout time.Duration
}

var startOnce sync.Once

func (c Config) socket() (C.SRTSOCKET, error) {
	startOnce.Do(func() { C.xp_startup() })
	s := C.xp_socket()
	if s < 0 {
		return 0, newError("create socket", s)
	}
	if err := c.apply(s); err != nil {
		C.srt_close(s)
		return 0, err
	}
	return s, nil
}

func (c Config) apply(s C.SRTSOCKET) error {
	var err error
	note := func(what string, r C.int) {
		if r < 0 && err == nil {
			err = newError("set "+what, r)
		}
	}
	number := func(what string, opt C.SRT_SOCKOPT, v int) { note(what, C.xp_set_int(s, opt, C.int(v))) }
	text := func(what string, opt C.SRT_SOCKOPT, v string) {
		if v != "" {
			p := C.CString(v)
			defer C.free(unsafe.Pointer(p))
			note(what, C.xp_set_bytes(s, opt, unsafe.Pointer(p), C.int(len(v))))
		}
	}
	// The transmission type sets many other options, so it comes first.
	number("transmission type", C.SRTO_TRANSTYPE, C.SRTT_LIVE)
	note("blocking", C.xp_set_bool(s, C.SRTO_SNDSYN, 0))
	note("blocking", C.xp_set_bool(s, C.SRTO_RCVSYN, 0))
	note("linger", C.xp_set_no_linger(s))
	// A listener or rendezvous takes part in whatever payload size the peer has.
	number("payload size", C.SRTO_PAYLOADSIZE, MaxMessageBytes)
	if c.PacketFilter != "" {
		// The filter needs room in each packet (docs/features/packet-filtering-and-fec.md).
		number("payload size", C.SRTO_PAYLOADSIZE, MessageBytes)
		text("packet filter", C.SRTO_PACKETFILTER, c.PacketFilter)
	}
	if c.Latency > 0 {
		number("latency", C.SRTO_LATENCY, int(c.Latency.Milliseconds()))
	}
	if c.ConnectTimeout > 0 {
		number("connection timeout", C.SRTO_CONNTIMEO, int(c.ConnectTimeout.Milliseconds()))
	}
	if c.PeerIdleTimeout > 0 {
		number("peer idle timeout", C.SRTO_PEERIDLETIMEO, int(c.PeerIdleTimeout.Milliseconds()))
	}
	if c.KeyLength > 0 {
		number("key length", C.SRTO_PBKEYLEN, c.KeyLength)
	}
	text("passphrase", C.SRTO_PASSPHRASE, c.Passphrase)
	text("stream id", C.SRTO_STREAMID, c.StreamID)
	return err
}

// Dial calls remote, from local when that is valid. Refusals are a *RejectedError.
func Dial(ctx context.Context, local, remote netip.AddrPort, c Config) (*Conn, error) {
	return open(ctx, remote, c, func(s C.SRTSOCKET) C.int {
		if r := takesIPv4(s, local, false); r < 0 {
			return r
		}
		l, r := toC(local), toC(remote)
		return C.xp_connect(s, &l, &r)
	})
}

// Rendezvous meets remote, which calls this end at the same time. local's port is
// usually the same as remote's.
func Rendezvous(ctx context.Context, local, remote netip.AddrPort, c Config) (*Conn, error) {
	return open(ctx, remote, c, func(s C.SRTSOCKET) C.int {
		if r := takesIPv4(s, local, false); r < 0 {
			return r
		}
		l, r := toC(local), toC(remote)
		return C.xp_rendezvous(s, &l, &r)
	})
}

// takesIPv4 says whether a socket that is going to be bound to an IPv6 address takes IPv4
// too. libsrt after 1.5.1 does not bind [::] before it knows (Haivision/srt issue 2764).
func takesIPv4(s C.SRTSOCKET, at netip.AddrPort, too bool) C.int {
	if !at.Addr().Is6() || at.Addr().Is4In6() {
		return 0
	}
	only := C.int(1)
	if too {
		only = 0
	}
	return C.xp_set_int(s, C.SRTO_IPV6ONLY, only)
}

func open(ctx context.Context, remote netip.AddrPort, c Config, start func(C.SRTSOCKET) C.int) (*Conn, error) {
	s, err := c.socket()
	if err != nil {
		return nil, err
	}
	h, err := newHandle(s, C.SRT_EPOLL_OUT|C.SRT_EPOLL_ERR)
	if err != nil {
		return nil, err
	}
	if r := start(s); r < 0 {
		h.close()
		return nil, newError("connect", r)
	}
	for {
		ready, err := h.poll(ctx)
		switch {
		case err == nil && !ready:
			continue
		case err == nil && C.srt_getsockstate(s) == C.SRTS_CONNECTED:
			if r := C.xp_epoll_change(h.eid, s, C.SRT_EPOLL_IN|C.SRT_EPOLL_ERR); r < 0 {
				h.close()
				return nil, newError("connect", r)
			}
			return &Conn{h: h, peer: remote, streamID: c.StreamID}, nil
		case err == nil:
			err = rejection(C.srt_getrejectreason(s))
		}
		h.close()
		return nil, err
	}
}

// handle is a socket with its poll set. The poll set may only be released
// once nobody waits in it; socket numbers are safe to use after srt_close.
type handle struct {
	s   C.SRTSOCKET
	eid C.int

	mu     sync.Mutex
	users  int  // guarded by mu
	closed bool // guarded by mu
}

// newHandle takes s over; on failure s is closed.
func newHandle(s C.SRTSOCKET, events C.int) (*handle, error) {
	eid := C.xp_epoll(s, events)
	if eid < 0 {
		C.srt_close(s)
		return nil, newError("poll", eid)
	}
	return &handle{s: s, eid: eid}, nil
}

func (h *handle) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.users++
	return true
}

func (h *handle) leave() {
	h.mu.Lock()
	h.users--
	last := h.closed && h.users == 0
	h.mu.Unlock()
	if last {
		C.srt_epoll_release(h.eid)
	}
}

func (h *handle) close() {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.closed = true
	last := h.users == 0
	h.mu.Unlock()
	C.srt_close(h.s)
	if last {
		C.srt_epoll_release(h.eid)
	}
}

// poll waits for at most pollInterval and reports whether an event came.
func (h *handle) poll(ctx context.Context) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if !h.enter() {
		return false, ErrClosed
	}
	defer h.leave()
	var events C.int
	n := C.xp_wait(h.eid, C.int(pollInterval.Milliseconds()), &events)
	if n < 0 {
		if err := newError("wait", n); !errorsIsGone(err) {
			return false, err
		}
		return false, ErrClosed
	}
	return n > 0, nil
}

func toC(a netip.AddrPort) C.xp_addr {
	var out C.xp_addr
	if !a.IsValid() {
		return out
	}
	b := a.Addr().Unmap().AsSlice()
	for i, v := range b {
		out.ip[i] = C.uchar(v)
	}
	out.len = C.int(len(b))
	out.port = C.ushort(a.Port())
	return out
}

func fromC(a *C.xp_addr) netip.AddrPort {
	b := make([]byte, int(a.len))
	for i := range b {
		b[i] = byte(a.ip[i])
	}
	ip, ok := netip.AddrFromSlice(b)
	if !ok {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(a.port))
}

// Groups reports whether the libsrt at hand can bond several paths: Debian's cannot, it
// is built without ENABLE_BONDING.
func Groups() bool {
	startOnce.Do(func() { C.xp_startup() })
	return C.xp_groups() != 0
}
