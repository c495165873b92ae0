// Package ports gives tests ports of this machine that nothing else takes before the
// server under test does. A server outside this process (nginx, srt-live-transmit) can
// only be told a number, so the number must stay free until it starts, and over its
// restarts: the kernel's own choice for port 0 does not, since the next socket of
// anybody that asks for any port may be given the same one.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// claims hold a name of the kernel for every port that was given, until the process
// ends: no other test, of this process or of one beside it, is given the same.
var claims struct {
	sync.Mutex
	held []net.Listener // guarded by the mutex
}

// lowest is the first port that is given.
const lowest = 10240

// Free is a port that neither TCP nor UDP uses on this machine. It lies below the range
// from which the kernel serves those who ask for any port, and no other call returns it.
func Free(t testing.TB) int {
	t.Helper()
	return free(t, 1)
}

// Even is a port as Free gives it, even, and with the odd one above it as free: a pair
// for RTP and RTCP.
func Even(t testing.TB) int {
	t.Helper()
	return free(t, 2)
}

// free is the first of several consecutive ports, a multiple of how many they are.
func free(t testing.TB, several int) int {
	t.Helper()
	span := ephemeral(t) - lowest
	for range 1000 {
		first := (lowest + rand.IntN(span-several)) / several * several
		if claim(first, several) {
			return first
		}
	}
	t.Fatalf("no free port between %d and %d", lowest, lowest+span)
	return 0
}

// ephemeral is where the kernel's range for those who ask for any port begins.
func ephemeral(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		t.Fatal(err)
	}
	from, err := strconv.Atoi(strings.Fields(string(text))[0])
	if err != nil {
		t.Fatal(err)
	}
	if from < lowest+1000 {
		t.Fatalf("the kernel gives ports from %d on: below it there is no room for servers of tests", from)
	}
	return from
}

// claim takes the names of these ports, if all are free.
func claim(first, several int) bool {
	var taken []net.Listener
	for p := first; p < first+several; p++ {
		l, err := net.Listen("unix", fmt.Sprintf("@crosspoint-test-port-%d", p))
		if err == nil {
			taken = append(taken, l)
		}
		if err != nil || !unused(p) {
			for _, l := range taken {
				_ = l.Close() // the name goes with it
			}
			return false
		}
	}
	claims.Lock()
	defer claims.Unlock()
	claims.held = append(claims.held, taken...)
	return true
}

// unused reports whether nothing has bound that port, at any address.
func unused(p int) bool {
	tcp, err := net.Listen("tcp", fmt.Sprintf(":%d", p))
	if err != nil {
		return false
	}
	defer tcp.Close() // only whether it could be had was wanted
	udp, err := net.ListenPacket("udp", fmt.Sprintf(":%d", p))
	if err != nil {
		return false
	}
	defer udp.Close() // as above
	return true
}
