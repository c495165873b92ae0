package ts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/outputs"
)

// link sends datagrams.
type link interface {
	// send does not keep b. heard is false when this datagram's predecessor is known to
	// have found nobody.
	send(b []byte) (heard bool, err error)
	close()
}

type dialer func(ctx context.Context) (link, error)

// udpLink is one socket.
type udpLink struct{ conn *net.UDPConn }

func (l *udpLink) send(b []byte) (bool, error) {
	_, err := l.conn.Write(b)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, syscall.ECONNREFUSED):
		// An ICMP answer to an earlier datagram; a receiver may yet come.
		return false, nil
	case errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.EAGAIN):
		return true, nil // lost, as on a network
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno // without the sockets' addresses around it
	}
	return false, err
}

func (l *udpLink) close() { _ = l.conn.Close() } // nothing is kept back

// socketBuffer holds the burst of a keyframe; the kernel may give less.
const socketBuffer = 1 << 20

// dialUDP makes the socket for a host or group. Its errors are for the operator.
func dialUDP(host string, port uint16, ttl int, via string) dialer {
	return func(ctx context.Context) (link, error) {
		from, _ := netip.ParseAddr(via) // invalid: a name, or none
		ip, err := outputs.Lookup(ctx, "udp", host, from)
		if err != nil {
			return nil, err
		}
		iface, local, err := pick(via, ip)
		if err != nil {
			return nil, err // a cable that was pulled takes the address along, and brings it back
		}
		conn, err := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, port)))
		if err != nil {
			return nil, fmt.Errorf("udp: there is no way to %s from here", host)
		}
		_ = conn.SetWriteBuffer(socketBuffer)
		if err := tune(conn, ip, iface, ttl); err != nil {
			conn.Close()
			return nil, fmt.Errorf("udp: the network interface does not take a multicast: %w", err)
		}
		return &udpLink{conn}, nil
	}
}

// tune sets what multicast needs. Datagrams of a group come back to programs on this
// machine that listen to it.
func tune(conn *net.UDPConn, ip netip.Addr, iface *net.Interface, ttl int) error {
	if !ip.IsMulticast() {
		return nil
	}
	if ip.Is4() {
		p := ipv4.NewPacketConn(conn)
		if iface != nil {
			if err := p.SetMulticastInterface(iface); err != nil {
				return err
			}
		}
		return errors.Join(p.SetMulticastTTL(ttl), p.SetMulticastLoopback(true))
	}
	p := ipv6.NewPacketConn(conn)
	if iface != nil {
		if err := p.SetMulticastInterface(iface); err != nil {
			return err
		}
	}
	return errors.Join(p.SetMulticastHopLimit(ttl), p.SetMulticastLoopback(true))
}

// pick finds the interface called via, by name or address, and its address of to's family.
func pick(via string, to netip.Addr) (*net.Interface, *net.UDPAddr, error) {
	if via == "" {
		return nil, nil, nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, nil, fmt.Errorf("udp: the network interfaces of this machine cannot be listed: %w", err)
	}
	wanted, _ := netip.ParseAddr(via) // invalid: it is a name
	for i := range all {
		addrs, err := all[i].Addrs()
		if err != nil {
			continue
		}
		named := all[i].Name == via
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err != nil || p.Addr().Is4() != to.Is4() || !named && p.Addr() != wanted {
				continue
			}
			return &all[i], net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.Addr(), 0)), nil
		}
	}
	return nil, nil, fmt.Errorf("udp: this machine has no network interface %q with an address that fits", via)
}

// ristLink is libavformat's.
type ristLink struct{ w *av.ProtocolWriter }

func (l *ristLink) send(b []byte) (bool, error) {
	l.w.Write(b)
	return true, nil
}

func (l *ristLink) close() { l.w.Close() }

// dialRIST looks the name up itself: librist says of one that it does not find that all is
// well, and asks for an address for as long as the system lets it.
func dialRIST(host string, port uint16, options map[string]string) dialer {
	return func(ctx context.Context) (link, error) {
		ip, err := outputs.Lookup(ctx, "rist", host, netip.Addr{})
		if err != nil {
			return nil, err
		}
		w, err := av.OpenProtocol("rist://"+netip.AddrPortFrom(ip, port).String(), options)
		if err != nil {
			return nil, fmt.Errorf("rist: librist cannot begin: %w", err)
		}
		return &ristLink{w}, nil
	}
}
