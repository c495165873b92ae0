package outputs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// lookupWithin is how long a name may take.
const lookupWithin = 10 * time.Second

// Lookup finds the address of a host, which may be an address itself: an IPv4 one where there
// is one, since most receivers of datagrams listen on that alone. It blocks for 10 s at
// most and ends with ctx, whose error it returns then. Other errors are for the operator, and begin with
// kind.
func Lookup(ctx context.Context, kind, host string) (netip.Addr, error) {
	limited, cancel := context.WithTimeout(ctx, lookupWithin)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(limited, "ip", host)
	if ctx.Err() != nil {
		return netip.Addr{}, ctx.Err()
	}
	if err != nil || len(ips) == 0 {
		var dns *net.DNSError
		if err == nil || errors.As(err, &dns) && dns.IsNotFound {
			return netip.Addr{}, fmt.Errorf("%s: no address was found for the name %s: check the destination's address", kind, host)
		}
		return netip.Addr{}, fmt.Errorf("%s: no address was found for the name %s: it cannot be looked up, check the network", kind, host)
	}
	for _, ip := range ips {
		if ip = ip.Unmap(); ip.Is4() {
			return ip, nil
		}
	}
	return ips[0].Unmap(), nil
}
