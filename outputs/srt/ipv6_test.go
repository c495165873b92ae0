package srt

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/outputs"
)

// needsIPv6 skips a test where this machine's kernel has no IPv6.
func needsIPv6(t *testing.T) {
	t.Helper()
	probe, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	_ = probe.Close() // nothing was sent
}

// A caller reaches IPv6 from any address, and from one that was chosen.
func TestCallerIPv6(t *testing.T) {
	needsIPv6(t)
	for _, local := range []string{"", "::1", "::"} {
		t.Run("from "+local, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, ServerOptions{Addr: netip.MustParseAddrPort("[::1]:0")})
			feed := testkit.NewLiveFeed(t, 1)
			run(t, newOutput(t, map[string]any{"url": r.url(), "local_address": local, "latency_ms": calm}, ""), feed)
			feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
		})
	}
}

// A rendezvous meets over IPv6 from any address.
func TestRendezvousIPv6(t *testing.T) {
	needsIPv6(t)
	t.Parallel()
	here, there := ports.Free(t), ports.Free(t)
	feed := testkit.NewLiveFeed(t, 1)
	run(t, newOutput(t, map[string]any{"url": fmt.Sprintf("srt://[::1]:%d", there), "mode": "rendezvous", "local_address": fmt.Sprintf("[::]:%d", here)}, ""), feed)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	c, err := openReader(ctx, Target{
		Mode: Rendezvous, Host: "::1", Port: uint16(here), Local: netip.MustParseAddrPort(fmt.Sprintf("[::1]:%d", there)),
		Latency: defaultLatency, KeyLength: 16,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := io.CopyN(io.Discard, c, 150_000); err != nil {
		t.Errorf("received %d bytes: %v", n, err)
	}
	feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
}
