//go:build !linux

package rtmp

import (
	"net"
	"syscall"
	"time"
)

// tuneSocket leaves the socket as the system makes it.
func tuneSocket(syscall.RawConn, int, time.Duration) error { return nil }

// unacknowledged is not known here; RTMP's own acknowledgements are used alone.
func unacknowledged(net.Conn) (bytes int64, rtt time.Duration, ok bool) { return 0, 0, false }
