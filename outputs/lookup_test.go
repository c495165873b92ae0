package outputs

import (
	"net/netip"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	four, other, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1")
	mapped := netip.MustParseAddr("::ffff:192.0.2.1")
	all := func(netip.Addr) bool { return true }
	noIPv4 := func(ip netip.Addr) bool { return !ip.Is4() }
	for _, c := range []struct {
		name  string
		ips   []netip.Addr
		local string
		way   func(netip.Addr) bool
		want  netip.Addr // invalid: none
	}{
		{"IPv4 where there is a choice", []netip.Addr{six, four, other}, "", all, four},
		{"IPv4 that is written as IPv6", []netip.Addr{six, mapped}, "", all, four},
		{"IPv6 where there is no way to IPv4", []netip.Addr{six, four}, "", noIPv4, six},
		{"the only one, whatever the way", []netip.Addr{four}, "", noIPv4, four},
		{"the family of an IPv6 local address", []netip.Addr{four, six}, "2001:db8::2", all, six},
		{"the family of an IPv4 local address", []netip.Addr{six, four}, "192.0.2.3", noIPv4, four},
		{"a local address that is written as IPv6", []netip.Addr{six, four}, "::ffff:192.0.2.3", all, four},
		{"none of the local address's family", []netip.Addr{four}, "2001:db8::2", all, netip.Addr{}},
	} {
		local, _ := netip.ParseAddr(c.local) // empty: none
		if got, ok := choose(c.ips, local, c.way); got != c.want || ok != c.want.IsValid() {
			t.Errorf("%s: %v, %v; want %v", c.name, got, ok, c.want)
		}
	}
}

// A host without an address of the local one's family is said to be that.
func TestLookupFromAnotherFamily(t *testing.T) {
	ip, err := Lookup(t.Context(), "srt", "192.0.2.1", netip.MustParseAddr("2001:db8::2"))
	if err == nil || !strings.HasPrefix(err.Error(), "srt: 192.0.2.1 has no IPv6 address, but is to be reached from 2001:db8::2") {
		t.Errorf("%v, %v", ip, err)
	}
	if ip, err := Lookup(t.Context(), "srt", "192.0.2.1", netip.Addr{}); ip.String() != "192.0.2.1" || err != nil {
		t.Errorf("%v, %v", ip, err)
	}
}
