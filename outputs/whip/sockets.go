package whip

import (
	"fmt"
	"net"

	"github.com/pion/transport/v4"
	"github.com/pion/transport/v4/stdnet"
)

// socketBuffer is what the kernel is asked to keep for a socket in each direction. The
// usual 208 kB hold some ninety packets, and a keyframe of a busy picture has more: a
// machine that is short of processor time would lose what came over a perfect network.
const socketBuffer = 2 << 20

// roomyNet is the machine's network with larger buffers, whose UDP sockets write through
// a bundle where there is one.
type roomyNet struct {
	*stdnet.Net
	bundle *bundle
}

func newRoomyNet(b *bundle) (transport.Net, error) {
	n, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("whip: list the network interfaces: %w", err)
	}
	return roomyNet{n, b}, nil
}

// ListenUDP implements transport.Net. The kernel may grant less: then it is what it was.
func (n roomyNet) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
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
