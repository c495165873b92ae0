package libsrt

// #include "bridge.h"
import "C"

import (
	"context"
	"net/netip"
	"sync"
	"unsafe"
)

// Check decides on a caller before it is accepted. It gets what the caller asks
// for and from where, and returns the passphrase this caller must have ("" keeps the
// listener's) and 0, or the reason to refuse it with. It runs on libsrt's receiving
// thread: it must be quick and must not block.
type Check func(streamID string, peer netip.AddrPort) (passphrase string, refuse Reason)

// Listener takes callers on one UDP port.
type Listener struct {
	h    *handle
	hook uintptr
	addr netip.AddrPort
}

// hooks are the checks of open listeners by number: C may hold no Go pointer, and
// a caller may still be on its way through libsrt when its listener closes.
var hooks struct {
	sync.Mutex
	next   uintptr
	checks map[uintptr]Check
}

// Listen opens addr (port 0: any free one). Callers without c's passphrase are
// refused by libsrt itself; check may be nil.
func Listen(addr netip.AddrPort, c Config, check Check) (*Listener, error) {
	s, err := c.socket()
	if err != nil {
		return nil, err
	}
	if r := takesIPv4(s, addr, addr.Addr().IsUnspecified()); r < 0 {
		C.srt_close(s)
		return nil, newError("set address family", r)
	}
	if check == nil {
		check = func(string, netip.AddrPort) (string, Reason) { return "", 0 }
	}
	hooks.Lock()
	hooks.next++
	hook := hooks.next
	if hooks.checks == nil {
		hooks.checks = make(map[uintptr]Check)
	}
	hooks.checks[hook] = check
	hooks.Unlock()

	local := toC(addr)
	if r := C.xp_listen(s, &local, 32, C.uintptr_t(hook)); r < 0 {
		forget(hook)
		C.srt_close(s)
		return nil, newError("listen", r)
	}
	h, err := newHandle(s, C.SRT_EPOLL_IN|C.SRT_EPOLL_ERR)
	if err != nil {
		forget(hook)
		return nil, err
	}
	if C.xp_local(s, &local) == 0 {
		addr = fromC(&local)
	}
	return &Listener{h: h, hook: hook, addr: addr}, nil
}

func forget(hook uintptr) {
	hooks.Lock()
	defer hooks.Unlock()
	delete(hooks.checks, hook)
}

//export xpOnCaller
func xpOnCaller(hook C.uintptr_t, s C.SRTSOCKET, peer *C.xp_addr, streamID *C.char) C.int {
	hooks.Lock()
	check := hooks.checks[uintptr(hook)]
	hooks.Unlock()
	if check == nil {
		return C.int(ReasonFallback)
	}
	id := ""
	if streamID != nil {
		id = C.GoString(streamID)
	}
	passphrase, refuse := check(id, fromC(peer))
	if refuse != 0 {
		return C.int(refuse)
	}
	if passphrase != "" {
		p := C.CString(passphrase)
		defer C.free(unsafe.Pointer(p))
		if C.xp_set_bytes(s, C.SRTO_PASSPHRASE, unsafe.Pointer(p), C.int(len(passphrase))) < 0 {
			return C.int(ReasonFallback)
		}
	}
	return 0
}

// Addr is where it listens, with the real port.
func (l *Listener) Addr() netip.AddrPort { return l.addr }

// Accept waits for the next caller that was let in. The error is ctx's or ErrClosed.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	for {
		ready, err := l.h.poll(ctx)
		if err != nil {
			return nil, err
		}
		if !ready {
			continue
		}
		c, err := l.tryAccept()
		if c != nil || err != nil {
			return c, err
		}
	}
}

// tryAccept returns nil, nil when the caller has gone again.
func (l *Listener) tryAccept() (*Conn, error) {
	if !l.h.enter() {
		return nil, ErrClosed
	}
	defer l.h.leave()
	var peer C.xp_addr
	s := C.xp_accept(l.h.s, &peer)
	switch {
	case s == -C.SRT_EASYNCRCV:
		return nil, nil
	case s < 0:
		err := newError("accept", s)
		if errorsIsGone(err) {
			return nil, ErrClosed
		}
		return nil, err
	}
	h, err := newHandle(s, C.SRT_EPOLL_IN|C.SRT_EPOLL_ERR)
	if err != nil {
		return nil, nil // it broke between the two calls
	}
	var id [maxStreamID + 1]C.char
	n := C.xp_get_string(s, C.SRTO_STREAMID, &id[0], C.int(len(id)))
	return &Conn{h: h, peer: fromC(&peer), streamID: C.GoStringN(&id[0], max(n, 0))}, nil
}

// Close stops listening; connections already accepted go on.
func (l *Listener) Close() error {
	l.h.close()
	forget(l.hook)
	return nil
}
