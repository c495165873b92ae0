package rtmp

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tuneSocket bounds what the kernel hides: about a second of stream in its send
// buffer (a stopped peer would otherwise swallow tens of seconds unseen), a
// quarter of a second of it not yet on the wire, and death of the connection
// when the peer's kernel stops acknowledging. Options that the system does not
// know leave it as it is.
func tuneSocket(raw syscall.RawConn, bitrateBPS int, userTimeout time.Duration) error {
	second := bitrateBPS / 8
	return raw.Control(func(fd uintptr) {
		// Best effort: the connection works without every one of these.
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, clamp(second, 128<<10, 4<<20))
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, clamp(second/4, 32<<10, 512<<10))
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
}

func clamp(v, low, high int) int { return min(max(v, low), high) }

// unacknowledged is how many bytes the kernel holds that the peer's kernel has not
// acknowledged (SIOCOUTQ, tcp(7)), and the smoothed round trip time.
func unacknowledged(conn net.Conn) (bytes int64, rtt time.Duration, ok bool) {
	sc, is := conn.(syscall.Conn)
	if !is {
		return 0, 0, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, 0, false
	}
	err = raw.Control(func(fd uintptr) {
		n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
		if err != nil {
			return
		}
		bytes, ok = int64(n), true
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			rtt = time.Duration(info.Rtt) * time.Microsecond
		}
	})
	return bytes, rtt, ok && err == nil
}
