package whip

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// writeSegments sends p as datagrams of size bytes. false means that they have to be sent
// one by one, now and, when the kernel cannot do it at all, from then on.
func (c *bundledConn) writeSegments(p []byte, size int, to netip.AddrPort) bool {
	if c.whole.Load() {
		return false
	}
	var room [64]byte
	oob := room[:unix.CmsgSpace(2)]
	h := (*unix.Cmsghdr)(unsafe.Pointer(&room))
	h.Level, h.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(oob[unix.CmsgLen(0):], uint16(size))
	_, _, err := c.conn.WriteMsgUDPAddrPort(p, oob, to)
	switch {
	case err == nil:
		return true
	case errors.Is(err, unix.EIO), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EMSGSIZE), errors.Is(err, unix.EOPNOTSUPP):
		// No checksum offload, a kernel before 4.18, a smaller MTU.
		c.whole.Store(true)
	}
	return false
}
