package outputs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// lookupWithin is how long a name may take.
const lookupWithin = 10 * time.Second

// Lookup finds the address of a host, which may be an address itself: one of local's family,
// from where it is to be reached, or where local is invalid an IPv4 one if there is a way to
// it, since most receivers of datagrams listen on that alone. It blocks for 10 s at
// most and ends with ctx, whose error it returns then. Other errors are for the operator, and begin with
// kind.
func Lookup(ctx context.Context, kind, host string, local netip.Addr) (netip.Addr, error) {
	limited, cancel := context.WithTimeout(ctx, lookupWithin)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(limited, "ip", host)
	if ctx.Err() != nil {
		return netip.Addr{}, ctx.Err()
	}
	if err != nil || len(ips) == 0 {
		var dns *net.DNSError
		if err == nil || errors.As(err, &dns) && dns.IsNotFound {
			return netip.Addr{}, fmt.Errorf("%s: no address was found for the name %s: check the address", kind, host)
		}
		return netip.Addr{}, fmt.Errorf("%s: no address was found for the name %s: it cannot be looked up, check the network", kind, host)
	}
	if ip, ok := choose(ips, local, hasWay); ok {
		return ip, nil
	}
	family := "IPv6"
	if local.Unmap().Is4() {
		family = "IPv4"
	}
	return netip.Addr{}, fmt.Errorf("%s: %s has no %s address, but is to be reached from %v: choose another address of this machine, or none", kind, host, family, local)
}

// choose is Lookup's choice among the addresses of a name, which the resolver has put in
// order (RFC 6724); false: none is of local's family.
func choose(ips []netip.Addr, local netip.Addr, way func(netip.Addr) bool) (netip.Addr, bool) {
	for i := range ips {
		ips[i] = ips[i].Unmap()
	}
	if local.IsValid() {
		ips = slices.DeleteFunc(ips, func(ip netip.Addr) bool { return ip.Is4() != local.Unmap().Is4() })
	}
	if len(ips) == 0 {
		return netip.Addr{}, false
	}
	if i := slices.IndexFunc(ips, netip.Addr.Is4); i >= 0 && (len(ips) == 1 || way(ips[i])) {
		return ips[i], true
	}
	return ips[0], true
}

// hasWay reports whether this machine has a route to ip. Connecting a socket for datagrams
// sends nothing.
func hasWay(ip netip.Addr) bool {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 9)))
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}
