package ports

import (
	"fmt"
	"net"
	"testing"
)

// TestFree: what is given can be bound, is never given twice, and lies where the kernel
// gives nothing by itself.
func TestFree(t *testing.T) {
	given := map[int]bool{}
	for range 200 {
		p := Free(t)
		if given[p] {
			t.Fatalf("port %d was given twice", p)
		}
		given[p] = true
		if p < lowest || p >= ephemeral(t) {
			t.Errorf("port %d is not between %d and %d", p, lowest, ephemeral(t))
		}
	}
	even := Even(t)
	if even%2 != 0 || given[even] || given[even+1] {
		t.Errorf("%d is no even port with one above it that nobody has", even)
	}
	for _, network := range []string{"tcp", "tcp4"} {
		l, err := net.Listen(network, fmt.Sprintf("127.0.0.1:%d", even))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

// TestClaims: a port that somebody uses, or that another test was given, is refused.
func TestClaims(t *testing.T) {
	p := Free(t)
	if claim(p, 1) {
		t.Error("a port was given twice")
	}
	for range 2 {
		q := Free(t)
		claims.Lock()
		claims.held[len(claims.held)-1].Close()
		claims.Unlock()
		c, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", q))
		if err != nil {
			t.Fatal(err)
		}
		if claim(q, 1) {
			t.Error("a port that a socket of UDP has was given")
		}
		c.Close()
		if !claim(q, 1) {
			t.Error("a port that is free again was refused")
		}
	}
}
