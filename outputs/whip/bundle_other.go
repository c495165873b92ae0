//go:build !linux

package whip

import "net/netip"

// writeSegments leaves the datagrams to be sent one by one.
func (c *bundledConn) writeSegments([]byte, int, netip.AddrPort) bool { return false }
