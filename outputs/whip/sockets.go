package whip

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/pion/transport/v4"
	"github.com/pion/transport/v4/stdnet"
)

// socketBuffer is what the kernel is asked to keep for a socket in each direction. The
// usual 208 kB hold some ninety packets, and a keyframe of a busy picture has more: a
// machine that is short of processor time would lose what came over a perfect network.
const socketBuffer = 2 << 20

// roomyNet is the machine's network with larger buffers, whose UDP sockets write through
// a bundle where there is one. Those that could send from anywhere, to STUN and TURN
// servers, send from local where that is valid.
type roomyNet struct {
	*stdnet.Net
	local  netip.Addr
	bundle *bundle
}

func newRoomyNet(local netip.Addr, b *bundle) (transport.Net, error) {
	n, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("whip: the network interfaces of this machine cannot be listed: %w", err)
	}
	return roomyNet{n, local, b}, nil
}

// ListenUDP implements transport.Net. The kernel may grant less: then it is what it was.
func (n roomyNet) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	if n.local.IsValid() && (local == nil || local.IP == nil || local.IP.IsUnspecified()) {
		at := net.UDPAddr{IP: n.local.AsSlice(), Zone: n.local.Zone()}
		if local != nil {
			at.Port = local.Port
		}
		local = &at
	}
	c, err := net.ListenUDP(network, local)
	if err != nil {
		return nil, err
	}
	_ = c.SetReadBuffer(socketBuffer)
	_ = c.SetWriteBuffer(socketBuffer)
	if n.bundle == nil {
		return c, nil
	}
	return &bundledConn{UDPConn: c, conn: c, bundle: n.bundle}, nil
}

// ListenPacket implements transport.Net: TURN clients use it, with any address of ours.
func (n roomyNet) ListenPacket(network, address string) (net.PacketConn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); n.local.IsValid() && (host == "" || ip != nil && ip.IsUnspecified()) {
		address = net.JoinHostPort(n.local.String(), port)
	}
	return n.Net.ListenPacket(network, address)
}
